/* SPDX-License-Identifier: Apache-2.0 */
/* Camera and file faults. */
#include <math.h>

#include "data/synth_scene.h"

static void adjust(rf_canvas *canvas, rf_rng *rng, bool faults) {
    float gain = rf_rng_range(rng, 0.82f, 1.15f), contrast = rf_rng_range(rng, 0.8f, 1.15f),
          saturation = rf_rng_range(rng, 0.6f, 1.2f);
    rf_rgb tint = {rf_rng_range(rng, 0.94f, 1.06f), 1, rf_rng_range(rng, 0.92f, 1.06f)};
    float vignette = rf_rng_uniform(rng) < 0.3f ? rf_rng_range(rng, 0, 0.5f) : 0;
    if (faults && rf_rng_uniform(rng) < 0.07f) saturation = 0;
    if (faults && rf_rng_uniform(rng) < 0.10f) gain *= rf_rng_range(rng, 0.4f, 0.8f);
    float w = (float)canvas->width, h = (float)canvas->height;
    for (int y = 0; y < canvas->height; y++) {
        float *rgb = canvas->rgb + (size_t)y * (size_t)canvas->width * 3, dy = ((float)y - 0.5f * h) / h;
        for (int x = 0; x < canvas->width; x++, rgb += 3) {
            float dx = ((float)x - 0.5f * w) / w, k = gain * (1 - vignette * 2 * (dx * dx + dy * dy));
            float r = (rgb[0] * tint.r * k - 0.5f) * contrast + 0.5f, g = (rgb[1] * k - 0.5f) * contrast + 0.5f;
            float b = (rgb[2] * tint.b * k - 0.5f) * contrast + 0.5f, grey = 0.299f * r + 0.587f * g + 0.114f * b;
            rgb[0] = grey + (r - grey) * saturation;
            rgb[1] = grey + (g - grey) * saturation;
            rgb[2] = grey + (b - grey) * saturation;
        }
    }
}

static void add_noise(rf_canvas *canvas, float amount, rf_rng *rng) {
    uint32_t seed = rf_rng_u32(rng);
    for (int y = 0; y < canvas->height; y++) {
        float *rgb = canvas->rgb + (size_t)y * (size_t)canvas->width * 3;
        for (int x = 0; x < canvas->width; x++, rgb += 3) {
            uint32_t bits = rf_hash_point((uint32_t)x, (uint32_t)y, seed);
            for (int c = 0; c < 3; c++) /* ten bits each, their mean is zero */
                rgb[c] += amount * ((float)((bits >> (10 * c)) & 1023) - 511.5f) * (1 / 512.f);
        }
    }
}

/* One-dimensional orthonormal DCT of 8 values `stride` apart, or its inverse; basis[k][i]. */
static void transform8(float *v, int stride, const float basis[8][8], bool inverse) {
    float out[8] = {0};
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 8; i++) out[k] += v[i * stride] * (inverse ? basis[i][k] : basis[k][i]);
    for (int k = 0; k < 8; k++) v[k * stride] = out[k];
}

static void quantise_block(float block[64], const float basis[8][8], float step) {
    for (int i = 0; i < 8; i++) transform8(block + 8 * i, 1, basis, false);
    for (int i = 0; i < 8; i++) transform8(block + i, 8, basis, false);
    for (int i = 0; i < 64; i++) {
        float q = step * (1 + 0.45f * (float)(i % 8 + i / 8)); /* coarser for high frequencies, as JPEG's tables */
        block[i] = q * floorf(block[i] / q + 0.5f);
    }
    for (int i = 0; i < 8; i++) transform8(block + i, 8, basis, true);
    for (int i = 0; i < 8; i++) transform8(block + 8 * i, 1, basis, true);
}

/* Luminance is quantised in 8x8 blocks, the colour of a block becomes its mean where it is nearly uniform. */
static void compress_blocks(rf_canvas *canvas, float step) {
    float basis[8][8];
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 8; i++)
            basis[k][i] = (k ? 0.5f : 0.35355339f) * cosf(((float)i + 0.5f) * (float)k * 0.39269908f);
    size_t row = (size_t)canvas->width * 3;
    for (int y = 0; y + 8 <= canvas->height; y += 8) {
        for (int x = 0; x + 8 <= canvas->width; x += 8) {
            float grey[64], old[64];
            float *corner = canvas->rgb + (size_t)y * row + 3 * (size_t)x;
            for (int i = 0; i < 64; i++) {
                const float *p = corner + (size_t)(i / 8) * row + 3 * (size_t)(i % 8);
                grey[i] = old[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
            }
            quantise_block(grey, (const float(*)[8])basis, step);
            for (int i = 0; i < 64; i++)
                for (int c = 0; c < 3; c++)
                    corner[(size_t)(i / 8) * row + 3 * (size_t)(i % 8) + (size_t)c] += grey[i] - old[i];
        }
    }
}

/* Averages blocks of n x n pixels and interpolates between their middles: an enlarged small picture. */
static void lose_resolution(rf_canvas *canvas, float factor) {
    int w = (int)((float)canvas->width / factor), h = (int)((float)canvas->height / factor);
    rf_canvas_blur(canvas, 0.5f * (factor - 1), 1);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t sx = (size_t)(((float)x + 0.5f) * factor), sy = (size_t)(((float)y + 0.5f) * factor);
            for (size_t c = 0; c < 3; c++)
                canvas->scratch[3 * ((size_t)y * (size_t)w + (size_t)x) + c] =
                    canvas->rgb[3 * (sy * (size_t)canvas->width + sx) + c];
        }
    for (int y = 0; y < canvas->height; y++) {
        float fy = rf_min(rf_max(((float)y + 0.5f) / factor - 0.5f, 0), (float)(h - 1) - 0.001f);
        int iy = (int)fy;
        for (int x = 0; x < canvas->width; x++) {
            float fx = rf_min(rf_max(((float)x + 0.5f) / factor - 0.5f, 0), (float)(w - 1) - 0.001f);
            int ix = (int)fx;
            const float *p = canvas->scratch + 3 * ((size_t)iy * (size_t)w + (size_t)ix), *q = p + 3 * (size_t)w;
            float tx = fx - (float)ix, ty = fy - (float)iy,
                  *out = canvas->rgb + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
            for (int c = 0; c < 3; c++) {
                float top = p[c] + (p[c + 3] - p[c]) * tx, bottom = q[c] + (q[c + 3] - q[c]) * tx;
                out[c] = top + (bottom - top) * ty;
            }
        }
    }
}

void rf_canvas_degrade(rf_canvas *canvas, bool faults, rf_rng *rng) {
    adjust(canvas, rng, faults);
    if (faults && rf_rng_uniform(rng) < 0.25f) rf_canvas_blur(canvas, rf_rng_range(rng, 0.2f, 1.1f), 1);
    if (faults && rf_rng_uniform(rng) < 0.10f) lose_resolution(canvas, rf_rng_range(rng, 1.2f, 2.2f));
    float noise = rf_rng_uniform(rng);
    add_noise(canvas, 0.01f + (faults ? 0.09f * noise * noise * noise : 0), rng);
    if (faults && rf_rng_uniform(rng) < 0.15f) compress_blocks(canvas, expf(rf_rng_range(rng, -4.0f, -2.0f)));
}

void rf_canvas_to_image(const rf_canvas *canvas, rf_image *image) {
    size_t n = (size_t)canvas->width * (size_t)canvas->height * 3;
    for (size_t i = 0; i < n; i++) {
        float v = canvas->rgb[i] * 255 + 0.5f;
        image->pixels[i] = (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v);
    }
}
