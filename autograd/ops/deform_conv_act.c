/* SPDX-License-Identifier: Apache-2.0 */
/* Inference only: a deformable convolution whose batch normalisation was folded into w and b, with its activation. */
#include "autograd/ops/deform_conv.h"

static rf_status infer(rf_call *call) {
    return rf_deform_infer("deform_conv_act", call);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_deform_dims d = rf_deform_dims_of(call);
    return pass == RF_PASS_FORWARD ? rf_deform_workspace(&d, RF_CONV_FORWARD) : 0;
}

static rf_status forward(const rf_call *call) {
    rf_conv_epilogue epilogue = {
        .bias = rf_has_input(call, RF_DEFORM_B) ? call->in[RF_DEFORM_B].data : NULL,
        .slope = rf_attr_real(call, RF_DEFORM_SLOPE),
    };
    epilogue.act = epilogue.slope != 1;
    rf_deform_forward(call, &epilogue);
    return RF_OK;
}

static void reference(const rf_call *call) {
    rf_real slope = rf_attr_real(call, RF_DEFORM_SLOPE), *y = call->out[0].data;
    size_t count = rf_shape_count(&call->out[0].shape);
    rf_deform_reference(call);
    for (size_t i = 0; i < count; i++)
        if (y[i] < 0) y[i] *= slope;
}

static const rf_case cases[] = {
    {"1x5x7x3 1x5x7x18 - 3x3x3x4 4", "pad=1"},
    {"2x4x5x5 2x4x5x18 2x4x5x9 3x3x5x6 6", "pad=1 slope=0.1"},
    {"1x7x6x2 1x4x3x18 1x4x3x9 3x3x2x3 -", "stride=2 pad=1 slope=1"},
    {NULL, NULL},
};

const rf_op rf_op_deform_conv_act = {
    .name = "deform_conv_act",
    .formula = "y = act(deform_conv2d(x, offset, mask, w) + b), act(v) = v > 0 ? v : slope*v",
    .in_names = {"x", "offset", "?mask", "w", "?b"},
    .out_names = {"y"},
    .attrs = {RF_DEFORM_ATTRS,
              {"slope", RF_ATTR_FLOAT, 0, 0, 1, "of the activation for negative values: 0 = ReLU, 1 = none"}},
    .infer = infer,
    .workspace = workspace,
    .forward = forward,
    .flops = rf_deform_flops,
    .cases = cases,
    .reference = reference,
    .fill = rf_deform_fill,
};
