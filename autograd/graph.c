/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/graph.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/graph_internal.h"
#include "core/mem.h"

rf_graph *rf_graph_new(void) {
    rf_registry_close();
    return rf_alloc(1, sizeof(rf_graph));
}

void rf_graph_free(rf_graph *graph) {
    if (!graph) return;
    for (int i = 0; i < graph->n_values; i++) rf_free(graph->values[i].name);
    for (int i = 0; i < graph->n_nodes; i++) rf_free(graph->nodes[i].name);
    rf_free(graph->values);
    rf_free(graph->nodes);
    rf_free(graph);
}

/* Remembers the first error. */
static void record(rf_graph *graph, rf_status status) {
    if (graph->status != RF_OK) return;
    graph->status = status;
    snprintf(graph->error, sizeof graph->error, "%s", rf_error_message());
}

rf_status rf_graph_status(const rf_graph *graph) {
    return graph->status == RF_OK ? RF_OK : rf_fail(graph->status, "%s", graph->error);
}

int rf_graph_scope(rf_graph *graph, const char *name) {
    size_t former = strlen(graph->scope);
    snprintf(graph->scope + former, sizeof graph->scope - former, "%s.", name);
    return (int)former;
}

void rf_graph_scope_end(rf_graph *graph, int former) {
    graph->scope[former] = 0;
}

static char *scoped_name(const rf_graph *graph, const char *name) {
    char text[384];
    snprintf(text, sizeof text, "%s%s", graph->scope, name);
    return rf_strdup(text);
}

