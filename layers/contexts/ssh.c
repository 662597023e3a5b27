/* SPDX-License-Identifier: Apache-2.0 */
/* SSH (Najibi et al. 2017, as RetinaFace uses it): three branches of one, two and three 3x3 convolutions with C/2, C/4
 * and C/4 channels, concatenated, ReLU. */
#include "layers/context.h"

rf_value rf_context_branches(rf_net *net, rf_value x, double slope, rf_deform deform) {
    int c = rf_context_width(net, x);
    /* ReLU of a concatenation is the concatenation of ReLUs: done in each branch's last normalisation, it costs no
     * pass. */
    rf_value a = rf_context_conv(net, x, "conv3X3", c / 2, 0, deform);
    rf_value stem = rf_context_conv(net, x, "conv5X5_1", c / 4, slope, deform);
    rf_value b = rf_context_conv(net, stem, "conv5X5_2", c / 4, 0, deform);
    rf_value mid = rf_context_conv(net, stem, "conv7X7_2", c / 4, slope, deform);
    rf_value d = rf_context_conv(net, mid, "conv7x7_3", c / 4, 0, deform);
    return rf_graph_apply(net->graph, "concat", (const rf_value[]){a, b, d}, 3, "axis=3");
}

const rf_context rf_context_ssh = {
    .name = "ssh",
    .doc = "SSH: branches of one, two and three 3x3 convolutions",
    .own_width = true,
    .scope = "ssh",
    .build = rf_context_branches,
};
