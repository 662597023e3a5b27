/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk of rows of the functions in kernels/norm.h. */
#ifndef RF_AUTOGRAD_KERNELS_ISA_NORM_ISA_H
#define RF_AUTOGRAD_KERNELS_ISA_NORM_ISA_H

#include "autograd/kernels/dispatch.h"
#include "autograd/kernels/norm.h"

/* Sums of x - x[first row] and of its square: mean[c] and m2[c] (sum of squared distances to the mean) of the chunk. */
RF_ISA_DECLARE(void, rf_norm_chunk_moments, (const rf_real *x, size_t rows, size_t channels, double *mean, double *m2));
RF_ISA_DECLARE(void, rf_norm_chunk_apply, (const rf_norm *norm, rf_real *y, size_t begin, size_t end));
/* y = act(y + beta) in place; of `norm` only channels, beta and slope count. */
RF_ISA_DECLARE(void, rf_norm_chunk_bias, (const rf_norm *norm, rf_real *y, size_t begin, size_t end));
RF_ISA_DECLARE(void, rf_norm_chunk_sums,
               (const rf_norm_grad *grad, size_t begin, size_t end, double *sum_g, double *sum_gx));
RF_ISA_DECLARE(void, rf_norm_chunk_through,
               (const rf_norm_grad *grad, size_t begin, size_t end, double *sum_g, double *sum_gx));
RF_ISA_DECLARE(void, rf_norm_chunk_gradient, (const rf_norm_grad *grad, size_t begin, size_t end));

#endif
