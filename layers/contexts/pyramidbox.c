/* SPDX-License-Identifier: Apache-2.0 */
/* The context-sensitive prediction module of PyramidBox (Tang et al. 2018, arXiv 1803.07737, section 3.2): a residual
 * block as in DSSD's prediction module, then SSH's branches. The paper leaves open what follows here, which is ours:
 * widths in proportion to the pyramid's (C and C/4 for its 1024 and 256), a 3x3 in the middle of the block, batch
 * normalisation after every convolution. */
#include "layers/context.h"

static rf_value point(rf_net *net, rf_value x, const char *name, int out, double slope, const rf_value *residual) {
    rf_conv_spec spec = {.conv = "0", .bn = "1", .out = out, .k = 1, .stride = 1, .slope = slope};
    if (residual) {
        spec.residual = *residual;
        spec.add = true;
    }
    rf_scope scope = rf_net_enter(net, "%s", name);
    x = rf_conv_bn_act(net, x, spec);
    rf_net_leave(net, scope);
    return x;
}

static rf_value build(rf_net *net, rf_value x, double slope, rf_deform deform) {
    int c = rf_net_channels(net, x);
    rf_value skip = point(net, x, "branch1", c, 1, NULL);
    rf_value y = point(net, x, "branch2a", c / 4, slope, NULL);
    y = rf_context_conv(net, y, "branch2b", c / 4, slope, deform);
    y = point(net, y, "branch2c", c, 0, &skip);
    return rf_context_branches(net, y, slope, deform);
}

const rf_context rf_context_pyramidbox = {
    .name = "pyramidbox",
    .doc = "PyramidBox: a residual block before SSH's branches",
    .own_width = true,
    .scope = "cpm",
    .build = build,
};
