/* SPDX-License-Identifier: Apache-2.0 */
/* The metric contract. A metric is a `const rf_metric rf_metric_NAME` in a file of eval/ and one line in
 * eval/metrics.def. */
#ifndef RF_EVAL_METRIC_H
#define RF_EVAL_METRIC_H

#include <stdbool.h>

#include "core/status.h"
#include "core/registry.h"
#include "data/dataset.h"
#include "detect/faces.h"

typedef struct rf_metric {
    const char *name, *doc;
    double best, worst; /* value of perfect detections; of none at all (NaN: undefined then) */
    bool needs_points;  /* landmarks in the truth and in the detections */
    bool needs_mesh;    /* vertices in both; without them *value is NaN */
    bool by_class;      /* kinds of objects are measured one by one, and the value of all is their mean */
    /* detections[i] are those of truth->samples[i], in pixels of that image, in any order. *value is NaN when the truth
     * holds nothing to measure. RF_ERR_NONFINITE for detections that are not finite; RF_ERR_NOMEM. Pure and thread
     * safe. */
    rf_status (*compute)(const rf_dataset *truth, const rf_face_list *detections, double *value);
} rf_metric;

/* What a metric says of a set: its value, and behind it those of the kinds of objects where the set has several and
 * they are measured one by one ("voc_ap50_mask"; blanks of a kind's name become _). */
enum { RF_METRIC_NAME = 64 };
typedef struct rf_metric_values {
    int n;
    struct {
        char name[RF_METRIC_NAME];
        double value;
    } v[1 + RF_CLASSES_MAX];
} rf_metric_values;
/* As metric->compute; a kind that the truth has no face of is NaN and does not count in the mean. */
rf_status rf_metric_measure(const rf_metric *metric, const rf_dataset *truth, const rf_face_list *detections,
                            rf_metric_values *out);

/* The registry: eval/metrics.def and what is registered. */
RF_REGISTRY_DECLARE(metric, rf_metric)

#endif
