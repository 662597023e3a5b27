/* SPDX-License-Identifier: Apache-2.0 */
/* Batch normalisation's parameters as one scale [3,C] that later ops apply while they read (norm_conv2d,
 * norm_dwconv2d, norm_act); a few numbers a channel, whatever the size of the map. */
#include "autograd/ops/common.h"

#include <math.h>

enum { MOMENTS, GAMMA, BETA, RUNNING_MEAN, RUNNING_VAR };
enum { EPS, MOMENTUM, FROZEN, COUNT };

static rf_status infer(rf_call *call) {
    static const char *const names[] = {"moments", "gamma", "beta", "running_mean", "running_var"};
    rf_shape channels = call->in[GAMMA].shape;
    RF_TRY(rf_expect_dims("bn_scale", "gamma", &channels, 1));
    for (int i = BETA; i <= RUNNING_VAR; i++)
        RF_TRY(rf_expect_shape("bn_scale", names[i], &call->in[i].shape, &channels));
    rf_shape moments = {2, {2, channels.d[0]}};
    RF_TRY(rf_expect_shape("bn_scale", names[MOMENTS], &call->in[MOMENTS].shape, &moments));
    call->out[0].shape = (rf_shape){2, {3, channels.d[0]}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(MOMENTS) | RF_NEED_IN(GAMMA) | RF_NEED_IN(RUNNING_VAR);
}

static bool uses_batch(const rf_call *call) {
    return call->training && !rf_attr_int(call, FROZEN);
}

static size_t channel_count(const rf_call *call) {
    return (size_t)call->in[GAMMA].shape.d[0];
}

/* Variance plus eps that channel c is normalised with. */
static double variance_of(const rf_call *call, size_t c) {
    const rf_real *v = uses_batch(call) ? call->in[MOMENTS].data + channel_count(call) : call->in[RUNNING_VAR].data;
    return (double)v[c] + call->attr[EPS];
}

/* Running statistics keep the unbiased variance, as PyTorch's do. */
static void update_running(const rf_call *call, size_t c) {
    double momentum = call->attr[MOMENTUM], n = call->attr[COUNT];
    double m = (double)call->in[MOMENTS].data[c], v = (double)call->in[MOMENTS].data[channel_count(call) + c];
    rf_real *mean = &call->in[RUNNING_MEAN].data[c], *var = &call->in[RUNNING_VAR].data[c];
    *mean = (rf_real)((1 - momentum) * (double)*mean + momentum * m);
    *var = (rf_real)((1 - momentum) * (double)*var + momentum * (n > 1 ? v * n / (n - 1) : v));
}

static rf_status forward(const rf_call *call) {
    size_t channels = channel_count(call);
    rf_real *mean = call->out[0].data, *gain = mean + channels, *shift = gain + channels;
    for (size_t c = 0; c < channels; c++) {
        mean[c] = uses_batch(call) ? call->in[MOMENTS].data[c] : call->in[RUNNING_MEAN].data[c];
        gain[c] = (rf_real)((double)call->in[GAMMA].data[c] / sqrt(variance_of(call, c)));
        shift[c] = call->in[BETA].data[c];
        if (uses_batch(call) && !call->replay) update_running(call, c);
    }
    return RF_OK;
}

static void backward(const rf_call *call) {
    size_t channels = channel_count(call);
    const rf_real *dmean = call->dout[0].data, *dgain = dmean + channels, *dshift = dgain + channels;
    for (size_t c = 0; c < channels; c++) {
        double v = variance_of(call, c), invstd = 1 / sqrt(v), gamma = (double)call->in[GAMMA].data[c];
        bool batch = uses_batch(call);
        rf_real by_var = batch ? (rf_real)(-0.5 * (double)dgain[c] * gamma * invstd / v) : 0;
        rf_real *dmoments = call->din[MOMENTS].data;
        if (dmoments) rf_put(&dmoments[c], call->din_add[MOMENTS], batch ? dmean[c] : 0);
        if (dmoments) rf_put(&dmoments[channels + c], call->din_add[MOMENTS], by_var);
        if (call->din[GAMMA].data)
            rf_put(&call->din[GAMMA].data[c], call->din_add[GAMMA], (rf_real)((double)dgain[c] * invstd));
        if (call->din[BETA].data) rf_put(&call->din[BETA].data[c], call->din_add[BETA], dshift[c]);
    }
}

static double flops(const rf_call *call) {
    return 10.0 * call->in[GAMMA].shape.d[0];
}

static void reference(const rf_call *call) {
    size_t channels = channel_count(call);
    double momentum = call->attr[MOMENTUM], n = call->attr[COUNT];
    for (size_t c = 0; c < channels; c++) {
        rf_real *running_mean = &call->in[RUNNING_MEAN].data[c], *running_var = &call->in[RUNNING_VAR].data[c];
        double mean = (double)*running_mean, var = (double)*running_var;
        if (uses_batch(call)) {
            mean = (double)call->in[MOMENTS].data[c];
            var = (double)call->in[MOMENTS].data[channels + c];
            *running_mean += (rf_real)(momentum * (mean - (double)*running_mean));
            *running_var += (rf_real)(momentum * ((n > 1 ? var * n / (n - 1) : var) - (double)*running_var));
        }
        call->out[0].data[c] = (rf_real)mean;
        call->out[0].data[channels + c] = (rf_real)((double)call->in[GAMMA].data[c] / sqrt(var + call->attr[EPS]));
        call->out[0].data[2 * channels + c] = call->in[BETA].data[c];
    }
}

/* Positive variances. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    size_t channels = channel_count(call);
    if (input == MOMENTS) data += channels;
    if (input != MOMENTS && input != RUNNING_VAR) return;
    for (size_t c = 0; c < channels; c++) data[c] = data[c] * data[c] + (rf_real)0.5;
}

static const rf_case cases[] = {
    {"2x5 5 5 5 5", "count=30"}, {"2x1 1 1 1 1", "eps=0.1"}, {"2x64 64 64 64 64", "frozen=1"}, {NULL, NULL}};

const rf_op rf_op_bn_scale = {
    .name = "bn_scale",
    .formula = "scale = (mean, gamma / sqrt(variance + eps), beta) of each channel",
    .in_names = {"moments", "gamma", "beta", "running_mean", "running_var"},
    .out_names = {"scale"},
    .attrs = {{"eps", RF_ATTR_FLOAT, 1e-5, 0, 1, "added to the variance"},
              {"momentum", RF_ATTR_FLOAT, 0.1, 0, 1, "share of the new batch in the running statistics"},
              {"frozen", RF_ATTR_INT, 0, 0, 1, "1: running statistics also in training, as constants"},
              {"count", RF_ATTR_INT, 1, 1, 2147483647, "values that the moments were taken over"}},
    .differentiable = 7,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
