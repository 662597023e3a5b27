/* SPDX-License-Identifier: Apache-2.0 */
/* The drawing surface of the synthetic pictures: anti-aliased shapes with patterned, lit paint. Colours are 0..1, not
 * linear light. Shapes are cut at the border. Nothing here fails or allocates unless it returns a status. */
#ifndef RF_DATA_SYNTH_CANVAS_H
#define RF_DATA_SYNTH_CANVAS_H

#include <stdint.h>

#include "core/rng.h"
#include "core/status.h"

typedef struct rf_rgb {
    float r, g, b;
} rf_rgb;

typedef struct rf_canvas {
    int width, height;
    float *rgb;      /* [height][width][3] */
    float *scratch;  /* the same size: work space of blurs and backgrounds */
    float *sums;     /* [width][3]: work space of blurs */
    uint16_t *owner; /* [height][width] number of the face that is seen there, 0 for none */
} rf_canvas;

rf_status rf_canvas_alloc(rf_canvas *canvas, int width, int height);
void rf_canvas_free(rf_canvas *canvas);

/* Smoothed lattice noise, 0..1, and its sum over octaves. Functions of position and seed. */
float rf_noise(float x, float y, uint32_t seed);
float rf_fractal_noise(float x, float y, int octaves, uint32_t seed);
/* White noise of a lattice point, 32 bits. */
static inline uint32_t rf_hash_point(uint32_t x, uint32_t y, uint32_t seed) {
    uint32_t h = (x * 0x8da6b343u) ^ (y * 0xd8163841u) ^ (seed * 0xcb1ab31fu);
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return h ^ (h >> 15);
}

/* fminf and fmaxf without their care for NaN, which costs a call for each. */
static inline float rf_min(float a, float b) {
    return a < b ? a : b;
}
static inline float rf_max(float a, float b) {
    return a > b ? a : b;
}

rf_rgb rf_rgb_mix(rf_rgb a, rf_rgb b, float t);
rf_rgb rf_rgb_scale(rf_rgb a, float k);
rf_rgb rf_rgb_random(rf_rng *rng, float saturation, float lo, float hi);
rf_rgb rf_skin_colour(rf_rng *rng);

typedef enum rf_pattern { RF_PLAIN, RF_STRIPES, RF_CHECKS, RF_DOTS, RF_BRICKS, RF_MARBLE, RF_PATTERN_COUNT } rf_pattern;

typedef struct rf_paint {
    rf_rgb a, b; /* two colours of the pattern */
    rf_pattern pattern;
    float period, angle; /* pixels, radians */
    float light[2];      /* shading gradient over the shape, as if it were round; x y components */
    float grain;         /* amplitude of the noise on top */
    float alpha;
    uint32_t seed;
} rf_paint;

rf_paint rf_paint_plain(rf_rgb colour);
/* A random pattern of the period, for clothes and walls. */
rf_paint rf_paint_random(rf_rng *rng, float saturation, float period);

/* Shapes; they clear `owner` where they cover more than half a pixel. Angles in radians, lengths in pixels. */
void rf_fill_ellipse(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, const rf_paint *paint);
void rf_fill_ring(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, float thickness,
                  const rf_paint *paint);
/* Box of half sizes a and b with round corners. */
void rf_fill_box(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, float corner,
                 const rf_paint *paint);
/* A thick line whose radius goes from r0 to r1. */
void rf_fill_capsule(rf_canvas *canvas, const float from[2], const float to[2], float r0, float r1,
                     const rf_paint *paint);
/* A convex polygon; points [n][2] in either direction, n <= 16. */
void rf_fill_convex(rf_canvas *canvas, const float (*points)[2], int n, const rf_paint *paint);

/* Box blur of the radius (in pixels, may be fractional), `passes` times. */
void rf_canvas_blur(rf_canvas *canvas, float radius, int passes);

#endif
