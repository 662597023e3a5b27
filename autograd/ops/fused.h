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

/* out = the map as `read` sees it; for kernels that read maps only as they are. */
void rf_fused_copy(const rf_fused_read *read, const rf_tensor *map, rf_real *out);

/* References: x as scale and slope make it, in a new array (rf_free; NULL: no memory), and moments of y. */
rf_real *rf_reference_normalised(const rf_tensor *x, const rf_real *scale, rf_real slope);
void rf_reference_moments(const rf_tensor *y, rf_real *moments);

/* Test data: once a scale [3,C] is drawn, x [..,C] is moved away from the kink of the activation. */
void rf_fused_fill(const rf_tensor *x, const rf_real *scale);

#endif
