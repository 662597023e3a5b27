/* SPDX-License-Identifier: Apache-2.0 */
/* Centre-ness (FCOS, arXiv 1904.01355, equation 3) of the centre of an anchor in the box of its face, whose sides are
 * l, t, r and b away:  c = sqrt(min(l,r) / max(l,r) * min(t,b) / max(t,b)). FCOS's code weighs the regression of a
 * location by it; this term is that for the boxes of anchors: smooth-L1 with c as a further weight, beside the loss's
 * own box term (ours). Anchors whose centre lies outside have c = 0. */
#include <math.h>

#include "core/parallel.h"
#include "core/plugin.h"
#include "detect/loss/term_kind.h"

typedef struct centre {
    const rf_term_matches *matches;
    const rf_call *call;
} centre;

static double share(double a, double b) {
    double lo = a < b ? a : b, hi = a < b ? b : a;
    return lo > 0 ? lo / hi : 0;
}

static double centreness(const float anchor[4], const float box[4]) {
    double x = anchor[0], y = anchor[1];
    return sqrt(share(x - box[0], box[2] - x) * share(y - box[1], box[3] - y));
}

static void write_images(void *ctx, size_t begin, size_t end) {
    const centre *c = ctx;
    for (size_t i = begin; i < end; i++) {
        rf_term_match match = {0};
        while (rf_term_next(c->matches, i, &match))
            c->call->out[0].data[match.row] = (rf_real)centreness(match.anchor, match.face->box);
    }
}

/* The host node: c of the rows with a face, 0 elsewhere. */
static rf_status write_quality(void *ctx, const rf_call *call) {
    centre *c = ctx;
    size_t rows = rf_shape_count(&call->out[0].shape);
    c->call = call;
    for (size_t r = 0; r < rows; r++) call->out[0].data[r] = 0;
    rf_parallel_for(rf_term_images(c->matches), 1, write_images, c);
    return RF_OK;
}

static rf_status build(const rf_term_context *context, void *state) {
    rf_graph *g = context->graph;
    rf_value boxes = rf_term_prediction(context, "loc"), weight = rf_term_row_weight(context, "loc");
    if (boxes == RF_NONE) return rf_fail(RF_ERR_USER, "the network predicts no boxes");
    *(centre *)state = (centre){.matches = context->matches};
    rf_shape rows = rf_graph_shape(g, weight);
    rf_value quality = rf_term_host(context, "quality", write_quality, state, &rows, 1);
    weight = rf_apply2(g, "mul", weight, quality, "%s", "");
    rf_value inputs[] = {boxes, rf_term_target(context, "loc"), weight};
    return rf_term_add(context,
                       rf_graph_apply(g, "smooth_l1", inputs, 3, "beta=%.17g", context->config->loss.box_beta));
}

static const rf_term_kind kind = {.name = "centreness",
                                  .doc = "boxes of anchors near the middle of their face count more (FCOS)",
                                  .state_bytes = sizeof(centre),
                                  .build = build};

rf_status rf_plugin_init(void) {
    return rf_register_term_kind(&kind);
}
