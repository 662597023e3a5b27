/* SPDX-License-Identifier: Apache-2.0 */
/* Augmentation: the steps of augments.def turn a picture with its faces into one network input. All random draws are
 * made first, from the sizes alone, so that a large JPEG can be decoded at just the size its crop needs. */
#ifndef RF_DATA_AUGMENT_H
#define RF_DATA_AUGMENT_H

#include "settings/settings.h"
#include "core/rng.h"
#include "data/image.h"
#include "data/resize.h"
#include "data/tint.h"
#include "detect/face.h"
#include "detect/placement.h"

typedef enum rf_augment_id {
#define RF_AUGMENT(name) RF_AUGMENT_##name,
#include "data/augments.def"
#undef RF_AUGMENT
    RF_AUGMENT_COUNT
} rf_augment_id;

/* Parameters that a step has drawn; their meaning is the step's own. */
typedef struct rf_draws {
    double v[8];
} rf_draws;

/* A training picture on its way through the steps. */
typedef struct rf_picture {
    int width, height; /* full size in pixels */
    rf_region region;  /* what will be shown, in full-size pixels; may exceed the picture, which is then filled up */
    int denom;         /* `image` is the picture at 1/denom of its full size: 1, 2, 4 or 8 */
    rf_image image;    /* no pixels while planning; the picture at 1/denom; after step `resize` the square input */
    rf_image spare;    /* memory that step `resize` may use for its result; holds the decoded picture afterwards */
    uint8_t fill[3];   /* RGB of what lies outside the picture */
    rf_tint tint;      /* colours to change when the pixels become numbers */
    rf_face *faces;    /* full-size pixels; after step `resize` pixels of the input. Owned by the caller */
    size_t n_faces;    /* steps may drop faces: the array is compacted, never grown */
    rf_placement placement; /* after the steps: how full-size pixels became pixels of the input */
    rf_draws draws[RF_AUGMENT_COUNT];
} rf_picture;

/* One step. draw sees width, height, region and faces, and may change the region; apply does what was drawn to image
 * and faces. */
typedef struct rf_augment {
    const char *name, *doc;
    void (*off)(rf_config *config); /* sets the keys with which the step leaves a picture as it is */
    void (*draw)(const rf_config *config, rf_rng *rng, rf_picture *picture, double *v);
    rf_status (*apply)(const rf_config *config, const double *v, rf_picture *picture);
} rf_augment;

extern const rf_augment *const rf_augments[RF_AUGMENT_COUNT];

/* Every step's draws, in order, from one random stream; the region starts as the whole picture. Needs width, height and
 * faces. The same rng, sizes and faces give the same plan. */
void rf_augment_plan(const rf_config *config, rf_rng *rng, rf_picture *picture);

/* The largest scale_denom for which the planned region still has at least input.size decoded pixels on each side. */
int rf_augment_denom(const rf_config *config, const rf_picture *picture);

/* Applies the plan: image (the picture at 1/denom, owned by the caller's struct) becomes input.size squared, faces
 * become input pixels. Faces are kept by their centre; those that end up thinner or lower than 1 pixel or
 * augment.min_face are ignore regions. Landmarks move along and stay valid even outside the crop. In any case image and
 * spare are the caller's to free. */
rf_status rf_augment_apply(const rf_config *config, rf_picture *picture);

#endif
