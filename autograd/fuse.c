/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/fuse.h"

#include <stdio.h>
#include <string.h>

#include "autograd/graph_internal.h"
#include "autograd/kernels/bf16.h"
#include "autograd/kernels/conv.h"
#include "autograd/ops/conv.h"
#include "core/mem.h"

enum { BN_X, BN_GAMMA, BN_BETA, BN_MEAN, BN_VAR, BN_RESIDUAL };
enum { BN_EPS, BN_MOMENTUM, BN_FROZEN, BN_SLOPE };
enum { SCALE_INPUT = 2 }; /* of norm_conv2d and norm_dwconv2d */
enum { BF16_WEIGHTS = 32 * 64 };

/* What becomes of a bn_act node. */
typedef struct plan {
    int producer; /* forward node of its convolution, -1: it stays as it is */
    bool stored;  /* some consumer wants the normalised map in memory */
    rf_value moments, scale;
} plan;

typedef struct fuser {
    rf_graph *graph;
    bool bf16;
    plan *plans;    /* [n_nodes] of bn_act nodes */
    int *joined;    /* [n_nodes] of a 1x1 convolution: the first of the three that it is computed with, -1: none */
    int *producer;  /* [n_values] node that computes a value, -1 */
    int *consumers; /* [n_values] nodes that read it */
    rf_node *nodes; /* the new list */
    int n_nodes;
} fuser;

static bool is_op(const rf_node *node, const char *name) {
    return node->op && strcmp(node->op->name, name) == 0;
}

static bool is_conv(const rf_node *node) {
    return is_op(node, "dwconv2d") ||
           (is_op(node, "conv2d") && (node->n_in < 3 || node->in[2] == RF_NONE) && node->attr[RF_CONV_GROUPS] == 1);
}

/* Whether a convolution can normalise its input while it reads it. */
static bool reads_normalised(const fuser *f, const rf_node *node) {
    if (!is_conv(node)) return false;
    if (is_op(node, "dwconv2d")) return true;
    rf_call call;
    rf_graph_call(f->graph, node, &call);
    rf_conv_dims dims = rf_conv_dims_of(&call);
    return rf_conv_fuses(&dims);
}

static void look_around(fuser *f) {
    const rf_graph *g = f->graph;
    for (int v = 0; v < g->n_values; v++) f->producer[v] = -1;
    for (int n = 0; n < g->n_nodes; n++) {
        const rf_node *node = &g->nodes[n];
        for (int i = 0; i < node->n_out; i++)
            if (node->out[i] != RF_NONE) f->producer[node->out[i]] = n;
        for (int i = 0; i < node->n_in; i++)
            if (node->in[i] != RF_NONE) f->consumers[node->in[i]]++;
    }
}

static bool adds_residual(const rf_node *bn) {
    return bn->n_in > BN_RESIDUAL && bn->in[BN_RESIDUAL] != RF_NONE;
}

/* Whether a node joins, along the channels, normalised maps that nobody else reads and that have one activation. */
static bool joins_normalised(const fuser *f, const rf_node *node) {
    const rf_graph *g = f->graph;
    if (!is_op(node, "concat") || 2 * node->n_in > RF_MAX_INPUTS) return false;
    int last = g->values[node->out[0]].shape.n - 1;
    if (node->attr[0] != -1 && node->attr[0] != last) return false;
    for (int i = 0; i < node->n_in; i++) {
        int from = f->producer[node->in[i]];
        if (from < 0 || f->plans[from].producer < 0 || f->consumers[node->in[i]] != 1) return false;
        const rf_node *bn = &g->nodes[from], *first = &g->nodes[f->producer[node->in[0]]];
        if (adds_residual(bn) || g->values[bn->out[0]].keep || bn->attr[BN_SLOPE] != first->attr[BN_SLOPE])
            return false;
    }
    return true;
}

/* Its input must be a convolution's that nobody else reads, for only the normalised form is left to read. */
static void choose(fuser *f) {
    const rf_graph *g = f->graph;
    for (int n = 0; n < g->n_nodes; n++) {
        const rf_node *node = &g->nodes[n];
        plan *p = &f->plans[n];
        p->producer = -1;
        if (!is_op(node, "bn_act") || node->in[BN_X] == RF_NONE) continue;
        rf_value x = node->in[BN_X];
        int producer = f->producer[x];
        if (producer < 0 || !is_conv(&g->nodes[producer]) || f->consumers[x] != 1 || g->values[x].keep) continue;
        p->producer = producer;
        p->stored = g->values[node->out[0]].keep || adds_residual(node);
    }
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; i < g->nodes[n].n_in; i++) {
            rf_value v = g->nodes[n].in[i];
            int from = v == RF_NONE ? -1 : f->producer[v];
            if (from >= 0 && (i > 0 || !reads_normalised(f, &g->nodes[n])) && !joins_normalised(f, &g->nodes[n]))
                f->plans[from].stored = true;
        }
}

