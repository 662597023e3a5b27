/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include "core/parallel.h"

enum { ATTR_MIN, ATTR_MAX };

static rf_status infer(rf_call *call) {
    double least = call->attr[ATTR_MIN], most = call->attr[ATTR_MAX];
    if (!(least < most)) return rf_fail(RF_ERR_USER, "clamp: min=%g is not below max=%g", least, most);
    return rf_infer_same(call);
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_OUT(0);
}

/* NaN is in no order with the limits and goes through, as in PyTorch. */
static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *x = call->in[0].data;
    rf_real *y = call->out[0].data, least = rf_attr_real(call, ATTR_MIN), most = rf_attr_real(call, ATTR_MAX);
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        rf_real v = x[i] < least ? least : x[i];
        y[i] = v > most ? most : v;
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, forward_range, (void *)call);
    return RF_OK;
}

/* Nothing goes back from the limits themselves, as in PyTorch: so y tells enough. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *y = call->out[0].data, *dy = call->dout[0].data;
    rf_real *dx = call->din[0].data, least = rf_attr_real(call, ATTR_MIN), most = rf_attr_real(call, ATTR_MAX);
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        rf_real g = ((y[i] <= least) | (y[i] >= most)) ? 0 : dy[i];
        dx[i] = add ? dx[i] + g : g;
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) {
        rf_real x = call->in[0].data[i];
        if (x < rf_attr_real(call, ATTR_MIN)) x = rf_attr_real(call, ATTR_MIN);
        if (x > rf_attr_real(call, ATTR_MAX)) x = rf_attr_real(call, ATTR_MAX);
        call->out[0].data[i] = x;
    }
}

/* Moves test data away from the kinks. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    size_t n = rf_shape_count(&call->in[input].shape);
    for (size_t i = 0; i < n; i++)
        for (int k = ATTR_MIN; k <= ATTR_MAX; k++) {
            rf_real from = data[i] - rf_attr_real(call, k), room = (rf_real)0.05;
            if (from > -room && from < room) data[i] += from < 0 ? -2 * room : 2 * room;
        }
}

static const rf_case cases[] = {{"2x3x5x4", "min=0 max=1"},
                                {"7", "min=-0.5 max=0.25"},
                                {"1x3x3x17", ""},
                                {"1x64x64x9", "min=-1 max=1"},
                                {NULL, NULL}};

const rf_op rf_op_clamp = {
    .name = "clamp",
    .formula = "y = min(max(x, least), most)",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"min", RF_ATTR_FLOAT, 0, -1e30, 1e30, "least value"},
              {"max", RF_ATTR_FLOAT, 6, -1e30, 1e30, "largest value"}},
    .differentiable = 1,
    .inplace_input = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
