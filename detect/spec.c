/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/spec.h"

#include <math.h>
#include <string.h>

/* The anchors of a cell: aspects outside, sizes inside, and with `dense` the whole again (insightface,
 * generate_anchor.py). */
static rf_status slots_from_config(const rf_config *config, rf_anchor_spec *out) {
    const rf_real_list *sizes = &config->anchors.sizes, *aspects = &config->anchors.aspect;
    int each = sizes->n / out->n_levels, copies = config->anchors.dense ? 2 : 1, n = rf_config_cell_anchors(config);
    if (aspects->n < 1 || n * out->n_levels > RF_MAX_ANCHOR_SIZES)
        return rf_fail(RF_ERR_USER,
                       "anchors.sizes has %d numbers and anchors.aspect %d%s; expected an aspect, and at most %d sizes "
                       "x aspects%s",
                       sizes->n, aspects->n, copies == 2 ? " with anchors.dense" : "", RF_MAX_ANCHOR_SIZES / copies,
                       copies == 2 ? " with anchors.dense" : "");
    out->n_sizes = n;
    out->dense = config->anchors.dense;
    for (int s = 0; s < n; s++) out->aspects[s] = (float)aspects->v[s / each % aspects->n];
    for (int l = 0; l < out->n_levels; l++) {
        for (int s = 0; s < n; s++) out->sizes[l * n + s] = (float)sizes->v[l * each + s % each];
        out->windows[l] = config->anchors.rounding == RF_ROUNDING_BASE16   ? 16
                          : config->anchors.rounding == RF_ROUNDING_STRIDE ? out->strides[l]
                                                                           : 0;
    }
    return RF_OK;
}

static rf_status anchors_from_config(const rf_config *config, rf_anchor_spec *out) {
    const rf_real_list *strides = &config->model.strides, *sizes = &config->anchors.sizes;
    if (strides->n < 1 || strides->n > RF_MAX_LEVELS)
        return rf_fail(RF_ERR_USER, "model.strides has %d numbers; expected 1 to %d, one for each pyramid level",
                       strides->n, RF_MAX_LEVELS);
    if (sizes->n < 1 || sizes->n % strides->n != 0)
        return rf_fail(
            RF_ERR_USER,
            "anchors.sizes has %d numbers for %d levels (model.strides); expected %d, or another multiple of the "
            "levels",
            sizes->n, strides->n, 2 * strides->n);
    out->n_levels = strides->n;
    for (int l = 0; l < strides->n; l++) {
        double stride = strides->v[l];
        if (stride != floor(stride) || stride < 1 || stride > RF_MAX_IMAGE_SIDE)
            return rf_fail(RF_ERR_USER, "model.strides: %g; expected whole numbers of pixels", stride);
        out->strides[l] = (int)stride;
    }
    RF_TRY(slots_from_config(config, out));
    out->centre_offset = (float)config->anchors.centre_offset;
    out->plus_one = config->anchors.plus_one;
    rf_status status = rf_anchor_spec_check(out);
    return status == RF_OK ? RF_OK : rf_fail_context(status, "model.strides or [anchors]");
}

float rf_detect_drop_below(const rf_config *config) {
    double drop = config->cascade.drop; /* 1 - sigmoid(z) > drop */
    return drop < 1 ? (float)-log(drop / (1 - drop)) : -INFINITY;
}

/* Number k of a list whose last number stands for all that follow. */
static float number_of(const rf_real_list *list, int k) {
    return (float)list->v[k < list->n ? k : list->n - 1];
}

static rf_status stages_from_config(const rf_config *config, const rf_match_spec *base, rf_detect_spec *out) {
    const rf_real_list *positive = &config->cascade.positive_iou, *negative = &config->cascade.negative_iou;
    out->n_stages = config->cascade.stages > 1 ? (int)config->cascade.stages : 1;
    out->match[0] = *base;
    out->drop_below = rf_detect_drop_below(config);
    if (out->n_stages == 1) return RF_OK;
    if (out->n_stages > RF_MAX_STAGES || positive->n < 1 || negative->n < 1)
        return rf_fail(RF_ERR_USER,
                       "cascade.stages = %ld with %d numbers in cascade.positive_iou and %d in cascade.negative_iou; "
                       "expected at most %d stages and a number in both lists",
                       config->cascade.stages, positive->n, negative->n, RF_MAX_STAGES);
    for (int k = 0; k < out->n_stages; k++) {
        rf_match_spec *match = &out->match[k];
        *match = *base;
        match->positive_iou = number_of(positive, k);
        match->negative_iou = number_of(negative, k);
        match->force_best = base->force_best && k == 0;
        if (match->negative_iou > match->positive_iou)
            return rf_fail(RF_ERR_USER,
                           "cascade.negative_iou %g of stage %d is above its positive_iou %g; lower it, or give both "
                           "lists as many numbers",
                           (double)match->negative_iou, k + 1, (double)match->positive_iou);
    }
    return RF_OK;
}

