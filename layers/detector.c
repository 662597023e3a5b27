#include "layers/detector.h"

#include <string.h>

#include "core/mem.h"
#include "layers/backbone.h"
#include "layers/context.h"
#include "layers/fpn.h"
#include "layers/heads.h"

/* What the configuration says, checked. */
typedef struct plan {
    const rf_backbone *backbone;
    const rf_context *context;
    rf_deform context_deform;
    rf_pyramid pyramid;
    int strides[RF_NET_LEVELS], n_levels, cell_anchors;
    bool share_heads, landmarks, blur, occlusion;
    double slope, backbone_slope;
} plan;

static rf_status make_plan(const rf_config *config, plan *p) {
    memset(p, 0, sizeof *p);
    p->backbone = rf_backbone_find(config->model.backbone);
    if (!p->backbone) return RF_ERR_USER;
    const rf_real_list *strides = &config->model.strides;
    if (strides->n < 1 || strides->n > RF_NET_LEVELS)
        return rf_fail(RF_ERR_USER, "model.strides has %d numbers, expected 1 to %d", strides->n, RF_NET_LEVELS);
    for (int i = 0; i < strides->n; i++) {
        p->strides[i] = (int)strides->v[i];
        if (p->strides[i] != strides->v[i])
            return rf_fail(RF_ERR_USER, "model.strides: %g is not a whole number", strides->v[i]);
    }
    p->n_levels = strides->n;
    p->cell_anchors = config->anchors.sizes.n / p->n_levels;
    if (p->cell_anchors < 1 || p->cell_anchors * p->n_levels != config->anchors.sizes.n)
        return rf_fail(
            RF_ERR_USER,
            "anchors.sizes has %d numbers for %d levels (model.strides); give the same number for each level",
            config->anchors.sizes.n, p->n_levels);
    int channels = (int)config->model.channels;
    if (channels % 4 != 0) return rf_fail(RF_ERR_USER, "model.channels = %d is not a multiple of 4", channels);
    p->context = rf_context_find(config->model.context);
    if (!p->context) return RF_ERR_USER;
    p->context_deform = rf_deform_of(config->model.context_dcn);
    if (p->context_deform && !p->context->scope)
        return rf_fail(RF_ERR_USER, "model.context_dcn = %s, but model.context = %s has no convolutions: leave it out",
                       config->model.context_dcn, p->context->name);
    p->share_heads = config->model.share_heads;
    p->landmarks = config->model.landmarks;
    p->blur = config->model.blur;
    p->occlusion = config->model.occlusion;
    if (p->occlusion && !p->landmarks)
        return rf_fail(RF_ERR_USER, "model.occlusion needs model.landmarks = yes: it is a third number of each point");
    if (config->model.context_channels % 4 != 0)
        return rf_fail(RF_ERR_USER, "model.context_channels = %ld is not a multiple of 4",
                       config->model.context_channels);
    if (config->anchors.dense) p->cell_anchors *= 2;
    p->slope = config->model.leaky_slope >= 0 ? config->model.leaky_slope : channels <= 64 ? 0.1 : 0;
    p->pyramid = (rf_pyramid){.channels = channels,
                              .slope = p->slope,
                              .lateral = strcmp(config->model.top_down, "lateral") == 0,
                              .bilinear = strcmp(config->model.upsample, "bilinear") == 0,
                              .extra_from_p = strcmp(config->model.extra_from, "p5") == 0,
                              .merge_deform = rf_deform_of(config->model.lateral_dcn)};
    p->backbone_slope = config->model.backbone_slope >= 0 ? config->model.backbone_slope : p->backbone->slope;
    if (p->backbone->slope == 0 && p->backbone_slope != 0)
        return rf_fail(RF_ERR_USER,
                       "model.backbone_slope = %g: the activations of %s have no slope to choose, leave it out",
                       p->backbone_slope, p->backbone->name);
    return RF_OK;
}

static rf_net make_net(rf_graph *graph, rf_params *params, const rf_config *config, const plan *p, rf_mode mode) {
    return (rf_net){.graph = graph,
                    .params = params,
                    .mode = mode,
                    .bn_eps = config->model.bn_eps,
                    .bn_momentum = config->model.bn_momentum,
                    .backbone_slope = p->backbone_slope,
                    .backbone_lr = config->optim.backbone_lr,
                    .head_lr = config->optim.head_lr,
                    .context_channels = (int)config->model.context_channels,
                    .decay_bn_bias = config->optim.decay_bn_bias,
                    .bias_lr = config->optim.bias_lr,
                    .bias_decay = config->optim.bias_decay,
                    .beta_decay = config->optim.beta_decay,
                    .fan_in_init = strcmp(config->model.initialiser, "fan_in") == 0,
                    .freeze_bn = config->model.freeze_bn,
                    .freeze_stages = (int)config->model.freeze_stages,
                    .freeze_arrays = (int)config->model.freeze_arrays};
}

