/* SPDX-License-Identifier: Apache-2.0 */
/* What a training step runs: the detector for one batch and image size, its loss, its gradients, and their memory. */
#ifndef RF_TRAIN_TRAIN_GRAPH_H
#define RF_TRAIN_TRAIN_GRAPH_H

#include "autograd/exec.h"
#include "detect/loss/loss.h"

typedef struct rf_train_graph {
    rf_graph *graph;
    rf_detector detector;
    rf_loss *loss;
    rf_loss_values values;
    rf_exec *exec; /* NULL until rf_train_graph_plan */
} rf_train_graph;

/* Builds everything but the executor, for train.batch images of input.size squared. params comes from
 * rf_detector_params with the same configuration and outlives the graph. On failure *out is empty. */
rf_status rf_train_graph_make(const rf_config *config, rf_params *params, rf_train_graph *out);
/* Plans the memory and reserves it, as train.recompute says. */
rf_status rf_train_graph_plan(const rf_config *config, rf_train_graph *net);
/* What rf_train_graph_plan would reserve. */
rf_status rf_train_graph_report(const rf_config *config, const rf_train_graph *net, rf_plan_report *report);
void rf_train_graph_free(rf_train_graph *net);

#endif
