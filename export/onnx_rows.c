/* SPDX-License-Identifier: Apache-2.0 */
/* From the maps of the levels to rows of all anchors: what classes they have. */
#include <math.h>

#include "export/onnx_net.h"

const char *rf_onnx_columns(rf_onnx_build *b, const char *x, int axis, int from, int to, const char *name) {
    rf_onnx_model *m = b->onnx;
    return rf_onnx_node_add(m, "Slice", name,
                            RF_ONNX_IN(x, RF_ONNX_INTS(m, from), RF_ONNX_INTS(m, to), RF_ONNX_INTS(m, axis)), "%s", "");
}

const char *rf_onnx_binary(rf_onnx_build *b, const char *op, const char *x, const char *y, const char *name) {
    return rf_onnx_node_add(b->onnx, op, name, RF_ONNX_IN(x, y), "%s", "");
}

const char *rf_onnx_map_rows(rf_onnx_build *b, const rf_output *output) {
    rf_onnx_model *m = b->onnx;
    const char *name = b->names[output->map];
    const char *last =
        rf_onnx_node_add(m, "Transpose", rf_onnx_text(m, "%s.nhwc", name), RF_ONNX_IN(name), "perm=[0,2,3,1]");
    /* 0 copies the batch */
    const char *shape = RF_ONNX_INTS(m, b->options->batch, -1, output->width);
    return rf_onnx_node_add(m, "Reshape", rf_onnx_text(m, "%s.rows", name), RF_ONNX_IN(last, shape), "%s", "");
}

const char *rf_onnx_join(rf_onnx_build *b, const char *const *rows, const char *name) {
    return rf_onnx_node_add(b->onnx, "Concat", name, rows, "axis=1");
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
    const char *logits = rf_onnx_map_rows(b, rf_outputs_find(outputs, "cls", k, level));
    while (isfinite(drop_below) && (k = judge(b->net, level, k)) >= 0) {
        const char *rows = rf_onnx_map_rows(b, rf_outputs_find(outputs, "cls", k, level));
        const char *z = rf_onnx_binary(b, "Sub", rf_onnx_columns(b, rows, 2, 1, 2, rf_onnx_text(m, "%s.face", rows)),
                                       rf_onnx_columns(b, rows, 2, 0, 1, rf_onnx_text(m, "%s.other", rows)),
                                       rf_onnx_text(m, "%s.margin", rows));
        z = rf_onnx_binary(b, "Sub", rf_onnx_number(m, drop_below), z, rf_onnx_text(m, "%s.under", rows));
        z = rf_onnx_binary(b, "Mul", z, rf_onnx_number(m, STEEP), rf_onnx_text(m, "%s.steep", rows));
        z = rf_onnx_limit(b, z, 0, MOST, rf_onnx_text(m, "%s.drop", rows));
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

const char *rf_onnx_classes(rf_onnx_build *b) {
    const char *cls[RF_NET_LEVELS + 1] = {NULL};
    for (int l = 0; l < b->net->detector.n_levels; l++) cls[l] = level_logits(b, l, b->spec.drop_below);
    return rf_onnx_node_add(b->onnx, "Softmax", "conf", RF_ONNX_IN(rf_onnx_join(b, cls, "logits")), "axis=2");
}
