/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a synthetic data set to disk. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/dataset.h"
#include "data/mesh_table.h"
#include "data/synth.h"
#include "data/synth_mesh.h"

enum { BATCH = 64, QUALITY = 90 };
static const char *const event = "0--Synth";

/* One picture of a batch: what its thread leaves for the caller. */
typedef struct outcome {
    rf_face *faces;
    size_t n_faces;
    float *vertices; /* [n_faces,mesh vertices,2]; NULL without a mesh */
    rf_status status;
    char *message; /* when status is not RF_OK; NULL when even its memory is out */
} outcome;

typedef struct part {
    const char *name; /* "train" or "val" */
    char *image_dir;
    uint64_t seed, first_index; /* of its first picture in the endless set of the seed */
    const rf_synth_options *options;
    size_t batch_begin;
    outcome *outcomes; /* [BATCH] */
    /* With a mesh: the rows of its table so far. */
    int32_t label_line; /* lines of the label file */
    int32_t *lines;     /* [rows] */
    float *xy;          /* [rows,vertices,2] */
    size_t rows, room;
} part;

static size_t mesh_vertices(const part *p) {
    return p->options->mesh ? p->options->mesh->mesh.n_vertices : 0;
}

/* A picture's vertices, and the lines that its faces will have in the label file. */
static rf_status take_vertices(part *p, const outcome *o) {
    size_t floats = 2 * mesh_vertices(p);
    p->label_line++; /* the picture's name */
    if (p->rows + o->n_faces > p->room) {
        size_t room = 2 * (p->rows + o->n_faces);
        int32_t *lines = rf_realloc(p->lines, p->room, room, sizeof *lines);
        if (lines) p->lines = lines;
        float *xy = rf_realloc(p->xy, p->room * floats, room * floats, sizeof *xy);
        if (xy) p->xy = xy;
        if (!lines || !xy) return RF_ERR_NOMEM;
        p->room = room;
    }
    for (size_t k = 0; k < o->n_faces; k++) p->lines[p->rows + k] = ++p->label_line;
    if (o->n_faces) memcpy(p->xy + p->rows * floats, o->vertices, o->n_faces * floats * sizeof *p->xy);
    p->rows += o->n_faces;
    return RF_OK;
}

static void image_name(const part *p, size_t number, char *text, size_t bytes) {
    snprintf(text, bytes, "%s/synth_%s_%06zu.jpg", event, p->name, number); /* own name */
}

static rf_status write_picture(const part *p, size_t number, outcome *o) {
    rf_image image;
    char name[128];
    RF_TRY(rf_synth_image_mesh(p->seed, p->first_index + number, p->options, &image, &o->faces, &o->n_faces,
                               &o->vertices));
    image_name(p, number, name, sizeof name);
    char *path = rf_path_join(p->image_dir, name); /* own name */
    rf_status status = path ? rf_image_save(path, &image, QUALITY) : RF_ERR_NOMEM;
    rf_free(path);
    rf_image_free(&image);
    return status;
}

static void write_range(void *ctx, size_t begin, size_t end) {
    const part *p = ctx;
    for (size_t i = begin; i < end; i++) {
        outcome *o = &p->outcomes[i];
        o->status = write_picture(p, p->batch_begin + i, o);
        if (o->status != RF_OK) o->message = rf_strdup(rf_error_message());
    }
}

/* Moves the batch's faces into the data set, or reports the first failure of the batch. */
static rf_status take_batch(part *p, size_t n, rf_dataset *dataset) {
    for (size_t i = 0; i < n; i++) {
        const outcome *o = &p->outcomes[i];
        if (o->status != RF_OK) return rf_fail(o->status, "%s", o->message ? o->message : "out of memory");
        char name[128];
        image_name(p, p->batch_begin + i, name, sizeof name);
        int line = (int)(p->batch_begin + i + 1);
        RF_TRY(rf_dataset_add_sample(dataset, name, strlen(name), line));
        for (size_t k = 0; k < o->n_faces; k++) RF_TRY(rf_dataset_add_face(dataset, &o->faces[k], line));
        if (p->options->mesh) RF_TRY(take_vertices(p, o));
    }
    return RF_OK;
}

static void clear_batch(outcome *outcomes) {
    for (size_t i = 0; i < BATCH; i++) {
        rf_free(outcomes[i].faces);
        rf_free(outcomes[i].vertices);
        rf_free(outcomes[i].message);
        outcomes[i] = (outcome){0};
    }
}

/* How far the whole set is. */
typedef struct meter {
    rf_synth_progress fn;
    void *ctx;
    size_t done, total;
} meter;

static rf_status write_pictures(part *p, size_t n, meter *m, rf_dataset *dataset) {
    for (p->batch_begin = 0; p->batch_begin < n; p->batch_begin += BATCH) {
        size_t count = n - p->batch_begin < BATCH ? n - p->batch_begin : BATCH;
        rf_parallel_for(count, 1, write_range, p);
        rf_status status = take_batch(p, count, dataset);
        clear_batch(p->outcomes);
        RF_TRY(status);
        m->done += count;
        if (m->fn && !m->fn(m->ctx, m->done, m->total))
            return rf_fail(RF_ERR_INTERRUPTED, "stopped after %zu of %zu pictures", m->done, m->total);
    }
    return RF_OK;
}

