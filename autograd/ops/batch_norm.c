/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/bn.h"

static uint32_t needs(const rf_call *call) {
    return rf_bn_needs(call, 1);
}

static rf_status forward(const rf_call *call) {
    rf_bn_forward(call, 1);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_bn_backward(call, 1);
}

static void reference(const rf_call *call) {
    rf_bn_reference(call, 1);
}

static const rf_case cases[] = {{"2x3x5x8 8 8 8 8", ""},
                                {"1x5x3x3 3 3 3 3", "momentum=0.5 eps=0.01"},
                                {"6x17 17 17 17 17", ""},
                                {"2x3x4x5 5 5 5 5", "frozen=1"},
                                {NULL, NULL}};

const rf_op rf_op_batch_norm = {
    .name = "batch_norm",
    .formula = "y = gamma * (x - mean) * invstd + beta, statistics of each channel over the batch",
    .in_names = {"x", "gamma", "beta", "running_mean", "running_var"},
    .out_names = {"y", "mean", "invstd"},
    .attrs = {RF_BN_ATTRS},
    .differentiable = 7,
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
