/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

/* Feature width and the entries of the sparse matrix. */
enum { ATTR_ROWS };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape, *at = &call->in[1].shape;
    RF_TRY(rf_expect_dims("mesh_mix", "x", x, 3));
    RF_TRY(rf_expect_dims("mesh_mix", "at", at, 2));
    rf_shape values = {1, {at->d[0]}}, pairs = {2, {at->d[0], 2}};
    RF_TRY(rf_expect_shape("mesh_mix", "at", at, &pairs));
    RF_TRY(rf_expect_shape("mesh_mix", "value", &call->in[2].shape, &values));
    call->out[0].shape = (rf_shape){3, {x->d[0], rf_attr_int(call, ATTR_ROWS), x->d[2]}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(1) | RF_NEED_IN(2);
}

/* to[row of entry] += value * from[column of entry] over all entries; `back` exchanges row and column. */
static void mix(const rf_call *call, const rf_real *from, size_t from_rows, rf_real *to, size_t to_rows, bool back) {
    size_t n = (size_t)call->in[1].shape.d[0], c = (size_t)call->in[0].shape.d[2];
    for (size_t e = 0; e < n; e++) {
        rf_real row = call->in[1].data[2 * e + back], column = call->in[1].data[2 * e + !back];
        if (!(row >= 0 && row < (rf_real)to_rows && column >= 0 && column < (rf_real)from_rows)) continue;
        rf_real a = call->in[2].data[e], *y = to + (size_t)row * c;
        const rf_real *x = from + (size_t)column * c;
#pragma omp simd
        for (size_t k = 0; k < c; k++) y[k] += a * x[k];
    }
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t rows = (size_t)call->out[0].shape.d[1], columns = (size_t)call->in[0].shape.d[1];
    size_t c = (size_t)call->in[0].shape.d[2];
    for (size_t m = begin; m < end; m++) {
        rf_real *y = call->out[0].data + m * rows * c;
        for (size_t i = 0; i < rows * c; i++) y[i] = 0;
        mix(call, call->in[0].data + m * columns * c, columns, y, rows, false);
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[0].shape.d[0], 1, forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t rows = (size_t)call->out[0].shape.d[1], columns = (size_t)call->in[0].shape.d[1];
    size_t c = (size_t)call->in[0].shape.d[2];
    for (size_t m = begin; m < end; m++) {
        rf_real *dx = call->din[0].data + m * columns * c;
        for (size_t i = 0; i < columns * c && !call->din_add[0]; i++) dx[i] = 0;
        mix(call, call->dout[0].data + m * rows * c, rows, dx, columns, true);
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data) rf_parallel_for((size_t)call->in[0].shape.d[0], 1, backward_range, (void *)call);
}

static double flops(const rf_call *call) {
    return 2.0 * call->in[0].shape.d[0] * call->in[1].shape.d[0] * call->in[0].shape.d[2];
}

/* Through a dense matrix. */
static void reference(const rf_call *call) {
    int M = call->in[0].shape.d[0], n = call->in[0].shape.d[1], c = call->in[0].shape.d[2];
    int rows = call->out[0].shape.d[1];
    for (int m = 0; m < M; m++)
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < c; k++) {
                rf_real sum = 0;
                for (int j = 0; j < n; j++)
                    for (int e = 0; e < call->in[1].shape.d[0]; e++)
                        if ((int)call->in[1].data[2 * e] == i && (int)call->in[1].data[2 * e + 1] == j)
                            sum += call->in[2].data[e] * call->in[0].data[(m * n + j) * c + k];
                call->out[0].data[(m * rows + i) * c + k] = sum;
            }
}

/* Entries in no order, several in a row of the matrix, rows without any. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    int n = call->in[0].shape.d[1], rows = call->out[0].shape.d[1];
    for (int e = 0; input == 1 && e < call->in[1].shape.d[0]; e++) {
        data[2 * e] = (rf_real)((e * 3 + 1) % rows);
        data[2 * e + 1] = (rf_real)((e * 5 + e / n) % n);
    }
}

static const rf_case cases[] = {
    {"2x5x3 9x2 9", "rows=7"}, {"1x6x4 8x2 8", "rows=3"}, {"3x4x1 1x2 1", "rows=4"}, {NULL, NULL}};

const rf_op rf_op_mesh_mix = {
    .name = "mesh_mix",
    .formula = "y[m] = A x[m] for a sparse matrix A of `rows` rows: A[at[e,0],at[e,1]] = value[e]",
    .in_names = {"x", "at", "value"},
    .out_names = {"y"},
    .attrs = {{"rows", RF_ATTR_INT, 1, 1, 1 << 20, "rows of the matrix"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
