/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/convert_inputs.h"
#include "cli/data_commands.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/clock.h"
#include "settings/settings.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/convert.h"
#include "data/sniff.h"

static const char name[] = "rf-data convert";
enum { TOLD = 20 }; /* findings of a kind that are printed without --verbose */

typedef struct teller {
    bool verbose, quiet;
    size_t told[RF_CONVERT_REASONS];
} teller;

static void tell(void *ctx, rf_convert_reason reason, const char *text) {
    teller *t = ctx;
    t->told[reason]++;
    if (!t->quiet && (t->verbose || t->told[reason] <= TOLD)) rf_say("%s\n", text);
    if (!t->quiet && !t->verbose && t->told[reason] == TOLD + 1)
        rf_say("... more %s; --verbose tells them all\n", rf_convert_reason_names[reason]);
}

static bool show_progress(void *ctx, size_t done, size_t total) {
    (void)ctx;
    if (total && (done % 64 == 0 || done == total)) rf_note_progress(done, total, "images");
    return rf_signal_pending() == 0;
}

static void print_formats(void) {
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        rf_say_text(i ? "\n" : "");
        rf_say("%s: %s\n  the face (10,20)-(40,60) of photo.jpg, which has 100x80 pixels, in %s:\n", c->name, c->doc,
               c->example_file);
        for (const char *line = c->example; *line;) {
            size_t n = strcspn(line, "\n");
            rf_say("    %.*s\n", (int)n, line);
            line += n + (line[n] == '\n');
        }
    }
}

/* Alternatives, as help and completion take them. */
static void name_formats(char *out, size_t bytes) {
    size_t used = 0;
    for (int i = 0; i < RF_CONVERTER_COUNT && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, i ? "|%s" : "%s", rf_converters[i]->name);
}

/* What was left out, or noted, a line each with the place where it was met first. */
static void print_reasons(const rf_convert_stats *s, bool notes) {
    for (int i = 0; i < RF_CONVERT_REASONS; i++)
        if (s->left_out[i] && rf_convert_is_note(i) == notes)
            rf_say("  %s: %zu %s (first: %s)\n", notes ? "note" : "left out", s->left_out[i],
                   rf_convert_reason_names[i], s->first[i]);
}

static void print_summary(const char *out, const rf_convert_options *o, const rf_convert_stats *s, const char *root,
                          double seconds) {
    const char *separator = " (";
    rf_say("%s: %zu images", out, s->images);
    for (int i = 0; i < RF_CONVERT_PART_NAMES; i++) {
        if (!s->part_images[i]) continue;
        rf_say("%s%zu %s", separator, s->part_images[i], rf_convert_part_names[i]);
        separator = ", ";
    }
    rf_say("), %zu faces, %zu of them ignored, %zu with landmarks", s->faces, s->ignored, s->with_points);
    for (int k = 0; k < s->classes.n; k++) rf_say("%s%zu %s", k ? ", " : "; ", s->by_class[k], s->classes.name[k]);
    separator = "; left out: ";
    for (int i = 0; i < RF_CONVERT_REASONS; i++) {
        if (!s->left_out[i] || rf_convert_is_note(i)) continue;
        rf_say("%s%zu %s", separator, s->left_out[i], rf_convert_reason_names[i]);
        separator = ", ";
    }
    if (s->other_categories) rf_say("%s%zu objects of other kinds", separator, s->other_categories);
    if (s->swapped) rf_say("; \"left\" was the person's, so eyes and mouth corners were swapped");
    if (o->place == RF_IMAGES_KEEP) rf_say("; the images stay below %s", root);
    char threads[RF_THREADS_TEXT];
    rf_say("; %.1f s, %s\n", seconds, rf_threads_text(threads, sizeof threads));
    print_reasons(s, false);
    print_reasons(s, true);
}

/* The place of `word` among `words`, or -1 after a message. */
static int choose(const char *option, const char *word, const char *const *words, int n) {
    char list[64] = "";
    for (int i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) return i;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                 i == 0       ? ""
                 : i == n - 1 ? " or "
                              : ", ",
                 words[i]);
    }
    bool folder = strcmp(option, "images") == 0 && rf_dir_exists(word);
    rf_cli_usage(name, "--%s %s: expected %s%s", option, word, list, folder ? " (--root names the image folder)" : "");
    return -1;
}

