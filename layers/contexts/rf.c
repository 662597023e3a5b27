/* SPDX-License-Identifier: Apache-2.0 */
/* The "RF" head of insightface's RetinaFace (HEAD_MODULE = 'RF', rcnn/symbol/symbol_common.py): three 3x3 convolutions
 * of C/2 channels one after the other; concat(first, second + third). All activations are ReLU there; `slope` is ours.
 */
#include "layers/context.h"

static rf_value build(rf_net *net, rf_value x, double slope, rf_deform deform) {
    int c = rf_context_width(net, x);
    rf_value first = rf_context_conv(net, x, "conv1", c / 2, slope, deform);
    rf_value second = rf_context_conv(net, first, "conv2", c / 2, slope, deform);
    rf_value third = rf_context_conv(net, second, "conv3", c / 2, slope, deform);
    rf_value sum = rf_apply2(net->graph, "add", second, third, "%s", "");
    return rf_apply2(net->graph, "concat", first, sum, "axis=3");
}

const rf_context rf_context_rf = {
    .name = "rf",
    .doc = "insightface's RF head: three chained 3x3 convolutions",
    .own_width = true,
    .scope = "rf",
    .build = build,
};
