/* SPDX-License-Identifier: Apache-2.0 */
/* Three 1x1 convolutions with bias that read one map, as a detector's class, box and landmark heads do: one product
 * with their kernels side by side, so that the map is read once and its gradient written once. */
#include "autograd/ops/common.h"
#include "autograd/ops/conv.h"

#include <string.h>

#include "core/parallel.h"

enum { PARTS = 3, X = 0 };
#define WEIGHT(i) (1 + 2 * (i))
#define BIAS(i) (2 + 2 * (i))

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[X].shape;
    RF_TRY(rf_expect_dims("conv2d_triple", "x", x, 4));
    for (int i = 0; i < PARTS; i++) {
        const rf_shape *w = &call->in[WEIGHT(i)].shape;
        RF_TRY(rf_expect_dims("conv2d_triple", "a weight", w, 4));
        rf_shape kernel = {4, {1, 1, x->d[3], w->d[3]}}, bias = {1, {w->d[3]}};
        RF_TRY(rf_expect_shape("conv2d_triple", "a weight", w, &kernel));
        RF_TRY(rf_expect_shape("conv2d_triple", "a bias", &call->in[BIAS(i)].shape, &bias));
        call->out[i].shape = *x;
        call->out[i].shape.d[3] = w->d[3];
    }
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(X) | RF_NEED_IN(WEIGHT(0)) | RF_NEED_IN(WEIGHT(1)) | RF_NEED_IN(WEIGHT(2));
}

/* The three as one: columns begin[i]..begin[i+1] belong to the i-th. */
typedef struct whole {
    rf_conv_dims dims;
    size_t begin[PARTS + 1], pixels;
    /* Parts of the workspace: kernels [C][S] and biases side by side, their gradients, results or gradients [P][S]. */
    rf_real *w, *b, *dw, *db, *maps;
    void *work;
} whole;

static size_t round_up(size_t elements) {
    return (elements + 15) / 16 * 16;
}

static whole whole_of(const rf_call *call) {
    const int *x = call->in[X].shape.d;
    whole all = {.dims = {x[0], x[1], x[2], x[3], 1, 1, 1, 1, 0, 0, 1, x[1], x[2], 0}};
    for (int i = 0; i < PARTS; i++) all.begin[i + 1] = all.begin[i] + (size_t)call->in[WEIGHT(i)].shape.d[3];
    size_t s = all.begin[PARTS], c = (size_t)x[3];
    all.dims.oc = (int)s;
    all.pixels = (size_t)x[0] * (size_t)x[1] * (size_t)x[2];
    all.w = call->work;
    all.b = all.w + round_up(c * s);
    all.dw = all.b + round_up(s);
    all.db = all.dw + round_up(c * s);
    all.maps = all.db + round_up(s);
    all.work = all.maps + round_up(all.pixels * s);
    return all;
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_call shapes = *call;
    shapes.work = NULL;
    whole all = whole_of(&shapes);
    size_t s = all.begin[PARTS], c = (size_t)all.dims.c, kernels;
    size_t elements = 2 * (round_up(c * s) + round_up(s)) + round_up(all.pixels * s);
    if (pass == RF_PASS_FORWARD) {
        kernels = rf_conv_workspace(&all.dims, RF_CONV_FORWARD, false);
    } else {
        kernels = rf_conv_workspace(&all.dims, RF_CONV_BACKWARD_BIAS, false);
        size_t pair = rf_conv_pairs(&all.dims) ? rf_conv_pair_workspace(&all.dims) : 0;
        size_t data = rf_conv_workspace(&all.dims, RF_CONV_BACKWARD_DATA, false);
        size_t weights = rf_conv_workspace(&all.dims, RF_CONV_BACKWARD_WEIGHTS, false);
        if (pair > kernels) kernels = pair;
        if (!pair && data > kernels) kernels = data;
        if (!pair && weights > kernels) kernels = weights;
    }
    return elements * sizeof(rf_real) + kernels;
}

static void join_weights(const rf_call *call, const whole *all, bool bias) {
    size_t s = all->begin[PARTS];
    for (int i = 0; i < PARTS; i++) {
        size_t n = all->begin[i + 1] - all->begin[i];
        for (size_t c = 0; c < (size_t)all->dims.c; c++)
            memcpy(all->w + c * s + all->begin[i], call->in[WEIGHT(i)].data + c * n, n * sizeof(rf_real));
        if (bias) memcpy(all->b + all->begin[i], call->in[BIAS(i)].data, n * sizeof(rf_real));
    }
}

typedef struct copying {
    const rf_call *call;
    const whole *all;
} copying;

