/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes in bins, for finding those that may overlap one of them much. Internal to detect/. */
#ifndef RF_DETECT_NEAR_H
#define RF_DETECT_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "detect/face.h"

/* Boxes of one height class whose centres lie in one strip of the picture. */
typedef struct rf_near_row {
    float level, strip;
    uint32_t begin, end; /* places */
} rf_near_row;

typedef struct rf_near {
    size_t n;
    float (*box)[4]; /* by place: ordered by height class, strip, centre */
    float *centre;   /* by place: x1 + x2, descending in a row */
    uint32_t *item;  /* by place: index of the box in the caller's list */
    uint32_t *place; /* by item */
    bool *gone;      /* by place: the caller's mark; such boxes are not found any more */
    rf_near_row *rows;
    size_t n_rows;
    uint32_t *found; /* [n] */
    bool plus_one;
} rf_near;

/* Largest distance, on one axis, from the centre of a box of this size to that of any box whose IoU with it is at least
 * t; a little more for rounding. */
double rf_near_reach(double size, double centre, double t);

/* Boxes must be finite and have an area. RF_ERR_NOMEM leaves *out empty. */
rf_status rf_near_make(const rf_face *faces, size_t n, bool plus_one, rf_near *out);
void rf_near_free(rf_near *near);

/* Places of all boxes that are not gone and whose IoU with the one at place p may be `iou` or more, itself left out,
 * into near->found; returns their number. Their order is a function of the boxes alone. */
size_t rf_near_find(rf_near *near, size_t p, double iou);

#endif