static int run(const rf_converter *from, const rf_converter *to, const char *const *paths, size_t n, const char *part,
               const char *root, const char *out, rf_convert_options *options) {
    rf_convert_inputs inputs;
    rf_convert_stats stats;
    double start = rf_clock_seconds();
    rf_status status = rf_output_claim_folder("--out", out, name);
    if (status != RF_OK) return rf_cli_fail(name, status);
    status = rf_convert_inputs_find(from, paths, n, part, root, &inputs);
    if (status == RF_OK) status = rf_signals_install();
    if (status == RF_OK) status = rf_convert(from, to, inputs.v, inputs.n, out, options, &stats);
    if (status == RF_OK) print_summary(out, options, &stats, inputs.v[0].root, rf_clock_seconds() - start);
    rf_convert_inputs_free(&inputs);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}

/* YOLO's train.txt and the like: names of pictures, which no converter reads. */
static rf_status refuse_list(const char *path) {
    uint8_t *text;
    size_t bytes;
    if (rf_dir_exists(path) || rf_file_read(path, 0, &text, &bytes) != RF_OK) return RF_OK; /* told later */
    bool list = rf_dataset_formats[RF_DATASET_names]->sniff((const char *)text, bytes);
    rf_free(text);
    if (!list) return RF_OK;
    return rf_fail(RF_ERR_FORMAT,
                   "%s: a list of pictures without annotations (as YOLO's train.txt); name the folder that holds their "
                   "label files",
                   path);
}

/* What all inputs are by their looks. */
static rf_status guess_format(const char *const *paths, size_t n, const rf_converter **out) {
    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        rf_sniffed s;
        RF_TRY(rf_sniff_path(paths[i], &s));
        if (s.from && (s.other || (*out && s.from != *out)))
            return rf_fail(RF_ERR_USER, "%s: %s%s%s and %s%s%s were found; choose by --from", paths[i],
                           s.other ? s.from->name : (*out)->name, *s.file ? " in " : "", s.file,
                           s.other ? s.other->name : s.from->name, *s.other_file ? " in " : "", s.other_file);
        if (!s.from && s.foreign) return rf_sniff_refuse(paths[i], &s);
        if (!s.from && rf_dir_exists(paths[i]))
            return rf_fail(RF_ERR_FORMAT,
                           "%s: no annotations that are known by their looks; name the format by --from (rf-data "
                           "convert --formats shows examples) or the annotation file itself",
                           paths[i]);
        if (!s.from)
            return rf_fail(RF_ERR_FORMAT,
                           "%s: not known by its looks; name the format by --from (rf-data convert --formats shows "
                           "examples)",
                           paths[i]);
        *out = s.from;
        rf_say("%s: taken for %.*s (--from %s)%s%s\n", paths[i], rf_converter_title(s.from), s.from->doc, s.from->name,
               *s.file ? ", by " : "", s.file);
    }
    return RF_OK;
}

typedef struct words {
    const char *from, *to, *out, *root, *part, *images, *left, *boxes, *units, *exif, *points, *classes;
    rf_text_list categories;
    long threads;
    bool formats;
} words;

/* "4", or "tl,tr,br,bl": how many points are taken, and by which names. 0, or 2 after a message. */
static int read_points(const char *text, rf_point_scheme *out) {
    *out = (rf_point_scheme){0};
    if (!text) return 0;
    bool number = text[strspn(text, "0123456789")] == 0;
    long n = number ? strtol(text, NULL, 10) : 1;
    for (const char *p = text; !number && *p; p++) n += *p == ',';
    if (n < 1 || n > RF_POINTS_MAX)
        return rf_cli_usage(name,
                            "--keypoints %.40s: expected 1 to %d points, or as many names with commas between them",
                            text, RF_POINTS_MAX);
    *out = (rf_point_scheme){(int)n, number ? NULL : text};
    const char *p = text;
    for (int k = 0; k < n && !number; k++) {
        size_t length = strcspn(p, ",");
        if (rf_scheme_find(out, p, length) != k)
            return rf_cli_usage(name, "--keypoints %.80s: the name \"%.*s\" is empty or comes twice", text, (int)length,
                                p);
        p += length + (p[length] == ',');
    }
    return 0;
}

