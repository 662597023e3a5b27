/* SPDX-License-Identifier: Apache-2.0 */
/* A change of colour as one affine map of RGB in 0..255, without limits and without rounding: applied when bytes become
 * the network's numbers, so that nothing is cut off at white. */
#ifndef RF_DATA_TINT_H
#define RF_DATA_TINT_H

#include <stdbool.h>

#include "data/image.h"

typedef struct rf_tint {
    bool used;      /* false: colours stay as they are, m and shift mean nothing */
    float m[3][3];  /* new channel (R, G, B) from old ones */
    float shift[3]; /* added afterwards */
} rf_tint;

rf_tint rf_tint_none(void);
/* The mean colour of an image, RGB. */
void rf_tint_mean(const rf_image *image, double mean[3]);

/* After what the tint did so far. Greys are .114 R + .587 G + .299 B: insightface takes .299, .587, .114 for its
 * channels, which are B, G, R. `mean` is of the picture before any tint. */
void rf_tint_brightness(rf_tint *tint, double factor);
void rf_tint_contrast(rf_tint *tint, double factor, const double mean[3]); /* towards the picture's mean grey */
void rf_tint_saturation(rf_tint *tint, double factor);                     /* towards each pixel's grey */

#endif
