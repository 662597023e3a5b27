/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/blocks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rf_scope rf_net_enter(rf_net *net, const char *fmt, ...) {
    char name[RF_NAME_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    rf_scope former = {rf_graph_scope(net->graph, name), strlen(net->prefix)};
    snprintf(net->prefix + former.prefix, sizeof net->prefix - former.prefix, "%s.", name);
    return former;
}

void rf_net_leave(rf_net *net, rf_scope former) {
    net->prefix[former.prefix] = 0;
    rf_graph_scope_end(net->graph, former.graph);
}

void rf_net_stage(rf_net *net, int n) {
    net->frozen = n <= net->freeze_stages;
}

int rf_net_channels(const rf_net *net, rf_value x) {
    if (x == RF_NONE) return 0;
    rf_shape shape = rf_graph_shape(net->graph, x);
    return shape.d[shape.n - 1];
}

rf_status rf_net_status(const rf_net *net) {
    if (net->status != RF_OK) return rf_fail(net->status, "%s", net->error);
    return rf_graph_status(net->graph);
}

static bool failed(const rf_net *net, rf_value x) {
    return x == RF_NONE || rf_net_status(net) != RF_OK;
}

static void record(rf_net *net, rf_status status) {
    if (net->status != RF_OK || status == RF_OK) return;
    net->status = status;
    snprintf(net->error, sizeof net->error, "%s", rf_error_message());
}

/* Looks up (or creates) prefix + name + suffix. */
static size_t parameter(rf_net *net, const char *name, const char *suffix, rf_param want) {
    char full[2 * RF_NAME_BYTES];
    size_t index = 0;
    snprintf(full, sizeof full, "%s%s.%s", net->prefix, name, suffix);
    want.name = full;
    bool weight = want.kind == RF_PARAM_CONV || want.kind == RF_PARAM_DWCONV;
    bool bn = !weight && want.kind != RF_PARAM_BIAS;
    bool backbone = net->part == RF_PARAM_BACKBONE;
    bool fixed = (want.flags & RF_PARAM_FROZEN) || net->frozen || (bn && backbone && net->freeze_bn);
    if (backbone && !rf_param_is_state(&want)) fixed |= net->arrays++ < net->freeze_arrays;
    want.flags = net->part | (weight ? 0 : RF_PARAM_BN_OR_BIAS) | (fixed ? RF_PARAM_FROZEN : 0);
    double own = want.lr_mult > 0 ? want.lr_mult : 1;
    want.lr_mult = own * (backbone ? net->backbone_lr : net->part == RF_PARAM_HEAD ? net->head_lr : 1);
    if (want.flags & RF_PARAM_FROZEN) want.lr_mult = 0;
    want.decay_mult = weight || net->decay_bn_bias ? 1 : 0;
    if (want.kind == RF_PARAM_BIAS) {
        want.lr_mult *= net->bias_lr;
        want.decay_mult *= net->bias_decay;
    }
    if (want.kind == RF_PARAM_BN_BETA) want.decay_mult *= net->beta_decay;
    if (net->status == RF_OK) record(net, rf_params_get(net->params, &want, &index));
    return index;
}

/* The graph's value of an entry. While parameters are collected there are no arrays yet and the graph never runs: the
 * values then point at a dummy. */
static rf_value bind_as(rf_net *net, size_t index, rf_shape shape) {
    static rf_real dummy;
    if (net->status != RF_OK) return RF_NONE;
    const rf_params *params = net->params;
    const rf_param *p = &params->entries[index];
    bool trainable = net->mode == RF_TRAIN && !(p->flags & RF_PARAM_FROZEN);
    if (rf_param_is_state(p))
        return rf_graph_state(net->graph, p->name, shape, params->sealed ? params->state + p->offset : &dummy);
    if (!params->sealed) return rf_graph_param(net->graph, p->name, shape, &dummy, trainable ? &dummy : NULL);
    rf_real *data = net->mode == RF_EVAL ? params->folded : params->data;
    return rf_graph_param(net->graph, p->name, shape, data + p->offset, trainable ? params->grad + p->offset : NULL);
}

static rf_value bind(rf_net *net, size_t index) {
    return net->status == RF_OK ? bind_as(net, index, net->params->entries[index].shape) : RF_NONE;
}

void rf_net_initialiser(rf_net *net, rf_init init) {
    net->conv_init = net->fan_in_init ? RF_INIT_FAN_IN_UNIFORM : init;
}

static rf_param vector(rf_param_kind kind, rf_init init, int channels) {
    return (rf_param){.kind = kind, .init = init, .n_dims = 1, .dims = {(size_t)channels}};
}

static rf_param kernel(const rf_net *net, bool depthwise, int in, int out, int kh, int kw) {
    rf_param p = {.kind = depthwise ? RF_PARAM_DWCONV : RF_PARAM_CONV, .init = net->conv_init, .n_dims = 4};
    p.dims[0] = (size_t)out;
    p.dims[1] = depthwise ? 1 : (size_t)in;
    p.dims[2] = (size_t)kh;
    p.dims[3] = (size_t)kw;
    p.fan_in = p.dims[1] * p.dims[2] * p.dims[3];
    return p;
}

/* The slope of the op that a clamp may follow: the clamp then does all of the activation. */
static double slope_of(const rf_conv_spec *spec) {
    return spec->ceiling > 0 ? 1 : spec->slope;
}

static rf_value clip(rf_net *net, rf_value x, const rf_conv_spec *spec) {
    if (!(spec->ceiling > 0)) return x;
    return rf_apply1(net->graph, "clamp", x, "min=0 max=%.9g", spec->ceiling);
}

static rf_value bn_act(rf_net *net, rf_value x, const rf_conv_spec *spec, const rf_fold *bn) {
    bool backbone = net->part == RF_PARAM_BACKBONE;
    bool fixed = net->mode == RF_EVAL || net->frozen || (backbone && net->freeze_bn);
    rf_value in[6] = {x,
                      bind(net, bn->gamma),
                      bind(net, bn->beta),
                      bind(net, bn->mean),
                      bind(net, bn->var),
                      spec->add ? spec->residual : RF_NONE};
    return rf_graph_apply(net->graph, "bn_act", in, spec->add ? 6 : 5, "eps=%.9g momentum=%.9g frozen=%d slope=%.9g",
                          net->bn_eps, net->bn_momentum, fixed, slope_of(spec));
}

enum { TAPS = 9 };

/* Offsets (dy, dx of each tap) and mask of a deformable convolution: the first 18 and the last 9 channels of one
 * convolution; mask RF_NONE for v1. */
static void offsets_of(rf_net *net, rf_value x, const rf_conv_spec *spec, rf_value *offset, rf_value *mask) {
    const char *name = spec->offset ? spec->offset : "conv_offset";
    int out = spec->deform == RF_DEFORM_V2 ? 3 * TAPS : 2 * TAPS;
    rf_param w = kernel(net, false, rf_net_channels(net, x), out, 3, 3), b = vector(RF_PARAM_BIAS, RF_INIT_ZERO, out);
    w.init = RF_INIT_ZERO;
    w.lr_mult = b.lr_mult = 0.1;
    size_t weight = parameter(net, name, "weight", w), bias = parameter(net, name, "bias", b);
    rf_value in[3] = {x, bind(net, weight), bind(net, bias)};
    rf_scope scope = rf_net_enter(net, "%s", name);
    *offset = rf_graph_apply(net->graph, "conv2d", in, 3, "stride=%d pad=1", spec->stride);
    *mask = RF_NONE;
    if (spec->deform == RF_DEFORM_V2) {
        rf_value m = rf_apply1(net->graph, "slice", *offset, "start=%d count=%d", 2 * TAPS, TAPS);
        *mask = rf_apply1(net->graph, "scale", rf_apply1(net->graph, "sigmoid", m, "%s", ""), "factor=2");
        *offset = rf_apply1(net->graph, "slice", *offset, "start=0 count=%d", 2 * TAPS);
    }
    rf_net_leave(net, scope);
}

/* The convolution alone; in evaluation with what was folded into it and the activation. */
static rf_value convolve(rf_net *net, rf_value x, const rf_conv_spec *spec, const rf_fold *fold) {
    bool eval = net->mode == RF_EVAL;
    rf_value offset = RF_NONE, mask = RF_NONE;
    if (spec->deform) offsets_of(net, x, spec, &offset, &mask);
    if (net->status != RF_OK || (spec->deform && offset == RF_NONE)) return RF_NONE;
    rf_scope scope = rf_net_enter(net, "%s", spec->conv);
    rf_value w = bind(net, fold->conv), b = eval ? bind(net, fold->beta) : RF_NONE, y;
    if (spec->deform && eval)
        y = rf_graph_apply(net->graph, "deform_conv_act", (const rf_value[]){x, offset, mask, w, b}, 5,
                           "stride=%d pad=%d slope=%.9g", spec->stride, spec->k / 2, slope_of(spec));
    else if (spec->deform)
        y = rf_graph_apply(net->graph, "deform_conv2d", (const rf_value[]){x, offset, mask, w}, 4, "stride=%d pad=%d",
                           spec->stride, spec->k / 2);
    else if (eval)
        y = rf_graph_apply(net->graph, spec->depthwise ? "dwconv_act" : "conv_act",
                           (const rf_value[]){x, w, b, spec->residual}, spec->add ? 4 : 3,
                           "stride=%d pad=%d slope=%.9g", spec->stride, spec->k / 2, slope_of(spec));
    else
        y = rf_apply2(net->graph, spec->depthwise ? "dwconv2d" : "conv2d", x, w, "stride=%d pad=%d", spec->stride,
                      spec->k / 2);
    rf_net_leave(net, scope);
    return y;
}

/* The entries of a normalisation, and that evaluation folds it. */
static rf_fold normalisation(rf_net *net, const char *bn, int channels, size_t conv, bool fixed_scale) {
    rf_fold fold = {.conv = conv, .eps = net->bn_eps};
    rf_param gamma = vector(RF_PARAM_BN_GAMMA, RF_INIT_ONE, channels);
    gamma.flags = fixed_scale ? RF_PARAM_FROZEN : 0;
    fold.gamma = parameter(net, bn, "weight", gamma);
    fold.beta = parameter(net, bn, "bias", vector(RF_PARAM_BN_BETA, RF_INIT_ZERO, channels));
    fold.mean = parameter(net, bn, "running_mean", vector(RF_PARAM_BN_MEAN, RF_INIT_ZERO, channels));
    fold.var = parameter(net, bn, "running_var", vector(RF_PARAM_BN_VAR, RF_INIT_ONE, channels));
    if (net->status == RF_OK && !net->params->sealed) record(net, rf_params_add_fold(net->params, &fold));
    return fold;
}

rf_value rf_conv_bn_act(rf_net *net, rf_value x, rf_conv_spec spec) {
    if (failed(net, x) || (spec.add && spec.residual == RF_NONE)) return RF_NONE;
    int in = rf_net_channels(net, x), out = spec.depthwise ? in : spec.out;
    size_t conv = parameter(net, spec.conv, "weight", kernel(net, spec.depthwise, in, out, spec.k, spec.k));
    rf_fold fold = normalisation(net, spec.bn, out, conv, false);
    if (net->status != RF_OK) return RF_NONE;

    rf_value y = convolve(net, x, &spec, &fold);
    if (net->mode == RF_EVAL) return clip(net, y, &spec);
    rf_scope scope = rf_net_enter(net, "%s", spec.bn);
    y = clip(net, bn_act(net, y, &spec, &fold), &spec);
    rf_net_leave(net, scope);
    return y;
}

rf_conv_pair rf_conv_params(rf_net *net, const char *name, int in, int out, int kh, int kw) {
    rf_param w = kernel(net, false, in, out, kh, kw);
    rf_param start = vector(RF_PARAM_BIAS, net->fan_in_init ? RF_INIT_FAN_IN_UNIFORM : RF_INIT_ZERO, out);
    start.fan_in = w.fan_in;
    if (net->rare_faces) start.init = RF_INIT_RARE;
    size_t weight = parameter(net, name, "weight", w), bias = parameter(net, name, "bias", start);
    return (rf_conv_pair){bind(net, weight), bind(net, bias)};
}

rf_conv_pair rf_conv_bias_params(rf_net *net, const char *name, int in, int out) {
    return rf_conv_params(net, name, in, out, 1, 1);
}

rf_value rf_conv_bias(rf_net *net, rf_value x, rf_conv_pair pair) {
    if (failed(net, x)) return RF_NONE;
    rf_value in[3] = {x, pair.weight, pair.bias};
    return rf_graph_apply(net->graph, "conv2d", in, 3, "stride=1 pad=0");
}

rf_value rf_conv_bias_act(rf_net *net, rf_value x, rf_conv_pair pair, int stride, bool relu) {
    if (failed(net, x)) return RF_NONE;
    rf_value in[3] = {x, pair.weight, pair.bias};
    rf_shape w = rf_graph_shape(net->graph, pair.weight);
    int pad_h = w.d[0] / 2, pad_w = w.d[1] / 2;
    if (relu && net->mode == RF_EVAL)
        return rf_graph_apply(net->graph, "conv_act", in, 3, "stride=%d pad=%d pad_w=%d slope=0", stride, pad_h, pad_w);
    rf_value y = rf_graph_apply(net->graph, "conv2d", in, 3, "stride=%d pad=%d pad_w=%d", stride, pad_h, pad_w);
    return relu ? rf_apply1(net->graph, "relu", y, "%s", "") : y;
}

static rf_value shortcut(rf_net *net, rf_value x, int out, int stride) {
    if (stride == 1 && rf_net_channels(net, x) == out) return x;
    rf_scope scope = rf_net_enter(net, "downsample");
    rf_value y = rf_conv_bn_act(
        net, x, (rf_conv_spec){.conv = "0", .bn = "1", .out = out, .k = 1, .stride = stride, .slope = 1});
    rf_net_leave(net, scope);
    return y;
}

rf_value rf_basic_block(rf_net *net, rf_value x, int width, int stride) {
    rf_value y =
        rf_conv_bn_act(net, x, (rf_conv_spec){.conv = "conv1", .bn = "bn1", .out = width, .k = 3, .stride = stride});
    rf_value skip = shortcut(net, x, width, stride);
    return rf_conv_bn_act(
        net, y,
        (rf_conv_spec){.conv = "conv2", .bn = "bn2", .out = width, .k = 3, .stride = 1, .residual = skip, .add = true});
}

rf_value rf_bottleneck(rf_net *net, rf_value x, int width, int stride, rf_deform deform) {
    rf_value y =
        rf_conv_bn_act(net, x, (rf_conv_spec){.conv = "conv1", .bn = "bn1", .out = width, .k = 1, .stride = 1});
    y = rf_conv_bn_act(net, y,
                       (rf_conv_spec){.conv = "conv2",
                                      .bn = "bn2",
                                      .out = width,
                                      .k = 3,
                                      .stride = stride,
                                      .deform = deform,
                                      .offset = "conv2.conv_offset"});
    rf_value skip = shortcut(net, x, 4 * width, stride);
    return rf_conv_bn_act(
        net, y,
        (rf_conv_spec){
            .conv = "conv3", .bn = "bn3", .out = 4 * width, .k = 1, .stride = 1, .residual = skip, .add = true});
}

rf_value rf_bn_act(rf_net *net, rf_value x, const char *bn, double slope, bool fixed_scale) {
    if (failed(net, x)) return RF_NONE;
    int c = rf_net_channels(net, x);
    rf_fold fold = normalisation(net, bn, c, RF_FOLD_ALONE, fixed_scale);
    if (net->status != RF_OK) return RF_NONE;
    rf_scope scope = rf_net_enter(net, "%s", bn);
    rf_value y;
    if (net->mode == RF_EVAL) {
        rf_value scale = bind_as(net, fold.gamma, (rf_shape){4, {1, 1, 1, c}}), shift = bind(net, fold.beta);
        y = rf_graph_apply(net->graph, "dwconv_act", (const rf_value[]){x, scale, shift}, 3,
                           "stride=1 pad=0 slope=%.9g", slope);
    } else {
        y = bn_act(net, x, &(rf_conv_spec){.slope = slope}, &fold);
    }
    rf_net_leave(net, scope);
    return y;
}

/* A convolution without bias or normalisation; `residual` (RF_NONE: none) is added. */
static rf_value bare_conv(rf_net *net, rf_value x, const char *name, int out, int stride, rf_value residual) {
    if (failed(net, x)) return RF_NONE;
    size_t weight = parameter(net, name, "weight", kernel(net, false, rf_net_channels(net, x), out, 1, 1));
    rf_scope scope = rf_net_enter(net, "%s", name);
    rf_value w = bind(net, weight), y;
    bool add = residual != RF_NONE;
    if (net->mode == RF_EVAL) {
        y = rf_graph_apply(net->graph, "conv_act", (const rf_value[]){x, w, RF_NONE, residual}, add ? 4 : 2,
                           "stride=%d pad=0 slope=1", stride);
    } else {
        y = rf_apply2(net->graph, "conv2d", x, w, "stride=%d pad=0", stride);
        if (add) y = rf_apply2(net->graph, "add", y, residual, "%s", "");
    }
    rf_net_leave(net, scope);
    return y;
}

rf_value rf_preact_block(rf_net *net, rf_value x, int width, int stride, rf_value *middle) {
    rf_value first = rf_bn_act(net, x, "bn1", 0, false);
    rf_value y =
        rf_conv_bn_act(net, first, (rf_conv_spec){.conv = "conv1", .bn = "bn2", .out = width, .k = 1, .stride = 1});
    if (middle) *middle = y;
    y = rf_conv_bn_act(net, y, (rf_conv_spec){.conv = "conv2", .bn = "bn3", .out = width, .k = 3, .stride = stride});
    bool same = stride == 1 && rf_net_channels(net, x) == 4 * width;
    rf_value skip = same ? x : bare_conv(net, first, "sc", 4 * width, stride, RF_NONE);
    return skip == RF_NONE ? RF_NONE : bare_conv(net, y, "conv3", 4 * width, 1, skip);
}

rf_value rf_separable_block(rf_net *net, rf_value x, int out, int stride, double slope) {
    rf_value y = rf_conv_bn_act(
        net, x, (rf_conv_spec){.conv = "0", .bn = "1", .k = 3, .stride = stride, .depthwise = true, .slope = slope});
    return rf_conv_bn_act(net, y,
                          (rf_conv_spec){.conv = "3", .bn = "4", .out = out, .k = 1, .stride = 1, .slope = slope});
}

rf_value rf_inverted_residual(rf_net *net, rf_value x, int out, int stride, int expand) {
    enum { RELU6 = 6 };
    static const char *const names[] = {"0", "1", "2", "3"};
    int in = rf_net_channels(net, x), next = 0;
    rf_conv_spec wide = {.conv = "0", .bn = "1", .out = in * expand, .k = 1, .stride = 1, .ceiling = RELU6};
    rf_conv_spec deep = {.conv = "0", .bn = "1", .k = 3, .stride = stride, .depthwise = true, .ceiling = RELU6};
    rf_scope conv = rf_net_enter(net, "conv"), part;
    rf_value y = x;
    if (expand != 1) {
        part = rf_net_enter(net, "%d", next++);
        y = rf_conv_bn_act(net, y, wide);
        rf_net_leave(net, part);
    }
    part = rf_net_enter(net, "%d", next++);
    y = rf_conv_bn_act(net, y, deep);
    rf_net_leave(net, part);
    rf_conv_spec narrow = {.conv = names[next], .bn = names[next + 1], .out = out, .k = 1, .stride = 1, .slope = 1};
    narrow.add = stride == 1 && in == out;
    narrow.residual = narrow.add ? x : RF_NONE;
    y = rf_conv_bn_act(net, y, narrow);
    rf_net_leave(net, conv);
    return y;
}
