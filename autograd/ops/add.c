/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

static rf_status infer(rf_call *call) {
    RF_TRY(rf_expect_shape("add", "b", &call->in[1].shape, &call->in[0].shape));
    return rf_infer_same(call);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *a = call->in[0].data, *b = call->in[1].data;
    rf_real *y = call->out[0].data;
#pragma omp simd
    for (size_t i = begin; i < end; i++) y[i] = a[i] + b[i];
}

static void forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, forward_range, (void *)call);
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data;
    for (int input = 0; input < 2; input++) {
        rf_real *dx = call->din[input].data;
        if (!dx) continue;
        bool add = call->din_add[input];
#pragma omp simd
        for (size_t i = begin; i < end; i++) dx[i] = add ? dx[i] + dy[i] : dy[i];
    }
}

static void backward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = call->in[0].data[i] + call->in[1].data[i];
}

static const rf_case cases[] = {{"2x3x5x4 2x3x5x4", ""}, {"7 7", ""}, {NULL, NULL}};

const rf_op rf_op_add = {
    .name = "add",
    .formula = "y = a + b",
    .in_names = {"a", "b"},
    .out_names = {"y"},
    .differentiable = 3,
    .inplace_input = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
