/* SPDX-License-Identifier: Apache-2.0 */
/* The picture at a random place of a larger canvas, so that small faces get smaller still (SSD's expansion; SRN, arXiv
 * 1809.02693, draws the factor from [1,2]). Nothing is copied: the canvas is the region that the crop is taken from,
 * and what it shows outside the picture is filled with the mean, which is 0 for the network. */
#include <math.h>

#include "data/augment.h"

static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)v;
    double most = config->augment.expand;
    if (!(most > 1)) return;
    double factor = (double)rf_rng_range(rng, 1, (float)most);
    int width = (int)floor(factor * picture->width), height = (int)floor(factor * picture->height);
    double x = rf_rng_below(rng, (uint32_t)(width - picture->width + 1));
    double y = rf_rng_below(rng, (uint32_t)(height - picture->height + 1));
    picture->region = (rf_region){-x, -y, width, height};
}

/* Faces keep their places in the picture. */
static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    (void)config, (void)v, (void)picture;
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.expand = 1;
}

const rf_augment rf_augment_expand = {"expand", "a canvas around the picture, up to augment.expand times as large", off,
                                      draw, apply};
