/* SPDX-License-Identifier: Apache-2.0 */
/* rf-detect: faces in pictures, drawn and listed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/args.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "core/below.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/draw.h"

static const char name[] = "rf-detect";

typedef struct job {
    rf_model model;
    const char *out;
    rf_output json;
    rf_distinct *names; /* of the drawings */
    int exif, mesh;     /* -1: as the settings say */
    size_t images, faces, skipped, shrunk;
    double smallest; /* scale of the shrunk ones */
} job;

static void draw_faces(rf_image *image, const rf_face_list *faces) {
    static const rf_colour dots[RF_POINTS] = {
        {230, 60, 60}, {60, 120, 255}, {250, 220, 60}, {200, 80, 220}, {60, 220, 220}};
    int thickness = rf_draw_thickness(image);
    for (size_t i = 0; i < faces->n; i++) {
        const rf_face *face = &faces->items[i];
        rf_draw_rectangle(image, face->box, thickness, (rf_colour){40, 220, 80});
        for (int k = 0; face->has_points && k < RF_POINTS; k++)
            rf_draw_disc(image, face->points[2 * k], face->points[2 * k + 1], 1.5f * (float)thickness, dots[k]);
        if (face->mesh)
            rf_draw_mesh(image, faces->vertices + 2 * faces->n_vertices * (face->mesh - 1), faces->n_vertices,
                         face->box[3] - face->box[1]);
        char text[16];
        snprintf(text, sizeof text, "%.2f", (double)face->score);
        int scale = (thickness + 1) / 2;
        float y = face->box[1] - (float)(9 * scale), w = (float)rf_draw_text_width(text, scale);
        if (y < 0) y = 0;
        float back[4] = {face->box[0], y, face->box[0] + w + (float)scale, y + (float)(9 * scale)};
        rf_draw_filled(image, back, (rf_colour){0, 0, 0});
        rf_draw_text(image, face->box[0] + (float)scale, y + (float)scale, text, scale, (rf_colour){255, 255, 255});
    }
}

static void put_faces(rf_json_writer *w, const rf_face_list *faces) {
    rf_json_begin_array(w, "faces");
    for (size_t i = 0; i < faces->n; i++) {
        const rf_face *face = &faces->items[i];
        rf_json_begin_object(w, NULL);
        rf_json_put_number(w, "score", face->score);
        rf_json_begin_array(w, "box");
        for (int k = 0; k < 4; k++) rf_json_put_number(w, NULL, face->box[k]);
        rf_json_end_array(w);
        rf_json_begin_array(w, "points");
        for (int k = 0; face->has_points && k < 2 * RF_POINTS; k++) rf_json_put_number(w, NULL, face->points[k]);
        rf_json_end_array(w);
        if (face->has_visible) {
            rf_json_begin_array(w, "visible");
            for (int k = 0; k < RF_POINTS; k++) rf_json_put_number(w, NULL, face->visible[k]);
            rf_json_end_array(w);
        }
        if (face->has_blur) rf_json_put_number(w, "blur", face->blur);
        if (face->mesh) {
            const float *xy = faces->vertices + 2 * faces->n_vertices * (face->mesh - 1);
            rf_json_begin_array(w, "mesh");
            for (size_t k = 0; k < 2 * faces->n_vertices; k++) rf_json_put_number(w, NULL, xy[k]);
            rf_json_end_array(w);
        }
        rf_json_end_object(w);
    }
    rf_json_end_array(w);
}

/* How closely the picture was looked at. */
static void put_view(rf_json_writer *w, rf_finder_view view) {
    rf_json_put_number(w, "scale", view.scale);
    if (view.shrunk) rf_json_put_bool(w, "shrunk", true);
    if (view.tiles) rf_json_put_int(w, "tiles", (long long)view.tiles);
}

