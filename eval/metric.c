/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/metric.h"

#include "core/name.h"
#define RF_METRIC(name) extern const rf_metric rf_metric_##name;
#include "eval/metrics.def"
#undef RF_METRIC

const rf_metric *const rf_metrics[RF_METRIC_COUNT] = {
#define RF_METRIC(name) &rf_metric_##name,
#include "eval/metrics.def"
#undef RF_METRIC
};

const rf_metric *rf_metric_find(const char *name) {
    const char *names[RF_METRIC_COUNT];
    for (int i = 0; i < RF_METRIC_COUNT; i++) names[i] = rf_metrics[i]->name;
    int at = rf_name_find("metric", name, names, RF_METRIC_COUNT);
    return at < 0 ? NULL : rf_metrics[at];
}
