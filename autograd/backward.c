/* SPDX-License-Identifier: Apache-2.0 */
/* Gradient construction: the forward nodes are walked in reverse, and for each that lies between a trainable parameter
 * and a root one backward node is appended. The first contribution to a gradient is stored, later ones are added, so no
 * gradient is ever cleared. A view shares the gradient of the value it views: contributions to either are contributions
 * to both. */
#include "autograd/graph.h"

#include <string.h>

#include "autograd/graph_internal.h"
#include "core/mem.h"

static rf_graph_value *root_of(rf_graph *graph, rf_value v) {
    return &graph->values[graph->values[v].root];
}

static rf_status mark_roots(rf_graph *graph, const rf_value *roots, int n_roots) {
    for (int i = 0; i < n_roots; i++) {
        if (roots[i] < 0 || roots[i] >= graph->n_values)
            return rf_fail(RF_ERR_USER, "gradient of a value that is not in the graph");
        if (!graph->values[roots[i]].needs_grad)
            return rf_fail(RF_ERR_USER, "'%s' does not depend on a trainable parameter", graph->values[roots[i]].name);
        root_of(graph, roots[i])->has_grad = true;
        root_of(graph, roots[i])->is_seed = true;
    }
    return RF_OK;
}

/* Appends the backward node of forward node f if a gradient reaches it. */
static rf_status differentiate(rf_graph *graph, int f) {
    rf_node forward = graph->nodes[f]; /* a copy: appending moves the array */
    if (!forward.op || forward.op->view) return RF_OK;
    bool reached = false, wanted = false;
    for (int i = 0; i < forward.n_out; i++) reached |= root_of(graph, forward.out[i])->has_grad;
    if (!reached || !graph->values[forward.out[0]].needs_grad) return RF_OK;
    if (!forward.op->backward)
        return rf_fail(RF_ERR_USER, "%s: op '%s' has no gradient (it is for inference)", forward.name,
                       forward.op->name);
    rf_node *node = rf_graph_append(graph);
    if (!node) return RF_ERR_NOMEM;
    *node = forward;
    node->name = rf_strdup(forward.name);
    if (!node->name) return RF_ERR_NOMEM;
    node->pass = RF_PASS_BACKWARD;
    node->forward = f;
    node->flops = 2 * forward.flops;
    node->bytes = 2 * forward.bytes;
    for (int i = 0; i < node->n_out; i++) node->dout[i] = root_of(graph, node->out[i])->has_grad;
    for (int i = 0; i < node->n_in; i++) {
        if (node->in[i] == RF_NONE || !(forward.op->differentiable >> i & 1)) continue;
        if (!graph->values[node->in[i]].needs_grad) continue;
        rf_graph_value *target = root_of(graph, node->in[i]);
        node->din[i] = wanted = true;
        node->din_add[i] = target->has_grad;
        target->has_grad = true;
    }
    if (!wanted) {
        rf_free(node->name);
        graph->n_nodes--;
        return RF_OK;
    }
    rf_call call;
    rf_graph_call(graph, node, &call);
    node->needs = forward.op->backward_needs ? forward.op->backward_needs(&call) : 0;
    return RF_OK;
}

rf_status rf_graph_backward(rf_graph *graph, const rf_value *roots, int n_roots) {
    RF_TRY(rf_graph_status(graph));
    if (graph->differentiated) return rf_fail(RF_ERR_USER, "the graph has its gradient nodes already");
    graph->differentiated = true;
    RF_TRY(mark_roots(graph, roots, n_roots));
    for (int f = graph->n_forward - 1; f >= 0; f--) RF_TRY(differentiate(graph, f));
    return RF_OK;
}
