/* SPDX-License-Identifier: Apache-2.0 */
/* Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167) over rows [P, C], fused with a leaky ReLU and a residual
 * sum. Memory-bound: statistics read x once, normalising reads and writes once, the gradient's sums read x and dy once,
 * the gradient itself reads both and writes dx. Work is cut in chunks of rows that depend on P and C only. */
#ifndef RF_AUTOGRAD_KERNELS_NORM_H
#define RF_AUTOGRAD_KERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/real.h"

/* What tells the sign of the activation's input in backward: nothing (no activation), x, or the stored output y. */
typedef enum rf_norm_mask { RF_MASK_NONE, RF_MASK_X, RF_MASK_Y } rf_norm_mask;

/* Normalises as v = (x - mean)*gain + beta (+ residual), y = v > 0 ? v : slope*v. */
typedef struct rf_norm {
    size_t rows;                 /* P = N*H*W */
    size_t channels;             /* C */
    const rf_real *x, *residual; /* [P,C]; residual NULL = none */
    const rf_real *mean, *beta;  /* [C] */
    const rf_real *gain;         /* [C] gamma / sqrt(variance + eps) */
    rf_real slope;               /* 1 = no activation, 0 = ReLU */
    bool stream;                 /* set by the functions below: the result is too large for the caches */
} rf_norm;

/* Gradients with respect to v of `norm`: g = dy where v > 0, else slope*dy. */
typedef struct rf_norm_grad {
    rf_norm norm; /* residual unused; beta only with RF_MASK_X */
    rf_norm_mask mask;
    const rf_real *dy;          /* [P,C] */
    const rf_real *y;           /* [P,C], only with RF_MASK_Y */
    rf_real *dx, *dresidual;    /* [P,C], NULL = skip */
    bool dx_add, dresidual_add; /* add to what is there */
    const rf_real *offset;      /* [C], see rf_norm_gradient */
    const rf_real *tilt;        /* [C] */
} rf_norm_grad;

/* Bytes of `work` for rf_norm_statistics and rf_norm_gradient_sums (64-byte aligned). */
size_t rf_norm_work_bytes(size_t rows, size_t channels);

/* Mean and biased variance of every column. Sums are taken around the first row of each chunk and merged in double
 * precision in chunk order (Chan, Golub, LeVeque 1979), so that a large mean does not spoil the variance. */
void rf_norm_statistics(const rf_real *x, size_t rows, size_t channels, double *mean, double *variance, void *work);

/* y as above; y may be x or residual. */
void rf_norm_apply(const rf_norm *norm, rf_real *y);

/* sum_g[c] = sum of g, sum_gx[c] = sum of g * (x - mean), over all rows. */
void rf_norm_gradient_sums(const rf_norm_grad *grad, double *sum_g, double *sum_gx, void *work);

/* dx = gain*g - offset - (x - mean)*tilt, dresidual = g. With n = P, offset = gain*sum_g/n and tilt =
 * gain*invstd^2*sum_gx/n that is the gradient through batch statistics; both zero for constant statistics. */
void rf_norm_gradient(const rf_norm_grad *grad);

/* Where the statistics have a gradient of their own: dx = gain*g, dresidual = g and the sums of rf_norm_gradient_sums
 * in one pass; offset and tilt do not count. */
void rf_norm_through(const rf_norm_grad *grad, double *sum_g, double *sum_gx, void *work);

#endif
