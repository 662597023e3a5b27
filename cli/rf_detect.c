/* SPDX-License-Identifier: Apache-2.0 */
/* rf-detect: faces in pictures and films, listed, drawn, cut out, aligned, hidden (cli/detect.h says how it is made).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/args.h"
#include "cli/detect.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/align.h"

static const char name[] = "rf-detect";
enum { MAX_JOBS = 64, USUAL_JOBS = 4 };

typedef struct job {
    rf_detect_settings settings;
    rf_model model;
    rf_sinks *sinks;
    rf_frame_source *source;
    rf_finder_slot finders[MAX_JOBS]; /* the first is the model's */
    size_t n_finders;
    rf_workers *workers;
    size_t images, faces, skipped, shrunk;
    double smallest; /* scale of the shrunk ones */
    size_t files;    /* begun, for the progress */
    double begin;
} job;

/* What is done and how long the rest will take, where the lengths of the inputs tell. */
static void tell_progress(job *j, const rf_frame *frame) {
    size_t total = rf_frame_source_files(j->source);
    j->files += frame->number <= 1;
    double within = frame->number ? frame->share : 1;
    double share = within < 0 ? -1 : ((double)(j->files - (j->files > 0)) + within) / (double)total;
    rf_status_progress(j->images + j->skipped, frame->number ? 0 : total, share, rf_clock_seconds() - j->begin);
}

/* Names and counts what cannot be served, by the message of its failure. */
static rf_status pass_over(job *j, rf_frame *frame) {
    rf_seen seen = {.frame = frame};
    rf_seen_blame(&seen, "skipped");
    j->skipped++;
    rf_status status = rf_sinks_take(j->sinks, &seen);
    rf_free(seen.error);
    return status;
}

static void say_faces(job *j, const rf_frame *frame, const rf_face_list *faces, rf_finder_view view) {
    char title[RF_FRAME_TITLE];
    j->shrunk += view.shrunk;
    if (view.shrunk && (j->shrunk == 1 || view.scale < j->smallest)) j->smallest = view.scale;
    char seen_at[64] = "";
    if (view.shrunk) snprintf(seen_at, sizeof seen_at, " (seen at %.3g of its size)", view.scale);
    rf_say("%s: %zu face%s%s\n", rf_frame_title(frame, title), faces->n, faces->n == 1 ? "" : "s", seen_at);
}

static rf_status detect_one(job *j, const rf_found *found) {
    char title[RF_FRAME_TITLE];
    rf_frame *frame = found->frame;
    if (frame->status != RF_OK) {
        rf_fail(frame->status, "%s", frame->error ? frame->error : "out of memory");
        return pass_over(j, frame);
    }
    if (found->status != RF_OK) {
        rf_fail(found->status, "%s", found->error ? found->error : "out of memory");
        if (!strstr(rf_error_message(), frame->name))
            rf_fail_context(found->status, "%s", rf_frame_title(frame, title));
        return rf_picture_is_to_blame(found->status) ? pass_over(j, frame) : found->status;
    }
    rf_seen seen = {.frame = frame, .faces = found->faces, .view = found->view};
    j->images++;
    j->faces += found->faces->n;
    rf_status status = rf_sinks_take(j->sinks, &seen);
    j->skipped += seen.error != NULL;
    rf_free(seen.error);
    if (status == RF_OK) say_faces(j, frame, found->faces, found->view);
    return status;
}

/* As many finders as pictures are looked at at once, each with its share of the threads: one thread is never waited
 * for by another picture, but what a finder keeps is there several times, hence not one for each thread of a large
 * machine unless it is asked for. */
