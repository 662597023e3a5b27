/* SPDX-License-Identifier: Apache-2.0 */
/* Depth-wise convolution, NHWC: every channel is convolved with its own kernel (Howard et al., arXiv 1704.04861). */
#ifndef RF_AUTOGRAD_KERNELS_DWCONV_H
#define RF_AUTOGRAD_KERNELS_DWCONV_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/kernels/fused.h"
#include "autograd/real.h"

enum { RF_DWCONV_MAX_KERNEL = 11 };

typedef struct rf_dwconv {
    int n, h, w, c; /* of x */
    int kh, kw;     /* at most RF_DWCONV_MAX_KERNEL each */
    int stride, pad;
    int oh, ow;            /* of y: (h + 2*pad - kh) / stride + 1 */
    const rf_real *x;      /* [N,H,W,C] */
    const rf_real *weight; /* [Kh,Kw,C] */
    const rf_real *bias;   /* [C] or NULL; forward only */
    rf_real slope;         /* with a bias: of the activation for negative values, 1 = none */
} rf_dwconv;

/* y [N,OH,OW,C]: y[o] = sum over taps k of x[o*stride - pad + k] * weight[k]; x outside the map counts as 0. With a
 * bias v = y[o] + bias, y[o] = v > 0 ? v : slope*v, done while the lines are in the cache; with a fusion no bias.
 * `work`: 64-byte aligned, for the present number of threads; NULL without fusion. */
size_t rf_dwconv_forward_bytes(const rf_dwconv *conv, bool fused);
void rf_dwconv_forward(const rf_dwconv *conv, rf_real *y, const rf_fusion *fusion, void *work);

/* From dy [N,OH,OW,C]: the gradient of x, stored or added to dx [N,H,W,C], and that of the weight, stored or added to
 * dw [Kh,Kw,C]. Either may be NULL; dx alone does not read conv->x, dw alone not conv->weight. Partial sums of fixed
 * groups of rows go to `work` and are merged in double precision in their order. */
size_t rf_dwconv_backward_bytes(const rf_dwconv *conv, bool fused);
void rf_dwconv_backward(const rf_dwconv *conv, const rf_real *dy, rf_real *dx, bool dx_add, rf_real *dw, bool dw_add,
                        const rf_fusion *fusion, void *work);

#endif
