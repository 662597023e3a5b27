/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops of 3x3 depth-wise convolutions in strips (dwconv_strips.c): a run of pixels of one row, all taps at once.
 * The rows that every tap reads lie in scratch memory with zeros where the map ends, so that no pixel is special. */
#ifndef RF_AUTOGRAD_KERNELS_ISA_STRIP_H
#define RF_AUTOGRAD_KERNELS_ISA_STRIP_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/kernels/dispatch.h"
#include "autograd/real.h"

enum { RF_STRIP_TAPS = 9, RF_STRIP_LANES = 16, RF_STRIP_AHEAD = 4 };

typedef struct rf_strip {
    int taps;                             /* 1, 2, 4 or 9 */
    const rf_real *source[RF_STRIP_TAPS]; /* what a tap reads for pixel 0 */
    const rf_real *weight[RF_STRIP_TAPS]; /* [lanes] of a tap */
    rf_real *acc[RF_STRIP_TAPS];          /* [lanes] of a tap, added to (gradient) */
    size_t count, lanes;                  /* pixels, channels; lanes is a multiple of RF_STRIP_LANES */
    size_t source_step, step;             /* elements from a pixel to the next: in the sources, in y and x */
    rf_real *y;                           /* pixel 0 of the result; NULL: only the sums are wanted (gradient) */
    bool add, stream;                     /* to what is there (gradient); past the caches */
    const rf_real *x;                     /* pixel 0 of the map that the result is the gradient by */
    const rf_real *mean, *gain, *shift;   /* [lanes]: v = act((x - mean)*gain + shift) was convolved */
    rf_real slope;                        /* of act for negative values, 0..1 */
    rf_real *first, *sum, *second;        /* [lanes] sums, added to */
    int aheads;                           /* memory that is read soon: */
    const rf_real *ahead[RF_STRIP_AHEAD]; /* for pixel 0, */
    size_t ahead_step[RF_STRIP_AHEAD];    /* elements from a pixel to the next */
} rf_strip;

/* y = sum over taps of source*weight. With sum: sum += y - first, second += (y - first)^2. */
RF_ISA_DECLARE(void, rf_strip_sum, (const rf_strip *strip));
/* g = sum over taps of source*weight, slope times that where v was negative; acc += source*v for every tap;
 * y (+)= gain*g, sum += g, second += g*(x - mean). */
RF_ISA_DECLARE(void, rf_strip_gradient, (const rf_strip *strip));

#endif
