/* SPDX-License-Identifier: Apache-2.0 */
/* Byte 0 odd: a prediction file of the WIDER FACE layout; even: a list of images to keep. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "eval/predictions.h"
#include "tests/fuzz/harness.h"

static void read_predictions(const char *path) {
    rf_prediction_set set;
    assert(rf_prediction_set_make(1, &set) == RF_OK);
    harness_begin();
    rf_status status = rf_prediction_read(path, "event/image.txt", &set, 0);
    harness_end(status);
    assert(status == RF_OK && set.matlab_rows[0] <= set.lists[0].n && set.notes.rows == set.lists[0].n);
    for (size_t i = 0; i < set.lists[0].n; i++) {
        const rf_face *f = &set.lists[0].items[i];
        assert(isfinite(f->score) && isfinite(set.scores[0][i]));
        for (int k = 0; k < 4; k++) assert(isfinite(f->box[k]));
    }
    rf_prediction_set_free(&set);
}

static void keep_listed(const char *path) {
    static const char *const names[] = {"0--A/x", "0--A/y", "1--B/z"};
    rf_wider_gt *gt = rf_alloc(1, sizeof *gt);
    gt->images = rf_alloc(3, sizeof *gt->images);
    for (gt->n_images = 0; gt->n_images < 3; gt->n_images++)
        gt->images[gt->n_images] = (rf_wider_image){.name = rf_strdup(names[gt->n_images])};
    assert(rf_wider_gt_index(gt) == RF_OK);
    harness_begin();
    rf_status status = rf_wider_gt_restrict(gt, path);
    harness_end(status);
    assert(status == RF_OK ? gt->n_images > 0 : gt->n_images == 3);
    for (size_t i = 0; i < gt->n_images; i++) assert(rf_wider_gt_find(gt, gt->images[i].name) == i);
    rf_wider_gt_free(gt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const char *path = harness_file(0, data + 1, size - 1);
    if (*data & 1)
        read_predictions(path);
    else
        keep_listed(path);
    return 0;
}
