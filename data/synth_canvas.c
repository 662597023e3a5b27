/* SPDX-License-Identifier: Apache-2.0 */
#include "data/synth_canvas.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

rf_status rf_canvas_alloc(rf_canvas *canvas, int width, int height) {
    size_t pixels;
    *canvas = (rf_canvas){.width = width, .height = height};
    if (!rf_size_mul((size_t)width, (size_t)height, &pixels)) return rf_fail(RF_ERR_USER, "the picture is too large");
    canvas->rgb = rf_alloc(pixels, 3 * sizeof(float));
    canvas->scratch = rf_alloc(pixels, 3 * sizeof(float));
    canvas->owner = rf_alloc(pixels, sizeof(uint16_t));
    canvas->sums = rf_alloc((size_t)width, 3 * sizeof(float));
    if (canvas->rgb && canvas->scratch && canvas->owner && canvas->sums) return RF_OK;
    rf_canvas_free(canvas);
    return RF_ERR_NOMEM;
}

void rf_canvas_free(rf_canvas *canvas) {
    rf_free(canvas->rgb);
    rf_free(canvas->scratch);
    rf_free(canvas->owner);
    rf_free(canvas->sums);
    *canvas = (rf_canvas){0};
}

float rf_noise(float x, float y, uint32_t seed) {
    int32_t fx = (int32_t)x, fy = (int32_t)y;
    fx -= x < (float)fx; /* floorf would be a call */
    fy -= y < (float)fy;
    uint32_t ix = (uint32_t)fx, iy = (uint32_t)fy;
    float tx = x - (float)fx, ty = y - (float)fy;
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    float a = (float)(rf_hash_point(ix, iy, seed) >> 8), b = (float)(rf_hash_point(ix + 1, iy, seed) >> 8);
    float c = (float)(rf_hash_point(ix, iy + 1, seed) >> 8), d = (float)(rf_hash_point(ix + 1, iy + 1, seed) >> 8);
    float top = a + (b - a) * tx, bottom = c + (d - c) * tx;
    return (top + (bottom - top) * ty) * 0x1p-24f;
}

float rf_fractal_noise(float x, float y, int octaves, uint32_t seed) {
    float sum = 0, weight = 0.5f;
    for (int i = 0; i < octaves; i++) {
        sum += weight * rf_noise(x, y, seed + (uint32_t)i);
        x *= 2.03f;
        y *= 2.03f;
        weight *= 0.5f;
    }
    return sum / (1 - 2 * weight);
}

