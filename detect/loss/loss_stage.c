/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/loss/loss_stage.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "detect/box.h"

rf_status rf_loss_stage_make(rf_loss_common *common, const rf_loss_stage *before, rf_loss_stage *out) {
    size_t n = (size_t)common->n, A = common->anchors.count;
    *out = (rf_loss_stage){
        .common = common, .batch = &common->batch, .before = before, .index = before ? before->index + 1 : 0};
    out->matches = rf_alloc(n, sizeof *out->matches);
    out->sums = rf_alloc(n, sizeof *out->sums);
    out->labels = rf_alloc(n * A, sizeof *out->labels);
    if (!out->matches || !out->sums || !out->labels) return RF_ERR_NOMEM;
    if (before) {
        out->boxes = rf_alloc(n * A, 4 * sizeof *out->boxes);
        if (!out->boxes) return RF_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) RF_TRY(rf_match_alloc(A, &out->matches[i]));
    return RF_OK;
}

void rf_loss_stage_free(rf_loss_stage *stage) {
    for (int i = 0; stage->matches && i < stage->common->n; i++) rf_match_free(&stage->matches[i]);
    rf_free(stage->matches);
    rf_free(stage->sums);
    rf_free(stage->labels);
    rf_free(stage->boxes);
    memset(stage, 0, sizeof *stage);
}

const float *rf_loss_stage_boxes(const rf_loss_stage *stage, size_t image) {
    const rf_anchor_set *anchors = &stage->common->anchors;
    return stage->boxes ? stage->boxes + 4 * anchors->count * image : anchors->boxes;
}

static size_t level_anchors(const rf_anchor_set *anchors, int level) {
    return rf_anchor_level_end(anchors, level) - anchors->levels[level].first;
}

/* ---- assignment ---- */

/* The boxes that the stage before decodes; where it moves none they stay. */
static void move_boxes(rf_loss_stage *stage, size_t image) {
    const rf_loss_common *c = stage->common;
    const rf_output_rows *moves = &stage->before->loc;
    const float *from = rf_loss_stage_boxes(stage->before, image);
    float *to = stage->boxes + 4 * c->anchors.count * image;
    memcpy(to, from, 4 * c->anchors.count * sizeof *to);
    if (stage->in_moves < 0) return;
    const rf_real *locs = stage->call->in[stage->in_moves].data + (size_t)moves->width * moves->count * image;
    for (int l = 0; l < c->anchors.n_levels; l++) {
        float *box = to + 4 * c->anchors.levels[l].first;
        if (moves->first[l] < 0) continue;
        const rf_real *row = locs + moves->width * moves->first[l];
        const rf_codec codec = rf_codec_at(&c->spec.codec, c->anchors.levels[l].stride);
        for (size_t a = 0; a < level_anchors(&c->anchors, l); a++, box += 4, row += moves->width) {
            float loc[RF_CODE_MAX];
            for (int k = 0; k < moves->width; k++) loc[k] = (float)row[k];
            rf_codec_move_anchor(&codec, box, loc, box);
        }
    }
}

/* Copies the labels of the levels that have logits to or from a list without gaps. */
static void copy_labels(const rf_loss_stage *stage, int8_t *anchors, int8_t *rows, bool back) {
    const rf_anchor_set *set = &stage->common->anchors;
    for (int l = 0; l < set->n_levels; l++) {
        if (stage->cls.first[l] < 0) continue;
        int8_t *of_level = anchors + set->levels[l].first, *row = rows + stage->cls.first[l];
        memcpy(back ? of_level : row, back ? row : of_level, level_anchors(set, l));
    }
}

/* The rows of an image that are an input of the node, level by level. */
static void rows_by_level(const rf_loss_stage *stage, int input, const rf_output_rows *rows, size_t image,
                          const rf_real **out) {
    for (int l = 0; l < stage->common->anchors.n_levels; l++) {
        out[l] = NULL;
        if (input < 0 || rows->first[l] < 0) continue;
        size_t row = rows->count * image + (size_t)rows->first[l];
        out[l] = stage->call->in[input].data + (size_t)rows->width * row;
    }
}

