/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { GRAIN = 4096 }; /* rows of a chunk */

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    if (x->n < 1) return rf_fail(RF_ERR_USER, "smooth_l1: pred needs a last axis of coordinates");
    RF_TRY(rf_expect_shape("smooth_l1", "target", &call->in[1].shape, x));
    rf_shape rows = *x;
    rows.d[--rows.n] = 0;
    if (rf_has_input(call, 2)) RF_TRY(rf_expect_shape("smooth_l1", "weights", &call->in[2].shape, &rows));
    call->out[0].shape = (rf_shape){0};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    return RF_NEED_IN(0) | RF_NEED_IN(1) | (rf_has_input(call, 2) ? RF_NEED_IN(2) : 0);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    return pass == RF_PASS_FORWARD ? rf_sum_work_bytes(rf_rows(&call->in[0].shape), GRAIN) : 0;
}

static double weight_of(const rf_call *call, size_t row) {
    return rf_has_input(call, 2) ? (double)call->in[2].data[row] : 1;
}

static double loss_of(const void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = rf_columns(&call->in[0].shape);
    double beta = call->attr[0], inverse = beta > 0 ? 1 / beta : 0, loss = 0;
    for (size_t row = begin; row < end; row++) {
        double weight = weight_of(call, row), sum = 0;
        if (weight == 0) continue;
        const rf_real *x = call->in[0].data + row * width, *t = call->in[1].data + row * width;
        for (size_t k = 0; k < width; k++) {
            /* m * (d - m/2) / beta with m = min(d, beta) is both pieces without a branch */
            double d = fabs((double)x[k] - (double)t[k]), m = d < beta ? d : beta;
            sum += beta > 0 ? m * (d - 0.5 * m) * inverse : d;
        }
        loss += weight * sum;
    }
    return loss;
}

static rf_status forward(const rf_call *call) {
    call->out[0].data[0] = (rf_real)rf_sum_chunks(rf_rows(&call->in[0].shape), GRAIN, loss_of, call, call->work);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = rf_columns(&call->in[0].shape);
    double beta = call->attr[0], inverse = beta > 0 ? 1 / beta : 0, seed = (double)call->dout[0].data[0];
    bool add = call->din_add[0];
    for (size_t row = begin; row < end; row++) {
        rf_real *dx = call->din[0].data + row * width;
        double weight = weight_of(call, row);
        if (weight == 0) {
            for (size_t k = 0; k < width && !add; k++) dx[k] = 0;
            continue;
        }
        const rf_real *x = call->in[0].data + row * width, *t = call->in[1].data + row * width;
        for (size_t k = 0; k < width; k++) {
            double d = (double)x[k] - (double)t[k], slope = d * inverse;
            slope = slope > 1 ? 1 : slope < -1 ? -1 : slope;
            if (beta == 0) slope = (d > 0) - (d < 0);
            rf_put(&dx[k], add, (rf_real)(seed * weight * slope));
        }
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data) rf_parallel_for(rf_rows(&call->in[0].shape), GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t count = rf_shape_count(&call->in[0].shape), width = rf_columns(&call->in[0].shape);
    double beta = call->attr[0], loss = 0;
    for (size_t i = 0; i < count; i++) {
        double w = rf_has_input(call, 2) ? (double)call->in[2].data[i / width] : 1;
        if (w == 0) continue;
        double d = (double)call->in[0].data[i] - (double)call->in[1].data[i];
        if (fabs(d) < beta)
            loss += w * 0.5 * d * d / beta;
        else
            loss += w * (fabs(d) - 0.5 * beta);
    }
    call->out[0].data[0] = (rf_real)loss;
}

/* Weights with zeros; NaN targets in those rows. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    size_t rows = rf_rows(&call->in[0].shape), width = rf_columns(&call->in[0].shape);
    for (size_t row = 0; row < rows; row++) {
        if (input == 2) data[row] = (rf_real)(0.5 * (double)(row % 4));
        if (input == 1 && rf_has_input(call, 2) && row % 4 == 0) data[row * width] = (rf_real)NAN;
    }
}

static const rf_case cases[] = {
    {"6x4 6x4 6", ""}, {"2x5x10 2x5x10 2x5", "beta=0.3"}, {"3x4 3x4", "beta=0"}, {NULL, NULL}};

const rf_op rf_op_smooth_l1 = {
    .name = "smooth_l1",
    .formula = "y = sum_i w_i * sum_k f(pred_ik - target_ik), f(d) = |d| < beta ? d^2/(2 beta) : |d| - beta/2",
    .in_names = {"pred", "target", "?weights"},
    .out_names = {"loss"},
    .attrs = {{"beta", RF_ATTR_FLOAT, 1, 0, 1e6, "where the parabola meets the line; 0 = plain L1"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
