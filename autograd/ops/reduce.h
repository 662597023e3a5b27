/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over all elements or over the pixels of each image, shared by sum and mean. */
#ifndef RF_AUTOGRAD_OPS_REDUCE_H
#define RF_AUTOGRAD_OPS_REDUCE_H

#include "autograd/op.h"

#define RF_REDUCE_ATTRS                                                                                                \
    {                                                                                                                  \
        {                                                                                                              \
            "spatial", RF_ATTR_INT, 0, 0, 1,                                                                           \
                "1: over H and W of NHWC, giving [N,C]; 0: over everything, giving a scalar"                           \
        }                                                                                                              \
    }

rf_status rf_reduce_infer(rf_call *call);
size_t rf_reduce_workspace(const rf_call *call, rf_pass pass);
/* Sums in double precision, multiplied by `factor`. */
void rf_reduce_forward(const rf_call *call, double factor);
void rf_reduce_backward(const rf_call *call, double factor);
void rf_reduce_reference(const rf_call *call, double factor);
/* 1 / number of elements of one sum. */
double rf_reduce_mean_factor(const rf_call *call);
extern const rf_case rf_reduce_cases[];

#endif
