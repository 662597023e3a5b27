/* SSH context module (Najibi et al. 2017, as RetinaFace uses it): three branches of one, two and three 3x3 convolutions
 * with C/2, C/4 and C/4 channels, concatenated, ReLU. */
#ifndef RF_LAYERS_SSH_H
#define RF_LAYERS_SSH_H

#include "layers/blocks.h"

/* [N,h,w,C] -> [N,h,w,C], C a multiple of 4, in the scope "ssh<index+1>". `slope` is of the activations inside the
 * branches. */
rf_value rf_ssh(rf_net *net, rf_value x, int index, double slope);

#endif
