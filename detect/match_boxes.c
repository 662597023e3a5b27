/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of boxes that lie anywhere: the anchors of a cascade's later stages, which differ from image to image. Boxes
 * are put into bins by their centres, and a face looks only at the bins within its reach. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/match_internal.h"
#include "detect/near.h"

enum { SIDE = 64 }; /* cells on an axis; those at the border also hold what lies outside */

/* Cells first..last on both axes, x y. */
typedef struct range {
    int first[2], last[2];
} range;

typedef struct grid {
    const float *boxes;
    float per_pixel[2];
    bool plus_one;
    const rf_box_bins *bins;
} grid;

rf_status rf_box_bins_alloc(size_t n, rf_box_bins *out) {
    *out = (rf_box_bins){.n = n,
                         .cell = rf_alloc(n, sizeof *out->cell),
                         .item = rf_alloc(n, sizeof *out->item),
                         .begin = rf_alloc(SIDE * SIDE + 1, sizeof *out->begin)};
    if (out->cell && out->item && out->begin) return RF_OK;
    rf_box_bins_free(out);
    return RF_ERR_NOMEM;
}

void rf_box_bins_free(rf_box_bins *bins) {
    if (!bins) return;
    rf_free(bins->cell);
    rf_free(bins->item);
    rf_free(bins->begin);
    memset(bins, 0, sizeof *bins);
}

/* Never falls when x grows; NaN is in the first cell. */
static int cell_of(const grid *g, int axis, float x) {
    float cell = x * g->per_pixel[axis];
    if (!(cell > 0)) return 0;
    return cell >= SIDE ? SIDE - 1 : (int)cell;
}

/* A counting sort by cell; boxes of a cell keep their order. */
static void fill_bins(const grid *g, rf_box_bins *bins) {
    memset(bins->begin, 0, (SIDE * SIDE + 1) * sizeof *bins->begin);
    for (size_t i = 0; i < bins->n; i++) {
        const float *box = g->boxes + 4 * i;
        bins->cell[i] = (uint32_t)(SIDE * cell_of(g, 1, box[1]) + cell_of(g, 0, box[0]));
        bins->begin[bins->cell[i] + 1]++;
    }
    for (int c = 0; c < SIDE * SIDE; c++) bins->begin[c + 1] += bins->begin[c];
    for (size_t i = bins->n; i-- > 0;) {
        uint32_t cell = bins->cell[i];
        bins->item[--bins->begin[cell + 1]] = (uint32_t)i;
    }
    /* begin[c + 1] is now where cell c begins */
    memmove(bins->begin, bins->begin + 1, SIDE * SIDE * sizeof *bins->begin);
    bins->begin[SIDE * SIDE] = (uint32_t)bins->n;
}

/* Cells of all centres that are at most `reach` (x, y) away from the centre of a face. */
static range cells_within(const grid *g, const float box[4], const double reach[2]) {
    range r;
    for (int axis = 0; axis < 2; axis++) {
        double centre = 0.5 * ((double)box[axis] + (double)box[axis + 2]);
        r.first[axis] = cell_of(g, axis, (float)(centre - reach[axis]));
        r.last[axis] = cell_of(g, axis, (float)(centre + reach[axis]));
    }
    return r;
}

/* The boxes of the cells of a range in one row of cells. */
static const uint32_t *row_items(const grid *g, const range *r, int row, size_t *n) {
    const uint32_t *begin = g->bins->begin + SIDE * row;
    *n = begin[r->last[0] + 1] - begin[r->first[0]];
    return g->bins->item + begin[r->first[0]];
}

/* NaN passes through the comparisons of an overlap. */
static bool is_finite(const float box[4]) {
    return isfinite(box[0] + box[1] + box[2] + box[3]);
}

/* Raises the best IoU of every box that overlaps the face with at least the IoU `least`. */
static void raise_boxes(const grid *g, const rf_face *face, int32_t f, float least, rf_match *out) {
    double reach[2] = {INFINITY, INFINITY}; /* for a tiny IoU no bound is worth its arithmetic */
    for (int axis = 0; axis < 2 && least >= 1e-3f; axis++) {
        double lo = (double)face->box[axis], hi = (double)face->box[axis + 2];
        reach[axis] = rf_near_reach(hi - lo + (g->plus_one ? 1 : 0), 0.5 * (lo + hi), (double)least);
    }
    range r = cells_within(g, face->box, reach);
    for (int row = r.first[1]; row <= r.last[1]; row++) {
        size_t n;
        const uint32_t *items = row_items(g, &r, row, &n);
        for (size_t i = 0; i < n; i++) {
            uint32_t a = items[i];
            const float *box = g->boxes + 4 * (size_t)a;
            float iou = rf_anchor_iou(box, face->box, g->plus_one);
            if (iou > out->iou[a] && is_finite(box)) {
                out->iou[a] = iou;
                out->face[a] = f;
            }
        }
    }
}

/* Negatives that an ignore face covers to the share `ioa` become ignored. A box of width w that the face of width v
 * covers so far shares at least ioa w with it, so w <= v / ioa, and its centre is at most (1/2 - ioa) w outside. */
static void ignore_covered(const grid *g, const rf_face *face, float ioa, rf_match *out) {
    const float *box = face->box;
    float half = g->plus_one ? 0.5f : 0.0f;
    double reach[2] = {INFINITY, INFINITY};
    for (int axis = 0; axis < 2 && ioa >= 1e-3f; axis++) {
        double size = (double)box[axis + 2] - (double)box[axis] + 2 * (double)half;
        double outside = ioa < 0.5f ? (0.5 / (double)ioa - 1) * size : 0;
        reach[axis] = 0.5 * size + outside + 1e-4 * (size + fabs((double)box[axis]) + fabs((double)box[axis + 2]));
    }
    range r = cells_within(g, box, reach);
    for (int row = r.first[1]; row <= r.last[1]; row++) {
        size_t n;
        const uint32_t *items = row_items(g, &r, row, &n);
        for (size_t i = 0; i < n; i++) {
            uint32_t a = items[i];
            const float *b = g->boxes + 4 * (size_t)a;
            if (out->label[a] != 0) continue;
            float x = rf_span_overlap(b[0], b[2], box[0] - half, box[2] + half);
            float y = rf_span_overlap(b[1], b[3], box[1] - half, box[3] + half);
            if (x > 0 && y > 0 && x * y >= ioa * (b[2] * b[3]) && is_finite(b)) out->label[a] = -1;
        }
    }
}

void rf_match_boxes(const float *boxes, int height, int width, bool plus_one, const rf_match_spec *spec,
                    const rf_face *faces, size_t n_faces, rf_box_bins *bins, rf_match *out) {
    assert(out->n_anchors == bins->n && n_faces <= INT32_MAX && spec->negative_iou <= spec->positive_iou);
    grid g = {.boxes = boxes,
              .per_pixel = {(float)SIDE / (float)width, (float)SIDE / (float)height},
              .plus_one = plus_one,
              .bins = bins};
    rf_match_clear(out);
    fill_bins(&g, bins);
    for (size_t f = 0; f < n_faces; f++)
        if (rf_match_is_target(&faces[f], plus_one)) raise_boxes(&g, &faces[f], (int32_t)f, spec->negative_iou, out);
    rf_match_set_labels(spec, out);
    if (spec->ignore_ioa < 1)
        for (size_t f = 0; f < n_faces; f++)
            if (faces[f].ignore && rf_box_valid(faces[f].box, plus_one))
                ignore_covered(&g, &faces[f], spec->ignore_ioa, out);
    rf_match_count(faces, out);
}
