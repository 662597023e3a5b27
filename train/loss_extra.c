/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss_extra.h"

#include "core/parallel.h"

typedef struct extra_job {
    const rf_loss_extra *extra;
    const rf_call *call;
} extra_job;

/* What insightface takes where label.txt does not tell. */
static const float unknown_blur = 0.3f;

static const rf_face *face_of(const rf_loss_extra *extra, size_t image, size_t a) {
    const rf_match *match = &extra->matches[image];
    return match->label[a] > 0 ? &extra->batch->faces[image][match->face[a]] : NULL;
}

static void write_blur(void *ctx, size_t begin, size_t end) {
    const extra_job *job = ctx;
    for (size_t i = begin; i < end; i++)
        for (size_t a = 0; a < job->extra->anchors; a++) {
            const rf_face *face = face_of(job->extra, i, a);
            if (face)
                job->call->out[0].data[i * job->extra->anchors + a] =
                    face->has_blur && face->blur >= 0 ? face->blur : unknown_blur;
        }
}

static void write_visible(void *ctx, size_t begin, size_t end) {
    const extra_job *job = ctx;
    for (size_t i = begin; i < end; i++)
        for (size_t a = 0; a < job->extra->anchors; a++) {
            const rf_face *face = face_of(job->extra, i, a);
            size_t n = job->extra->points;
            rf_real *out = job->call->out[0].data + n * (i * job->extra->anchors + a);
            for (size_t k = 0; face && k < n; k++) out[k] = rf_face_hides(face, (int)k) ? 0 : 1;
        }
}

/* Host nodes. Their input is the weights, whose node matches before they run. */
static rf_status blur_targets(void *ctx, const rf_call *call) {
    extra_job job = {ctx, call};
    rf_parallel_for((size_t)job.extra->n, 1, write_blur, &job);
    return RF_OK;
}

static rf_status visible_targets(void *ctx, const rf_call *call) {
    extra_job job = {ctx, call};
    rf_parallel_for((size_t)job.extra->n, 1, write_visible, &job);
    return RF_OK;
}

/* Adds smooth-L1 of factor * (prediction - target). */
static rf_value with_extra(rf_graph *g, rf_value loss, rf_value pred, rf_value target, rf_value weight, double beta,
                           double factor) {
    rf_value terms[] = {rf_apply1(g, "scale", pred, "factor=%.17g", factor),
                        rf_apply1(g, "scale", target, "factor=%.17g", factor), weight};
    rf_value more = rf_graph_apply(g, "smooth_l1", terms, 3, "beta=%.17g", beta);
    return rf_apply2(g, "add", loss, more, "%s", "");
}

rf_status rf_loss_extra_build(rf_loss_extra *extra, rf_graph *graph, rf_value blur, rf_value visible,
                              rf_value box_weight, rf_value points_weight, rf_loss_parts *out) {
    int A = (int)extra->anchors;
    if (blur != RF_NONE) {
        rf_shape shape = {3, {extra->n, A, 1}};
        rf_value t = rf_graph_host(graph, "blur_targets", blur_targets, extra, &box_weight, 1, &shape, 1);
        if (t != RF_NONE) out->box = with_extra(graph, out->box, blur, t, box_weight, extra->box_beta, extra->weight);
    }
    if (visible != RF_NONE) {
        rf_shape shape = {3, {extra->n, A, (int)extra->points}};
        rf_value t = rf_graph_host(graph, "visible_targets", visible_targets, extra, &points_weight, 1, &shape, 1);
        if (t != RF_NONE)
            out->points =
                with_extra(graph, out->points, visible, t, points_weight, extra->landmark_beta, extra->weight);
    }
    return rf_graph_status(graph);
}