static bool is_head(const fuser *f, const rf_node *node) {
    if (!is_op(node, "conv2d") || node->n_in < 3 || node->in[2] == RF_NONE) return false;
    rf_call call;
    rf_graph_call(f->graph, node, &call);
    rf_conv_dims dims = rf_conv_dims_of(&call);
    return dims.kh * dims.kw * dims.stride_h * dims.stride_w * dims.groups == 1 && dims.pad_h + dims.pad_w == 0;
}

/* Three 1x1 convolutions with bias that read the same map become one node. */
static void join_heads(fuser *f) {
    const rf_graph *g = f->graph;
    for (int n = 0; n < g->n_nodes; n++) f->joined[n] = -1;
    for (int n = 0; n < g->n_nodes; n++) {
        int group[3] = {n, -1, -1}, count = 1;
        if (f->joined[n] >= 0 || !is_head(f, &g->nodes[n])) continue;
        for (int m = n + 1; m < g->n_nodes && count < 3; m++)
            if (f->joined[m] < 0 && is_head(f, &g->nodes[m]) && g->nodes[m].in[0] == g->nodes[n].in[0])
                group[count++] = m;
        for (int i = 0; count == 3 && i < 3; i++) f->joined[group[i]] = n;
    }
}

static rf_value new_value(rf_graph *g, const char *owner, const char *what, rf_shape shape) {
    char name[320];
    snprintf(name, sizeof name, "%s:%s", owner, what);
    return rf_graph_add_value(g, name, shape);
}

/* A node of another op in place of `node`, with the attributes of both that have the same name. */
static void become(rf_node *node, const rf_op *op) {
    double attr[RF_MAX_ATTRS] = {0};
    for (int i = 0; op->attrs[i].name; i++) {
        attr[i] = op->attrs[i].initial;
        for (int k = 0; node->op->attrs[k].name; k++)
            if (strcmp(op->attrs[i].name, node->op->attrs[k].name) == 0) attr[i] = node->attr[k];
    }
    node->op = op;
    memcpy(node->attr, attr, sizeof attr);
}

static void set_attr(rf_node *node, const char *name, double value) {
    for (int i = 0; node->op->attrs[i].name; i++)
        if (strcmp(node->op->attrs[i].name, name) == 0) node->attr[i] = value;
}

/* The plan of the bn_act node that made a value, if that is fused and its scale alone makes the value; else NULL. */
static const plan *plan_of(const fuser *f, rf_value v) {
    int from = v == RF_NONE ? -1 : f->producer[v];
    bool alone = from >= 0 && f->plans[from].producer >= 0 && !adds_residual(&f->graph->nodes[from]);
    return alone ? &f->plans[from] : NULL;
}

static rf_status finish_node(fuser *f, rf_node *node) {
    rf_call call;
    for (int i = node->n_out; i < RF_MAX_OUTPUTS; i++) node->out[i] = RF_NONE;
    rf_graph_call(f->graph, node, &call);
    node->flops = node->bytes = 0;
    rf_graph_measure(node, &call);
    f->nodes[f->n_nodes++] = *node;
    return RF_OK;
}

/* A convolution: whether what it reads or what reads it is normalised. */
static rf_status fuse_conv(fuser *f, int index) {
    rf_graph *g = f->graph;
    rf_node node = g->nodes[index];
    const plan *source = reads_normalised(f, &node) ? plan_of(f, node.in[0]) : NULL;
    int reader = -1;
    for (int n = index + 1; n < g->n_nodes && reader < 0; n++)
        if (f->plans[n].producer == index) reader = n;
    if (!source && reader < 0) return finish_node(f, &node);
    become(&node, rf_op_find(is_op(&node, "dwconv2d") ? "norm_dwconv2d" : "norm_conv2d"));
    node.n_in = 2;
    set_attr(&node, "slope", 1);
    set_attr(&node, "bf16", f->bf16 && rf_shape_count(&g->values[node.in[1]].shape) >= BF16_WEIGHTS);
    if (source) {
        const rf_node *bn = &g->nodes[f->producer[node.in[0]]];
        node.in[0] = bn->in[BN_X];
        node.in[SCALE_INPUT] = source->scale;
        node.n_in = SCALE_INPUT + 1;
        set_attr(&node, "slope", bn->attr[BN_SLOPE]);
    }
    rf_shape out = g->values[node.out[0]].shape, moments = {2, {2, out.d[3]}};
    node.out[1] = new_value(g, node.name, "moments", moments);
    if (node.out[1] == RF_NONE) return rf_graph_status(g);
    node.n_out = 2;
    g->values[node.out[1]].needs_grad = g->values[node.out[0]].needs_grad;
    if (reader >= 0) f->plans[reader].moments = node.out[1];
    return finish_node(f, &node);
}