rf_rgb rf_rgb_mix(rf_rgb a, rf_rgb b, float t) {
    return (rf_rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

rf_rgb rf_rgb_scale(rf_rgb a, float k) {
    return (rf_rgb){a.r * k, a.g * k, a.b * k};
}

rf_rgb rf_rgb_random(rf_rng *rng, float saturation, float lo, float hi) {
    float grey = rf_rng_range(rng, lo, hi);
    rf_rgb hue = {rf_rng_uniform(rng), rf_rng_uniform(rng), rf_rng_uniform(rng)};
    float mean = (hue.r + hue.g + hue.b) / 3 + 0.1f;
    return rf_rgb_mix((rf_rgb){grey, grey, grey}, rf_rgb_scale(hue, grey / mean), saturation);
}

rf_rgb rf_skin_colour(rf_rng *rng) {
    static const rf_rgb tones[] = {{0.97f, 0.83f, 0.74f}, {0.92f, 0.74f, 0.62f}, {0.86f, 0.67f, 0.52f},
                                   {0.74f, 0.53f, 0.39f}, {0.56f, 0.37f, 0.26f}, {0.36f, 0.23f, 0.16f}};
    enum { TONES = sizeof tones / sizeof *tones };
    float at = rf_rng_uniform(rng) * (TONES - 1.001f);
    int i = (int)at;
    rf_rgb skin = rf_rgb_mix(tones[i], tones[i + 1], at - (float)i);
    float red = rf_rng_range(rng, -0.03f, 0.03f), yellow = rf_rng_range(rng, -0.03f, 0.03f);
    return (rf_rgb){skin.r + red, skin.g, skin.b - yellow};
}

rf_paint rf_paint_plain(rf_rgb colour) {
    return (rf_paint){.a = colour, .b = colour, .period = 1, .alpha = 1};
}

rf_paint rf_paint_random(rf_rng *rng, float saturation, float period) {
    rf_paint paint = {.alpha = 1};
    paint.a = rf_rgb_random(rng, saturation, 0.08f, 0.95f);
    paint.b = rf_rgb_random(rng, saturation, 0.08f, 0.95f);
    paint.pattern = rf_rng_uniform(rng) < 0.5f ? RF_PLAIN : (rf_pattern)rf_rng_below(rng, RF_PATTERN_COUNT);
    paint.period = period * rf_rng_range(rng, 0.5f, 2.0f);
    if (paint.period < 2) paint.period = 2;
    paint.angle = rf_rng_uniform(rng) < 0.6f ? (float)rf_rng_below(rng, 2) * 1.5708f : rf_rng_range(rng, 0, 3.14f);
    paint.grain = rf_rng_range(rng, 0, 0.08f);
    paint.seed = rf_rng_u32(rng);
    return paint;
}

/* What is computed once for a shape. */
typedef struct brush {
    rf_canvas *canvas;
    const rf_paint *paint;
    float cx, cy, inverse_a, inverse_b; /* the shape's middle and extent, for its shading */
    float cos_angle, sin_angle, inverse_period;
} brush;

static brush brush_make(rf_canvas *canvas, const rf_paint *paint, float cx, float cy, float a, float b) {
    brush made = {.canvas = canvas, .paint = paint, .cx = cx, .cy = cy};
    made.inverse_a = 1 / rf_max(a, 0.5f);
    made.inverse_b = 1 / rf_max(b, 0.5f);
    made.cos_angle = cosf(paint->angle);
    made.sin_angle = sinf(paint->angle);
    made.inverse_period = 1 / rf_max(paint->period, 1);
    return made;
}

/* Share of the second colour at a place, in periods. */
static float pattern_at(rf_pattern pattern, float x, float y, uint32_t seed) {
    float fx = x - floorf(x), fy = y - floorf(y);
    switch (pattern) {
    case RF_STRIPES:
        return fx < 0.5f ? 0 : 1;
    case RF_CHECKS:
        return (fx < 0.5f) == (fy < 0.5f) ? 0 : (fx < 0.5f ? 0.5f : 1);
    case RF_DOTS:
        return (fx - 0.5f) * (fx - 0.5f) + (fy - 0.5f) * (fy - 0.5f) < 0.08f ? 1 : 0;
    case RF_BRICKS:
        fx = 0.5f * x + (((int)floorf(y) & 1) ? 0.5f : 0);
        fx -= floorf(fx);
        return fx < 0.05f || fy < 0.1f ? 1 : 0;
    case RF_MARBLE:
        return rf_fractal_noise(x, y, 3, seed);
    default:
        return 0;
    }
}

static void put(const brush *b, int x, int y, float coverage) {
    const rf_paint *paint = b->paint;
    rf_canvas *canvas = b->canvas;
    size_t at = (size_t)y * (size_t)canvas->width + (size_t)x;
    float px = (float)x + 0.5f, py = (float)y + 0.5f;
    rf_rgb colour = paint->a;
    if (paint->pattern != RF_PLAIN) {
        float dx = px - b->cx, dy = py - b->cy;
        float u = (dx * b->cos_angle + dy * b->sin_angle) * b->inverse_period;
        float v = (dy * b->cos_angle - dx * b->sin_angle) * b->inverse_period;
        colour = rf_rgb_mix(paint->a, paint->b, pattern_at(paint->pattern, u, v, paint->seed));
    }
    float k = 1 + paint->light[0] * (px - b->cx) * b->inverse_a + paint->light[1] * (py - b->cy) * b->inverse_b;
    if (paint->grain > 0)
        k += paint->grain * ((float)(rf_hash_point((uint32_t)x, (uint32_t)y, paint->seed) >> 8) * 0x1p-23f - 1);
    float alpha = coverage * paint->alpha;
    float *rgb = canvas->rgb + 3 * at;
    rgb[0] += (colour.r * k - rgb[0]) * alpha;
    rgb[1] += (colour.g * k - rgb[1]) * alpha;
    rgb[2] += (colour.b * k - rgb[2]) * alpha;
    if (alpha > 0.5f) canvas->owner[at] = 0;
}

typedef struct span {
    int x0, x1, y0, y1;
} span;

/* The pixels within `a` and `b` of a place, cut to the canvas. */
static span span_around(const rf_canvas *canvas, float cx, float cy, float a, float b) {
    span s;
    s.x0 = (int)rf_max(0, floorf(rf_min(cx - a, (float)canvas->width)));
    s.x1 = (int)rf_min((float)canvas->width, ceilf(rf_max(cx + a, 0)));
    s.y0 = (int)rf_max(0, floorf(rf_min(cy - b, (float)canvas->height)));
    s.y1 = (int)rf_min((float)canvas->height, ceilf(rf_max(cy + b, 0)));
    return s;
}

/* Coverage of a pixel whose centre lies `distance` pixels outside (negative: inside) a border. */
static float edge_coverage(float distance) {
    return distance <= -0.5f ? 1 : distance >= 0.5f ? 0 : 0.5f - distance;
}

/* Both kinds of ellipse: thickness <= 0 fills it. The distance to an ellipse is taken to first order, f / |grad f|. */
static void ellipse_or_ring(rf_canvas *canvas, const float centre[2], const float axes[2], float angle, float thickness,
                            const rf_paint *paint) {
    float a = rf_max(axes[0], 0.25f), b = rf_max(axes[1], 0.25f), c = cosf(angle), s = sinf(angle);
    float reach = 1 + rf_max(thickness, 0);
    brush br = brush_make(canvas, paint, centre[0], centre[1], a, b);
    span area = span_around(canvas, centre[0], centre[1], sqrtf(a * a * c * c + b * b * s * s) + reach,
                            sqrtf(a * a * s * s + b * b * c * c) + reach);
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            float dx = (float)x + 0.5f - centre[0], dy = (float)y + 0.5f - centre[1];
            float u = (dx * c + dy * s) / a, v = (dy * c - dx * s) / b;
            float f = sqrtf(u * u + v * v);
            float slope = sqrtf(u * u / (a * a) + v * v / (b * b)) / rf_max(f, 1e-6f);
            float distance = (f - 1) / rf_max(slope, 1e-6f);
            if (thickness > 0) distance = fabsf(distance) - 0.5f * thickness;
            float coverage = edge_coverage(distance);
            if (coverage > 0) put(&br, x, y, coverage);
        }
    }
}

