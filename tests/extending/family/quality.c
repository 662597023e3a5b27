/* SPDX-License-Identifier: Apache-2.0 */
/* What the output "quality" learns: how central an anchor lies in the box of its face (centre-ness: FCOS, arXiv
 * 1904.01355, equation 3), as a sigmoid, of positive anchors. Any network that predicts it has this term. */
#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/plugin.h"
#include "tests/extending/family/slim.h"
#include "detect/loss/term_kind.h"

typedef struct quality {
    const rf_term_matches *matches;
    const rf_call *call;
} quality;

static double share(double a, double b) {
    double lo = a < b ? a : b, hi = a < b ? b : a;
    return lo > 0 ? lo / hi : 0;
}

static void write_images(void *ctx, size_t begin, size_t end) {
    const quality *q = ctx;
    for (size_t i = begin; i < end; i++) {
        rf_term_match match = {0};
        while (rf_term_next(q->matches, i, &match)) {
            const float *box = match.face->box;
            double x = match.anchor[0], y = match.anchor[1];
            double inside = share(x - box[0], box[2] - x) * share(y - box[1], box[3] - y);
            q->call->out[0].data[match.row] = (rf_real)sqrt(inside);
        }
    }
}

/* The host node: targets of the rows with a face; the others weigh nothing. */
static rf_status write_targets(void *ctx, const rf_call *call) {
    quality *q = ctx;
    q->call = call;
    memset(call->out[0].data, 0, rf_shape_count(&call->out[0].shape) * sizeof(rf_real));
    rf_parallel_for(rf_term_images(q->matches), 1, write_images, q);
    return RF_OK;
}

static rf_status build(const rf_term_context *context, void *state) {
    rf_graph *g = context->graph;
    rf_value rows = rf_term_prediction(context, "quality"), weight = rf_term_row_weight(context, "loc");
    *(quality *)state = (quality){.matches = context->matches};
    rf_shape shape = rf_graph_shape(g, rows);
    rf_value in[] = {rf_apply1(g, "sigmoid", rows, "%s", ""),
                     rf_term_host(context, "quality_targets", write_targets, state, &shape, 1), weight};
    return rf_terms_add(context->terms, g, "quality", rf_graph_apply(g, "smooth_l1", in, 3, "beta=1"),
                        slim_settings(context->config)->quality_weight, RF_TERM_ALL, 0);
}

static const rf_term_kind kind = {.name = "quality",
                                  .doc = "how central anchors lie in their faces",
                                  .state_bytes = sizeof(quality),
                                  .build = build,
                                  .key = "model.family",
                                  .on = slim_is_meant};

rf_status rf_plugin_init(void) {
    return rf_register_term_kind(&kind);
}
