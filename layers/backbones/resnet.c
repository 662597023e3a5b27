/* SPDX-License-Identifier: Apache-2.0 */
/* ResNet (He et al. 2016) in torchvision's layout and names: 7x7 stem, max-pool, four stages with strides 4, 8, 16, 32.
 */
#include "layers/backbone.h"

typedef struct resnet_plan {
    int blocks[4];
    bool bottleneck;
} resnet_plan;

static void build(rf_net *net, const rf_backbone *self, rf_value x, rf_taps *taps) {
    const resnet_plan *plan = self->plan;
    net->conv_init = RF_INIT_HE_NORMAL;
    rf_net_stage(net, 1);
    x = rf_conv_bn_act(net, x, (rf_conv_spec){.conv = "conv1", .bn = "bn1", .out = 64, .k = 7, .stride = 2});
    rf_scope scope = rf_net_enter(net, "maxpool");
    x = rf_apply1(net->graph, "max_pool", x, "k=3 stride=2 pad=1");
    rf_net_leave(net, scope);
    for (int stage = 0; stage < 4; stage++) {
        rf_net_stage(net, stage + 2);
        rf_deform deform = stage > 0 ? net->backbone_deform : RF_DEFORM_NONE; /* C3 to C5 */
        rf_scope layer = rf_net_enter(net, "layer%d", stage + 1);
        for (int b = 0; b < plan->blocks[stage]; b++) {
            rf_scope block = rf_net_enter(net, "%d", b);
            int stride = b == 0 && stage > 0 ? 2 : 1;
            x = plan->bottleneck ? rf_bottleneck(net, x, 64 << stage, stride, deform)
                                 : rf_basic_block(net, x, 64 << stage, stride);
            rf_net_leave(net, block);
        }
        rf_net_leave(net, layer);
        taps->value[taps->n] = x;
        taps->stride[taps->n++] = 4 << stage;
    }
}

#define RESNET(depth, b1, b2, b3, b4, deep)                                                                            \
    const rf_backbone rf_backbone_resnet##depth = {                                                                    \
        .name = "resnet" #depth,                                                                                       \
        .doc = "ResNet-" #depth ", torchvision layout; strides 4, 8, 16, 32",                                          \
        .stages = 5,                                                                                                   \
        .deformable = deep,                                                                                            \
        .build = build,                                                                                                \
        .plan = &(const resnet_plan){{b1, b2, b3, b4}, deep},                                                          \
    };

extern const rf_backbone rf_backbone_resnet18, rf_backbone_resnet34, rf_backbone_resnet50, rf_backbone_resnet101,
    rf_backbone_resnet152;
RESNET(18, 2, 2, 2, 2, false)
RESNET(34, 3, 4, 6, 3, false)
RESNET(50, 3, 4, 6, 3, true)
RESNET(101, 3, 4, 23, 3, true)
RESNET(152, 3, 8, 36, 3, true)
