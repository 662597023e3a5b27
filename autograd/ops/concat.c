/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <string.h>

#include "core/parallel.h"

static rf_status infer(rf_call *call) {
    rf_shape *out = &call->out[0].shape, first = call->in[0].shape;
    int axis;
    RF_TRY(rf_axis("concat", &first, rf_attr_int(call, 0), &axis));
    *out = first;
    for (int i = 1; i < call->n_in; i++) {
        rf_shape other = call->in[i].shape;
        int length = axis < other.n ? other.d[axis] : 0;
        if (axis < other.n) other.d[axis] = first.d[axis];
        if (!rf_shape_equal(&other, &first)) {
            char a[64], b[64];
            return rf_fail(RF_ERR_USER, "concat: input %d is %s, which differs from %s on another axis than %d", i,
                           rf_shape_text(&call->in[i].shape, a), rf_shape_text(&first, b), axis);
        }
        out->d[axis] += length;
    }
    return RF_OK;
}

static int axis_of(const rf_call *call) {
    int axis = rf_attr_int(call, 0);
    return axis < 0 ? call->out[0].shape.n - 1 : axis;
}

/* Elements that input i gives to each of the `outer` rows of the output. */
static size_t width_of(const rf_call *call, int i) {
    rf_split s = rf_split_at(&call->in[i].shape, axis_of(call));
    return s.length * s.inner;
}

static size_t row_of(const rf_call *call) {
    rf_split s = rf_split_at(&call->out[0].shape, axis_of(call));
    return s.length * s.inner;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t row = row_of(call), at = 0;
    for (int i = 0; i < call->n_in; i++) {
        size_t width = width_of(call, i);
        for (size_t r = begin; r < end; r++)
            memcpy(call->out[0].data + r * row + at, call->in[i].data + r * width, width * sizeof(rf_real));
        at += width;
    }
}

static rf_status forward(const rf_call *call) {
    size_t outer = rf_split_at(&call->out[0].shape, axis_of(call)).outer;
    rf_parallel_for(outer, rf_row_grain(row_of(call)), forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t row = row_of(call), at = 0;
    for (int i = 0; i < call->n_in; i++) {
        size_t width = width_of(call, i);
        rf_real *dx = call->din[i].data;
        for (size_t r = begin; dx && r < end; r++) {
            const rf_real *from = call->dout[0].data + r * row + at;
            rf_real *to = dx + r * width;
            if (call->din_add[i]) {
#pragma omp simd
                for (size_t j = 0; j < width; j++) to[j] += from[j];
            } else {
                memcpy(to, from, width * sizeof(rf_real));
            }
        }
        at += width;
    }
}

static void backward(const rf_call *call) {
    size_t outer = rf_split_at(&call->out[0].shape, axis_of(call)).outer;
    rf_parallel_for(outer, rf_row_grain(row_of(call)), backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    int axis = axis_of(call), begin = 0;
    rf_split out = rf_split_at(&call->out[0].shape, axis);
    for (int i = 0; i < call->n_in; i++) {
        rf_split in = rf_split_at(&call->in[i].shape, axis);
        for (size_t o = 0; o < in.outer; o++)
            for (size_t l = 0; l < in.length; l++)
                for (size_t k = 0; k < in.inner; k++)
                    call->out[0].data[(o * out.length + (size_t)begin + l) * out.inner + k] =
                        call->in[i].data[(o * in.length + l) * in.inner + k];
        begin += (int)in.length;
    }
}

static const rf_case cases[] = {{"2x3x4x5 2x3x4x2 2x3x4x1", ""},
                                {"2x3x4 2x1x4", "axis=1"},
                                {"2x3x1x2 1x3x1x2", "axis=0"},
                                {"2x3x2x2 2x3x1x2", "axis=2"},
                                {"1x3", ""},
                                {NULL, NULL}};

const rf_op rf_op_concat = {
    .name = "concat",
    .formula = "y = inputs joined along one axis, in order",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"axis", RF_ATTR_INT, -1, -1, RF_MAX_DIMS - 1, "axis to join; -1 = the last (channels)"}},
    .differentiable = 0xff,
    .variadic = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