/* Backbone, pyramid and context: the feature maps of the levels. */
static rf_status build_features(rf_net *net, const plan *p, rf_value input, rf_value *levels) {
    rf_taps taps = {0};
    rf_scope scope = rf_net_enter(net, "body");
    net->part = RF_PARAM_BACKBONE;
    p->backbone->build(net, p->backbone, input, &taps);
    rf_net_leave(net, scope);
    net->part = 0;
    net->frozen = false;
    RF_TRY(rf_net_status(net));
    RF_TRY(rf_fpn(net, &taps, p->strides, p->n_levels, &p->pyramid, levels));
    for (int i = 0; i < p->n_levels; i++)
        levels[i] = rf_context_build(net, p->context, levels[i], i, p->slope, p->context_deform);
    RF_TRY(rf_net_status(net));
    if (net->context_channels > 0 && rf_net_channels(net, levels[0]) != net->context_channels)
        return rf_fail(
            RF_ERR_USER,
            "model.context_channels = %d, but model.context = %s gives %d channels whatever it is: leave it out",
            net->context_channels, p->context->name, rf_net_channels(net, levels[0]));
    return RF_OK;
}

static rf_value output(rf_net *net, const plan *p, const rf_value *levels, const char *head, int width,
                       const char *name) {
    rf_value y = rf_heads(net, levels, p->n_levels, head, p->cell_anchors, width, p->share_heads);
    rf_graph_keep(net->graph, y);
    rf_graph_name(net->graph, y, name);
    return y;
}

/* Columns first .. first+count-1 of every `width` of an output [N,A,C], as an output of its own. */
static rf_value columns(rf_net *net, rf_value x, int width, int first, int count, const char *name) {
    if (x == RF_NONE) return RF_NONE;
    rf_shape s = rf_graph_shape(net->graph, x);
    int groups = s.d[2] / width;
    rf_scope scope = rf_net_enter(net, "%s", name);
    if (groups > 1) x = rf_apply1(net->graph, "reshape", x, "d0=%d d1=%d d2=%d", s.d[0], s.d[1] * groups, width);
    x = rf_apply1(net->graph, "slice", x, "start=%d count=%d", first, count);
    if (groups > 1) x = rf_apply1(net->graph, "reshape", x, "d0=%d d1=%d d2=%d", s.d[0], s.d[1], groups * count);
    rf_net_leave(net, scope);
    rf_graph_keep(net->graph, x);
    rf_graph_name(net->graph, x, name);
    return x;
}

/* insightface's USE_BLUR and USE_OCCLUSION: channel 4 of five of a box, and the third number of each point. */
static void split_outputs(rf_net *net, const plan *p, rf_detector *out) {
    out->blur = out->visible = RF_NONE;
    if (p->blur) {
        rf_value all = out->loc;
        out->loc = columns(net, all, 5, 0, 4, "loc");
        out->blur = columns(net, all, 5, 4, 1, "blur");
    }
    if (p->occlusion) {
        rf_value all = out->points;
        out->points = columns(net, all, 3, 0, 2, "points");
        out->visible = columns(net, all, 3, 2, 1, "visible");
    }
}

static rf_status build(rf_net *net, const plan *p, int n, int h, int w, rf_detector *out) {
    rf_value levels[RF_NET_LEVELS];
    memset(out, 0, sizeof *out);
    out->input = rf_graph_input(net->graph, "input", (rf_shape){4, {n, h, w, 3}});
    RF_TRY(rf_graph_status(net->graph));
    RF_TRY(build_features(net, p, out->input, levels));
    /* Boxes first, as the public model lists its heads; the order has no other meaning. */
    out->loc = output(net, p, levels, "BboxHead", p->blur ? 5 : 4, p->blur ? "box" : "loc");
    out->cls = output(net, p, levels, "ClassHead", 2, "cls");
    out->points =
        p->landmarks ? output(net, p, levels, "LandmarkHead", p->occlusion ? 15 : 10, p->occlusion ? "marks" : "points")
                     : RF_NONE;
    split_outputs(net, p, out);
    RF_TRY(rf_net_status(net));
    out->n_levels = p->n_levels;
    out->cell_anchors = p->cell_anchors;
    for (int i = 0; i < p->n_levels; i++) {
        rf_shape s = rf_graph_shape(net->graph, levels[i]);
        out->stride[i] = p->strides[i];
        out->h[i] = s.d[1];
        out->w[i] = s.d[2];
        out->anchors += (size_t)s.d[1] * (size_t)s.d[2] * (size_t)p->cell_anchors;
    }
    return RF_OK;
}

rf_status rf_detector_params(const rf_config *config, rf_params **out) {
    rf_status status = RF_ERR_NOMEM;
    plan p;
    rf_detector ignored;
    *out = NULL;
    rf_graph *graph = rf_graph_new();
    rf_params *params = rf_params_new();
    if (!graph || !params) goto fail;
    RF_TRY_GOTO(make_plan(config, &p));
    /* Any size does: parameters do not depend on it. */
    rf_net net = make_net(graph, params, config, &p, RF_TRAIN);
    RF_TRY_GOTO(build(&net, &p, 1, 64, 64, &ignored));
    RF_TRY_GOTO(rf_params_seal(params));
    *out = params;
    params = NULL;
fail:
    rf_params_free(params);
    rf_graph_free(graph);
    return status;
}

rf_status rf_detector_build(rf_graph *graph, rf_params *params, const rf_config *config, int n, int h, int w,
                            rf_mode mode, rf_detector *out) {
    plan p;
    RF_TRY(make_plan(config, &p));
    if (mode == RF_EVAL && !params->folded_valid) RF_TRY(rf_params_fold(params, NULL));
    rf_net net = make_net(graph, params, config, &p, mode);
    params->cursor = 0;
    return build(&net, &p, n, h, w, out);
}