static int check_and_run(const words *w, const char *const *paths, size_t n, rf_convert_options *options) {
    static const char *const places[] = {"link", "copy", "keep"}, *const lefts[] = {"auto", "image", "person"},
                             *const units[] = {"auto", "pixels", "shares"};
    const rf_converter *from, *to;
    if (!w->out) return rf_cli_usage(name, "--out DIR is missing");
    if (!n) return rf_cli_usage(name, "an annotation file or folder is missing");
    int place = choose("images", w->images, places, 3), left = choose("left", w->left, lefts, 3);
    if (place < 0 || left < 0) return 2;
    int boxes = choose("boxes", w->boxes, rf_box_form_words, RF_BOX_FORMS), unit = choose("units", w->units, units, 3);
    if (boxes < 0 || unit < 0) return 2;
    if (read_points(w->points, &options->points) != 0) return 2;
    if (w->part && choose("part", w->part, rf_convert_part_names, RF_CONVERT_PART_NAMES) < 0) return 2;
    options->place = (rf_image_place)place;
    options->left = (rf_left)left;
    options->boxes = (rf_box_form)boxes;
    options->units = (rf_units)unit;
    rf_class_map map;
    if (w->classes && w->categories.n)
        return rf_cli_usage(name,
                            "--category makes one kind of the objects that it names, --classes keeps kinds apart: "
                            "one at a time");
    if (w->classes && rf_class_map_parse("--classes", w->classes, &map) != RF_OK) return rf_cli_fail(name, RF_ERR_USER);
    options->classes = w->classes ? &map : NULL;
    options->categories = w->categories.v;
    options->n_categories = w->categories.n;
    rf_status status = rf_exif_rule_parse("--exif", w->exif, &options->exif);
    for (size_t i = 0; status == RF_OK && i < n; i++) status = refuse_list(paths[i]);
    if (status == RF_OK) status = w->from ? rf_converter_find(w->from, false, &from) : guess_format(paths, n, &from);
    if (status == RF_OK) status = rf_converter_find(w->to, true, &to);
    if (status != RF_OK) return rf_cli_fail(name, status);
    rf_set_threads((int)w->threads);
    return run(from, to, paths, n, w->part, w->root, w->out, options);
}

