/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the images that an intake names and reads their headers. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/convert_find.h"
#include "data/convert_impl.h"
#include "data/image.h"

enum { BATCH = 512, GRAIN = 8 };

static rf_status measure(const char *root, rf_intake_image *image) {
    rf_image_info info;
    char *path = rf_path_join(root, image->name);
    if (!path) return RF_ERR_NOMEM;
    rf_status status = rf_image_probe(path, NULL, &info);
    rf_free(path);
    RF_TRY(status);
    image->width = info.width;
    image->height = info.height;
    image->orientation = info.exif_orientation;
    return RF_OK;
}

typedef rf_status (*image_fn)(const char *root, rf_intake_image *image);

typedef struct probe_range {
    rf_intake *intake;
    image_fn fn;
    size_t first;
    bool out_of_memory[BATCH];
} probe_range;

static void probe_some(void *ctx, size_t begin, size_t end) {
    probe_range *range = ctx;
    for (size_t i = begin; i < end; i++) {
        rf_intake_image *image = &range->intake->images[range->first + i];
        if (image->same != range->first + i || image->missing) continue;
        rf_status status = range->fn(range->intake->root, image);
        if (status == RF_OK) continue;
        image->fault = rf_strdup(rf_error_message());
        range->out_of_memory[i] = status == RF_ERR_NOMEM || !image->fault;
    }
}

static const char *key_of(const rf_intake_image *image) {
    return image->name ? image->name : image->stem ? image->stem : "";
}

static int by_name(const void *a, const void *b, void *ctx) {
    const rf_intake *ranked = ctx;
    size_t p = *(const size_t *)a, q = *(const size_t *)b;
    int order = strcmp(key_of(&ranked->images[p]), key_of(&ranked->images[q]));
    return order ? order : (p > q) - (p < q);
}

static rf_status mark_same(rf_intake *intake) {
    size_t n = intake->n_images, *order = rf_alloc(n, sizeof *order);
    if (!order) return RF_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) order[i] = i;
    qsort_r(order, n, sizeof *order, by_name, intake);
    for (size_t i = 0, first = 0; i < n; i++) {
        if (strcmp(key_of(&intake->images[order[first]]), key_of(&intake->images[order[i]])) != 0) first = i;
        intake->images[order[i]].same = order[first];
    }
    rf_free(order);
    return RF_OK;
}

/* Calls fn for every image from number `first` on, the first of each name. `told`: progress is reported. */
static rf_status for_images(rf_convert_job *job, rf_intake *intake, size_t first, image_fn fn, bool told) {
    const rf_convert_options *o = job->options;
    probe_range range = {.intake = intake, .fn = fn};
    for (range.first = first; range.first < intake->n_images; range.first += BATCH) {
        size_t n = intake->n_images - range.first < BATCH ? intake->n_images - range.first : BATCH;
        memset(range.out_of_memory, 0, sizeof range.out_of_memory);
        rf_parallel_for(n, GRAIN, probe_some, &range);
        for (size_t i = 0; i < n; i++)
            if (range.out_of_memory[i]) return rf_fail(RF_ERR_NOMEM, "out of memory while looking at the images");
        if (o->progress && !o->progress(o->ctx, told ? range.first + n : 0, told ? intake->n_images : 0))
            return rf_fail(RF_ERR_INTERRUPTED, "stopped while looking at %zu images; nothing was written",
                           intake->n_images);
    }
    return RF_OK;
}

/* Other images of the same name get what was found for the first, so that they are the same still. */
static rf_status copy_found(rf_intake *intake) {
    for (size_t i = 0; i < intake->n_images; i++) {
        rf_intake_image *image = &intake->images[i];
        const rf_intake_image *first = &intake->images[image->same];
        if (first == image || first->missing) continue;
        char *name = rf_strdup(first->name);
        if (!name) return RF_ERR_NOMEM;
        rf_free(image->name);
        image->name = name;
    }
    return RF_OK;
}

rf_status rf_convert_probe(rf_convert_job *job, rf_intake *intake) {
    RF_TRY(mark_same(intake));
    RF_TRY(for_images(job, intake, 0, rf_find_exact, false));
    RF_TRY(rf_find_others(intake));
    RF_TRY(for_images(job, intake, 0, measure, true));
    RF_TRY(copy_found(intake));
    return mark_same(intake); /* again: two names may have led to one file */
}

rf_status rf_convert_measure(rf_convert_job *job, rf_intake *intake, size_t first) {
    return for_images(job, intake, first, measure, true);
}
