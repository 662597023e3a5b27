/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"
#include "autograd/ops/upsample.h"

static rf_status infer(rf_call *call) {
    RF_TRY(rf_expect_dims("upsample_nearest", "x", &call->in[0].shape, 4));
    call->out[0].shape = call->in[0].shape;
    call->out[0].shape.d[1] = rf_attr_int(call, 0);
    call->out[0].shape.d[2] = rf_attr_int(call, 1);
    return RF_OK;
}

static rf_status forward(const rf_call *call) {
    rf_upsample_forward(&call->in[0], NULL, &call->out[0]);
    return RF_OK;
}

static void backward(const rf_call *call) {
    rf_tensor dx = {call->in[0].shape, call->din[0].data};
    rf_upsample_backward(&dx, call->din_add[0], call->dout[0].data, &call->out[0].shape);
}

static void reference(const rf_call *call) {
    rf_upsample_reference(&call->in[0], NULL, &call->out[0]);
}

static const rf_case cases[] = {{"2x2x3x4", "h=4 w=6"}, {"1x4x5x3", "h=7 w=9"}, {"1x5x4x2", "h=3 w=2"}, {NULL, NULL}};

const rf_op rf_op_upsample_nearest = {
    .name = "upsample_nearest",
    .formula = "y[n,i,j,c] = x[n, floor(i*h_in/h), floor(j*w_in/w), c]",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"h", RF_ATTR_INT, 1, 1, 65536, "height of the output"},
              {"w", RF_ATTR_INT, 1, 1, 65536, "width of the output"}},
    .differentiable = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
