/* SPDX-License-Identifier: Apache-2.0 */
/* Photometric distortion (after biubug6 and SSD): brightness, then contrast before or after saturation and hue, each
 * with the probability augment.distort. Works on the pixels of the crop only, before it is resized: most crops are
 * enlarged. */
#include <math.h>

#include "data/augment.h"
#include "data/colour.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, CONTRAST_FIRST };

static double maybe(const rf_config *config, rf_rng *rng, double centre, double reach) {
    /* Both numbers are drawn in any case, so that one setting does not change the others' draws. */
    bool happens = rf_rng_uniform(rng) < (float)config->augment.distort;
    double value = rf_rng_range(rng, (float)(centre - reach), (float)(centre + reach));
    return happens ? value : centre;
}

static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)picture;
    v[CONTRAST_FIRST] = rf_rng_below(rng, 2);
    v[BRIGHTNESS] = maybe(config, rng, 0, config->augment.brightness);
    v[CONTRAST] = maybe(config, rng, 1, config->augment.contrast);
    v[SATURATION] = maybe(config, rng, 1, config->augment.saturation);
    v[HUE] = maybe(config, rng, 0, config->augment.hue);
}

static rf_rect visible_pixels(const rf_picture *picture) {
    const rf_region *r = &picture->region;
    double d = picture->denom;
    double left = fmax(floor(r->x / d), 0), right = fmin(ceil((r->x + r->width) / d), picture->image.width);
    double top = fmax(floor(r->y / d), 0), bottom = fmin(ceil((r->y + r->height) / d), picture->image.height);
    return (rf_rect){(int)left, (int)top, (int)fmax(right - left, 0), (int)fmax(bottom - top, 0)};
}

static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    (void)config;
    rf_rect rect = visible_pixels(picture);
    if (v[BRIGHTNESS] != 0) rf_colour_brightness(&picture->image, &rect, (float)v[BRIGHTNESS]);
    if (v[CONTRAST] != 1 && v[CONTRAST_FIRST] != 0) rf_colour_contrast(&picture->image, &rect, (float)v[CONTRAST]);
    rf_colour_hsv(&picture->image, &rect, (float)v[SATURATION], (float)v[HUE]);
    if (v[CONTRAST] != 1 && v[CONTRAST_FIRST] == 0) rf_colour_contrast(&picture->image, &rect, (float)v[CONTRAST]);
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.distort = 0;
}

const rf_augment rf_augment_distort = {"distort", "brightness, contrast, saturation and hue", off, draw, apply};
