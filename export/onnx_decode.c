/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a decoding as ONNX has them. Rows that the network says are [N,A,...] there, what depends on anchors
 * alone is [A,...]. */
#include <string.h>

#include "export/decoding.h"
#include "export/onnx_net.h"

const char *rf_onnx_limit(rf_onnx_build *b, const char *x, float least, float most, const char *name) {
    rf_onnx_model *m = b->onnx;
    if (b->options->outputs == RF_EXPORT_FACES)
        return rf_onnx_node_add(m, "Clip", name, RF_ONNX_IN(x, rf_onnx_number(m, least), rf_onnx_number(m, most)), "%s",
                                "");
    x = rf_onnx_binary(b, "Sub", x, rf_onnx_number(m, least), rf_onnx_text(m, "%s.over", name));
    x = rf_onnx_node_add(m, "Relu", rf_onnx_text(m, "%s.low", name), RF_ONNX_IN(x), "%s", "");
    x = rf_onnx_binary(b, "Sub", rf_onnx_number(m, most - least), x, rf_onnx_text(m, "%s.left", name));
    x = rf_onnx_node_add(m, "Relu", rf_onnx_text(m, "%s.high", name), RF_ONNX_IN(x), "%s", "");
    return rf_onnx_binary(b, "Sub", rf_onnx_number(m, most), x, name);
}

/* A value of the decoding. */
typedef struct translated {
    const char *name; /* NULL: not there */
    bool batched;     /* its first dimension is the batch, before the rows */
} translated;

static const char *reshape(rf_onnx_build *b, const rf_primitive *p, translated x, const char *name) {
    int64_t sizes[RF_MAX_DIMS + 1];
    int n = 0;
    if (x.batched) sizes[n++] = b->options->batch; /* 0 copies the batch */
    sizes[n++] = -1;
    for (int k = 1; k < p->shape.n; k++) sizes[n++] = p->shape.d[k];
    return rf_onnx_binary(b, "Reshape", x.name, rf_onnx_ints(b->onnx, n, sizes), name);
}

static const char *concat(rf_onnx_build *b, const rf_decoding *d, const rf_primitive *p, const translated *values,
                          const char *name) {
    const char *in[RF_MAX_INPUTS + 1] = {NULL};
    bool batched = values[p->in[0]].batched;
    for (int k = 0; k < p->n_in; k++) {
        in[k] = values[p->in[k]].name;
        if (values[p->in[k]].batched != batched)
            rf_onnx_fail(b->onnx, rf_fail(RF_ERR_USER,
                                          "the coders %s join what the network says with what depends on anchors "
                                          "alone, which an ONNX file of a batch cannot: add it to rows that are said",
                                          d->coders));
    }
    return rf_onnx_node_add(b->onnx, "Concat", name, in, "axis=%d", p->axis + batched);
}

static const char *translate(rf_onnx_build *b, const rf_decoding *d, const rf_primitive *p, const translated *values,
                             const char *name) {
    rf_onnx_model *m = b->onnx;
    translated x = values[p->in[0]];
    switch (p->kind) {
    case RF_PRIMITIVE_SLICE:
        return rf_onnx_columns(b, x.name, p->axis + x.batched, p->start, p->start + p->count, name);
    case RF_PRIMITIVE_RESHAPE:
        return reshape(b, p, x, name);
    case RF_PRIMITIVE_CONCAT:
        return concat(b, d, p, values, name);
    case RF_PRIMITIVE_SCALE:
        return rf_onnx_binary(b, "Mul", x.name, rf_onnx_number(m, p->a), name);
    case RF_PRIMITIVE_SHIFT:
        return rf_onnx_binary(b, "Add", x.name, rf_onnx_number(m, p->a), name);
    case RF_PRIMITIVE_CLAMP:
        return rf_onnx_limit(b, x.name, p->a, p->b, name);
    case RF_PRIMITIVE_EXP:
        return rf_onnx_node_add(m, "Exp", name, RF_ONNX_IN(x.name), "%s", "");
    case RF_PRIMITIVE_SIGMOID:
        return rf_onnx_node_add(m, "Sigmoid", name, RF_ONNX_IN(x.name), "%s", "");
    case RF_PRIMITIVE_RELU:
        return rf_onnx_node_add(m, "Relu", name, RF_ONNX_IN(x.name), "%s", "");
    case RF_PRIMITIVE_ADD:
        return rf_onnx_binary(b, "Add", x.name, values[p->in[1]].name, name);
    case RF_PRIMITIVE_MUL:
        return rf_onnx_binary(b, "Mul", x.name, values[p->in[1]].name, name);
    }
    return name;
}

static void translate_all(rf_onnx_build *b, const rf_decoding *d, int level, translated *values) {
    int stride = b->net->detector.stride[level];
    for (int i = 0; i < rf_graph_node_count(d->graph); i++) {
        rf_primitive p = rf_decoding_node(d, i);
        if (!d->used[p.out]) continue;
        const char *name = rf_onnx_text(b->onnx, "decode%d.%s%d", stride, p.name, i + 1);
        values[p.out].name = translate(b, d, &p, values, name);
        for (int k = 0; k < p.n_in; k++) values[p.out].batched |= values[p.in[k]].batched;
    }
}

/* The rows of an output, and what they are in the decoding. */
static void say(rf_onnx_build *b, const rf_decoding *d, const char *name, int stage, int level, rf_value value,
                translated *values) {
    const rf_output *output = rf_outputs_find(&b->net->detector.outputs, name, stage, level);
    if (value == RF_NONE || !d->used[value] || !output) return;
    values[value] = (translated){rf_onnx_map_rows(b, output), true};
}

rf_status rf_onnx_decode(rf_onnx_build *b, int level, const char *anchors, rf_onnx_rows *out) {
    rf_decoding d;
    rf_status status = anchors ? rf_decoding_make(b->net, &b->spec.codec, level, &d)
                               : rf_decoding_compose(b->net, &b->spec.codec, level, &d);
    *out = (rf_onnx_rows){NULL, NULL};
    if (status == RF_OK) {
        translated *values = rf_onnx_alloc(b->onnx, (size_t)rf_graph_value_count(d.graph), sizeof *values);
        if (values) {
            values[d.anchors] = (translated){anchors, false};
            for (int k = 0; k < RF_NET_STAGES; k++) {
                say(b, &d, "loc", k, level, d.loc[k], values);
                say(b, &d, "points", k, level, d.points[k], values);
            }
            translate_all(b, &d, level, values);
            *out = (rf_onnx_rows){values[d.box].name, d.landmarks == RF_NONE ? NULL : values[d.landmarks].name};
        }
        status = rf_onnx_status(b->onnx);
    }
    rf_decoding_free(&d);
    return status;
}
