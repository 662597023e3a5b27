/* SPDX-License-Identifier: Apache-2.0 */
#include "export/decoding.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static const char *const ops[] = {
    [RF_PRIMITIVE_SLICE] = "slice", [RF_PRIMITIVE_RESHAPE] = "reshape", [RF_PRIMITIVE_CONCAT] = "concat",
    [RF_PRIMITIVE_SCALE] = "scale", [RF_PRIMITIVE_SHIFT] = "shift",     [RF_PRIMITIVE_CLAMP] = "clamp",
    [RF_PRIMITIVE_EXP] = "exp",     [RF_PRIMITIVE_SIGMOID] = "sigmoid", [RF_PRIMITIVE_RELU] = "relu",
    [RF_PRIMITIVE_ADD] = "add",     [RF_PRIMITIVE_MUL] = "mul",
};
enum { OPS = sizeof ops / sizeof *ops };

static int kind_of(const rf_node_info *node) {
    int kind = 0;
    while (kind < OPS && (!node->op || strcmp(node->op->name, ops[kind]) != 0)) kind++;
    return kind;
}

/* An op's attribute by its name. */
static double attr_of(const rf_node_info *node, const char *name, double otherwise) {
    for (int i = 0; node->op->attrs[i].name; i++)
        if (strcmp(node->op->attrs[i].name, name) == 0) return node->attrs[i];
    return otherwise;
}

rf_primitive rf_decoding_node(const rf_decoding *d, int i) {
    rf_node_info node = rf_graph_node(d->graph, i);
    rf_primitive p = {.kind = (rf_primitive_kind)kind_of(&node), .name = node.op->name, .out = node.outputs[0]};
    p.shape = rf_graph_shape(d->graph, p.out);
    p.n_in = node.n_inputs;
    for (int k = 0; k < p.n_in; k++) p.in[k] = node.inputs[k];
    p.axis = (int)attr_of(&node, "axis", 0);
    if (p.axis < 0) p.axis = p.shape.n - 1;
    p.start = (int)attr_of(&node, "start", 0);
    p.count = (int)attr_of(&node, "count", 1);
    p.a = (float)attr_of(&node, "factor", attr_of(&node, "offset", attr_of(&node, "min", 0)));
    p.b = (float)attr_of(&node, "max", 0);
    return p;
}

static bool by_rows(const rf_graph *g, rf_value value) {
    rf_shape s = rf_graph_shape(g, value);
    return s.n >= 2 && s.d[0] == RF_DECODING_ROWS;
}

/* Exporters translate what is on the list, and only what looks at one row at a time. */
static rf_status check(const rf_decoding *d) {
    RF_TRY(rf_graph_status(d->graph));
    for (int i = 0; i < rf_graph_node_count(d->graph); i++) {
        rf_node_info node = rf_graph_node(d->graph, i);
        if (kind_of(&node) == OPS)
            return rf_fail(RF_ERR_USER,
                           "the coders %s decode by the op %s, which exporters cannot translate (layers/coder.h lists "
                           "those that they can)",
                           d->coders, node.op ? node.op->name : "of a function");
        rf_primitive p = rf_decoding_node(d, i);
        bool cuts = (p.kind == RF_PRIMITIVE_SLICE || p.kind == RF_PRIMITIVE_CONCAT) && p.axis == 0;
        bool rows = by_rows(d->graph, p.out);
        for (int k = 0; k < p.n_in; k++) rows = rows && by_rows(d->graph, p.in[k]);
        if (cuts || !rows)
            return rf_fail(RF_ERR_USER,
                           "the coders %s decode by the op %s across rows, and exporters translate what looks at one "
                           "row at a time",
                           d->coders, p.name);
    }
    return RF_OK;
}

/* What the results depend on: of an earlier stage perhaps not its points. */
static rf_status find_used(rf_decoding *d) {
    d->used = rf_alloc((size_t)rf_graph_value_count(d->graph), sizeof *d->used);
    if (!d->used) return RF_ERR_NOMEM;
    if (d->box != RF_NONE) d->used[d->box] = true;
    if (d->landmarks != RF_NONE) d->used[d->landmarks] = true;
    for (int i = rf_graph_node_count(d->graph); i-- > 0;) {
        rf_primitive p = rf_decoding_node(d, i);
        for (int k = 0; k < p.n_in; k++) d->used[p.in[k]] = d->used[p.in[k]] || d->used[p.out];
    }
    return RF_OK;
}

static rf_status finish(rf_decoding *d) {
    RF_TRY(check(d));
    return find_used(d);
}

