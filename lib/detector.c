/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rf/detector.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "lib/call.h"
#include "lib/model.h"

struct rf_detector {
    rf_lib_model model;
    rf_pool *pool;
    rf_heap *heap;
    atomic_bool busy;
    rf_image copy; /* of pictures that are not RGB without padding */
    rf_face_list found;
    rf_detection *detections; /* of `found` */
    size_t capacity;
};

/* ---- options ---- */

enum { OWN = 6, OWN_TEXT = 64 }; /* settings that members make */

typedef struct overrides {
    char text[OWN][OWN_TEXT];
    const char **list;
    size_t n;
} overrides;

static rf_status check_options(const rf_detector_options *given, rf_detector_options *o) {
    *o = (rf_detector_options){.size = sizeof *o};
    if (!given) return RF_OK;
    /* Programs that were built when there were fewer members go on; those of 0.2.0 are the fewest. */
    enum { FEWEST = offsetof(rf_detector_options, settings) + sizeof(o->settings) };
    if (given->size < FEWEST || given->size > 65536)
        return rf_fail(RF_ERR_USER, "the options' size is %zu: expected sizeof(rf_detector_options), %zu", given->size,
                       sizeof *o);
    /* A program of a later version may ask for what this one has not. */
    for (size_t i = sizeof *o; i < given->size; i++)
        if (((const unsigned char *)given)[i])
            return rf_fail(RF_ERR_USER, "an option is set that librf %s does not have", RF_VERSION);
    memcpy(o, given, given->size < sizeof *o ? given->size : sizeof *o);
    if (o->threads < 0 || o->threads > RF_MAX_THREADS)
        return rf_fail(RF_ERR_USER, "%d threads: expected 0 to %d", o->threads, RF_MAX_THREADS);
    if (!(o->score >= 0 && o->score <= 1))
        return rf_fail(RF_ERR_USER, "a least score of %g: expected 0 to 1", (double)o->score);
    if (!(o->iou >= 0 && o->iou <= 1)) return rf_fail(RF_ERR_USER, "an overlap of %g: expected 0 to 1", (double)o->iou);
    if (o->long_side < 0 || o->long_side > 8192)
        return rf_fail(RF_ERR_USER, "a longer side of %d pixels: expected 0 to 8192", o->long_side);
    if (o->flip < -1 || o->flip > 1) return rf_fail(RF_ERR_USER, "flip is %d: expected -1, 0 or 1", o->flip);
    return RF_OK;
}

/* The members as settings, and then the caller's. rf_free(out->list). */
static rf_status make_overrides(const rf_detector_options *o, overrides *out) {
    size_t n = 0, given = 0;
    while (o->settings && o->settings[given]) given++;
    memset(out, 0, sizeof *out);
    out->list = rf_alloc(OWN + given, sizeof *out->list);
    if (!out->list) return RF_ERR_NOMEM;
    if (o->score > 0)
        snprintf(out->text[n++], OWN_TEXT, "eval.score=%.9g", (double)o->score);
    else
        snprintf(out->text[n++], OWN_TEXT, "?eval.score=0.5");
    if (o->iou > 0) snprintf(out->text[n++], OWN_TEXT, "eval.iou=%.9g", (double)o->iou);
    if (o->long_side) { /* short edges of this size, as far as the long one is not longer */
        snprintf(out->text[n++], OWN_TEXT, "eval.scales=%d", o->long_side);
        snprintf(out->text[n++], OWN_TEXT, "eval.long_edge=1");
        snprintf(out->text[n++], OWN_TEXT, "eval.schedule=scales");
    }
    if (o->flip) snprintf(out->text[n++], OWN_TEXT, "eval.flip=%s", o->flip > 0 ? "yes" : "no");
    for (size_t i = 0; i < n; i++) out->list[out->n++] = out->text[i];
    for (size_t i = 0; i < given; i++) out->list[out->n++] = o->settings[i];
    return RF_OK;
}

/* ---- opening ---- */

static rf_status open_model(const char *name, const void *data, size_t bytes, const rf_detector_options *options,
                            rf_detector *d) {
    rf_detector_options o;
    overrides settings = {.n = 0};
    char *path = NULL;
    rf_status status;
    RF_TRY(check_options(options, &o));
    RF_TRY_GOTO(make_overrides(&o, &settings));
    if (!data) RF_TRY_GOTO(rf_lib_model_find(name && *name ? name : "face", o.folders, &path));
    RF_TRY_GOTO(
        rf_lib_model_open(data ? "the model in memory" : path, data, bytes, settings.list, settings.n, &d->model));
    RF_TRY_GOTO(rf_heap_create(&d->heap));
    RF_TRY_GOTO(rf_pool_create(o.threads, &d->pool));
fail:
    rf_free(path);
    rf_free(settings.list);
    return status;
}

