/* SPDX-License-Identifier: Apache-2.0 */
/* The loss of a detector whose anchors are matched with faces, RetinaFace's to begin with (arXiv 1905.00641, equation
 * 1): L = w_cls/N sum CE(kept anchors) + w_box/N sum_pos smoothL1(loc - loc*) + w_pts/N' sum_pos' smoothL1(points -
 * points*) N = positive anchors of the batch, N' = those whose face has landmarks (at least 1 each); kept = positives
 * and mined negatives. In a cascade every stage has such a loss, and they are added up with weights. Whatever else is
 * learnt is a further term.
 */
#include "detect/loss/loss.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/rng.h"
#include "detect/loss/loss_stage.h"
#include "detect/loss/term_kind.h"

#define RF_LOSS(name) extern const rf_loss_kind rf_loss_##name;
#include "detect/loss/losses.def"
#include "detectors/parts.def"

static const void *const loss_kinds[] = {
#define RF_LOSS(name) &rf_loss_##name,
#include "detect/loss/losses.def"
#include "detectors/parts.def"
};

RF_REGISTRY_DEFINE(loss, rf_loss_kind, loss_kinds, e->doc && e->assigner && e->later_assigner && e->cls && e->box,
                   .what = "loss")

struct rf_loss {
    const rf_loss_kind *kind;
    rf_loss_common common;
    rf_loss_stage stages[RF_NET_STAGES];
    double stage_weights[RF_NET_STAGES], stage_landmarks[RF_NET_STAGES], weights[3];
    rf_term_states terms;
};

_Static_assert((int)RF_NET_STAGES == (int)RF_MAX_STAGES, "the network and the matching have as many stages");

static void free_assigner(rf_assign_state *assign, int n) {
    for (int i = 0; assign->scratch && assign->kind->free && i < n; i++) assign->kind->free(assign->scratch[i]);
    rf_free(assign->scratch);
}

static rf_status make_assigner(rf_loss_common *c, rf_assign_state *assign) {
    assign->scratch = rf_alloc((size_t)c->n, sizeof *assign->scratch);
    if (!assign->scratch) return RF_ERR_NOMEM;
    for (int i = 0; assign->kind->make && i < c->n; i++) RF_TRY(assign->kind->make(&c->anchors, &assign->scratch[i]));
    return RF_OK;
}

void rf_loss_free(rf_loss *loss) {
    if (!loss) return;
    rf_term_states_free(&loss->terms);
    rf_loss_common *c = &loss->common;
    for (int k = 0; k < RF_NET_STAGES; k++) rf_loss_stage_free(&loss->stages[k]);
    for (int k = 0; k < 2; k++) free_assigner(&c->assign[k], c->n);
    rf_free(c->keys);
    rf_anchor_set_free(&c->anchors);
    rf_free(loss);
}

/* A number for each stage; the last one in the list also for those after it. */
static rf_status read_stage_weights(const char *key, const rf_real_list *list, int n_stages, double *out) {
    if (n_stages > 1 && list->n < 1)
        return rf_fail(RF_ERR_USER, "cascade.%s is empty, expected a number for each stage, or one for all", key);
    for (int k = 0; k < n_stages; k++) out[k] = n_stages > 1 ? list->v[k < list->n ? k : list->n - 1] : 1;
    return RF_OK;
}

/* The parts of a composition. */
static rf_status find_parts(const rf_loss_kind *kind, rf_loss_common *c) {
    c->assign[0].kind = rf_assigner_find(kind->assigner);
    c->assign[1].kind = rf_assigner_find(kind->later_assigner);
    c->sampler = kind->sampler ? rf_sampler_find(kind->sampler) : rf_sampler_at(c->config.loss.mining);
    c->cls_loss = rf_row_loss_find(kind->cls);
    c->box_loss = rf_row_loss_find(kind->box);
    bool all = c->assign[0].kind && c->assign[1].kind && c->sampler && c->cls_loss && c->box_loss;
    return all ? RF_OK : rf_fail_context(RF_ERR_USER, "loss.kind = %s", kind->name);
}

static rf_status read_settings(rf_loss *loss, const rf_config *config) {
    rf_loss_common *c = &loss->common;
    c->config = *config;
    c->sampling = rf_sample_spec_of(config);
    c->random_level = config->match.random_level;
    c->level = -1;
    c->norm = rf_loss_norm_at(config->loss.normalise);
    loss->weights[0] = config->loss.cls_weight;
    loss->weights[1] = config->loss.box_weight;
    loss->weights[2] = config->loss.landmark_weight;
    RF_TRY(rf_detect_spec_from_config(config, &c->spec));
    RF_TRY(read_stage_weights("weights", &config->cascade.weights, c->spec.n_stages, loss->stage_weights));
    return read_stage_weights("landmark_weights", &config->cascade.landmark_weights, c->spec.n_stages,
                              loss->stage_landmarks);
}

