/* SPDX-License-Identifier: Apache-2.0 */
/* Mirror image with probability augment.flip: x becomes S - x, and what was left in the face is now right. */
#include "data/augment.h"
#include "detect/point_flip.h"

static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)picture;
    v[0] = rf_rng_uniform(rng) < (float)config->augment.flip;
}

static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    if (v[0] == 0) return RF_OK;
    float size = (float)config->input.size;
    rf_point_flip flip;
    RF_TRY(rf_point_flip_from_config(config, &flip));
    rf_image_mirror(&picture->image);
    picture->placement.mirrored = true;
    for (size_t i = 0; i < picture->n_faces; i++) {
        rf_face *face = &picture->faces[i];
        float left = size - face->box[2];
        face->box[2] = size - face->box[0];
        face->box[0] = left;
        for (int k = 0; k < face->n_points; k++) face->points[2 * k] = size - face->points[2 * k];
        rf_points_swap(&flip, face);
    }
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.flip = 0;
}

const rf_augment rf_augment_flip = {"flip", "mirror image", off, draw, apply};
