/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's multi-task loss (arXiv 1905.00641, equation 1):
 *   L = w_cls/N sum CE(kept anchors) + w_box/N sum_pos smoothL1(loc - loc*) + w_pts/N' sum_pos' smoothL1(points -
 * points*) N = positive anchors of the batch, N' = those whose face has landmarks (at least 1 each); kept = positives
 * and mined negatives. In a cascade every stage has such a loss, and they are added up with weights.
 */
#include <stdio.h>

#include "core/mem.h"
#include "core/rng.h"
#include "train/loss_multibox.h"

_Static_assert((int)RF_NET_STAGES == (int)RF_MAX_STAGES, "the network and the matching have as many stages");

void rf_multibox_free(rf_loss *loss) {
    if (!loss) return;
    rf_dense_loss_free(loss->dense);
    rf_head_loss_free(&loss->head);
    rf_loss_common *c = &loss->common;
    for (int k = 0; k < RF_NET_STAGES; k++) rf_loss_stage_free(&loss->stages[k]);
    for (int i = 0; c->bins && i < c->n; i++) rf_box_bins_free(&c->bins[i]);
    rf_free(c->bins);
    rf_free(c->keys);
    rf_anchor_set_free(&c->anchors);
    rf_free(loss);
}

static rf_status make_bins(rf_loss_common *c) {
    c->bins = rf_alloc((size_t)c->n, sizeof *c->bins);
    if (!c->bins) return RF_ERR_NOMEM;
    for (int i = 0; i < c->n; i++) RF_TRY(rf_box_bins_alloc(c->anchors.count, &c->bins[i]));
    return RF_OK;
}

/* A number for each stage; the last one in the list also for those after it. */
static rf_status read_stage_weights(const char *key, const rf_real_list *list, int n_stages, double *out) {
    if (n_stages > 1 && list->n < 1)
        return rf_fail(RF_ERR_USER, "cascade.%s is empty, expected a number for each stage, or one for all", key);
    for (int k = 0; k < n_stages; k++) out[k] = n_stages > 1 ? list->v[k < list->n ? k : list->n - 1] : 1;
    return RF_OK;
}

static rf_status read_settings(rf_loss *loss, const rf_config *config) {
    rf_loss_common *c = &loss->common;
    c->mining = rf_mining_spec_of(config);
    c->random_level = config->match.random_level;
    c->level = -1;
    c->mining_kind = rf_mining_at(config->loss.mining);
    c->norm = rf_loss_norm_at(config->loss.normalise);
    if (!c->mining_kind || !c->norm) return RF_ERR_USER;
    c->box_beta = config->loss.box_beta;
    c->landmark_beta = config->loss.landmark_beta;
    c->extra_weight = config->loss.extra_weight;
    loss->weights[0] = config->loss.cls_weight;
    loss->weights[1] = config->loss.box_weight;
    loss->weights[2] = config->loss.landmark_weight;
    RF_TRY(rf_detect_spec_from_config(config, &c->spec));
    RF_TRY(read_stage_weights("weights", &config->cascade.weights, c->spec.n_stages, loss->stage_weights));
    return read_stage_weights("landmark_weights", &config->cascade.landmark_weights, c->spec.n_stages,
                              loss->stage_landmarks);
}

rf_status rf_multibox_make(const rf_config *config, int n, int h, int w, rf_loss **out) {
    rf_loss *loss = rf_alloc(1, sizeof *loss);
    if (!loss) return RF_ERR_NOMEM;
    rf_loss_common *c = &loss->common;
    rf_status status;
    c->n = n;
    RF_TRY_GOTO(read_settings(loss, config));
    RF_TRY_GOTO(rf_anchor_set_make(&c->spec.anchors, h, w, &c->anchors));
    status = RF_ERR_NOMEM;
    c->keys = rf_alloc((size_t)n * c->anchors.count, sizeof *c->keys);
    if (!c->keys) goto fail;
    for (int k = 0; k < c->spec.n_stages; k++)
        RF_TRY_GOTO(rf_loss_stage_make(c, k ? &loss->stages[k - 1] : NULL, &loss->stages[k]));
    if (c->spec.n_stages > 1) RF_TRY_GOTO(make_bins(c));
    RF_TRY_GOTO(rf_head_loss_make(config, c, &loss->head));
    RF_TRY_GOTO(rf_dense_loss_make(config, n, &c->anchors, &c->spec.codec, &loss->dense));
    *out = loss;
    return RF_OK;
fail:
    rf_multibox_free(loss);
    return status;
}

/* sum + factor * part, either of which may be RF_NONE. */
static rf_value add_part(rf_graph *g, rf_value sum, rf_value part, double factor) {
    if (part == RF_NONE) return sum;
    if (factor != 1) part = rf_apply1(g, "scale", part, "factor=%.17g", factor);
    return sum == RF_NONE ? part : rf_apply2(g, "add", sum, part, "%s", "");
}

