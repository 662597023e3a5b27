/* Filled shapes as sets of pixels, for FDDB's overlap. A pixel belongs to a shape when its centre does. */
#ifndef RF_EVAL_MASK_H
#define RF_EVAL_MASK_H

#include <stdbool.h>

#include "detect/ellipse.h"

typedef struct rf_shape {
    bool is_ellipse;
    rf_ellipse ellipse;
    float box[4]; /* x1 y1 x2 y2; of an ellipse the box around it */
} rf_shape;

rf_shape rf_shape_of_box(const float box[4]);
rf_shape rf_shape_of_ellipse(const rf_ellipse *ellipse);

/* Pixels first..last-1 of row y in the shape; empty: first >= last. */
void rf_shape_row(const rf_shape *shape, int y, int *first, int *last);

/* Intersection over union in pixels, of what lies in an image of width x height (0 0: not limited); 0 when both are
 * empty. Boxes beyond +-1e6 pixels are cut there. Time: rows of the shapes. */
double rf_shape_iou(const rf_shape *a, const rf_shape *b, int width, int height);

#endif
