/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/match.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/match_internal.h"

/* A face as matching sees it: half-open spans and its area. */
typedef struct target {
    float lo[2], hi[2]; /* x, y */
    float area;
} target;

/* Cells [begin,end) of one axis of a level. */
typedef struct span {
    int begin, end;
} span;

/* The anchors of one size of one level: anchor(row, col) = boxes + 4 * ((row * cols + col) * n_sizes). */
typedef struct plane {
    const float *boxes;
    size_t first;     /* index of anchor (0,0) */
    size_t step[2];   /* anchors from one column (row) to the next */
    int cells[2];     /* cols, rows */
    float size[2];    /* w, h of every anchor */
    float centre0[2]; /* of cell (0,0) */
    int stride;
} plane;

rf_status rf_match_alloc(size_t n_anchors, rf_match *out) {
    *out = (rf_match){.n_anchors = n_anchors,
                      .label = rf_alloc(n_anchors, sizeof *out->label),
                      .face = rf_alloc(n_anchors, sizeof *out->face),
                      .iou = rf_alloc(n_anchors, sizeof *out->iou),
                      .has_points = rf_alloc(n_anchors, sizeof *out->has_points)};
    if (out->label && out->face && out->iou && out->has_points) return RF_OK;
    rf_match_free(out);
    return RF_ERR_NOMEM;
}

void rf_match_clear(rf_match *out) {
    memset(out->label, 0, out->n_anchors * sizeof *out->label);
    memset(out->face, 0xff, out->n_anchors * sizeof *out->face);
    memset(out->iou, 0, out->n_anchors * sizeof *out->iou);
    memset(out->has_points, 0, out->n_anchors * sizeof *out->has_points);
}

void rf_match_free(rf_match *match) {
    if (!match) return;
    rf_free(match->label);
    rf_free(match->face);
    rf_free(match->iou);
    rf_free(match->has_points);
    memset(match, 0, sizeof *match);
}

static target target_of(const rf_face *face, bool plus_one) {
    const float *box = face->box;
    float half = plus_one ? 0.5f : 0.0f;
    return (target){.lo = {box[0] - half, box[1] - half},
                    .hi = {box[2] + half, box[3] + half},
                    .area = rf_box_width(box, plus_one) * rf_box_height(box, plus_one)};
}

static plane plane_of(const rf_anchor_set *anchors, int level, int size) {
    const rf_anchor_level *l = &anchors->levels[level];
    size_t first = l->first + (size_t)size, k = (size_t)anchors->n_sizes;
    const float *box = anchors->boxes + 4 * first;
    return (plane){.boxes = anchors->boxes,
                   .first = first,
                   .step = {k, k * (size_t)l->cols},
                   .cells = {l->cols, l->rows},
                   .size = {box[2], box[3]},
                   .centre0 = {box[0], box[1]},
                   .stride = l->stride};
}

/* Cells on one axis whose anchors share at least `need` pixels with the face; a little too many rather than too few. */
static span cells_sharing(const plane *p, int axis, const target *t, double need) {
    double reach = 0.5 * p->size[axis] - need, slack = 1e-2;
    double lo = ((double)t->lo[axis] - reach - p->centre0[axis]) / p->stride - slack;
    double hi = ((double)t->hi[axis] + reach - p->centre0[axis]) / p->stride + slack;
    double last = p->cells[axis] - 1;
    if (!(lo <= hi && lo <= last && hi >= 0)) return (span){0, 0};
    return (span){lo <= 0 ? 0 : (int)ceil(lo), hi >= last ? (int)last + 1 : (int)floor(hi) + 1};
}

/* Smallest intersection that gives two boxes, whose areas sum to `areas`, an IoU of `iou`; a little less for rounding.
 */
static double least_intersection(double iou, double areas) {
    return iou / (1 + iou) * areas * (1 - 1e-5);
}

/* Cells whose overlap may reach the intersection `inter`: on each axis inter / (the most that the other axis can
 * share). */
static bool cells_reaching(const plane *p, const target *t, double inter, span cells[2]) {
    double most[2];
    for (int axis = 0; axis < 2; axis++)
        most[axis] = fmin((double)p->size[axis], (double)t->hi[axis] - (double)t->lo[axis]);
    if (most[0] * most[1] < inter * (1 - 1e-5)) return false;
    for (int axis = 0; axis < 2; axis++) {
        double need = inter / most[1 - axis];
        cells[axis] = cells_sharing(p, axis, t, need * (1 - 1e-5));
        if (cells[axis].begin >= cells[axis].end) return false;
    }
    return true;
}

