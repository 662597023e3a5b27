/* SPDX-License-Identifier: Apache-2.0 */
/* Landmarks as AFLW and 300-W report them: normalised mean error by the size of the face's box (RetinaFace, section
 * 4.5) and by the distance of the eyes, the share of failures (error above 10 %), and the cumulative error curve, in
 * which a face that is not found never arrives. */
#include <math.h>
#include <stdlib.h>

#include "core/mem.h"
#include "eval/nme.h"
#include "eval/protocol.h"

static const double curve_end = 0.1;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct value_names {
    const char *curve, *mean, *failures, *missed, *area;
} value_names;

/* Area under the curve up to curve_end, as a share of the best: each face adds what lies right of its error. */
static double area(const double *errors, size_t n, size_t n_faces) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fmax(0, curve_end - errors[i]);
    return n_faces ? sum / curve_end / (double)n_faces : NAN;
}

static rf_status measure(const rf_protocol_input *in, rf_nme_norm norm, const value_names *names, rf_nme_result *result,
                         rf_protocol_result *out) {
    double *errors = NULL;
    rf_protocol_curve *curve;
    RF_TRY(rf_nme_errors(in->truth, in->detections, norm, &errors, result));
    rf_status status = RF_OK;
    size_t n = result->n_found, failures = result->n_faces - n;
    qsort(errors, n, sizeof *errors, by_value);
    RF_TRY_GOTO(rf_protocol_new_curve(out, names->curve, n + 2, &curve));
    curve->n = 1; /* the origin */
    curve->x[0] = curve->y[0] = 0;
    for (size_t i = 0; i < n; i++) {
        failures += errors[i] > curve_end;
        curve->x[curve->n] = errors[i];
        curve->y[curve->n++] = (double)(i + 1) / (double)result->n_faces;
    }
    rf_protocol_put(out, names->mean, result->mean);
    rf_protocol_put(out, names->failures, result->failure_rate);
    rf_protocol_put(out, names->missed, result->n_faces ? (double)failures / (double)result->n_faces : NAN);
    rf_protocol_put(out, names->area, area(errors, n, result->n_faces));
fail:
    rf_free(errors);
    return status;
}

static rf_status landmarks_run(const rf_protocol_input *in, rf_protocol_result *out) {
    static const value_names box = {"by box size", "nme_box", "failure_rate_box", "failed_or_missed_box", "auc_box"},
                             eyes = {"by distance of the eyes", "nme_eyes", "failure_rate_eyes",
                                     "failed_or_missed_eyes", "auc_eyes"};
    rf_nme_result result;
    RF_TRY(measure(in, RF_NME_BOX, &box, &result, out));
    double faces = (double)result.n_faces, found = (double)result.n_found;
    RF_TRY(measure(in, RF_NME_EYES, &eyes, &result, out));
    rf_protocol_put(out, "faces_with_landmarks", faces);
    rf_protocol_put(out, "found", found);
    return RF_OK;
}

extern const rf_protocol rf_protocol_landmarks;

const rf_protocol rf_protocol_landmarks = {
    .name = "landmarks",
    .doc = "Five landmarks: normalised mean error, failures above 10 %, cumulative error",
    .x_label = "Normalised mean error",
    .y_label = "Share of the annotated faces",
    .x_max = 0.2,
    .legend_right = true,
    .best = 0,
    .worst = NAN,
    .needs_points = true,
    .run = landmarks_run,
};
