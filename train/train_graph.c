/* SPDX-License-Identifier: Apache-2.0 */
#include "train/train_graph.h"

#include <string.h>

#include "autograd/fuse.h"

rf_status rf_train_graph_make(const rf_config *config, rf_params *params, rf_train_graph *net) {
    memset(net, 0, sizeof *net);
    int n = (int)config->train.batch, side = (int)config->input.size;
    rf_status status = RF_ERR_NOMEM;
    net->graph = rf_graph_new();
    if (!net->graph) goto fail;
    RF_TRY_GOTO(rf_detector_build(net->graph, params, config, n, side, side, RF_TRAIN, &net->detector));
    RF_TRY_GOTO(rf_loss_make(config, n, side, side, &net->loss));
    RF_TRY_GOTO(rf_loss_build(net->loss, net->graph, &net->detector, &net->values));
    RF_TRY_GOTO(rf_graph_fuse(net->graph, config->train.precision == RF_PRECISION_BF16));
    RF_TRY_GOTO(rf_graph_backward(net->graph, &net->values.total, 1));
    return RF_OK;
fail:
    rf_train_graph_free(net);
    return status;
}

void rf_train_graph_free(rf_train_graph *net) {
    rf_exec_free(net->exec);
    rf_graph_free(net->graph);
    rf_loss_free(net->loss);
    memset(net, 0, sizeof *net);
}

static rf_exec_options exec_options(const rf_config *config) {
    return (rf_exec_options){.recompute = config->train.recompute};
}

rf_status rf_train_graph_plan(const rf_config *config, rf_train_graph *net) {
    rf_exec_options options = exec_options(config);
    net->exec = rf_exec_new(net->graph, &options);
    return net->exec ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_train_graph_report(const rf_config *config, const rf_train_graph *net, rf_plan_report *report) {
    rf_exec_options options = exec_options(config);
    return rf_exec_plan_only(net->graph, &options, report);
}
