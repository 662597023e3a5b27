/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/reduce.h"

static rf_status forward(const rf_call *call) {
    rf_reduce_forward(call, rf_reduce_mean_factor(call));
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_reduce_backward(call, rf_reduce_mean_factor(call));
}

static void reference(const rf_call *call) {
    rf_reduce_reference(call, rf_reduce_mean_factor(call));
}

const rf_op rf_op_mean = {
    .name = "mean",
    .formula = "y = mean of x, over everything or over the pixels of each image",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = RF_REDUCE_ATTRS,
    .differentiable = 1,
    .infer = rf_reduce_infer,
    .workspace = rf_reduce_workspace,
    .forward = forward,
    .backward = backward,
    .cases = rf_reduce_cases,
    .reference = reference,
};
