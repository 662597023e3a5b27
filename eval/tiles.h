/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a pass that is too large for one run of the network into overlapping tiles, and which of the faces found in a
 * tile are taken from it: each face once, from a tile that shows all of it. */
#ifndef RF_EVAL_TILES_H
#define RF_EVAL_TILES_H

#include <stdbool.h>

/* Of a picture of width x height pixels: columns x rows tiles of side x side pixels, fewer where the picture is
 * smaller. */
typedef struct rf_tiling {
    int width, height, side, overlap;
    int columns, rows;
} rf_tiling;

/* side at least 256, overlap at most half of it. Neighbours share at least `overlap` pixels. */
rf_tiling rf_tiling_make(int width, int height, int side, int overlap);

/* One tile. Places are multiples of 128 pixels, so that a tile's anchors stand where those of the whole picture would;
 * the last ones of a row or column end with the picture and are smaller for it. */
typedef struct rf_tile {
    int x, y, width, height;
    double from[2], to[2]; /* centres of its faces, x and y in the picture's pixels */
    bool cut[4];           /* left, top, right, bottom edge lies inside the picture */
} rf_tile;
rf_tile rf_tiling_tile(const rf_tiling *tiling, int column, int row);

/* Whether a face (box in the picture's pixels) is taken from this tile: its centre lies in the tile's part of the
 * picture, or just beside it, and it does not end at an edge where the picture goes on. Faces of up to three quarters
 * of the overlap are taken from one tile at least; where two see the same, the merge keeps one. */
bool rf_tile_keeps(const rf_tiling *tiling, const rf_tile *tile, const float box[4]);

/* How many times a picture of width x height is halved until it has at most side x side pixels: the passes that show
 * the larger faces whole. */
int rf_tiling_halvings(double width, double height, int side);

#endif
