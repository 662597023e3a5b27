/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <tgmath.h>

#include "core/parallel.h"

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_OUT(0);
}

/* The exponential of rf_real, as geometry computes it: expf in the product. */
static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    for (size_t i = begin; i < end; i++) call->out[0].data[i] = exp(call->in[0].data[i]);
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN / 8, forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data, *y = call->out[0].data;
    rf_real *dx = call->din[0].data;
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) dx[i] = add ? dx[i] + dy[i] * y[i] : dy[i] * y[i];
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = (rf_real)exp((double)call->in[0].data[i]);
}

static const rf_case cases[] = {{"2x3x5x4", ""}, {"7", ""}, {"5000x2", ""}, {NULL, NULL}};

const rf_op rf_op_exp = {
    .name = "exp",
    .formula = "y = e^x",
    .in_names = {"x"},
    .out_names = {"y"},
    .differentiable = 1,
    .inplace_input = 1,
    .infer = rf_infer_same,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
