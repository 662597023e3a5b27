/* SPDX-License-Identifier: Apache-2.0 */
/* Building blocks of the networks. A net is a graph under construction together with its parameter store; the same code
 * collects the parameters, builds training graphs and builds evaluation graphs. Errors are sticky: blocks return
 * RF_NONE after one, so that layer code needs no checks, and rf_net_status tells the first. */
#ifndef RF_LAYERS_BLOCKS_H
#define RF_LAYERS_BLOCKS_H

#include "settings/settings.h"
#include "layers/params.h"

/* Deformable 3x3 convolutions, rf_deform: v1 with offsets (arXiv 1703.06211), v2 with offsets and a mask 2 * sigmoid
 * (arXiv 1811.11168, the factor is insightface's). */

typedef enum rf_mode {
    RF_TRAIN, /* batch normalisation as a node; parameters have gradients */
    RF_EVAL,  /* batch normalisation folded into the convolutions; reads params->folded */
} rf_mode;

typedef struct rf_net {
    rf_graph *graph;
    rf_params *params;
    rf_mode mode;
    rf_status status; /* the first failure of a parameter look-up, with its message */
    char error[256];
    double bn_eps, bn_momentum;
    double backbone_slope;     /* of a backbone whose slope can be chosen */
    rf_deform backbone_deform; /* of the 3x3 convolutions of late bottlenecks */
    double backbone_lr, head_lr;
    int context_channels; /* that a context module gives; 0: as many as it gets */
    bool decay_bn_bias;
    double bias_lr, bias_decay, beta_decay; /* of biases of convolutions, and of shifts of normalisation */
    bool fan_in_init;                       /* model.initialiser */
    bool freeze_bn;                         /* batch normalisation of the backbone */
    int freeze_stages;                      /* of the backbone, the stem is 1 */
    int freeze_arrays;                      /* of the backbone: its first learnable arrays */
    /* State of the part being built. */
    unsigned part;   /* RF_PARAM_BACKBONE, RF_PARAM_HEAD or 0 */
    int arrays;      /* learnable ones of the backbone so far */
    bool frozen;     /* nothing here is trained, batch statistics included */
    bool rare_faces; /* biases start at -ln(99): a sigmoid of 0.01 (RF_INIT_RARE) */
    rf_init conv_init;
    char prefix[RF_NAME_BYTES]; /* "body.stage1." */
} rf_net;

/* The first error of the net or its graph (its message is set again), or RF_OK. */
rf_status rf_net_status(const rf_net *net);

/* Enters a level of names ("stage%d") for parameters and nodes; rf_net_leave returns to the former one. */
typedef struct rf_scope {
    int graph;
    size_t prefix;
} rf_scope;
rf_scope rf_net_enter(rf_net *net, const char *fmt, ...) RF_PRINTF(2, 3);
void rf_net_leave(rf_net *net, rf_scope former);

/* How the convolutions that follow start, unless model.initialiser says otherwise. */
void rf_net_initialiser(rf_net *net, rf_init init);

/* Stage n (1 = stem) of the backbone begins: frozen when n <= freeze_stages. */
void rf_net_stage(rf_net *net, int n);

/* A convolution without bias, batch normalisation, optional residual and activation: y = act(bn(conv(x)) + residual).
 */
typedef struct rf_conv_spec {
    const char *conv, *bn; /* names below the scope: "0" and "1", or "conv1" and "bn1" */
    int out;               /* output channels; depth-wise: as many as the input has */
    int k, stride;         /* square kernel, padding k/2 */
    bool depthwise;
    rf_deform deform;   /* with a 3x3 convolution with bias "conv_offset" beside it, which starts at 0 and learns at a
                         * tenth of the rate; not with depthwise or add */
    const char *offset; /* another name of that convolution; NULL: none */
    double slope;       /* of negative values: 1 identity, 0 ReLU, 0.1 leaky */
    double ceiling;     /* > 0, with slope 0: the ReLU ends there (6: ReLU6) */
    rf_value residual;  /* same shape as y, used when `add` */
    bool add;
} rf_conv_spec;
rf_value rf_conv_bn_act(rf_net *net, rf_value x, rf_conv_spec spec);

/* A convolution with bias as two parameter values ("NAME.weight", "NAME.bias"), so that several levels may share them,
 * and the application of such a pair: [N,H,W,C] -> [N,H,W,out], 1x1. */
typedef struct rf_conv_pair {
    rf_value weight, bias;
} rf_conv_pair;
rf_conv_pair rf_conv_bias_params(rf_net *net, const char *name, int in, int out);
rf_value rf_conv_bias(rf_net *net, rf_value x, rf_conv_pair pair);
/* The same with a kernel of kh x kw, both odd, and zeros of half a kernel around the map; `relu` follows. */
rf_conv_pair rf_conv_params(rf_net *net, const char *name, int in, int out, int kh, int kw);
rf_value rf_conv_bias_act(rf_net *net, rf_value x, rf_conv_pair pair, int stride, bool relu);

/* Batch normalisation and activation (slope as above) of a map that is not a convolution's alone; fixed_scale: gamma is
 * 1 for ever (MXNet's fix_gamma). In evaluation it is a depth-wise 1x1 convolution. */
rf_value rf_bn_act(rf_net *net, rf_value x, const char *bn, double slope, bool fixed_scale);

/* Residual block with the normalisation before each convolution (He et al. 2016, "identity mappings"; MXNet's names):
 * bn1, conv1 1x1 to width, bn2, conv2 3x3, bn3, conv3 1x1 to 4*width, and sc 1x1 from the normalised x when the shape
 * changes. *middle (NULL: not wanted) is what conv2 reads. */
rf_value rf_preact_block(rf_net *net, rf_value x, int width, int stride, rf_value *middle);

/* Residual blocks in torchvision's layout (stride on the 3x3 of the bottleneck, He et al. 2016 "v1.5"): names conv1,
 * bn1, ..., downsample.{0,1} when the shape changes. basic: two 3x3; bottleneck: 1x1, 3x3, 1x1 to 4*width channels; the
 * offsets of a deformable 3x3 are conv2.conv_offset, as mmdetection calls them. */
rf_value rf_basic_block(rf_net *net, rf_value x, int width, int stride);
rf_value rf_bottleneck(rf_net *net, rf_value x, int width, int stride, rf_deform deform);

/* Depth-wise separable block (MobileNet v1): depth-wise 3x3 {0,1} and point-wise 1x1 {3,4}, each with batch
 * normalisation and leaky ReLU. */
rf_value rf_separable_block(rf_net *net, rf_value x, int out, int stride, double slope);

/* Inverted residual with linear bottleneck (Sandler et al. 2018) in torchvision's layout: 1x1 to expand * channels
 * conv.0.{0,1} (not with expand 1), depth-wise 3x3 conv.1.{0,1}, both with ReLU6, and 1x1 to out conv.{2,3} without
 * activation; x is added when stride and channels allow it. */
rf_value rf_inverted_residual(rf_net *net, rf_value x, int out, int stride, int expand);

/* Channels of an NHWC value; 0 for RF_NONE. */
int rf_net_channels(const rf_net *net, rf_value x);

#endif
