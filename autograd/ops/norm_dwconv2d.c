/* SPDX-License-Identifier: Apache-2.0 */
/* dwconv2d as training wants it: see norm_conv2d. */
#include "autograd/ops/common.h"
#include "autograd/ops/dwconv.h"
#include "autograd/ops/fused.h"

#include "core/mem.h"

enum { X = RF_FUSED_X, W = RF_FUSED_W, SCALE = RF_FUSED_SCALE };
enum { Y = RF_FUSED_Y, MOMENTS = RF_FUSED_MOMENTS };

static rf_status infer(rf_call *call) {
    RF_TRY(rf_dwconv_infer(call));
    int channels = call->in[X].shape.d[3];
    call->out[MOMENTS].shape = (rf_shape){2, {2, channels}};
    return rf_has_input(call, SCALE) ? rf_expect_scale("norm_dwconv2d", call, SCALE, channels) : RF_OK;
}

static uint32_t needs(const rf_call *call) {
    return RF_NEED_IN(X) | RF_NEED_IN(W) | (rf_has_input(call, SCALE) ? RF_NEED_IN(SCALE) : 0) | RF_NEED_OUT(Y) |
           RF_NEED_OUT(MOMENTS);
}

/* Backward's workspace begins with tilt [3,C]. */
static size_t tilt_elements(const rf_call *call) {
    return (3 * (size_t)call->in[X].shape.d[3] + 15) / 16 * 16;
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_dwconv conv = rf_dwconv_of(call);
    if (pass == RF_PASS_FORWARD) return rf_dwconv_forward_bytes(&conv, true);
    return tilt_elements(call) * sizeof(rf_real) + rf_dwconv_backward_bytes(&conv, true);
}

static rf_status forward(const rf_call *call) {
    rf_dwconv conv = rf_dwconv_of(call);
    rf_fusion fusion = rf_fused_forward(call, rf_attr_real(call, RF_DWCONV_SLOPE));
    rf_dwconv_forward(&conv, call->out[Y].data, &fusion, call->work);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_dwconv conv = rf_dwconv_of(call);
    rf_real *tilt = call->work;
    rf_fusion fusion = rf_fused_backward(call, rf_attr_real(call, RF_DWCONV_SLOPE), tilt);
    rf_dwconv_backward(&conv, call->dout[Y].data, call->din[X].data, call->din_add[X], call->din[W].data,
                       call->din_add[W], &fusion, tilt + tilt_elements(call));
}

static void reference(const rf_call *call) {
    rf_call plain = *call;
    rf_real *x = NULL;
    if (rf_has_input(call, SCALE)) {
        x = rf_reference_normalised(&call->in[X], call->in[SCALE].data, rf_attr_real(call, RF_DWCONV_SLOPE));
        plain.in[X].data = x;
    }
    rf_dwconv_reference(&plain);
    rf_reference_moments(&call->out[Y], call->out[MOMENTS].data);
    rf_free(x);
}

static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    if (input == SCALE) rf_fused_fill(&call->in[X], data);
}

static const rf_case cases[] = {{"2x5x7x3 3x3x1x3 3x3", "pad=1"},
                                {"1x6x9x8 3x3x1x8 3x8", "pad=1 slope=0.1"},
                                {"2x5x6x16 3x3x1x16 3x16", "stride=2 pad=1 slope=0.1"},
                                {"2x7x6x5 5x5x1x5 3x5", "pad=2 slope=1"},
                                {"1x3x4x28 3x3x1x28 -", "pad=1"},
                                {"1x7x7x3 5x3x1x3 3x3", "stride=2 pad=1"},
                                {"1x5x6x2 1x1x1x2 3x2", "stride=3"},
                                {NULL, NULL}};

const rf_op rf_op_norm_dwconv2d = {
    .name = "norm_dwconv2d",
    .formula = "y = dwconv2d(act((x - mean) * gain + shift), w); moments = mean and variance of y by channel",
    .in_names = {"x", "w", "?scale"},
    .out_names = {"y", "moments"},
    .attrs = {RF_DWCONV_ATTRS,
              {"slope", RF_ATTR_FLOAT, 0, 0, 1, "of act for negative values: 0 = ReLU, 1 = no activation"}},
    .differentiable = 7,
    .grad_outputs = 1u << MOMENTS,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_dwconv_flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
