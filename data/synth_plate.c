/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of number plates with their four corners: flat, seen at an angle, with letters of our own font. */
#include "data/synth_plate.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "data/font.h"
#include "data/synth_scene.h"
#include "detect/face_store.h"

enum { TRIES = 40, LETTERS_MAX = 8 };

/* Corners upper left, upper right, lower right, lower left, as the plate is read. */
typedef struct plate {
    float corners[RF_PLATE_POINTS][2], box[4];
} plate;

/* The place of (u, v), both 0..1 over the plate. */
static void place_at(const plate *p, float u, float v, float out[2]) {
    for (int d = 0; d < 2; d++) {
        float top = p->corners[0][d] + u * (p->corners[1][d] - p->corners[0][d]);
        float bottom = p->corners[3][d] + u * (p->corners[2][d] - p->corners[3][d]);
        out[d] = top + v * (bottom - top);
    }
}

static void fill(rf_canvas *canvas, const plate *p, const float uv[4], const rf_paint *paint) {
    float points[4][2];
    place_at(p, uv[0], uv[1], points[0]);
    place_at(p, uv[2], uv[1], points[1]);
    place_at(p, uv[2], uv[3], points[2]);
    place_at(p, uv[0], uv[3], points[3]);
    rf_fill_convex(canvas, (const float(*)[2])points, 4, paint);
}

/* A plate of a height, turned in the picture and out of it, around (0, 0). */
static void shape(float height, rf_rng *rng, plate *p) {
    float w = 0.5f * height * rf_rng_range(rng, 2.2f, 4.6f), h = 0.5f * height;
    float roll = 0.15f * rf_rng_normal(rng), yaw = rf_rng_range(rng, -0.8f, 0.8f), shear = 0.12f * rf_rng_normal(rng);
    static const float signs[RF_PLATE_POINTS][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    float cr = cosf(roll), sr = sinf(roll);
    for (int k = 0; k < 4; k++) {
        float near = 1 + 0.25f * sinf(yaw) * signs[k][0]; /* the side that is turned away is smaller */
        float x = signs[k][0] * w * cosf(yaw) * near + shear * signs[k][1] * h, y = signs[k][1] * h * near;
        p->corners[k][0] = x * cr - y * sr;
        p->corners[k][1] = x * sr + y * cr;
    }
}

static void bound(plate *p) {
    for (int d = 0; d < 2; d++) {
        p->box[d] = p->box[2 + d] = p->corners[0][d];
        for (int k = 1; k < 4; k++) {
            p->box[d] = rf_min(p->box[d], p->corners[k][d]);
            p->box[2 + d] = rf_max(p->box[2 + d], p->corners[k][d]);
        }
    }
}

static void move(plate *p, float x, float y) {
    for (int k = 0; k < 4; k++) {
        p->corners[k][0] += x;
        p->corners[k][1] += y;
    }
    bound(p);
}

static bool apart(const plate *a, const plate *b) {
    const float gap = 4;
    return a->box[2] + gap < b->box[0] || b->box[2] + gap < a->box[0] || a->box[3] + gap < b->box[1] ||
           b->box[3] + gap < a->box[1];
}

static void draw_letter(rf_canvas *canvas, const plate *p, char letter, float left, float width, const rf_paint *ink) {
    const uint8_t *rows = rf_font_glyph(letter);
    float dot_u = width / (RF_FONT_WIDTH + 1), dot_v = 0.62f / RF_FONT_HEIGHT;
    for (int y = 0; y < RF_FONT_HEIGHT; y++)
        for (int x = 0; x < RF_FONT_WIDTH; x++) {
            if (!(rows[y] >> (RF_FONT_WIDTH - 1 - x) & 1)) continue;
            float u = left + dot_u * (float)x, v = 0.19f + dot_v * (float)y;
            fill(canvas, p, (const float[4]){u, v, u + 1.05f * dot_u, v + 1.05f * dot_v}, ink);
        }
}

static void draw_plate(rf_canvas *canvas, const plate *p, rf_rng *rng) {
    static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
    float light = rf_rng_range(rng, 0.45f, 1);
    bool dark = rf_rng_below(rng, 5) == 0, yellow = rf_rng_below(rng, 3) == 0;
    rf_rgb ground = yellow ? (rf_rgb){0.95f, 0.80f, 0.15f} : (rf_rgb){0.93f, 0.94f, 0.95f}, ink = {0.05f, 0.05f, 0.08f};
    if (dark) ground = (rf_rgb){0.06f, 0.14f, 0.42f}, ink = (rf_rgb){0.95f, 0.95f, 0.95f};
    rf_paint back = rf_paint_plain(rf_rgb_scale(ground, light)), mark = rf_paint_plain(rf_rgb_scale(ink, light));
    back.grain = 0.03f;
    back.seed = rf_rng_u32(rng);
    fill(canvas, p, (const float[4]){0, 0, 1, 1}, &mark);
    fill(canvas, p, (const float[4]){0.015f, 0.05f, 0.985f, 0.95f}, &back);
    int n = 5 + (int)rf_rng_below(rng, LETTERS_MAX - 4);
    float width = 0.9f / (float)n;
    for (int i = 0; i < n; i++) {
        char letter = letters[rf_rng_below(rng, sizeof letters - 1)];
        draw_letter(canvas, p, letter, 0.06f + width * (float)i, width, &mark);
    }
}

/* Plates of random sizes, each whole in the picture and apart from the others. Returns how many. */
static size_t lay_out(const rf_synth_options *o, rf_rng *rng, plate *plates, size_t most) {
    size_t wanted = rf_rng_uniform(rng) < 0.06f ? 0 : 1 + rf_rng_below(rng, (uint32_t)most), n = 0;
    float lo = logf((float)o->min_face), hi = logf((float)o->max_face);
    for (int t = 0; t < TRIES * (int)most && n < wanted; t++) {
        plate *p = &plates[n];
        shape(expf(rf_rng_range(rng, lo, hi)), rng, p);
        bound(p);
        float w = p->box[2] - p->box[0], h = p->box[3] - p->box[1];
        float x = rf_rng_uniform(rng), y = rf_rng_uniform(rng);
        if (w >= (float)o->width || h >= (float)o->height) continue;
        move(p, x * ((float)o->width - w) - p->box[0], y * ((float)o->height - h) - p->box[1]);
        bool free = true;
        for (size_t i = 0; i < n && free; i++) free = apart(p, &plates[i]);
        n += free;
    }
    return n;
}

static rf_status annotate(plate *plates, size_t n, rf_face **faces) {
    rf_face *list = rf_alloc(n, sizeof *list);
    if (!list) return RF_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        list[i] = (rf_face){.score = 1, .n_points = RF_PLATE_POINTS, .points = &plates[i].corners[0][0]};
        memcpy(list[i].box, plates[i].box, sizeof list[i].box);
    }
    *faces = rf_faces_copy(list, n, NULL, 0);
    rf_free(list);
    return *faces ? RF_OK : RF_ERR_NOMEM;
}

