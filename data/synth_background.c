/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "data/synth_scene.h"

static float below(rf_rng *rng, float limit) {
    return rf_rng_range(rng, 0, limit);
}

enum { STEP = 4 };

/* Fractal noise on every STEP-th pixel, into the canvas' work space; it is smooth, so the pixels between are
 * interpolated. */
static void fill_noise_grid(rf_canvas *canvas, float period, float stretch, uint32_t seed, int across, int down) {
    for (int i = 0; i < down; i++)
        for (int k = 0; k < across; k++)
            canvas->scratch[i * across + k] =
                rf_fractal_noise((float)(k * STEP) / period, (float)(i * STEP) / period * stretch, 4, seed);
}

/* Two colours mixed by height, modulated by fractal noise and grain. */
static void fill_gradient(rf_canvas *canvas, rf_rgb top, rf_rgb bottom, float texture, float period, rf_rng *rng) {
    uint32_t seed = rf_rng_u32(rng);
    float stretch = rf_rng_range(rng, 0.4f, 2.5f), grain = rf_rng_range(rng, 0.0f, 0.06f);
    int across = canvas->width / STEP + 2, down = canvas->height / STEP + 2;
    fill_noise_grid(canvas, period, stretch, seed, across, down);
    for (int y = 0; y < canvas->height; y++) {
        rf_rgb colour = rf_rgb_mix(top, bottom, (float)y / (float)canvas->height);
        const float *upper = canvas->scratch + (y / STEP) * across, *lower = upper + across;
        float ty = (float)(y % STEP) / STEP, *rgb = canvas->rgb + 3 * (size_t)y * (size_t)canvas->width;
        for (int x = 0; x < canvas->width; x++, rgb += 3) {
            int k = x / STEP;
            float tx = (float)(x % STEP) / STEP;
            float a = upper[k] + (upper[k + 1] - upper[k]) * tx, b = lower[k] + (lower[k + 1] - lower[k]) * tx;
            float white = (float)(rf_hash_point((uint32_t)x, (uint32_t)y, seed) >> 8) * 0x1p-24f;
            float gain = 1 + texture * (a + (b - a) * ty - 0.5f) * 2 + grain * (white - 0.5f);
            rgb[0] = colour.r * gain;
            rgb[1] = colour.g * gain;
            rgb[2] = colour.b * gain;
        }
    }
}

static void draw_houses(rf_canvas *canvas, rf_rng *rng) {
    float w = (float)canvas->width, h = (float)canvas->height, ground = h * rf_rng_range(rng, 0.5f, 1.1f);
    for (float x = -below(rng, 60); x < w;) {
        float wide = w * rf_rng_range(rng, 0.08f, 0.35f), tall = h * rf_rng_range(rng, 0.3f, 1.0f);
        rf_paint wall = rf_paint_random(rng, 0.3f, 14);
        wall.b = rf_rgb_scale(wall.a, rf_rng_range(rng, 0.8f, 1.15f));
        rf_fill_box(canvas, x + wide / 2, ground - tall / 2, wide / 2, tall / 2, 0, 0, &wall);
        float pitch = rf_rng_range(rng, 12, 50), pane = rf_rng_range(rng, 0.25f, 0.42f);
        bool round = rf_rng_uniform(rng) < 0.2f;
        for (float wy = ground - tall + pitch; wy < ground - pitch / 2; wy += pitch * 1.3f) {
            for (float wx = x + pitch * 0.8f; wx < x + wide - pitch / 2; wx += pitch) {
                rf_paint glass =
                    rf_paint_plain(rf_rgb_random(rng, 0.3f, 0.05f, rf_rng_uniform(rng) < 0.2f ? 0.9f : 0.4f));
                rf_fill_box(canvas, wx, wy, pane * pitch, pane * pitch * 1.3f, 0, round ? pane * pitch : 0, &glass);
            }
        }
        x += wide + below(rng, 20);
    }
}

static void draw_foliage(rf_canvas *canvas, rf_rng *rng) {
    float w = (float)canvas->width, h = (float)canvas->height;
    rf_rgb leaf = {rf_rng_range(rng, 0.1f, 0.5f), rf_rng_range(rng, 0.25f, 0.6f), rf_rng_range(rng, 0.05f, 0.25f)};
    int n = 150 + (int)rf_rng_below(rng, 350);
    float from = h * rf_rng_range(rng, -0.2f, 0.5f), size = rf_rng_range(rng, 3, 22);
    for (int i = 0; i < n; i++) {
        rf_paint blob = rf_paint_plain(rf_rgb_scale(leaf, rf_rng_range(rng, 0.3f, 1.5f)));
        blob.alpha = rf_rng_range(rng, 0.5f, 1);
        blob.light[1] = -0.3f;
        float a = size * rf_rng_range(rng, 0.4f, 1.8f);
        rf_fill_ellipse(canvas, below(rng, w), from + below(rng, h - from), a, a * rf_rng_range(rng, 0.3f, 1),
                        below(rng, 3.14f), &blob);
    }
}

static void draw_lights(rf_canvas *canvas, rf_rng *rng) {
    float w = (float)canvas->width, h = (float)canvas->height, size = rf_rng_range(rng, 6, 40);
    int n = 10 + (int)rf_rng_below(rng, 60);
    for (int i = 0; i < n; i++) {
        rf_paint disc = rf_paint_plain(rf_rgb_random(rng, 0.6f, 0.4f, 1.0f));
        disc.alpha = rf_rng_range(rng, 0.1f, 0.7f);
        float r = size * rf_rng_range(rng, 0.5f, 1.3f);
        rf_fill_ellipse(canvas, below(rng, w), below(rng, h), r, r, 0, &disc);
    }
}

