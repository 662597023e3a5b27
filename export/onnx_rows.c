/* SPDX-License-Identifier: Apache-2.0 */
/* From the maps of the levels to the rows of all anchors. In a cascade the stages are composed on the way, so that the
 * rows are relative to the anchors of the grid, whatever the number of stages:
 *   a first stage moves an anchor's centre by s1 w and makes it e^g1 as large, a second one moves that box by
 *   s2 w e^g1 and makes it e^g2 as large; together s1 + s2 e^g1 and g1 + g2.
 * Only the limits on logarithms differ: here the sum is limited, there each stage is. */
#include <math.h>

#include "detect/spec.h"
#include "export/onnx_net.h"

const char *rf_onnx_columns(rf_onnx_build *b, const char *x, int axis, int from, int to, const char *name) {
    rf_onnx_model *m = b->onnx;
    return rf_onnx_node_add(m, "Slice", name,
                            RF_ONNX_IN(x, RF_ONNX_INTS(m, from), RF_ONNX_INTS(m, to), RF_ONNX_INTS(m, axis)), "%s", "");
}

const char *rf_onnx_binary(rf_onnx_build *b, const char *op, const char *x, const char *y, const char *name) {
    return rf_onnx_node_add(b->onnx, op, name, RF_ONNX_IN(x, y), "%s", "");
}

/* The map of an output, anchors' channels in front, as rows in anchor order, [N, h*w*anchors, width]. */
static const char *map_rows(rf_onnx_build *b, const rf_output *output) {
    rf_onnx_model *m = b->onnx;
    const char *name = b->names[output->map];
    const char *last =
        rf_onnx_node_add(m, "Transpose", rf_onnx_text(m, "%s.nhwc", name), RF_ONNX_IN(name), "perm=[0,2,3,1]");
    /* 0 copies the batch */
    const char *shape = RF_ONNX_INTS(m, b->options->batch, -1, output->width);
    return rf_onnx_node_add(m, "Reshape", rf_onnx_text(m, "%s.rows", name), RF_ONNX_IN(last, shape), "%s", "");
}

static const char *join(rf_onnx_build *b, const char *const *rows, const char *name) {
    return rf_onnx_node_add(b->onnx, "Concat", name, rows, "axis=1");
}

/* min(max(x, least), most) as most - relu(most - least - relu(x - least)): OpenCV reads Clip with limits from 4.7 on.
 */
static const char *limit(rf_onnx_build *b, const char *x, float least, float most, const char *name) {
    rf_onnx_model *m = b->onnx;
    x = rf_onnx_binary(b, "Sub", x, rf_onnx_number(m, least), rf_onnx_text(m, "%s.over", name));
    x = rf_onnx_node_add(m, "Relu", rf_onnx_text(m, "%s.low", name), RF_ONNX_IN(x), "%s", "");
    x = rf_onnx_binary(b, "Sub", rf_onnx_number(m, most - least), x, rf_onnx_text(m, "%s.left", name));
    x = rf_onnx_node_add(m, "Relu", rf_onnx_text(m, "%s.high", name), RF_ONNX_IN(x), "%s", "");
    return rf_onnx_binary(b, "Sub", rf_onnx_number(m, most), x, name);
}

/* How much larger than its anchor the box of [N,A,4] rows is, [N,A,2]. */
static const char *factor_of(rf_onnx_build *b, const char *rows, float variance_size) {
    rf_onnx_model *m = b->onnx;
    const char *x = rf_onnx_columns(b, rows, 2, 2, 4, rf_onnx_text(m, "%s.growth", rows));
    x = rf_onnx_binary(b, "Mul", x, rf_onnx_number(m, variance_size), rf_onnx_text(m, "%s.log", rows));
    x = limit(b, x, -RF_CODEC_LOG_LIMIT, RF_CODEC_LOG_LIMIT, rf_onnx_text(m, "%s.limited", rows));
    return rf_onnx_node_add(m, "Exp", rf_onnx_text(m, "%s.factor", rows), RF_ONNX_IN(x), "%s", "");
}

/* A stage's box rows on top of those before it. */
static const char *compose_boxes(rf_onnx_build *b, const char *before, const char *factor, const char *rows) {
    rf_onnx_model *m = b->onnx;
    const char *shift = rf_onnx_columns(b, rows, 2, 0, 2, rf_onnx_text(m, "%s.step", rows));
    shift = rf_onnx_binary(b, "Mul", shift, factor, rf_onnx_text(m, "%s.stretched", rows));
    const char *rest = rf_onnx_columns(b, rows, 2, 2, 4, rf_onnx_text(m, "%s.rest", rows));
    const char *both =
        rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.own", rows), RF_ONNX_IN(shift, rest), "axis=2");
    return rf_onnx_binary(b, "Add", before, both, rf_onnx_text(m, "%s.sum", rows));
}

/* [N,A,2] once for every landmark, [N,A,10]. OpenCV 4.6 does not broadcast between maps. */
static const char *for_each_point(rf_onnx_build *b, const char *x, const char *name) {
    const char *copies[RF_POINTS + 1] = {NULL};
    for (int p = 0; p < RF_POINTS; p++) copies[p] = x;
    return rf_onnx_node_add(b->onnx, "Concat", name, copies, "axis=2");
}

