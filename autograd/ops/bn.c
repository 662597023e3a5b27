/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/bn.h"

#include <math.h>

#include "autograd/kernels/norm.h"
#include "autograd/ops/common.h"

enum { X, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR, RESIDUAL };
enum { Y, MEAN, INVSTD };
enum { EPS, MOMENTUM, FROZEN };

rf_status rf_bn_infer(rf_call *call) {
    static const char *const names[] = {"x", "gamma", "beta", "running_mean", "running_var"};
    const rf_shape *x = &call->in[X].shape;
    if (x->n < 1) return rf_fail(RF_ERR_USER, "batch norm: x is a scalar, expected [..,C]");
    rf_shape per_channel = {1, {x->d[x->n - 1]}};
    for (int i = GAMMA; i <= RUNNING_VAR; i++)
        RF_TRY(rf_expect_shape("batch norm", names[i], &call->in[i].shape, &per_channel));
    if (rf_has_input(call, RESIDUAL)) RF_TRY(rf_expect_shape("batch norm", "residual", &call->in[RESIDUAL].shape, x));
    call->out[Y].shape = *x;
    call->out[MEAN].shape = call->out[INVSTD].shape = per_channel;
    return RF_OK;
}

uint32_t rf_bn_needs(const rf_call *call, rf_real slope) {
    uint32_t always = RF_NEED_IN(X) | RF_NEED_IN(GAMMA) | RF_NEED_OUT(MEAN) | RF_NEED_OUT(INVSTD);
    if (slope == 1) return always;
    return always | (rf_has_input(call, RESIDUAL) ? RF_NEED_OUT(Y) : RF_NEED_IN(BETA));
}

/* Workspace: two arrays of doubles [C], three of reals [C], and the kernels' own. */
typedef struct scratch {
    double *first, *second;
    rf_real *gain, *offset, *tilt;
    void *rest;
} scratch;

/* Doubles first, each part at a multiple of 8 channels so that all are aligned. */
static scratch cut(const rf_call *call) {
    size_t channels = (rf_columns(&call->in[X].shape) + 15) / 16 * 16;
    scratch s;
    s.first = call->work;
    s.second = s.first + channels;
    s.gain = (rf_real *)(void *)(s.second + channels);
    s.offset = s.gain + channels;
    s.tilt = s.offset + channels;
    s.rest = s.tilt + channels;
    return s;
}

size_t rf_bn_workspace(const rf_call *call, rf_pass pass) {
    (void)pass;
    const rf_shape *x = &call->in[X].shape;
    size_t channels = (rf_columns(x) + 15) / 16 * 16;
    return channels * (2 * sizeof(double) + 3 * sizeof(rf_real)) + rf_norm_work_bytes(rf_rows(x), rf_columns(x));
}

double rf_bn_flops(const rf_call *call) {
    return 7.0 * (double)rf_shape_count(&call->in[X].shape); /* statistics 4, normalisation 3 */
}

static bool uses_batch(const rf_call *call) {
    return call->training && !rf_attr_int(call, FROZEN);
}

/* Mean and invstd to use, and in training the running statistics (unbiased variance, as PyTorch keeps it). */
static void choose_statistics(const rf_call *call, const scratch *s) {
    size_t rows = rf_rows(&call->in[X].shape), channels = rf_columns(&call->in[X].shape);
    rf_real *running_mean = call->in[RUNNING_MEAN].data, *running_var = call->in[RUNNING_VAR].data;
    double *mean = s->first, *variance = s->second, momentum = call->attr[MOMENTUM];
    bool batch = uses_batch(call);
    if (batch) rf_norm_statistics(call->in[X].data, rows, channels, mean, variance, s->rest);
    for (size_t c = 0; c < channels; c++) {
        double m = batch ? mean[c] : (double)running_mean[c], v = batch ? variance[c] : (double)running_var[c];
        call->out[MEAN].data[c] = (rf_real)m;
        call->out[INVSTD].data[c] = (rf_real)(1 / sqrt(v + call->attr[EPS]));
        if (!batch || call->replay) continue;
        double unbiased = rows > 1 ? v * (double)rows / (double)(rows - 1) : v;
        running_mean[c] = (rf_real)((1 - momentum) * (double)running_mean[c] + momentum * m);
        running_var[c] = (rf_real)((1 - momentum) * (double)running_var[c] + momentum * unbiased);
    }
}

static rf_norm norm_of(const rf_call *call, const scratch *s, rf_real slope) {
    size_t channels = rf_columns(&call->in[X].shape);
    for (size_t c = 0; c < channels; c++) s->gain[c] = call->in[GAMMA].data[c] * call->out[INVSTD].data[c];
    return (rf_norm){.rows = rf_rows(&call->in[X].shape),
                     .channels = channels,
                     .x = call->in[X].data,
                     .mean = call->out[MEAN].data,
                     .beta = call->in[BETA].data,
                     .gain = s->gain,
                     .slope = slope};
}

