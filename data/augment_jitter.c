/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's colour jitter (rcnn/io/image.py): brightness, contrast and saturation in random order, each always, by
 * factors of U[1-s,1+s]; or brightness alone. Works on what the network sees, without limits (data/tint.h). */

#include "data/augment.h"

enum { ORDER, BRIGHTNESS, CONTRAST, SATURATION, ORDERS = 6 };

static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)picture;
    v[BRIGHTNESS] = v[CONTRAST] = v[SATURATION] = 1;
    if (config->augment.jitter == RF_JITTER_NONE) return;
    float s = (float)config->augment.jitter_strength;
    v[ORDER] = rf_rng_below(rng, ORDERS);
    for (int k = BRIGHTNESS; k <= SATURATION; k++) v[k] = rf_rng_range(rng, 1 - s, 1 + s);
    if (config->augment.jitter == RF_JITTER_BRIGHTNESS) v[CONTRAST] = v[SATURATION] = 1;
}

static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    static const int orders[ORDERS][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    double mean[3];
    picture->tint = rf_tint_none();
    if (config->augment.jitter == RF_JITTER_NONE) return RF_OK;
    rf_tint_mean(&picture->image, mean);
    for (int i = 0; i < 3; i++) {
        int what = orders[(int)v[ORDER]][i];
        if (what == BRIGHTNESS) rf_tint_brightness(&picture->tint, v[what]);
        if (what == CONTRAST && v[what] != 1) rf_tint_contrast(&picture->tint, v[what], mean);
        if (what == SATURATION && v[what] != 1) rf_tint_saturation(&picture->tint, v[what]);
    }
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.jitter = RF_JITTER_NONE;
}

const rf_augment rf_augment_jitter = {"jitter", "brightness, contrast and saturation without limits", off, draw, apply};
