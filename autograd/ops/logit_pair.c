/* SPDX-License-Identifier: Apache-2.0 */
/* One logit a row as two: softmax of (0, x) is sigmoid of x. What follows a sigmoid head is then the same as what
 * follows a head of two classes. */
#include "autograd/ops/common.h"

#include "core/parallel.h"

static rf_status infer(rf_call *call) {
    if (call->in[0].shape.n < 1) return rf_fail(RF_ERR_USER, "logit_pair: x needs a last axis of logits");
    call->out[0].shape = call->in[0].shape;
    call->out[0].shape.d[call->in[0].shape.n - 1] *= 2;
    return RF_OK;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    for (size_t i = begin; i < end; i++) {
        call->out[0].data[2 * i] = 0;
        call->out[0].data[2 * i + 1] = call->in[0].data[i];
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    for (size_t i = begin; i < end; i++) rf_put(&call->din[0].data[i], call->din_add[0], call->dout[0].data[2 * i + 1]);
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t count = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < count; i++) call->out[0].data[i] = i % 2 ? call->in[0].data[i / 2] : 0;
}

static const rf_case cases[] = {{"2x3x5x2", ""}, {"4x1", ""}, {"7", ""}, {NULL, NULL}};

const rf_op rf_op_logit_pair = {
    .name = "logit_pair",
    .formula = "y[...,2i] = 0, y[...,2i+1] = x[...,i]",
    .in_names = {"x"},
    .out_names = {"y"},
    .differentiable = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