/* Examples among the anchors that the step before classifies, too. */
static void count_examples(rf_loss_stage *stage, size_t image, bool sampled) {
    const rf_anchor_set *set = &stage->common->anchors;
    const int8_t *label = stage->matches[image].label;
    rf_stage_sums *sums = &stage->sums[image];
    for (int l = 0; stage->in_before >= 0 && l < set->n_levels; l++) {
        if (stage->cls.first[l] < 0 || stage->before->cls.first[l] < 0) continue;
        for (size_t a = set->levels[l].first; a < rf_anchor_level_end(set, l); a++) {
            sums->positives += !sampled && label[a] > 0;
            *(sampled ? &sums->kept : &sums->negatives) += label[a] == 0;
        }
    }
}

/* How much better the moved anchors fit the faces that they belong to. */
static void measure_boxes(rf_loss_stage *stage, size_t image) {
    const rf_loss_common *c = stage->common;
    const rf_match *match = &stage->matches[image];
    rf_stage_sums *sums = &stage->sums[image];
    const float *moved = rf_loss_stage_boxes(stage, image);
    for (int l = 0; l < c->anchors.n_levels; l++) {
        size_t first = c->anchors.levels[l].first, end = first + level_anchors(&c->anchors, l);
        if (stage->in_moves < 0 || stage->before->loc.first[l] < 0) continue;
        for (size_t a = first; a < end; a++) {
            if (match->label[a] <= 0) continue;
            const float *face = stage->batch->faces[image][match->face[a]].box;
            sums->moved++;
            sums->iou_grid += (double)rf_anchor_iou(c->anchors.boxes + 4 * a, face, c->anchors.plus_one);
            sums->iou_moved += (double)rf_anchor_iou(moved + 4 * a, face, c->anchors.plus_one);
        }
    }
}

/* The anchors that are classified, without gaps: a level that is not has none. */
static rf_sample_image image_of(const rf_loss_stage *stage, size_t image, int8_t *label, size_t positives) {
    const rf_loss_common *c = stage->common;
    size_t rows = stage->cls.count, at = 0;
    rf_sample_image out = {.n_levels = c->anchors.n_levels, .label = label, .n_positive = positives};
    out.classes = stage->cls.width;
    out.logits = stage->call->in[stage->in_cls].data + (size_t)out.classes * rows * image;
    out.keys = c->keys + c->anchors.count * image;
    for (int l = 0; l < out.n_levels; l++) {
        out.first[l] = at;
        if (stage->cls.first[l] >= 0) at += level_anchors(&c->anchors, l);
    }
    out.first[out.n_levels] = at;
    if (stage->before) rows_by_level(stage, stage->in_before, &stage->before->cls, image, out.before);
    return out;
}

/* Which of the anchors that are classified train; the others keep their labels, which nobody reads. */
static void sample_image(rf_loss_stage *stage, size_t image) {
    const rf_loss_common *c = stage->common;
    rf_match *match = &stage->matches[image];
    size_t A = c->anchors.count, rows = stage->cls.count, positives = match->n_positive;
    if (stage->in_cls < 0) return;
    int8_t *label = rows == A ? match->label : stage->labels + A * image;
    if (rows != A) {
        copy_labels(stage, match->label, label, false);
        positives = 0;
        for (size_t i = 0; i < rows; i++) positives += label[i] > 0;
    }
    rf_sample_image anchors = image_of(stage, image, label, positives);
    c->sampler->run(&c->sampling, &anchors);
    if (rows != A) copy_labels(stage, match->label, label, true);
}

static void assign_image(rf_loss_stage *stage, size_t image) {
    const rf_loss_common *c = stage->common;
    const rf_assign_state *assign = &c->assign[stage->index > 0];
    rf_assign_image in = {.grid = &c->anchors,
                          .boxes = rf_loss_stage_boxes(stage, image),
                          .spec = &c->spec.match[stage->index],
                          .faces = stage->batch->faces[image],
                          .n_faces = stage->batch->n_faces[image],
                          .scratch = assign->scratch[image]};
    if (assign->kind->reads_predictions) {
        rows_by_level(stage, stage->in_cls, &stage->cls, image, in.cls);
        rows_by_level(stage, stage->in_loc, &stage->loc, image, in.loc);
    }
    assign->kind->run(&in, &stage->matches[image]);
    if (c->level >= 0) rf_match_keep_level(&c->anchors, c->level, in.faces, &stage->matches[image]);
}

/* Assigning and sampling of images begin..end-1. */
static void assign_range(void *ctx, size_t begin, size_t end) {
    rf_loss_stage *stage = ctx;
    for (size_t i = begin; i < end; i++) {
        if (stage->before) move_boxes(stage, i);
        assign_image(stage, i);
        count_examples(stage, i, false);
        sample_image(stage, i);
        count_examples(stage, i, true);
        if (stage->before) measure_boxes(stage, i);
    }
}