static rf_status open_finders(job *j, long jobs) {
    size_t threads = (size_t)rf_get_threads(), files = rf_frame_source_files(j->source);
    bool single = files == 1 && rf_is_picture_name(j->settings.words[0]) && !j->settings.list;
    size_t n = jobs ? (size_t)jobs : single ? 1 : threads < USUAL_JOBS ? threads : USUAL_JOBS;
    j->finders[0].finder = j->model.finder;
    j->n_finders = 1;
    if (n == 1) return RF_OK;
    for (size_t i = 0; i < n; i++) {
        size_t share = threads / n + (i < threads % n);
        RF_TRY(rf_pool_create(share ? (int)share : 1, &j->finders[i].pool));
        if (i) RF_TRY(rf_finder_open(&j->model.config, j->model.params, &j->finders[i].finder));
        j->n_finders = i + 1;
    }
    return RF_OK;
}

static void close_finders(job *j) {
    for (size_t i = 0; i < MAX_JOBS; i++) {
        if (i) rf_finder_close(j->finders[i].finder);
        rf_pool_destroy(j->finders[i].pool);
    }
}

static rf_status detect_all(job *j, long jobs) {
    rf_found *found;
    j->begin = rf_clock_seconds();
    RF_TRY(rf_frame_source_open(&j->settings, &j->source));
    RF_TRY(open_finders(j, jobs));
    if (*j->model.config.data.classes) RF_TRY(rf_classes_of(&j->model.config, &j->settings.classes));
    RF_TRY(rf_extras_of(&j->model.config, &j->settings.extras));
    RF_TRY(rf_sinks_start(j->sinks));
    RF_TRY(rf_workers_start(j->source, &j->settings, j->finders, j->n_finders, &j->workers));
    for (;;) {
        RF_TRY(rf_workers_next(j->workers, &found));
        if (!found) break;
        if (rf_signal_pending())
            return rf_fail(RF_ERR_INTERRUPTED, "stopped by %s after %zu pictures", rf_signal_name(rf_signal_pending()),
                           j->images);
        RF_TRY(detect_one(j, found));
        tell_progress(j, found->frame);
    }
    rf_status_clear();
    char text[RF_THREADS_TEXT];
    rf_say("%zu images, %zu faces, %zu skipped; %s\n", j->images, j->faces, j->skipped,
           rf_threads_text(text, sizeof text));
    if (j->shrunk) rf_say_shrunk(j->shrunk, j->smallest, &j->model.config);
    if (j->images == 0) return rf_fail(RF_ERR_FORMAT, "not one picture could be used, %zu skipped", j->skipped);
    return RF_OK;
}

/* What a model says of data.exif is about the pictures that it was trained on; what the user says of it counts. */
static bool sets_exif_off(const rf_text_list *sets, const rf_config *config) {
    return rf_text_list_sets(sets, "data.exif") && config->data.exif == RF_EXIF_STORED;
}

/* The options that have a form of their own. */
static rf_status read_settings(rf_detect_settings *s) {
    char *end;
    if (s->raw) RF_TRY(rf_planes_parse("--raw", s->raw, &s->raw_planes));
    s->margin = s->crop && *s->crop ? strtod(s->crop, &end) : 0.2;
    if (s->crop && *s->crop && (*end || !(s->margin >= 0 && s->margin <= 10)))
        return rf_fail(RF_ERR_USER, "--crop %s: expected a margin from 0 to 10, in shares of the face's longer side",
                       s->crop);
    if (s->out && !s->blur && !s->align && !s->crop) s->draw = true; /* what --out alone means */
    return RF_OK;
}

static rf_status run(job *j, const char *model, const char *config, rf_text_list *sets, int mesh, int exif, long jobs) {
    RF_TRY(read_settings(&j->settings));
    RF_TRY(rf_signals_install());
    RF_TRY(rf_sinks_open(&j->settings, &j->sinks));
    RF_TRY(rf_output_claim_folder("--out", j->settings.out, name));
    RF_TRY(rf_detect_check_outputs(&j->settings, model, config));
    RF_TRY(rf_model_open(model, config, sets->v, sets->n, &j->model));
    if (mesh > 0 && j->model.config.model.mesh_vertices == 0)
        return rf_fail(RF_ERR_USER, "--mesh: %s predicts no mesh (model.mesh_vertices = 0)", model);
    j->settings.exif = exif < 0 ? !sets_exif_off(sets, &j->model.config) : exif;
    return detect_all(j, jobs);
}