rf_status rf_loss_make(const rf_config *config, int n, int h, int w, rf_loss **out) {
    *out = NULL;
    const rf_loss_kind *kind = rf_loss_at(config->loss.kind);
    if (kind->check) RF_TRY(kind->check(config));
    rf_loss *loss = rf_alloc(1, sizeof *loss);
    if (!loss) return RF_ERR_NOMEM;
    rf_loss_common *c = &loss->common;
    rf_status status;
    c->n = n;
    loss->kind = kind;
    RF_TRY_GOTO(read_settings(loss, config));
    RF_TRY_GOTO(find_parts(kind, c));
    RF_TRY_GOTO(rf_anchor_set_make(&c->spec.anchors, h, w, &c->anchors));
    status = RF_ERR_NOMEM;
    c->keys = rf_alloc((size_t)n * c->anchors.count, sizeof *c->keys);
    if (!c->keys) goto fail;
    for (int k = 0; k < c->spec.n_stages; k++)
        RF_TRY_GOTO(rf_loss_stage_make(c, k ? &loss->stages[k - 1] : NULL, &loss->stages[k]));
    for (int k = 0; k < 2 && k < c->spec.n_stages; k++) RF_TRY_GOTO(make_assigner(c, &c->assign[k]));
    RF_TRY_GOTO(rf_term_states_read(config, &loss->terms));
    *out = loss;
    return RF_OK;
fail:
    rf_loss_free(loss);
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

/* The last step with boxes: what further terms work on. */
static const rf_loss_stage *matches(const rf_loss *loss) {
    int k = loss->common.spec.n_stages - 1;
    while (k > 0 && loss->stages[k].loc.value == RF_NONE) k--;
    return &loss->stages[k];
}

static rf_status build_terms(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    rf_loss_parts stages[RF_NET_STAGES];
    int n = loss->common.spec.n_stages;
    for (int k = 0; k < n; k++) RF_TRY(rf_loss_stage_build(&loss->stages[k], g, &detector->outputs, "", &stages[k]));
    RF_TRY(add_wholes(loss, g, stages, terms));
    RF_TRY(add_stages(loss, g, stages, terms));
    const rf_term_context context = {
        .graph = g, .config = &loss->common.config, .detector = detector, .matches = matches(loss), .terms = terms};
    return rf_term_states_build(&loss->terms, &context);
}

/* Keys of train.jsonl that are no terms (train/trainer_log.c). */
static const char *const log_keys[] = {"kind",      "step",  "epoch",     "loss",   "lr",
                                       "grad_norm", "img_s", "data_wait", "seconds"};

static rf_status check_names(const rf_term_list *terms) {
    for (int i = 0; i < terms->n; i++)
        for (size_t k = 0; k < sizeof log_keys / sizeof *log_keys; k++)
            if (strcmp(terms->v[i].name, log_keys[k]) == 0)
                return rf_fail(RF_ERR_USER,
                               "a term of the loss is called '%s', which is another key of train.jsonl: "
                               "give it another name",
                               log_keys[k]);
    return RF_OK;
}

rf_status rf_loss_build(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_loss_values *out) {
    size_t A = loss->common.anchors.count;
    *out = (rf_loss_values){.total = RF_NONE};
    if (detector->anchors != A)
        return rf_fail(RF_ERR_USER, "the network has %zu anchors, the settings in [anchors] give %zu",
                       detector->anchors, A);
    int scope = rf_graph_scope(g, "loss");
    rf_status status = build_terms(loss, g, detector, &out->terms);
    if (status == RF_OK) out->total = rf_terms_total(&out->terms, g);
    rf_graph_scope_end(g, scope);
    RF_TRY(status);
    RF_TRY(rf_graph_status(g));
    RF_TRY(check_names(&out->terms));
    return out->total == RF_NONE ? rf_fail(RF_ERR_USER, "loss.kind = %s has no term to sum", loss->kind->name) : RF_OK;
}

rf_status rf_loss_set_batch(rf_loss *loss, const rf_loss_batch *batch) {
    rf_loss_common *c = &loss->common;
    c->batch = *batch;
    if (c->random_level) {
        rf_rng rng = rf_rng_make(c->sampling.seed, 0, batch->number, RF_STREAM_LEVEL);
        c->level = (int)rf_rng_below(&rng, (uint32_t)c->anchors.n_levels);
    }
    return rf_term_states_set_batch(&loss->terms, batch);
}

rf_loss_counts rf_loss_counted(const rf_loss *loss) {
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

size_t rf_loss_facts(rf_loss *loss, rf_loss_fact facts[RF_LOSS_FACTS]) {
    size_t n = 0;
    for (int k = 1; loss->kind->tells && k < loss->common.spec.n_stages; k++) {
        rf_stage_sums sums = rf_loss_stage_facts(&loss->stages[k]);
        double positives = sums.positives ? (double)sums.positives : 1, moved = sums.moved ? (double)sums.moved : 1;
        if (sums.negatives) {
            facts[n++] = (rf_loss_fact){"stc_negatives", (double)sums.negatives / positives};
            facts[n++] = (rf_loss_fact){"stc_kept", (double)sums.kept / positives};
        }
        if (sums.moved) {
            facts[n++] = (rf_loss_fact){"str_iou_anchors", sums.iou_grid / moved};
            facts[n++] = (rf_loss_fact){"str_iou_refined", sums.iou_moved / moved};
        }
    }
    return n;
}
