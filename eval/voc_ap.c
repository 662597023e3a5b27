/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/voc_ap.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "eval/average.h"
#include "eval/metric.h"

void rf_voc_curve_free(rf_voc_curve *curve) {
    if (!curve) return;
    rf_free(curve->recall);
    rf_free(curve->precision);
    memset(curve, 0, sizeof *curve);
}

static bool is_target(const rf_face *face) {
    return !face->ignore && rf_box_valid(face->box, false);
}

rf_status rf_voc_curve_make(const rf_dataset *truth, const rf_assigned *items, size_t count, float iou,
                            rf_voc_curve *out) {
    *out = (rf_voc_curve){.recall = rf_alloc(count, sizeof *out->recall),
                          .precision = rf_alloc(count, sizeof *out->precision)};
    bool *found = rf_alloc(truth->n_faces, sizeof *found);
    if (!out->recall || !out->precision || !found) {
        rf_voc_curve_free(out);
        rf_free(found);
        return RF_ERR_NOMEM;
    }
    for (size_t f = 0; f < truth->n_faces; f++) out->n_faces += is_target(&truth->faces[f]);
    size_t hits = 0, misses = 0;
    for (size_t i = 0; i < count; i++) {
        bool on_face = items[i].iou > 0 && items[i].iou >= iou;
        if (!on_face) {
            misses++;
        } else if (!truth->faces[items[i].face].ignore) {
            if (found[items[i].face])
                misses++;
            else
                hits++;
            found[items[i].face] = true;
        }
        bool last_of_score = i + 1 == count || items[i + 1].score < items[i].score;
        if (!last_of_score || hits + misses == 0) continue;
        out->recall[out->n] = out->n_faces ? (double)hits / (double)out->n_faces : 0;
        out->precision[out->n++] = (double)hits / (double)(hits + misses);
    }
    out->ap = out->n_faces ? rf_average_precision(out->recall, out->precision, out->n) : NAN;
    rf_free(found);
    return RF_OK;
}

/* Mean AP over n thresholds 0.5, 0.55, ... */
static rf_status mean_ap(const rf_dataset *truth, const rf_face_list *detections, int n, double *value) {
    rf_assigned *items = NULL;
    size_t count;
    RF_TRY(rf_assign(truth, detections, &items, &count));
    rf_status status = RF_OK;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        rf_voc_curve curve;
        RF_TRY_GOTO(rf_voc_curve_make(truth, items, count, (float)(50 + 5 * i) / 100, &curve));
        sum += curve.ap;
        rf_voc_curve_free(&curve);
    }
    *value = sum / n;
fail:
    rf_free(items);
    return status;
}

static rf_status ap50(const rf_dataset *truth, const rf_face_list *detections, double *value) {
    return mean_ap(truth, detections, 1, value);
}

static rf_status ap50_95(const rf_dataset *truth, const rf_face_list *detections, double *value) {
    return mean_ap(truth, detections, 10, value);
}

extern const rf_metric rf_metric_voc_ap50, rf_metric_voc_ap50_95;

const rf_metric rf_metric_voc_ap50 = {
    .name = "voc_ap50",
    .doc = "average precision at IoU 0.5 (PASCAL VOC 2010; ignore faces count neither way)",
    .best = 1,
    .worst = 0,
    .by_class = true,
    .compute = ap50,
};

const rf_metric rf_metric_voc_ap50_95 = {
    .name = "voc_ap50_95",
    .doc = "mean of the average precisions at IoU 0.5, 0.55 ... 0.95",
    .best = 1,
    .worst = 0,
    .by_class = true,
    .compute = ap50_95,
};
