/* SPDX-License-Identifier: Apache-2.0 */
/* Marks on 8-bit images: what rf-detect paints. Everything is cut to the image; coordinates that are not finite draw
 * nothing. */
#ifndef RF_DATA_DRAW_H
#define RF_DATA_DRAW_H

#include "data/image.h"

typedef struct rf_colour {
    uint8_t r, g, b;
} rf_colour;

/* The colour of a kind of object by its label: eight that are well told apart, over and over. */
rf_colour rf_draw_class_colour(int label);

/* Stroke width in pixels that is well seen in a picture of this size: about 1/400 of the longer side, at least 1. */
int rf_draw_thickness(const rf_image *image);
/* The radius of a disc for each of n points of a face, for few of them `radius`. */
float rf_draw_point_radius(float radius, int n);

/* A straight line of square pens. */
void rf_draw_line(rf_image *image, float x0, float y0, float x1, float y1, int thickness, rf_colour colour);
/* The outline of [x1,x2) x [y1,y2), the stroke inside of it. */
void rf_draw_rectangle(rf_image *image, const float box[4], int thickness, rf_colour colour);
void rf_draw_filled(rf_image *image, const float box[4], rf_colour colour);
void rf_draw_disc(rf_image *image, float x, float y, float radius, rf_colour colour);

/* Text in a 5x7 font whose dots are `scale` pixels; x, y is the upper left corner. Printable ASCII, lower-case letters
 * are shown as capitals, anything unknown as '?'. Each character advances 6 * scale pixels. */
void rf_draw_text(rf_image *image, float x, float y, const char *text, int scale, rf_colour colour);
/* Width in pixels of such a text; its height is 7 * scale. */
int rf_draw_text_width(const char *text, int scale);

/* A dot for each of n points xy [n,2], pixels: small enough that those of a face's mesh of `height` pixels stay apart.
 */
void rf_draw_mesh(rf_image *image, const float *xy, size_t n, float height);

#endif
