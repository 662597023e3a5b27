/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tower.h"

static const int line_h[RF_RFE_BRANCHES] = {1, 5, 1, 3}, line_w[RF_RFE_BRANCHES] = {5, 1, 3, 1};

rf_rfe rf_rfe_params(rf_net *net, const char *name, int channels) {
    rf_rfe rfe;
    int quarter = channels / RF_RFE_BRANCHES;
    rf_scope scope = rf_net_enter(net, "%s", name);
    for (int i = 0; i < RF_RFE_BRANCHES; i++) {
        rf_scope branch = rf_net_enter(net, "branch%d", i + 1);
        rfe.narrow[i] = rf_conv_params(net, "0", channels, quarter, 1, 1);
        rfe.line[i] = rf_conv_params(net, "1", quarter, quarter, line_h[i], line_w[i]);
        rfe.point[i] = rf_conv_params(net, "2", quarter, quarter, 1, 1);
        rf_net_leave(net, branch);
    }
    rfe.join = rf_conv_params(net, "join", RF_RFE_BRANCHES * quarter, channels, 1, 1);
    rf_net_leave(net, scope);
    return rfe;
}

/* A convolution with ReLU whose node has a name of its own, which exporters show. */
static rf_value named_conv(rf_net *net, rf_value x, const char *name, rf_conv_pair pair) {
    rf_scope scope = rf_net_enter(net, "%s", name);
    x = rf_conv_bias_act(net, x, pair, 1, true);
    rf_net_leave(net, scope);
    return x;
}

rf_value rf_rfe_apply(rf_net *net, const char *name, const rf_rfe *rfe, rf_value x) {
    rf_value branches[RF_RFE_BRANCHES];
    rf_scope scope = rf_net_enter(net, "%s", name);
    for (int i = 0; i < RF_RFE_BRANCHES; i++) {
        rf_scope branch = rf_net_enter(net, "branch%d", i + 1);
        rf_value y = named_conv(net, x, "0", rfe->narrow[i]);
        y = named_conv(net, y, "1", rfe->line[i]);
        branches[i] = named_conv(net, y, "2", rfe->point[i]);
        rf_net_leave(net, branch);
    }
    rf_value all = rf_graph_apply(net->graph, "concat", branches, RF_RFE_BRANCHES, "axis=3");
    rf_value sum = rf_apply2(net->graph, "add", x, named_conv(net, all, "join", rfe->join), "%s", "");
    rf_net_leave(net, scope);
    return sum;
}

rf_tower rf_tower_params(rf_net *net, const rf_tower_spec *spec) {
    rf_tower tower = {.name = spec->name, .enhanced = spec->enhanced, .pairs = spec->logits};
    int c = spec->channels;
    rf_net_initialiser(net, RF_INIT_NORMAL_001);
    rf_scope scope = rf_net_enter(net, "%s", spec->name);
    tower.first = rf_conv_params(net, "conv1", c, c, 3, 3);
    if (tower.enhanced) tower.rfe = rf_rfe_params(net, "rfe", c);
    tower.second = rf_conv_params(net, "conv2", c, c, 3, 3);
    net->part = RF_PARAM_HEAD;
    net->rare_faces = spec->logits;
    tower.predict = rf_conv_params(net, "predict", c, spec->outputs, 1, 1);
    net->rare_faces = false;
    net->part = 0;
    rf_net_leave(net, scope);
    return tower;
}

rf_value rf_tower_apply(rf_net *net, const rf_tower *tower, rf_value x) {
    rf_scope scope = rf_net_enter(net, "%s", tower->name);
    x = named_conv(net, x, "conv1", tower->first);
    if (tower->enhanced) x = rf_rfe_apply(net, "rfe", &tower->rfe, x);
    x = named_conv(net, x, "conv2", tower->second);
    rf_scope predict = rf_net_enter(net, "predict");
    x = rf_conv_bias(net, x, tower->predict);
    if (tower->pairs) x = rf_apply1(net->graph, "logit_pair", x, "%s", "");
    rf_net_leave(net, predict);
    rf_net_leave(net, scope);
    return x;
}
