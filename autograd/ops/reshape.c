/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <string.h>

enum { END = -2 }; /* the attribute that ends the list of dimensions */

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    rf_shape y = {0};
    size_t known = 1, count = rf_shape_count(x);
    int open = -1;
    for (; y.n < RF_MAX_DIMS && rf_attr_int(call, y.n) != END; y.n++) {
        int d = rf_attr_int(call, y.n);
        if (d == 0 && y.n >= x->n) return rf_fail(RF_ERR_USER, "reshape: d%d=0 copies a dimension x lacks", y.n);
        if (d == -1 && open >= 0) return rf_fail(RF_ERR_USER, "reshape: both d%d and d%d are -1", open, y.n);
        if (d == -1) open = y.n;
        y.d[y.n] = d == 0 ? x->d[y.n] : d;
        if (d != -1) known *= (size_t)y.d[y.n];
    }
    if (open >= 0) y.d[open] = known ? (int)(count / known) : 0; /* no rows were chosen */
    if (rf_shape_count(&y) != count) {
        char a[64], b[64];
        return rf_fail(RF_ERR_USER, "reshape: %s does not hold the elements of %s", rf_shape_text(&y, b),
                       rf_shape_text(x, a));
    }
    call->out[0].shape = y;
    return RF_OK;
}

static void reference(const rf_call *call) {
    memcpy(call->out[0].data, call->in[0].data, rf_shape_count(&call->in[0].shape) * sizeof(rf_real));
}

static const rf_case cases[] = {
    {"2x3x4x6", "d0=0 d1=-1 d2=2"}, {"2x3x4", "d0=-1"}, {"6", "d0=1 d1=2 d2=3 d3=1"}, {"1", ""}, {NULL, NULL}};

const rf_op rf_op_reshape = {
    .name = "reshape",
    .formula = "y = x under another shape (no copy)",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"d0", RF_ATTR_INT, END, END, 1 << 30, "first dimension; -1 = what is left, 0 = as x, -2 = none"},
              {"d1", RF_ATTR_INT, END, END, 1 << 30, "second dimension"},
              {"d2", RF_ATTR_INT, END, END, 1 << 30, "third dimension"},
              {"d3", RF_ATTR_INT, END, END, 1 << 30, "fourth dimension"}},
    .differentiable = 1,
    .view = true,
    .infer = infer,
    .cases = cases,
    .reference = reference,
};
