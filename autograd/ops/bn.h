/* SPDX-License-Identifier: Apache-2.0 */
/* Batch normalisation of the last axis, with an optional residual input and activation: shared by batch_norm and
 * bn_act. Inputs x, gamma, beta, running_mean, running_var, ?residual; outputs y, mean, invstd (the statistics used);
 * attributes eps, momentum, frozen first. Gradients: x, gamma, beta, residual. */
#ifndef RF_AUTOGRAD_OPS_BN_H
#define RF_AUTOGRAD_OPS_BN_H

#include "autograd/op.h"

#define RF_BN_ATTRS                                                                                                    \
    {"eps", RF_ATTR_FLOAT, 1e-5, 0, 1, "added to the variance"},                                                       \
        {"momentum", RF_ATTR_FLOAT, 0.1, 0, 1, "share of the new batch in the running statistics"}, {                  \
        "frozen", RF_ATTR_INT, 0, 0, 1, "1: running statistics also in training, as constants"                         \
    }

enum { RF_BN_DIFFERENTIABLE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5 };

rf_status rf_bn_infer(rf_call *call);
uint32_t rf_bn_needs(const rf_call *call, rf_real slope);
size_t rf_bn_workspace(const rf_call *call, rf_pass pass);
/* slope: of the activation after the sum, 1 = none. */
void rf_bn_forward(const rf_call *call, rf_real slope);
void rf_bn_backward(const rf_call *call, rf_real slope);
void rf_bn_reference(const rf_call *call, rf_real slope);
double rf_bn_flops(const rf_call *call);
/* Positive running variances. */
void rf_bn_fill(const rf_call *call, int input, rf_real *data, uint64_t seed);

#endif