/* Whether a list of strides names one; 0 names all. */
static bool names(const rf_real_list *list, double stride) {
    for (int i = 0; i < list->n; i++)
        if (list->v[i] == 0 || list->v[i] == stride) return true;
    return false;
}

static rf_status levels_from_config(const rf_config *config, rf_detect_spec *out) {
    const rf_real_list *factors = &config->eval.level_scores, *strides = &config->model.strides;
    if (factors->n != 1 && factors->n != strides->n)
        return rf_fail(RF_ERR_USER, "eval.level_scores has %d numbers for %d levels (model.strides); expected 1 or %d",
                       factors->n, strides->n, strides->n);
    for (int l = 0; l < strides->n; l++) {
        double extra = strides->v[l] == 4 ? config->eval.stride4_score : 1;
        out->level_scores[l] = (float)(factors->v[factors->n == 1 ? 0 : l] * extra);
        out->level_least[l] = names(&config->eval.least_strides, strides->v[l]) ? (float)config->eval.level_least : 0;
    }
    out->least_cells = config->eval.least_cells;
    out->level_top_k = (size_t)config->eval.level_top_k;
    return RF_OK;
}

/* Mirrored pictures need to know which points change places. */
static rf_status flip_from_config(const rf_config *config, rf_point_flip *out) {
    const char *by = config->augment.flip > 0                        ? "augment.flip"
                     : config->eval.flip                             ? "eval.flip"
                     : config->eval.schedule == RF_EVAL_SCHEDULE_SRN ? "eval.schedule"
                                                                     : NULL;
    if (by && config->model.landmarks && !rf_point_flip_known(config))
        return rf_fail(
            RF_ERR_USER,
            "data.points = %ld: %s mirrors pictures, so data.flip_points is needed: the pairs of points that "
            "then change places, for example 0-1,2-3, or none",
            config->data.points, by);
    return rf_point_flip_from_config(config, out);
}

rf_status rf_detect_spec_from_config(const rf_config *config, rf_detect_spec *out) {
    memset(out, 0, sizeof *out);
    RF_TRY(anchors_from_config(config, &out->anchors));
    if (config->match.negative_iou > config->match.positive_iou)
        return rf_fail(RF_ERR_USER, "match.negative_iou %g is above match.positive_iou %g; lower it",
                       config->match.negative_iou, config->match.positive_iou);
    out->codec = (rf_codec){.variance_centre = (float)config->anchors.variance_centre,
                            .variance_size = (float)config->anchors.variance_size,
                            .plus_one = config->anchors.plus_one,
                            .n_points = (int)config->data.points,
                            .box = rf_box_coder_find(config->anchors.box_coder),
                            .points = rf_point_coder_find(config->anchors.point_coder)};
    if (!out->codec.box || !out->codec.points) return RF_ERR_USER;
    RF_TRY(flip_from_config(config, &out->flip));
    rf_match_spec match = {.positive_iou = (float)config->match.positive_iou,
                           .negative_iou = (float)config->match.negative_iou,
                           .force_best = config->match.force_best,
                           .force_min_iou = (float)config->match.force_min_iou,
                           .ignore_ioa = (float)config->match.ignore_ioa};
    RF_TRY(stages_from_config(config, &match, out));
    out->merge = (rf_merge_spec){.iou = (float)config->eval.iou,
                                 .plus_one = true,
                                 .top_k = (size_t)config->eval.top_k,
                                 .keep = (size_t)config->eval.keep,
                                 .soft_sigma = (float)config->eval.soft_sigma,
                                 .soft_score = (float)config->eval.soft_score,
                                 .across = config->eval.merge_classes == RF_MERGE_CLASSES_ACROSS,
                                 .drop_singletons = !config->eval.vote_singletons};
    RF_TRY(levels_from_config(config, out));
    out->merger = rf_merger_at(config->eval.merge);
    return RF_OK;
}
