/* SPDX-License-Identifier: Apache-2.0 */
/* Feature supervision (RefineFace, arXiv 1909.04376): the focal loss of what detectors/refineface/fsm.h says of
 * regions. */
#include "core/mem.h"
#include "core/parallel.h"
#include "detectors/refineface/fsm.h"
#include "detect/loss/loss_stage.h"
#include "detectors/refineface/rois.h"
#include "detect/loss/term_kind.h"

enum { IN_CLS, IN_LOC };
enum { OUT_ROIS, OUT_LABELS, OUT_WEIGHTS, OUT_COUNT };

typedef struct fsm_term {
    const rf_term_matches *last;
    rf_roi_spec spec;
    rf_candidate *heap; /* [n][count * RF_ROI_CANDIDATES] */
    size_t *positives;  /* [n] */
    const rf_call *call;
} fsm_term;

static void release(void *state) {
    fsm_term *fsm = state;
    rf_free(fsm->heap);
    rf_free(fsm->positives);
}

static void sample_range(void *ctx, size_t begin, size_t end) {
    fsm_term *fsm = ctx;
    const rf_loss_common *c = fsm->last->common;
    size_t A = c->anchors.count, count = (size_t)fsm->spec.count;
    for (size_t i = begin; i < end; i++)
        fsm->positives[i] = rf_sample_rois(
            &fsm->spec, &c->anchors, &c->spec.codec, (int)i, rf_loss_stage_boxes(fsm->last, i),
            fsm->call->in[IN_CLS].data + 2 * A * i, fsm->call->in[IN_LOC].data + 4 * A * i, c->batch.faces[i],
            c->batch.n_faces[i], fsm->heap + count * RF_ROI_CANDIDATES * i,
            fsm->call->out[OUT_ROIS].data + RF_FSM_ROI * count * i, fsm->call->out[OUT_LABELS].data + count * i);
}

/* The host node; it runs after the last stage's targets, whose anchors it reads. */
static rf_status sample_regions(void *ctx, const rf_call *call) {
    fsm_term *fsm = ctx;
    int n = fsm->last->common->n;
    size_t positives = 0, rows = (size_t)n * (size_t)fsm->spec.count;
    fsm->call = call;
    rf_parallel_for((size_t)n, 1, sample_range, fsm);
    for (int i = 0; i < n; i++) positives += fsm->positives[i];
    for (size_t r = 0; r < rows; r++)
        call->out[OUT_WEIGHTS].data[r] = (rf_real)(1.0 / (double)(positives ? positives : 1));
    return RF_OK;
}

static bool on(const rf_config *config) {
    return config->model.fsm;
}

static rf_status build(const rf_term_context *context, void *state) {
    fsm_term *fsm = state;
    const rf_config *config = context->config;
    const rf_detector *detector = context->detector;
    rf_graph *g = context->graph;
    int n = context->matches->common->n;
    fsm->last = context->matches;
    fsm->spec = (rf_roi_spec){(int)config->loss.fsm_rois, (float)config->loss.fsm_iou};
    fsm->heap = rf_alloc((size_t)n * (size_t)fsm->spec.count, RF_ROI_CANDIDATES * sizeof *fsm->heap);
    fsm->positives = rf_alloc((size_t)n, sizeof *fsm->positives);
    if (!fsm->heap || !fsm->positives) return RF_ERR_NOMEM;
    int rows = n * fsm->spec.count;
    const rf_shape shapes[OUT_COUNT] = {{2, {rows, RF_FSM_ROI}}, {1, {rows}}, {1, {rows}}};
    const rf_value in[] = {rf_outputs_value(&detector->outputs, "cls", -1),
                           rf_outputs_value(&detector->outputs, "loc", -1)};
    if (detector->n_levels >= RF_MAX_INPUTS)
        return rf_fail(RF_ERR_USER, "model.fsm: %d levels are too many, expected at most %d", detector->n_levels,
                       RF_MAX_INPUTS - 1);
    rf_value t = rf_graph_host(g, "regions", sample_regions, fsm, in, 2, shapes, OUT_COUNT);
    if (t == RF_NONE) return rf_graph_status(g);
    rf_value logits = rf_fsm_apply(g, rf_detector_branch(detector, "fsm"), t + OUT_ROIS, detector->maps,
                                   detector->n_levels, detector->stride[0]);
    rf_value loss = rf_graph_apply(g, "focal_loss", (rf_value[]){logits, t + OUT_LABELS, t + OUT_WEIGHTS}, 3,
                                   "alpha=%.17g gamma=%.17g", config->loss.focal_alpha, config->loss.focal_gamma);
    return rf_terms_add(context->terms, g, "fsm", loss, config->loss.fsm_weight, RF_TERM_ALL, 0);
}

const rf_term_kind rf_term_fsm = {
    .name = "fsm",
    .doc = "feature supervision: a classifier of regions teaches the pyramid (RefineFace)",
    .state_bytes = sizeof(fsm_term),
    .build = build,
    .free = release,
    .key = "model.fsm",
    .on = on,
};
