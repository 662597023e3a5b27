/* SPDX-License-Identifier: Apache-2.0 */
/* conv2d as training wants it: it normalises and activates its input while it reads it, so that the normalised map is
 * never stored, and gathers the moments of its output while it writes it. Convolutions for which that costs more than
 * it saves (rf_conv_fuses) take their input as it is. */
#include "autograd/ops/common.h"
#include "autograd/ops/conv.h"
#include "autograd/ops/fused.h"

#include "autograd/kernels/bf16.h"

#include "core/mem.h"

enum { X = RF_FUSED_X, W = RF_FUSED_W, SCALE = RF_FUSED_SCALE };
enum { Y = RF_FUSED_Y, MOMENTS = RF_FUSED_MOMENTS };
enum { BF16 = RF_CONV_SLOPE + 1 };

static rf_status infer(rf_call *call) {
    rf_call plain = *call;
    plain.n_in = 2; /* without a bias: the normalisation that follows would take it away again */
    RF_TRY(rf_conv_infer("norm_conv2d", &plain));
    call->out[Y].shape = plain.out[Y].shape;
    rf_conv_dims d = rf_conv_dims_of(call);
    if (d.groups != 1) return rf_fail(RF_ERR_USER, "norm_conv2d: groups=%d, expected 1: use conv2d", d.groups);
    call->out[MOMENTS].shape = (rf_shape){2, {2, d.oc}};
    if (rf_attr_int(call, BF16) && !rf_bf16_supported())
        return rf_fail(RF_ERR_USER, "norm_conv2d: bf16=1, but this processor (or RF_ISA) has no AVX512-BF16");
    if (!rf_has_input(call, SCALE)) return RF_OK;
    if (!rf_conv_fuses(&d))
        return rf_fail(RF_ERR_USER,
                       "norm_conv2d: a %dx%d convolution of %d channels with stride %d on a map of %dx%d cannot "
                       "normalise what it reads: give it the result of norm_act",
                       d.kh, d.kw, d.c, d.stride_h, d.h, d.w);
    return rf_expect_scale("norm_conv2d", call, SCALE, d.c);
}

static uint32_t needs(const rf_call *call) {
    return RF_NEED_IN(X) | RF_NEED_IN(W) | (rf_has_input(call, SCALE) ? RF_NEED_IN(SCALE) : 0) | RF_NEED_OUT(Y) |
           RF_NEED_OUT(MOMENTS);
}

static size_t round_up(size_t elements) {
    return (elements + 15) / 16 * 16;
}

/* Backward's workspace begins with tilt [3,oc], and where dy cannot be read with it, with dy as it should be. */
static size_t dy_elements(const rf_conv_dims *d, const rf_call *call) {
    size_t copy = rf_conv_fuses(d) ? 0 : rf_shape_count(&call->out[Y].shape);
    return round_up(3 * (size_t)d->oc) + round_up(copy);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_conv_dims d = rf_conv_dims_of(call);
    if (pass == RF_PASS_FORWARD) return rf_conv_workspace(&d, RF_CONV_FORWARD, true);
    size_t data = rf_conv_workspace(&d, RF_CONV_BACKWARD_DATA, true);
    size_t weights = rf_conv_workspace(&d, RF_CONV_BACKWARD_WEIGHTS, true), most = data > weights ? data : weights;
    if (rf_conv_pairs(&d)) most = rf_conv_pair_workspace(&d);
    return dy_elements(&d, call) * sizeof(rf_real) + most;
}

static rf_status forward(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    rf_fusion fusion = rf_fused_forward(call, rf_attr_real(call, RF_CONV_SLOPE));
    fusion.bf16 = rf_attr_int(call, BF16);
    rf_conv_forward(&d, call->in[X].data, call->in[W].data, NULL, call->out[Y].data, &fusion, call->work);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    const rf_real *dy = call->dout[Y].data;
    rf_real *tilt = call->work, *copy = tilt + round_up(3 * (size_t)d.oc);
    void *work = tilt + dy_elements(&d, call);
    rf_fusion fusion = rf_fused_backward(call, rf_attr_real(call, RF_CONV_SLOPE), tilt);
    fusion.bf16 = rf_attr_int(call, BF16);
    /* The gradient by weights alone reads dy as it is wanted whatever the kernel's size. */
    if (fusion.dy.y && !rf_conv_fuses(&d) && call->din[X].data) {
        rf_fused_copy(&fusion.dy, &call->dout[Y], copy);
        dy = copy;
        fusion.dy.y = NULL;
    }
    rf_real *dx = call->din[X].data;
    if (rf_conv_pairs(&d)) {
        rf_conv_backward_pair(&d, call->in[X].data, dy, call->in[W].data, dx, call->din_add[X], call->din[W].data,
                              call->din_add[W], &fusion, work);
        return;
    }
    if (dx || fusion.dscale) rf_conv_backward_data(&d, dy, call->in[W].data, dx, call->din_add[X], &fusion, work);
    if (call->din[W].data)
        rf_conv_backward_weights(&d, call->in[X].data, dy, call->din[W].data, call->din_add[W], &fusion, work);
}

static void reference(const rf_call *call) {
    rf_call plain = *call;
    rf_real *x = NULL;
    if (rf_has_input(call, SCALE)) {
        x = rf_reference_normalised(&call->in[X], call->in[SCALE].data, rf_attr_real(call, RF_CONV_SLOPE));
        plain.in[X].data = x;
    }
    plain.n_in = 2;
    rf_conv_reference(&plain);
    rf_reference_moments(&call->out[Y], call->out[MOMENTS].data);
    rf_free(x);
}

static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    if (input == SCALE) rf_fused_fill(&call->in[X], data);
}

static const rf_case cases[] = {
    {"2x5x7x8 1x1x8x16 3x8", "slope=0.1"},   {"1x5x3x70 1x1x70x33 3x70", ""}, {"2x3x3x5 1x1x5x3 -", ""},
    {"2x9x7x3 3x3x3x8 -", "stride=2 pad=1"}, {"1x6x7x4 3x3x4x5 -", "pad=1"},  {NULL, NULL},
};

const rf_op rf_op_norm_conv2d = {
    .name = "norm_conv2d",
    .formula = "y = conv2d(act((x - mean) * gain + shift), w); moments = mean and variance of y by channel",
    .in_names = {"x", "w", "?scale"},
    .out_names = {"y", "moments"},
    .attrs = {RF_CONV_ATTRS,
              {"slope", RF_ATTR_FLOAT, 0, 0, 1, "of act for negative values: 0 = ReLU, 1 = no activation"},
              {"bf16", RF_ATTR_INT, 0, 0, 1,
               "1: 1x1 products of factors rounded to bfloat16, sums in single precision"}},
    .differentiable = 7,
    .grad_outputs = 1u << MOMENTS,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_conv_flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
