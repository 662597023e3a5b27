/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

enum { ALIGN = 64 };

/* ---- steps ---- */

/* Ops whose forward pass costs little more than a copy: worth computing twice to keep their output only once. */
static bool is_cheap(const rf_node *node) {
    static const char *const names[] = {"bn_act", "batch_norm", "norm_act",     "relu",   "leaky_relu",
                                        "clamp",  "add",        "upsample_add", "concat", "norm_concat"};
    for (size_t i = 0; node->op && i < sizeof names / sizeof *names; i++)
        if (strcmp(node->op->name, names[i]) == 0) return true;
    return false;
}

/* Marks the values that are computed again instead of kept: outputs of cheap nodes. A replay whose own inputs were
 * dropped brings those back first; each value comes back once at most, and only when the later part of the graph, which
 * holds the memory at the end of forward, is done with. */
static void choose_dropped(const rf_graph *g, bool *dropped) {
    for (int n = 0; n < g->n_forward; n++) {
        if (!is_cheap(&g->nodes[n])) continue;
        rf_value out = g->values[g->nodes[n].out[0]].root;
        dropped[out] = !g->values[out].keep && !g->values[out].is_seed;
    }
}

/* Where the replays of a plan stand. */
typedef struct replays {
    const bool *dropped;
    bool *back;    /* of each value: it was computed again */
    int *producer; /* of each value: its node */
} replays;

static void bring_back(const rf_graph *g, const replays *r, rf_value v, rf_plan *plan) {
    if (v == RF_NONE) return;
    v = g->values[v].root;
    if (!r->dropped[v] || r->back[v]) return;
    const rf_node *node = &g->nodes[r->producer[v]];
    for (int i = 0; i < node->n_in; i++) bring_back(g, r, node->in[i], plan);
    r->back[v] = true;
    plan->steps[plan->n_steps++] = (rf_step){r->producer[v], true};
}

static void append_replays(const rf_graph *g, const replays *r, const rf_node *backward, rf_plan *plan) {
    for (int i = 0; i < backward->n_in; i++)
        if (backward->needs & RF_NEED_IN(i)) bring_back(g, r, backward->in[i], plan);
    for (int i = 0; i < backward->n_out; i++)
        if (backward->needs & RF_NEED_OUT(i)) bring_back(g, r, backward->out[i], plan);
}

/* Whether node b of backward must stay before node c: c reads or adds to a gradient that b contributes to. */
static bool must_precede(const rf_graph *g, const rf_node *b, const rf_node *c) {
    for (int i = 0; i < b->n_in; i++) {
        if (!b->din[i]) continue;
        rf_value v = g->values[b->in[i]].root;
        for (int k = 0; k < c->n_in; k++)
            if (c->din[k] && g->values[c->in[k]].root == v) return true;
        for (int k = 0; k < c->n_out; k++)
            if (c->out[k] != RF_NONE && g->values[c->out[k]].root == v) return true;
    }
    return false;
}

/* Backward nodes in the order of the graph; with `late`, each is put off until just before the first one that depends
 * on it. A branch that leaves the network early (a lateral of the pyramid) is then done together with the layers it
 * leaves from, and what those computed need not be brought back twice as long. Contributions to a gradient keep their
 * order, so no bit changes. */
static void order_backward(const rf_graph *g, bool late, int *order) {
    int n = g->n_nodes - g->n_forward;
    for (int i = 0; i < n; i++) order[i] = g->n_forward + i;
    for (int i = n - 2; late && i >= 0; i--) {
        int node = order[i], j = i + 1;
        while (j < n && !must_precede(g, &g->nodes[node], &g->nodes[order[j]])) j++;
        if (j == n) continue;
        memmove(order + i, order + i + 1, (size_t)(j - 1 - i) * sizeof *order);
        order[j - 1] = node;
    }
}

static rf_status make_steps(const rf_graph *g, bool recompute, rf_plan *plan, bool *dropped) {
    size_t values = (size_t)g->n_values + 1;
    replays r = {dropped, rf_alloc(values, sizeof *r.back), rf_alloc(values, sizeof *r.producer)};
    int *order = rf_alloc((size_t)g->n_nodes + 1, sizeof *order);
    plan->steps = rf_alloc(2 * (size_t)g->n_nodes + 1, sizeof *plan->steps);
    if (r.back && r.producer && order && plan->steps) {
        if (recompute && g->n_nodes > g->n_forward) choose_dropped(g, dropped);
        for (int n = 0; n < g->n_forward; n++) {
            for (int i = 0; i < g->nodes[n].n_out; i++)
                if (!g->nodes[n].op || !g->nodes[n].op->view) r.producer[g->nodes[n].out[i]] = n;
            plan->steps[plan->n_steps++] = (rf_step){n, false};
        }
        plan->n_forward_steps = plan->n_steps;
        order_backward(g, recompute, order);
        for (int i = 0; i < g->n_nodes - g->n_forward; i++) {
            append_replays(g, &r, &g->nodes[order[i]], plan);
            plan->steps[plan->n_steps++] = (rf_step){order[i], false};
        }
    }
    rf_status status = r.back && r.producer && order && plan->steps ? RF_OK : RF_ERR_NOMEM;
    rf_free(order);
    rf_free(r.back);
    rf_free(r.producer);
    return status;
}

