/* SPDX-License-Identifier: Apache-2.0 */
/* Procedural pictures of people with exact boxes and landmarks, drawn by a software renderer of our own. They need no
 * download and no licence, so the demonstration, the tests and a first look at a new model can use them. They are not a
 * substitute for photos. */
#ifndef RF_DATA_SYNTH_H
#define RF_DATA_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "data/image.h"
#include "detect/face.h"

typedef struct rf_synth_mesh rf_synth_mesh; /* data/synth_mesh.h */

typedef struct rf_synth_options {
    int width, height; /* of every picture, pixels: 64..4096 */
    int min_face,
        max_face;     /* height of the face box, pixels, drawn log-uniformly: 8..4096, less than the picture's height */
    int max_faces;    /* in one picture: 1..500 */
    int max_yaw;      /* degrees a face may turn to a side: 0..75 */
    bool crowds;      /* some pictures with rows of many small faces */
    bool occlusion;   /* things and people in front of faces */
    bool accessories; /* glasses, masks, hats, beards */
    bool degradation; /* blur, noise, compression, grey pictures */
    const rf_synth_mesh *mesh; /* faces are made of this mesh (borrowed); NULL: of the head's own surface */
    int points;                /* of a face: 5, or the 68 of iBUG (not with a mesh) */
    bool masks;                /* about half of the faces wear one: two kinds, mask and no_mask (not with a mesh) */
    bool plates;               /* number plates with their four corners, and nobody */
    bool distractors;          /* clocks, balls, hands, animals, heads from behind: none is a face */
} rf_synth_options;

/* What the kinds of options->masks are called, the first has label 0. */
extern const char rf_synth_mask_classes[];
/* 640x480, faces of 8 to 400 pixels, at most 60, everything on. */
void rf_synth_defaults(rf_synth_options *options);
/* RF_ERR_USER names the option that is out of range. */
rf_status rf_synth_check(const rf_synth_options *options);

/* Draws picture `index` of the set `seed`; the result is a function of the arguments alone. *image is allocated
 * (rf_image_free), *faces is an array of *n_faces (rf_free), clipped to the picture. A face has points when all of
 * them lie in the picture, and `ignore` when less than a third of it is visible. Boxes reach from the hairline to the
 * chin and over both cheeks without ears, as WIDER FACE's do. Thread safe. */
rf_status rf_synth_image(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                         rf_face **faces, size_t *n_faces);
/* The same with the mesh's vertices in pixels, hidden ones and those outside the picture too: *vertices
 * [n_faces,mesh vertices,2] (rf_free), NULL without options->mesh. */
rf_status rf_synth_image_mesh(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                              rf_face **faces, size_t *n_faces, float **vertices);

/* Told after every batch of pictures; returning false stops with RF_ERR_INTERRUPTED. Called from the calling thread. */
typedef bool (*rf_synth_progress)(void *ctx, size_t done, size_t total);

/* Writes a data set: DIR/{train,val}/label.txt, DIR/{train,val}/images/0--Synth/ and DIR/README.txt. A rerun with the
 * same seed and options gives the same bytes, on any number of threads. Label files are written last, so a broken run
 * leaves none. With options->mesh also DIR/mesh.obj and DIR/{train,val}/label.mesh.safetensors. Pictures are JPEG,
 * quality 90. progress may be NULL. */
rf_status rf_synth_write(const char *dir, size_t n_train, size_t n_val, uint64_t seed, const rf_synth_options *options,
                         rf_synth_progress progress, void *ctx);

#endif
