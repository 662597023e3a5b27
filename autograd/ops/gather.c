/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <string.h>

#include "core/parallel.h"

/* An index of the float build is exact up to 2^24. */
enum { MAX_ROWS = 1 << 24 };

enum { ATTR_FIRST, ATTR_ROWS };

/* The rows of x that an index may name. */
typedef struct range {
    int first, rows;
} range;

static range range_of(const rf_call *call) {
    int first = rf_attr_int(call, ATTR_FIRST), rows = rf_attr_int(call, ATTR_ROWS);
    return (range){first, rows ? rows : call->in[0].shape.d[0] - first};
}

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    RF_TRY(rf_expect_dims("gather", "index", &call->in[1].shape, 1));
    if (x->n < 1) return rf_fail(RF_ERR_USER, "gather: x is a scalar, expected rows");
    range r = range_of(call);
    if (r.rows < 0 || r.rows > x->d[0] - r.first)
        return rf_fail(RF_ERR_USER, "gather: first=%d rows=%d goes beyond the %d rows of x", r.first,
                       rf_attr_int(call, ATTR_ROWS), x->d[0]);
    if (r.rows > MAX_ROWS)
        return rf_fail(RF_ERR_USER, "gather: an index can name %d rows, here are %d; tell the first one and how many",
                       MAX_ROWS, r.rows);
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
static int row_of(const rf_call *call, range r, size_t m) {
    rf_real index = call->in[1].data[m];
    return index >= 0 && index < (rf_real)r.rows ? r.first + (int)index : -1;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = width_of(call);
    range r = range_of(call);
    for (size_t m = begin; m < end; m++) {
        int row = row_of(call, r, m);
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
    range r = range_of(call);
    for (size_t m = 0; m < count; m++) {
        int row = row_of(call, r, m);
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
        bool outside = row < 0 || row >= range_of(call).rows;
        row += range_of(call).first;
        call->out[0].data[i] = outside ? 0 : call->in[0].data[(size_t)row * width + i % width];
    }
}

/* Indices -1 (none) .. rows-1, with repeats. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    if (input != 1) return;
    int rows = call->in[0].shape.d[0];
    for (int m = 0; m < call->in[1].shape.d[0]; m++) data[m] = (rf_real)((m * 5 + (int)(seed % 7)) % (rows + 1) - 1);
}

static const rf_case cases[] = {{"6x4 9", ""},        {"5x2x3 3", ""}, {"3 4", ""}, {"9x3 6", "first=2 rows=4"},
                                {"5x2 4", "first=3"}, {NULL, NULL}};

const rf_op rf_op_gather = {
    .name = "gather",
    .formula = "y[m] = x[first + index[m]], a row of zeros where the index is outside of x or of `rows`",
    .in_names = {"x", "index"},
    .out_names = {"y"},
    .attrs = {{"first", RF_ATTR_INT, 0, 0, 1 << 30, "row of x that index 0 means"},
              {"rows", RF_ATTR_INT, 0, 0, 1 << 30, "how many rows of x an index can mean; 0 = all that follow"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
