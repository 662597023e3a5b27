/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/assign.h"

#include <math.h>

#include "core/mem.h"
#include "detect/box.h"

static rf_status assign_one(const rf_dataset *truth, const rf_sample *sample, const rf_face *detection, double score,
                            rf_assigned *out) {
    const float *box = detection->box;
    if (!isfinite(score) || !isfinite(box[0] + box[1] + box[2] + box[3]))
        return rf_fail(RF_ERR_NONFINITE, "a detection of %s is not finite: box %g %g %g %g, score %g", sample->name,
                       (double)box[0], (double)box[1], (double)box[2], (double)box[3], score);
    *out = (rf_assigned){.detection = detection, .score = score};
    for (size_t f = sample->first_face; f < sample->first_face + sample->n_faces; f++) {
        if (!rf_box_valid(truth->faces[f].box, false)) continue;
        float iou = rf_box_iou(box, truth->faces[f].box, false);
        if (iou > out->iou) {
            out->iou = iou;
            out->face = f;
        }
    }
    return RF_OK;
}

rf_status rf_assign(const rf_dataset *truth, const rf_face_list *detections, rf_assigned **items, size_t *count) {
    return rf_assign_scored(truth, detections, NULL, items, count);
}

rf_status rf_assign_scored(const rf_dataset *truth, const rf_face_list *detections, const double *const *scores,
                           rf_assigned **items, size_t *count) {
    size_t n = 0, k = 0;
    for (size_t i = 0; i < truth->n_samples; i++) n += detections[i].n;
    rf_status status = RF_ERR_NOMEM;
    rf_assigned *sorted = rf_alloc(n, sizeof *sorted), *found = rf_alloc(n, sizeof *found);
    double *keys = rf_alloc(n, sizeof *keys);
    uint32_t *order = rf_alloc(n, sizeof *order);
    if (!sorted || !found || !keys || !order) goto fail;
    for (size_t i = 0; i < truth->n_samples; i++)
        for (size_t d = 0; d < detections[i].n; d++, k++) {
            keys[k] = scores && scores[i] ? scores[i][d] : (double)detections[i].items[d].score;
            RF_TRY_GOTO(assign_one(truth, &truth->samples[i], &detections[i].items[d], keys[k], &found[k]));
        }
    RF_TRY_GOTO(rf_order_descending_double(keys, n, order));
    for (size_t i = 0; i < n; i++) sorted[i] = found[order[i]];
    *items = sorted;
    *count = n;
    sorted = NULL;
    status = RF_OK;
fail:
    rf_free(order);
    rf_free(keys);
    rf_free(found);
    rf_free(sorted);
    return status;
}
