/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

rf_split rf_split_at(const rf_shape *shape, int axis) {
    rf_split s = {1, (size_t)shape->d[axis], 1};
    for (int i = 0; i < axis; i++) s.outer *= (size_t)shape->d[i];
    for (int i = axis + 1; i < shape->n; i++) s.inner *= (size_t)shape->d[i];
    return s;
}

rf_status rf_axis(const char *op, const rf_shape *shape, int attr, int *axis) {
    *axis = attr < 0 ? shape->n - 1 : attr;
    char text[64];
    if (*axis < 0 || *axis >= shape->n)
        return rf_fail(RF_ERR_USER, "%s: axis=%d, but x is %s", op, attr, rf_shape_text(shape, text));
    return RF_OK;
}

size_t rf_rows(const rf_shape *shape) {
    size_t rows = 1;
    for (int i = 0; i + 1 < shape->n; i++) rows *= (size_t)shape->d[i];
    return rows;
}

size_t rf_columns(const rf_shape *shape) {
    return shape->n > 0 ? (size_t)shape->d[shape->n - 1] : 1;
}

rf_status rf_expect_shape(const char *op, const char *input, const rf_shape *got, const rf_shape *wanted) {
    if (rf_shape_equal(got, wanted)) return RF_OK;
    char a[64], b[64];
    return rf_fail(RF_ERR_USER, "%s: %s is %s, expected %s", op, input, rf_shape_text(got, a),
                   rf_shape_text(wanted, b));
}

rf_status rf_expect_dims(const char *op, const char *input, const rf_shape *got, int n) {
    char text[64];
    if (got->n == n) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %s is %s, expected %d dimensions", op, input, rf_shape_text(got, text), n);
}

rf_status rf_infer_same(rf_call *call) {
    call->out[0].shape = call->in[0].shape;
    return RF_OK;
}

typedef struct leaky {
    const rf_call *call;
    rf_real slope;
} leaky;

static void leaky_forward_range(void *ctx, size_t begin, size_t end) {
    const leaky *l = ctx;
    const rf_real *x = l->call->in[0].data;
    rf_real *y = l->call->out[0].data, slope = l->slope;
#pragma omp simd
    for (size_t i = begin; i < end; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

void rf_leaky_forward(const rf_call *call, rf_real slope) {
    leaky l = {call, slope};
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, leaky_forward_range, &l);
}

static void leaky_backward_range(void *ctx, size_t begin, size_t end) {
    const leaky *l = ctx;
    const rf_real *y = l->call->out[0].data, *dy = l->call->dout[0].data;
    rf_real *dx = l->call->din[0].data, slope = l->slope;
    bool add = l->call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        rf_real g = y[i] > 0 ? dy[i] : slope * dy[i];
        dx[i] = add ? dx[i] + g : g;
    }
}

void rf_leaky_backward(const rf_call *call, rf_real slope) {
    leaky l = {call, slope};
    if (call->din[0].data) rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, leaky_backward_range, &l);
}

void rf_leaky_reference(const rf_call *call, rf_real slope) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) {
        rf_real x = call->in[0].data[i];
        call->out[0].data[i] = x > 0 ? x : x * slope;
    }
}

void rf_leaky_fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    size_t n = rf_shape_count(&call->in[input].shape);
    for (size_t i = 0; i < n; i++) data[i] += data[i] > 0 ? (rf_real)0.1 : (rf_real)-0.1;
}

size_t rf_sum_work_bytes(size_t n, size_t grain) {
    return (n + grain - 1) / grain * sizeof(double);
}

typedef struct sum_pass {
    rf_sum_fn fn;
    const void *ctx;
    size_t grain;
    double *partials;
} sum_pass;

static void sum_range(void *ctx, size_t begin, size_t end) {
    const sum_pass *p = ctx;
    p->partials[begin / p->grain] = p->fn(p->ctx, begin, end);
}

double rf_sum_chunks(size_t n, size_t grain, rf_sum_fn fn, const void *ctx, void *work) {
    sum_pass p = {fn, ctx, grain, work};
    rf_parallel_for(n, grain, sum_range, &p);
    double sum = 0;
    for (size_t i = 0; i * grain < n; i++) sum += p.partials[i];
    return sum;
}
