/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/exec.h"

#include <math.h>
#include <string.h>

#include "autograd/plan.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/parallel.h"

struct rf_exec {
    const rf_graph *graph;
    rf_plan plan;
    char *arena;
    rf_call *calls;  /* [n_steps] with every pointer resolved */
    double *seconds; /* [n_nodes] */
    int *rows;       /* [n_values] of values that count rows: how many there were */
    int threads;     /* for which the workspaces have room */
};

static rf_real *buffer_at(const rf_exec *exec, int slot) {
    return slot < 0 ? NULL : (rf_real *)(void *)(exec->arena + exec->plan.buffers[slot].offset);
}

/* Data of a value as step kind sees it: late = in backward or replay. */
static rf_real *data_of(const rf_exec *exec, rf_value v, bool late) {
    if (v == RF_NONE) return NULL;
    v = exec->graph->values[v].root;
    const rf_graph_value *value = &exec->graph->values[v];
    if (value->data) return value->data;
    if (late && exec->plan.replayed[v] >= 0) return buffer_at(exec, exec->plan.replayed[v]);
    return buffer_at(exec, exec->plan.data[v]);
}

static rf_real *grad_of(const rf_exec *exec, rf_value v) {
    v = exec->graph->values[v].root;
    const rf_graph_value *value = &exec->graph->values[v];
    return value->kind == RF_VALUE_PARAM ? value->grad : buffer_at(exec, exec->plan.grad[v]);
}

/* Fills the pointers of one step. Backward sees only the buffers that its op declared: the others stay NULL. */
static void resolve(rf_exec *exec, int t) {
    const rf_step *step = &exec->plan.steps[t];
    const rf_node *node = &exec->graph->nodes[step->node];
    rf_call *call = &exec->calls[t];
    rf_graph_call(exec->graph, node, call);
    call->replay = call->recompute = step->replay;
    call->work = buffer_at(exec, exec->plan.work[t]);
    bool forward = node->pass == RF_PASS_FORWARD;
    for (int i = 0; i < node->n_in; i++) {
        if (forward || (node->needs & RF_NEED_IN(i)))
            call->in[i].data = data_of(exec, node->in[i], !forward || step->replay);
        if (node->din[i]) call->din[i].data = grad_of(exec, node->in[i]);
        call->din_add[i] = node->din_add[i];
    }
    for (int i = 0; i < node->n_out; i++) {
        if (forward || (node->needs & RF_NEED_OUT(i)))
            call->out[i].data = data_of(exec, node->out[i], !forward || step->replay);
        if (node->dout[i]) call->dout[i].data = grad_of(exec, node->out[i]);
    }
}

rf_exec *rf_exec_new(const rf_graph *graph, const rf_exec_options *options) {
    if (rf_graph_status(graph) != RF_OK) return NULL;
    rf_exec *exec = rf_alloc(1, sizeof *exec);
    if (!exec) return NULL;
    exec->graph = graph;
    exec->threads = rf_get_threads();
    if (rf_plan_make(graph, options, &exec->plan) != RF_OK) goto fail;
    exec->calls = rf_alloc((size_t)exec->plan.n_steps + 1, sizeof *exec->calls);
    exec->seconds = rf_alloc((size_t)graph->n_nodes + 1, sizeof *exec->seconds);
    exec->rows = rf_alloc((size_t)graph->n_values + 1, sizeof *exec->rows);
    exec->arena = rf_block_alloc(exec->plan.report.arena_bytes);
    if (!exec->calls || !exec->seconds || !exec->rows || !exec->arena) goto fail;
    for (int t = 0; t < exec->plan.n_steps; t++) resolve(exec, t);
    return exec;
fail:
    rf_exec_free(exec);
    return NULL;
}

void rf_exec_free(rf_exec *exec) {
    if (!exec) return;
    rf_block_free(exec->arena, exec->plan.report.arena_bytes);
    rf_free(exec->calls);
    rf_free(exec->seconds);
    rf_free(exec->rows);
    rf_plan_free(&exec->plan);
    rf_free(exec);
}

rf_plan_report rf_exec_report(const rf_exec *exec) {
    return exec->plan.report;
}