static void count(rf_loss_stage *stage) {
    const rf_anchor_set *anchors = &stage->common->anchors;
    rf_loss_tally tally[RF_MAX_LEVELS] = {{0}};
    stage->counts = (rf_loss_counts){0};
    for (int i = 0; i < stage->common->n; i++) {
        const rf_match *match = &stage->matches[i];
        stage->counts.ignored += match->n_ignored;
        for (int l = 0; l < anchors->n_levels; l++) {
            bool cls = stage->cls.first[l] >= 0, box = stage->loc.first[l] >= 0;
            size_t first = anchors->levels[l].first, end = first + level_anchors(anchors, l);
            for (size_t a = first; a < end; a++) {
                bool positive = match->label[a] > 0;
                tally[l].positives += positive && cls;
                tally[l].negatives += match->label[a] == 0 && cls;
                tally[l].box_positives += positive && box;
                tally[l].landmarks += positive && box && stage->points.value != RF_NONE && match->has_points[a];
            }
        }
    }
    for (int l = 0; l < anchors->n_levels; l++) {
        stage->counts.positives += tally[l].positives;
        stage->counts.negatives += tally[l].negatives;
        stage->counts.landmarks += tally[l].landmarks;
    }
    rf_loss_norm_input in = {tally, anchors->n_levels, stage->common->n, (double)stage->common->sampling.total};
    stage->common->norm->run(&in, stage->shares);
}

/* ---- targets ---- */

/* One output of the node, NULL when the stage has no use for it. */
static rf_real *target(const rf_loss_stage *stage, int which) {
    return stage->slot[which] < 0 ? NULL : stage->call->out[stage->slot[which]].data;
}

static void write_labels(const rf_loss_stage *stage, size_t image, int level) {
    const rf_anchor_set *anchors = &stage->common->anchors;
    size_t row = stage->cls.count * image + (size_t)stage->cls.first[level];
    rf_real *labels = target(stage, RF_TARGET_LABEL) + row, *weights = target(stage, RF_TARGET_CLS_WEIGHT) + row;
    const int8_t *label = stage->matches[image].label + anchors->levels[level].first;
    rf_real share = (rf_real)stage->shares[level].cls, *margins = target(stage, RF_TARGET_MARGIN);
    const int32_t *face = stage->matches[image].face + anchors->levels[level].first;
    const rf_face *faces = stage->batch->faces[image];
    for (size_t a = 0; a < level_anchors(anchors, level); a++) {
        labels[a] = label[a] > 0 ? 1 + faces[face[a]].label : label[a];
        weights[a] = share;
        if (!margins) continue;
        const rf_loss_common *c = stage->common;
        margins[row + a] = label[a] > 0 ? (rf_real)c->cls_loss->margin(&c->config, faces[face[a]].box) : 0;
    }
}

/* Targets of one positive anchor, in the graph's number type. */
static void encode_anchor(const rf_loss_stage *stage, const rf_codec *codec, size_t image, size_t a, rf_real *loc,
                          rf_real *points) {
    const rf_match *match = &stage->matches[image];
    const rf_face *face = &stage->batch->faces[image][match->face[a]];
    const float *anchor = rf_loss_stage_boxes(stage, image) + 4 * a;
    float row[RF_CODE_MAX];
    rf_codec_box(codec)->encode(codec, anchor, face, row);
    for (int k = 0; k < stage->loc.width; k++) loc[k] = row[k];
    if (!points || !match->has_points[a]) return;
    rf_codec_points(codec)->encode(codec, anchor, face, row);
    for (int k = 0; k < stage->points.width; k++) points[k] = row[k];
}

