/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/detector.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "layers/backbone.h"
#include "layers/fpn.h"
#include "layers/stages.h"

/* What the configuration says, checked. */
typedef struct plan {
    const rf_backbone *backbone;
    rf_deform backbone_deform;
    rf_pyramid pyramid;
    int strides[RF_NET_LEVELS], n_levels;
    rf_stages stages;
    double backbone_slope;
    bool fsm;
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
    if (config->anchors.sizes.n < 1 || config->anchors.sizes.n % p->n_levels)
        return rf_fail(
            RF_ERR_USER,
            "anchors.sizes has %d numbers for %d levels (model.strides); give the same number for each level",
            config->anchors.sizes.n, p->n_levels);
    if (config->anchors.aspect.n < 1)
        return rf_fail(RF_ERR_USER, "anchors.aspect is empty, expected 1 or more numbers");
    int channels = (int)config->model.channels;
    if (channels % 4 != 0) return rf_fail(RF_ERR_USER, "model.channels = %d is not a multiple of 4", channels);
    p->backbone_deform = (rf_deform)config->model.backbone_dcn;
    if (p->backbone_deform && !p->backbone->deformable)
        return rf_fail(RF_ERR_USER,
                       "model.backbone_dcn = %s, but %s has no bottlenecks: leave it out, or take resnet50, resnet101 "
                       "or resnet152",
                       RF_WORD_OF(RF_DEFORM_WORDS, config->model.backbone_dcn), p->backbone->name);
    RF_TRY(rf_stages_plan(config, p->strides, p->n_levels, &p->stages));
    p->stages.cell_anchors = rf_config_cell_anchors(config);
    double slope = p->stages.slope;
    p->pyramid = (rf_pyramid){.channels = channels,
                              .slope = slope,
                              .plain = config->model.pyramid_norm == RF_PYRAMID_NORM_NONE,
                              .lateral = config->model.top_down == RF_TOP_DOWN_LATERAL,
                              .sums = config->model.top_down == RF_TOP_DOWN_SUMS,
                              .bilinear = config->model.upsample == RF_UPSAMPLE_BILINEAR,
                              .extra_from_p = config->model.extra_from == RF_EXTRA_FROM_P5,
                              .extra_from_l = config->model.extra_from == RF_EXTRA_FROM_L5,
                              .merge_deform = (rf_deform)config->model.lateral_dcn};
    if (p->pyramid.plain && p->pyramid.merge_deform)
        return rf_fail(RF_ERR_USER, "model.lateral_dcn = %s needs model.pyramid_norm = bn",
                       RF_WORD_OF(RF_DEFORM_WORDS, config->model.lateral_dcn));
    p->fsm = config->model.fsm;
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
                    .backbone_deform = p->backbone_deform,
                    .backbone_lr = config->optim.backbone_lr,
                    .head_lr = config->optim.head_lr,
                    .context_channels = (int)config->model.context_channels,
                    .decay_bn_bias = config->optim.decay_bn_bias,
                    .bias_lr = config->optim.bias_lr,
                    .bias_decay = config->optim.bias_decay,
                    .beta_decay = config->optim.beta_decay,
                    .fan_in_init = config->model.initialiser == RF_INITIALISER_FAN_IN,
                    .freeze_bn = config->model.freeze_bn,
                    .freeze_stages = (int)config->model.freeze_stages,
                    .freeze_arrays = (int)config->model.freeze_arrays};
}

/* Backbone and pyramid: the feature maps of the levels, and those that SRN's first step reads. */
static rf_status build_features(rf_net *net, const plan *p, rf_value input, rf_value *step1, rf_value *levels) {
    rf_taps taps = {0};
    rf_scope scope = rf_net_enter(net, "body");
    net->part = RF_PARAM_BACKBONE;
    p->backbone->build(net, p->backbone, input, &taps);
    rf_net_leave(net, scope);
    net->part = 0;
    net->frozen = false;
    RF_TRY(rf_net_status(net));
    RF_TRY(rf_fpn(net, &taps, p->strides, p->n_levels, &p->pyramid, levels));
    bool wanted[RF_NET_LEVELS];
    rf_stages_step1(&p->stages, p->n_levels, wanted);
    if (p->stages.body == RF_BODY_BACKBONE && p->stages.n > 1)
        rf_step1_maps(net, &taps, p->strides, p->n_levels, &p->pyramid, wanted, step1);
    return RF_OK;
}

static rf_status build(rf_net *net, const rf_config *config, const plan *p, int n, int h, int w, rf_detector *out) {
    rf_value step1[RF_NET_LEVELS], *levels = out->maps;
    memset(out, 0, sizeof *out);
    out->input = rf_graph_input(net->graph, "input", (rf_shape){4, {n, h, w, 3}});
    RF_TRY(rf_graph_status(net->graph));
    RF_TRY(build_features(net, p, out->input, step1, levels));
    RF_TRY(rf_net_status(net));
    out->n_levels = p->n_levels;
    out->cell_anchors = p->stages.cell_anchors;
    for (int i = 0; i < p->n_levels; i++) {
        rf_shape s = rf_graph_shape(net->graph, levels[i]);
        out->stride[i] = p->strides[i];
        out->h[i] = s.d[1];
        out->w[i] = s.d[2];
        out->anchors += (size_t)s.d[1] * (size_t)s.d[2] * (size_t)out->cell_anchors;
    }
    RF_TRY(rf_stages_build(net, &p->stages, step1, levels, out));
    rf_dense_params(net, config, p->n_levels, out->cell_anchors, &out->dense);
    for (int i = 0; i < p->n_levels && out->dense.vertices && net->mode == RF_EVAL && config->eval.mesh; i++)
        rf_graph_keep(net->graph, out->features[i]);
    if (p->stages.head_box && net->mode == RF_TRAIN) RF_TRY(rf_stages_head_box(net, &p->stages, out));
    if (p->fsm && net->mode == RF_TRAIN) out->fsm = rf_fsm_params(net, p->pyramid.channels);
    return rf_net_status(net);
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
    RF_TRY_GOTO(build(&net, config, &p, 1, 64, 64, &ignored));
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
    return build(&net, config, &p, n, h, w, out);
}

rf_status rf_detector_mesh_build(rf_graph *graph, rf_params *params, const rf_config *config, int m,
                                 const rf_mesh_levels *levels, rf_detector_mesh *out) {
    plan p;
    char name[32];
    memset(out, 0, sizeof *out);
    RF_TRY(make_plan(config, &p));
    if (config->model.mesh_vertices == 0)
        return rf_fail(RF_ERR_USER, "the network predicts no mesh: model.mesh_vertices is 0");
    rf_net net = make_net(graph, params, config, &p, RF_EVAL);
    rf_dense_params(&net, config, p.n_levels, p.stages.cell_anchors, &out->dense);
    RF_TRY(rf_net_status(&net));
    for (int i = 0; i < p.n_levels; i++) {
        snprintf(name, sizeof name, "rows%d", i);
        out->rows[i] = rf_graph_input(graph, name, (rf_shape){2, {m, out->dense.channels}});
        snprintf(name, sizeof name, "slots%d", i);
        out->slots[i] = rf_graph_input(graph, name, (rf_shape){1, {m}});
    }
    out->vertices = out->dense.pixels ? rf_dense_draw(graph, &out->dense, levels, out->rows, out->slots, 0).vertices
                                      : rf_dense_vertices(graph, &out->dense, out->rows, out->slots);
    rf_graph_keep(graph, out->vertices);
    return rf_graph_status(graph);
}
