/* SPDX-License-Identifier: Apache-2.0 */
/* What comes after the rows of all anchors: they as outputs, and faces. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/mem.h"
#include "export/onnx_net.h"

static rf_onnx_dim batch_of(const rf_onnx_build *b) {
    return (rf_onnx_dim){b->options->batch, b->options->batch > 0 ? NULL : "batch"};
}

/* [n] as a dimension. */
static rf_onnx_dim of(int n) {
    return (rf_onnx_dim){n, NULL};
}

/* Numbers of a row of an output, wherever it is predicted; 0: nowhere. */
static int width_of(const rf_onnx_build *b, const char *name) {
    const rf_output_list *outputs = &b->net->detector.outputs;
    for (const rf_output *o = outputs->v; o < outputs->v + outputs->n; o++)
        if (strcmp(o->name, name) == 0) return o->width;
    return 0;
}

rf_status rf_onnx_anchors(rf_onnx_build *b) {
    const char *loc[RF_NET_LEVELS + 1] = {NULL}, *points[RF_NET_LEVELS + 1] = {NULL};
    for (int l = 0; l < b->net->detector.n_levels; l++) {
        rf_onnx_rows rows = {NULL, NULL};
        RF_TRY(rf_onnx_decode(b, l, NULL, &rows));
        loc[l] = rows.box;
        points[l] = rows.points;
    }
    rf_onnx_dim n = batch_of(b), a = of((int)b->net->detector.anchors);
    if (b->dynamic) a = (rf_onnx_dim){0, "anchors"};
    const char *all[] = {rf_onnx_join(b, loc, "loc"), rf_onnx_classes(b), NULL};
    if (points[0]) all[2] = rf_onnx_join(b, points, "landms");
    rf_onnx_output_add(b->onnx, (rf_onnx_value){all[0], RF_ONNX_FLOAT, 3, {n, a, of(width_of(b, "loc"))}});
    rf_onnx_output_add(b->onnx, (rf_onnx_value){all[1], RF_ONNX_FLOAT, 3, {n, a, of(width_of(b, "cls"))}});
    if (all[2])
        rf_onnx_output_add(b->onnx, (rf_onnx_value){all[2], RF_ONNX_FLOAT, 3, {n, a, of(width_of(b, "points"))}});
    return RF_OK;
}

/* ---- anchors ---- */

/* Those of a level as a constant, "" when there is no memory. */
static const char *fixed_anchors(rf_onnx_build *b, const rf_anchor_spec *spec, int level) {
    rf_anchor_set set;
    if (rf_anchor_set_make(spec, b->options->h, b->options->w, &set) != RF_OK) return "";
    size_t first = set.levels[level].first, n = rf_anchor_level_end(&set, level) - first;
    float *data = rf_onnx_alloc(b->onnx, n, 4 * sizeof *data);
    if (data) memcpy(data, set.boxes + 4 * first, n * 4 * sizeof *data);
    const char *name =
        rf_onnx_tensor_add(b->onnx, rf_onnx_text(b->onnx, "anchors%d", spec->strides[level]), RF_ONNX_FLOAT,
                           (const int64_t[]){(int64_t)n, 4}, 2, data, n * 4 * sizeof *data);
    rf_anchor_set_free(&set);
    return name;
}

/* Centres of the cells on one axis: first + index * stride for as many as the map has. */
static const char *centres(rf_onnx_build *b, const char *sizes, int axis, const char *prefix, float first, int stride) {
    rf_onnx_model *m = b->onnx;
    int64_t zero = 0, one = 1, at = axis;
    const char *n = rf_onnx_node_add(m, "Gather", rf_onnx_text(m, "%s.count%d", prefix, axis),
                                     RF_ONNX_IN(sizes, rf_onnx_ints(m, -1, &at)), "axis=0");
    const char *x = rf_onnx_node_add(m, "Range", rf_onnx_text(m, "%s.index%d", prefix, axis),
                                     RF_ONNX_IN(rf_onnx_ints(m, -1, &zero), n, rf_onnx_ints(m, -1, &one)), "%s", "");
    x = rf_onnx_node_add(m, "Cast", rf_onnx_text(m, "%s.cell%d", prefix, axis), RF_ONNX_IN(x), "to=%d", RF_ONNX_FLOAT);
    x = rf_onnx_node_add(m, "Mul", rf_onnx_text(m, "%s.pixel%d", prefix, axis),
                         RF_ONNX_IN(x, rf_onnx_number(m, (float)stride)), "%s", "");
    x = rf_onnx_node_add(m, "Add", rf_onnx_text(m, "%s.centre%d", prefix, axis),
                         RF_ONNX_IN(x, rf_onnx_number(m, first)), "%s", "");
    const char *shape = axis == 2 ? RF_ONNX_INTS(m, -1, 1, 1, 1) : RF_ONNX_INTS(m, 1, -1, 1, 1);
    return rf_onnx_node_add(m, "Reshape", rf_onnx_text(m, "%s.axis%d", prefix, axis), RF_ONNX_IN(x, shape), "%s", "");
}

