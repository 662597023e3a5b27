/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/bn.h"

enum { SLOPE = 3 };

static uint32_t needs(const rf_call *call) {
    return rf_bn_needs(call, rf_attr_real(call, SLOPE));
}

static rf_status forward(const rf_call *call) {
    rf_bn_forward(call, rf_attr_real(call, SLOPE));
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_bn_backward(call, rf_attr_real(call, SLOPE));
}

static void reference(const rf_call *call) {
    rf_bn_reference(call, rf_attr_real(call, SLOPE));
}

static const rf_case cases[] = {{"2x3x5x8 8 8 8 8", "slope=0.1"},        {"1x5x3x3 3 3 3 3", ""},
                                {"2x3x3x16 16 16 16 16 2x3x3x16", ""},   {"1x4x5x6 6 6 6 6 1x4x5x6", "slope=0.25"},
                                {"6x17 17 17 17 17 6x17", "slope=1"},    {"2x3x4x5 5 5 5 5 -", "frozen=1 slope=0.1"},
                                {"2x3x4x5 5 5 5 5 2x3x4x5", "frozen=1"}, {NULL, NULL}};

const rf_op rf_op_bn_act = {
    .name = "bn_act",
    .formula = "v = gamma * (x - mean) * invstd + beta + residual; y = v > 0 ? v : slope * v",
    .in_names = {"x", "gamma", "beta", "running_mean", "running_var", "?residual"},
    .out_names = {"y", "mean", "invstd"},
    .attrs = {RF_BN_ATTRS, {"slope", RF_ATTR_FLOAT, 0, 0, 1, "factor of negative values: 0 = ReLU, 1 = no activation"}},
    .differentiable = RF_BN_DIFFERENTIABLE,
    .infer = rf_bn_infer,
    .backward_needs = needs,
    .workspace = rf_bn_workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_bn_flops,
    .cases = cases,
    .reference = reference,
    .fill = rf_bn_fill,
};
