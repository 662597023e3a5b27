/* SPDX-License-Identifier: Apache-2.0 */
/* Filled shapes as sets of pixels, for FDDB's overlap: the pixels that OpenCV's cvRectangle and cvEllipse fill, since
 * FDDB's own program draws with them. Pixels stand at whole coordinates and lines are 8-connected.
 * Box: corners rounded (halves to even), all pixels from the one to the other, both included, whichever comes first.
 * Ellipse: centre and angle in degrees rounded, radii cut to whole numbers; a polygon whose vertices lie 90, 30, 18 or
 * 5 degrees apart (longer radius under 3, 10, 15, from there), at 1/65536 pixel; filled, and its outline drawn. */
#ifndef RF_EVAL_MASK_H
#define RF_EVAL_MASK_H

#include "core/status.h"
#include "detect/ellipse.h"

enum { RF_MASK_RUNS = 6 };

/* Pixels of a row: separate runs from left to right, each its first pixel and the one after its last. Nearly always
 * there is one; now and then a pixel stays free between the filling and the outline. */
typedef struct rf_mask_row {
    int n, run[RF_MASK_RUNS][2];
} rf_mask_row;

typedef struct rf_mask {
    int top, n_rows;
    int first, end;    /* of every row when rows is NULL */
    rf_mask_row *rows; /* [n_rows] */
} rf_mask;

/* What lies in a picture of width x height; 0 0: not limited. Corners, centres and radii beyond +-1e6 pixels are cut
 * there. A box takes no memory; of an ellipse the lines are clipped at the picture first, as OpenCV does, which moves
 * single pixels. RF_ERR_NOMEM. Free with rf_mask_free (boxes need not). */
rf_mask rf_mask_of_box(const float box[4], int width, int height);
rf_status rf_mask_of_ellipse(const rf_ellipse *ellipse, int width, int height, rf_mask *out);
void rf_mask_free(rf_mask *mask);

long rf_mask_area(const rf_mask *mask);
/* Pixels in both. Time: rows. */
long rf_mask_shared(const rf_mask *a, const rf_mask *b);
/* Intersection over union; 0 when both are empty. */
double rf_mask_iou(const rf_mask *a, const rf_mask *b);

#endif