/* Width and height of the anchors of a cell, [1,1,sizes,2]. */
static const char *anchor_sizes(rf_onnx_build *b, const rf_anchor_spec *spec, int level, const char *prefix) {
    float *data = rf_onnx_alloc(b->onnx, (size_t)spec->n_sizes, 2 * sizeof *data);
    for (int s = 0; data && s < spec->n_sizes; s++) rf_anchor_shape(spec, level, s, data + 2 * s);
    return rf_onnx_tensor_add(b->onnx, rf_onnx_text(b->onnx, "%s.sizes", prefix), RF_ONNX_FLOAT,
                              (const int64_t[]){1, 1, spec->n_sizes, 2}, 4, data,
                              (size_t)spec->n_sizes * 2 * sizeof *data);
}

/* The anchors of a level, [rows * columns * sizes, 4], from the size of its map. */
static const char *level_anchors(rf_onnx_build *b, const rf_anchor_spec *spec, int level) {
    rf_onnx_model *m = b->onnx;
    int stride = spec->strides[level];
    float first = spec->centre_offset < 0 ? 0.5f * (float)stride : spec->centre_offset;
    const char *prefix = rf_onnx_text(m, "anchors%d", stride);
    const char *size = rf_onnx_node_add(m, "Shape", rf_onnx_text(m, "%s.map", prefix),
                                        RF_ONNX_IN(rf_onnx_level_map(b, level)), "%s", "");
    const char *cy = centres(b, size, 2, prefix, first, stride), *cx = centres(b, size, 3, prefix, first, stride);
    const char *wh = anchor_sizes(b, spec, level, prefix);
    const char *hw =
        rf_onnx_node_add(m, "Slice", rf_onnx_text(m, "%s.cells", prefix),
                         RF_ONNX_IN(size, RF_ONNX_INTS(m, 2), RF_ONNX_INTS(m, 4), RF_ONNX_INTS(m, 0)), "%s", "");
    const char *one = rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.one", prefix),
                                       RF_ONNX_IN(hw, RF_ONNX_INTS(m, spec->n_sizes, 1)), "axis=0");
    const char *two = rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.two", prefix),
                                       RF_ONNX_IN(hw, RF_ONNX_INTS(m, spec->n_sizes, 2)), "axis=0");
    cx = rf_onnx_node_add(m, "Expand", rf_onnx_text(m, "%s.cx", prefix), RF_ONNX_IN(cx, one), "%s", "");
    cy = rf_onnx_node_add(m, "Expand", rf_onnx_text(m, "%s.cy", prefix), RF_ONNX_IN(cy, one), "%s", "");
    wh = rf_onnx_node_add(m, "Expand", rf_onnx_text(m, "%s.wh", prefix), RF_ONNX_IN(wh, two), "%s", "");
    const char *cells =
        rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.boxes", prefix), RF_ONNX_IN(cx, cy, wh), "axis=3");
    return rf_onnx_node_add(m, "Reshape", prefix, RF_ONNX_IN(cells, RF_ONNX_INTS(m, -1, 4)), "%s", "");
}

/* ---- factors of scores ---- */

static const char *fixed_factors(rf_onnx_build *b, const rf_detect_spec *spec) {
    rf_anchor_set set;
    if (rf_anchor_set_make(&spec->anchors, b->options->h, b->options->w, &set) != RF_OK) return "";
    float *data = rf_onnx_alloc(b->onnx, set.count, sizeof *data);
    for (size_t a = 0; data && a < set.count; a++) data[a] = spec->level_scores[rf_anchor_level_of(&set, a)];
    const char *name = rf_onnx_tensor_add(b->onnx, "factors", RF_ONNX_FLOAT, (const int64_t[]){(int64_t)set.count, 1},
                                          2, data, set.count * sizeof *data);
    rf_anchor_set_free(&set);
    return name;
}

/* Each level's factor for as many anchors as level_anchors found. */
static const char *computed_factors(rf_onnx_build *b, const rf_detect_spec *spec) {
    const char *levels[RF_NET_LEVELS + 1] = {NULL};
    rf_onnx_model *m = b->onnx;
    for (int l = 0; l < spec->anchors.n_levels; l++) {
        const char *prefix = rf_onnx_text(m, "anchors%d", spec->anchors.strides[l]);
        const char *one = rf_onnx_text(m, "%s.one", prefix);
        const char *all = rf_onnx_binary(b, "Expand", rf_onnx_number(m, spec->level_scores[l]), one,
                                         rf_onnx_text(m, "%s.factor", prefix));
        levels[l] = rf_onnx_binary(b, "Reshape", all, RF_ONNX_INTS(m, -1, 1), rf_onnx_text(m, "%s.factors", prefix));
    }
    return rf_onnx_node_add(m, "Concat", "factors", levels, "axis=0");
}

