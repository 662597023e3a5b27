/* SPDX-License-Identifier: Apache-2.0 */
/* Inference only: a depth-wise convolution whose batch normalisation was folded into w and b, with its activation. */
#include "autograd/ops/common.h"
#include "autograd/ops/dwconv.h"

static rf_status infer(rf_call *call) {
    RF_TRY(rf_dwconv_infer(call));
    rf_shape channels = {1, {call->in[0].shape.d[3]}};
    return rf_expect_shape("dwconv_act", "b", &call->in[2].shape, &channels);
}

static rf_status forward(const rf_call *call) {
    rf_dwconv conv = rf_dwconv_of(call);
    conv.bias = call->in[2].data;
    conv.slope = rf_attr_real(call, RF_DWCONV_SLOPE);
    rf_dwconv_forward(&conv, call->out[0].data, NULL, NULL);
    return RF_OK;
}

static void reference(const rf_call *call) {
    rf_dwconv_reference(call);
    rf_real slope = rf_attr_real(call, RF_DWCONV_SLOPE), *y = call->out[0].data;
    size_t count = rf_shape_count(&call->out[0].shape), channels = (size_t)call->in[0].shape.d[3];
    for (size_t i = 0; i < count; i++) {
        y[i] += call->in[2].data[i % channels];
        if (y[i] < 0) y[i] *= slope;
    }
}

static const rf_case cases[] = {{"2x5x7x3 3x3x1x3 3", "pad=1"},
                                {"1x9x40x8 3x3x1x8 8", "pad=1 slope=0.1"},
                                {"1x8x9x16 3x3x1x16 16", "stride=2 pad=1 slope=0.1"},
                                {"1x6x7x40 5x5x1x40 40", "pad=2 slope=1"},
                                {NULL, NULL}};

const rf_op rf_op_dwconv_act = {
    .name = "dwconv_act",
    .formula = "y = act(dwconv2d(x, w) + b), act(v) = v > 0 ? v : slope*v",
    .in_names = {"x", "w", "b"},
    .out_names = {"y"},
    .attrs = {RF_DWCONV_ATTRS,
              {"slope", RF_ATTR_FLOAT, 0, 0, 1, "of the activation for negative values: 0 = ReLU, 1 = none"}},
    .infer = infer,
    .forward = forward,
    .flops = rf_dwconv_flops,
    .cases = cases,
    .reference = reference,
};
