/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_OUT(0);
}

static rf_status forward(const rf_call *call) {
    rf_leaky_forward(call, rf_attr_real(call, 0));
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_leaky_backward(call, rf_attr_real(call, 0));
}

static void reference(const rf_call *call) {
    rf_leaky_reference(call, rf_attr_real(call, 0));
}

static const rf_case cases[] = {{"2x3x5x4", ""}, {"7", "slope=0.25"}, {"1x3x3x17", "slope=0"}, {NULL, NULL}};

const rf_op rf_op_leaky_relu = {
    .name = "leaky_relu",
    .formula = "y = x > 0 ? x : slope * x",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"slope", RF_ATTR_FLOAT, 0.1, 0, 1, "factor of negative inputs"}},
    .differentiable = 1,
    .inplace_input = 1,
    .infer = rf_infer_same,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = rf_leaky_fill,
};
