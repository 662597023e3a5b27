/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/wider_gt.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"

const char *const rf_wider_subset_names[RF_WIDER_SUBSETS] = {"easy", "medium", "hard"};

void rf_wider_gt_free(rf_wider_gt *gt) {
    if (!gt) return;
    for (size_t i = 0; gt->images && i < gt->n_images; i++) rf_free(gt->images[i].name);
    rf_free(gt->images);
    rf_free(gt->by_name);
    rf_free(gt->boxes);
    rf_free(gt->subsets);
    rf_free(gt);
}

typedef struct named {
    const char *name;
    uint32_t index;
} named;

static int compare_names(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

rf_status rf_wider_gt_index(rf_wider_gt *gt) {
    rf_status status = RF_ERR_NOMEM;
    named *order = rf_alloc(gt->n_images, sizeof *order);
    uint32_t *by_name = rf_alloc(gt->n_images, sizeof *by_name);
    if (!order || !by_name) goto fail;
    for (size_t i = 0; i < gt->n_images; i++) order[i] = (named){gt->images[i].name, (uint32_t)i};
    qsort(order, gt->n_images, sizeof *order, compare_names);
    for (size_t i = 0; i < gt->n_images; i++) {
        by_name[i] = order[i].index;
        if (i > 0 && compare_names(&order[i - 1], &order[i]) == 0) {
            status = rf_fail(RF_ERR_FORMAT, "WIDER ground truth: the image %s is there twice", order[i].name);
            goto fail;
        }
    }
    rf_free(gt->by_name);
    gt->by_name = by_name;
    by_name = NULL;
    status = RF_OK;
fail:
    rf_free(by_name);
    rf_free(order);
    return status;
}

/* Compares an image's name with `length` bytes of text. */
static int compare_text(const char *name, const char *text, size_t length) {
    int order = strncmp(name, text, length);
    return order != 0 ? order : name[length] != '\0';
}

static size_t find_text(const rf_wider_gt *gt, const char *text, size_t length) {
    if (length >= 2 && memcmp(text, "./", 2) == 0) text += 2, length -= 2;
    if (length >= 1 && text[0] == '/') text++, length--;
    if (length >= 4 && memcmp(text + length - 4, ".jpg", 4) == 0) length -= 4;
    size_t lo = 0, hi = gt->n_images;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        int order = compare_text(gt->images[gt->by_name[middle]].name, text, length);
        if (order == 0) return gt->by_name[middle];
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return gt->n_images;
}

size_t rf_wider_gt_find(const rf_wider_gt *gt, const char *name) {
    return find_text(gt, name, strlen(name));
}

/* Indices of the listed images, in order. */
static rf_status read_list(const rf_wider_gt *gt, const char *path, const char *text, bool *listed, uint32_t *order,
                           size_t *count) {
    size_t n = 0;
    int line = 0;
    while (*text) {
        line++;
        size_t length = strcspn(text, "\n");
        const char *name = text;
        text += length + (text[length] == '\n');
        while (length > 0 && strchr(" \t\r", name[length - 1])) length--;
        if (length == 0 || name[0] == '#') continue;
        size_t image = find_text(gt, name, length);
        if (image == gt->n_images)
            return rf_fail(RF_ERR_FORMAT,
                           "%s:%d: the image %.*s is not in the WIDER ground truth; expected event/image.jpg", path,
                           line, (int)length, name);
        if (listed[image])
            return rf_fail(RF_ERR_FORMAT, "%s:%d: the image %.*s is listed twice; remove one", path, line, (int)length,
                           name);
        listed[image] = true;
        order[n++] = (uint32_t)image;
    }
    if (n == 0) return rf_fail(RF_ERR_FORMAT, "%s: no image is listed", path);
    *count = n;
    return RF_OK;
}

rf_status rf_wider_gt_restrict(rf_wider_gt *gt, const char *list_path) {
    uint8_t *text = NULL;
    size_t bytes, n = 0;
    RF_TRY(rf_file_read(list_path, (size_t)64 << 20, &text, &bytes));
    rf_status status = RF_ERR_NOMEM;
    bool *listed = rf_alloc(gt->n_images, sizeof *listed);
    uint32_t *order = rf_alloc(gt->n_images, sizeof *order);
    rf_wider_image *images = rf_alloc(gt->n_images, sizeof *images), *old = gt->images;
    size_t n_old = gt->n_images;
    if (!listed || !order || !images) goto fail;
    RF_TRY_GOTO(read_list(gt, list_path, (const char *)text, listed, order, &n));
    for (size_t i = 0; i < n; i++) images[i] = gt->images[order[i]];
    gt->images = images;
    gt->n_images = n;
    status = rf_wider_gt_index(gt);
    if (status != RF_OK) {
        gt->images = old;
        gt->n_images = n_old;
        goto fail;
    }
    for (size_t i = 0; i < n_old; i++)
        if (!listed[i]) rf_free(old[i].name);
    images = old;
fail:
    rf_free(images);
    rf_free(order);
    rf_free(listed);
    rf_free(text);
    return status;
}
