/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest-neighbour resizing of NHWC maps to an exact size, shared by upsample_nearest and upsample_add: output (i, j)
 * takes source (floor(i*h/H), floor(j*w/W)), the rule of torch.nn.functional.interpolate(mode="nearest"). */
#ifndef RF_AUTOGRAD_OPS_UPSAMPLE_H
#define RF_AUTOGRAD_OPS_UPSAMPLE_H

#include "autograd/op.h"

/* y = a + resized x; a NULL = 0. y may be a. Shapes 4-d with equal N and C. */
void rf_upsample_forward(const rf_tensor *x, const rf_real *a, const rf_tensor *y);
/* dx (shape of x): sum of dy (shape y) over the outputs that took each source; stored or added. */
void rf_upsample_backward(const rf_tensor *dx, bool add, const rf_real *dy, const rf_shape *y);
/* The same as forward, one element at a time. */
void rf_upsample_reference(const rf_tensor *x, const rf_real *a, const rf_tensor *y);

#endif