rf_status rf_exec_plan_only(const rf_graph *graph, const rf_exec_options *options, rf_plan_report *report) {
    RF_TRY(rf_graph_status(graph));
    rf_plan plan;
    RF_TRY(rf_plan_make(graph, options, &plan));
    *report = plan.report;
    rf_plan_free(&plan);
    return RF_OK;
}

rf_real *rf_exec_data(const rf_exec *exec, rf_value value) {
    return data_of(exec, value, false);
}

rf_real *rf_exec_grad(const rf_exec *exec, rf_value value) {
    return value == RF_NONE ? NULL : grad_of(exec, value);
}

size_t rf_exec_rows(const rf_exec *exec, rf_value value) {
    const rf_graph_value *v = &exec->graph->values[value];
    if (v->rows_of != RF_NONE) return (size_t)exec->rows[v->rows_of];
    return v->shape.n > 0 ? (size_t)v->shape.d[0] : 1;
}

/* Tells an op how many rows there are; of outputs whose rows it decides, how many there may be. */
static rf_status set_rows(rf_exec *exec, const rf_node *node, rf_call *call) {
    const rf_graph_value *values = exec->graph->values;
    bool forward = node->pass == RF_PASS_FORWARD;
    for (int i = 0; i < node->n_in; i++)
        if (rf_graph_is_counted(exec->graph, node->in[i]))
            call->in[i].shape.d[0] = call->din[i].shape.d[0] = exec->rows[values[node->in[i]].rows_of];
    if (forward && node->infers) RF_TRY(node->op->infer(call));
    for (int i = 0; i < node->n_out; i++) {
        rf_value out = node->out[i], group = values[out].rows_of;
        if (group == RF_NONE && forward && node->infers && !rf_shape_equal(&call->out[i].shape, &values[out].shape))
            return rf_fail(RF_ERR_USER, "there are too few rows for its output");
        if (group == RF_NONE) continue;
        if (forward && node->infers && group == out) exec->rows[out] = call->out[i].shape.d[0];
        int rows = forward && node->op->counts ? values[out].shape.d[0] : exec->rows[group];
        call->out[i].shape.d[0] = call->dout[i].shape.d[0] = rows;
    }
    call->rows = forward && node->op && node->op->counts ? &exec->rows[node->out[0]] : NULL;
    return RF_OK;
}

/* What ran has that many rows, for those who look at the call afterwards. */
static void note_rows(const rf_exec *exec, const rf_node *node, rf_call *call) {
    for (int i = 0; i < node->n_out && call->rows; i++) call->out[i].shape.d[0] = exec->rows[node->out[0]];
}

static rf_status run_step(rf_exec *exec, int t, bool training) {
    int index = exec->plan.steps[t].node;
    const rf_node *node = &exec->graph->nodes[index];
    rf_call *call = &exec->calls[t];
    if (node->counted) {
        rf_status status = set_rows(exec, node, call);
        if (status != RF_OK) return rf_fail_context(status, "%s", node->name);
    }
    if (node->op && node->op->view) return RF_OK;
    call->training = training;
    double begin = rf_clock_seconds();
    rf_status status = RF_OK;
    if (!node->op)
        status = node->host(node->host_ctx, call);
    else if (node->pass == RF_PASS_FORWARD)
        status = node->op->forward(call);
    else
        node->op->backward(call);
    exec->seconds[index] += rf_clock_seconds() - begin;
    if (node->counted) note_rows(exec, node, call);
    return status == RF_OK ? RF_OK : rf_fail_context(status, "%s", node->name);
}

/* More threads would write past the workspaces. */
static rf_status check_threads(const rf_exec *exec) {
    int now = rf_get_threads();
    if (now <= exec->threads) return RF_OK;
    return rf_fail(
        RF_ERR_USER,
        "the memory of this graph was planned for %d threads and %d are set now; set the threads (or use the "
        "pool) before the graph is planned",
        exec->threads, now);
}

rf_status rf_exec_forward(rf_exec *exec, bool training) {
    RF_TRY(check_threads(exec));
    for (int t = 0; t < exec->plan.n_forward_steps; t++) RF_TRY(run_step(exec, t, training));
    return RF_OK;
}

