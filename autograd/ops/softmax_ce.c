/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { GRAIN = 2048 }; /* rows of a chunk */

static rf_status infer(rf_call *call) {
    const rf_shape *logits = &call->in[0].shape;
    if (logits->n < 2) return rf_fail(RF_ERR_USER, "softmax_ce: logits need a last axis of classes");
    rf_shape rows = *logits;
    rows.d[--rows.n] = 0;
    RF_TRY(rf_expect_shape("softmax_ce", "labels", &call->in[1].shape, &rows));
    if (rf_has_input(call, 2)) RF_TRY(rf_expect_shape("softmax_ce", "weights", &call->in[2].shape, &rows));
    call->out[0].shape = (rf_shape){0};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    return RF_NEED_IN(0) | RF_NEED_IN(1) | (rf_has_input(call, 2) ? RF_NEED_IN(2) : 0);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    return pass == RF_PASS_FORWARD ? rf_sum_work_bytes(rf_rows(&call->in[0].shape), GRAIN) : 0;
}

/* Class of a row, or -1 when the row does not count. */
static int class_of(const rf_call *call, size_t row, size_t classes) {
    rf_real label = call->in[1].data[row];
    return label >= 0 && label < (rf_real)classes ? (int)label : -1;
}

static double weight_of(const rf_call *call, size_t row) {
    return rf_has_input(call, 2) ? (double)call->in[2].data[row] : 1;
}

/* log sum_k exp(z_k), exact for large z because the largest is taken out. */
static double log_sum_exp(const rf_real *z, size_t classes) {
    double top = (double)z[0], sum = 0;
    for (size_t k = 1; k < classes; k++) top = (double)z[k] > top ? (double)z[k] : top;
    for (size_t k = 0; k < classes; k++) sum += exp((double)z[k] - top);
    return top + log(sum);
}

static double loss_of(const void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t classes = rf_columns(&call->in[0].shape);
    double sum = 0;
    for (size_t row = begin; row < end; row++) {
        int label = class_of(call, row, classes);
        if (label < 0) continue;
        const rf_real *z = call->in[0].data + row * classes;
        sum += weight_of(call, row) * (log_sum_exp(z, classes) - (double)z[label]);
    }
    return sum;
}

static rf_status forward(const rf_call *call) {
    call->out[0].data[0] = (rf_real)rf_sum_chunks(rf_rows(&call->in[0].shape), GRAIN, loss_of, call, call->work);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t classes = rf_columns(&call->in[0].shape);
    double seed = (double)call->dout[0].data[0];
    bool add = call->din_add[0];
    for (size_t row = begin; row < end; row++) {
        rf_real *dz = call->din[0].data + row * classes;
        int label = class_of(call, row, classes);
        if (label < 0) {
            for (size_t k = 0; k < classes && !add; k++) dz[k] = 0;
            continue;
        }
        const rf_real *z = call->in[0].data + row * classes;
        double weight = seed * weight_of(call, row), total = log_sum_exp(z, classes);
        for (size_t k = 0; k < classes; k++) {
            double p = exp((double)z[k] - total);
            rf_put(&dz[k], add, (rf_real)(weight * (p - ((int)k == label))));
        }
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data) rf_parallel_for(rf_rows(&call->in[0].shape), GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t rows = rf_rows(&call->in[0].shape), classes = rf_columns(&call->in[0].shape);
    double loss = 0;
    for (size_t row = 0; row < rows; row++) {
        const rf_real *z = call->in[0].data + row * classes;
        double sum = 0, w = rf_has_input(call, 2) ? (double)call->in[2].data[row] : 1;
        if (call->in[1].data[row] < 0) continue;
        for (size_t k = 0; k < classes; k++) sum += exp((double)z[k]);
        loss -= w * log(exp((double)z[(int)call->in[1].data[row]]) / sum);
    }
    call->out[0].data[0] = (rf_real)loss;
}

/* Labels -1 .. K-1; weights with zeros; NaN logits in ignored rows. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    size_t rows = rf_rows(&call->in[0].shape), classes = rf_columns(&call->in[0].shape), shift = (size_t)(seed % 5);
    for (size_t row = 0; row < rows; row++) {
        int label = (int)((row + shift) % (classes + 1)) - 1;
        if (input == 1) data[row] = (rf_real)label;
        if (input == 2) data[row] = (rf_real)(0.5 * (double)(row % 4));
        if (input == 0 && label < 0) data[row * classes] = (rf_real)NAN;
    }
}

static const rf_case cases[] = {{"6x2 6 6", ""}, {"2x5x2 2x5", ""}, {"7x5 7 -", ""}, {NULL, NULL}};

const rf_op rf_op_softmax_ce = {
    .name = "softmax_ce",
    .formula = "y = sum over rows i with 0 <= label_i < K of w_i * (log sum_k exp(z_ik) - z_i,label_i)",
    .in_names = {"logits", "labels", "?weights"},
    .out_names = {"loss"},
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