static int open_either(const char *name, const void *data, size_t bytes, const rf_detector_options *options,
                       rf_detector **out) {
    if (!out) return (int)rf_fail(RF_ERR_USER, "opening a detector: expected a place for it, not NULL");
    *out = NULL;
    rf_lib_call call = rf_lib_enter(NULL, NULL);
    rf_detector *d = rf_alloc(1, sizeof *d);
    rf_status status = d ? open_model(name, data, bytes, options, d) : RF_ERR_NOMEM;
    if (status == RF_OK)
        *out = d;
    else
        rf_detector_close(d);
    return rf_lib_leave(&call, status);
}

int rf_detector_open(const char *model, const rf_detector_options *options, rf_detector **out) {
    return open_either(model, NULL, 0, options, out);
}

int rf_detector_open_bytes(const void *data, size_t bytes, const rf_detector_options *options, rf_detector **out) {
    if (out) *out = NULL;
    if (!data || !bytes) return (int)rf_fail(RF_ERR_USER, "rf_detector_open_bytes: expected a model's bytes, got none");
    return open_either(NULL, data, bytes, options, out);
}

void rf_detector_close(rf_detector *d) {
    if (!d) return;
    rf_lib_call call = rf_lib_enter(NULL, d->heap);
    rf_lib_model_free(&d->model);
    rf_face_list_free(&d->found);
    rf_image_free(&d->copy);
    rf_free(d->detections);
    rf_lib_leave(&call, RF_OK);
    rf_heap_destroy(d->heap);
    rf_pool_destroy(d->pool);
    rf_free(d);
}

/* ---- detecting ---- */

static rf_status list_detections(rf_detector *d) {
    size_t n = d->found.n;
    if (n > d->capacity) {
        size_t capacity = d->capacity ? d->capacity : 64;
        while (capacity < n) capacity *= 2;
        rf_detection *grown = rf_alloc(capacity, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        rf_free(d->detections);
        d->detections = grown;
        d->capacity = capacity;
    }
    for (size_t i = 0; i < n; i++) {
        const rf_face *face = &d->found.items[i];
        rf_detection *to = &d->detections[i];
        *to = (rf_detection){.score = face->score, .label = face->label, .n_points = face->n_points};
        memcpy(to->box, face->box, sizeof to->box);
        to->points = face->n_points ? face->points : NULL;
    }
    return RF_OK;
}

static rf_status detect(rf_detector *d, const rf_picture *picture) {
    rf_image view;
    RF_TRY(rf_lib_view_picture(picture, &d->copy, &view));
    RF_TRY(rf_finder_run(d->model.finder, &view, &d->found));
    return list_detections(d);
}

int rf_detector_detect(rf_detector *d, const rf_picture *picture, const rf_detection **faces, size_t *n) {
    if (n) *n = 0;
    if (faces) *faces = NULL;
    if (!d || !faces || !n)
        return (int)rf_fail(RF_ERR_USER, "rf_detector_detect: expected a detector and places for the result, not NULL");
    if (atomic_exchange(&d->busy, true))
        return (int)rf_fail(RF_ERR_USER, "this detector is in use by another thread: open one for each thread");
    rf_lib_call call = rf_lib_enter(d->pool, d->heap);
    rf_status status = detect(d, picture);
    if (status == RF_OK) {
        *faces = d->detections;
        *n = d->found.n;
    }
    rf_heap_round(d->heap);
    int code = rf_lib_leave(&call, status);
    atomic_store(&d->busy, false);
    return code;
}

/* ---- what it is ---- */

const char *rf_detector_info(const rf_detector *d, const char *key) {
    if (!d || !key) return NULL;
    if (strcmp(key, "file") == 0) return d->model.file;
    if (strcmp(key, "configuration") == 0) return d->model.configuration;
    if (strcmp(key, "terms") == 0 && *d->model.terms) return d->model.terms;
    for (size_t i = 0; i < d->model.n_meta; i++) {
        const char *name = d->model.meta_keys[i];
        if (strcmp(name, key) == 0 || (strncmp(name, "rf.", 3) == 0 && strcmp(name + 3, key) == 0))
            return d->model.meta_values[i];
    }
    return NULL;
}

const char *rf_detector_label(const rf_detector *d, int label) {
    return d && label >= 0 && label < d->model.classes.n ? d->model.classes.name[label] : NULL;
}