/* What a stage says under a name, as an input of the graph. */
static rf_value input(rf_graph *g, const rf_output *output) {
    return output ? rf_graph_input(g, output->name, (rf_shape){2, {RF_DECODING_ROWS, output->width}}) : RF_NONE;
}

static rf_status begin(const rf_export_net *net, const rf_codec *codec, int level, rf_decoding *out) {
    const rf_output_list *outputs = &net->detector.outputs;
    *out = (rf_decoding){.graph = rf_graph_new(), .box = RF_NONE, .landmarks = RF_NONE};
    snprintf(out->text, sizeof out->text, "%.60s and %.60s", rf_codec_box(codec)->name, rf_codec_points(codec)->name);
    out->coders = out->text;
    if (!out->graph) return RF_ERR_NOMEM;
    out->anchors = rf_graph_input(out->graph, "anchors", (rf_shape){2, {RF_DECODING_ROWS, 4}});
    for (int k = 0; k < RF_NET_STAGES; k++) {
        out->loc[k] = input(out->graph, rf_outputs_find(outputs, "loc", k, level));
        out->points[k] = input(out->graph, rf_outputs_find(outputs, "points", k, level));
    }
    return RF_OK;
}

rf_status rf_decoding_make(const rf_export_net *net, const rf_codec *codec, int level, rf_decoding *out) {
    const rf_codec at = rf_codec_at(codec, net->detector.stride[level]);
    RF_TRY(begin(net, codec, level, out));
    rf_graph *g = out->graph;
    rf_box_rows boxes = rf_codec_rows(g, out->anchors);
    for (int k = 0; k < RF_NET_STAGES; k++) {
        if (out->points[k] != RF_NONE) out->landmarks = rf_codec_point_rows(g, &at, boxes, out->points[k]);
        if (out->loc[k] != RF_NONE) boxes = rf_codec_move_rows(g, &at, boxes, out->loc[k]);
    }
    out->box = rf_codec_corner_rows(g, &at, boxes);
    return finish(out);
}

static rf_status composed(rf_decoding *d, const rf_coder *coder, const rf_codec *codec, rf_value before,
                          rf_value *rows) {
    if (*rows == RF_NONE || before == RF_NONE) return RF_OK;
    *rows = coder->compose ? coder->compose(d->graph, codec, before, *rows) : RF_NONE;
    RF_TRY(rf_graph_status(d->graph));
    if (*rows != RF_NONE) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "--outputs anchors: the rows of a cascade's stages become one stage's only where the coders can be "
                   "composed, and %s cannot: write --outputs faces or raw",
                   d->coders);
}

rf_status rf_decoding_compose(const rf_export_net *net, const rf_codec *codec, int level, rf_decoding *out) {
    const rf_codec at = rf_codec_at(codec, net->detector.stride[level]);
    RF_TRY(begin(net, codec, level, out));
    for (int k = 0; k < RF_NET_STAGES; k++) {
        rf_value points = out->points[k], loc = out->loc[k];
        RF_TRY(composed(out, rf_codec_points(codec), &at, out->box, &points));
        RF_TRY(composed(out, rf_codec_box(codec), &at, out->box, &loc));
        if (points != RF_NONE) out->landmarks = points;
        if (loc != RF_NONE) out->box = loc;
    }
    return finish(out);
}

rf_status rf_decoding_one(const rf_coder *coder, const rf_codec *codec, int width, rf_decoding *out) {
    *out = (rf_decoding){.graph = rf_graph_new(), .coders = coder->name, .box = RF_NONE, .landmarks = RF_NONE};
    for (int k = 0; k < RF_NET_STAGES; k++) out->loc[k] = out->points[k] = RF_NONE;
    rf_graph *g = out->graph;
    if (!g) return RF_ERR_NOMEM;
    out->anchors = rf_graph_input(g, "anchors", (rf_shape){2, {RF_DECODING_ROWS, 4}});
    rf_value rows = rf_graph_input(g, "rows", (rf_shape){2, {RF_DECODING_ROWS, width}});
    rf_box_rows anchors = rf_codec_rows(g, out->anchors);
    if (coder->boxes) {
        rf_box_rows boxes = coder->boxes(g, codec, anchors, out->loc[0] = rows);
        out->box = rf_apply2(g, "concat", boxes.centre, boxes.size, "axis=1");
    } else {
        out->landmarks = coder->points(g, codec, anchors, out->points[0] = rows);
    }
    return finish(out);
}

void rf_decoding_free(rf_decoding *decoding) {
    rf_graph_free(decoding->graph);
    rf_free(decoding->used);
    decoding->used = NULL;
    decoding->graph = NULL;
}