/* ---- lives ---- */

/* Extends the life of buffer *slot (made on first use) by step t. */
static void touch(rf_plan *plan, int *slot, size_t bytes, rf_buffer_use use, int t) {
    if (*slot < 0) {
        *slot = plan->n_buffers++;
        plan->buffers[*slot] = (rf_buffer){(bytes + ALIGN - 1) / ALIGN * ALIGN, 0, t, t, use};
    }
    rf_buffer *b = &plan->buffers[*slot];
    if (t < b->first) b->first = t;
    if (t > b->last) b->last = t;
}

static void touch_data(const rf_graph *g, rf_plan *plan, const bool *dropped, rf_value v, bool late, int t) {
    if (v == RF_NONE) return;
    v = g->values[v].root;
    const rf_graph_value *value = &g->values[v];
    if (value->kind != RF_VALUE_INPUT && value->kind != RF_VALUE_ACT) return; /* the caller's array */
    int *slot = late && dropped[v] ? &plan->replayed[v] : &plan->data[v];
    touch(plan, slot, rf_shape_count(&value->shape) * sizeof(rf_real), RF_BUFFER_DATA, t);
}

static void touch_grad(const rf_graph *g, rf_plan *plan, rf_value v, int t) {
    v = g->values[v].root;
    const rf_graph_value *value = &g->values[v];
    if (value->kind != RF_VALUE_ACT) return;
    touch(plan, &plan->grad[v], rf_shape_count(&value->shape) * sizeof(rf_real), RF_BUFFER_GRAD, t);
}

static void live_forward(const rf_graph *g, rf_plan *plan, const bool *dropped, const rf_node *node, bool replay,
                         int t) {
    for (int i = 0; i < node->n_in; i++) touch_data(g, plan, dropped, node->in[i], replay, t);
    for (int i = 0; i < node->n_out; i++) touch_data(g, plan, dropped, node->out[i], replay, t);
}

static void live_backward(const rf_graph *g, rf_plan *plan, const bool *dropped, const rf_node *node, int t) {
    for (int i = 0; i < node->n_in; i++) {
        if (node->needs & RF_NEED_IN(i)) touch_data(g, plan, dropped, node->in[i], true, t);
        if (node->din[i]) touch_grad(g, plan, node->in[i], t);
    }
    for (int i = 0; i < node->n_out; i++) {
        if (node->needs & RF_NEED_OUT(i)) touch_data(g, plan, dropped, node->out[i], true, t);
        if (node->dout[i]) touch_grad(g, plan, node->out[i], t);
    }
}

static void live_outside(const rf_graph *g, rf_plan *plan, const bool *dropped, bool keep_all) {
    for (int v = 0; v < g->n_values; v++) {
        const rf_graph_value *value = &g->values[v];
        if (value->root != v) continue;
        if (value->kind == RF_VALUE_INPUT || (keep_all && plan->data[v] >= 0))
            touch_data(g, plan, dropped, v, false, 0);
        if (value->kind == RF_VALUE_INPUT || value->keep || (keep_all && plan->data[v] >= 0))
            touch_data(g, plan, dropped, v, false, plan->n_steps);
        if (keep_all && plan->grad[v] >= 0) touch_grad(g, plan, v, plan->n_steps);
        if (value->is_seed) touch_grad(g, plan, v, value->shape.n == 0 ? plan->n_forward_steps : 0);
    }
}

/* Lets out[0] take over the buffer of an input that nobody reads afterwards. */
static void share_inplace(const rf_graph *g, rf_plan *plan, const bool *dropped) {
    for (int t = 0; t < plan->n_forward_steps; t++) {
        const rf_node *node = &g->nodes[plan->steps[t].node];
        if (!node->op || node->op->inplace_input == 0) continue;
        rf_value in = node->in[node->op->inplace_input - 1];
        if (in == RF_NONE) continue;
        in = g->values[in].root;
        rf_value out = g->values[node->out[0]].root;
        if (g->values[in].kind != RF_VALUE_ACT || dropped[in] || dropped[out] || in == out) continue;
        rf_buffer *from = &plan->buffers[plan->data[in]], *to = &plan->buffers[plan->data[out]];
        if (from->last != t || to->first != t || from->bytes != to->bytes) continue;
        from->last = to->last;
        to->bytes = 0; /* an empty buffer takes no room */
        plan->data[out] = plan->data[in];
    }
}

