/* SPDX-License-Identifier: Apache-2.0 */
/* From the chosen region to the network's square input: pixels, boxes and landmarks. */

#include "data/augment.h"

/* biubug6 draws one of OpenCV's five filters, so that the network sees sharp and soft pixels alike. */
static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)picture;
    bool random = config->augment.filter == RF_AUGMENT_FILTER_RANDOM;
    v[0] = random ? rf_rng_below(rng, RF_FILTER_SMOOTH) : RF_FILTER_SMOOTH;
}

/* Both sides must reach 1 pixel (a thinner box has no finite logarithm worth learning) and augment.min_face. */
static void scale_faces(const rf_config *config, rf_picture *picture) {
    const rf_region *r = &picture->region;
    double sx = (double)config->input.size / r->width, sy = (double)config->input.size / r->height;
    picture->placement = (rf_placement){r->x, r->y, sx, sy, (double)config->input.size, false};
    float least = config->augment.min_face > 1 ? (float)config->augment.min_face : 1;
    for (size_t i = 0; i < picture->n_faces; i++) {
        rf_face *face = &picture->faces[i];
        for (int k = 0; k < 4; k++) face->box[k] = (float)((face->box[k] - (k & 1 ? r->y : r->x)) * (k & 1 ? sy : sx));
        for (int k = 0; k < 2 * face->n_points; k++)
            face->points[k] = (float)((face->points[k] - (k & 1 ? r->y : r->x)) * (k & 1 ? sy : sx));
        /* Written so that a NaN is ignored too. */
        if (!(face->box[2] - face->box[0] >= least && face->box[3] - face->box[1] >= least)) face->ignore = true;
    }
}

static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    double d = picture->denom;
    rf_region decoded = {picture->region.x / d, picture->region.y / d, picture->region.width / d,
                         picture->region.height / d};
    RF_TRY(rf_image_renew(&picture->spare, (int)config->input.size, (int)config->input.size));
    RF_TRY(rf_image_resize_with(&picture->image, &decoded, picture->fill, (rf_filter)v[0], &picture->spare));
    rf_image input = picture->spare;
    picture->spare = picture->image;
    picture->image = input;
    scale_faces(config, picture);
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.filter = RF_AUGMENT_FILTER_SMOOTH;
    config->augment.min_face = 0; /* the size itself is a property of the network */
}

const rf_augment rf_augment_resize = {
    "resize", "the crop at input.size, faces too small to learn become ignore regions", off, draw, apply};
