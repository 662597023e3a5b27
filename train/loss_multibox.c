/* RetinaFace's multi-task loss (arXiv 1905.00641, equation 1):
 *   L = w_cls/N sum CE(kept anchors) + w_box/N sum_pos smoothL1(loc - loc*) + w_pts/N' sum_pos' smoothL1(points -
 * points*) N = positive anchors of the batch, N' = those whose face has landmarks (at least 1 each); kept = positives
 * and mined negatives. One host node matches, mines and writes labels, targets and weights; ordinary ops do the rest.
 */
#include "train/loss.h"

#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "detect/spec.h"
#include "train/loss_dense.h"
#include "train/mining.h"

enum { OUT_LABEL, OUT_CLS_WEIGHT, OUT_LOC, OUT_BOX_WEIGHT, OUT_POINTS, OUT_POINTS_WEIGHT, OUT_COUNT };

struct rf_loss {
    rf_detect_spec spec;
    rf_mining_spec mining;
    double weights[3], box_beta, landmark_beta;
    bool landmarks;
    int n;
    rf_anchor_set anchors;
    rf_match *matches; /* [n] */
    uint64_t *keys;    /* [n][A] */
    size_t *negatives; /* [n] */
    rf_loss_batch batch;
    rf_loss_counts counts;
    rf_dense_loss *dense; /* NULL: no mesh branch */
    const rf_call *call;  /* while the node runs */
};

static void multibox_free(rf_loss *loss) {
    if (!loss) return;
    for (int i = 0; loss->matches && i < loss->n; i++) rf_match_free(&loss->matches[i]);
    rf_free(loss->matches);
    rf_free(loss->keys);
    rf_free(loss->negatives);
    rf_dense_loss_free(loss->dense);
    rf_anchor_set_free(&loss->anchors);
    rf_free(loss);
}

static rf_status multibox_make(const rf_config *config, int n, int h, int w, rf_loss **out) {
    rf_loss *loss = rf_alloc(1, sizeof *loss);
    if (!loss) return RF_ERR_NOMEM;
    rf_status status = RF_ERR_NOMEM;
    loss->n = n;
    loss->mining = (rf_mining_spec){config->loss.negative_ratio, (size_t)config->loss.min_negatives};
    loss->weights[0] = config->loss.cls_weight;
    loss->weights[1] = config->loss.box_weight;
    loss->weights[2] = config->loss.landmark_weight;
    loss->box_beta = config->loss.box_beta;
    loss->landmark_beta = config->loss.landmark_beta;
    loss->landmarks = config->model.landmarks;
    RF_TRY_GOTO(rf_detect_spec_from_config(config, &loss->spec));
    RF_TRY_GOTO(rf_anchor_set_make(&loss->spec.anchors, h, w, &loss->anchors));
    status = RF_ERR_NOMEM;
    loss->matches = rf_alloc((size_t)n, sizeof *loss->matches);
    loss->keys = rf_alloc((size_t)n * loss->anchors.count, sizeof *loss->keys);
    loss->negatives = rf_alloc((size_t)n, sizeof *loss->negatives);
    if (!loss->matches || !loss->keys || !loss->negatives) goto fail;
    for (int i = 0; i < n; i++) RF_TRY_GOTO(rf_match_alloc(loss->anchors.count, &loss->matches[i]));
    RF_TRY_GOTO(rf_dense_loss_make(config, n, &loss->anchors, &loss->spec.codec, &loss->dense));
    *out = loss;
    return RF_OK;
fail:
    multibox_free(loss);
    return status;
}

/* Matching and mining of images begin..end-1. */
static void assign_range(void *ctx, size_t begin, size_t end) {
    rf_loss *loss = ctx;
    const rf_real *cls = loss->call->in[0].data;
    size_t A = loss->anchors.count;
    for (size_t i = begin; i < end; i++) {
        rf_match *match = &loss->matches[i];
        rf_match_faces(&loss->anchors, &loss->spec.match, loss->batch.faces[i], loss->batch.n_faces[i], match);
        loss->negatives[i] =
            rf_mine_negatives(&loss->mining, cls + 2 * A * i, A, match->n_positive, match->label, loss->keys + A * i);
    }
}

/* Targets of one positive anchor, in the graph's number type. */
static void encode_anchor(const rf_loss *loss, size_t image, size_t a, rf_real *loc, rf_real *points) {
    const rf_match *match = &loss->matches[image];
    const rf_face *face = &loss->batch.faces[image][match->face[a]];
    const float *anchor = loss->anchors.boxes + 4 * a;
    float t[4], p[2 * RF_POINTS];
    rf_codec_encode_box(&loss->spec.codec, anchor, face->box, t);
    for (int k = 0; k < 4; k++) loc[k] = t[k];
    if (!points || !match->has_points[a]) return;
    rf_codec_encode_points(&loss->spec.codec, anchor, face->points, p);
    for (int k = 0; k < 2 * RF_POINTS; k++) points[k] = p[k];
}