static void write_boxes(const rf_loss_stage *stage, size_t image, int level) {
    const rf_anchor_set *anchors = &stage->common->anchors;
    const rf_match *match = &stage->matches[image];
    size_t row = stage->loc.count * image + (size_t)stage->loc.first[level];
    rf_real *loc = target(stage, RF_TARGET_LOC), *weight = target(stage, RF_TARGET_BOX_WEIGHT);
    rf_real *points = target(stage, RF_TARGET_POINTS), *points_weight = target(stage, RF_TARGET_POINTS_WEIGHT);
    rf_real share = (rf_real)stage->shares[level].box, point_share = (rf_real)stage->shares[level].points;
    size_t first = anchors->levels[level].first, end = first + level_anchors(anchors, level);
    size_t width = (size_t)stage->loc.width, points_width = (size_t)stage->points.width;
    const rf_codec codec = rf_codec_at(&stage->common->spec.codec, anchors->levels[level].stride);
    for (size_t a = first; a < end; a++, row++) {
        bool positive = match->label[a] > 0, landmarks = points && positive && match->has_points[a];
        weight[row] = positive ? share : 0;
        if (points) points_weight[row] = landmarks ? point_share : 0;
        if (positive)
            encode_anchor(stage, &codec, image, a, loc + width * row, points ? points + points_width * row : NULL);
    }
}

/* Labels, weights and targets of images begin..end-1, once the batch's counts are known. */
static void write_range(void *ctx, size_t begin, size_t end) {
    const rf_loss_stage *stage = ctx;
    for (size_t i = begin; i < end; i++)
        for (int l = 0; l < stage->common->anchors.n_levels; l++) {
            if (stage->cls.first[l] >= 0) write_labels(stage, i, l);
            if (stage->loc.first[l] >= 0) write_boxes(stage, i, l);
        }
}

/* The host node. */
static rf_status assign_targets(void *ctx, const rf_call *call) {
    rf_loss_stage *stage = ctx;
    stage->call = call;
    rf_parallel_for((size_t)stage->common->n, 1, assign_range, stage);
    count(stage);
    rf_parallel_for((size_t)stage->common->n, 1, write_range, stage);
    return RF_OK;
}

/* ---- nodes ---- */

static rf_value append_targets(rf_loss_stage *stage, rf_graph *g) {
    int n = stage->common->n, cls = (int)stage->cls.count, box = (int)stage->loc.count, n_in = 0, n_out = 0;
    const rf_shape all[RF_TARGET_COUNT] = {{2, {n, cls}},
                                           {2, {n, cls}},
                                           {3, {n, box, stage->loc.width}},
                                           {2, {n, box}},
                                           {3, {n, box, stage->points.width}},
                                           {2, {n, box}},
                                           {2, {n, cls}}};
    const rf_loss_common *c = stage->common;
    const rf_row_loss *cls_loss = c->cls_loss;
    bool margins = cls_loss->has_margin && cls_loss->has_margin(&c->config);
    rf_value before = stage->before ? stage->before->loc.value : RF_NONE, in[4];
    rf_value judged = stage->before && c->sampler->reads_before ? stage->before->cls.value : RF_NONE;
    bool reads = c->assign[stage->index > 0].kind->reads_predictions;
    rf_shape shapes[RF_TARGET_COUNT];
    char name[24];
    stage->in_cls = stage->in_loc = stage->in_moves = stage->in_before = -1;
    if (stage->cls.value != RF_NONE) in[stage->in_cls = n_in++] = stage->cls.value;
    if (judged != RF_NONE) in[stage->in_before = n_in++] = judged;
    if (before != RF_NONE) in[stage->in_moves = n_in++] = before;
    if (reads && stage->loc.value != RF_NONE) in[stage->in_loc = n_in++] = stage->loc.value;
    for (int i = 0; i < RF_TARGET_COUNT; i++) {
        rf_value of = i <= RF_TARGET_CLS_WEIGHT   ? stage->cls.value
                      : i <= RF_TARGET_BOX_WEIGHT ? stage->loc.value
                      : i < RF_TARGET_MARGIN      ? stage->points.value
                      : margins                   ? stage->cls.value
                                                  : RF_NONE;
        stage->slot[i] = of == RF_NONE ? -1 : n_out;
        if (of != RF_NONE) shapes[n_out++] = all[i];
    }
    snprintf(name, sizeof name, stage->index ? "targets%d" : "targets", stage->index + 1);
    return rf_graph_host(g, name, assign_targets, stage, in, n_in, shapes, n_out);
}

/* What the stage predicts under a name, with the prefix before it. */
static rf_output_rows rows_of(const rf_loss_stage *stage, const rf_output_list *outputs, const char *prefix,
                              const char *name) {
    char text[32];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return rf_outputs_rows(outputs, text, stage->index);
}

