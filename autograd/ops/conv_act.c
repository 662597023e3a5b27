/* SPDX-License-Identifier: Apache-2.0 */
/* Inference only: a convolution whose batch normalisation was folded into w and b, with the addition of a shortcut and
 * the activation done while the result is still in registers. */
#include "autograd/ops/common.h"
#include "autograd/ops/conv.h"

static rf_status infer(rf_call *call) {
    RF_TRY(rf_conv_infer("conv_act", call));
    if (!rf_has_input(call, 3)) return RF_OK;
    return rf_expect_shape("conv_act", "residual", &call->in[3].shape, &call->out[0].shape);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_conv_dims d = rf_conv_dims_of(call);
    return pass == RF_PASS_FORWARD ? rf_conv_workspace(&d, RF_CONV_FORWARD, false) : 0;
}

static rf_status forward(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    rf_conv_epilogue epilogue = {
        .bias = rf_has_input(call, 2) ? call->in[2].data : NULL,
        .residual = rf_has_input(call, 3) ? call->in[3].data : NULL,
        .slope = rf_attr_real(call, RF_CONV_SLOPE),
    };
    epilogue.act = epilogue.slope != 1;
    rf_conv_forward(&d, call->in[0].data, call->in[1].data, &epilogue, call->out[0].data, NULL, call->work);
    return RF_OK;
}

static void reference(const rf_call *call) {
    rf_conv_reference(call);
    rf_real slope = rf_attr_real(call, RF_CONV_SLOPE), *y = call->out[0].data;
    size_t count = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < count; i++) {
        if (rf_has_input(call, 3)) y[i] += call->in[3].data[i];
        if (y[i] < 0) y[i] *= slope;
    }
}

static const rf_case cases[] = {
    {"1x5x7x3 3x3x3x8 8", "pad=1"},
    {"2x4x3x5 1x1x5x6 6 2x4x3x6", "slope=0.1"},
    {"1x5x6x4 3x3x4x20 -", "stride=2 pad=1 slope=1"},
    {"1x7x7x3 7x7x3x4", "stride=2 pad=3"},
    {"1x4x7x6 1x5x3x4 4 1x4x7x4", "pad_w=2 groups=2"},
    {NULL, NULL},
};

const rf_op rf_op_conv_act = {
    .name = "conv_act",
    .formula = "y = act(conv2d(x, w) + b + residual), act(v) = v > 0 ? v : slope*v",
    .in_names = {"x", "w", "?b", "?residual"},
    .out_names = {"y"},
    .attrs = {RF_CONV_ATTRS,
              {"slope", RF_ATTR_FLOAT, 0, 0, 1, "of the activation for negative values: 0 = ReLU, 1 = none"}},
    .infer = infer,
    .workspace = workspace,
    .forward = forward,
    .flops = rf_conv_flops,
    .cases = cases,
    .reference = reference,
};
