/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace's loss (arXiv 1909.04376; SRN, arXiv 1809.02693): the stages of the multi-task loss with focal loss of all
 * anchors in place of cross-entropy of mined ones, negatives that the first step is sure of left out of the second,
 * margins for small faces, and feature supervision of the pyramid. */

#include "core/classes.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "train/loss_multibox.h"

enum { IN_CLS, IN_LOC };
enum { OUT_ROIS, OUT_LABELS, OUT_WEIGHTS, OUT_COUNT };

static void refineface_free(rf_loss *loss) {
    if (!loss) return;
    rf_free(loss->fsm.heap);
    rf_free(loss->fsm.positives);
    rf_multibox_free(loss);
}

static rf_focal_spec focal_of(const rf_config *config) {
    enum { POWER_LIMIT = 4 }; /* core/config.def says so */
    rf_margin_spec margin = {.on = config->loss.sml,
                             .power = config->loss.sml_form == RF_SML_POWER,
                             .margin = config->loss.sml_margin,
                             .size = config->loss.sml_size,
                             .exponent = config->loss.sml_exponent,
                             .most = POWER_LIMIT * config->loss.sml_margin};
    return (rf_focal_spec){true, config->loss.focal_alpha, config->loss.focal_gamma, margin};
}

static rf_status refineface_make(const rf_config *config, int n, int h, int w, rf_loss **out) {
    rf_loss *loss;
    if (config->model.landmarks && config->loss.sml)
        return rf_fail(RF_ERR_USER, "loss.sml is for networks without landmarks: set model.landmarks = no");
    if (rf_classes_count(config) > 1)
        return rf_fail(RF_ERR_USER,
                       "data.classes = %s, but the focal loss of loss.kind = refineface is for one kind of object: set "
                       "loss.kind = multibox",
                       config->data.classes);
    RF_TRY(rf_multibox_make(config, n, h, w, &loss));
    loss->common.focal = focal_of(config);
    rf_fsm_loss *fsm = &loss->fsm;
    fsm->on = config->model.fsm;
    fsm->weight = config->loss.fsm_weight;
    fsm->spec = (rf_roi_spec){(int)config->loss.fsm_rois, (float)config->loss.fsm_iou};
    fsm->heap = rf_alloc((size_t)n * (size_t)fsm->spec.count, RF_ROI_CANDIDATES * sizeof *fsm->heap);
    fsm->positives = rf_alloc((size_t)n, sizeof *fsm->positives);
    if (!fsm->heap || !fsm->positives) {
        refineface_free(loss);
        return RF_ERR_NOMEM;
    }
    *out = loss;
    return RF_OK;
}

static void sample_range(void *ctx, size_t begin, size_t end) {
    rf_loss *loss = ctx;
    rf_fsm_loss *fsm = &loss->fsm;
    const rf_loss_common *c = &loss->common;
    const rf_loss_stage *last = &loss->stages[c->spec.n_stages - 1];
    size_t A = c->anchors.count, count = (size_t)fsm->spec.count;
    for (size_t i = begin; i < end; i++)
        fsm->positives[i] = rf_sample_rois(
            &fsm->spec, &c->anchors, &c->spec.codec, (int)i, rf_loss_stage_boxes(last, i),
            fsm->call->in[IN_CLS].data + 2 * A * i, fsm->call->in[IN_LOC].data + 4 * A * i, c->batch.faces[i],
            c->batch.n_faces[i], fsm->heap + count * RF_ROI_CANDIDATES * i,
            fsm->call->out[OUT_ROIS].data + RF_FSM_ROI * count * i, fsm->call->out[OUT_LABELS].data + count * i);
}

/* The host node; it runs after the last stage's targets, whose anchors it reads. */
static rf_status sample_regions(void *ctx, const rf_call *call) {
    rf_loss *loss = ctx;
    rf_fsm_loss *fsm = &loss->fsm;
    size_t positives = 0, rows = (size_t)loss->common.n * (size_t)fsm->spec.count;
    fsm->call = call;
    rf_parallel_for((size_t)loss->common.n, 1, sample_range, loss);
    for (int i = 0; i < loss->common.n; i++) positives += fsm->positives[i];
    for (size_t r = 0; r < rows; r++)
        call->out[OUT_WEIGHTS].data[r] = (rf_real)(1.0 / (double)(positives ? positives : 1));
    return RF_OK;
}

static rf_status build_fsm(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    int rows = loss->common.n * loss->fsm.spec.count;
    const rf_shape shapes[OUT_COUNT] = {{2, {rows, RF_FSM_ROI}}, {1, {rows}}, {1, {rows}}};
    const rf_value in[] = {rf_outputs_value(&detector->outputs, "cls", -1),
                           rf_outputs_value(&detector->outputs, "loc", -1)};
    if (detector->n_levels >= RF_MAX_INPUTS)
        return rf_fail(RF_ERR_USER, "model.fsm: %d levels are too many, expected at most %d", detector->n_levels,
                       RF_MAX_INPUTS - 1);
    int scope = rf_graph_scope(g, "loss");
    rf_value t = rf_graph_host(g, "regions", sample_regions, loss, in, 2, shapes, OUT_COUNT);
    if (t == RF_NONE) return rf_graph_status(g);
    rf_value logits =
        rf_fsm_apply(g, &detector->fsm, t + OUT_ROIS, detector->maps, detector->n_levels, detector->stride[0]);
    const rf_focal_spec *focal = &loss->common.focal;
    rf_value loss_of_regions = rf_graph_apply(g, "focal_loss", (rf_value[]){logits, t + OUT_LABELS, t + OUT_WEIGHTS}, 3,
                                              "alpha=%.17g gamma=%.17g", focal->alpha, focal->gamma);
    rf_graph_scope_end(g, scope);
    RF_TRY(rf_graph_status(g));
    return rf_terms_add(terms, g, "fsm", loss_of_regions, loss->fsm.weight, RF_TERM_ALL, 0);
}

static rf_status refineface_build(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_term_list *terms) {
    RF_TRY(rf_multibox_build(loss, g, detector, terms));
    return loss->fsm.on ? build_fsm(loss, g, detector, terms) : RF_OK;
}

/* The work of the two steps. */
static size_t refineface_facts(rf_loss *loss, rf_loss_fact *facts) {
    size_t n = 0;
    for (int k = 1; k < loss->common.spec.n_stages; k++) {
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

const rf_loss_kind rf_loss_refineface = {
    .name = "refineface",
    .doc = "focal loss in one or two steps, smooth-L1 for boxes, margins for small faces, feature supervision",
    .make = refineface_make,
    .free = refineface_free,
    .build = refineface_build,
    .set_batch = rf_multibox_set_batch,
    .counts = rf_multibox_counts,
    .matches = rf_multibox_matches,
    .facts = refineface_facts,
};
