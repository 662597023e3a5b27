/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/reduce.h"

static rf_status forward(const rf_call *call) {
    rf_reduce_forward(call, 1);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_reduce_backward(call, 1);
}

static void reference(const rf_call *call) {
    rf_reduce_reference(call, 1);
}

const rf_op rf_op_sum = {
    .name = "sum",
    .formula = "y = sum of x, over everything or over the pixels of each image",
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
