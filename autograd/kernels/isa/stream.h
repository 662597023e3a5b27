/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops of the depth-wise convolution: a row of pixels of `channels` reals each, and up to nine source rows that
 * are walked in step with it. */
#ifndef RF_AUTOGRAD_KERNELS_ISA_STREAM_H
#define RF_AUTOGRAD_KERNELS_ISA_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/kernels/dispatch.h"
#include "autograd/real.h"

enum { RF_STREAM_TAPS = 9, RF_STREAM_TILE = 16 };

typedef struct rf_streams {
    int taps;                         /* 1..RF_STREAM_TAPS */
    const rf_real *x[RF_STREAM_TAPS]; /* source of pixel 0 of each tap */
    const rf_real *w[RF_STREAM_TAPS]; /* [C] of each tap (rf_stream_sum) */
    rf_real *acc[RF_STREAM_TAPS];     /* [rf_stream_columns(C)] of each tap (rf_stream_dot) */
    size_t count, channels;           /* pixels, C */
    bool past_caches;                 /* y is large and not read soon: whole vectors at vector borders need not stay */
    size_t xstep, ystep;              /* elements from a pixel to the next, in the sources and in y */
} rf_streams;

/* Columns of an accumulator: when C divides the tile, vectors span pixels and column j belongs to channel j % C. */
static inline size_t rf_stream_columns(size_t channels) {
    return RF_STREAM_TILE % channels == 0 ? RF_STREAM_TILE : channels;
}

/* y[i] = sum over taps of x[t][i] * w[t], for every pixel i, or added to y. */
RF_ISA_DECLARE(void, rf_stream_sum, (const rf_streams *s, rf_real *y, bool add));
/* acc[t] += sum over pixels of x[t][i] * y[i]. */
RF_ISA_DECLARE(void, rf_stream_dot, (const rf_streams *s, const rf_real *y));

#endif
