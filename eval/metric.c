/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/metric.h"

#define RF_METRIC(name) extern const rf_metric rf_metric_##name;
#include "eval/metrics.def"
#undef RF_METRIC

static const void *const metrics[] = {
#define RF_METRIC(name) &rf_metric_##name,
#include "eval/metrics.def"
#undef RF_METRIC
};

RF_REGISTRY_DEFINE(metric, rf_metric, metrics, e->compute && e->doc, .what = "metric")