/* Seeds scalar roots with 1 and decides for every contribution to a parameter's gradient whether it stores or adds. */
static void prepare_backward(rf_exec *exec, bool accumulate) {
    const rf_graph *g = exec->graph;
    for (int v = 0; v < g->n_values; v++) {
        const rf_graph_value *value = &g->values[v];
        if (value->is_seed && value->shape.n == 0) *grad_of(exec, v) = 1;
        if (value->kind == RF_VALUE_PARAM && value->grad && !value->has_grad && !accumulate)
            memset(value->grad, 0, rf_shape_count(&value->shape) * sizeof(rf_real));
    }
    for (int t = exec->plan.n_forward_steps; t < exec->plan.n_steps; t++) {
        const rf_node *node = &g->nodes[exec->plan.steps[t].node];
        if (node->pass != RF_PASS_BACKWARD) continue;
        for (int i = 0; i < node->n_in; i++)
            if (node->din[i] && g->values[node->in[i]].kind == RF_VALUE_PARAM)
                exec->calls[t].din_add[i] = node->din_add[i] || accumulate;
    }
}

rf_status rf_exec_backward(rf_exec *exec, bool accumulate) {
    if (!exec->graph->differentiated) return rf_fail(RF_ERR_USER, "the graph was built without gradients");
    RF_TRY(check_threads(exec));
    prepare_backward(exec, accumulate);
    for (int t = exec->plan.n_forward_steps; t < exec->plan.n_steps; t++) {
        /* Gradients exist for training: replays repeat what forward did there. */
        RF_TRY(run_step(exec, t, true));
    }
    return RF_OK;
}

static rf_status check_finite(const rf_exec *exec, int t, const char *what, rf_value v, const rf_tensor *tensor) {
    if (!tensor->data || tensor->shape.n < 0) return RF_OK;
    size_t count = rf_shape_count(&tensor->shape);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(tensor->data[i])) continue;
        const rf_node *node = &exec->graph->nodes[exec->plan.steps[t].node];
        char shape[64];
        return rf_fail(RF_ERR_NONFINITE, "%s is %s in the %s pass: %s of '%s' (%s), element %zu", node->name,
                       isnan(tensor->data[i]) ? "NaN" : "infinite",
                       node->pass == RF_PASS_FORWARD ? "forward" : "backward", what, exec->graph->values[v].name,
                       rf_shape_text(&tensor->shape, shape), i);
    }
    return RF_OK;
}

/* Checks the inputs from outside too: a NaN in a parameter or an image is named as such. */
static rf_status check_sources(const rf_exec *exec, int t) {
    const rf_node *node = &exec->graph->nodes[exec->plan.steps[t].node];
    for (int i = 0; i < node->n_in; i++) {
        if (node->in[i] == RF_NONE || exec->graph->values[node->in[i]].kind == RF_VALUE_ACT) continue;
        RF_TRY(check_finite(exec, t, "the value", node->in[i], &exec->calls[t].in[i]));
    }
    return RF_OK;
}

rf_status rf_exec_trace_nonfinite(rf_exec *exec, bool training, bool accumulate) {
    if (exec->graph->differentiated) prepare_backward(exec, accumulate);
    rf_status status = RF_OK;
    for (int t = 0; t < exec->plan.n_steps && status == RF_OK; t++) {
        const rf_node *node = &exec->graph->nodes[exec->plan.steps[t].node];
        rf_call *call = &exec->calls[t];
        bool forward = node->pass == RF_PASS_FORWARD, replay = call->replay;
        if (forward) status = check_sources(exec, t);
        call->replay = true;
        if (status == RF_OK) status = run_step(exec, t, training);
        call->replay = replay;
        for (int i = 0; forward && i < node->n_out && status == RF_OK; i++)
            status = check_finite(exec, t, "output", node->out[i], &call->out[i]);
        for (int i = 0; !forward && i < node->n_in && status == RF_OK; i++)
            if (node->din[i]) status = check_finite(exec, t, "gradient", node->in[i], &call->din[i]);
    }
    return status;
}

double rf_exec_node_seconds(const rf_exec *exec, int index) {
    return exec->seconds[index];
}

void rf_exec_reset_times(rf_exec *exec) {
    memset(exec->seconds, 0, (size_t)exec->graph->n_nodes * sizeof *exec->seconds);
}