/* Makes room for one more element; false when memory is out. */
static bool reserve(rf_graph *graph, void **items, int used, int *capacity, size_t size) {
    if (used < *capacity) return true;
    int wanted = *capacity ? 2 * *capacity : 256;
    void *grown = rf_realloc(*items, (size_t)*capacity, (size_t)wanted, size);
    if (!grown) {
        record(graph, RF_ERR_NOMEM);
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

rf_node *rf_graph_append(rf_graph *graph) {
    if (!reserve(graph, (void **)&graph->nodes, graph->n_nodes, &graph->cap_nodes, sizeof *graph->nodes)) return NULL;
    rf_node *node = &graph->nodes[graph->n_nodes++];
    memset(node, 0, sizeof *node);
    return node;
}

static bool shape_fits(const rf_shape *shape) {
    size_t count = sizeof(rf_real);
    if (shape->n < 0 || shape->n > RF_MAX_DIMS) return false;
    for (int i = 0; i < shape->n; i++)
        if (shape->d[i] < 1 || !rf_size_mul(count, (size_t)shape->d[i], &count) || count > SIZE_MAX / 64) return false;
    return true;
}

static rf_value add_value(rf_graph *graph, char *name, rf_shape shape, rf_value_kind kind) {
    char text[64];
    if (graph->status == RF_OK && name && !shape_fits(&shape))
        record(graph, rf_fail(RF_ERR_USER, "%s: impossible shape %s", name, rf_shape_text(&shape, text)));
    if (!name) record(graph, RF_ERR_NOMEM);
    if (graph->status != RF_OK ||
        !reserve(graph, (void **)&graph->values, graph->n_values, &graph->cap_values, sizeof *graph->values)) {
        rf_free(name);
        return RF_NONE;
    }
    rf_graph_value *value = &graph->values[graph->n_values];
    memset(value, 0, sizeof *value);
    value->name = name;
    value->shape = shape;
    value->kind = kind;
    value->root = graph->n_values;
    value->rows_of = RF_NONE;
    return graph->n_values++;
}

rf_value rf_graph_add_value(rf_graph *graph, const char *name, rf_shape shape) {
    return add_value(graph, rf_strdup(name), shape, RF_VALUE_ACT);
}

rf_value rf_graph_input(rf_graph *graph, const char *name, rf_shape shape) {
    return add_value(graph, scoped_name(graph, name), shape, RF_VALUE_INPUT);
}

rf_value rf_graph_param(rf_graph *graph, const char *name, rf_shape shape, rf_real *data, rf_real *grad) {
    rf_value v = add_value(graph, rf_strdup(name), shape, RF_VALUE_PARAM);
    if (v == RF_NONE) return v;
    graph->values[v].data = data;
    graph->values[v].grad = grad;
    graph->values[v].needs_grad = grad != NULL;
    return v;
}

rf_value rf_graph_state(rf_graph *graph, const char *name, rf_shape shape, rf_real *data) {
    rf_value v = add_value(graph, rf_strdup(name), shape, RF_VALUE_STATE);
    if (v != RF_NONE) graph->values[v].data = data;
    return v;
}

rf_value rf_graph_const(rf_graph *graph, const char *name, rf_shape shape, const rf_real *data) {
    rf_value v = add_value(graph, scoped_name(graph, name), shape, RF_VALUE_CONST);
    /* Ops only read their inputs, states excepted. */
    if (v != RF_NONE) graph->values[v].data = (rf_real *)(uintptr_t)data;
    return v;
}

void rf_graph_call(const rf_graph *graph, const rf_node *node, rf_call *call) {
    memset(call, 0, sizeof *call);
    call->attr = node->attr;
    call->n_in = node->n_in;
    call->n_out = node->n_out;
    for (int i = 0; i < node->n_in; i++) {
        if (node->in[i] == RF_NONE)
            call->in[i].shape.n = -1;
        else
            call->in[i].shape = graph->values[node->in[i]].shape;
        call->din[i].shape = call->in[i].shape;
    }
    for (int i = 0; i < node->n_out && node->out[i] != RF_NONE; i++) {
        call->out[i].shape = graph->values[node->out[i]].shape;
        call->dout[i].shape = call->out[i].shape;
    }
}

/* Whether b is a with another number of rows, or a itself. */
static bool same_but_rows(rf_shape a, const rf_shape *b) {
    if (a.n > 0 && b->n > 0) a.d[0] = b->d[0];
    return rf_shape_equal(&a, b);
}

/* The shapes of a node's outputs if the rows counted by `group` were one more; RF_ERR_USER when it could not run then.
 */
static rf_status infer_with_more(const rf_graph *graph, const rf_node *node, rf_value group, rf_call *call) {
    rf_graph_call(graph, node, call);
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] != RF_NONE && graph->values[node->in[i]].rows_of == group) call->in[i].shape.d[0]++;
    rf_status status = node->op->infer(call);
    for (int i = 0; i < node->n_out && status == RF_OK; i++)
        if (!same_but_rows(call->out[i].shape, &graph->values[node->out[i]].shape))
            status = rf_fail(RF_ERR_USER, "their number changes more than the first dimension of %s",
                             node->op->out_names[i]);
    if (status == RF_OK) return RF_OK;
    return rf_fail_context(status, "%s reads rows that '%s' counts, and cannot take any number of them", node->name,
                           graph->values[group].name);
}

/* Finds out which outputs of a new node have rows that are known when it runs: each number of rows among its inputs is
 * tried with one more. Outputs whose rows are those of one input share its count. */
static rf_status count_rows(rf_graph *graph, rf_node *node) {
    rf_call more;
    for (int k = 0; k < node->n_in; k++) {
        rf_value group = node->in[k] == RF_NONE ? RF_NONE : graph->values[node->in[k]].rows_of;
        if (group == RF_NONE) continue;
        node->counted = true;
        RF_TRY(infer_with_more(graph, node, group, &more));
        for (int i = 0; i < node->n_out; i++) {
            rf_graph_value *out = &graph->values[node->out[i]];
            if (more.out[i].shape.n == 0 || more.out[i].shape.d[0] == out->shape.d[0]) continue;
            bool shares = (out->rows_of == RF_NONE || out->rows_of == group) && !node->op->counts &&
                          out->shape.d[0] == graph->values[group].shape.d[0] &&
                          more.out[i].shape.d[0] == out->shape.d[0] + 1;
            out->rows_of = shares ? group : node->out[i];
        }
    }
    if (node->counted && !node->op->counts) {
        node->infers = false;
        for (int i = 0; i < node->n_out; i++) {
            rf_value group = graph->values[node->out[i]].rows_of;
            node->infers |= group == RF_NONE || group == node->out[i];
        }
    }
    if (!node->op->counts) return RF_OK;
    node->counted = true;
    for (int i = 0; i < node->n_out; i++) graph->values[node->out[i]].rows_of = node->out[0];
    return RF_OK;
}

