/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/protocol_voc.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "eval/voc_ap.h"

rf_status rf_protocol_add_ap(const rf_dataset *truth, const rf_face_list *detections, const double *const *scores,
                             float iou, bool strict, const char *name, rf_protocol_result *out) {
    rf_assigned *items = NULL;
    size_t count;
    rf_voc_curve voc = {0};
    rf_protocol_curve *curve;
    RF_TRY(rf_assign_scored(truth, detections, scores, &items, &count));
    rf_status status = rf_voc_curve_make(truth, items, count, strict ? nextafterf(iou, 1) : iou, &voc);
    if (status == RF_OK) status = rf_protocol_new_curve(out, name, voc.n, &curve);
    if (status == RF_OK && voc.n) {
        memcpy(curve->x, voc.recall, voc.n * sizeof *curve->x);
        memcpy(curve->y, voc.precision, voc.n * sizeof *curve->y);
        curve->n = voc.n;
    }
    if (status == RF_OK) rf_protocol_put(out, name, voc.ap);
    rf_voc_curve_free(&voc);
    rf_free(items);
    return status;
}
