/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "detect/box.h"
#include "detect/nms.h"

/* Takes the best of faces[from..n) to `from` by a swap; equal scores: the one that stands first. */
static void bring_best(rf_face *faces, size_t from, size_t n) {
    size_t best = from;
    for (size_t i = from + 1; i < n; i++)
        if (faces[i].score > faces[best].score) best = i;
    rf_face face = faces[best];
    faces[best] = faces[from];
    faces[from] = face;
}

static rf_status soft_nms(rf_face_list *faces, const rf_merge_spec *spec, bool gaussian) {
    RF_TRY(rf_merge_prepare(faces, spec));
    size_t kept = 0, n = faces->n, keep = spec->keep ? spec->keep : SIZE_MAX;
    rf_face *items = faces->items;
    while (kept < n && kept < keep) {
        bring_best(items, kept, n);
        if (items[kept].score < spec->soft_score) break;
        const rf_face *best = &items[kept++];
        for (size_t i = kept; i < n;) {
            if (!rf_merge_meet(spec, best, &items[i])) {
                i++;
                continue;
            }
            float iou = rf_box_iou(best->box, items[i].box, spec->plus_one);
            if (gaussian)
                items[i].score *= expf(-iou * iou / spec->soft_sigma);
            else if (iou > spec->iou)
                items[i].score *= 1 - iou;
            if (items[i].score < spec->soft_score)
                items[i] = items[--n];
            else
                i++;
        }
    }
    faces->n = kept;
    return RF_OK;
}

rf_status rf_soft_linear(rf_face_list *faces, const rf_merge_spec *spec) {
    return soft_nms(faces, spec, false);
}

rf_status rf_soft_gaussian(rf_face_list *faces, const rf_merge_spec *spec) {
    return soft_nms(faces, spec, true);
}