static int count_names(const char *const *names) {
    int n = 0;
    while (names[n]) n++;
    return n;
}

/* Required inputs are there and are of this graph. */
static rf_status check_inputs(const rf_graph *graph, const rf_op *op, const rf_value *inputs, int n) {
    int declared = count_names(op->in_names);
    if (n > RF_MAX_INPUTS || (n > declared && !op->variadic))
        return rf_fail(RF_ERR_USER, "%s takes at most %d inputs, got %d", op->name, declared, n);
    for (int i = 0; i < n || i < declared; i++) {
        const char *name = op->in_names[i < declared ? i : declared - 1];
        if (i < n && inputs[i] >= 0 && inputs[i] < graph->n_values) continue;
        if (*name == '?' && (i >= n || inputs[i] == RF_NONE)) continue;
        return rf_fail(RF_ERR_USER, "%s: input '%s' is missing", op->name, name);
    }
    return RF_OK;
}

static double tensor_bytes(const rf_tensor *tensor) {
    return tensor->shape.n < 0 ? 0 : (double)rf_shape_count(&tensor->shape) * sizeof(rf_real);
}

void rf_graph_measure(rf_node *node, const rf_call *call) {
    node->flops = node->op && node->op->flops ? node->op->flops(call) : (double)rf_shape_count(&call->out[0].shape);
    for (int i = 0; i < call->n_in; i++) node->bytes += tensor_bytes(&call->in[i]);
    for (int i = 0; i < call->n_out; i++) node->bytes += tensor_bytes(&call->out[i]);
}

/* Creates the outputs of node `index` with the shapes in `call`. */
static rf_value make_outputs(rf_graph *graph, int index, const rf_call *call) {
    for (int i = 0; i < call->n_out; i++) {
        char text[320];
        const rf_node *node = &graph->nodes[index];
        const char *suffix = node->op && i > 0 ? node->op->out_names[i] : "";
        snprintf(text, sizeof text, i ? "%s:%s%d" : "%s", node->name, suffix, i);
        rf_value v = add_value(graph, rf_strdup(text), call->out[i].shape, RF_VALUE_ACT);
        if (v == RF_NONE) return RF_NONE;
        graph->nodes[index].out[i] = v;
    }
    return graph->nodes[index].out[0];
}

rf_value rf_graph_apply(rf_graph *graph, const char *op_name, const rf_value *inputs, int n_inputs, const char *attrs,
                        ...) {
    if (graph->status != RF_OK) return RF_NONE;
    char text[256], shape[64];
    va_list args;
    va_start(args, attrs);
    vsnprintf(text, sizeof text, attrs, args);
    va_end(args);
    const rf_op *op = rf_op_find(op_name);
    rf_status status = op ? check_inputs(graph, op, inputs, n_inputs) : RF_ERR_USER;
    rf_node *node = status == RF_OK ? rf_graph_append(graph) : NULL;
    if (!node) {
        record(graph, status == RF_OK ? RF_ERR_NOMEM : rf_fail_context(status, "%s%s", graph->scope, op_name));
        return RF_NONE;
    }
    int index = graph->n_nodes - 1;
    graph->n_forward = graph->n_nodes;
    node->op = op;
    node->name = scoped_name(graph, op_name);
    if (!node->name) {
        record(graph, RF_ERR_NOMEM);
        return RF_NONE;
    }
    node->n_in = n_inputs;
    node->n_out = count_names(op->out_names);
    for (int i = 0; i < RF_MAX_OUTPUTS; i++) node->out[i] = RF_NONE;
    for (int i = 0; i < n_inputs; i++) node->in[i] = inputs[i];
    rf_call call;
    status = rf_op_parse_attrs(op, text, node->attr);
    rf_graph_call(graph, node, &call);
    if (status == RF_OK) status = op->infer(&call);
    if (status != RF_OK) {
        record(graph, rf_fail_context(status, "%s%s (input %s)", graph->scope, op_name,
                                      rf_shape_text(&call.in[0].shape, shape)));
        return RF_NONE;
    }
    rf_value out = make_outputs(graph, index, &call);
    if (out == RF_NONE) return RF_NONE;
    node = &graph->nodes[index];
    rf_graph_measure(node, &call);
    status = count_rows(graph, node);
    if (status != RF_OK) {
        record(graph, status);
        return RF_NONE;
    }
    bool needs = false;
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] != RF_NONE && (op->differentiable >> (i < RF_MAX_INPUTS ? i : 0) & 1))
            needs |= graph->values[inputs[i]].needs_grad;
    for (int i = 0; i < node->n_out; i++)
        graph->values[node->out[i]].needs_grad = needs && (i == 0 || op->grad_outputs >> i & 1);
    if (op->view) graph->values[out].root = graph->values[inputs[0]].root;
    return out;
}

