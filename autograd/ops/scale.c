/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *x = call->in[0].data;
    rf_real *y = call->out[0].data, factor = rf_attr_real(call, 0);
#pragma omp simd
    for (size_t i = begin; i < end; i++) y[i] = factor * x[i];
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data;
    rf_real *dx = call->din[0].data, factor = rf_attr_real(call, 0);
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) dx[i] = add ? dx[i] + factor * dy[i] : factor * dy[i];
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = (rf_real)call->attr[0] * call->in[0].data[i];
}

static const rf_case cases[] = {{"2x3x5x4", "factor=0.3"}, {"9", "factor=-2"}, {NULL, NULL}};

const rf_op rf_op_scale = {
    .name = "scale",
    .formula = "y = factor * x",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"factor", RF_ATTR_FLOAT, 1, -1e30, 1e30, "constant multiplier"}},
    .differentiable = 1,
    .inplace_input = 1,
    .infer = rf_infer_same,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