static void draw_scene(rf_canvas *canvas, const rf_synth_options *o, const plate *plates, size_t n, rf_rng *rng) {
    rf_scene_background(canvas, rng);
    for (uint32_t i = o->distractors ? rf_rng_below(rng, 7) : 0; i > 0; i--) {
        float x = rf_rng_uniform(rng) * (float)o->width, y = rf_rng_uniform(rng) * (float)o->height;
        rf_scene_distractor(canvas, x, y, rf_rng_range(rng, 0.05f, 0.4f) * (float)o->height, rng);
    }
    for (size_t i = 0; i < n; i++) draw_plate(canvas, &plates[i], rng);
    rf_canvas_degrade(canvas, o->degradation, rng);
}

rf_status rf_synth_plates(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                          rf_face **faces, size_t *n_faces) {
    rf_status status;
    rf_canvas canvas = {0};
    rf_rng rng = rf_rng_make(seed, 1, index, RF_STREAM_SYNTH);
    plate *plates = rf_alloc((size_t)options->max_faces, sizeof *plates);
    *image = (rf_image){0};
    *faces = NULL;
    *n_faces = 0;
    if (!plates) return RF_ERR_NOMEM;
    RF_TRY_GOTO(rf_canvas_alloc(&canvas, options->width, options->height));
    RF_TRY_GOTO(rf_image_alloc(image, options->width, options->height));
    size_t few = options->max_faces < 6 ? (size_t)options->max_faces : 6;
    *n_faces = lay_out(options, &rng, plates, few);
    draw_scene(&canvas, options, plates, *n_faces, &rng);
    rf_canvas_to_image(&canvas, image);
    RF_TRY_GOTO(annotate(plates, *n_faces, faces));
fail:
    rf_canvas_free(&canvas);
    rf_free(plates);
    if (status != RF_OK) rf_image_free(image);
    return status;
}
