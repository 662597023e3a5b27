/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies, and the things that hide faces or resemble them. */
#include <math.h>

#include "data/synth_scene.h"

static rf_paint lit(rf_rgb colour, rf_rng *rng) {
    rf_paint paint = rf_paint_plain(colour);
    paint.light[0] = rf_rng_range(rng, -0.35f, 0.35f);
    paint.light[1] = rf_rng_range(rng, -0.45f, 0.05f);
    paint.grain = 0.03f;
    paint.seed = rf_rng_u32(rng);
    return paint;
}

static rf_rgb shade(const rf_head *head, rf_rgb colour, float by) {
    float level = (head->ambient + 0.6f * head->diffuse) * by;
    return (rf_rgb){colour.r * level * head->tint.r, colour.g * level * head->tint.g, colour.b * level * head->tint.b};
}

void rf_scene_body(rf_canvas *canvas, const rf_head *head, rf_rng *rng) {
    float s = head->scale, lean = 0.35f * head->roll, c = cosf(lean), n = sinf(lean);
    float build = rf_rng_range(rng, 0.85f, 1.15f), sx = head->light[0];
#define AT(x, y) {head->cx + s * ((x)*c - (y)*n), head->cy + s * ((x)*n + (y)*c)}
    rf_paint cloth = rf_paint_random(rng, 0.6f, s * 0.25f);
    cloth.a = shade(head, cloth.a, 0.9f);
    cloth.b = shade(head, cloth.b, 0.9f);
    cloth.light[0] = 0.3f * sx;
    rf_paint neck = rf_paint_plain(shade(head, head->skin, 0.72f));
    neck.light[0] = 0.25f * sx;
    float wide = 1.45f * build;
    float torso[8][2] = {AT(-0.45f, 1.42f), AT(0.45f, 1.42f),        AT(wide * 0.85f, 1.68f),
                         AT(wide, 2.0f),    AT(wide * 0.95f, 6.5f),  AT(-wide * 0.95f, 6.5f),
                         AT(-wide, 2.0f),   AT(-wide * 0.85f, 1.68f)};
    rf_fill_convex(canvas, (const float(*)[2])torso, 8, &cloth);
    rf_paint sleeve = cloth;
    sleeve.a = rf_rgb_scale(cloth.a, 0.85f);
    sleeve.b = rf_rgb_scale(cloth.b, 0.85f);
    for (int side = -1; side <= 1; side += 2) {
        float shoulder[2] = AT((float)side * wide, 2.1f),
              elbow[2] = AT((float)side * wide * rf_rng_range(rng, 1.0f, 1.3f), 4.4f);
        rf_fill_capsule(canvas, shoulder, elbow, 0.36f * s, 0.28f * s, &sleeve);
    }
    float throat[2] = AT(0, 0.75f), pit[2] = AT(0, 1.45f);
    rf_fill_capsule(canvas, throat, pit, 0.40f * s * build, 0.42f * s * build, &neck);
    if (rf_rng_uniform(rng) < 0.5f) { /* open collar, else round */
        float collar[3][2] = {AT(-0.40f, 1.40f), AT(0.40f, 1.40f), AT(0, rf_rng_range(rng, 1.8f, 2.4f))};
        rf_fill_convex(canvas, (const float(*)[2])collar, 3, &neck);
    }
#undef AT
}

void rf_scene_back_hair(rf_canvas *canvas, const rf_head *head) {
    if (head->style != RF_HAIR_LONG) return;
    float s = head->scale;
    rf_paint hair = rf_paint_plain(shade(head, head->hair, 0.6f));
    hair.b = rf_rgb_scale(hair.a, 1.5f);
    hair.pattern = RF_MARBLE;
    hair.period = rf_max(2, 0.12f * s);
    hair.seed = head->seed;
    float length = 0.9f + 0.5f * (float)(head->seed & 255) / 255;
    float x = head->cx - 0.3f * s * sinf(head->yaw);
    rf_fill_box(canvas, x, head->cy + (length - 0.75f) * s, 0.84f * s, length * s, 0.4f * head->roll, 0.7f * s, &hair);
}

static void draw_hand(rf_canvas *canvas, float cx, float cy, float size, rf_rng *rng) {
    rf_paint skin = lit(rf_skin_colour(rng), rng);
    float turn = rf_rng_range(rng, 0, 6.28f), c = cosf(turn), s = sinf(turn);
    rf_fill_box(canvas, cx, cy, 0.30f * size, 0.34f * size, turn, 0.16f * size, &skin);
    for (int i = 0; i < 5; i++) {
        bool thumb = i == 4;
        float along = thumb ? 0.1f : 0.30f, aside = thumb ? 0.28f : ((float)i - 1.5f) * 0.17f;
        float reach = thumb ? 0.30f : rf_rng_range(rng, 0.30f, 0.45f), out = thumb ? 0.35f : aside * 0.3f;
        float from[2] = {cx + size * (aside * c + along * s), cy + size * (aside * s - along * c)};
        float to[2] = {cx + size * ((aside + out) * c + (along + reach) * s),
                       cy + size * ((aside + out) * s - (along + reach) * c)};
        rf_fill_capsule(canvas, from, to, 0.085f * size, 0.07f * size, &skin);
    }
}