void rf_fill_ellipse(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, const rf_paint *paint) {
    ellipse_or_ring(canvas, (float[]){cx, cy}, (float[]){a, b}, angle, 0, paint);
}

void rf_fill_ring(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, float thickness,
                  const rf_paint *paint) {
    ellipse_or_ring(canvas, (float[]){cx, cy}, (float[]){a, b}, angle, thickness, paint);
}

void rf_fill_box(rf_canvas *canvas, float cx, float cy, float a, float b, float angle, float corner,
                 const rf_paint *paint) {
    float c = cosf(angle), s = sinf(angle);
    corner = rf_min(corner, rf_min(a, b));
    brush br = brush_make(canvas, paint, cx, cy, a, b);
    span area = span_around(canvas, cx, cy, fabsf(a * c) + fabsf(b * s) + 1, fabsf(a * s) + fabsf(b * c) + 1);
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            float dx = (float)x + 0.5f - cx, dy = (float)y + 0.5f - cy;
            float u = fabsf(dx * c + dy * s) - a + corner, v = fabsf(dy * c - dx * s) - b + corner;
            float outside = u > 0 && v > 0 ? sqrtf(u * u + v * v) : rf_max(u, v);
            float coverage = edge_coverage(outside - corner);
            if (coverage > 0) put(&br, x, y, coverage);
        }
    }
}

void rf_fill_capsule(rf_canvas *canvas, const float from[2], const float to[2], float r0, float r1,
                     const rf_paint *paint) {
    float vx = to[0] - from[0], vy = to[1] - from[1], length2 = rf_max(vx * vx + vy * vy, 1e-6f);
    float mx = 0.5f * (from[0] + to[0]), my = 0.5f * (from[1] + to[1]), reach = rf_max(r0, r1);
    float a = 0.5f * fabsf(vx) + reach, b = 0.5f * fabsf(vy) + reach;
    brush br = brush_make(canvas, paint, mx, my, a, b);
    span area = span_around(canvas, mx, my, a + 1, b + 1);
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            float dx = (float)x + 0.5f - from[0], dy = (float)y + 0.5f - from[1];
            float t = rf_min(rf_max((dx * vx + dy * vy) / length2, 0), 1);
            float ex = dx - t * vx, ey = dy - t * vy;
            float coverage = edge_coverage(sqrtf(ex * ex + ey * ey) - (r0 + (r1 - r0) * t));
            if (coverage > 0) put(&br, x, y, coverage);
        }
    }
}

