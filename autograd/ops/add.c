/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/broadcast.h"
#include "autograd/ops/common.h"

#include <string.h>

#include "core/parallel.h"

static rf_status infer(rf_call *call) {
    RF_TRY(rf_expect_broadcast("add", "b", &call->in[1].shape, &call->in[0].shape));
    return rf_infer_same(call);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *a = call->in[0].data, *b = call->in[1].data;
    rf_real *y = call->out[0].data;
#pragma omp simd
    for (size_t i = begin; i < end; i++) y[i] = a[i] + b[i];
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    rf_broadcast c = rf_broadcast_make(&call->in[0].shape, &call->in[1].shape);
    for (size_t r = begin; r < end; r++) {
        const rf_real *a = call->in[0].data + r * c.width, *b = call->in[1].data + rf_broadcast_at(&c, r);
        rf_real *y = call->out[0].data + r * c.width;
        if (c.one)
            for (size_t i = 0; i < c.width; i++) y[i] = a[i] + *b;
        else
            for (size_t i = 0; i < c.width; i++) y[i] = a[i] + b[i];
    }
}

static rf_status forward(const rf_call *call) {
    rf_broadcast_forward(call, forward_range, forward_rows);
    return RF_OK;
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

static void backward_a_rows(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    rf_broadcast c = rf_broadcast_make(&call->in[0].shape, &call->in[1].shape);
    for (size_t r = begin; r < end; r++) {
        const rf_real *dy = call->dout[0].data + r * c.width;
        rf_real *dx = call->din[0].data + r * c.width;
        for (size_t i = 0; i < c.width; i++) rf_put(&dx[i], call->din_add[0], dy[i]);
    }
}

/* Serial: a number of b has a part in many of y, whose gradients are added in their order. */
static void backward_b(const rf_call *call, const rf_broadcast *c) {
    if (!call->din_add[1]) memset(call->din[1].data, 0, rf_shape_count(&call->in[1].shape) * sizeof(rf_real));
    for (size_t r = 0; r < c->rows; r++) {
        const rf_real *dy = call->dout[0].data + r * c->width;
        rf_real *dx = call->din[1].data + rf_broadcast_at(c, r);
        for (size_t i = 0; i < c->width; i++) dx[c->one ? 0 : i] += dy[i];
    }
}

static void backward(const rf_call *call) {
    rf_broadcast c = rf_broadcast_make(&call->in[0].shape, &call->in[1].shape);
    if (!c.same) {
        if (call->din[0].data) rf_parallel_for(c.rows, rf_row_grain(c.width), backward_a_rows, (void *)call);
        if (call->din[1].data) backward_b(call, &c);
        return;
    }
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    const rf_shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    size_t n = rf_shape_count(a);
    for (size_t i = 0; i < n; i++)
        call->out[0].data[i] = call->in[0].data[i] + call->in[1].data[rf_broadcast_place(a, b, i)];
}

static const rf_case cases[] = {{"2x3x5x4 2x3x5x4", ""}, {"7 7", ""},    {"6x5x2 6x1x2", ""},
                                {"3x4x5x2 5x1", ""},     {"70x3 1", ""}, {NULL, NULL}};

const rf_op rf_op_add = {
    .name = "add",
    .formula = "y = a + b, b broadcast to a",
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
