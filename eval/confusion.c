/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/confusion.h"

#include <string.h>

#include "core/mem.h"
#include "detect/box.h"

/* The free object, or the ignored one, that a box overlaps most; -1: none by at least iou. One that counts goes first.
 */
static long best_object(const rf_face *objects, size_t n, const bool *taken, const float box[4], float iou) {
    long best = -1;
    for (int pass = 0; pass < 2 && best < 0; pass++) {
        float most = iou;
        for (size_t i = 0; i < n; i++) {
            if (objects[i].ignore != (pass == 1) || taken[i]) continue;
            float overlap = rf_box_iou(box, objects[i].box, false);
            if (overlap < most || (best >= 0 && overlap == most)) continue;
            most = overlap;
            best = (long)i;
        }
    }
    return best;
}

static rf_status count_image(const rf_face *objects, size_t n, const rf_face_list *found, float score, float iou,
                             rf_confusion *out) {
    rf_status status = RF_ERR_NOMEM;
    bool *taken = rf_alloc(n, sizeof *taken);
    float *keys = rf_alloc(found->n, sizeof *keys);
    uint32_t *order = rf_alloc(found->n, sizeof *order);
    if (!taken || !keys || !order) goto fail;
    for (size_t k = 0; k < found->n; k++) keys[k] = found->items[k].score;
    RF_TRY_GOTO(rf_order_descending(keys, found->n, order));
    for (size_t k = 0; k < found->n; k++) {
        const rf_face *face = &found->items[order[k]];
        if (!(face->score >= score) || face->label >= out->n) continue;
        long object = best_object(objects, n, taken, face->box, iou);
        if (object < 0) out->count[out->n][face->label]++;
        if (object < 0 || objects[object].ignore) continue;
        taken[object] = true;
        out->count[objects[object].label][face->label]++;
    }
    for (size_t i = 0; i < n; i++)
        if (!taken[i] && !objects[i].ignore) out->count[objects[i].label][out->n]++;
fail:
    rf_free(taken);
    rf_free(keys);
    rf_free(order);
    return status;
}

rf_status rf_confusion_make(const rf_dataset *truth, const rf_face_list *detections, float score, float iou,
                            rf_confusion *out) {
    memset(out, 0, sizeof *out);
    out->n = truth->classes.n;
    for (size_t i = 0; i < truth->n_samples; i++) {
        const rf_sample *sample = &truth->samples[i];
        RF_TRY(count_image(truth->faces + sample->first_face, sample->n_faces, &detections[i], score, iou, out));
    }
    return RF_OK;
}
