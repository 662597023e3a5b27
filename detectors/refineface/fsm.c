/* SPDX-License-Identifier: Apache-2.0 */
#include "detectors/refineface/fsm.h"

#include "layers/detector.h"

rf_fsm rf_fsm_params(rf_net *net, int channels) {
    rf_fsm fsm;
    rf_net_initialiser(net, RF_INIT_NORMAL_001);
    rf_scope scope = rf_net_enter(net, "fsm");
    for (int i = 0; i < RF_FSM_CONVS; i++) {
        static const char *const names[RF_FSM_CONVS] = {"conv1", "conv2", "conv3", "conv4"};
        fsm.conv[i] = rf_conv_params(net, names[i], channels, channels, 3, 3);
    }
    fsm.logit = rf_conv_params(net, "logit", channels, 1, 1, 1);
    rf_net_leave(net, scope);
    return fsm;
}

rf_value rf_fsm_apply(rf_graph *graph, const rf_fsm *fsm, rf_value rois, const rf_value *maps, int n, int stride) {
    rf_value in[RF_MAX_INPUTS] = {rois};
    rf_net net = {.graph = graph, .mode = RF_TRAIN};
    int scope = rf_graph_scope(graph, "fsm");
    for (int i = 0; i < n && i + 1 < RF_MAX_INPUTS; i++) in[i + 1] = maps[i];
    rf_value x = rf_graph_apply(graph, "roi_align", in, n + 1, "size=%d scale=%.17g", RF_FSM_SIZE, 1.0 / stride);
    for (int i = 0; i < RF_FSM_CONVS; i++) x = rf_conv_bias_act(&net, x, fsm->conv[i], 1, true);
    x = rf_apply1(graph, "mean", x, "spatial=1");
    if (x != RF_NONE) {
        rf_shape s = rf_graph_shape(graph, x);
        x = rf_apply1(graph, "reshape", x, "d0=%d d1=1 d2=1 d3=%d", s.d[0], s.d[1]);
        x = rf_conv_bias(&net, x, fsm->logit);
        x = rf_apply1(graph, "logit_pair", rf_apply1(graph, "reshape", x, "d0=%d d1=1", s.d[0]), "%s", "");
    }
    rf_graph_scope_end(graph, scope);
    return x;
}

static bool on(const rf_config *config) {
    return config->model.fsm;
}

static rf_status build(rf_net *net, const rf_config *config, rf_detector *detector, void *state) {
    (void)config;
    *(rf_fsm *)state = rf_fsm_params(net, rf_net_channels(net, detector->maps[0]));
    return RF_OK;
}

const rf_branch rf_branch_fsm = {
    .name = "fsm",
    .doc = "feature supervision: in training a classifier of regions teaches the maps (RefineFace)",
    .bytes = sizeof(rf_fsm),
    .training = true,
    .on = on,
    .build = build,
};
