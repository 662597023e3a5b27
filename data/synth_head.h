/* SPDX-License-Identifier: Apache-2.0 */
/* A head for the synthetic pictures: a star-shaped surface over a grid of directions, deformed by nose, brows, lips,
 * chin, ears; rasterised with a depth buffer and painted by functions of the surface coordinates. Box and landmarks are
 * projections of the same surface, so they are exact. Head units: half the head's height is 1; x to the right of the
 * picture, y down, z to the viewer when the head looks at him. */
#ifndef RF_DATA_SYNTH_HEAD_H
#define RF_DATA_SYNTH_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "data/synth_canvas.h"
#include "detect/face.h"

typedef enum rf_hair_style {
    RF_HAIR_BALD,
    RF_HAIR_SHORT,
    RF_HAIR_RECEDING,
    RF_HAIR_FRINGE,
    RF_HAIR_LONG,
    RF_HAIR_CURLY,
    RF_HAIR_COUNT
} rf_hair_style;
typedef enum rf_hat { RF_HAT_NONE, RF_HAT_CAP, RF_HAT_BEANIE, RF_HAT_BRIM, RF_HAT_COUNT } rf_hat;
typedef enum rf_beard { RF_BEARD_NONE, RF_BEARD_STUBBLE, RF_BEARD_FULL, RF_BEARD_MOUSTACHE, RF_BEARD_COUNT } rf_beard;
typedef enum rf_eyewear { RF_EYES_BARE, RF_EYES_GLASSES, RF_EYES_SUNGLASSES, RF_EYEWEAR_COUNT } rf_eyewear;

typedef struct rf_synth_mesh rf_synth_mesh; /* data/synth_mesh.h */

typedef struct rf_head {
    /* shape, head units */
    float half_width, half_depth, jaw, chin, nose_length, nose_height, nose_width;
    float eye_x, eye_y, eye_size, brow_y, mouth_y, mouth_half;
    /* look */
    float eye_open, gaze_x, gaze_y, smile, mouth_open, brow_arch, brow_thick, lip_red, shine, wrinkles;
    rf_rgb skin, hair, iris, cloth, metal; /* cloth: hat and mask; metal: glasses */
    rf_hair_style style;
    rf_hat hat;
    rf_beard beard;
    rf_eyewear eyewear;
    bool mask;
    uint32_t seed;             /* of textures */
    const rf_synth_mesh *mesh; /* the face is this mesh, in front of a smaller head; NULL: the head's own surface */
    /* pose, radians: yaw > 0 looks to the right of the picture, pitch > 0 down, roll > 0 clockwise; then place and
     * scale */
    float yaw, pitch, roll;
    float cx, cy, scale; /* pixels; pixels per head unit */
    /* light: direction to it in the picture's axes, unit length; shares of diffuse and ambient light; tint of both */
    float light[3], diffuse, ambient;
    rf_rgb tint;
} rf_head;

/* A random identity and look, frontal, unscaled; accessories: hats, glasses, beards, masks. */
void rf_head_random(rf_head *head, bool accessories, rf_rng *rng);
/* A light that all heads of a picture share. */
void rf_head_random_light(rf_head *head, rf_rng *rng);

/* A point of the surface in picture pixels, z is pixels to the viewer. (u,v) are the frontal coordinates of the
 * undeformed head. */
void rf_head_project(const rf_head *head, float u, float v, float out[3]);
/* Tight box of the face (hairline to chin, cheek to cheek) and the five landmarks, pixels; points holds these. */
void rf_head_annotate(const rf_head *head, rf_face *face, float points[2 * RF_POINTS]);
/* The 68 points of iBUG's scheme on the same surface, pixels (data/synth_points.c). */
enum { RF_HEAD_POINTS = 68 };
void rf_head_points_68(const rf_head *head, float points[2 * RF_HEAD_POINTS]);

/* Grid resolution and workspace of rf_head_draw; grows as needed. Zeroed to start. */
typedef struct rf_head_space {
    void *samples, *vertices;
    size_t n_samples, n_vertices;
} rf_head_space;
void rf_head_space_free(rf_head_space *space);

/* Draws the head; pixels that show the face get `owner` (0: the head of somebody who looks away). *shown counts them.
 */
rf_status rf_head_draw(rf_canvas *canvas, const rf_head *head, uint16_t owner, rf_head_space *space, size_t *shown);

/* --- shared by data/synth_head*.c
 * ------------------------------------------------------------------------------------------ */

typedef enum rf_material { RF_NOTHING, RF_SKIN, RF_HAIR, RF_CLOTH } rf_material;

/* One sample of the head's picture: where on the undeformed head, the normal in the picture's axes. */
typedef struct rf_head_sample {
    float z, u, v, w, longitude, nx, ny, nz;
    rf_material material;
} rf_head_sample;

/* Surface direction (longitude from the face, latitude from the middle downwards) to undeformed (uvw) and deformed
 * position. */
void rf_head_surface(const rf_head *head, float longitude, float latitude, float uvw[3], float position[3]);
/* Rotation, perspective and scale: head units to picture pixels. */
void rf_head_to_picture(const rf_head *head, const float position[3], float out[3]);
/* Where hair begins: v of the hairline at the longitude (below it is skin). 9: no hair. */
float rf_head_hairline(const rf_head *head, float longitude);
/* Colour of a sample; `footprint` is the size of a sample in head units. */
rf_rgb rf_head_colour(const rf_head *head, const rf_head_sample *sample, float footprint);
/* Whether a sample is part of what a face box covers. */
bool rf_head_in_face(const rf_head *head, float v, float w);

#endif
