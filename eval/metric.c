#include "eval/metric.h"

#include <string.h>

#define RF_METRIC(name) extern const rf_metric rf_metric_##name;
#include "eval/metrics.def"
#undef RF_METRIC

const rf_metric *const rf_metrics[RF_METRIC_COUNT] = {
#define RF_METRIC(name) &rf_metric_##name,
#include "eval/metrics.def"
#undef RF_METRIC
};

const rf_metric *rf_metric_find(const char *name) {
    for (int i = 0; i < RF_METRIC_COUNT; i++)
        if (strcmp(rf_metrics[i]->name, name) == 0) return rf_metrics[i];
#define RF_METRIC(name) " " #name
    rf_fail(RF_ERR_USER, "no metric is called \"%s\"; there are:%s", name,
#include "eval/metrics.def"
    );
#undef RF_METRIC
    return NULL;
}
