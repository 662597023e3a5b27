/* SPDX-License-Identifier: Apache-2.0 */
/* The map that a scale and an activation make, for consumers that do not normalise while they read. */
#include "autograd/ops/common.h"
#include "autograd/ops/fused.h"

#include "autograd/kernels/norm.h"

enum { X, SCALE, RESIDUAL };
enum { SLOPE };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[X].shape;
    if (x->n < 1) return rf_fail(RF_ERR_USER, "norm_act: x is a scalar, expected [..,C]");
    RF_TRY(rf_expect_scale("norm_act", call, SCALE, x->d[x->n - 1]));
    if (rf_has_input(call, RESIDUAL)) RF_TRY(rf_expect_shape("norm_act", "residual", &call->in[RESIDUAL].shape, x));
    return rf_infer_same(call);
}

static bool has_activation(const rf_call *call) {
    return rf_attr_real(call, SLOPE) != 1;
}

static uint32_t needs(const rf_call *call) {
    bool by_result = has_activation(call) && rf_has_input(call, RESIDUAL);
    return RF_NEED_IN(X) | RF_NEED_IN(SCALE) | (by_result ? RF_NEED_OUT(0) : 0);
}

/* Backward: the sums in double, then the kernel's own. */
static size_t workspace(const rf_call *call, rf_pass pass) {
    size_t channels = rf_columns(&call->in[X].shape);
    if (pass == RF_PASS_FORWARD) return 0;
    return (2 * channels + 7) / 8 * 8 * sizeof(double) + rf_norm_work_bytes(rf_rows(&call->in[X].shape), channels);
}

static rf_norm norm_of(const rf_call *call) {
    size_t channels = rf_columns(&call->in[X].shape);
    const rf_real *scale = call->in[SCALE].data;
    return (rf_norm){.rows = rf_rows(&call->in[X].shape),
                     .channels = channels,
                     .x = call->in[X].data,
                     .mean = scale,
                     .gain = scale + channels,
                     .beta = scale + 2 * channels,
                     .slope = rf_attr_real(call, SLOPE)};
}

static rf_status forward(const rf_call *call) {
    rf_norm norm = norm_of(call);
    if (rf_has_input(call, RESIDUAL)) norm.residual = call->in[RESIDUAL].data;
    rf_norm_apply(&norm, call->out[0].data);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_norm_grad grad = {.norm = norm_of(call),
                         .dy = call->dout[0].data,
                         .y = call->out[0].data,
                         .dx = call->din[X].data,
                         .dx_add = call->din_add[X]};
    size_t channels = grad.norm.channels;
    if (has_activation(call)) grad.mask = rf_has_input(call, RESIDUAL) ? RF_MASK_Y : RF_MASK_X;
    if (rf_has_input(call, RESIDUAL)) {
        grad.dresidual = call->din[RESIDUAL].data;
        grad.dresidual_add = call->din_add[RESIDUAL];
    }
    double *sum_g = call->work, *sum_gx = sum_g + channels;
    rf_norm_through(&grad, sum_g, sum_gx, sum_g + (2 * channels + 7) / 8 * 8);
    rf_real *dscale = call->din[SCALE].data;
    for (size_t c = 0; dscale && c < channels; c++) {
        rf_put(&dscale[c], call->din_add[SCALE], (rf_real)(-sum_g[c] * (double)grad.norm.gain[c]));
        rf_put(&dscale[channels + c], call->din_add[SCALE], (rf_real)sum_gx[c]);
        rf_put(&dscale[2 * channels + c], call->din_add[SCALE], (rf_real)sum_g[c]);
    }
}

static double flops(const rf_call *call) {
    return 4.0 * (double)rf_shape_count(&call->in[X].shape);
}

static void reference(const rf_call *call) {
    size_t count = rf_shape_count(&call->in[X].shape), channels = rf_columns(&call->in[X].shape);
    const rf_real *scale = call->in[SCALE].data;
    for (size_t i = 0; i < count; i++) {
        size_t c = i % channels;
        double v = ((double)call->in[X].data[i] - (double)scale[c]) * (double)scale[channels + c];
        v += (double)scale[2 * channels + c];
        if (rf_has_input(call, RESIDUAL)) v += (double)call->in[RESIDUAL].data[i];
        call->out[0].data[i] = (rf_real)(v > 0 ? v : v * (double)rf_attr_real(call, SLOPE));
    }
}

static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    if (input == SCALE) rf_fused_fill(&call->in[X], data);
}

static const rf_case cases[] = {{"2x3x5x8 3x8", "slope=0.1"},
                                {"1x5x3x3 3x3", "slope=1"},
                                {"2x3x3x16 3x16 2x3x3x16", ""},
                                {"1x4x5x6 3x6 1x4x5x6", "slope=0.25"},
                                {"6x17 3x17 6x17", "slope=1"},
                                {"1x9x9x70 3x70", ""},
                                {NULL, NULL}};

const rf_op rf_op_norm_act = {
    .name = "norm_act",
    .formula = "v = (x - mean) * gain + shift + residual; y = v > 0 ? v : slope * v",
    .in_names = {"x", "scale", "?residual"},
    .out_names = {"y"},
    .attrs = {{"slope", RF_ATTR_FLOAT, 0, 0, 1, "factor of negative values: 0 = ReLU, 1 = no activation"}},
    .differentiable = 7,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
