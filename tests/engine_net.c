/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine_net.h"

#include <string.h>

#include "core/rng.h"

static rf_value param(test_net *net, int index, const char *name, rf_shape shape, float mean) {
    rf_rng rng = rf_rng_make(7, 0, (uint64_t)index, RF_STREAM_TEST);
    size_t count = rf_shape_count(&shape);
    rf_real *data = net->data + net->used;
    for (size_t i = 0; i < count; i++) data[i] = (rf_real)(mean + 0.3f * rf_rng_normal(&rng));
    net->params[index] = rf_graph_param(net->graph, name, shape, data, net->grad + net->used);
    net->used += count;
    return net->params[index];
}

static rf_value state(test_net *net, const char *name, int channels, rf_real initial) {
    rf_real *data = net->state + net->used_state;
    for (int i = 0; i < channels; i++) data[i] = initial;
    net->used_state += (size_t)channels;
    return rf_graph_state(net->graph, name, (rf_shape){1, {channels}}, data);
}

/* Labels 0 or 1 by position; they do not depend on the logits, so that finite differences hold. */
static rf_status make_labels(void *ctx, const rf_call *call) {
    test_net *net = ctx;
    net->host_runs++;
    size_t rows = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < rows; i++) call->out[0].data[i] = (rf_real)(i % 3 == 0 ? -1 : (int)(i % 2));
    return RF_OK;
}

void test_net_make(test_net *net, int n, int h, int w) {
    memset(net, 0, sizeof *net);
    rf_graph *g = net->graph = rf_graph_new();
    net->input = rf_graph_input(g, "input", (rf_shape){4, {n, h, w, 3}});
    rf_value w1 = param(net, 0, "conv1.weight", (rf_shape){4, {3, 3, 3, 8}}, 0);
    rf_value b1 = param(net, 1, "conv1.bias", (rf_shape){1, {8}}, 0);
    rf_value gamma = param(net, 2, "bn.weight", (rf_shape){1, {8}}, 1);
    rf_value beta = param(net, 3, "bn.bias", (rf_shape){1, {8}}, 0);
    rf_value mean = state(net, "bn.running_mean", 8, 0), var = state(net, "bn.running_var", 8, 1);
    rf_value w2 = param(net, 4, "shared.weight", (rf_shape){4, {3, 3, 8, 8}}, 0);
    rf_value wd = param(net, 5, "dw.weight", (rf_shape){4, {3, 3, 1, 8}}, 0);
    rf_value wh = param(net, 6, "head.weight", (rf_shape){4, {1, 1, 16, 4}}, 0);
    rf_value bh = param(net, 7, "head.bias", (rf_shape){1, {4}}, 0);
    int scope = rf_graph_scope(g, "body");
    rf_value x = rf_graph_apply(g, "conv2d", (rf_value[]){net->input, w1, b1}, 3, "stride=2 pad=1");
    x = rf_graph_apply(g, "bn_act", (rf_value[]){x, gamma, beta, mean, var}, 5, "slope=0.1");
    rf_value a = rf_apply2(g, "conv2d", x, w2, "pad=1");
    a = rf_apply1(g, "sigmoid", a, "");
    rf_value b = rf_apply2(g, "conv2d", a, w2, "pad=1"); /* the same weights again */
    rf_value d = rf_apply2(g, "dwconv2d", x, wd, "stride=1 pad=1");
    rf_value sum = rf_apply2(g, "add", rf_apply2(g, "add", b, d, ""), x, "");
    sum = rf_apply1(g, "leaky_relu", sum, "slope=0.2");
    net->features = sum;
    rf_value both = rf_apply2(g, "concat", sum, a, "axis=-1");
    rf_value head = rf_graph_apply(g, "conv2d", (rf_value[]){both, wh, bh}, 3, "");
    rf_graph_scope_end(g, scope);
    rf_value logits = rf_apply1(g, "reshape", head, "d0=%d d1=-1 d2=2", n);
    rf_shape shape = rf_graph_status(g) == RF_OK ? rf_graph_shape(g, logits) : (rf_shape){0};
    rf_shape rows = {2, {shape.d[0], shape.d[1]}};
    rf_value labels = rf_graph_host(g, "labels", make_labels, net, &logits, 1, &rows, 1);
    rf_value ce = rf_apply2(g, "softmax_ce", logits, labels, "");
    rf_value extra = rf_apply1(g, "mean", rf_apply2(g, "mul", head, head, ""), "");
    net->loss = rf_apply2(g, "add", ce, extra, "");
    rf_graph_keep(g, net->loss);
    rf_graph_keep(g, net->features);
    rf_graph_backward(g, &net->loss, 1);
}

void test_net_free(test_net *net) {
    rf_graph_free(net->graph);
}

void test_net_fill(const test_net *net, const rf_exec *exec, uint64_t seed) {
    rf_shape shape = rf_graph_shape(net->graph, net->input);
    rf_real *data = rf_exec_data(exec, net->input);
    rf_rng rng = rf_rng_make(seed, 1, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < rf_shape_count(&shape); i++) data[i] = (rf_real)rf_rng_normal(&rng);
}
