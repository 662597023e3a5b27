/* SPDX-License-Identifier: Apache-2.0 */
/* Anchor boxes: a fixed grid for each pyramid level (RetinaFace, arXiv 1905.00641, table 2). */
#ifndef RF_DETECT_ANCHORS_H
#define RF_DETECT_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { RF_MAX_LEVELS = 8, RF_MAX_ANCHOR_SIZES = 32, RF_MAX_IMAGE_SIDE = 65536 };

typedef struct rf_anchor_spec {
    int n_levels, n_sizes;              /* n_sizes anchors in every cell of every level */
    int strides[RF_MAX_LEVELS];         /* pixels, ascending */
    float sizes[RF_MAX_ANCHOR_SIZES];   /* [n_levels][n_sizes] pixels, square root of the area, in the order of the
                                           channels */
    float aspects[RF_MAX_ANCHOR_SIZES]; /* [n_sizes] height / width of a cell's anchors, the same at every level */
    int windows[RF_MAX_LEVELS];         /* pixels; 0: shapes are exact; else those of a window of this side, rounded,
                                           times size / side (rf_anchor_shape) */
    float centre_offset;                /* pixels, centre of cell (0,0); negative: half the stride */
    bool dense;                         /* the second half of a cell's sizes is that of the first, half a stride further
                                           right and down */
    bool plus_one;                      /* widths and IoU count pixels inclusively (insightface) */
} rf_anchor_spec;

typedef struct rf_anchor_level {
    int stride, rows, cols; /* rows = ceil(height / stride) */
    size_t first;           /* index of the anchor (row 0, col 0, size 0) */
} rf_anchor_level;

/* The anchors of one image size, order: level, row, column, size. */
typedef struct rf_anchor_set {
    int height, width, n_levels, n_sizes;
    bool plus_one;
    rf_anchor_level levels[RF_MAX_LEVELS];
    size_t count; /* A */
    float *boxes; /* [A,4] pixels, cx cy w h */
} rf_anchor_set;

/* Refuses counts, strides, sizes and aspects out of range (RF_ERR_USER). */
rf_status rf_anchor_spec_check(const rf_anchor_spec *spec);

/* Width and height in pixels of anchor `slot` of a level's cells: size / sqrt(aspect) and size * sqrt(aspect). With a
 * window s: w = round(sqrt(s^2 / aspect)) and h = round(w aspect), both x size / s (insightface's generate_anchor.py
 * and SRN; halves to even). */
void rf_anchor_shape(const rf_anchor_spec *spec, int level, int slot, float shape[2]);

/* Number of anchors for an image of height x width pixels, or 0 when the specification or the size is out of range. */
size_t rf_anchor_count(const rf_anchor_spec *spec, int height, int width);

/* *out without boxes, which need not be freed: where the levels lie and how many anchors there are. RF_ERR_USER for a
 * bad specification or size. */
rf_status rf_anchor_set_lay_out(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *out);

/* Fills *out (free with rf_anchor_set_free). RF_ERR_USER for a bad specification or size, RF_ERR_NOMEM; *out is then
 * empty. A set is read-only afterwards and may be shared by threads. */
rf_status rf_anchor_set_make(const rf_anchor_spec *spec, int height, int width, rf_anchor_set *out);
void rf_anchor_set_free(rf_anchor_set *set);

/* One past the last anchor of a level. */
size_t rf_anchor_level_end(const rf_anchor_set *set, int level);

/* The level of anchor `a`. */
int rf_anchor_level_of(const rf_anchor_set *set, size_t a);

#endif
