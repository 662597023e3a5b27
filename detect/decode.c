/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/decode.h"

#include <math.h>
#include <string.h>

/* An output of the heads as rows, whatever dimensions lie in front. */
static rf_value as_rows(rf_graph *graph, rf_value x) {
    if (x == RF_NONE || rf_graph_status(graph) != RF_OK) return RF_NONE;
    rf_shape s = rf_graph_shape(graph, x);
    return s.n == 2 ? x : rf_apply1(graph, "reshape", x, "d0=-1 d1=%d", s.d[s.n - 1]);
}

/* The chosen rows of a level in an output; RF_NONE when it has none. */
static rf_value chosen(rf_graph *graph, rf_value x, long first, size_t count, rf_value index) {
    if (x == RF_NONE || first < 0) return RF_NONE;
    return rf_apply2(graph, "gather", as_rows(graph, x), index, "first=%ld rows=%zu", first, count);
}

/* Of index and score the rows that `which` names. */
static void narrow(rf_graph *graph, rf_value which, rf_decoded *out) {
    out->index = rf_apply2(graph, "gather", out->index, which, "");
    out->score = rf_apply2(graph, "gather", out->score, which, "");
}

/* Leaves out what an earlier stage is sure of. */
static void drop(rf_graph *graph, const rf_stage_rows *stage, const rf_level_spec *spec, rf_decoded *out) {
    rf_value logits = chosen(graph, stage->cls, stage->cls_first, spec->count, out->index);
    if (logits == RF_NONE) return;
    rf_value other = rf_apply1(graph, "scale", rf_apply1(graph, "slice", logits, "start=0"), "factor=-1");
    rf_value margin = rf_apply2(graph, "add", rf_apply1(graph, "slice", logits, "start=1"), other, "");
    narrow(graph, rf_apply1(graph, "select", margin, "min=%.9g", (double)spec->drop_below), out);
}

static bool classifies(const rf_stage_rows *stage) {
    return stage->cls != RF_NONE && stage->cls_first >= 0;
}

/* Which kind the score is of: the background's logit comes first. */
static rf_value labels(rf_graph *graph, const rf_stage_rows *stages, int n_stages, const rf_level_spec *spec,
                       rf_value index) {
    int last = n_stages - 1;
    while (!classifies(&stages[last])) last--;
    rf_shape s = rf_graph_shape(graph, stages[last].cls);
    if (s.d[s.n - 1] <= 2) return RF_NONE;
    return rf_apply1(graph, "argmax", chosen(graph, stages[last].cls, stages[last].cls_first, spec->count, index),
                     "first=1");
}

static void choose(rf_graph *graph, const rf_stage_rows *stages, int n_stages, const rf_level_spec *spec,
                   rf_decoded *out) {
    int last = n_stages - 1;
    while (!classifies(&stages[last])) last--;
    bool drops = isfinite(spec->drop_below) && last > 0;
    out->index = rf_apply1(graph, "select", as_rows(graph, stages[last].cls), "first=%ld rows=%zu min=%.9g top_k=%zu",
                           stages[last].cls_first, spec->count, (double)spec->score, drops ? 0 : spec->top_k);
    if (out->index == RF_NONE) return;
    out->score = out->index + 1; /* the node's second output */
    if (!drops) return;
    for (int k = 0; k < last; k++) drop(graph, &stages[k], spec, out);
    if (spec->top_k) narrow(graph, rf_apply1(graph, "select", out->score, "top_k=%zu", spec->top_k), out);
}

