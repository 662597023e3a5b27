/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *x = call->in[0].data;
    rf_real *y = call->out[0].data, offset = rf_attr_real(call, 0);
#pragma omp simd
    for (size_t i = begin; i < end; i++) y[i] = x[i] + offset;
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data;
    rf_real *dx = call->din[0].data;
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) dx[i] = add ? dx[i] + dy[i] : dy[i];
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = call->in[0].data[i] + (rf_real)call->attr[0];
}

static const rf_case cases[] = {{"2x3x5x4", "offset=0.3"}, {"9", "offset=-2"}, {NULL, NULL}};

const rf_op rf_op_shift = {
    .name = "shift",
    .formula = "y = x + offset",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"offset", RF_ATTR_FLOAT, 0, -1e30, 1e30, "constant that is added"}},
    .differentiable = 1,
    .inplace_input = 1,
    .infer = rf_infer_same,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