/* A folder, a pipe, or a file that begins as a picture or film does. */
static bool holds_pictures(const char *word) {
    struct stat info;
    uint8_t head[512];
    if (stat(word, &info) != 0) return false;
    if (!S_ISREG(info.st_mode)) return true;
    FILE *file = fopen(word, "rb");
    size_t n = file ? fread(head, 1, sizeof head, file) : 0;
    if (file) fclose(file);
    return rf_stream_sniff(head, n) != NULL;
}

/* Whether the first word is the model, as ever, and not a picture to which the default model belongs. */
static bool names_model(const char **words, size_t n) {
    if (n == 0) return false;
    if (rf_find_is_model(words[0])) return true;
    for (size_t i = 1; i < n; i++)
        if (rf_find_is_model(words[i])) return true; /* the order is wrong, and who opens the first says so */
    bool pictures = rf_is_picture_name(words[0]) || strpbrk(words[0], "*?[");
    if (n > 1 && strcmp(words[0], "-") == 0) return true; /* a model from the standard input, before pictures */
    return n > 1 && !pictures && !holds_pictures(words[0]);
}

/* What the command line says; the rest of it is in the job's settings. */
static job j = {.smallest = 1};
static const char *config, *named; /* by --model */
static rf_text_list sets;
static double score = -1;
static long threads, tile = -1, jobs;
static int mesh = -1, exif = -1;

