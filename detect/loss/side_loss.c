/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/loss/side_loss.h"

#include <stdio.h>

#include "core/parallel.h"

/* ---- the kinds ---- */

/* What insightface takes where label.txt does not tell. */
static const float unknown_blur = 0.3f;

static void write_blur(const rf_face *face, size_t n_points, rf_real *row) {
    (void)n_points;
    row[0] = face->has_blur && face->blur >= 0 ? face->blur : unknown_blur;
}

static const rf_side_loss rf_side_loss_blur = {.name = "blur", .doc = "how blurred the face is", .write = write_blur};

static void write_visible(const rf_face *face, size_t n_points, rf_real *row) {
    for (size_t k = 0; k < n_points; k++) row[k] = rf_face_hides(face, (int)k) ? 0 : 1;
}

static const rf_side_loss rf_side_loss_visible = {
    .name = "visible", .doc = "which points can be seen", .of_points = true, .write = write_visible};

static const void *const side_losses[] = {
#define RF_SIDE_LOSS(name) &rf_side_loss_##name,
#include "detect/loss/side_losses.def"
#undef RF_SIDE_LOSS
};

RF_REGISTRY_DEFINE(side_loss, rf_side_loss, side_losses, e->doc && e->write, .what = "side loss")

/* ---- the nodes ---- */

static void write_range(void *ctx, size_t begin, size_t end) {
    const rf_side_state *s = ctx;
    for (size_t i = begin; i < end; i++) {
        const rf_match *match = &s->matches[i];
        rf_real *row = s->call->out[0].data + i * s->anchors * s->width;
        for (size_t a = 0; a < s->anchors; a++, row += s->width)
            if (match->label[a] > 0) s->kind->write(&s->batch->faces[i][match->face[a]], s->points, row);
    }
}

/* A host node. Its input is the weights, whose node matches before it runs. */
static rf_status write_targets(void *ctx, const rf_call *call) {
    rf_side_state *s = ctx;
    s->call = call;
    rf_parallel_for((size_t)s->n, 1, write_range, s);
    return RF_OK;
}

rf_value rf_side_loss_build(rf_side_state *state, rf_graph *g, rf_value loss, rf_value rows, rf_value weight,
                            double knee, double factor) {
    rf_shape shape = {3, {state->n, (int)state->anchors, (int)state->width}};
    char name[64];
    snprintf(name, sizeof name, "%s_targets", state->kind->name);
    rf_value target = rf_graph_host(g, name, write_targets, state, &weight, 1, &shape, 1);
    if (target == RF_NONE) return RF_NONE;
    rf_value terms[] = {rf_apply1(g, "scale", rows, "factor=%.17g", factor),
                        rf_apply1(g, "scale", target, "factor=%.17g", factor), weight};
    rf_value more = rf_graph_apply(g, "smooth_l1", terms, 3, "beta=%.17g", knee);
    return rf_apply2(g, "add", loss, more, "%s", "");
}