/* [N,A,1] probabilities times the factors of their levels (eval.level_scores, eval.stride4_score). */
static const char *scale_scores(rf_onnx_build *b, const rf_detect_spec *spec, const char *scores) {
    bool plain = true;
    for (int l = 0; l < spec->anchors.n_levels; l++) plain = plain && spec->level_scores[l] == 1;
    if (plain) return scores;
    const char *factors = b->dynamic ? computed_factors(b, spec) : fixed_factors(b, spec);
    return rf_onnx_binary(b, "Mul", scores, factors, "face.scaled");
}

/* ---- corners ---- */

/* Right and lower limits of corners, [4] or [1,4], from the size of the network input. */
static const char *picture_limits(rf_onnx_build *b, float less) {
    rf_onnx_model *m = b->onnx;
    if (!b->dynamic) {
        float *data = rf_onnx_alloc(m, 4, sizeof *data);
        for (int k = 0; data && k < 4; k++) data[k] = (float)(k % 2 ? b->options->h : b->options->w) - less;
        return rf_onnx_tensor_add(m, "picture.limits", RF_ONNX_FLOAT, &(int64_t){4}, 1, data, 4 * sizeof *data);
    }
    const char *size =
        rf_onnx_node_add(m, "Shape", "picture.shape", RF_ONNX_IN(b->names[b->net->detector.input]), "%s", "");
    size = rf_onnx_node_add(m, "Gather", "picture.size", RF_ONNX_IN(size, RF_ONNX_INTS(m, 3, 2, 3, 2)), "axis=0");
    size = rf_onnx_node_add(m, "Cast", "picture.pixels", RF_ONNX_IN(size), "to=%d", RF_ONNX_FLOAT);
    return rf_onnx_binary(b, "Sub", size, rf_onnx_number(m, less), "picture.limits");
}

/* eval.clip: corners into the picture, as the finder does it. */
static const char *clip(rf_onnx_build *b, const rf_codec *codec, const char *corners) {
    const char *inside = rf_onnx_binary(b, "Max", corners, rf_onnx_number(b->onnx, 0), "box.low_limited");
    return rf_onnx_binary(b, "Min", inside, picture_limits(b, codec->plus_one ? 1 : 0), "box.clipped");
}

/* ---- suppression ---- */

static const char *list_of_one(rf_onnx_build *b, const char *name, float value) {
    float *data = rf_onnx_alloc(b->onnx, 1, sizeof *data);
    if (data) *data = value;
    return rf_onnx_tensor_add(b->onnx, name, RF_ONNX_FLOAT, &(int64_t){1}, 1, data, sizeof *data);
}

/* ---- kinds ---- */

/* [N,A,1] the largest of [N,A,kinds]. */
static const char *best_of(rf_onnx_build *b, const char *scores, int kinds) {
    const char *columns[RF_CLASSES_MAX + 1] = {NULL};
    if (kinds == 1) return scores;
    for (int k = 0; k < kinds; k++)
        columns[k] = rf_onnx_columns(b, scores, 2, k, k + 1, rf_onnx_text(b->onnx, "kind%d", k));
    return rf_onnx_node_add(b->onnx, "Max", "kind.best", columns, "%s", "");
}

/* An anchor has one kind, the best: the scores of its others become negative, by a slope that is as steep as floats
 * next to each other need. */
static const char *one_kind(rf_onnx_build *b, const char *scores, const char *best) {
    enum { STEEP = 1000000000 };
    rf_onnx_model *m = b->onnx;
    const char *less = rf_onnx_binary(b, "Sub", scores, best, "kind.less");
    less = rf_onnx_binary(b, "Mul", less, rf_onnx_number(m, STEEP), "kind.steep");
    return rf_onnx_binary(b, "Add", scores, less, "kind.scores");
}

/* [faces] the kind of each: of those that were merged with their own kind the class that the operator says. */
static const char *labels_of(rf_onnx_build *b, const char *scores, const char *kept, const char *place) {
    rf_onnx_model *m = b->onnx;
    int64_t one = 1;
    if (!b->spec.merge.across)
        return rf_onnx_node_add(m, "Gather", "labels", RF_ONNX_IN(kept, rf_onnx_ints(m, -1, &one)), "axis=1");
    const char *all = rf_onnx_node_add(m, "ArgMax", "kind.label", RF_ONNX_IN(scores), "axis=2 keepdims=1");
    return rf_onnx_binary(b, "Reshape", rf_onnx_binary(b, "GatherND", all, place, "kept.labels"), RF_ONNX_INTS(m, -1),
                          "labels");
}