static rf_status make_lives(const rf_graph *g, bool keep_all, rf_plan *plan, const bool *dropped) {
    for (int t = 0; t < plan->n_steps; t++) {
        const rf_node *node = &g->nodes[plan->steps[t].node];
        if (node->op && node->op->view) {
            live_forward(g, plan, dropped, node, plan->steps[t].replay, t);
            continue;
        }
        if (node->pass == RF_PASS_FORWARD)
            live_forward(g, plan, dropped, node, plan->steps[t].replay, t);
        else
            live_backward(g, plan, dropped, node, t);
        if (!node->op || !node->op->workspace) continue;
        rf_call call;
        rf_graph_call(g, node, &call);
        size_t bytes = node->op->workspace(&call, node->pass);
        if (bytes > 0) touch(plan, &plan->work[t], bytes, RF_BUFFER_WORK, t);
    }
    live_outside(g, plan, dropped, keep_all);
    if (!keep_all) share_inplace(g, plan, dropped);
    return RF_OK;
}

/* ---- offsets ---- */

typedef struct placed {
    size_t begin, end;
    const rf_buffer *buffer;
} placed;

static int by_size(const void *a, const void *b) {
    const rf_buffer *x = *(rf_buffer *const *)a, *y = *(rf_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool overlap_in_time(const rf_buffer *a, const rf_buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Lowest free offset for `b` among `placed` (sorted by begin), and its insertion there. */
static size_t place(placed *list, int n, rf_buffer *b) {
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (!overlap_in_time(list[i].buffer, b)) continue;
        if (list[i].begin >= at + b->bytes) break;
        if (list[i].end > at) at = list[i].end;
    }
    b->offset = at;
    int i = n;
    while (i > 0 && list[i - 1].begin > at) {
        list[i] = list[i - 1];
        i--;
    }
    list[i] = (placed){at, at + b->bytes, b};
    return at + b->bytes;
}

static rf_status make_offsets(rf_plan *plan) {
    rf_buffer **order = rf_alloc((size_t)plan->n_buffers + 1, sizeof *order);
    placed *list = rf_alloc((size_t)plan->n_buffers + 1, sizeof *list);
    if (order && list) {
        int n = 0;
        for (int i = 0; i < plan->n_buffers; i++)
            if (plan->buffers[i].bytes) order[n++] = &plan->buffers[i];
        qsort(order, (size_t)n, sizeof *order, by_size);
        for (int i = 0; i < n; i++) {
            size_t end = place(list, i, order[i]);
            if (end > plan->report.arena_bytes) plan->report.arena_bytes = end;
        }
    }
    rf_status status = order && list ? RF_OK : RF_ERR_NOMEM;
    rf_free(order);
    rf_free(list);
    return status;
}

static rf_status make_report(const rf_graph *g, rf_plan *plan) {
    rf_plan_report *r = &plan->report;
    size_t *live = rf_alloc((size_t)plan->n_steps + 2, sizeof *live);
    if (!live) return RF_ERR_NOMEM;
    for (int i = 0; i < plan->n_buffers; i++) {
        const rf_buffer *b = &plan->buffers[i];
        if (b->bytes == 0) continue;
        r->n_buffers++;
        r->sum_bytes += b->bytes;
        if (b->use == RF_BUFFER_DATA) r->activation_bytes += b->bytes;
        if (b->use == RF_BUFFER_GRAD) r->gradient_bytes += b->bytes;
        if (b->use == RF_BUFFER_WORK && b->bytes > r->workspace_bytes) r->workspace_bytes = b->bytes;
        for (int t = b->first; t <= b->last; t++) live[t] += b->bytes;
    }
    for (int t = 0; t <= plan->n_steps; t++)
        if (live[t] > r->peak_live_bytes) r->peak_live_bytes = live[t];
    r->n_nodes = g->n_nodes;
    rf_free(live);
    return RF_OK;
}

static int *unset(size_t count) {
    int *slots = rf_alloc(count + 1, sizeof *slots);
    for (size_t i = 0; slots && i <= count; i++) slots[i] = -1;
    return slots;
}

rf_status rf_plan_make(const rf_graph *graph, const rf_exec_options *options, rf_plan *plan) {
    memset(plan, 0, sizeof *plan);
    size_t n = (size_t)graph->n_values, steps = 2 * (size_t)graph->n_nodes;
    bool *dropped = rf_alloc(n + 1, sizeof *dropped);
    plan->data = unset(n);
    plan->replayed = unset(n);
    plan->grad = unset(n);
    plan->work = unset(steps);
    plan->buffers = rf_alloc(3 * n + steps + 1, sizeof *plan->buffers);
    rf_status status = RF_ERR_NOMEM;
    if (dropped && plan->data && plan->replayed && plan->grad && plan->work && plan->buffers) {
        bool keep_all = options && options->keep_all, recompute = options && options->recompute && !keep_all;
        status = make_steps(graph, recompute, plan, dropped);
        if (status == RF_OK) status = make_lives(graph, keep_all, plan, dropped);
        if (status == RF_OK) status = make_offsets(plan);
        if (status == RF_OK) status = make_report(graph, plan);
    }
    rf_free(dropped);
    if (status != RF_OK) rf_plan_free(plan);
    return status;
}

void rf_plan_free(rf_plan *plan) {
    rf_free(plan->steps);
    rf_free(plan->buffers);
    rf_free(plan->data);
    rf_free(plan->replayed);
    rf_free(plan->grad);
    rf_free(plan->work);
    memset(plan, 0, sizeof *plan);
}