static float axis_overlap(const plane *p, int axis, int cell, const target *t) {
    float centre = p->boxes[4 * (p->first + (size_t)cell * p->step[axis]) + (size_t)axis];
    return rf_span_overlap(centre, p->size[axis], t->lo[axis], t->hi[axis]);
}

/* Raises the best IoU of every anchor of a plane that overlaps face f with at least the IoU `least`. */
static void raise_plane(const plane *p, const target *t, int32_t f, float least, rf_match *out) {
    float areas = p->size[0] * p->size[1] + t->area;
    span cells[2];
    if (!cells_reaching(p, t, least_intersection((double)least, (double)areas), cells)) return;
    for (int row = cells[1].begin; row < cells[1].end; row++) {
        float over_y = axis_overlap(p, 1, row, t);
        size_t a = p->first + (size_t)row * p->step[1] + (size_t)cells[0].begin * p->step[0];
        for (int col = cells[0].begin; col < cells[0].end; col++, a += p->step[0]) {
            float iou = rf_overlap_iou(axis_overlap(p, 0, col, t), over_y, areas);
            if (iou > out->iou[a]) {
                out->iou[a] = iou;
                out->face[a] = f;
            }
        }
    }
}

/* The largest overlap on one axis; cells that share nothing are not looked at. */
static float most_overlap(const plane *p, int axis, const target *t) {
    span cells = cells_sharing(p, axis, t, 0);
    float most = 0;
    for (int i = cells.begin; i < cells.end; i++) {
        float over = axis_overlap(p, axis, i, t);
        if (over > most) most = over;
    }
    return most;
}

/* First cell on an axis that has the IoU `best` when the other axis shares `other`. */
static int first_with(const plane *p, int axis, const target *t, float other, float areas, float best) {
    span cells = cells_sharing(p, axis, t, 0);
    int i = cells.begin;
    while (i < cells.end - 1 && rf_overlap_iou(axis_overlap(p, axis, i, t), other, areas) < best) i++;
    return i;
}

/* Best anchor of a face and their IoU (0: none overlaps). IoU grows with the overlap on each axis, so the best cell of
 * a plane lies where both overlaps are largest; of equal ones the lowest row and then the lowest column is the lowest
 * anchor. */
static float best_anchor(const rf_anchor_set *anchors, const target *t, size_t *anchor) {
    float best = 0;
    for (int l = 0; l < anchors->n_levels; l++) {
        for (int s = 0; s < anchors->n_sizes; s++) {
            plane p = plane_of(anchors, l, s);
            float areas = p.size[0] * p.size[1] + t->area;
            float limit_x = fminf(p.size[0], t->hi[0] - t->lo[0]), limit_y = fminf(p.size[1], t->hi[1] - t->lo[1]);
            if (rf_overlap_iou(limit_x, limit_y, areas) < 0.999f * best) continue;
            float over_x = most_overlap(&p, 0, t), over_y = most_overlap(&p, 1, t);
            float iou = rf_overlap_iou(over_x, over_y, areas);
            if (!(iou > 0) || iou < best) continue;
            int row = first_with(&p, 1, t, over_x, areas, iou);
            int col = first_with(&p, 0, t, axis_overlap(&p, 1, row, t), areas, iou);
            size_t a = p.first + (size_t)row * p.step[1] + (size_t)col * p.step[0];
            if (iou > best || a < *anchor) *anchor = a;
            best = iou;
        }
    }
    return best;
}

/* Negatives that an ignore face covers to the share `ioa` become ignored. */
static void ignore_covered(const rf_anchor_set *anchors, const rf_face *face, float ioa, rf_match *out) {
    target t = target_of(face, anchors->plus_one);
    for (int l = 0; l < anchors->n_levels; l++) {
        for (int s = 0; s < anchors->n_sizes; s++) {
            plane p = plane_of(anchors, l, s);
            float area = p.size[0] * p.size[1];
            span cells[2];
            if (!cells_reaching(&p, &t, (double)ioa * (double)area, cells)) continue;
            for (int row = cells[1].begin; row < cells[1].end; row++) {
                float over_y = axis_overlap(&p, 1, row, &t);
                for (int col = cells[0].begin; col < cells[0].end; col++) {
                    float over_x = axis_overlap(&p, 0, col, &t);
                    size_t a = p.first + (size_t)row * p.step[1] + (size_t)col * p.step[0];
                    if (out->label[a] == 0 && over_x > 0 && over_y > 0 && over_x * over_y >= ioa * area)
                        out->label[a] = -1;
                }
            }
        }
    }
}

