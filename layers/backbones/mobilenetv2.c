/* SPDX-License-Identifier: Apache-2.0 */
/* MobileNet v2 (Sandler et al. 2018) at width 1 in torchvision's layout and names: a stem, 17 inverted residuals and a
 * 1x1 convolution to 1280 channels. Strides 8 and 16 end at features.6 and 13; the map of stride 32 is that of
 * features.18. */
#include "layers/backbone.h"

enum { RELU6 = 6 };

typedef struct group {
    int expand, out, blocks, stride;
    int stage; /* what it belongs to for freezing */
    int tap;   /* stride of the map behind it that pyramids may start from, 0: none */
} group;

static const group groups[] = {
    {1, 16, 1, 1, 2, 0},  {6, 24, 2, 2, 2, 0},  {6, 32, 3, 2, 2, 8},  {6, 64, 4, 2, 3, 0},
    {6, 96, 3, 1, 3, 16}, {6, 160, 3, 2, 4, 0}, {6, 320, 1, 1, 4, 0},
};

static void tap(rf_taps *taps, rf_value x, int stride) {
    taps->value[taps->n] = x;
    taps->stride[taps->n++] = stride;
}

static rf_value conv(rf_net *net, int index, rf_value x, int out, int k, int stride) {
    rf_scope scope = rf_net_enter(net, "%d", index);
    x = rf_conv_bn_act(net, x,
                       (rf_conv_spec){.conv = "0", .bn = "1", .out = out, .k = k, .stride = stride, .ceiling = RELU6});
    rf_net_leave(net, scope);
    return x;
}

static void build(rf_net *net, const rf_backbone *self, rf_value x, rf_taps *taps) {
    (void)self;
    int index = 0;
    net->conv_init = RF_INIT_HE_NORMAL;
    rf_scope features = rf_net_enter(net, "features");
    rf_net_stage(net, 1);
    x = conv(net, index++, x, 32, 3, 2);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        const group *g = &groups[i];
        rf_net_stage(net, g->stage);
        for (int b = 0; b < g->blocks; b++) {
            rf_scope block = rf_net_enter(net, "%d", index++);
            x = rf_inverted_residual(net, x, g->out, b == 0 ? g->stride : 1, g->expand);
            rf_net_leave(net, block);
        }
        if (g->tap) tap(taps, x, g->tap);
    }
    x = conv(net, index, x, 1280, 1, 1);
    tap(taps, x, 32);
    rf_net_leave(net, features);
}

extern const rf_backbone rf_backbone_mobilenetv2;
const rf_backbone rf_backbone_mobilenetv2 = {
    .name = "mobilenetv2",
    .doc =
        "MobileNet v2, torchvision layout, ReLU6; strides 8, 16, 32 (freeze_stages: stem, then features 1 to 6, 7 to "
        "13, 14 to 18)",
    .stages = 4,
    .build = build,
};
