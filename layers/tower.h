/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that are small networks, shared by all levels and stages (SRN, arXiv 1809.02693; RefineFace, arXiv 1909.04376):
 * 3x3 convolution, receptive-field enhancement, 3x3 convolution, prediction; ReLU after each but the last. */
#ifndef RF_LAYERS_TOWER_H
#define RF_LAYERS_TOWER_H

#include "layers/blocks.h"

/* Receptive-field enhancement (SRN, section 3.4): branches of 1x1, one of 1x5, 5x1, 1x3 and 3x1, and 1x1, each with a
 * quarter of the channels; concatenated, a 1x1 convolution over all, and the input added. ReLU after every convolution.
 */
enum { RF_RFE_BRANCHES = 4 };
typedef struct rf_rfe {
    rf_conv_pair narrow[RF_RFE_BRANCHES], line[RF_RFE_BRANCHES], point[RF_RFE_BRANCHES], join;
} rf_rfe;

/* The parameters in the scope `name`, for maps of `channels`, a multiple of 4; the module on x [N,H,W,channels]. */
rf_rfe rf_rfe_params(rf_net *net, const char *name, int channels);
rf_value rf_rfe_apply(rf_net *net, const char *name, const rf_rfe *rfe, rf_value x);

typedef struct rf_tower {
    const char *name;
    rf_conv_pair first, second, predict;
    rf_rfe rfe;
    bool enhanced, pairs; /* with rfe; logits as pairs (0, x) */
} rf_tower;

typedef struct rf_tower_spec {
    const char *name;      /* "ClassTower" */
    int channels, outputs; /* of the maps, of the prediction */
    bool enhanced;
    bool logits; /* predicts one logit of face an anchor, given as (background 0, face); its bias starts at -ln 99 */
} rf_tower_spec;

rf_tower rf_tower_params(rf_net *net, const rf_tower_spec *spec);
/* The prediction for a map [N,H,W,channels]: [N,H,W,outputs], with logits [N,H,W,2*outputs]. */
rf_value rf_tower_apply(rf_net *net, const rf_tower *tower, rf_value x);

#endif