static void draw_clock(rf_canvas *canvas, float cx, float cy, float r, rf_rng *rng) {
    rf_paint plate = lit(rf_rgb_random(rng, 0.2f, 0.5f, 1), rng),
             dark = rf_paint_plain(rf_rgb_random(rng, 0.3f, 0, 0.3f));
    rf_fill_ellipse(canvas, cx, cy, r, r, 0, &plate);
    rf_fill_ring(canvas, cx, cy, r, r, 0, 0.1f * r + 1, &dark);
    for (int i = 0; i < 12; i++) {
        float a = 0.5236f * (float)i;
        rf_fill_ellipse(canvas, cx + 0.8f * r * sinf(a), cy - 0.8f * r * cosf(a), 0.06f * r, 0.06f * r, 0, &dark);
    }
    for (int i = 0; i < 2; i++) {
        float a = rf_rng_range(rng, 0, 6.28f), reach = i ? 0.7f : 0.45f;
        rf_fill_capsule(canvas, (float[]){cx, cy}, (float[]){cx + reach * r * sinf(a), cy - reach * r * cosf(a)},
                        0.05f * r, 0.03f * r, &dark);
    }
}

/* A disc or oval with dark dots in an arrangement that no face has: buttons, sockets, bowling balls, dice. */
static void draw_dots(rf_canvas *canvas, float cx, float cy, float r, rf_rng *rng) {
    static const float places[4][4][2] = {{{-0.35f, 0.35f}, {0.35f, 0.35f}, {0, -0.3f}, {0, -0.3f}},
                                          {{0, -0.4f}, {0, 0}, {0, 0.4f}, {0, 0.4f}},
                                          {{-0.35f, -0.35f}, {0.35f, 0.35f}, {-0.35f, 0.35f}, {0.35f, -0.35f}},
                                          {{-0.4f, 0}, {0.4f, 0}, {-0.4f, 0}, {0.4f, 0}}};
    rf_paint disc = lit(rf_rng_uniform(rng) < 0.5f ? rf_skin_colour(rng) : rf_rgb_random(rng, 0.7f, 0.1f, 0.9f), rng);
    rf_paint dark = rf_paint_plain(rf_rgb_random(rng, 0.2f, 0, 0.3f));
    float tall = rf_rng_range(rng, 0.8f, 1.25f);
    if (rf_rng_uniform(rng) < 0.6f)
        rf_fill_ellipse(canvas, cx, cy, r, r * tall, 0, &disc);
    else
        rf_fill_box(canvas, cx, cy, r, r * tall, 0, 0.2f * r, &disc);
    uint32_t kind = rf_rng_below(rng, 4);
    for (int i = 0; i < 4; i++)
        rf_fill_ellipse(canvas, cx + r * places[kind][i][0], cy + r * places[kind][i][1], 0.14f * r, 0.14f * r, 0,
                        &dark);
}

/* Ears on top, eyes at the side, a long muzzle: a cat or a dog. */
static void draw_animal(rf_canvas *canvas, float cx, float cy, float r, rf_rng *rng) {
    rf_paint fur = lit(rf_rgb_random(rng, 0.35f, 0.1f, 0.9f), rng), light = fur,
             dark = rf_paint_plain((rf_rgb){0.05f, 0.04f, 0.04f});
    fur.pattern = RF_MARBLE;
    fur.period = rf_max(2, 0.2f * r);
    fur.b = rf_rgb_scale(fur.a, 0.6f);
    light.a = rf_rgb_mix(fur.a, (rf_rgb){1, 0.95f, 0.9f}, 0.6f);
    bool floppy = rf_rng_uniform(rng) < 0.5f;
    rf_fill_ellipse(canvas, cx, cy + 1.6f * r, 1.1f * r, 1.4f * r, 0, &fur);
    rf_fill_ellipse(canvas, cx, cy, r, 0.85f * r, 0, &fur);
    for (int side = -1; side <= 1; side += 2) {
        float d = (float)side;
        float ear[3][2] = {{cx + d * 0.95f * r, cy - 0.2f * r},
                           {cx + d * 0.25f * r, cy - 0.75f * r},
                           {cx + d * 0.85f * r, cy - 1.4f * r}};
        if (floppy)
            rf_fill_ellipse(canvas, cx + d * 0.95f * r, cy, 0.3f * r, 0.75f * r, -d * 0.3f, &fur);
        else
            rf_fill_convex(canvas, (const float(*)[2])ear, 3, &fur);
        rf_fill_ellipse(canvas, cx + d * 0.5f * r, cy - 0.15f * r, 0.15f * r, 0.15f * r, 0, &dark);
    }
    rf_fill_ellipse(canvas, cx, cy + 0.5f * r, 0.5f * r, 0.45f * r, 0, &light);
    rf_fill_ellipse(canvas, cx, cy + 0.3f * r, 0.2f * r, 0.13f * r, 0, &dark);
}

