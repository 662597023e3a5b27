/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/sized_net.h"

#include <stdio.h>
#include <string.h>

void rf_sized_net_clear(rf_sized_net *net) {
    rf_exec_free(net->exec);
    rf_graph_free(net->graph);
    rf_anchor_set_free(&net->anchors);
    memset(net, 0, sizeof *net);
}

/* What the stages say of a level. */
static void stages_of_level(const rf_sized_spec *wanted, const rf_output_list *outputs, int n_stages, int level,
                            rf_stage_rows *rows) {
    for (int k = 0; k < n_stages; k++) {
        const rf_output_rows cls = rf_outputs_rows(outputs, "cls", k), loc = rf_outputs_rows(outputs, "loc", k);
        rows[k] = (rf_stage_rows){.cls = cls.value,
                                  .loc = loc.value,
                                  .points = rf_outputs_value(outputs, "points", k),
                                  .cls_first = cls.first[level],
                                  .box_first = loc.first[level]};
        for (int i = 0; i < wanted->extras->n; i++)
            rows[k].extra[i] = rf_outputs_value(outputs, wanted->extras->v[i].kind->name, k);
    }
}

/* What to look for at a level; false when no score can reach the threshold. */
static bool level_spec(const rf_sized_spec *wanted, const rf_anchor_set *anchors, int l, rf_level_spec *out) {
    size_t first = anchors->levels[l].first;
    float factor = wanted->spec->level_scores[l], least = (float)wanted->config->eval.score;
    if (factor < least || factor <= 0) return false;
    float lowest = least / factor;
    bool spared = (long)anchors->levels[l].rows * anchors->levels[l].cols < wanted->spec->least_cells;
    if (!spared && lowest < wanted->spec->level_least[l]) lowest = wanted->spec->level_least[l];
    *out = (rf_level_spec){.first = first,
                           .count = rf_anchor_level_end(anchors, l) - first,
                           .score = lowest,
                           .drop_below = wanted->spec->drop_below,
                           .top_k = wanted->spec->level_top_k,
                           .factor = factor};
    return true;
}

/* The nodes that make faces of what the heads say, each level's with its own limits and its scores times its factor. */
static void append_decoding(const rf_sized_spec *wanted, rf_sized_net *net) {
    const rf_anchor_set *set = &net->anchors;
    rf_stage_rows stages[RF_NET_STAGES];
    int n_stages = rf_outputs_stages(&net->detector.outputs), scope = rf_graph_scope(net->graph, "decode");
    rf_value anchors = rf_graph_const(net->graph, "anchors", (rf_shape){2, {(int)set->count, 4}}, set->boxes);
    for (int l = 0; l < set->n_levels; l++) {
        rf_level_spec spec;
        char name[24];
        if (!level_spec(wanted, set, l, &spec)) continue;
        stages_of_level(wanted, &net->detector.outputs, n_stages, l, stages);
        snprintf(name, sizeof name, "stride%d", set->levels[l].stride);
        int level = rf_graph_scope(net->graph, name);
        const rf_codec codec = rf_codec_at(&wanted->spec->codec, set->levels[l].stride);
        rf_decode_level(net->graph, &codec, anchors, stages, n_stages, &spec, wanted->extras,
                        &net->levels[net->n_levels++]);
        rf_graph_scope_end(net->graph, level);
    }
    rf_graph_scope_end(net->graph, scope);
}

rf_status rf_sized_net_build(const rf_sized_spec *wanted, bool runs, rf_sized_net *net) {
    int width = net->width = wanted->width, height = net->height = wanted->height;
    net->graph = rf_graph_new();
    if (!net->graph) return RF_ERR_NOMEM;
    RF_TRY(rf_detector_build(net->graph, wanted->params, wanted->config, 1, height, width, RF_EVAL, &net->detector));
    RF_TRY((runs ? rf_anchor_set_make : rf_anchor_set_lay_out)(&wanted->spec->anchors, height, width, &net->anchors));
    if (net->anchors.count != net->detector.anchors)
        return rf_fail(RF_ERR_USER, "the network has %zu anchors at %dx%d, the settings in [anchors] give %zu",
                       net->detector.anchors, width, height, net->anchors.count);
    append_decoding(wanted, net);
    return rf_graph_status(net->graph);
}

rf_status rf_sized_net_make(const rf_sized_spec *wanted, rf_sized_net *net) {
    RF_TRY(rf_sized_net_build(wanted, true, net));
    net->exec = rf_exec_new(net->graph, NULL);
    return net->exec ? RF_OK : RF_ERR_NOMEM;
}