void rf_decode_level(rf_graph *graph, const rf_codec *codec, rf_value anchors, const rf_stage_rows *stages,
                     int n_stages, const rf_level_spec *spec, const rf_extras *extras, rf_decoded *out) {
    const rf_stage_rows *last = &stages[n_stages - 1];
    *out = (rf_decoded){spec->first, RF_NONE, RF_NONE, RF_NONE, RF_NONE, RF_NONE, .extras.n = 0};
    if (extras) out->extras = *extras;
    choose(graph, stages, n_stages, spec, out);
    if (rf_graph_status(graph) != RF_OK) return;
    rf_box_rows boxes = rf_codec_rows(graph, chosen(graph, anchors, (long)spec->first, spec->count, out->index));
    for (int k = 0; k < n_stages; k++) {
        long first = stages[k].box_first;
        rf_value loc = chosen(graph, stages[k].loc, first, spec->count, out->index);
        rf_value points = chosen(graph, stages[k].points, first, spec->count, out->index);
        if (points != RF_NONE) out->points = rf_codec_point_rows(graph, codec, boxes, points);
        if (loc != RF_NONE) boxes = rf_codec_move_rows(graph, codec, boxes, loc);
    }
    out->box = rf_codec_corner_rows(graph, codec, boxes);
    for (int i = 0; i < out->extras.n; i++) {
        out->extra[i] = chosen(graph, last->extra[i], last->box_first, spec->count, out->index);
        rf_graph_keep(graph, out->extra[i]);
    }
    out->label = labels(graph, stages, n_stages, spec, out->index);
    if (spec->factor != 1) /* NaN is in no order, and a score times 1 is itself */
        out->score = rf_apply1(graph, "scale", out->score, "factor=%.9g", (double)spec->factor);
    const rf_value outputs[] = {out->index, out->score, out->label, out->box, out->points};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) rf_graph_keep(graph, outputs[i]);
}

/* Row i of a value with `width` numbers a row into `to`; false when there is no such value. Adds them to *sum. */
static bool read_row(const rf_exec *exec, rf_value value, size_t i, size_t width, float *to, float *sum) {
    if (value == RF_NONE) return false;
    const rf_real *from = rf_exec_data(exec, value) + width * i;
    for (size_t k = 0; k < width; k++) *sum += to[k] = (float)from[k];
    return true;
}

/* Those that have a place of their own in a face go there, the others follow each other in `more`. */
static void read_extras(const rf_exec *exec, const rf_decoded *d, size_t i, float *more, rf_face *face, float *sum) {
    float *own = more + d->extras.numbers;
    for (int k = 0; k < d->extras.n; k++) {
        const rf_extra *extra = &d->extras.v[k];
        float *to = extra->first < 0 ? own : more + extra->first;
        bool said = read_row(exec, d->extra[k], i, (size_t)extra->width, to, sum);
        if (extra->first >= 0 || !said) continue;
        extra->kind->keep(face, to);
        own += extra->width;
    }
    face->n_extra = (uint16_t)d->extras.numbers;
    face->extra = d->extras.numbers ? more : NULL;
}

rf_status rf_decoded_faces(const rf_exec *exec, const rf_decoded *d, int n_points, rf_face_list *out) {
    float points[2 * RF_POINTS_MAX], more[RF_EXTRA_NUMBERS + RF_EXTRAS_MAX * RF_POINTS_MAX]; /* the list copies them */
    size_t n = rf_exec_rows(exec, d->index);
    RF_TRY(rf_face_list_reserve(out, out->n + n));
    for (size_t i = 0; i < n; i++) {
        rf_face face = {.score = (float)rf_exec_data(exec, d->score)[i]};
        size_t anchor = d->first + (size_t)rf_exec_data(exec, d->index)[i];
        float sum = 0, label;
        if (read_row(exec, d->label, i, 1, &label, &sum)) face.label = (uint8_t)label;
        read_row(exec, d->box, i, 4, face.box, &sum);
        if (read_row(exec, d->points, i, 2 * (size_t)n_points, points, &sum)) {
            face.points = points;
            face.n_points = n_points;
        }
        read_extras(exec, d, i, more, &face, &sum);
        if (!isfinite(sum))
            return rf_fail(RF_ERR_NONFINITE,
                           "the network's box or landmarks of anchor %zu are not finite; the weights are broken",
                           anchor);
        face.mesh = 1 + (uint32_t)anchor;
        RF_TRY(rf_face_list_push(out, &face));
    }
    return RF_OK;
}
