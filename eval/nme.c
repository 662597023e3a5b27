/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/nme.h"

#include <math.h>

#include "core/mem.h"
#include "detect/box.h"
#include "eval/assign.h"
#include "eval/metric.h"

/* The length that errors of a face are divided by; 0: the face is not measured. */
static double norm_of(const rf_face *face, rf_nme_norm norm) {
    if (face->ignore || !face->n_points || !rf_box_valid(face->box, false)) return 0;
    const float *p = face->points;
    if (norm == RF_NME_EYES && face->n_points != RF_POINTS) return 0; /* which are the eyes? */
    if (norm == RF_NME_EYES) return hypot((double)p[2] - (double)p[0], (double)p[3] - (double)p[1]);
    return sqrt((double)rf_box_width(face->box, false) * (double)rf_box_height(face->box, false));
}

static double mean_distance(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += hypot((double)a[2 * i] - (double)b[2 * i], (double)a[2 * i + 1] - (double)b[2 * i + 1]);
    return sum / n;
}

rf_status rf_nme_errors(const rf_dataset *truth, const rf_face_list *detections, rf_nme_norm norm, double **errors,
                        rf_nme_result *out) {
    *out = (rf_nme_result){.mean = NAN, .failure_rate = NAN};
    rf_assigned *items = NULL;
    size_t count, failures = 0;
    double sum = 0;
    RF_TRY(rf_assign(truth, detections, &items, &count));
    rf_status status = RF_ERR_NOMEM;
    bool *found = rf_alloc(truth->n_faces, sizeof *found);
    double *list = rf_alloc(truth->n_faces, sizeof *list);
    if (!found || !list) goto fail;
    for (size_t f = 0; f < truth->n_faces; f++) out->n_faces += norm_of(&truth->faces[f], norm) > 0;
    for (size_t i = 0; i < count; i++) {
        const rf_face *detection = items[i].detection;
        if (items[i].iou < 0.5f || detection->n_points != truth->faces[items[i].face].n_points || found[items[i].face])
            continue;
        const rf_face *face = &truth->faces[items[i].face];
        double length = norm_of(face, norm);
        if (!(length > 0)) continue;
        double error = mean_distance(detection->points, face->points, face->n_points) / length;
        if (!isfinite(error)) {
            status = rf_fail(RF_ERR_NONFINITE, "the landmarks of a detection at %g,%g are not finite",
                             (double)detection->box[0], (double)detection->box[1]);
            goto fail;
        }
        found[items[i].face] = true;
        sum += error;
        failures += error > 0.1;
        list[out->n_found++] = error;
    }
    if (out->n_found) {
        out->mean = sum / (double)out->n_found;
        out->failure_rate = (double)failures / (double)out->n_found;
    }
    *errors = list;
    list = NULL;
    status = RF_OK;
fail:
    rf_free(list);
    rf_free(found);
    rf_free(items);
    return status;
}

rf_status rf_nme(const rf_dataset *truth, const rf_face_list *detections, rf_nme_norm norm, rf_nme_result *out) {
    double *errors;
    RF_TRY(rf_nme_errors(truth, detections, norm, &errors, out));
    rf_free(errors);
    return RF_OK;
}

static rf_status nme_by_box(const rf_dataset *truth, const rf_face_list *detections, double *value) {
    rf_nme_result result;
    RF_TRY(rf_nme(truth, detections, RF_NME_BOX, &result));
    *value = result.mean;
    return RF_OK;
}

extern const rf_metric rf_metric_nme;

const rf_metric rf_metric_nme = {
    .name = "nme",
    .doc = "mean distance of the landmarks / sqrt(w h) over the faces found with IoU >= 0.5",
    .best = 0,
    .worst = NAN,
    .needs_points = true,
    .compute = nme_by_box,
};
