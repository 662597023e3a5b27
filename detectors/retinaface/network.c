/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of RetinaFace's kind: backbone, feature pyramid, context modules, heads. */
#include <string.h>

#include "layers/backbone.h"
#include "layers/family.h"
#include "layers/fpn.h"
#include "detectors/retinaface/stages.h"

/* What the configuration says, checked. */
typedef struct plan {
    const rf_backbone *backbone;
    rf_deform backbone_deform;
    rf_pyramid pyramid;
    int strides[RF_NET_LEVELS], n_levels;
    rf_stages stages;
    double backbone_slope;
} plan;

static rf_status make_plan(const rf_config *config, plan *p) {
    memset(p, 0, sizeof *p);
    p->backbone = rf_backbone_at(config->model.backbone);
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
    p->backbone_slope = config->model.backbone_slope >= 0 ? config->model.backbone_slope : p->backbone->slope;
    if (p->backbone->slope == 0 && p->backbone_slope != 0)
        return rf_fail(RF_ERR_USER,
                       "model.backbone_slope = %g: the activations of %s have no slope to choose, leave it out",
                       p->backbone_slope, p->backbone->name);
    return RF_OK;
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

static rf_status build(rf_net *net, const rf_config *config, rf_detector *out) {
    rf_value step1[RF_NET_LEVELS];
    plan p;
    RF_TRY(make_plan(config, &p));
    net->backbone_slope = p.backbone_slope;
    net->backbone_deform = p.backbone_deform;
    RF_TRY(build_features(net, &p, out->input, step1, out->maps));
    RF_TRY(rf_net_status(net));
    rf_detector_levels(net, p.strides, p.n_levels, p.stages.cell_anchors, out);
    return rf_stages_build(net, &p.stages, step1, out->maps, out);
}

const rf_family rf_family_retinaface = {
    .name = "retinaface",
    .doc =
        "backbone, feature pyramid, context modules and heads, once or in stages that refine each other (RetinaFace, "
        "insightface's variants, RefineFace)",
    .build = build,
};
