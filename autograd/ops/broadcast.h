/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of two inputs whose second one may be smaller: as in NumPy its dimensions are lined up with the last ones of the
 * first, and where one is 1 or lacking its numbers hold for all places of that dimension. */
#ifndef RF_AUTOGRAD_OPS_BROADCAST_H
#define RF_AUTOGRAD_OPS_BROADCAST_H

#include "autograd/op.h"
#include "core/parallel.h"

/* a as rows of its last dimension, and where b has the numbers for them. */
typedef struct rf_broadcast {
    bool same; /* the shapes are equal: no rows are needed */
    size_t rows, width;
    int n;                      /* leading dimensions of a of more than one place */
    size_t length[RF_MAX_DIMS]; /* theirs, the innermost first */
    size_t stride[RF_MAX_DIMS]; /* elements of b from one place to the next; 0: the same */
    bool one;                   /* b has one number for a whole row */
} rf_broadcast;

/* RF_ERR_USER unless b has the shape of a or one that is broadcast to it. */
rf_status rf_expect_broadcast(const char *op, const char *input, const rf_shape *b, const rf_shape *a);

rf_broadcast rf_broadcast_make(const rf_shape *a, const rf_shape *b);
/* First element of b for row r of a. Most rows have one leading dimension: those of boxes and points. */
size_t rf_broadcast_find(const rf_broadcast *broadcast, size_t r);
static inline size_t rf_broadcast_at(const rf_broadcast *c, size_t r) {
    return c->n == 1 ? r * c->stride[0] : rf_broadcast_find(c, r);
}

/* A forward pass over in[0] and in[1]: `same` gets ranges of elements where the shapes are equal, else `rows` ranges of
 * rows. Both get the call. */
void rf_broadcast_forward(const rf_call *call, rf_range_fn same, rf_range_fn rows);

/* Element of b for element i of a, for references: by its place in every dimension, one after the other. */
size_t rf_broadcast_place(const rf_shape *a, const rf_shape *b, size_t i);

#endif
