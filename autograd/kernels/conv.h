/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution over NHWC activations and [kh][kw][c/groups][oc] weights, as an implicit matrix product: rows are pixels,
 * columns are output channels, and the reduction runs over taps x input channels through a table of row pointers, so
 * that no im2col buffer exists (after Dukhan, "The Indirect Convolution Algorithm", arXiv 1907.02129). Results have the
 * same bits on any number of threads. No function here allocates or fails; the caller gives `work`. All arrays are
 * dense and do not overlap. */
#ifndef RF_AUTOGRAD_KERNELS_CONV_H
#define RF_AUTOGRAD_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/kernels/fused.h"
#include "autograd/real.h"

typedef struct rf_conv_dims {
    int n, h, w, c;                       /* x [n,h,w,c] */
    int kh, kw;                           /* kernel in pixels */
    int stride_h, stride_w, pad_h, pad_w; /* pixels; pads on both sides */
    int groups;                           /* divides c and oc */
    int oh, ow, oc;                       /* y [n,oh,ow,oc]; oh = (h + 2 pad_h - kh) / stride_h + 1 */
} rf_conv_dims;

/* What happens to the sums before they are stored: y = act(sum + bias + residual), act(v) = v > 0 ? v : slope * v. */
typedef struct rf_conv_epilogue {
    const rf_real *bias;     /* [oc] or NULL */
    const rf_real *residual; /* [n,oh,ow,oc] or NULL */
    bool act;
    rf_real slope;
} rf_conv_epilogue;

typedef enum rf_conv_pass {
    RF_CONV_FORWARD,
    RF_CONV_BACKWARD_DATA,
    RF_CONV_BACKWARD_WEIGHTS,
    RF_CONV_BACKWARD_BIAS
} rf_conv_pass;

/* Whether all passes of a convolution of these dimensions take x.scale and dy.y. moments: whenever groups is 1. */
bool rf_conv_fuses(const rf_conv_dims *dims);

/* Bytes of `work` (64-byte aligned) that a pass needs with at most the present number of threads, whatever the
 * instruction set: the thread count may not grow between this question and the call. */
size_t rf_conv_workspace(const rf_conv_dims *dims, rf_conv_pass pass, bool fused);

/* y = act(x * w + bias + residual); epilogue NULL: y = x * w. */
void rf_conv_forward(const rf_conv_dims *dims, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                     rf_real *y, const rf_fusion *fusion, void *work);

/* dx = dy * transposed w, or dx += when `add`. A stride s splits dx in s*s phases, each a convolution of dy with every
 * s-th tap, so that nothing is multiplied with the zeros between strided pixels. */
void rf_conv_backward_data(const rf_conv_dims *dims, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                           const rf_fusion *fusion, void *work);

/* dw[tap,ci,co] = sum over pixels of x * dy, or dw += when `add`. */
void rf_conv_backward_weights(const rf_conv_dims *dims, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                              const rf_fusion *fusion, void *work);

/* Both gradients in one pass over the pixels, so that dy and x are read once: for matrix products (1x1, stride 1, no
 * padding) whose weights are few enough that parts of dw fit beside each other. dx and dw may be NULL. */
bool rf_conv_pairs(const rf_conv_dims *dims);
size_t rf_conv_pair_workspace(const rf_conv_dims *dims);
void rf_conv_backward_pair(const rf_conv_dims *dims, const rf_real *x, const rf_real *dy, const rf_real *w, rf_real *dx,
                           bool dx_add, rf_real *dw, bool dw_add, const rf_fusion *fusion, void *work);

/* db[co] = sum over pixels of dy, or db += when `add`. */
void rf_conv_backward_bias(const rf_conv_dims *dims, const rf_real *dy, rf_real *db, bool add, void *work);

#endif
