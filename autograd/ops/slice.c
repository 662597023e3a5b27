/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <string.h>

#include "core/parallel.h"

enum { ATTR_AXIS, ATTR_START, ATTR_COUNT };

static rf_status infer(rf_call *call) {
    int axis, start = rf_attr_int(call, ATTR_START), count = rf_attr_int(call, ATTR_COUNT);
    const rf_shape *x = &call->in[0].shape;
    RF_TRY(rf_axis("slice", x, rf_attr_int(call, ATTR_AXIS), &axis));
    if (count > x->d[axis] - start) {
        char text[64];
        return rf_fail(RF_ERR_USER, "slice: start=%d count=%d goes beyond axis %d of %s", start, count, axis,
                       rf_shape_text(x, text));
    }
    call->out[0].shape = *x;
    call->out[0].shape.d[axis] = count;
    return RF_OK;
}

/* Sizes in elements: rows of x, and the part of a row that is taken. */
typedef struct part {
    size_t rows, width, begin, count;
} part;

static part part_of(const rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int axis = rf_attr_int(call, ATTR_AXIS);
    rf_split s = rf_split_at(x, axis < 0 ? x->n - 1 : axis);
    return (part){s.outer, s.length * s.inner, (size_t)rf_attr_int(call, ATTR_START) * s.inner,
                  (size_t)rf_attr_int(call, ATTR_COUNT) * s.inner};
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    part p = part_of(call);
    for (size_t r = begin; r < end; r++)
        memcpy(call->out[0].data + r * p.count, call->in[0].data + r * p.width + p.begin, p.count * sizeof(rf_real));
}

static rf_status forward(const rf_call *call) {
    part p = part_of(call);
    rf_parallel_for(p.rows, rf_row_grain(p.count), forward_range, (void *)call);
    return RF_OK;
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    part p = part_of(call);
    for (size_t r = begin; r < end; r++) {
        rf_real *dx = call->din[0].data + r * p.width;
        const rf_real *dy = call->dout[0].data + r * p.count;
        if (!call->din_add[0]) memset(dx, 0, p.width * sizeof *dx);
#pragma omp simd
        for (size_t i = 0; i < p.count; i++) dx[p.begin + i] += dy[i];
    }
}

static void backward(const rf_call *call) {
    part p = part_of(call);
    if (call->din[0].data) rf_parallel_for(p.rows, rf_row_grain(p.width), backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int axis = rf_attr_int(call, ATTR_AXIS) < 0 ? x->n - 1 : rf_attr_int(call, ATTR_AXIS);
    rf_split s = rf_split_at(x, axis);
    rf_real *to = call->out[0].data;
    for (size_t o = 0; o < s.outer; o++)
        for (int l = 0; l < rf_attr_int(call, ATTR_COUNT); l++)
            for (size_t i = 0; i < s.inner; i++)
                *to++ = call->in[0].data[(o * s.length + (size_t)(rf_attr_int(call, ATTR_START) + l)) * s.inner + i];
}

static const rf_case cases[] = {{"2x3x4x6", "start=1 count=3"},
                                {"2x5x4", "axis=1 start=3 count=2"},
                                {"4x3", "axis=0 start=0 count=1"},
                                {"5", "axis=0 start=4 count=1"},
                                {NULL, NULL}};

const rf_op rf_op_slice = {
    .name = "slice",
    .formula = "y = x[.., start : start+count, ..] on one axis",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"axis", RF_ATTR_INT, -1, -1, RF_MAX_DIMS - 1, "axis to cut; -1 = the last"},
              {"start", RF_ATTR_INT, 0, 0, 1 << 30, "first index taken"},
              {"count", RF_ATTR_INT, 1, 1, 1 << 30, "how many are taken"}},
    .differentiable = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