/* The comparison of rows with targets and weights of the stage's node, RF_NONE where there are none. */
static rf_value compare(const rf_loss_stage *stage, rf_graph *g, const rf_row_loss *loss, const rf_output_rows *rows,
                        int target, double knee) {
    const int *slot = stage->slot;
    if (rows->value == RF_NONE) return RF_NONE;
    bool margins = target == RF_TARGET_LABEL && slot[RF_TARGET_MARGIN] >= 0;
    const rf_row_loss_input in = {.rows = rows->value,
                                  .target = stage->targets + slot[target],
                                  .weight = stage->targets + slot[target + 1],
                                  .margin = margins ? stage->targets + slot[RF_TARGET_MARGIN] : RF_NONE,
                                  .knee = knee};
    return loss->build(g, &stage->common->config, &in);
}

/* Outputs that are learnt in the sums of boxes and points. */
static rf_status add_sides(rf_loss_stage *stage, rf_graph *g, const rf_output_list *outputs, const char *prefix,
                           rf_loss_parts *out) {
    const rf_loss_common *c = stage->common;
    int n = 0;
    for (int i = 0; i < rf_side_loss_count(); i++) {
        const rf_side_loss *kind = rf_side_loss_at(i);
        rf_output_rows rows = rows_of(stage, outputs, prefix, kind->name);
        rf_value *sum = kind->of_points ? &out->points : &out->box;
        if (rows.value == RF_NONE || *sum == RF_NONE) continue;
        if (n == RF_SIDE_LOSSES)
            return rf_fail(RF_ERR_USER, "the network has more than %d outputs that are learnt in the sums of others",
                           RF_SIDE_LOSSES);
        rf_side_state *side = &stage->sides[n++];
        *side = (rf_side_state){.kind = kind,
                                .matches = stage->matches,
                                .batch = stage->batch,
                                .n = c->n,
                                .anchors = c->anchors.count,
                                .points = (size_t)c->spec.codec.n_points,
                                .width = (size_t)rows.width};
        int weight = kind->of_points ? RF_TARGET_POINTS_WEIGHT : RF_TARGET_BOX_WEIGHT;
        *sum = rf_side_loss_build(side, g, *sum, rows.value, stage->targets + stage->slot[weight],
                                  kind->of_points ? c->config.loss.landmark_beta : c->config.loss.box_beta,
                                  c->config.loss.extra_weight);
    }
    return rf_graph_status(g);
}

/* In the list of targets the weight stands behind what it weighs. */
_Static_assert(RF_TARGET_CLS_WEIGHT == RF_TARGET_LABEL + 1 && RF_TARGET_BOX_WEIGHT == RF_TARGET_LOC + 1 &&
                   RF_TARGET_POINTS_WEIGHT == RF_TARGET_POINTS + 1,
               "order of the targets");

rf_status rf_loss_stage_build(rf_loss_stage *stage, rf_graph *g, const rf_output_list *outputs, const char *prefix,
                              rf_loss_parts *out) {
    const rf_loss_common *c = stage->common;
    stage->cls = rows_of(stage, outputs, prefix, "cls");
    stage->loc = rows_of(stage, outputs, prefix, "loc");
    stage->points = rows_of(stage, outputs, prefix, "points");
    *out = (rf_loss_parts){RF_NONE, RF_NONE, RF_NONE};
    stage->targets = append_targets(stage, g);
    if (stage->targets == RF_NONE) return rf_graph_status(g);
    out->cls = compare(stage, g, c->cls_loss, &stage->cls, RF_TARGET_LABEL, 0);
    out->box = compare(stage, g, c->box_loss, &stage->loc, RF_TARGET_LOC, c->config.loss.box_beta);
    out->points = compare(stage, g, c->box_loss, &stage->points, RF_TARGET_POINTS, c->config.loss.landmark_beta);
    RF_TRY(add_sides(stage, g, outputs, prefix, out));
    rf_graph_keep(g, out->cls);
    rf_graph_keep(g, out->box);
    rf_graph_keep(g, out->points);
    return rf_graph_status(g);
}

rf_stage_sums rf_loss_stage_facts(rf_loss_stage *stage) {
    rf_stage_sums all = {0};
    for (int i = 0; i < stage->common->n; i++) {
        rf_stage_sums *one = &stage->sums[i];
        all.positives += one->positives;
        all.negatives += one->negatives;
        all.kept += one->kept;
        all.moved += one->moved;
        all.iou_grid += one->iou_grid;
        all.iou_moved += one->iou_moved;
        *one = (rf_stage_sums){0};
    }
    return all;
}
