/* SPDX-License-Identifier: Apache-2.0 */
/* The context contract and registry. A context module widens what a cell of a pyramid level sees before the heads look
 * at it; each level has its own. It is one `const rf_context rf_context_NAME` in layers/contexts/ and one line in
 * layers/contexts.def. */
#ifndef RF_LAYERS_CONTEXT_H
#define RF_LAYERS_CONTEXT_H

#include "layers/blocks.h"
#include "core/registry.h"

typedef struct rf_context {
    const char *name, *doc;
    bool own_width;    /* it can give another number of channels than it gets */
    const char *scope; /* of its parameters: "ssh" gives "ssh1.", "ssh2.", ...; NULL: it has none */
    /* [N,h,w,C] -> [N,h,w,rf_context_width], multiples of 4; the caller has entered the scope. `slope` is of the
     * activations inside, `deform` of its 3x3 convolutions. */
    rf_value (*build)(rf_net *net, rf_value x, double slope, rf_deform deform);
} rf_context;

/* The registry: layers/contexts.def and what is registered. */
RF_REGISTRY_DECLARE(context, rf_context)

/* The module of level `index` (from 0) in its scope. */
rf_value rf_context_build(rf_net *net, const rf_context *context, rf_value x, int index, double slope,
                          rf_deform deform);

/* Channels that a module gives for x: model.context_channels, or as many as x has. */
int rf_context_width(const rf_net *net, rf_value x);

/* conv.0 and conv.1 below the scope `name`: a 3x3 convolution with batch normalisation, as the modules have many. */
rf_value rf_context_conv(rf_net *net, rf_value x, const char *name, int out, double slope, rf_deform deform);
/* SSH's three branches, concatenated: what ssh is and pyramidbox ends with. */
rf_value rf_context_branches(rf_net *net, rf_value x, double slope, rf_deform deform);

#endif