/* bn_act: its scale, and if somebody wants it the map. */
static rf_status fuse_bn(fuser *f, int index) {
    rf_graph *g = f->graph;
    rf_node bn = g->nodes[index], scale = bn, act = bn;
    plan *p = &f->plans[index];
    rf_shape x = g->values[bn.in[BN_X]].shape, shape = {2, {3, x.d[3]}};
    p->scale = new_value(g, bn.name, "scale", shape);
    if (p->scale == RF_NONE) return rf_graph_status(g);
    become(&scale, rf_op_find("bn_scale"));
    scale.name = p->stored ? rf_strdup(bn.name) : bn.name;
    if (!scale.name) return RF_ERR_NOMEM;
    scale.in[BN_X] = p->moments;
    scale.n_in = BN_RESIDUAL;
    set_attr(&scale, "count", (double)rf_shape_count(&x) / x.d[3]);
    scale.out[0] = p->scale;
    scale.n_out = 1;
    bool needs = false;
    for (int i = 0; i < 3; i++) needs |= g->values[scale.in[i]].needs_grad;
    g->values[p->scale].needs_grad = needs;
    RF_TRY(finish_node(f, &scale));
    if (!p->stored) return RF_OK;
    become(&act, rf_op_find("norm_act"));
    act.in[1] = p->scale;
    act.in[2] = adds_residual(&bn) ? bn.in[BN_RESIDUAL] : RF_NONE;
    act.n_in = adds_residual(&bn) ? 3 : 2;
    act.n_out = 1;
    return finish_node(f, &act);
}

/* The joined convolutions in place of the first of them. */
static rf_status fuse_heads(fuser *f, int index) {
    const rf_graph *g = f->graph;
    rf_node node = g->nodes[index];
    int count = 0;
    become(&node, rf_op_find("conv2d_triple"));
    for (int n = index; n < g->n_forward; n++) {
        if (f->joined[n] != index) continue;
        node.in[1 + 2 * count] = g->nodes[n].in[1];
        node.in[2 + 2 * count] = g->nodes[n].in[2];
        node.out[count++] = g->nodes[n].out[0];
    }
    node.n_in = 1 + 2 * count;
    node.n_out = count;
    return finish_node(f, &node);
}

/* A concatenation of maps that are normalised while it copies them. */
static rf_status fuse_concat(fuser *f, int index) {
    const rf_graph *g = f->graph;
    rf_node node = g->nodes[index];
    int n = node.n_in;
    double slope = g->nodes[f->producer[node.in[0]]].attr[BN_SLOPE];
    become(&node, rf_op_find("norm_concat"));
    set_attr(&node, "slope", slope);
    for (int i = 0; i < n; i++) {
        int from = f->producer[g->nodes[index].in[i]];
        node.in[i] = g->nodes[from].in[BN_X];
        node.in[n + i] = f->plans[from].scale;
    }
    node.n_in = 2 * n;
    return finish_node(f, &node);
}

static rf_status rewrite(fuser *f) {
    for (int n = 0; n < f->graph->n_forward; n++) {
        rf_node node = f->graph->nodes[n];
        if (f->joined[n] >= 0)
            RF_TRY(f->joined[n] == n ? fuse_heads(f, n) : RF_OK);
        else if (is_conv(&node))
            RF_TRY(fuse_conv(f, n));
        else if (f->plans[n].producer >= 0)
            RF_TRY(fuse_bn(f, n));
        else if (joins_normalised(f, &node))
            RF_TRY(fuse_concat(f, n));
        else
            f->nodes[f->n_nodes++] = node;
    }
    return RF_OK;
}

rf_status rf_graph_fuse(rf_graph *graph, bool bf16) {
    RF_TRY(rf_graph_status(graph));
    if (bf16 && !rf_bf16_supported())
        return rf_fail(RF_ERR_USER,
                       "train.precision = bf16 needs a processor with AVX512-BF16 and RF_ISA=avx512 or auto; this one "
                       "has it not: set train.precision = fp32");
    size_t nodes = (size_t)graph->n_nodes + 1, values = (size_t)graph->n_values + 1;
    fuser f = {.graph = graph,
               .bf16 = bf16,
               .plans = rf_alloc(nodes, sizeof *f.plans),
               .joined = rf_alloc(nodes, sizeof *f.joined),
               .producer = rf_alloc(values, sizeof *f.producer),
               .consumers = rf_alloc(values, sizeof *f.consumers),
               .nodes = rf_alloc(2 * nodes, sizeof *f.nodes)};
    rf_status status = RF_ERR_NOMEM;
    if (!f.plans || !f.joined || !f.producer || !f.consumers || !f.nodes) goto fail;
    look_around(&f);
    choose(&f);
    join_heads(&f);
    RF_TRY_GOTO(rewrite(&f));
    for (int n = 0; n < graph->n_forward; n++)
        if (f.joined[n] >= 0 && f.joined[n] != n) rf_free(graph->nodes[n].name);
    rf_free(graph->nodes);
    graph->nodes = f.nodes;
    graph->n_nodes = graph->n_forward = f.n_nodes;
    graph->cap_nodes = (int)(2 * nodes);
    f.nodes = NULL;
fail:
    /* On failure the graph keeps its nodes; of the new ones only the names of scales beside a stored map are new. */
    for (int i = 0; f.nodes && i + 1 < f.n_nodes; i++)
        if (is_op(&f.nodes[i], "bn_scale") && is_op(&f.nodes[i + 1], "norm_act")) rf_free(f.nodes[i].name);
    rf_free(f.plans);
    rf_free(f.joined);
    rf_free(f.producer);
    rf_free(f.consumers);
    rf_free(f.nodes);
    return status;
}
