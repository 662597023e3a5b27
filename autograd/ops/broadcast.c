/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/broadcast.h"

#include "autograd/ops/common.h"

/* Dimension i of a in b; 1 where b lacks it. */
static int matching(const rf_shape *a, const rf_shape *b, int i) {
    int k = i - (a->n - b->n);
    return k < 0 ? 1 : b->d[k];
}

rf_status rf_expect_broadcast(const char *op, const char *input, const rf_shape *b, const rf_shape *a) {
    bool fits = b->n <= a->n;
    for (int i = 0; i < a->n && fits; i++) fits = matching(a, b, i) == a->d[i] || matching(a, b, i) == 1;
    if (fits) return RF_OK;
    char x[64], y[64];
    return rf_fail(RF_ERR_USER, "%s: %s is %s, expected %s or a shape that is broadcast to it (1 for a dimension)", op,
                   input, rf_shape_text(b, x), rf_shape_text(a, y));
}

rf_broadcast rf_broadcast_make(const rf_shape *a, const rf_shape *b) {
    rf_broadcast c = {.same = rf_shape_equal(a, b), .rows = 1, .width = 1};
    if (a->n == 0) return c;
    int last = a->n - 1;
    c.width = (size_t)a->d[last];
    c.one = matching(a, b, last) == 1;
    size_t step = (size_t)matching(a, b, last);
    for (int i = last - 1; i >= 0; i--) {
        size_t length = (size_t)matching(a, b, i);
        if (a->d[i] == 1) continue;
        c.length[c.n] = (size_t)a->d[i];
        c.stride[c.n] = length == 1 ? 0 : step;
        c.rows *= c.length[c.n++];
        step *= length;
    }
    return c;
}

size_t rf_broadcast_find(const rf_broadcast *c, size_t r) {
    size_t at = 0;
    for (int i = 0; i < c->n; i++) {
        at += r % c->length[i] * c->stride[i];
        r /= c->length[i];
    }
    return at;
}

void rf_broadcast_forward(const rf_call *call, rf_range_fn same, rf_range_fn rows) {
    rf_broadcast c = rf_broadcast_make(&call->in[0].shape, &call->in[1].shape);
    if (!c.same)
        rf_parallel_for(c.rows, rf_row_grain(c.width), rows, (void *)call);
    else
        rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, same, (void *)call);
}

size_t rf_broadcast_place(const rf_shape *a, const rf_shape *b, size_t i) {
    size_t at = 0, step = 1;
    for (int k = a->n - 1, m = b->n - 1; m >= 0; k--, m--) {
        at += b->d[m] == 1 ? 0 : i % (size_t)a->d[k] * step;
        i /= (size_t)a->d[k];
        step *= (size_t)b->d[m];
    }
    return at;
}
