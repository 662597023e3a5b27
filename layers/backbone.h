/* SPDX-License-Identifier: Apache-2.0 */
/* The backbone contract and registry. A backbone is one `const rf_backbone rf_backbone_NAME` in layers/backbones/ and
 * one line in layers/backbones.def. Parameter names start with "body." (the caller has entered that scope). */
#ifndef RF_LAYERS_BACKBONE_H
#define RF_LAYERS_BACKBONE_H

#include "layers/blocks.h"
#include "core/registry.h"

enum { RF_MAX_TAPS = 8 };

/* Feature maps a pyramid can start from, ascending strides, each [N, ceil(H/stride), ceil(W/stride), C]. */
typedef struct rf_taps {
    int n;
    rf_value value[RF_MAX_TAPS];
    int stride[RF_MAX_TAPS];
} rf_taps;

typedef struct rf_backbone {
    const char *name, *doc;
    int stages;      /* what model.freeze_stages counts: the stem is 1 */
    double slope;    /* of its activations, unless model.backbone_slope says otherwise; 0: ReLU or ReLU6, always */
    bool deformable; /* it heeds net->backbone_deform */
    /* Appends the network to net for x [N,H,W,3] and fills taps. Calls rf_net_stage at the start of each stage. */
    void (*build)(rf_net *net, const struct rf_backbone *self, rf_value x, rf_taps *taps);
    const void *plan; /* the build function's own data */
} rf_backbone;

/* The registry: layers/backbones.def and what is registered. */
RF_REGISTRY_DECLARE(backbone, rf_backbone)

#endif
