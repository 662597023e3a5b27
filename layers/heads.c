/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/heads.h"

#include "layers/detector.h"

rf_value rf_head_rows(rf_net *net, const rf_value *maps, int n, const char *name, int anchors, int width) {
    rf_value rows[RF_NET_LEVELS];
    int n_rows = 0;
    rf_scope scope = rf_net_enter(net, "%s", name);
    for (int i = 0; i < n; i++) {
        if (maps[i] == RF_NONE) continue;
        rf_shape s = rf_graph_shape(net->graph, maps[i]);
        rows[n_rows++] =
            rf_apply1(net->graph, "reshape", maps[i], "d0=%d d1=%d d2=%d", s.d[0], s.d[1] * s.d[2] * anchors, width);
    }
    rf_value all = n_rows ? rows[0] : RF_NONE;
    if (n_rows > 1) all = rf_graph_apply(net->graph, "concat", rows, n_rows, "axis=1");
    rf_net_leave(net, scope);
    return all;
}

enum { CANDIDATES = 3 }; /* of a maximum */

static bool has_candidates(const rf_head_spec *spec, int level) {
    return spec->maxout == RF_MAXOUT_BOTH || (spec->maxout == RF_MAXOUT_BACKGROUND && level == 0);
}

/* The head of one level. */
static rf_value head_map(rf_net *net, const rf_head_spec *spec, rf_value x, rf_conv_pair pair, int level) {
    int background = level == 0 ? CANDIDATES : 1;
    rf_value y = rf_conv_bias(net, x, pair);
    if (!has_candidates(spec, level)) return y;
    return rf_apply1(net->graph, "maxout", y, "background=%d face=%d", background, CANDIDATES + 1 - background);
}

rf_value rf_heads(rf_net *net, const rf_head_spec *spec, const rf_value *levels, int n, rf_value *maps) {
    rf_value own[RF_NET_LEVELS];
    rf_conv_pair pair = {RF_NONE, RF_NONE};
    bool first = true;
    rf_net_initialiser(net, RF_INIT_NORMAL_001);
    net->part = RF_PARAM_HEAD;
    for (int i = 0; i < n; i++) {
        own[i] = RF_NONE;
        if (levels[i] == RF_NONE) continue;
        rf_scope scope = rf_net_enter(net, "%s", spec->name), level = rf_net_enter(net, "%d", spec->share ? 0 : i);
        if (first || !spec->share)
            pair = rf_conv_bias_params(net, "conv1x1", rf_net_channels(net, levels[i]),
                                       spec->anchors * (has_candidates(spec, i) ? CANDIDATES + 1 : spec->width));
        own[i] = head_map(net, spec, levels[i], pair, i);
        first = false;
        if (maps) maps[i] = own[i];
        rf_net_leave(net, level);
        rf_net_leave(net, scope);
        if (own[i] == RF_NONE) return RF_NONE;
    }
    net->part = 0;
    return rf_head_rows(net, own, n, spec->name, spec->anchors, spec->width);
}