/* A room: patterned wall, floor, frames, door, lamp, furniture. */
static void draw_room(rf_canvas *canvas, rf_rng *rng) {
    float w = (float)canvas->width, h = (float)canvas->height, floor_y = h * rf_rng_range(rng, 0.6f, 1.1f);
    rf_paint wall = rf_paint_random(rng, 0.4f, 30);
    wall.b = rf_rgb_mix(wall.a, wall.b, rf_rng_range(rng, 0.1f, 0.6f));
    wall.light[0] = rf_rng_range(rng, -0.3f, 0.3f);
    rf_fill_box(canvas, w / 2, h / 2, w / 2 + 1, h / 2 + 1, 0, 0, &wall);
    rf_paint ground = rf_paint_random(rng, 0.3f, 40);
    ground.light[1] = -0.2f;
    rf_fill_box(canvas, w / 2, floor_y + h / 2, w / 2 + 1, h / 2, 0, 0, &ground);
    int n = 2 + (int)rf_rng_below(rng, 8);
    for (int i = 0; i < n; i++) {
        float a = w * rf_rng_range(rng, 0.02f, 0.16f), b = h * rf_rng_range(rng, 0.03f, 0.3f), x = below(rng, w),
              y = below(rng, h);
        rf_paint frame = rf_paint_plain(rf_rgb_random(rng, 0.4f, 0.05f, 0.9f)), inner = rf_paint_random(rng, 0.6f, 20);
        inner.light[1] = rf_rng_range(rng, -0.4f, 0.4f);
        rf_fill_box(canvas, x, y, a + 4, b + 4, 0, 2, &frame);
        rf_fill_box(canvas, x, y, a, b, 0, 0, &inner);
    }
}

/* Rows of small coloured blobs, as stands full of people look from afar; none has a face. */
static void draw_stands(rf_canvas *canvas, rf_rng *rng) {
    float size = rf_rng_range(rng, 4, 12), h = (float)canvas->height, w = (float)canvas->width;
    for (float y = below(rng, h * 0.4f); y < h; y += size * rf_rng_range(rng, 1.2f, 2.2f)) {
        for (float x = 0; x < w; x += size * rf_rng_range(rng, 1.0f, 2.0f)) {
            rf_paint blob = rf_paint_plain(rf_rgb_random(rng, 0.5f, 0.05f, 0.8f));
            blob.light[1] = -0.2f;
            rf_fill_box(canvas, x, y, size * rf_rng_range(rng, 0.3f, 0.7f), size * rf_rng_range(rng, 0.4f, 0.9f),
                        below(rng, 0.6f), size * 0.3f, &blob);
        }
    }
}

static void draw_clutter(rf_canvas *canvas, rf_rng *rng) {
    float w = (float)canvas->width, h = (float)canvas->height;
    int n = (int)rf_rng_below(rng, 26);
    for (int i = 0; i < n; i++) {
        float x = below(rng, w), y = below(rng, h), a = expf(rf_rng_range(rng, 1.0f, 4.3f)),
              b = a * rf_rng_range(rng, 0.15f, 1.2f);
        rf_paint paint = rf_paint_random(rng, rf_rng_uniform(rng), a * 0.4f);
        paint.light[0] = rf_rng_range(rng, -0.4f, 0.4f);
        paint.light[1] = rf_rng_range(rng, -0.5f, 0.2f);
        paint.alpha = rf_rng_uniform(rng) < 0.3f ? rf_rng_range(rng, 0.3f, 1) : 1;
        float turn = rf_rng_uniform(rng) < 0.5f ? 0 : below(rng, 3.14f);
        switch (rf_rng_below(rng, 4)) {
        case 0:
            rf_fill_ellipse(canvas, x, y, a, b, turn, &paint);
            break;
        case 1:
            rf_fill_box(canvas, x, y, a, b, turn, below(rng, b), &paint);
            break;
        case 2: {
            float to[2] = {x + rf_rng_range(rng, -w, w) * 0.5f, y + rf_rng_range(rng, -h, h) * 0.5f};
            float r = expf(rf_rng_range(rng, -0.3f, 2.2f));
            rf_fill_capsule(canvas, (float[]){x, y}, to, r, r * rf_rng_range(rng, 0.4f, 1), &paint);
            break;
        }
        default: {
            float points[3][2];
            for (int k = 0; k < 3; k++) {
                points[k][0] = x + rf_rng_range(rng, -a, a);
                points[k][1] = y + rf_rng_range(rng, -a, a);
            }
            rf_fill_convex(canvas, (const float(*)[2])points, 3, &paint);
        }
        }
    }
}

void rf_scene_background(rf_canvas *canvas, rf_rng *rng) {
    float saturation = rf_rng_range(rng, 0, 0.6f);
    rf_rgb top = rf_rgb_random(rng, saturation, 0.1f, 0.95f), bottom = rf_rgb_random(rng, saturation, 0.05f, 0.8f);
    fill_gradient(canvas, top, bottom, rf_rng_range(rng, 0, 0.7f), rf_rng_range(rng, 20, 160), rng);
    switch (rf_rng_below(rng, 7)) {
    case 0:
        draw_houses(canvas, rng);
        break;
    case 1:
        draw_foliage(canvas, rng);
        break;
    case 2:
        draw_lights(canvas, rng);
        break;
    case 3:
        draw_room(canvas, rng);
        break;
    case 4:
        draw_stands(canvas, rng);
        break;
    case 5:
        draw_houses(canvas, rng);
        draw_foliage(canvas, rng);
        break;
    default:
        break;
    }
    draw_clutter(canvas, rng);
    if (rf_rng_uniform(rng) < 0.45f) rf_canvas_blur(canvas, expf(rf_rng_range(rng, -0.7f, 1.6f)), 2);
}
