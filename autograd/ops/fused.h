/* SPDX-License-Identifier: Apache-2.0 */
/* What the ops share that normalise while they read: a `scale` [3,C] holds mean, gain and shift of each channel,
 * bn_scale makes it from the moments [2,C] that the convolution before gathered. */
#ifndef RF_AUTOGRAD_OPS_FUSED_H
#define RF_AUTOGRAD_OPS_FUSED_H

#include "autograd/kernels/fused.h"
#include "autograd/op.h"

/* RF_ERR_USER unless input i is [3,channels]. */
rf_status rf_expect_scale(const char *op, const rf_call *call, int i, int channels);

/* How dy [.., C] is read when the gradient of the moments [2,C] of y belongs to it: offset = dmean/P, tilt = 2*dvar/P
 * (P rows), written to tilt [3,C]. Without such a gradient dy is read as it is. */
rf_fused_read rf_fused_dy(const rf_tensor *y, const rf_tensor *moments, const rf_tensor *dmoments, rf_real *tilt);

/* Of an op with inputs x, w, ?scale and outputs y, moments: x normalised by the scale, activated by slope; with moments
 * gathered (forward), or with dy read as rf_fused_dy says and the scale's gradient wanted (backward). */
enum { RF_FUSED_X, RF_FUSED_W, RF_FUSED_SCALE };
enum { RF_FUSED_Y, RF_FUSED_MOMENTS };
rf_fusion rf_fused_forward(const rf_call *call, rf_real slope);
rf_fusion rf_fused_backward(const rf_call *call, rf_real slope, rf_real *tilt);

/* out = the map as `read` sees it; for kernels that read maps only as they are. */
void rf_fused_copy(const rf_fused_read *read, const rf_tensor *map, rf_real *out);

/* References: x as scale and slope make it, in a new array (rf_free; NULL: no memory), and moments of y. */
rf_real *rf_reference_normalised(const rf_tensor *x, const rf_real *scale, rf_real slope);
void rf_reference_moments(const rf_tensor *y, rf_real *moments);

/* Test data: once a scale [3,C] is drawn, x [..,C] is moved away from the kink of the activation. */
void rf_fused_fill(const rf_tensor *x, const rf_real *scale);

#endif
