/* Finds the images that an intake names and reads their headers. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/convert_impl.h"
#include "data/image.h"

enum { BATCH = 512, GRAIN = 8 };

/* `name`, or else what a folder-less name gives, when that is a file below root; the caller frees *out. */
static rf_status try_name(const char *root, const char *name, char **out) {
    for (int round = 0; round < 2; round++, name = rf_path_base(name)) {
        char *path = rf_path_join(root, name);
        if (!path) return RF_ERR_NOMEM;
        bool found = rf_file_exists(path);
        rf_free(path);
        if (!found) continue;
        *out = rf_strdup(name);
        return *out ? RF_OK : RF_ERR_NOMEM;
    }
    return RF_OK;
}

static rf_status try_stem(const char *root, const char *stem, char **out) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ""};
    size_t n = strlen(stem), room = n + 8;
    char *name = rf_alloc(room, 1);
    rf_status status = name ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; status == RF_OK && !*out && i < sizeof suffixes / sizeof *suffixes; i++) {
        memcpy(name, stem, n);
        memcpy(name + n, suffixes[i], strlen(suffixes[i]) + 1);
        status = try_name(root, name, out);
    }
    rf_free(name);
    return status;
}

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

static rf_status find_and_measure(const char *root, rf_intake_image *image) {
    char *found = NULL;
    rf_status status = RF_OK;
    if (image->name) status = try_name(root, image->name, &found);
    if (status == RF_OK && !found && image->stem) status = try_stem(root, image->stem, &found);
    RF_TRY(status);
    if (!found) {
        image->missing = true;
        return RF_OK;
    }
    rf_free(image->name);
    image->name = found;
    return measure(root, image);
}

typedef struct probe_range {
    rf_intake *intake;
    size_t first;
    bool out_of_memory[BATCH];
} probe_range;

static void probe_some(void *ctx, size_t begin, size_t end) {
    probe_range *range = ctx;
    for (size_t i = begin; i < end; i++) {
        rf_intake_image *image = &range->intake->images[range->first + i];
        if (image->same != range->first + i) continue;
        rf_status status = find_and_measure(range->intake->root, image);
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

rf_status rf_convert_probe(rf_convert_job *job, rf_intake *intake) {
    const rf_convert_options *o = job->options;
    probe_range range = {.intake = intake};
    RF_TRY(mark_same(intake));
    for (range.first = 0; range.first < intake->n_images; range.first += BATCH) {
        size_t n = intake->n_images - range.first < BATCH ? intake->n_images - range.first : BATCH;
        memset(range.out_of_memory, 0, sizeof range.out_of_memory);
        rf_parallel_for(n, GRAIN, probe_some, &range);
        for (size_t i = 0; i < n; i++)
            if (range.out_of_memory[i]) return rf_fail(RF_ERR_NOMEM, "out of memory while looking at the images");
        if (o->progress && !o->progress(o->ctx, range.first + n, intake->n_images))
            return rf_fail(RF_ERR_INTERRUPTED, "stopped after looking at %zu of %zu images; nothing was written",
                           range.first + n, intake->n_images);
    }
    return mark_same(intake); /* again: two names may have led to one file */
}
