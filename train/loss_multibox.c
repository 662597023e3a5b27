/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's multi-task loss (arXiv 1905.00641, equation 1):
 *   L = w_cls/N sum CE(kept anchors) + w_box/N sum_pos smoothL1(loc - loc*) + w_pts/N' sum_pos' smoothL1(points -
 * points*) N = positive anchors of the batch, N' = those whose face has landmarks (at least 1 each); kept = positives
 * and mined negatives. In a cascade every stage has such a loss, and they are added up with weights.
 */
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
    c->mining_kind = rf_mining_find(config->loss.mining);
    c->norm = rf_loss_norm_find(config->loss.normalise);
    if (!c->mining_kind || !c->norm) return RF_ERR_USER;
    c->box_beta = config->loss.box_beta;
    c->landmark_beta = config->loss.landmark_beta;
    c->extra_weight = config->loss.extra_weight;
    loss->weights[0] = config->loss.cls_weight;
    loss->weights[1] = config->loss.box_weight;
    loss->weights[2] = config->loss.landmark_weight;
    loss->landmarks = config->model.landmarks;
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

/* A detector without a cascade: every level predicts everything. */
static rf_stage only_stage(const rf_loss *loss, const rf_detector *detector) {
    rf_stage stage = rf_loss_stage_rows(&loss->common.anchors);
    stage.cls = detector->cls;
    stage.loc = detector->loc;
    stage.points = loss->landmarks ? detector->points : RF_NONE;
    stage.blur = detector->blur;
    stage.visible = loss->landmarks ? detector->visible : RF_NONE;
    return stage;
}

/* sum + factor * part, either of which may be RF_NONE. */
static rf_value add_part(rf_graph *g, rf_value sum, rf_value part, double factor) {
    if (part == RF_NONE) return sum;
    if (factor != 1) part = rf_apply1(g, "scale", part, "factor=%.17g", factor);
    return sum == RF_NONE ? part : rf_apply2(g, "add", sum, part, "%s", "");
}

static rf_status build_stages(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_loss_values *out) {
    out->n_stages = loss->common.spec.n_stages;
    for (int k = 0; k < out->n_stages; k++) {
        rf_stage rows = out->n_stages > 1 ? detector->stages[k] : only_stage(loss, detector);
        rf_loss_parts *parts = &out->stages[k];
        RF_TRY(rf_loss_stage_build(&loss->stages[k], g, &rows, parts));
        out->cls = add_part(g, out->cls, parts->cls, loss->stage_weights[k]);
        out->box = add_part(g, out->box, parts->box, loss->stage_weights[k]);
        out->points = add_part(g, out->points, parts->points, loss->stage_weights[k] * loss->stage_landmarks[k]);
    }
    return rf_graph_status(g);
}

rf_status rf_multibox_build(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_loss_values *out) {
    size_t A = loss->common.anchors.count;
    *out = (rf_loss_values){.total = RF_NONE,
                            .cls = RF_NONE,
                            .box = RF_NONE,
                            .points = RF_NONE,
                            .mesh = RF_NONE,
                            .edge = RF_NONE,
                            .fsm = RF_NONE};
    if (detector->anchors != A)
        return rf_fail(RF_ERR_USER, "the network has %zu anchors, the settings in [anchors] give %zu",
                       detector->anchors, A);
    int scope = rf_graph_scope(g, "loss");
    RF_TRY(build_stages(loss, g, detector, out));
    out->total = rf_apply2(g, "add", rf_apply1(g, "scale", out->cls, "factor=%.17g", loss->weights[0]),
                           rf_apply1(g, "scale", out->box, "factor=%.17g", loss->weights[1]), "%s", "");
    if (out->points != RF_NONE)
        out->total = rf_apply2(g, "add", out->total,
                               rf_apply1(g, "scale", out->points, "factor=%.17g", loss->weights[2]), "%s", "");
    if (loss->dense)
        out->total = add_part(g, out->total,
                              rf_dense_loss_build(loss->dense, g, detector, out->stages[0].box, loss->stages[0].matches,
                                                  &out->mesh, &out->edge),
                              1);
    out->total = add_part(g, out->total, rf_head_loss_build(&loss->head, g, detector, out), 1);
    rf_graph_keep(g, out->cls);
    rf_graph_keep(g, out->box);
    rf_graph_keep(g, out->points);
    rf_graph_keep(g, out->total);
    rf_graph_scope_end(g, scope);
    return rf_graph_status(g);
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
};
