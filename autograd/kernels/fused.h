/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a map while a kernel reads or writes it, so that normalisation, activation and their gradients need
 * no pass over memory of their own. Maps are [P,C]: P pixels of C channels. Kernels copy the pixels that they work on
 * to scratch memory that stays in the cache; the work of this file happens on the way (isa/fused.c).
 *
 * Forward, v = act((x - mean)*gain + shift) is convolved, and the moments of the result are gathered. Backward, the
 * gradient that arrives through the moments is added while dy is read (offset + (y - mean)*tilt), and the gradient by v
 * becomes that by x and by (mean, gain, shift) while it is written. */
#ifndef RF_AUTOGRAD_KERNELS_FUSED_H
#define RF_AUTOGRAD_KERNELS_FUSED_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/kernels/dispatch.h"
#include "autograd/real.h"

/* How a map is read. All NULL: as it is. At most one of scale and y is set. */
typedef struct rf_fused_read {
    const rf_real *scale; /* [3,C] mean, gain, shift: v = act((x - mean)*gain + shift), act(v) = v > 0 ? v : slope*v */
    rf_real slope;        /* 0..1; 1 = no activation */
    const rf_real *y;     /* [P,C]: v = x + offset + (y - mean)*tilt */
    const rf_real *tilt;  /* [3,C] mean, offset, tilt */
} rf_fused_read;

static inline bool rf_fused_reads(const rf_fused_read *read) {
    return read && (read->scale || read->y);
}

/* How a map is written. Sums go to parts, one for each piece of work, and are merged in the order of the parts. */
typedef struct rf_fused_write {
    rf_real *y;      /* [P,C]; NULL: only the sums are wanted */
    size_t channels; /* C */
    bool add;        /* to what is there; with x only */
    bool stream;     /* past the caches */
    /* NULL: v is stored and its moments are gathered. Else v is the gradient by act(..) of a map x that was read with
     * `scale`: g = v where the activation was positive, slope*v elsewhere; stored is gain*g, summed are g and
     * g*(x - mean). */
    const rf_real *x;
    const rf_real *scale; /* [3,C] */
    rf_real slope;
} rf_fused_write;

/* What a convolution does to its maps x [n,h,w,c] and y [n,oh,ow,oc] on the way. Zeroed or NULL: nothing. */
typedef struct rf_fusion {
    rf_fused_read x;  /* forward and gradient by weights: how x is read */
    rf_fused_read dy; /* both gradients: how dy is read */
    rf_real *moments; /* [2,oc] forward: mean and variance of y; NULL = not wanted */
    /* Gradient by data, with x.scale: dx is that by the map itself, and its scale gets its own. Either may be NULL. */
    const rf_real *map; /* [n,h,w,c] x as it lies in memory */
    rf_real *dscale;    /* [3,c] by mean, gain, shift */
    bool dscale_add;    /* to what is there */
    bool bf16;          /* factors are rounded to bfloat16 (bf16.h, which must be supported): 1x1 convolutions as matrix
                         * products, other convolutions keep single precision */
} rf_fusion;

/* Doubles of a part: pixels, and of each channel the first value and two sums. */
static inline size_t rf_fused_part(size_t channels) {
    return 1 + 3 * channels;
}

/* out[p*pitch + c] = v of pixel first + p and channel c0 + c, for count pixels and n channels. */
RF_ISA_DECLARE(void, rf_fused_read_rows,
               (const rf_fused_read *read, const rf_real *x, size_t channels, size_t first, size_t count, size_t c0,
                size_t n, rf_real *out, size_t pitch));
/* The reverse: writes from[p*pitch + c], count > 0, and adds to the sums of `part`; `begins`: these are its first
 * pixels of these channels. */
RF_ISA_DECLARE(void, rf_fused_write_rows,
               (const rf_fused_write *write, const rf_real *from, size_t pitch, size_t first, size_t count, size_t c0,
                size_t n, double *part, bool begins));

/* After the last rows of a range, before other threads may read them. */
RF_ISA_DECLARE(void, rf_fused_write_end, (const rf_fused_write *write));

/* moments [2,C] = mean and biased variance over all parts, merged by Chan, Golub and LeVeque's formula (1979). */
void rf_fused_merge_moments(const double *parts, size_t n_parts, size_t channels, rf_real *moments);
/* dscale [3,C]: gradients by mean, gain and shift, stored or added; NULL: not wanted. */
void rf_fused_merge_gradient(const double *parts, size_t n_parts, size_t channels, const rf_real *scale,
                             rf_real *dscale, bool add);

#endif
