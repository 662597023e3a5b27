/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a synthetic picture around the heads; each draws into the canvas from its own random numbers. */
#ifndef RF_DATA_SYNTH_SCENE_H
#define RF_DATA_SYNTH_SCENE_H

#include "data/image.h"
#include "data/synth.h"
#include "data/synth_canvas.h"
#include "data/synth_head.h"

/* Fills the whole canvas: sky and ground, walls, houses, foliage, lights out of focus, stands, with clutter. */
void rf_scene_background(rf_canvas *canvas, rf_rng *rng);
/* A number of things that resemble faces in one way each: `size` is that of a face (box height). */
void rf_scene_distractor(rf_canvas *canvas, float cx, float cy, float size, rf_rng *rng);
/* Neck, shoulders and arms below a head; drawn before it. */
void rf_scene_body(rf_canvas *canvas, const rf_head *head, rf_rng *rng);
/* Hair that hangs behind the head; drawn between body and head. */
void rf_scene_back_hair(rf_canvas *canvas, const rf_head *head);
/* A thing in front of a part of the box x1 y1 x2 y2: a hand, a pole, a cup, leaves, a sign. */
void rf_scene_occluder(rf_canvas *canvas, const float box[4], rf_rng *rng);

/* Camera faults: exposure, tint, grey, vignette, blur, lost resolution, noise, block compression. Without `faults` only
 * a little noise and the exposure. */
void rf_canvas_degrade(rf_canvas *canvas, bool faults, rf_rng *rng);
/* Canvas to 8 bits, into an allocated image of the same size. */
void rf_canvas_to_image(const rf_canvas *canvas, rf_image *image);

#endif