/* One line a picture. image and faces are NULL when there are none, error when nothing went wrong. */
static rf_status append_json(job *j, const char *path, const char *drawn, const rf_image *image,
                             const rf_face_list *faces, const char *error) {
    if (!j->json.path) return RF_OK;
    rf_json_writer w = {0};
    rf_json_begin_object(&w, NULL);
    rf_json_put_string(&w, "image", path);
    if (drawn) rf_json_put_string(&w, "drawn", drawn);
    if (image) rf_json_put_int(&w, "width", image->width);
    if (image) rf_json_put_int(&w, "height", image->height);
    if (faces) put_view(&w, rf_finder_get_view(j->model.finder));
    if (faces) put_faces(&w, faces);
    if (error) rf_json_put_string(&w, "error", error);
    rf_json_end_object(&w);
    char *text = NULL;
    RF_TRY(rf_json_finish(&w, &text));
    rf_status status = rf_output_line(&j->json, text);
    rf_free(text);
    return status;
}

/* Whether a file cannot be made because of its own name; on a full disk the next one fails, too. */
static bool is_in_the_way(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 ? S_ISDIR(info.st_mode) : errno == ENAMETOOLONG || errno == ENOTDIR;
}

static bool is_picture_name(const char *path) {
    const char *dot = strrchr(rf_path_base(path), '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

/* The name below OUT of a picture's drawing (rf_free it; NULL without --out): that of the picture below its folder,
 * with .jpg when the suffix is neither .jpg nor .png, and with -2, -3 and so on when another picture came first. */
static rf_status name_drawing(job *j, const char *relative, char **file) {
    size_t bytes = strlen(relative) + sizeof ".jpg";
    const char *twin;
    *file = NULL;
    if (!j->out) return RF_OK;
    char *wanted = rf_alloc(bytes, 1);
    if (!wanted) return RF_ERR_NOMEM;
    snprintf(wanted, bytes, "%s%s", relative, is_picture_name(relative) ? "" : ".jpg");
    rf_status status = rf_distinct_take(j->names, wanted, file, &twin);
    rf_free(wanted);
    if (status == RF_OK && twin)
        rf_note("note: %s and %s in %s are one file where the case of letters does not count\n", twin, *file, j->out);
    return status;
}

/* *own: the failure is this picture's alone. */
static rf_status save_drawn(const job *j, const char *source, const char *file, const rf_image *image, bool *own) {
    char *path = NULL;
    rf_status status = rf_below_make(j->out, file, &path);
    if (status != RF_OK) {
        *own = status == RF_ERR_USER || (rf_below_path(j->out, file, &path) == RF_OK && is_in_the_way(path));
        rf_free(path);
        return status;
    }
    if (rf_output_is_input(path, source)) {
        rf_free(path);
        return rf_fail(RF_ERR_USER, "--out %s would overwrite %s itself: choose another folder", j->out, source);
    }
    status = rf_image_save(path, image, 0);
    *own = status != RF_OK && (status != RF_ERR_IO || is_in_the_way(path));
    rf_free(path);
    return status;
}

/* Names and counts what cannot be served, by the message of its failure. */
static rf_status pass_over(job *j, const char *path) {
    rf_note("skipped: %s\n", rf_error_message());
    j->skipped++;
    return append_json(j, path, NULL, NULL, NULL, rf_error_message());
}

/* Draws and lists the faces of a picture. */
static rf_status tell_faces(job *j, const char *path, const char *file, rf_image *image, const rf_face_list *faces) {
    rf_status status = RF_OK;
    bool own = false;
    if (file) {
        draw_faces(image, faces);
        status = save_drawn(j, path, file, image, &own);
    }
    if (status != RF_OK && !own) return status;
    const char *error = status == RF_OK ? NULL : rf_error_message();
    if (error) rf_note("not drawn: %s\n", error);
    j->skipped += error != NULL;
    RF_TRY(append_json(j, path, error ? NULL : file, image, faces, error));
    rf_finder_view view = rf_finder_get_view(j->model.finder);
    j->shrunk += view.shrunk;
    if (view.shrunk && (j->shrunk == 1 || view.scale < j->smallest)) j->smallest = view.scale;
    rf_say("%s: %zu face%s", path, faces->n, faces->n == 1 ? "" : "s");
    if (view.shrunk) rf_say(" (seen at %.3g of its size)", view.scale);
    rf_say("\n");
    return RF_OK;
}

static rf_status detect_one(job *j, const char *path, const char *relative) {
    if (rf_signal_pending()) return rf_fail(RF_ERR_INTERRUPTED, "stopped by a signal before %s", path);
    rf_image image = {0};
    rf_decode_options decode = {.apply_exif = j->exif != 0};
    rf_face_list faces = {0};
    char *file;
    RF_TRY(name_drawing(j, relative, &file));
    rf_status status = rf_picture_faces(j->model.finder, path, &decode, &image, &faces, NULL);
    if (status == RF_OK) {
        j->images++;
        j->faces += faces.n;
        status = tell_faces(j, path, file, &image, &faces);
    } else if (rf_picture_is_to_blame(status)) {
        status = pass_over(j, path);
    }
    rf_free(file);
    rf_face_list_free(&faces);
    rf_image_free(&image);
    return status;
}

static void pass_folder_over(void *ctx, const char *sentence) {
    job *j = ctx;
    rf_note("skipped: %s\n", sentence);
    j->skipped++;
}

/* only: there is nothing else to do, so what is wrong with `path` is a mistake in the call. */
static rf_status detect_path(job *j, const char *path, bool only) {
    char **names = NULL;
    size_t n = 0;
    rf_status status = RF_OK;
    if (rf_dir_exists(path))
        status = rf_dir_list_most(path, ".jpg,.jpeg,.png", true, pass_folder_over, j, &names, &n);
    else if ((status = rf_path_check(path)) == RF_OK)
        return detect_one(j, path, rf_path_base(path));
    if (status == RF_OK && n == 0) status = rf_fail(RF_ERR_USER, "%s holds no .jpg or .png picture", path);
    if (status != RF_OK) return only || status == RF_ERR_NOMEM ? status : pass_over(j, path);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *full = rf_path_join(path, names[i]); /* reads */
        status = full ? detect_one(j, full, names[i]) : RF_ERR_NOMEM;
        rf_free(full);
    }
    rf_names_free(names, n);
    return status;
}

/* Nothing that is read is written over: the model, the configuration, a picture. */
static rf_status check_outputs(const job *j, const char *const *words, size_t n, const char *config) {
    static const char drawn[] = "--out %s would overwrite %s itself: choose another folder";
    RF_TRY(rf_output_not_input("--json", j->json.path, "the model", words[0]));
    RF_TRY(rf_output_not_input("--json", j->json.path, "the configuration", config));
    if (j->json.path && is_picture_name(j->json.path) && rf_file_exists(j->json.path))
        return rf_fail(RF_ERR_USER, "--json %s is a picture: choose another name", j->json.path);
    if (j->out && j->json.path && strcmp(j->out, j->json.path) == 0)
        return rf_fail(RF_ERR_USER, "--out and --json are both %s: one is a folder, the other a file", j->out);
    for (size_t i = 1; i < n; i++) {
        RF_TRY(rf_output_not_input("--json", j->json.path, "a picture to look at", words[i]));
        if (rf_output_is_input(j->out, words[i])) return rf_fail(RF_ERR_USER, drawn, j->out, words[i]);
        char *same = j->out ? rf_path_join(j->out, rf_path_base(words[i])) : NULL; /* reads */
        bool is_same = same && !rf_dir_exists(same) && rf_output_is_input(same, words[i]);
        rf_free(same);
        if (is_same) return rf_fail(RF_ERR_USER, drawn, j->out, words[i]);
    }
    return RF_OK;
}

/* What a model says of data.exif is about the pictures that it was trained on; what the user says of it counts. */
static bool sets_exif_off(const rf_text_list *sets, const rf_config *config) {
    static const char key[] = "data.exif=";
    bool set = false;
    for (size_t i = 0; i < sets->n; i++) set = set || strncmp(sets->v[i], key, sizeof key - 1) == 0;
    return set && strcmp(config->data.exif, "no") == 0;
}

int rf_detect_main(int argc, char **argv) {
    static job j = {.exif = -1, .mesh = -1, .smallest = 1};
    const char *json = NULL;
    static char score_text[64], tile_text[64];
    const char **words = (const char **)argv, *config = NULL;
    rf_text_list sets = {0};
    double score = -1;
    long threads = 0, tile = -1;
    const rf_option options[] = {
        {"out", 'o', RF_OPT_TEXT, &j.out, "DIR",
         "write the pictures with boxes, points and scores there; the second of a name becomes NAME-2.jpg", 0, 0},
        {"json", 0, RF_OPT_TEXT, &json, "FILE", "write one JSON object a line and image; -: to stdout", 0, 0},
        {"score", 0, RF_OPT_REAL, &score, "X", "lowest score (eval.score where it is set, else 0.5)", 0, 1},
        {"tile", 0, RF_OPT_INT, &tile, "SIDE",
         "look at pictures of more than SIDE x SIDE pixels in tiles, 2048 say, instead of shrinking\nthem (eval.tile)",
         0, 16384},
        {"mesh", 0, RF_OPT_TOGGLE, &j.mesh, NULL, "also the vertices of each face's mesh (model.mesh_vertices)", 0, 0},
        {"exif", 0, RF_OPT_TOGGLE, &j.exif, NULL,
         "turn pictures by their EXIF orientation (on; off with --no-exif or --set data.exif=no)", 0, 0},
        {"config", 'c', RF_OPT_TEXT, &config, "INI", "configuration, when the weights carry none", 0, 0},
        {"set", 0, RF_OPT_LIST, &sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0},
        {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
        {0}};
    const rf_program program = {
        name,
        "find faces in pictures",
        "MODEL IMAGE|DIR... [--out DIR] [--json FILE] [--score X]",
        "  Finds faces in JPEG and PNG pictures (folders are searched below), prints their number, draws\n"
        "  boxes, five landmarks and scores, and lists them as JSON. A picture that cannot be used is named,\n"
        "  counted and, with its \"error\", in the JSON; the others are done.",
        options,
        "  rf-detect runs/mnet/best.safetensors photos --out found --json found.jsonl",
        "  Exit status 1 tells that pictures were skipped or not drawn, 2 that none could be used.",
        2,
        RF_ANY_NUMBER};
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, words, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    rf_set_threads((int)threads);
    snprintf(score_text, sizeof score_text, "eval.score=%.17g", score);
    snprintf(tile_text, sizeof tile_text, "eval.tile=%ld", tile);
    const char *const own[] = {score < 0 ? "?eval.score=0.5" : score_text, tile < 0 ? NULL : tile_text,
                               j.mesh < 0 ? NULL
                               : j.mesh   ? "eval.mesh=yes"
                                          : "eval.mesh=no"};
    rf_status status = RF_OK;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] && status == RF_OK) status = rf_text_list_add(&sets, own[i]);
    if (status == RF_OK) status = rf_signals_install();
    if (status == RF_OK) status = rf_output_open("--json", json, &j.json);
    if (status == RF_OK) status = rf_output_claim_folder("--out", j.out, name);
    if (status == RF_OK) status = check_outputs(&j, words, n, config);
    if (status == RF_OK) status = rf_model_open(words[0], config, sets.v, sets.n, &j.model);
    if (status == RF_OK && j.mesh > 0 && j.model.config.model.mesh_vertices == 0)
        status = rf_fail(RF_ERR_USER, "--mesh: %s predicts no mesh (model.mesh_vertices = 0)", words[0]);
    if (status == RF_OK && j.exif < 0) j.exif = !sets_exif_off(&sets, &j.model.config);
    if (status == RF_OK) status = rf_output_start(&j.json);
    if (status == RF_OK && !(j.names = rf_distinct_new())) status = RF_ERR_NOMEM;
    for (size_t i = 1; i < n && status == RF_OK; i++) status = detect_path(&j, words[i], n == 2);
    char text[RF_THREADS_TEXT];
    if (status == RF_OK)
        rf_say("%zu images, %zu faces, %zu skipped; %s\n", j.images, j.faces, j.skipped,
               rf_threads_text(text, sizeof text));
    if (status == RF_OK && j.shrunk) rf_say_shrunk(j.shrunk, j.smallest, &j.model.config);
    if (status == RF_OK && j.images == 0)
        status = rf_fail(RF_ERR_FORMAT, "not one picture could be used, %zu skipped", j.skipped);
    rf_distinct_free(j.names);
    rf_output_close(&j.json);
    rf_model_close(&j.model);
    return status != RF_OK ? rf_cli_fail(name, status) : j.skipped > 0;
}
