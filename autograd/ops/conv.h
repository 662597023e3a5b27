/* SPDX-License-Identifier: Apache-2.0 */
/* What conv2d and conv_act share. Attributes of both begin with those of RF_CONV_ATTRS. */
#ifndef RF_AUTOGRAD_OPS_CONV_H
#define RF_AUTOGRAD_OPS_CONV_H

#include "autograd/kernels/conv.h"
#include "autograd/op.h"

enum { RF_CONV_STRIDE, RF_CONV_PAD, RF_CONV_STRIDE_W, RF_CONV_PAD_W, RF_CONV_GROUPS, RF_CONV_SLOPE };

#define RF_CONV_ATTRS                                                                                                  \
    {"stride", RF_ATTR_INT, 1, 1, 64, "step of the kernel"}, {"pad", RF_ATTR_INT, 0, 0, 64, "zeros around the map"},   \
        {"stride_w", RF_ATTR_INT, -1, -1, 64, "step from left to right, -1 = stride"},                                 \
        {"pad_w", RF_ATTR_INT, -1, -1, 64, "zeros at the left and right, -1 = pad"}, {                                 \
        "groups", RF_ATTR_INT, 1, 1, 65536, "parts of the channels that do not mix"                                    \
    }

/* Shapes and attributes of the call; out[0] must have been inferred. */
rf_conv_dims rf_conv_dims_of(const rf_call *call);
/* out[0].shape from x [n,h,w,c], w [kh,kw,c/groups,oc] and ?b [oc]; RF_ERR_USER says which does not fit. */
rf_status rf_conv_infer(const char *op, rf_call *call);
double rf_conv_flops(const rf_call *call);
/* y = x * w + b, naively. */
void rf_conv_reference(const rf_call *call);

#endif