static void draw_ball(rf_canvas *canvas, float cx, float cy, float r, rf_rng *rng) {
    rf_paint ball = rf_paint_random(rng, 0.7f, r * 0.6f);
    ball.light[0] = rf_rng_range(rng, -0.4f, 0.4f);
    ball.light[1] = rf_rng_range(rng, -0.6f, 0);
    rf_fill_ellipse(canvas, cx, cy, r, r, 0, &ball);
}

void rf_scene_distractor(rf_canvas *canvas, float cx, float cy, float size, rf_rng *rng) {
    float r = 0.5f * size;
    switch (rf_rng_below(rng, 6)) {
    case 0: { /* a bare oval in skin colour */
        rf_paint skin = lit(rf_skin_colour(rng), rng);
        rf_fill_ellipse(canvas, cx, cy, r * rf_rng_range(rng, 0.7f, 1), r, rf_rng_range(rng, -0.5f, 0.5f), &skin);
        break;
    }
    case 1:
        draw_dots(canvas, cx, cy, r, rng);
        break;
    case 2:
        draw_clock(canvas, cx, cy, r, rng);
        break;
    case 3:
        draw_hand(canvas, cx, cy, size, rng);
        break;
    case 4:
        draw_animal(canvas, cx, cy, r, rng);
        break;
    default:
        draw_ball(canvas, cx, cy, r, rng);
        break;
    }
}

void rf_scene_occluder(rf_canvas *canvas, const float box[4], rf_rng *rng) {
    float w = box[2] - box[0], h = box[3] - box[1], size = rf_max(w, h);
    float edge = rf_rng_uniform(rng) < 0.5f ? box[0] : box[2], x = edge + w * rf_rng_range(rng, -0.12f, 0.12f);
    float low = box[1] + h * rf_rng_range(rng, 0.80f, 1.1f);
    rf_paint paint = rf_paint_random(rng, 0.6f, size * 0.2f);
    paint.light[0] = rf_rng_range(rng, -0.4f, 0.4f);
    switch (rf_rng_below(rng, 5)) {
    case 0:
        draw_hand(canvas, rf_rng_uniform(rng) < 0.5f ? x : box[0] + w * 0.5f, low, size * 0.5f, rng);
        break;
    case 1: { /* a pole or a rope */
        float lean = w * rf_rng_range(rng, -0.3f, 0.3f), r = rf_max(0.7f, w * rf_rng_range(rng, 0.02f, 0.10f));
        x = box[0] + w * rf_rng_uniform(rng);
        rf_fill_capsule(canvas, (float[]){x, box[1] - 2 * h}, (float[]){x + lean, box[3] + 3 * h}, r, r, &paint);
        break;
    }
    case 2: /* a cup, a telephone, a microphone in front of the chin */
        rf_fill_box(canvas, box[0] + w * rf_rng_range(rng, 0.3f, 0.7f), low + 0.1f * h, 0.22f * w, 0.28f * h,
                    rf_rng_range(rng, -0.4f, 0.4f), 0.1f * w, &paint);
        break;
    case 3:
        for (int i = 0; i < 14; i++) { /* leaves */
            rf_paint leaf =
                rf_paint_plain((rf_rgb){rf_rng_range(rng, 0.1f, 0.4f), rf_rng_range(rng, 0.25f, 0.6f), 0.1f});
            rf_fill_ellipse(canvas, x + w * rf_rng_range(rng, -0.3f, 0.3f), box[1] + h * rf_rng_range(rng, -0.3f, 1.3f),
                            0.16f * size, 0.06f * size, rf_rng_range(rng, 0, 3.14f), &leaf);
        }
        break;
    default: /* a board held up, or a passing shoulder */
        rf_fill_box(canvas, x + (edge == box[0] ? -0.5f : 0.5f) * w, box[3], 0.65f * w, 0.8f * h,
                    rf_rng_range(rng, -0.2f, 0.2f), 0.1f * w, &paint);
    }
}
