/* SPDX-License-Identifier: Apache-2.0 */
/* What several ops share: splitting work, storing or adding gradients, shape checks, exact reductions. */
#ifndef RF_AUTOGRAD_OPS_COMMON_H
#define RF_AUTOGRAD_OPS_COMMON_H

#include "autograd/op.h"

/* Elements that one chunk of parallel work handles. */
enum { RF_OP_GRAIN = 32768 };

/* Rows of a chunk when a row has `elements` elements; at least 1. */
static inline size_t rf_row_grain(size_t elements) {
    return elements >= RF_OP_GRAIN ? 1 : RF_OP_GRAIN / (elements ? elements : 1);
}

/* Stores a gradient contribution or adds it to what is there. */
static inline void rf_put(rf_real *to, bool add, rf_real value) {
    *to = add ? *to + value : value;
}

/* A shape seen from one axis: [outer, length, inner]. */
typedef struct rf_split {
    size_t outer, length, inner;
} rf_split;
rf_split rf_split_at(const rf_shape *shape, int axis);

/* Axis attribute with -1 = last, as 0..n-1; RF_ERR_USER when the shape has no such axis. */
rf_status rf_axis(const char *op, const rf_shape *shape, int attr, int *axis);

/* All dimensions but the last as one number, and the last. A 1-d shape is one row. */
size_t rf_rows(const rf_shape *shape);
size_t rf_columns(const rf_shape *shape);

/* RF_ERR_USER unless input `i` has the shape `wanted`. */
rf_status rf_expect_shape(const char *op, const char *input, const rf_shape *got, const rf_shape *wanted);
/* RF_ERR_USER unless the shape has `n` dimensions. */
rf_status rf_expect_dims(const char *op, const char *input, const rf_shape *got, int n);

/* out[0].shape = in[0].shape. */
rf_status rf_infer_same(rf_call *call);

/* y = x > 0 ? x : slope*x in parallel; y may be x. */
void rf_leaky_forward(const rf_call *call, rf_real slope);
/* din[0] from out[0] and dout[0]: the sign of y is the sign of x for slope >= 0 (0 counts as negative, as in PyTorch).
 */
void rf_leaky_backward(const rf_call *call, rf_real slope);
void rf_leaky_reference(const rf_call *call, rf_real slope);
/* Moves test data away from the kink at 0. */
void rf_leaky_fill(const rf_call *call, int input, rf_real *data, uint64_t seed);

/* Sum of fn(ctx, begin, end) over fixed chunks of `grain` of n items, in chunk order and double precision. `work` has
 * rf_sum_work_bytes(n, grain) bytes. */
typedef double (*rf_sum_fn)(const void *ctx, size_t begin, size_t end);
size_t rf_sum_work_bytes(size_t n, size_t grain);
double rf_sum_chunks(size_t n, size_t grain, rf_sum_fn fn, const void *ctx, void *work);

#endif