int rf_data_convert(int argc, char **argv) {
    words w = {.to = "label", .images = "link", .left = "auto", .boxes = "auto", .units = "auto", .exif = "auto"};
    teller t = {0};
    char formats[256];
    name_formats(formats, sizeof formats);
    rf_convert_options o = {.finding = tell, .progress = show_progress, .ctx = &t};
    const rf_option options[] = {
        {"from", 0, RF_OPT_TEXT, &w.from, formats, "of the annotations (guessed by the looks of the files)", 0, 0},
        {"to", 0, RF_OPT_TEXT, &w.to, "label|coco", "what is written (label)", 0, 0},
        {"out", 'o', RF_OPT_TEXT, &w.out, "DIR",
         "folder to write PART/label.txt or PART/coco.json and PART/images; needed", 0, 0},
        {"root", 0, RF_OPT_TEXT, &w.root, "DIR",
         "image folder that names are relative to (guessed: images, JPEGImages,\nWIDER_*/images beside the "
         "annotations, or "
         "their own folder)",
         0, 0},
        {"images", 'i', RF_OPT_TEXT, &w.images, "link|copy|keep",
         "link: symbolic links to the originals; copy; keep: none, names stay\nrelative to the image folder (link)", 0,
         0},
        {"part", 0, RF_OPT_TEXT, &w.part, "train|val|test",
         "what the files become (train), or the only part to take of a folder that has several", 0, 0},
        {"split", 0, RF_OPT_REAL, &o.split, "SHARE",
         "share of the images that goes to val, chosen by a hash of the name (0)", 0, 0.9},
        {"category", 0, RF_OPT_LIST, &w.categories, "NAME",
         "kind of object that is a face; may be repeated (the only one that is there,\nor face)", 0, 0},
        {"classes", 0, RF_OPT_TEXT, &w.classes, "NAME[,NAME...]",
         "kinds of objects that are kept apart, OLD=NEW to rename: with_mask=mask,without_mask=no_mask\n(one kind; a "
         "set "
         "of ours keeps its own)",
         0, 0},
        {"boxes", 0, RF_OPT_TEXT, &w.boxes, "corners|sizes|centres|auto",
         "corners (x1 y1 x2 y2), sizes (x y w h) or centres (cx cy w h): what four\nnumbers are, whatever the format "
         "says (auto: what it says)",
         0, 0},
        {"units", 'u', RF_OPT_TEXT, &w.units, "pixels|shares|auto",
         "pixels, or shares of the image's size (auto: the format's; shares where all\nboxes lie within 0 and 1)", 0,
         0},
        {"columns", 0, RF_OPT_TEXT, &o.columns, "NAMES",
         "CSV: names of the columns, for files whose first line does not tell them:\npath,x1,y1,x2,y2; - for one that "
         "is not read",
         0, 0},
        {"keypoints", 0, RF_OPT_TEXT, &w.points, "N|NAMES",
         "how many points a face has, in the order of the files (or numbered from 0), or what\nthey are called, as "
         "tl,tr,br,bl (five landmarks by their names)",
         0, 0},
        {"left", 0, RF_OPT_TEXT, &w.left, "image|person|auto",
         "image or person: whose left a landmark's name means; auto: the side on\nwhich most left eyes are (auto)", 0,
         0},
        {"exif", 0, RF_OPT_TEXT, &w.exif, "yes|no|auto",
         "yes: boxes belong to pictures turned by their EXIF orientation; no: to pictures\nas they are stored; auto: "
         "as "
         "the annotated sizes and the boxes tell (auto)",
         0, 0},
        {"difficult", 0, RF_OPT_FLAG, &o.keep_difficult, NULL,
         "VOC: train on faces marked difficult (off: they are ignore regions)", 0, 0},
        {"strict", 0, RF_OPT_FLAG, &o.strict, NULL, "refuse to write when anything would be left out", 0, 0},
        {"verbose", 'v', RF_OPT_FLAG, &t.verbose, NULL, "tell everything that is left out, not 20 of a kind", 0, 0},
        {"formats", 0, RF_OPT_FLAG, &w.formats, NULL, "show an example of every format and end", 0, 0},
        {"threads", 't', RF_OPT_INT, &w.threads, "N", RF_THREADS_DOC, 0, 1024},
        {0}};
    const rf_program program = {
        name,
        "make a data set of annotations in other formats",
        "INPUT... --out DIR [options]",
        "  Reads annotation files, or folders of them, looks at the header of every image and writes a data set\n"
        "  that rf-train takes, or COCO JSON. What cannot be used (missing and broken images, entries that cannot be\n"
        "  read, boxes without area or outside of their image) is told with FILE:LINE and left out, item by item;\n"
        "  what can mean two things is told, or refused with the option that decides. A part appears when it is\n"
        "  complete, or not at all.",
        options,
        "  rf-data convert annotations.json --root photos --split 0.1 --out mine\n"
        "  rf-data convert VOC2012 --from voc --category face --out mine\n"
        "  rf-data convert dataset --from yolo --images copy --out mine\n"
        "  rf-data convert masks --from voc --classes with_mask=mask,without_mask=no_mask --out masks2\n"
        "  rf-data convert plates.json --from coco --keypoints 4 --out plates\n"
        "  rf-data convert mine --from label --to coco --images keep --out mine_coco",
        NULL,
        0,
        RF_ANY_NUMBER};
    const char **paths = (const char **)argv;
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, paths, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (w.formats) {
        print_formats();
        return 0;
    }
    t.quiet = o.strict;
    return check_and_run(&w, paths, n, &o);
}
