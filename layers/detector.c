/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/detector.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "layers/family.h"

rf_net rf_detector_net(rf_graph *graph, rf_params *params, const rf_config *config, rf_mode mode) {
    return (rf_net){.graph = graph,
                    .params = params,
                    .mode = mode,
                    .bn_eps = config->model.bn_eps,
                    .bn_momentum = config->model.bn_momentum,
                    .backbone_lr = config->optim.backbone_lr,
                    .head_lr = config->optim.head_lr,
                    .context_channels = (int)config->model.context_channels,
                    .decay_bn_bias = config->optim.decay_bn_bias,
                    .bias_lr = config->optim.bias_lr,
                    .bias_decay = config->optim.bias_decay,
                    .beta_decay = config->optim.beta_decay,
                    .fan_in_init = config->model.initialiser == RF_INITIALISER_FAN_IN,
                    .freeze_bn = config->model.freeze_bn,
                    .freeze_stages = (int)config->model.freeze_stages,
                    .freeze_arrays = (int)config->model.freeze_arrays};
}

static rf_status build(rf_net *net, const rf_config *config, int n, int h, int w, rf_detector *out) {
    memset(out, 0, sizeof *out);
    out->input = rf_graph_input(net->graph, "input", (rf_shape){4, {n, h, w, 3}});
    RF_TRY(rf_graph_status(net->graph));
    RF_TRY(rf_family_at(config->model.family)->build(net, config, out));
    RF_TRY(rf_net_status(net));
    RF_TRY(rf_branches_build(net, config, out));
    return rf_net_status(net);
}

rf_status rf_detector_params(const rf_config *config, rf_params **out) {
    rf_status status = RF_ERR_NOMEM;
    rf_detector ignored;
    *out = NULL;
    rf_graph *graph = rf_graph_new();
    rf_params *params = rf_params_new();
    if (!graph || !params) goto fail;
    /* Any size does: parameters do not depend on it. */
    rf_net net = rf_detector_net(graph, params, config, RF_TRAIN);
    RF_TRY_GOTO(build(&net, config, 1, 64, 64, &ignored));
    RF_TRY_GOTO(rf_params_seal(params));
    *out = params;
    params = NULL;
fail:
    rf_params_free(params);
    rf_graph_free(graph);
    return status;
}

rf_status rf_detector_build(rf_graph *graph, rf_params *params, const rf_config *config, int n, int h, int w,
                            rf_mode mode, rf_detector *out) {
    if (mode == RF_EVAL && !params->folded_valid) RF_TRY(rf_params_fold(params, NULL));
    rf_net net = rf_detector_net(graph, params, config, mode);
    params->cursor = 0;
    return build(&net, config, n, h, w, out);
}

void rf_detector_levels(rf_net *net, const int *strides, int n_levels, int cell_anchors, rf_detector *out) {
    out->n_levels = n_levels;
    out->cell_anchors = cell_anchors;
    out->anchors = 0;
    for (int i = 0; i < n_levels; i++) {
        rf_shape s = rf_graph_shape(net->graph, out->maps[i]);
        out->stride[i] = strides[i];
        out->h[i] = s.d[1];
        out->w[i] = s.d[2];
        out->anchors += (size_t)s.d[1] * (size_t)s.d[2] * (size_t)cell_anchors;
    }
}

rf_status rf_detector_list(rf_net *net, rf_detector *detector, const rf_output *what, const rf_value *maps,
                           const bool *at) {
    rf_output one = *what;
    char name[RF_NAME_BYTES];
    RF_TRY(rf_net_status(net));
    snprintf(name, sizeof name, what->head_stage ? "%s%d" : "%s", what->name, what->head_stage + 1);
    rf_graph_keep(net->graph, what->rows);
    rf_graph_name(net->graph, what->rows, name);
    one.first = 0;
    for (one.level = 0; one.level < detector->n_levels; one.level++) {
        if (at && !at[one.level]) continue;
        one.map = maps ? maps[one.level] : RF_NONE;
        one.count = (size_t)detector->h[one.level] * (size_t)detector->w[one.level] * (size_t)detector->cell_anchors;
        RF_TRY(rf_outputs_add(&detector->outputs, &one));
        one.first += one.count;
    }
    return RF_OK;
}

const void *rf_detector_branch(const rf_detector *detector, const char *name) {
    return rf_branches_find(&detector->branches, name);
}
