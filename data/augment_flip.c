/* SPDX-License-Identifier: Apache-2.0 */
/* Mirror image with probability augment.flip: x becomes S - x, and what was left in the face is now right. */
#include <string.h>

#include "data/augment.h"

static void draw(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v) {
    (void)picture;
    v[0] = rf_rng_uniform(rng) < (float)config->augment.flip;
}

static void swap_points(float *points, int a, int b) {
    float saved[2];
    memcpy(saved, points + 2 * a, sizeof saved);
    memcpy(points + 2 * a, points + 2 * b, sizeof saved);
    memcpy(points + 2 * b, saved, sizeof saved);
}

static uint8_t swap_bits(uint8_t bits, int a, int b) {
    int differ = (bits >> a ^ bits >> b) & 1;
    return (uint8_t)(bits ^ (differ << a | differ << b));
}

static rf_status apply(const rf_config *config, const double *v, rf_picture *picture) {
    if (v[0] == 0) return RF_OK;
    float size = (float)config->input.size;
    rf_image_mirror(&picture->image);
    picture->placement.mirrored = true;
    for (size_t i = 0; i < picture->n_faces; i++) {
        rf_face *face = &picture->faces[i];
        float left = size - face->box[2];
        face->box[2] = size - face->box[0];
        face->box[0] = left;
        if (!face->has_points) continue;
        for (int k = 0; k < RF_POINTS; k++) face->points[2 * k] = size - face->points[2 * k];
        swap_points(face->points, 0, 1); /* eyes */
        swap_points(face->points, 3, 4); /* corners of the mouth */
        face->hidden = swap_bits(swap_bits(face->hidden, 0, 1), 3, 4);
    }
    return RF_OK;
}

static void off(rf_config *config) {
    config->augment.flip = 0;
}

const rf_augment rf_augment_flip = {"flip", "mirror image", off, draw, apply};