static const rf_option options[] = {
    {"model", 'm', RF_OPT_TEXT, &named, "MODEL", RF_MODEL_DOC "; with no model at all it is " RF_FIND_DEFAULT_MODEL, 0,
     0},
    {"out", 'o', RF_OPT_TEXT, &j.settings.out, "DIR",
     "write the pictures with boxes, points and scores there, or what --draw, --blur, --align and --crop\n"
     "name; the second of a name becomes NAME-2.jpg",
     0, 0},
    {"json", 0, RF_OPT_TEXT, &j.settings.json, "FILE",
     "write one JSON object a line and picture or frame; -: to stdout", 0, 0},
    {"draw", 0, RF_OPT_FLAG, &j.settings.draw, NULL,
     "draw boxes, points and scores: below --out, else as a stream to stdout", 0, 0},
    {"blur", 0, RF_OPT_FLAG, &j.settings.blur, NULL,
     "hide the faces: below --out, else as a stream to stdout, of the kind that was read", 0, 0},
    {"align", 0, RF_OPT_INT, &j.settings.align, "SIDE",
     "write each face below --out as NAME.aligned-1.png of SIDE x SIDE pixels, upright, its five points\n"
     "on ArcFace's template (112)",
     8, RF_ALIGN_MOST},
    {"crop", 0, RF_OPT_TEXT, &j.settings.crop, "[MARGIN]",
     "write each face below --out as NAME.crop-1.jpg, with a margin in shares of its longer side (0.2)", 0, 0},
    {"label", 0, RF_OPT_TEXT, &j.settings.label, "DIR",
     "write a data set to correct by hand: label.txt, images, label.set.ini", 0, 0},
    {"list", 0, RF_OPT_TEXT, &j.settings.list, "FILE", "look at the files that stand there, one a line; -: in stdin", 0,
     0},
    {"raw", 0, RF_OPT_TEXT, &j.settings.raw, "WxH[:FORMAT]",
     "the inputs are frames without coding: rgb24 (default), bgr24, gray or yuv420p", 0, 0},
    {"score", 0, RF_OPT_REAL, &score, "X", "lowest score (eval.score where it is set, else 0.5)", 0, 1},
    {"tile", 0, RF_OPT_INT, &tile, "SIDE",
     "look at pictures of more than SIDE x SIDE pixels in tiles, 2048 say, instead of shrinking\nthem (eval.tile)", 0,
     16384},
    {"mesh", 0, RF_OPT_TOGGLE, &mesh, NULL, "also the vertices of each face's mesh (model.mesh_vertices)", 0, 0},
    {"exif", 0, RF_OPT_TOGGLE, &exif, NULL,
     "turn pictures by their EXIF orientation (on; off with --no-exif or --set data.exif=no)", 0, 0},
    {"config", 'c', RF_OPT_TEXT, &config, "INI", "configuration, when the weights carry none", 0, 0},
    {"set", 0, RF_OPT_LIST, &sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0},
    {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
    {"jobs", 0, RF_OPT_INT, &jobs, "N",
     "look at N pictures at once, with the threads shared among them; the results are the same\n"
     "(one for each thread, at most 4; 1 takes least memory, and a camera's frame least time)",
     1, MAX_JOBS},
    {0}};

static const rf_program program = {
    name,
    "find faces in pictures and films",
    "[MODEL] IMAGE|DIR... [--out DIR] [--json FILE] [--score X]",
    "  Finds faces in JPEG and PNG pictures (folders are searched below; a pattern in quotes is one, too) and\n"
    "  in streams: pictures one after the other, Y4M, raw frames, from files, pipes and the standard input (-).\n"
    "  Prints their number, draws boxes, five landmarks and scores, and lists them as JSON. A picture or frame\n"
    "  that cannot be used is named, counted and, with its \"error\", in the JSON; the others are done.",
    options,
    "  rf-detect photo.jpg --out found\n"
    "  rf-detect runs/mnet photos --out found --json found.jsonl\n"
    "  ffmpeg -i film.mp4 -f image2pipe -c:v mjpeg - | rf-detect MODEL --blur - | ffmpeg -f mjpeg -i - out.mp4",
    "  Exit status 1 tells that pictures were skipped or not drawn, 2 that none could be used.",
    0,
    RF_ANY_NUMBER};

int rf_detect_main(int argc, char **argv) {
    static char score_text[64], tile_text[64];
    const char **words = (const char **)argv;
    rf_detect_settings *s = &j.settings;
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, words, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    size_t taken = named || !names_model(words, n) ? 0 : 1; /* of the words, by the model */
    if (n == taken && !s->list)
        return rf_cli_usage(name, "too few arguments: name files, folders, a pattern in quotes, - or --list FILE");
    const char *model = rf_find_model(taken ? words[0] : named ? named : RF_FIND_DEFAULT_MODEL);
    if (!model) return rf_cli_fail(name, RF_ERR_USER);
    rf_set_threads((int)threads);
    snprintf(score_text, sizeof score_text, "eval.score=%.17g", score);
    snprintf(tile_text, sizeof tile_text, "eval.tile=%ld", tile);
    const char *const own[] = {score < 0 ? "?eval.score=0.5" : score_text, tile < 0 ? NULL : tile_text,
                               mesh < 0 ? NULL
                               : mesh   ? "eval.mesh=yes"
                                        : "eval.mesh=no"};
    s->words = words + taken;
    s->n_words = n - taken;
    rf_status status = RF_OK;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] && status == RF_OK) status = rf_text_list_add(&sets, own[i]);
    if (status == RF_OK) status = run(&j, model, config, &sets, mesh, exif, jobs);
    rf_status_clear();
    rf_workers_stop(j.workers);
    rf_frame_source_close(j.source);
    rf_status closed = rf_sinks_close(j.sinks, status == RF_OK);
    if (status == RF_OK) status = closed;
    close_finders(&j);
    rf_model_close(&j.model);
    if (status != RF_OK && rf_signal_pending() == SIGPIPE) return rf_exit_code(RF_ERR_INTERRUPTED); /* nobody listens */
    return status != RF_OK ? rf_cli_fail(name, status) : j.skipped > 0;
}
