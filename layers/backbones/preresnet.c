/* SPDX-License-Identifier: Apache-2.0 */
/* ResNet with the normalisation before each convolution (He et al. 2016, arXiv 1603.05027) as MXNet's model zoo has it
 * and insightface's detectors start from: the picture is normalised too (bn_data, its scale fixed at 1), names bn_data,
 * conv0, bn0, stage1.0.{bn1,conv1,...}, bn1. A pyramid starts from the last map of each stride: the middle of the first
 * block of the next stage (stage2_unit1_relu2 ...; 128, 256 and 512 channels), and of stride 32 the normalised end. */
#include "layers/backbone.h"

static void tap(rf_taps *taps, rf_value value, int stride) {
    taps->value[taps->n] = value;
    taps->stride[taps->n++] = stride;
}

static void build(rf_net *net, const rf_backbone *self, rf_value x, rf_taps *taps) {
    const int *blocks = self->plan;
    net->conv_init = RF_INIT_HE_NORMAL;
    rf_net_stage(net, 1);
    x = rf_bn_act(net, x, "bn_data", 1, true);
    x = rf_conv_bn_act(net, x, (rf_conv_spec){.conv = "conv0", .bn = "bn0", .out = 64, .k = 7, .stride = 2});
    rf_scope scope = rf_net_enter(net, "pool0");
    x = rf_apply1(net->graph, "max_pool", x, "k=3 stride=2 pad=1");
    rf_net_leave(net, scope);
    for (int stage = 0; stage < 4; stage++) {
        rf_net_stage(net, stage + 2);
        rf_scope layer = rf_net_enter(net, "stage%d", stage + 1);
        for (int b = 0; b < blocks[stage]; b++) {
            rf_scope block = rf_net_enter(net, "%d", b);
            rf_value middle = RF_NONE;
            x = rf_preact_block(net, x, 64 << stage, b == 0 && stage > 0 ? 2 : 1, &middle);
            if (b == 0 && stage > 0) tap(taps, middle, 2 << stage);
            rf_net_leave(net, block);
        }
        rf_net_leave(net, layer);
    }
    tap(taps, rf_bn_act(net, x, "bn1", 0, false), 32);
}

#define PRERESNET(depth, b1, b2, b3, b4)                                                                               \
    const rf_backbone rf_backbone_preresnet##depth = {                                                                 \
        .name = "preresnet" #depth,                                                                                    \
        .doc = "ResNet-" #depth ", normalisation first (MXNet, insightface); strides 4, 8, 16, 32",                    \
        .stages = 5,                                                                                                   \
        .build = build,                                                                                                \
        .plan = (const int[4]){b1, b2, b3, b4},                                                                        \
    };

extern const rf_backbone rf_backbone_preresnet50, rf_backbone_preresnet101, rf_backbone_preresnet152;
PRERESNET(50, 3, 4, 6, 3)
PRERESNET(101, 3, 4, 23, 3)
PRERESNET(152, 3, 8, 36, 3)
