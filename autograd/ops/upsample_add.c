/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"
#include "autograd/ops/upsample.h"

#include "core/parallel.h"

static rf_status infer(rf_call *call) {
    const rf_shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    RF_TRY(rf_expect_dims("upsample_add", "a", a, 4));
    RF_TRY(rf_expect_dims("upsample_add", "b", b, 4));
    if (a->d[0] != b->d[0] || a->d[3] != b->d[3])
        return rf_fail(RF_ERR_USER, "upsample_add: a has %d images of %d channels, b %d of %d", a->d[0], a->d[3],
                       b->d[0], b->d[3]);
    return rf_infer_same(call);
}

static rf_status forward(const rf_call *call) {
    rf_upsample_forward(&call->in[1], call->in[0].data, &call->out[0]);
    return RF_OK;
}

static void add_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data;
    rf_real *da = call->din[0].data;
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) da[i] = add ? da[i] + dy[i] : dy[i];
}

static void backward(const rf_call *call) {
    rf_tensor db = {call->in[1].shape, call->din[1].data};
    if (call->din[0].data) rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, add_range, (void *)call);
    rf_upsample_backward(&db, call->din_add[1], call->dout[0].data, &call->out[0].shape);
}

static void reference(const rf_call *call) {
    rf_upsample_reference(&call->in[1], call->in[0].data, &call->out[0]);
}

static const rf_case cases[] = {
    {"2x4x6x4 2x2x3x4", ""}, {"1x7x9x3 1x4x5x3", ""}, {"1x3x3x20 1x1x1x20", ""}, {NULL, NULL}};

const rf_op rf_op_upsample_add = {
    .name = "upsample_add",
    .formula = "y = a + b resized to a's height and width by nearest neighbour",
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
