/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_OUT(0);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    /* exp of a negative number only, so that it cannot overflow */
    for (size_t i = begin; i < end; i++) {
        double x = (double)call->in[0].data[i], e = exp(-fabs(x));
        call->out[0].data[i] = (rf_real)((x >= 0 ? 1 : e) / (1 + e));
    }
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
    for (size_t i = begin; i < end; i++) {
        rf_real g = dy[i] * y[i] * (1 - y[i]);
        dx[i] = add ? dx[i] + g : g;
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = (rf_real)(1 / (1 + exp(-(double)call->in[0].data[i])));
}

static const rf_case cases[] = {{"2x3x5x4", ""}, {"7", ""}, {NULL, NULL}};

const rf_op rf_op_sigmoid = {
    .name = "sigmoid",
    .formula = "y = 1 / (1 + exp(-x))",
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