/* What the stages predict, summed over them with their weights: the terms. */
static rf_status add_wholes(const rf_loss *loss, rf_graph *g, const rf_loss_parts *stages, rf_term_list *terms) {
    rf_loss_parts sum = {RF_NONE, RF_NONE, RF_NONE};
    for (int k = 0; k < loss->common.spec.n_stages; k++) {
        double weight = loss->stage_weights[k];
        sum.cls = add_part(g, sum.cls, stages[k].cls, weight);
        sum.box = add_part(g, sum.box, stages[k].box, weight);
        sum.points = add_part(g, sum.points, stages[k].points, weight * loss->stage_landmarks[k]);
    }
    RF_TRY(rf_terms_add(terms, g, "cls", sum.cls, loss->weights[0], RF_TERM_ALL, 0));
    RF_TRY(rf_terms_add(terms, g, "box", sum.box, loss->weights[1], RF_TERM_ALL, 0));
    return rf_terms_add(terms, g, "points", sum.points, loss->weights[2], RF_TERM_ALL, 0);
}

/* "cls1" and so on, for the log, where there are stages to tell apart. */
static rf_status add_stages(const rf_loss *loss, rf_graph *g, const rf_loss_parts *stages, rf_term_list *terms) {
    static const char *const names[] = {"cls", "box", "points"};
    int n = loss->common.spec.n_stages;
    for (int i = 0; n > 1 && i < 3 * n; i++) {
        const rf_loss_parts *stage = &stages[i / 3];
        const rf_value values[] = {stage->cls, stage->box, stage->points};
        char name[RF_TERM_NAME];
        snprintf(name, sizeof name, "%s%d", names[i % 3], i / 3 + 1);
        RF_TRY(rf_terms_add(terms, g, name, values[i % 3], loss->weights[i % 3], RF_TERM_LOG, i / 3 + 1));
    }
    return RF_OK;
}

static rf_status build_terms(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    rf_loss_parts stages[RF_NET_STAGES];
    int n = loss->common.spec.n_stages;
    for (int k = 0; k < n; k++) RF_TRY(rf_loss_stage_build(&loss->stages[k], g, &detector->outputs, "", &stages[k]));
    RF_TRY(add_wholes(loss, g, stages, terms));
    RF_TRY(add_stages(loss, g, stages, terms));
    if (loss->dense)
        RF_TRY(rf_dense_loss_build(loss->dense, g, detector, stages[0].box, loss->stages[0].matches, terms));
    RF_TRY(rf_head_loss_build(&loss->head, g, detector, terms));
    return rf_graph_status(g);
}

rf_status rf_multibox_build(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    size_t A = loss->common.anchors.count;
    if (detector->anchors != A)
        return rf_fail(RF_ERR_USER, "the network has %zu anchors, the settings in [anchors] give %zu",
                       detector->anchors, A);
    int scope = rf_graph_scope(g, "loss");
    rf_status status = build_terms(loss, g, detector, terms);
    rf_graph_scope_end(g, scope);
    return status;
}

rf_status rf_multibox_set_batch(rf_loss *loss, const rf_loss_batch *batch) {
    rf_loss_common *c = &loss->common;
    c->batch = *batch;
    if (c->random_level) {
        rf_rng rng = rf_rng_make(c->mining.seed, 0, batch->number, RF_STREAM_LEVEL);
        c->level = (int)rf_rng_below(&rng, (uint32_t)c->anchors.n_levels);
    }
    rf_dense_loss_set_batch(loss->dense, batch);
    return rf_head_loss_set_batch(&loss->head, batch);
}

rf_loss_counts rf_multibox_counts(const rf_loss *loss) {
    rf_loss_counts sum = {0};
    for (int k = 0; k < loss->common.spec.n_stages; k++) {
        const rf_loss_counts *counts = &loss->stages[k].counts;
        sum.positives += counts->positives;
        sum.landmarks += counts->landmarks;
        sum.negatives += counts->negatives;
        sum.ignored += counts->ignored;
    }
    return sum;
}

const rf_loss_stage *rf_multibox_matches(const rf_loss *loss) {
    int k = loss->common.spec.n_stages - 1;
    while (k > 0 && loss->stages[k].loc.value == RF_NONE) k--;
    return &loss->stages[k];
}

/* What only loss.kind = refineface can train is refused. */
static rf_status make_multibox(const rf_config *config, int n, int h, int w, rf_loss **out) {
    if (config->model.fsm || config->loss.sml || (config->cascade.stages > 1 && config->cascade.drop < 1))
        return rf_fail(RF_ERR_USER,
                       "model.fsm, loss.sml and cascade.drop need loss.kind = refineface, and it is multibox");
    return rf_multibox_make(config, n, h, w, out);
}

const rf_loss_kind rf_loss_multibox = {
    .name = "multibox",
    .doc = "softmax cross-entropy with hard-negative mining, smooth-L1 for boxes and landmarks",
    .make = make_multibox,
    .free = rf_multibox_free,
    .build = rf_multibox_build,
    .set_batch = rf_multibox_set_batch,
    .counts = rf_multibox_counts,
    .matches = rf_multibox_matches,
};
