/* SPDX-License-Identifier: Apache-2.0 */
/* Runs side by side: the loss and the metrics of several trainings in one picture and one table each. */
#ifndef RF_TRAIN_COMPARE_H
#define RF_TRAIN_COMPARE_H

#include <stddef.h>

#include "core/status.h"

enum { RF_COMPARE_RUNS = 16 };

/* Runs that differ by their seed: what is shown of them is the mean at the epochs that all of them have. */
typedef struct rf_run_group {
    char name[48];
    char *runs[RF_COMPARE_RUNS]; /* folders with a train.jsonl, owned */
    size_t n;
} rf_run_group;

/* From "NAME=RUN[,RUN...]"; RF_ERR_USER: no name, no run, more than RF_COMPARE_RUNS. rf_run_group_free in every case.
 */
rf_status rf_run_group_parse(const char *text, rf_run_group *out);
void rf_run_group_free(rf_run_group *group);

/* Makes dir when it is missing; writes dir/loss.svg (means of whole epochs) and dir/METRIC.svg for every metric of the
 * validations (rf_below_leaf of its name), and makes a Markdown table of each (*table, which the caller rf_frees): at
 * most 8 of its epochs, and the largest less the smallest run of a group at the last one. At most RF_CHART_SERIES
 * groups (RF_ERR_USER). */
rf_status rf_compare_runs(const rf_run_group *groups, size_t n, const char *dir, char **table);

#endif
