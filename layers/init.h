/* SPDX-License-Identifier: Apache-2.0 */
/* Starting values. Sources: ResNet convolutions He-normal over the fan-out (He et al. 2015, as torchvision does), also
 * used for the MobileNet body; pyramid, its extra levels and context modules Xavier-uniform (RetinaFace, section 3.2:
 * Xavier for C6); head convolutions N(0, 0.01) with bias 0 (the public insightface symbol); batch normalisation scale
 * 1, shift 0, mean 0, variance 1. model.initialiser = fan_in instead: PyTorch's default for convolutions, which is what
 * Pytorch_Retinaface trains from. */
#ifndef RF_LAYERS_INIT_H
#define RF_LAYERS_INIT_H

#include "layers/params.h"

/* Fills a sealed store. Each entry draws from its own stream (seed, hash of its name), so that its values depend on
 * neither the order nor the presence of others. RF_INIT_HE_NORMAL: std sqrt(2 / fan_out), fan_out = O*Kh*Kw
 * (depth-wise: Kh*Kw); RF_INIT_XAVIER_UNIFORM: U(-b, b), b = sqrt(6 / (fan_in + fan_out)); RF_INIT_FAN_IN_UNIFORM:
 * U(-b, b), b = 1 / sqrt(fan_in). */
void rf_params_init(rf_params *params, uint64_t seed);

#endif