/* Results side by side to the three outputs. */
static void cut_range(void *ctx, size_t begin, size_t end) {
    const copying *job = ctx;
    const size_t *at = job->all->begin;
    for (int i = 0; i < PARTS; i++) {
        size_t n = at[i + 1] - at[i];
        const rf_real *from = job->all->maps + begin * at[PARTS] + at[i];
        rf_real *to = job->call->out[i].data + begin * n;
        for (size_t p = begin; p < end; p++, from += at[PARTS], to += n) memcpy(to, from, n * sizeof *to);
    }
}

/* Gradients of the three outputs side by side; one that is missing is zero. */
static void join_range(void *ctx, size_t begin, size_t end) {
    const copying *job = ctx;
    const size_t *at = job->all->begin;
    for (int i = 0; i < PARTS; i++) {
        size_t n = at[i + 1] - at[i];
        const rf_real *dy = job->call->dout[i].data;
        rf_real *to = job->all->maps + begin * at[PARTS] + at[i];
        for (size_t p = begin; p < end; p++, to += at[PARTS]) {
            if (dy)
                memcpy(to, dy + p * n, n * sizeof *to);
            else
                memset(to, 0, n * sizeof *to);
        }
    }
}

static rf_status forward(const rf_call *call) {
    whole all = whole_of(call);
    copying job = {call, &all};
    join_weights(call, &all, true);
    rf_conv_epilogue epilogue = {.bias = all.b};
    rf_conv_forward(&all.dims, call->in[X].data, all.w, &epilogue, all.maps, NULL, all.work);
    rf_parallel_for(all.pixels, rf_row_grain(all.begin[PARTS]), cut_range, &job);
    return RF_OK;
}

static void backward(const rf_call *call) {
    whole all = whole_of(call);
    copying job = {call, &all};
    const rf_real *x = call->in[X].data;
    rf_real *dx = call->din[X].data;
    join_weights(call, &all, false);
    rf_parallel_for(all.pixels, rf_row_grain(all.begin[PARTS]), join_range, &job);
    if (rf_conv_pairs(&all.dims)) {
        rf_conv_backward_pair(&all.dims, x, all.maps, all.w, dx, call->din_add[X], all.dw, false, NULL, all.work);
    } else {
        if (dx) rf_conv_backward_data(&all.dims, all.maps, all.w, dx, call->din_add[X], NULL, all.work);
        rf_conv_backward_weights(&all.dims, x, all.maps, all.dw, false, NULL, all.work);
    }
    rf_conv_backward_bias(&all.dims, all.maps, all.db, false, all.work);
    for (int i = 0; i < PARTS; i++) {
        size_t n = all.begin[i + 1] - all.begin[i];
        rf_real *dw = call->din[WEIGHT(i)].data, *db = call->din[BIAS(i)].data;
        const rf_real *from = all.dw + all.begin[i];
        for (size_t k = 0; dw && k < (size_t)all.dims.c * n; k++)
            rf_put(&dw[k], call->din_add[WEIGHT(i)], from[k / n * all.begin[PARTS] + k % n]);
        for (size_t k = 0; db && k < n; k++) rf_put(&db[k], call->din_add[BIAS(i)], all.db[all.begin[i] + k]);
    }
}

static double flops(const rf_call *call) {
    double outputs = 0;
    for (int i = 0; i < PARTS; i++) outputs += (double)rf_shape_count(&call->out[i].shape);
    return 2.0 * call->in[X].shape.d[3] * outputs;
}

static void reference(const rf_call *call) {
    size_t pixels = rf_rows(&call->in[X].shape), c = rf_columns(&call->in[X].shape);
    for (int i = 0; i < PARTS; i++) {
        size_t n = rf_columns(&call->out[i].shape);
        for (size_t p = 0; p < pixels; p++)
            for (size_t o = 0; o < n; o++) {
                double sum = (double)call->in[BIAS(i)].data[o];
                for (size_t k = 0; k < c; k++)
                    sum += (double)call->in[X].data[p * c + k] * (double)call->in[WEIGHT(i)].data[k * n + o];
                call->out[i].data[p * n + o] = (rf_real)sum;
            }
    }
}

static const rf_case cases[] = {{"2x3x5x8 1x1x8x4 4 1x1x8x8 8 1x1x8x20 20", ""},
                                {"1x1x1x3 1x1x3x1 1 1x1x3x2 2 1x1x3x5 5", ""},
                                {"1x9x7x17 1x1x17x6 6 1x1x17x3 3 1x1x17x1 1", ""},
                                {NULL, NULL}};

const rf_op rf_op_conv2d_triple = {
    .name = "conv2d_triple",
    .formula = "y_i[n,h,w,o] = b_i[o] + sum over c of x[n,h,w,c] * w_i[c,o], i = 1..3",
    .in_names = {"x", "w1", "b1", "w2", "b2", "w3", "b3"},
    .out_names = {"y1", "y2", "y3"},
    .differentiable = 0x7f,
    .grad_outputs = 6,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
};
