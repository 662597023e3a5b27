/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <string.h>

#include "core/parallel.h"

/* An index of the float build is exact up to 2^24. */
enum { MAX_ROWS = 1 << 24 };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    RF_TRY(rf_expect_dims("gather", "index", &call->in[1].shape, 1));
    if (x->n < 1 || x->d[0] > MAX_ROWS)
        return rf_fail(RF_ERR_USER, "gather: x needs a first axis of at most %d rows", MAX_ROWS);
    call->out[0].shape = *x;
    call->out[0].shape.d[0] = call->in[1].shape.d[0];
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(1);
}

static size_t width_of(const rf_call *call) {
    return rf_split_at(&call->in[0].shape, 0).inner;
}

/* Row of x that output row m takes, or -1 for none. */
static int row_of(const rf_call *call, size_t m) {
    rf_real index = call->in[1].data[m];
    return index >= 0 && index < (rf_real)call->in[0].shape.d[0] ? (int)index : -1;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = width_of(call);
    for (size_t m = begin; m < end; m++) {
        int row = row_of(call, m);
        rf_real *y = call->out[0].data + m * width;
        if (row < 0)
            memset(y, 0, width * sizeof *y);
        else
            memcpy(y, call->in[0].data + (size_t)row * width, width * sizeof *y);
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[1].shape.d[0], rf_row_grain(width_of(call)), forward_range, (void *)call);
    return RF_OK;
}

/* Serial: a row may be taken many times, and its contributions are added in the order of the index. */
static void backward(const rf_call *call) {
    rf_real *dx = call->din[0].data;
    if (!dx) return;
    size_t width = width_of(call), count = (size_t)call->in[1].shape.d[0];
    if (!call->din_add[0]) memset(dx, 0, rf_shape_count(&call->in[0].shape) * sizeof *dx);
    for (size_t m = 0; m < count; m++) {
        int row = row_of(call, m);
        if (row < 0) continue;
        rf_real *to = dx + (size_t)row * width;
        const rf_real *dy = call->dout[0].data + m * width;
#pragma omp simd
        for (size_t i = 0; i < width; i++) to[i] += dy[i];
    }
}

static void reference(const rf_call *call) {
    size_t width = width_of(call), count = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < count; i++) {
        int row = (int)call->in[1].data[i / width];
        call->out[0].data[i] = row < 0 ? 0 : call->in[0].data[(size_t)row * width + i % width];
    }
}

/* Indices -1 (none) .. rows-1, with repeats. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    if (input != 1) return;
    int rows = call->in[0].shape.d[0];
    for (int m = 0; m < call->in[1].shape.d[0]; m++) data[m] = (rf_real)((m * 5 + (int)(seed % 7)) % (rows + 1) - 1);
}

static const rf_case cases[] = {{"6x4 9", ""}, {"5x2x3 3", ""}, {"3 4", ""}, {NULL, NULL}};

const rf_op rf_op_gather = {
    .name = "gather",
    .formula = "y[m] = x[index[m]], a row of zeros where the index is outside x",
    .in_names = {"x", "index"},
    .out_names = {"y"},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