void rf_fill_convex(rf_canvas *canvas, const float (*points)[2], int n, const rf_paint *paint) {
    enum { SIDES = 16 };
    float normal[SIDES][3], area2 = 0;
    float lo[2] = {points[0][0], points[0][1]}, hi[2] = {points[0][0], points[0][1]};
    if (n > SIDES) n = SIDES;
    for (int i = 0; i < n; i++) {
        const float *p = points[i], *q = points[(i + 1) % n];
        area2 += p[0] * q[1] - q[0] * p[1];
        for (int d = 0; d < 2; d++) {
            lo[d] = rf_min(lo[d], p[d]);
            hi[d] = rf_max(hi[d], p[d]);
        }
    }
    for (int i = 0; i < n; i++) { /* outward unit normals and offsets */
        const float *p = points[i], *q = points[(i + 1) % n];
        float nx = q[1] - p[1], ny = p[0] - q[0],
              scale = (area2 > 0 ? 1.f : -1.f) / rf_max(sqrtf(nx * nx + ny * ny), 1e-6f);
        normal[i][0] = nx * scale;
        normal[i][1] = ny * scale;
        normal[i][2] = -(p[0] * nx + p[1] * ny) * scale;
    }
    float cx = 0.5f * (lo[0] + hi[0]), cy = 0.5f * (lo[1] + hi[1]), a = 0.5f * (hi[0] - lo[0]),
          b = 0.5f * (hi[1] - lo[1]);
    brush br = brush_make(canvas, paint, cx, cy, a, b);
    span area = span_around(canvas, cx, cy, a + 1, b + 1);
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            float distance = -1e9f;
            for (int i = 0; i < n; i++)
                distance = rf_max(distance,
                                  normal[i][0] * ((float)x + 0.5f) + normal[i][1] * ((float)y + 0.5f) + normal[i][2]);
            float coverage = edge_coverage(distance);
            if (coverage > 0) put(&br, x, y, coverage);
        }
    }
}

/* The window of a box filter at place i: whole pixels within r = floor(radius), two partial ones beyond. Borders
 * repeat. */
static size_t clamp_index(int i, int n) {
    return (size_t)(i < 0 ? 0 : i >= n ? n - 1 : i);
}

static void blur_row(const float *in, float *out, int n, float radius) {
    int r = (int)radius;
    float part = radius - (float)r, scale = 1 / (2 * radius + 1), sum[3] = {0};
    for (int i = -r; i <= r; i++)
        for (size_t c = 0; c < 3; c++) sum[c] += in[3 * clamp_index(i, n) + c];
    for (int i = 0; i < n; i++) {
        const float *before = in + 3 * clamp_index(i - r - 1, n), *after = in + 3 * clamp_index(i + r + 1, n);
        const float *leaving = in + 3 * clamp_index(i - r, n);
        for (size_t c = 0; c < 3; c++) {
            out[3 * (size_t)i + c] = (sum[c] + part * (before[c] + after[c])) * scale;
            sum[c] += after[c] - leaving[c];
        }
    }
}

/* The same downwards, a whole row of sums at a time. */
static void blur_columns(const float *in, float *out, float *sum, size_t row, int n, float radius) {
    int r = (int)radius;
    float part = radius - (float)r, scale = 1 / (2 * radius + 1);
    memset(sum, 0, row * sizeof *sum);
    for (int i = -r; i <= r; i++) {
        const float *line = in + row * clamp_index(i, n);
        for (size_t k = 0; k < row; k++) sum[k] += line[k];
    }
    for (int i = 0; i < n; i++) {
        const float *before = in + row * clamp_index(i - r - 1, n), *after = in + row * clamp_index(i + r + 1, n);
        const float *leaving = in + row * clamp_index(i - r, n);
        float *to = out + row * (size_t)i;
        for (size_t k = 0; k < row; k++) {
            to[k] = (sum[k] + part * (before[k] + after[k])) * scale;
            sum[k] += after[k] - leaving[k];
        }
    }
}

void rf_canvas_blur(rf_canvas *canvas, float radius, int passes) {
    if (radius <= 0) return;
    size_t row = (size_t)canvas->width * 3;
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < canvas->height; y++)
            blur_row(canvas->rgb + (size_t)y * row, canvas->scratch + (size_t)y * row, canvas->width, radius);
        blur_columns(canvas->scratch, canvas->rgb, canvas->sums, row, canvas->height, radius);
    }
}