rf_value rf_graph_host(rf_graph *graph, const char *name, rf_host_fn fn, void *ctx, const rf_value *inputs,
                       int n_inputs, const rf_shape *outputs, int n_outputs) {
    if (graph->status != RF_OK) return RF_NONE;
    rf_node *node = rf_graph_append(graph);
    if (!node) return RF_NONE;
    int index = graph->n_nodes - 1;
    graph->n_forward = graph->n_nodes;
    node->host = fn;
    node->host_ctx = ctx;
    node->name = scoped_name(graph, name);
    if (!node->name) {
        record(graph, RF_ERR_NOMEM);
        return RF_NONE;
    }
    node->n_in = n_inputs;
    node->n_out = n_outputs;
    for (int i = 0; i < n_inputs; i++) node->in[i] = inputs[i];
    for (int i = 0; i < RF_MAX_OUTPUTS; i++) node->out[i] = RF_NONE;
    rf_call call;
    rf_graph_call(graph, node, &call);
    for (int i = 0; i < n_outputs; i++) call.out[i].shape = outputs[i];
    rf_value out = make_outputs(graph, index, &call);
    for (int i = 0; i < n_inputs; i++) graph->nodes[index].counted |= rf_graph_is_counted(graph, inputs[i]);
    if (out != RF_NONE) rf_graph_measure(&graph->nodes[index], &call);
    return out;
}

bool rf_graph_is_counted(const rf_graph *graph, rf_value value) {
    return value != RF_NONE && graph->values[value].rows_of != RF_NONE;
}

void rf_graph_keep(rf_graph *graph, rf_value value) {
    if (value != RF_NONE) graph->values[graph->values[value].root].keep = true;
}

void rf_graph_name(rf_graph *graph, rf_value value, const char *name) {
    if (value == RF_NONE) return;
    char *copy = rf_strdup(name);
    if (!copy) {
        record(graph, RF_ERR_NOMEM);
        return;
    }
    rf_free(graph->values[value].name);
    graph->values[value].name = copy;
}

rf_value rf_graph_find(const rf_graph *graph, const char *name) {
    for (int i = 0; i < graph->n_values; i++)
        if (strcmp(graph->values[i].name, name) == 0) return i;
    return RF_NONE;
}

int rf_graph_value_count(const rf_graph *graph) {
    return graph->n_values;
}

rf_shape rf_graph_shape(const rf_graph *graph, rf_value value) {
    return graph->values[value].shape;
}

rf_value_kind rf_graph_kind(const rf_graph *graph, rf_value value) {
    return graph->values[value].kind;
}

const char *rf_graph_value_name(const rf_graph *graph, rf_value value) {
    return graph->values[value].name;
}

bool rf_graph_has_grad(const rf_graph *graph, rf_value value) {
    return graph->values[graph->values[value].root].has_grad;
}

const rf_real *rf_graph_constant(const rf_graph *graph, rf_value value) {
    return graph->values[value].data;
}

int rf_graph_node_count(const rf_graph *graph) {
    return graph->n_nodes;
}

rf_node_info rf_graph_node(const rf_graph *graph, int index) {
    const rf_node *node = &graph->nodes[index];
    return (rf_node_info){node->name, node->op,    node->pass, node->in,    node->out,
                          node->n_in, node->n_out, node->attr, node->flops, node->bytes};
}
