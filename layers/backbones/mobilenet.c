/* SPDX-License-Identifier: Apache-2.0 */
/* MobileNet v1 (Howard et al. 2017) as Pytorch_Retinaface has its width 0.25: leaky ReLU, three stages that end at
 * strides 8, 16 and 32. Other widths have the same names. */
#include "layers/backbone.h"

typedef struct block {
    int out, stride; /* channels at width 1 */
} block;

/* Separable blocks of each stage; out 0 ends it. The first stage begins with an ordinary 3x3 convolution. */
static const block stages[3][8] = {
    {{64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}},
    {{512, 2}, {512, 1}, {512, 1}, {512, 1}, {512, 1}, {512, 1}},
    {{1024, 2}, {1024, 1}},
};

enum { STEM = 32 };

/* The width in quarters. */
static int scaled(const rf_backbone *self, int channels) {
    return channels * *(const int *)self->plan / 4;
}

static void build(rf_net *net, const rf_backbone *self, rf_value x, rf_taps *taps) {
    rf_net_initialiser(net, RF_INIT_HE_NORMAL);
    for (int s = 0; s < 3; s++) {
        rf_scope stage = rf_net_enter(net, "stage%d", s + 1);
        int index = 0;
        if (s == 0) {
            rf_net_stage(net, 1);
            rf_scope stem = rf_net_enter(net, "%d", index++);
            x = rf_conv_bn_act(net, x,
                               (rf_conv_spec){.conv = "0",
                                              .bn = "1",
                                              .out = scaled(self, STEM),
                                              .k = 3,
                                              .stride = 2,
                                              .slope = net->backbone_slope});
            rf_net_leave(net, stem);
        }
        rf_net_stage(net, s + 2);
        for (const block *b = stages[s]; b->out; b++) {
            rf_scope scope = rf_net_enter(net, "%d", index++);
            x = rf_separable_block(net, x, scaled(self, b->out), b->stride, net->backbone_slope);
            rf_net_leave(net, scope);
        }
        rf_net_leave(net, stage);
        taps->value[taps->n] = x;
        taps->stride[taps->n++] = 8 << s;
    }
}

#define MOBILENET(hundredths, width, quarters)                                                                         \
    const rf_backbone rf_backbone_mobilenet##hundredths = {                                                            \
        .name = "mobilenet" #hundredths,                                                                               \
        .doc = "MobileNet v1, width " width                                                                            \
               ", leaky ReLU; strides 8, 16, 32 (freeze_stages: stem, then stage1 to stage3)",                         \
        .stages = 4,                                                                                                   \
        .slope = 0.1,                                                                                                  \
        .build = build,                                                                                                \
        .plan = &(const int){quarters},                                                                                \
    };

extern const rf_backbone rf_backbone_mobilenet025, rf_backbone_mobilenet050, rf_backbone_mobilenet075,
    rf_backbone_mobilenet100;
MOBILENET(025, "0.25", 1)
MOBILENET(050, "0.5", 2)
MOBILENET(075, "0.75", 3)
MOBILENET(100, "1", 4)
