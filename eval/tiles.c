/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/tiles.h"

#include <math.h>

enum { ALIGN = 128 };
static const double slack = 0.125;     /* of the overlap: how far beside its part a tile keeps faces */
static const double edge_share = 0.05; /* of a face's side: as near to a cut edge it may be cut itself */
static const double edge_pixels = 2;

static int step_of(int side, int overlap) {
    return (side - overlap) / ALIGN * ALIGN;
}

static int count(int length, int side, int overlap) {
    int step = step_of(side, overlap);
    return length <= side ? 1 : 1 + (length - side + step - 1) / step;
}

rf_tiling rf_tiling_make(int width, int height, int side, int overlap) {
    return (rf_tiling){width, height, side, overlap, count(width, side, overlap), count(height, side, overlap)};
}

static int up(int x) {
    return (x + ALIGN - 1) / ALIGN * ALIGN;
}

/* Where tile i of n begins; the last one does not reach far over the end. */
static int place(const rf_tiling *t, int length, int i, int n) {
    int at = i * step_of(t->side, t->overlap);
    return i > 0 && i == n - 1 && at > up(length - t->side) ? up(length - t->side) : at;
}

static void fill_axis(const rf_tiling *t, rf_tile *tile, int axis, int i, int n) {
    int length = axis ? t->height : t->width, at = place(t, length, i, n);
    int side = n == 1 ? length : t->side, shown = side < length - at ? side : length - at;
    /* Two neighbours share what both see in halves. */
    double from = 0, to = length;
    if (i > 0) from = 0.5 * (at + place(t, length, i - 1, n) + t->side);
    if (i + 1 < n) to = 0.5 * (place(t, length, i + 1, n) + at + side);
    tile->from[axis] = from;
    tile->to[axis] = to;
    tile->cut[axis] = i > 0;
    tile->cut[axis + 2] = at + shown < length;
    *(axis ? &tile->y : &tile->x) = at;
    *(axis ? &tile->height : &tile->width) = shown;
}

rf_tile rf_tiling_tile(const rf_tiling *t, int column, int row) {
    rf_tile tile;
    fill_axis(t, &tile, 0, column, t->columns);
    fill_axis(t, &tile, 1, row, t->rows);
    return tile;
}

bool rf_tile_keeps(const rf_tiling *t, const rf_tile *tile, const float box[4]) {
    const int begin[2] = {tile->x, tile->y}, end[2] = {tile->x + tile->width, tile->y + tile->height};
    for (int axis = 0; axis < 2; axis++) {
        double low = (double)box[axis], high = (double)box[axis + 2], centre = 0.5 * (low + high);
        double beside = slack * t->overlap, margin = edge_pixels + edge_share * (high - low);
        if (tile->cut[axis] && (centre < tile->from[axis] - beside || low < begin[axis] + margin)) return false;
        if (tile->cut[axis + 2] && (centre >= tile->to[axis] + beside || high > end[axis] - margin)) return false;
    }
    return true;
}

int rf_tiling_halvings(double width, double height, int side) {
    int n = 0;
    for (double pixels = width * height; pixels > (double)side * side; pixels /= 4) n++;
    return n;
}
