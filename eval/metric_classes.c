/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of several kinds of objects: each kind is measured as if there were no other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "eval/class_part.h"
#include "eval/metric.h"

rf_status rf_class_part_make(const rf_dataset *truth, const rf_face_list *detections, int label, rf_class_part *out) {
    size_t n_detections = 0, n = truth->n_samples;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) n_detections += detections[i].n;
    out->truth = *truth;
    out->truth.n_faces = out->truth.n_ignored = out->truth.n_with_points = 0;
    out->truth.classes = (rf_classes){0};
    out->truth.samples = rf_alloc(n, sizeof *out->truth.samples);
    out->truth.faces = rf_alloc(truth->n_faces, sizeof *out->truth.faces);
    out->detections = rf_alloc(n, sizeof *out->detections);
    out->found = rf_alloc(n_detections, sizeof *out->found);
    if (!out->truth.samples || !out->truth.faces || !out->detections || !out->found) return RF_ERR_NOMEM;
    rf_face *found = out->found;
    for (size_t i = 0; i < n; i++) {
        rf_sample *sample = &out->truth.samples[i];
        *sample = truth->samples[i];
        sample->first_face = out->truth.n_faces;
        for (size_t k = 0; k < truth->samples[i].n_faces; k++) {
            const rf_face *face = &truth->faces[truth->samples[i].first_face + k];
            if (face->label != label) continue;
            out->truth.faces[out->truth.n_faces++] = *face;
            out->truth.n_ignored += face->ignore;
            out->truth.n_with_points += face->n_points > 0;
        }
        sample->n_faces = out->truth.n_faces - sample->first_face;
        out->detections[i] = detections[i];
        out->detections[i].items = found;
        for (size_t k = 0; k < detections[i].n; k++)
            if (detections[i].items[k].label == label) *found++ = detections[i].items[k];
        out->detections[i].n = (size_t)(found - out->detections[i].items);
    }
    return RF_OK;
}

void rf_class_part_free(rf_class_part *part) {
    rf_free(part->truth.samples);
    rf_free(part->truth.faces);
    rf_free(part->detections);
    rf_free(part->found);
    memset(part, 0, sizeof *part);
}

static rf_status measure_class(const rf_metric *metric, const rf_dataset *truth, const rf_face_list *detections,
                               int label, double *value) {
    rf_class_part part;
    rf_status status = rf_class_part_make(truth, detections, label, &part);
    if (status == RF_OK) status = metric->compute(&part.truth, part.detections, value);
    rf_class_part_free(&part);
    return status;
}

void rf_class_metric_name(const char *metric, const rf_classes *classes, int label, char out[RF_METRIC_NAME]) {
    snprintf(out, RF_METRIC_NAME, "%.20s_%s", metric, classes->name[label]);
    for (char *c = out; *c; c++)
        if (*c == ' ') *c = '_';
}

rf_status rf_metric_measure(const rf_metric *metric, const rf_dataset *truth, const rf_face_list *detections,
                            rf_metric_values *out) {
    double sum = 0;
    int measured = 0;
    memset(out, 0, sizeof *out);
    snprintf(out->v[0].name, sizeof out->v[0].name, "%s", metric->name);
    out->n = 1;
    if (!metric->by_class || truth->classes.n < 2) return metric->compute(truth, detections, &out->v[0].value);
    for (int k = 0; k < truth->classes.n; k++, out->n++) {
        double *value = &out->v[out->n].value;
        rf_class_metric_name(metric->name, &truth->classes, k, out->v[out->n].name);
        RF_TRY(measure_class(metric, truth, detections, k, value));
        if (!isfinite(*value)) continue;
        sum += *value;
        measured++;
    }
    out->v[0].value = measured ? sum / measured : NAN;
    return RF_OK;
}