/* Labels, weights and targets of images begin..end-1, once the batch's counts are known. */
static void write_range(void *ctx, size_t begin, size_t end) {
    const rf_loss *loss = ctx;
    const rf_tensor *out = loss->call->out;
    size_t A = loss->anchors.count;
    rf_real share = (rf_real)(1.0 / (double)(loss->counts.positives ? loss->counts.positives : 1));
    rf_real point_share = (rf_real)(1.0 / (double)(loss->counts.landmarks ? loss->counts.landmarks : 1));
    for (size_t i = begin; i < end; i++) {
        const rf_match *match = &loss->matches[i];
        for (size_t a = 0; a < A; a++) {
            size_t row = i * A + a;
            bool positive = match->label[a] > 0, landmarks = loss->landmarks && positive && match->has_points[a];
            out[OUT_LABEL].data[row] = match->label[a];
            out[OUT_CLS_WEIGHT].data[row] = share;
            out[OUT_BOX_WEIGHT].data[row] = positive ? share : 0;
            if (loss->landmarks) out[OUT_POINTS_WEIGHT].data[row] = landmarks ? point_share : 0;
            if (!positive) continue;
            encode_anchor(loss, i, a, out[OUT_LOC].data + 4 * row,
                          loss->landmarks ? out[OUT_POINTS].data + 2 * RF_POINTS * row : NULL);
        }
    }
}

/* The host node. in: cls [N,A,2]. */
static rf_status assign_targets(void *ctx, const rf_call *call) {
    rf_loss *loss = ctx;
    loss->call = call;
    rf_parallel_for((size_t)loss->n, 1, assign_range, loss);
    loss->counts = (rf_loss_counts){0};
    for (int i = 0; i < loss->n; i++) {
        loss->counts.positives += loss->matches[i].n_positive;
        loss->counts.landmarks += loss->landmarks ? loss->matches[i].n_points : 0;
        loss->counts.ignored += loss->matches[i].n_ignored;
        loss->counts.negatives += loss->negatives[i];
    }
    rf_parallel_for((size_t)loss->n, 1, write_range, loss);
    return RF_OK;
}

static rf_status multibox_build(rf_loss *loss, rf_graph *g, const rf_detector *detector, rf_loss_values *out) {
    int A = (int)loss->anchors.count;
    if (detector->anchors != loss->anchors.count)
        return rf_fail(RF_ERR_USER, "the network has %zu anchors, the settings in [anchors] give %d", detector->anchors,
                       A);
    int scope = rf_graph_scope(g, "loss");
    rf_shape rows = {2, {loss->n, A}}, loc = {3, {loss->n, A, 4}}, points = {3, {loss->n, A, 2 * RF_POINTS}};
    rf_shape shapes[OUT_COUNT] = {rows, rows, loc, rows, points, rows};
    rf_value t = rf_graph_host(g, "targets", assign_targets, loss, &detector->cls, 1, shapes,
                               loss->landmarks ? OUT_COUNT : OUT_POINTS);
    *out = (rf_loss_values){RF_NONE, RF_NONE, RF_NONE, RF_NONE, RF_NONE, RF_NONE};
    if (t == RF_NONE) return rf_graph_status(g);
    out->cls = rf_graph_apply(g, "softmax_ce", (rf_value[]){detector->cls, t + OUT_LABEL, t + OUT_CLS_WEIGHT}, 3, "");
    out->box = rf_graph_apply(g, "smooth_l1", (rf_value[]){detector->loc, t + OUT_LOC, t + OUT_BOX_WEIGHT}, 3,
                              "beta=%.17g", loss->box_beta);
    out->total = rf_apply2(g, "add", rf_apply1(g, "scale", out->cls, "factor=%.17g", loss->weights[0]),
                           rf_apply1(g, "scale", out->box, "factor=%.17g", loss->weights[1]), "");
    if (loss->landmarks) {
        out->points =
            rf_graph_apply(g, "smooth_l1", (rf_value[]){detector->points, t + OUT_POINTS, t + OUT_POINTS_WEIGHT}, 3,
                           "beta=%.17g", loss->landmark_beta);
        out->total =
            rf_apply2(g, "add", out->total, rf_apply1(g, "scale", out->points, "factor=%.17g", loss->weights[2]), "");
    }
    if (loss->dense)
        out->total = rf_apply2(
            g, "add", out->total,
            rf_dense_loss_build(loss->dense, g, detector, t + OUT_LABEL, loss->matches, &out->mesh, &out->edge), "");
    rf_graph_keep(g, out->cls);
    rf_graph_keep(g, out->box);
    rf_graph_keep(g, out->points);
    rf_graph_keep(g, out->total);
    rf_graph_scope_end(g, scope);
    return rf_graph_status(g);
}

static void multibox_set_batch(rf_loss *loss, const rf_loss_batch *batch) {
    loss->batch = *batch;
    rf_dense_loss_set_batch(loss->dense, batch);
}

static rf_loss_counts multibox_counts(const rf_loss *loss) {
    return loss->counts;
}

const rf_loss_kind rf_loss_multibox = {
    .name = "multibox",
    .doc = "softmax cross-entropy with hard-negative mining, smooth-L1 for boxes and landmarks",
    .make = multibox_make,
    .free = multibox_free,
    .build = multibox_build,
    .set_batch = multibox_set_batch,
    .counts = multibox_counts,
};
