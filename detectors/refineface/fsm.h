/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace's feature supervision (arXiv 1909.04376): in training a small classifier judges regions of the pyramid, so
 * that its maps learn what a face is where detections are. It is no part of the network that evaluates. */
#ifndef RF_DETECTORS_REFINEFACE_FSM_H
#define RF_DETECTORS_REFINEFACE_FSM_H

#include "layers/blocks.h"

enum { RF_FSM_CONVS = 4, RF_FSM_SIZE = 7, RF_FSM_ROI = 6 };

/* Bound parameters: four 3x3 convolutions and the logit. */
typedef struct rf_fsm {
    rf_conv_pair conv[RF_FSM_CONVS], logit;
} rf_fsm;

/* Parameters in the scope "fsm" for maps of `channels`. */
rf_fsm rf_fsm_params(rf_net *net, int channels);

/* The branch for regions [R,6] (image, level, x1 y1 x2 y2 in pixels of the input; image -1: none) of n maps of the
 * pyramid, the first of stride `stride`: RoIAlign 7x7, the convolutions with ReLU, the mean over the pixels, one logit.
 * Returns [R,2], (background 0, face). Gradients reach the maps. */
rf_value rf_fsm_apply(rf_graph *graph, const rf_fsm *fsm, rf_value rois, const rf_value *maps, int n, int stride);

#endif
