/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/conv.h"

static rf_status infer(rf_call *call) {
    return rf_conv_infer("conv2d", call);
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0) | RF_NEED_IN(1);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_conv_dims d = rf_conv_dims_of(call);
    if (pass == RF_PASS_FORWARD) return rf_conv_workspace(&d, RF_CONV_FORWARD, false);
    size_t bytes = rf_conv_pairs(&d) ? rf_conv_pair_workspace(&d) : 0;
    for (int p = RF_CONV_BACKWARD_DATA; p <= RF_CONV_BACKWARD_BIAS; p++) {
        size_t one = rf_conv_workspace(&d, (rf_conv_pass)p, false);
        if (one > bytes) bytes = one;
    }
    return bytes;
}

static rf_status forward(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    rf_conv_epilogue epilogue = {.bias = rf_has_input(call, 2) ? call->in[2].data : NULL};
    rf_conv_forward(&d, call->in[0].data, call->in[1].data, &epilogue, call->out[0].data, NULL, call->work);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    const rf_real *x = call->in[0].data, *w = call->in[1].data, *dy = call->dout[0].data;
    if (rf_conv_pairs(&d)) {
        rf_conv_backward_pair(&d, x, dy, w, call->din[0].data, call->din_add[0], call->din[1].data, call->din_add[1],
                              NULL, call->work);
    } else {
        if (call->din[0].data) rf_conv_backward_data(&d, dy, w, call->din[0].data, call->din_add[0], NULL, call->work);
        if (call->din[1].data)
            rf_conv_backward_weights(&d, x, dy, call->din[1].data, call->din_add[1], NULL, call->work);
    }
    if (rf_has_input(call, 2) && call->din[2].data)
        rf_conv_backward_bias(&d, dy, call->din[2].data, call->din_add[2], call->work);
}

static const rf_case cases[] = {
    {"1x5x7x3 3x3x3x8", "pad=1"},
    {"2x4x3x5 1x1x5x6 6", ""},
    {"1x5x6x4 3x3x4x2 2", "stride=2 pad=1"},
    {"1x7x7x3 7x7x3x4", "stride=2 pad=3"},
    {"1x5x5x4 1x1x4x3 -", "stride=2"},
    {"1x4x7x2 1x5x2x3", "pad=0 pad_w=2"},
    {"1x7x4x2 5x1x2x3 3", "pad=2 pad_w=0"},
    {"1x6x7x2 2x3x2x2", "stride=3 stride_w=2 pad=1"},
    {"1x5x4x6 3x3x2x9 9", "pad=1 groups=3"},
    {"1x4x5x4 3x3x1x4", "stride=2 pad=1 groups=4"},
    {"1x3x3x18 3x3x18x17 17", "pad=1"},
    {"1x1x1x1 1x1x1x1 1", ""},
    {NULL, NULL},
};

const rf_op rf_op_conv2d = {
    .name = "conv2d",
    .formula = "y[n,i,j,o] = b[o] + sum over k,l,c of x[n, i*stride - pad + k, j*stride_w - pad_w + l, c] * w[k,l,c,o]",
    .in_names = {"x", "w", "?b"},
    .out_names = {"y"},
    .attrs = {RF_CONV_ATTRS},
    .differentiable = 7,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_conv_flops,
    .cases = cases,
    .reference = rf_conv_reference,
};
