/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/dwconv.h"

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0) | RF_NEED_IN(1);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_dwconv conv = rf_dwconv_of(call);
    return pass == RF_PASS_BACKWARD ? rf_dwconv_backward_bytes(&conv, false) : 0;
}

static rf_status forward(const rf_call *call) {
    rf_dwconv conv = rf_dwconv_of(call);
    rf_dwconv_forward(&conv, call->out[0].data, NULL, NULL);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_dwconv conv = rf_dwconv_of(call);
    const rf_real *dy = call->dout[0].data;
    rf_dwconv_backward(&conv, dy, call->din[0].data, call->din_add[0], call->din[1].data, call->din_add[1], NULL,
                       call->work);
}

static const rf_case cases[] = {{"2x5x7x3 3x3x1x3", "pad=1"},
                                {"1x6x9x8 3x3x1x8", "pad=1"},
                                {"1x4x5x16 3x3x1x16", "stride=2 pad=1"},
                                {"1x5x6x8 3x3x1x8", "stride=2 pad=1"},
                                {"1x6x4x4 3x3x1x4", ""},
                                {"1x3x4x28 3x3x1x28", "pad=1"},
                                {"1x7x6x2 5x5x1x2", "pad=2"},
                                {"1x7x7x3 5x3x1x3", "stride=2 pad=1"},
                                {"1x5x6x2 1x1x1x2", "stride=3"},
                                {"1x2x2x1 3x3x1x1", "pad=2"},
                                {NULL, NULL}};

const rf_op rf_op_dwconv2d = {
    .name = "dwconv2d",
    .formula = "y[n,i,j,c] = sum over taps (k,l) of x[n, i*stride - pad + k, j*stride - pad + l, c] * w[k,l,0,c]",
    .in_names = {"x", "w"},
    .out_names = {"y"},
    .attrs = {RF_DWCONV_ATTRS},
    .differentiable = 3,
    .infer = rf_dwconv_infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_dwconv_flops,
    .cases = cases,
    .reference = rf_dwconv_reference,
};
