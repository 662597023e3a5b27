/* SPDX-License-Identifier: Apache-2.0 */
/* How a picture is cut into tiles; shared by winograd.c and winograd_weights.c. */
#ifndef RF_AUTOGRAD_KERNELS_WINOGRAD_TILES_H
#define RF_AUTOGRAD_KERNELS_WINOGRAD_TILES_H

#include "autograd/kernels/winograd.h"

enum { RF_WINOGRAD_GAP = 64 / sizeof(rf_real) }; /* keeps the 36 products off one cache set */

static inline size_t rf_winograd_up(size_t n, size_t unit) {
    return rf_conv_ceil(n, unit) * unit;
}

static inline size_t rf_winograd_tiles(int n, int h, int w) {
    return (size_t)n * rf_conv_ceil(h, RF_WINOGRAD_TILE) * rf_conv_ceil(w, RF_WINOGRAD_TILE);
}

/* Place of tile t among the pictures. */
typedef struct rf_winograd_tile {
    int n, y, x;
} rf_winograd_tile;

static inline rf_winograd_tile rf_winograd_place_of(size_t t, int h, int w) {
    size_t columns = rf_conv_ceil(w, RF_WINOGRAD_TILE), rows = rf_conv_ceil(h, RF_WINOGRAD_TILE);
    return (rf_winograd_tile){(int)(t / columns / rows), (int)(t / columns % rows) * RF_WINOGRAD_TILE,
                              (int)(t % columns) * RF_WINOGRAD_TILE};
}

/* Of the weight gradient: bytes of `work`. */
size_t rf_winograd_weights_workspace(const rf_conv_dims *dims, const rf_conv_kernels *kernels);

#endif
