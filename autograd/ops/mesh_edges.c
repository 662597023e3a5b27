/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

/* An index of the float build is exact up to 2^24. */
enum { DIMS = 2, ATTR_VECTOR = 0 };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape, *edges = &call->in[1].shape;
    RF_TRY(rf_expect_dims("mesh_edges", "x", x, 2));
    RF_TRY(rf_expect_dims("mesh_edges", "edges", edges, 2));
    char text[64];
    if (x->d[1] % DIMS || edges->d[1] != 2)
        return rf_fail(RF_ERR_USER,
                       "mesh_edges: x has %d columns, expected an even number, and edges is %s, expected "
                       "two vertices a row",
                       x->d[1], rf_shape_text(edges, text));
    call->out[0].shape = (rf_shape){2, {x->d[0], edges->d[0] * (rf_attr_int(call, ATTR_VECTOR) ? DIMS : 1)}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    return RF_NEED_IN(1) | (rf_attr_int(call, ATTR_VECTOR) ? 0 : RF_NEED_IN(0));
}

/* The two vertices of edge e; false when one is outside the mesh. */
static bool ends(const rf_call *call, size_t e, size_t *a, size_t *b) {
    const rf_real *edge = call->in[1].data + 2 * e, n = (rf_real)(call->in[0].shape.d[1] / DIMS);
    if (!(edge[0] >= 0 && edge[0] < n && edge[1] >= 0 && edge[1] < n)) return false;
    *a = DIMS * (size_t)edge[0];
    *b = DIMS * (size_t)edge[1];
    return true;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n_edges = (size_t)call->in[1].shape.d[0], columns = rf_columns(&call->in[0].shape), a, b;
    bool vector = rf_attr_int(call, ATTR_VECTOR);
    for (size_t m = begin; m < end; m++) {
        const rf_real *x = call->in[0].data + m * columns;
        rf_real *y = call->out[0].data + m * rf_columns(&call->out[0].shape);
        for (size_t e = 0; e < n_edges; e++) {
            rf_real dx = 0, dy = 0;
            if (ends(call, e, &a, &b)) {
                dx = x[b] - x[a];
                dy = x[b + 1] - x[a + 1];
            }
            if (vector) {
                y[2 * e] = dx;
                y[2 * e + 1] = dy;
            } else {
                y[e] = (rf_real)sqrt((double)dx * (double)dx + (double)dy * (double)dy);
            }
        }
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[0].shape.d[0], rf_row_grain(rf_columns(&call->out[0].shape)), forward_range,
                    (void *)call);
    return RF_OK;
}

/* A row of x belongs to one chunk, so edges that share a vertex add in order. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n_edges = (size_t)call->in[1].shape.d[0], columns = rf_columns(&call->in[0].shape), a, b;
    bool vector = rf_attr_int(call, ATTR_VECTOR);
    for (size_t m = begin; m < end; m++) {
        const rf_real *x = vector ? NULL : call->in[0].data + m * columns;
        const rf_real *dy = call->dout[0].data + m * n_edges * (vector ? DIMS : 1);
        rf_real *dx = call->din[0].data + m * columns;
        for (size_t i = 0; i < columns && !call->din_add[0]; i++) dx[i] = 0;
        for (size_t e = 0; e < n_edges; e++) {
            if (!ends(call, e, &a, &b)) continue;
            rf_real g[DIMS];
            if (vector) {
                g[0] = dy[2 * e];
                g[1] = dy[2 * e + 1];
            } else {
                double u = (double)(x[b] - x[a]), v = (double)(x[b + 1] - x[a + 1]), length = sqrt(u * u + v * v);
                double share = length > 0 ? (double)dy[e] / length : 0; /* a point has no direction to grow in */
                g[0] = (rf_real)(share * u);
                g[1] = (rf_real)(share * v);
            }
            for (int k = 0; k < DIMS; k++) {
                dx[a + (size_t)k] -= g[k];
                dx[b + (size_t)k] += g[k];
            }
        }
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for((size_t)call->in[0].shape.d[0], rf_row_grain(rf_columns(&call->in[0].shape)), backward_range,
                        (void *)call);
}

static void reference(const rf_call *call) {
    int rows = call->in[0].shape.d[0], columns = call->in[0].shape.d[1], n = call->in[1].shape.d[0];
    bool vector = rf_attr_int(call, ATTR_VECTOR);
    for (int m = 0; m < rows; m++)
        for (int e = 0; e < n; e++) {
            int a = (int)call->in[1].data[2 * e], b = (int)call->in[1].data[2 * e + 1];
            const rf_real *x = call->in[0].data + m * columns;
            double u = (double)(x[2 * b] - x[2 * a]), v = (double)(x[2 * b + 1] - x[2 * a + 1]);
            if (vector) {
                call->out[0].data[(m * n + e) * 2] = (rf_real)u;
                call->out[0].data[(m * n + e) * 2 + 1] = (rf_real)v;
            } else {
                call->out[0].data[m * n + e] = (rf_real)hypot(u, v);
            }
        }
}

/* Edges between different vertices, many of which share one. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    int n = call->in[0].shape.d[1] / DIMS;
    if (input != 1) return;
    for (int e = 0; e < call->in[1].shape.d[0]; e++) {
        data[2 * e] = (rf_real)(e % n);
        data[2 * e + 1] = (rf_real)((e + 1 + e / n) % n);
    }
}

static const rf_case cases[] = {
    {"3x10 7x2", ""}, {"1x6 3x2", ""}, {"3x10 7x2", "vector=1"}, {"5x8 1x2", "vector=1"}, {NULL, NULL}};

const rf_op rf_op_mesh_edges = {
    .name = "mesh_edges",
    .formula = "y[m,e] = |x[m,b] - x[m,a]| for edge e = (a,b) of planar points; with vector=1 the difference itself",
    .in_names = {"x", "edges"},
    .out_names = {"y"},
    .attrs = {{"vector", RF_ATTR_INT, 0, 0, 1, "1: both coordinates of the edge instead of its length"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