/* Landmark rows relative to a moved box as rows relative to the anchor. */
static const char *compose_points(rf_onnx_build *b, const char *before, const char *factor, const char *rows) {
    rf_onnx_model *m = b->onnx;
    const char *shift = rf_onnx_columns(b, before, 2, 0, 2, rf_onnx_text(m, "%s.base", rows));
    const char *scale = for_each_point(b, factor, rf_onnx_text(m, "%s.scale", rows));
    const char *start = for_each_point(b, shift, rf_onnx_text(m, "%s.start", rows));
    const char *x = rf_onnx_binary(b, "Mul", rows, scale, rf_onnx_text(m, "%s.stretched", rows));
    return rf_onnx_binary(b, "Add", x, start, rf_onnx_text(m, "%s.sum", rows));
}

/* The rows of a level but for conf: boxes of all stages, landmarks of the last stage that has them. */
static void level_rows(rf_onnx_build *b, int level, float variance_size, rf_onnx_rows *out) {
    const rf_export_net *net = b->net;
    int stages = rf_outputs_stages(&net->detector.outputs), last = stages - 1;
    while (last > 0 && rf_export_map(net, "points", last, level) == RF_NONE) last--;
    *out = (rf_onnx_rows){.loc = NULL};
    for (int k = 0; k < stages; k++) {
        const rf_output *points = k == last ? rf_outputs_find(&net->detector.outputs, "points", k, level) : NULL,
                        *box = rf_outputs_find(&net->detector.outputs, "loc", k, level);
        const char *rows = box ? map_rows(b, box) : NULL;
        const char *factor = out->loc && (points || box) ? factor_of(b, out->loc, variance_size) : NULL;
        if (points) out->landms = map_rows(b, points);
        if (points && factor) out->landms = compose_points(b, out->loc, factor, out->landms);
        if (box) out->loc = factor ? compose_boxes(b, out->loc, factor, rows) : rows;
    }
}

/* The last stage of those before `before` that classifies a level, -1: none does. */
static int judge(const rf_export_net *net, int level, int before) {
    int k = before - 1;
    while (k >= 0 && rf_export_map(net, "cls", k, level) == RF_NONE) k--;
    return k;
}

/* Logits [N,A,2] of a level: where an earlier stage is surer of background than cascade.drop, background gets so much
 * that the probability of a face is 0. The step at the limit is a steep slope, which needs no other operators. */
static const char *level_logits(rf_onnx_build *b, int level, float drop_below) {
    enum { STEEP = 1000000, MOST = 10000 };
    rf_onnx_model *m = b->onnx;
    const rf_output_list *outputs = &b->net->detector.outputs;
    int k = judge(b->net, level, rf_outputs_stages(outputs));
    const char *logits = map_rows(b, rf_outputs_find(outputs, "cls", k, level));
    while (isfinite(drop_below) && (k = judge(b->net, level, k)) >= 0) {
        const char *rows = map_rows(b, rf_outputs_find(outputs, "cls", k, level));
        const char *z = rf_onnx_binary(b, "Sub", rf_onnx_columns(b, rows, 2, 1, 2, rf_onnx_text(m, "%s.face", rows)),
                                       rf_onnx_columns(b, rows, 2, 0, 1, rf_onnx_text(m, "%s.other", rows)),
                                       rf_onnx_text(m, "%s.margin", rows));
        z = rf_onnx_binary(b, "Sub", rf_onnx_number(m, drop_below), z, rf_onnx_text(m, "%s.under", rows));
        z = rf_onnx_binary(b, "Mul", z, rf_onnx_number(m, STEEP), rf_onnx_text(m, "%s.steep", rows));
        z = limit(b, z, 0, MOST, rf_onnx_text(m, "%s.drop", rows));
        const char *zero = rf_onnx_binary(b, "Mul", z, rf_onnx_number(m, 0), rf_onnx_text(m, "%s.keep", rows));
        const char *both =
            rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.gate", rows), RF_ONNX_IN(z, zero), "axis=2");
        logits = rf_onnx_binary(b, "Add", logits, both, rf_onnx_text(m, "%s.gated", rows));
    }
    return logits;
}

const char *rf_onnx_level_map(const rf_onnx_build *b, int level) {
    int k = judge(b->net, level, rf_outputs_stages(&b->net->detector.outputs));
    return b->names[rf_export_map(b->net, "cls", k, level)];
}

rf_onnx_rows rf_onnx_rows_add(rf_onnx_build *b) {
    const rf_export_net *net = b->net;
    const char *cls[RF_NET_LEVELS + 1] = {NULL}, *box[RF_NET_LEVELS + 1] = {NULL}, *points[RF_NET_LEVELS + 1] = {NULL};
    for (int l = 0; l < net->detector.n_levels; l++) {
        rf_onnx_rows level;
        cls[l] = level_logits(b, l, rf_detect_drop_below(b->model->config));
        level_rows(b, l, (float)b->model->config->anchors.variance_size, &level);
        box[l] = level.loc;
        points[l] = level.landms;
    }
    rf_onnx_rows rows = {.loc = join(b, box, "loc")};
    rows.conf = rf_onnx_node_add(b->onnx, "Softmax", "conf", RF_ONNX_IN(join(b, cls, "logits")), "axis=2");
    if (points[0]) rows.landms = join(b, points, "landms");
    return rows;
}
