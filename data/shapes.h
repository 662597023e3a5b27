/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes that labelling tools draw into a picture, gathered until the picture is complete: boxes, and what a box can be
 * drawn around, become faces; points that are called as landmarks go to the face that they belong to. */
#ifndef RF_DATA_SHAPES_H
#define RF_DATA_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/intake.h"

enum { RF_SHAPE_LABEL = 256, RF_SHAPE_ID = 64 };

typedef struct rf_shape {
    double box[4];              /* x y w h; of a point x y */
    char label[RF_SHAPE_LABEL]; /* "": none */
    char id[RF_SHAPE_ID];       /* "": none */
    char parent[RF_SHAPE_ID];   /* the id of the shape that a point belongs to; "": not told */
    bool point, hidden, ignore; /* hidden: of a point; ignore: neither target nor negative */
    bool no_box;                /* a line, a mask, a tag: counted, and left out */
    int line;
} rf_shape;

typedef struct rf_shapes {
    rf_shape *v;
    size_t n;
    bool shares; /* all numbers are shares of the picture's size */
} rf_shapes;

rf_status rf_shapes_add(rf_shapes *shapes, const rf_shape *shape);
/* Makes faces of them, of an image, and empties the list. A point without a parent belongs to the
 * smallest box that holds it. What is no box and no landmark of one is told. */
rf_status rf_shapes_flush(rf_shapes *shapes, rf_intake *intake, size_t image);
void rf_shapes_free(rf_shapes *shapes);

/* The box around n points, x y each. */
void rf_shape_around(rf_shape *shape, const double *points, size_t n);
/* The box around an ellipse, and around a box that is turned about a point; the angle in degrees, clockwise. */
void rf_shape_ellipse(rf_shape *shape, double x, double y, double rx, double ry, double angle);
void rf_shape_turned(rf_shape *shape, const double box[4], double about_x, double about_y, double angle);

#endif
