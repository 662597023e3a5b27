/* SPDX-License-Identifier: Apache-2.0 */
/* Max-out classes (S3FD, arXiv 1708.05237, section 3.3; PyramidBox, arXiv 1803.07737, section 3.3): an anchor has
 * several candidates for the logit of one class, and the largest counts. */
#include "autograd/ops/common.h"

#include "core/parallel.h"

enum { ATTR_BACKGROUND, ATTR_FACE, CLASSES };

static size_t candidates_of(const rf_call *call) {
    return (size_t)(rf_attr_int(call, ATTR_BACKGROUND) + rf_attr_int(call, ATTR_FACE));
}

static size_t anchors_of(const rf_call *call) {
    return rf_shape_count(&call->in[0].shape) / candidates_of(call);
}

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int width = (int)candidates_of(call), last = x->n < 1 ? 0 : x->d[x->n - 1];
    if (last < 1 || last % width)
        return rf_fail(RF_ERR_USER, "maxout: the last axis of x has %d numbers, expected a multiple of %d", last,
                       width);
    call->out[0].shape = *x;
    call->out[0].shape.d[x->n - 1] = last / width * CLASSES;
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0);
}

/* The first largest; a NaN is larger than all numbers, so that it is seen afterwards. */
static size_t largest(const rf_real *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best] || (x[i] != x[i] && x[best] == x[best])) best = i;
    return best;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = candidates_of(call), background = (size_t)rf_attr_int(call, ATTR_BACKGROUND);
    const rf_real *x = call->in[0].data + begin * width;
    rf_real *y = call->out[0].data + begin * CLASSES;
    for (size_t i = begin; i < end; i++, x += width, y += CLASSES) {
        y[0] = x[largest(x, background)];
        y[1] = x[background + largest(x + background, width - background)];
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for(anchors_of(call), rf_row_grain(candidates_of(call)), forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = candidates_of(call), background = (size_t)rf_attr_int(call, ATTR_BACKGROUND);
    const rf_real *x = call->in[0].data + begin * width, *dy = call->dout[0].data + begin * CLASSES;
    rf_real *dx = call->din[0].data + begin * width;
    bool add = call->din_add[0];
    for (size_t i = begin; i < end; i++, x += width, dx += width, dy += CLASSES) {
        size_t first = largest(x, background);
        size_t second = background + largest(x + background, width - background);
        for (size_t k = 0; k < width; k++) rf_put(&dx[k], add, k == first ? dy[0] : k == second ? dy[1] : 0);
    }
}

static void backward(const rf_call *call) {
    if (call->din[0].data)
        rf_parallel_for(anchors_of(call), rf_row_grain(candidates_of(call)), backward_range, (void *)call);
}

/* Comparisons. */
static double flops(const rf_call *call) {
    return (double)anchors_of(call) * (double)(candidates_of(call) - CLASSES);
}

static void reference(const rf_call *call) {
    int count[CLASSES] = {rf_attr_int(call, ATTR_BACKGROUND), rf_attr_int(call, ATTR_FACE)};
    const rf_real *x = call->in[0].data;
    size_t outputs = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < outputs; i++) {
        rf_real most = *x++;
        for (int k = 1; k < count[i % CLASSES]; k++, x++)
            if (*x > most) most = *x;
        call->out[0].data[i] = most;
    }
}

/* Candidates of an anchor far apart, another one first each time: a small step never changes the winner. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)input;
    size_t n = rf_shape_count(&call->in[0].shape), width = candidates_of(call);
    for (size_t i = 0; i < n; i++) data[i] += (rf_real)(8 * ((i + i / width + (size_t)seed) % width));
}

static const rf_case cases[] = {{"2x3x5x8", ""},
                                {"1x4x3x12", "background=1 face=3"},
                                {"5x4", "background=2 face=2"},
                                {"1x3x2x24", "background=3 face=1"},
                                {"6x3", "background=1 face=2"},
                                {NULL, NULL}};

const rf_op rf_op_maxout = {
    .name = "maxout",
    .formula = "y[...,2a] = max of the first `background` of x's numbers for anchor a, y[...,2a+1] = max of the others",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"background", RF_ATTR_INT, 3, 1, RF_MAX_INPUTS, "candidates for the background's logit"},
              {"face", RF_ATTR_INT, 1, 1, RF_MAX_INPUTS, "candidates for the face's logit, behind them"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