bool rf_match_is_target(const rf_face *face, bool plus_one) {
    return !face->ignore && rf_box_valid(face->box, plus_one);
}

static void force_best_anchors(const rf_anchor_set *anchors, const rf_match_spec *spec, const rf_face *faces,
                               size_t n_faces, rf_match *out) {
    for (size_t f = 0; f < n_faces; f++) {
        if (!rf_match_is_target(&faces[f], anchors->plus_one)) continue;
        target t = target_of(&faces[f], anchors->plus_one);
        size_t a = 0;
        float iou = best_anchor(anchors, &t, &a);
        if (!(iou > 0) || iou < spec->force_min_iou) continue;
        if (out->label[a] == RF_MATCH_FORCED && iou <= out->iou[a]) continue;
        out->label[a] = RF_MATCH_FORCED;
        out->face[a] = (int32_t)f;
        out->iou[a] = iou;
    }
}

void rf_match_set_labels(const rf_match_spec *spec, rf_match *out) {
    for (size_t a = 0; a < out->n_anchors; a++) {
        bool positive = out->label[a] == RF_MATCH_FORCED || (out->face[a] >= 0 && out->iou[a] >= spec->positive_iou);
        out->label[a] = positive ? 1 : out->iou[a] < spec->negative_iou ? 0 : -1;
        if (!positive) out->face[a] = -1;
    }
}

void rf_match_count(const rf_face *faces, rf_match *out) {
    size_t positive = 0, negative = 0, points = 0;
    for (size_t a = 0; a < out->n_anchors; a++) {
        negative += out->label[a] == 0;
        if (out->label[a] != 1) continue;
        positive++;
        out->has_points[a] = faces[out->face[a]].n_points > 0;
        points += out->has_points[a];
    }
    out->n_positive = positive;
    out->n_negative = negative;
    out->n_ignored = out->n_anchors - positive - negative;
    out->n_points = points;
}

void rf_match_faces(const rf_anchor_set *anchors, const rf_match_spec *spec, const rf_face *faces, size_t n_faces,
                    rf_match *out) {
    assert(out->n_anchors == anchors->count && n_faces <= INT32_MAX && spec->negative_iou <= spec->positive_iou);
    rf_match_clear(out);
    for (size_t f = 0; f < n_faces; f++) {
        if (!rf_match_is_target(&faces[f], anchors->plus_one)) continue;
        target t = target_of(&faces[f], anchors->plus_one);
        for (int l = 0; l < anchors->n_levels; l++)
            for (int s = 0; s < anchors->n_sizes; s++) {
                plane p = plane_of(anchors, l, s);
                raise_plane(&p, &t, (int32_t)f, spec->negative_iou, out);
            }
    }
    if (spec->force_best) force_best_anchors(anchors, spec, faces, n_faces, out);
    rf_match_set_labels(spec, out);
    if (spec->ignore_ioa < 1)
        for (size_t f = 0; f < n_faces; f++)
            if (faces[f].ignore && rf_box_valid(faces[f].box, anchors->plus_one))
                ignore_covered(anchors, &faces[f], spec->ignore_ioa, out);
    rf_match_count(faces, out);
}

void rf_match_keep_level(const rf_anchor_set *anchors, int level, const rf_face *faces, rf_match *match) {
    size_t begin = anchors->levels[level].first, end = rf_anchor_level_end(anchors, level);
    for (size_t a = 0; a < anchors->count; a++) {
        if (a >= begin && a < end) continue;
        match->label[a] = -1;
        match->face[a] = -1;
        match->has_points[a] = 0;
    }
    rf_match_count(faces, match);
}

void rf_match_encode(const rf_anchor_set *anchors, const rf_codec *codec, const rf_match *match, const rf_face *faces,
                     float *loc, float *points) {
    const rf_coder *box = rf_codec_box(codec), *of_points = rf_codec_points(codec);
    size_t width = (size_t)box->width(codec->n_points), points_width = (size_t)of_points->width(codec->n_points);
    for (size_t a = 0; a < match->n_anchors; a++) {
        if (match->label[a] != 1) continue;
        const rf_face *face = &faces[match->face[a]];
        const float *anchor = anchors->boxes + 4 * a;
        const rf_codec at = rf_codec_at(codec, anchors->levels[rf_anchor_level_of(anchors, a)].stride);
        box->encode(&at, anchor, face, loc + width * a);
        if (points && match->has_points[a]) of_points->encode(&at, anchor, face, points + points_width * a);
    }
}