/* Rows (image, kind, anchor) of the boxes that stay. Our IoU counts pixels inclusively, w = x2 - x1 + 1, which is that
 * of corners moved by one; and a score equal to the threshold stays, which the operator drops. */
static const char *suppress(rf_onnx_build *b, const char *corners, const char *scores) {
    const rf_export_options *o = b->options;
    rf_onnx_model *m = b->onnx;
    float *one = rf_onnx_alloc(m, 4, sizeof *one);
    if (one) one[2] = one[3] = 1;
    const char *pixel = rf_onnx_tensor_add(m, "suppress.pixel", RF_ONNX_FLOAT, &(int64_t){4}, 1, one, 4 * sizeof *one);
    const char *boxes = rf_onnx_binary(b, "Add", corners, pixel, "suppress.boxes");
    const char *planes = rf_onnx_node_add(m, "Transpose", "suppress.scores", RF_ONNX_IN(scores), "perm=[0,2,1]");
    const char *iou = list_of_one(b, "suppress.iou", (float)o->iou);
    const char *score = list_of_one(b, "suppress.score", nextafterf((float)o->score, -1));
    return rf_onnx_node_add(m, "NonMaxSuppression", "suppress.kept",
                            RF_ONNX_IN(boxes, planes, RF_ONNX_INTS(m, o->keep), iou, score), "center_point_box=0");
}

/* Corners and points of all anchors. */
static rf_status decode(rf_onnx_build *b, rf_onnx_rows *out) {
    const char *box[RF_NET_LEVELS + 1] = {NULL}, *points[RF_NET_LEVELS + 1] = {NULL};
    const rf_anchor_spec *spec = &b->spec.anchors;
    for (int l = 0; l < b->net->detector.n_levels; l++) {
        rf_onnx_rows rows = {NULL, NULL};
        const char *anchors = b->dynamic ? level_anchors(b, spec, l) : fixed_anchors(b, spec, l);
        if (!*anchors) return b->onnx->status == RF_OK ? RF_ERR_NOMEM : rf_onnx_status(b->onnx);
        RF_TRY(rf_onnx_decode(b, l, anchors, &rows));
        box[l] = rows.box;
        points[l] = rows.points;
    }
    out->box = rf_onnx_join(b, box, "box.corners");
    out->points = points[0] ? rf_onnx_join(b, points, "point.rows") : NULL;
    return RF_OK;
}

rf_status rf_onnx_faces(rf_onnx_build *b) {
    rf_onnx_model *m = b->onnx;
    rf_onnx_dim faces = {0, "faces"};
    rf_onnx_rows rows = {NULL, NULL};
    RF_TRY(rf_export_check_score(b->model, b->options));
    RF_TRY(decode(b, &rows));
    const char *corners = rows.box;
    if (b->model->config->eval.clip) corners = clip(b, &b->spec.codec, corners);
    int kinds = width_of(b, "cls") - 1;
    const char *scores = scale_scores(b, &b->spec, rf_onnx_columns(b, rf_onnx_classes(b), 2, 1, kinds + 1, "face"));
    const char *best = best_of(b, scores, kinds);
    bool apart = kinds > 1 && !b->spec.merge.across;
    const char *kept = suppress(b, corners, apart ? one_kind(b, scores, best) : best);
    const char *place = rf_onnx_node_add(m, "Gather", "kept.place", RF_ONNX_IN(kept, RF_ONNX_INTS(m, 0, 2)), "axis=1");
    const char *out = rf_onnx_binary(b, "GatherND", corners, place, "boxes");
    rf_onnx_output_add(m, (rf_onnx_value){out, RF_ONNX_FLOAT, 2, {faces, of(4)}});
    out = rf_onnx_binary(b, "Reshape", rf_onnx_binary(b, "GatherND", best, place, "kept.scores"), RF_ONNX_INTS(m, -1),
                         "scores");
    rf_onnx_output_add(m, (rf_onnx_value){out, RF_ONNX_FLOAT, 1, {faces}});
    if (rows.points) {
        out = rf_onnx_binary(b, "GatherND", rows.points, place, "points");
        rf_onnx_output_add(m, (rf_onnx_value){out, RF_ONNX_FLOAT, 2, {faces, of(2 * b->spec.codec.n_points)}});
    }
    if (kinds > 1) rf_onnx_output_add(m, (rf_onnx_value){labels_of(b, scores, kept, place), RF_ONNX_INT64, 1, {faces}});
    if (b->options->batch == 1) return RF_OK;
    int64_t zero = 0;
    out = rf_onnx_node_add(m, "Gather", "image_of_face", RF_ONNX_IN(kept, rf_onnx_ints(m, -1, &zero)), "axis=1");
    rf_onnx_output_add(m, (rf_onnx_value){out, RF_ONNX_INT64, 1, {faces}});
    return RF_OK;
}