static rf_status write_vertices(const part *p, const char *label) {
    if (!p->options->mesh) return RF_OK;
    char *path = rf_mesh_table_path(label);
    rf_status status = path ? rf_mesh_table_write(path, p->lines, p->xy, p->rows, mesh_vertices(p)) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

static rf_status write_mesh(const char *dir, const rf_synth_options *options) {
    if (!options->mesh) return RF_OK;
    char *path = rf_path_join(dir, "mesh.obj");
    rf_status status = path ? rf_mesh_write(path, &options->mesh->mesh) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

/* Names the kinds, before the rows that end with one; what an earlier set said goes with its annotations. */
static rf_status write_classes(const part *p, const char *label, rf_dataset *dataset) {
    if (p->options->masks) {
        RF_TRY(rf_classes_parse("kinds", rf_synth_mask_classes, &dataset->classes));
        return rf_set_note_write(label, &(rf_set_note){.classes = dataset->classes});
    }
    char *path = rf_exif_rule_path(label);
    if (!path) return RF_ERR_NOMEM;
    unlink(path);
    rf_free(path);
    return RF_OK;
}

static rf_status write_part(const char *dir, part *p, size_t n, meter *m) {
    rf_status status = RF_ERR_NOMEM;
    rf_dataset dataset = {.image_dir = "", .annotation_path = "label.txt"};
    outcome outcomes[BATCH] = {{0}};
    char *folder = rf_path_join(dir, p->name), *event_dir = NULL, *label = NULL; /* own name */
    p->outcomes = outcomes;
    p->image_dir = folder ? rf_path_join(folder, "images") : NULL;
    label = folder ? rf_path_join(folder, "label.txt") : NULL;
    event_dir = p->image_dir ? rf_path_join(p->image_dir, event) : NULL; /* own name */
    if (!folder || !p->image_dir || !label || !event_dir) goto fail;
    RF_TRY_GOTO(rf_dir_make(event_dir));
    unlink(label); /* of an earlier set: it must not speak of these pictures when the drawing is cut short */
    RF_TRY_GOTO(write_classes(p, label, &dataset));
    RF_TRY_GOTO(write_pictures(p, n, m, &dataset));
    RF_TRY_GOTO(write_vertices(p, label));
    status = rf_dataset_write_label(&dataset, label);
fail:
    for (size_t i = 0; i < dataset.n_samples; i++) rf_free(dataset.samples[i].path);
    rf_free(dataset.samples);
    rf_free(dataset.faces);
    rf_free(dataset.face_lines);
    rf_face_store_free(&dataset.points);
    rf_free(folder);
    rf_free(label);
    rf_free(event_dir);
    rf_free(p->image_dir);
    rf_free(p->lines);
    rf_free(p->xy);
    return status;
}

static rf_status write_readme(const char *dir, size_t n_train, size_t n_val, uint64_t seed, const rf_synth_options *o) {
    char text[1024];
    int n =
        snprintf(text, sizeof text,
                 "Synthetic pictures of %s, drawn by rf-data synth. No photograph was used; boxes and %s are exact.\n"
                 "\n"
                 "train/label.txt  %zu pictures below train/images\n"
                 "val/label.txt    %zu pictures below val/images\n"
                 "\n"
                 "Format: RetinaFace's label.txt: \"# image\", then a line for each face: x y w h, %s x y v, blur.\n"
                 "A %s number of 1 marks a face that is mostly hidden: neither asked for nor wrong.\n"
                 "%s\n"
                 "seed %" PRIu64 ", %dx%d, faces %d..%d px high, at most %d a picture\n",
                 o->plates ? "number plates" : "people", o->plates ? "corners" : "landmarks", n_train, n_val,
                 o->plates                ? "four times"
                 : o->points == RF_POINTS ? "five times"
                                          : "68 times",
                 o->plates                ? "18th"
                 : o->points == RF_POINTS ? "21st"
                                          : "further",
                 o->masks ? "The last number is the kind: 0 with a mask, 1 without (label.set.ini names them).\n" : "",
                 seed, o->width, o->height, o->min_face, o->max_face, o->max_faces);
    char *path = rf_path_join(dir, "README.txt");
    if (!path) return RF_ERR_NOMEM;
    rf_status status = rf_file_write_atomic(path, text, (size_t)n);
    rf_free(path);
    return status;
}

rf_status rf_synth_write(const char *dir, size_t n_train, size_t n_val, uint64_t seed, const rf_synth_options *options,
                         rf_synth_progress progress, void *ctx) {
    RF_TRY(rf_synth_check(options));
    if (n_train > 1000000 || n_val > 1000000)
        return rf_fail(RF_ERR_USER, "synthetic set: %zu and %zu pictures; at most a million each", n_train, n_val);
    meter m = {.fn = progress, .ctx = ctx, .total = n_train + n_val};
    /* The validation pictures start where no training set reaches, so that changing n_train does not change them. */
    part train = {.name = "train", .seed = seed, .options = options};
    part val = {.name = "val", .seed = seed, .first_index = (uint64_t)1 << 32, .options = options};
    RF_TRY(rf_dir_make(dir));
    RF_TRY(write_mesh(dir, options));
    RF_TRY(write_part(dir, &train, n_train, &m));
    RF_TRY(write_part(dir, &val, n_val, &m));
    return write_readme(dir, n_train, n_val, seed, options);
}
