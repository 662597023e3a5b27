/* SPDX-License-Identifier: Apache-2.0 */
/* Where the pixels of a picture went in a network input, for annotations that are too many to move with every picture:
 * x' = (x - left) * sx, y' = (y - top) * sy, and mirrored x'' = width - x'. */
#ifndef RF_DETECT_PLACEMENT_H
#define RF_DETECT_PLACEMENT_H

#include <stdbool.h>

typedef struct rf_placement {
    double left, top; /* the input's corner, pixels of the picture */
    double sx, sy;    /* pixels of the input a pixel of the picture */
    double width;     /* of the input */
    bool mirrored;
} rf_placement;

/* xy: a point of the picture; out: of the input. */
static inline void rf_place(const rf_placement *p, const float xy[2], float out[2]) {
    double x = ((double)xy[0] - p->left) * p->sx, y = ((double)xy[1] - p->top) * p->sy;
    out[0] = (float)(p->mirrored ? p->width - x : x);
    out[1] = (float)y;
}

#endif
