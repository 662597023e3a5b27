/* SPDX-License-Identifier: Apache-2.0 */
/* Which number of a row is the largest: the kind of object that logits speak for. */
#include "autograd/ops/common.h"

#include "core/parallel.h"

enum { ATTR_FIRST };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int first = rf_attr_int(call, ATTR_FIRST);
    char text[64];
    if (x->n < 2 || first >= x->d[x->n - 1])
        return rf_fail(RF_ERR_USER, "argmax: x is %s, expected rows of more than %d numbers", rf_shape_text(x, text),
                       first);
    call->out[0].shape = *x;
    call->out[0].shape.d[--call->out[0].shape.n] = 0;
    return RF_OK;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t width = rf_columns(&call->in[0].shape), first = (size_t)rf_attr_int(call, ATTR_FIRST);
    for (size_t r = begin; r < end; r++) {
        const rf_real *x = call->in[0].data + r * width;
        size_t best = first;
        for (size_t k = first + 1; k < width; k++)
            if (x[k] > x[best]) best = k;
        call->out[0].data[r] = (rf_real)(best - first);
    }
}

static rf_status forward(const rf_call *call) {
    size_t width = rf_columns(&call->in[0].shape);
    rf_parallel_for(rf_rows(&call->in[0].shape), rf_row_grain(width), forward_range, (void *)call);
    return RF_OK;
}

/* The first that no other one exceeds. */
static void reference(const rf_call *call) {
    size_t width = rf_columns(&call->in[0].shape), rows = rf_rows(&call->in[0].shape);
    size_t first = (size_t)rf_attr_int(call, ATTR_FIRST);
    for (size_t r = 0; r < rows; r++) {
        const rf_real *x = call->in[0].data + r * width;
        for (size_t k = width; k-- > first;) {
            bool most = true;
            for (size_t other = first; other < width; other++) most &= x[other] <= x[k];
            if (most) call->out[0].data[r] = (rf_real)(k - first);
        }
    }
}

/* Few different numbers, so that some are equal. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    size_t count = rf_shape_count(&call->in[input].shape);
    for (size_t i = 0; i < count; i++) data[i] = (rf_real)((i * 7 + i / 5 + seed) % 5) - 2;
}

static const rf_case cases[] = {
    {"30x3", ""}, {"2x5x4", "first=1"}, {"9x2", "first=1"}, {"1x7", "first=3"}, {NULL, NULL}};

const rf_op rf_op_argmax = {
    .name = "argmax",
    .formula = "y[...] = the place of the largest of x[..., first:], counted from first; of equal ones the earliest",
    .in_names = {"x"},
    .out_names = {"place"},
    .attrs = {{"first", RF_ATTR_INT, 0, 0, 1 << 20, "numbers of a row that are passed over"}},
    .infer = infer,
    .forward = forward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
