/* SPDX-License-Identifier: Apache-2.0 */
/* What dwconv2d and dwconv_act share: inputs x [N,H,W,C], w [Kh,Kw,1,C]; attributes stride, pad first. */
#ifndef RF_AUTOGRAD_OPS_DWCONV_H
#define RF_AUTOGRAD_OPS_DWCONV_H

#include "autograd/kernels/dwconv.h"
#include "autograd/op.h"

#define RF_DWCONV_ATTRS                                                                                                \
    {"stride", RF_ATTR_INT, 1, 1, 64, "step of the kernel"}, {                                                         \
        "pad", RF_ATTR_INT, 0, 0, 64, "zeros around the map"                                                           \
    }
enum { RF_DWCONV_STRIDE, RF_DWCONV_PAD, RF_DWCONV_SLOPE };

rf_status rf_dwconv_infer(rf_call *call);
/* The kernels' description of a call, without bias. */
rf_dwconv rf_dwconv_of(const rf_call *call);
double rf_dwconv_flops(const rf_call *call);
/* The sums alone. */
void rf_dwconv_reference(const rf_call *call);

#endif