void rf_bn_forward(const rf_call *call, rf_real slope) {
    scratch s = cut(call);
    if (!call->recompute) choose_statistics(call, &s);
    rf_norm norm = norm_of(call, &s, slope);
    norm.residual = rf_has_input(call, RESIDUAL) ? call->in[RESIDUAL].data : NULL;
    rf_norm_apply(&norm, call->out[Y].data);
}

/* Through batch statistics: dx = gain * (g - mean(g) - xhat * mean(g * xhat)); through constants: dx = gain * g. */
static void set_slopes(const rf_call *call, const scratch *s, size_t rows, size_t channels) {
    for (size_t c = 0; c < channels; c++) {
        double gain = (double)s->gain[c], invstd = (double)call->out[INVSTD].data[c], n = (double)rows;
        bool batch = uses_batch(call);
        s->offset[c] = batch ? (rf_real)(gain * s->first[c] / n) : 0;
        s->tilt[c] = batch ? (rf_real)(gain * invstd * invstd * s->second[c] / n) : 0;
    }
}

void rf_bn_backward(const rf_call *call, rf_real slope) {
    scratch s = cut(call);
    bool residual = rf_has_input(call, RESIDUAL);
    rf_norm_grad grad = {
        .norm = norm_of(call, &s, slope), .dy = call->dout[Y].data, .offset = s.offset, .tilt = s.tilt};
    size_t rows = grad.norm.rows, channels = grad.norm.channels;
    if (slope != 1) grad.mask = residual ? RF_MASK_Y : RF_MASK_X;
    grad.y = call->out[Y].data;
    grad.dx = call->din[X].data;
    grad.dx_add = call->din_add[X];
    if (residual) {
        grad.dresidual = call->din[RESIDUAL].data;
        grad.dresidual_add = call->din_add[RESIDUAL];
    }
    rf_real *dgamma = call->din[GAMMA].data, *dbeta = call->din[BETA].data;
    if (dgamma || dbeta || (grad.dx && uses_batch(call))) rf_norm_gradient_sums(&grad, s.first, s.second, s.rest);
    for (size_t c = 0; c < channels; c++) {
        double invstd = (double)call->out[INVSTD].data[c];
        if (dgamma) rf_put(&dgamma[c], call->din_add[GAMMA], (rf_real)(s.second[c] * invstd));
        if (dbeta) rf_put(&dbeta[c], call->din_add[BETA], (rf_real)s.first[c]);
    }
    if (!grad.dx && !grad.dresidual) return;
    set_slopes(call, &s, rows, channels);
    rf_norm_gradient(&grad);
}

static void reference_statistics(const rf_call *call, size_t c, double *mean, double *variance) {
    size_t rows = rf_rows(&call->in[X].shape), channels = rf_columns(&call->in[X].shape);
    double sum = 0, square = 0, momentum = call->attr[MOMENTUM];
    for (size_t r = 0; r < rows; r++) sum += (double)call->in[X].data[r * channels + c];
    *mean = sum / (double)rows;
    for (size_t r = 0; r < rows; r++) {
        double d = (double)call->in[X].data[r * channels + c] - *mean;
        square += d * d;
    }
    *variance = square / (double)rows;
    if (call->replay) return;
    rf_real *m = &call->in[RUNNING_MEAN].data[c], *v = &call->in[RUNNING_VAR].data[c];
    *m = (rf_real)((double)*m + momentum * (*mean - (double)*m));
    *v = (rf_real)((double)*v + momentum * (square / (double)(rows > 1 ? rows - 1 : 1) - (double)*v));
}

void rf_bn_reference(const rf_call *call, rf_real slope) {
    size_t rows = rf_rows(&call->in[X].shape), channels = rf_columns(&call->in[X].shape);
    for (size_t c = 0; c < channels; c++) {
        double mean = (double)call->in[RUNNING_MEAN].data[c], variance = (double)call->in[RUNNING_VAR].data[c];
        if (uses_batch(call)) reference_statistics(call, c, &mean, &variance);
        double std = sqrt(variance + call->attr[EPS]);
        call->out[MEAN].data[c] = (rf_real)mean;
        call->out[INVSTD].data[c] = (rf_real)(1 / std);
        for (size_t r = 0; r < rows; r++) {
            size_t i = r * channels + c;
            double v = ((double)call->in[X].data[i] - mean) / std * (double)call->in[GAMMA].data[c];
            v += (double)call->in[BETA].data[c];
            if (rf_has_input(call, RESIDUAL)) v += (double)call->in[RESIDUAL].data[i];
            call->out[Y].data[i] = (rf_real)(v > 0 ? v : (double)slope * v);
        }
    }
}

void rf_bn_fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    if (input != RUNNING_VAR) return;
    for (size_t c = 0; c < rf_columns(&call->in[X].shape); c++) data[c] = data[c] * data[c] + (rf_real)0.5;
}
