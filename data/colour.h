/* SPDX-License-Identifier: Apache-2.0 */
/* Colour changes of 8-bit images, in place. A rectangle limits them to a part; it is cut to the image, NULL is all of
 * it. */
#ifndef RF_DATA_COLOUR_H
#define RF_DATA_COLOUR_H

#include "data/image.h"

typedef struct rf_rect {
    int x, y, width, height; /* pixels */
} rf_rect;

/* value + add and value * factor for all channels, rounded and limited to 0..255. */
void rf_colour_brightness(rf_image *image, const rf_rect *rect, float add);
void rf_colour_contrast(rf_image *image, const rf_rect *rect, float factor);

/* In HSV space: saturation is multiplied (limited to 1), `hue` degrees are added. Value (the largest channel) stays, so
 * greys do not change; (1, 0) changes nothing. */
void rf_colour_hsv(rf_image *image, const rf_rect *rect, float saturation, float hue);

#endif
