/* SPDX-License-Identifier: Apache-2.0 */
/* The head's colours as functions of the surface: features are drawn by soft-edged distance functions in frontal
 * coordinates. */
#include <math.h>

#include "data/synth_head.h"

/* Coverage of a place that is `inside` head units within a border, softened over a sample. */
static float cover(float inside, float soft) {
    float t = 0.5f + inside / soft;
    return t <= 0 ? 0 : t >= 1 ? 1 : t;
}

static float bell(float x, float y) {
    float q = x * x + y * y;
    return q > 9 ? 0 : expf(-q);
}

static rf_rgb darken(rf_rgb c, float by) {
    return rf_rgb_scale(c, 1 - by);
}

/* An eye: white, iris, pupil, highlight, lids. du, dv: from the eye's centre, head units. */
static rf_rgb paint_eye(const rf_head *head, rf_rgb skin, float du, float dv, float soft) {
    float half = 0.135f * head->eye_size, x = du / half, arch = 1 - x * x;
    float upper = -0.062f * head->eye_open * head->eye_size * arch,
          lower = 0.042f * head->eye_open * head->eye_size * arch;
    if (fabsf(x) > 1.35f || fabsf(dv) > 0.16f) return skin;
    rf_rgb colour = skin;
    if (arch > 0) {
        float iris_r = 0.062f * head->eye_size, gx = du - head->gaze_x * 0.06f, gy = dv + 0.004f - head->gaze_y * 0.03f;
        float from_iris = sqrtf(gx * gx + gy * gy);
        rf_rgb eye = rf_rgb_mix((rf_rgb){0.93f, 0.91f, 0.89f}, (rf_rgb){0.72f, 0.62f, 0.58f}, x * x);
        rf_rgb iris = rf_rgb_mix(head->iris, darken(head->iris, 0.6f), from_iris / iris_r);
        eye = rf_rgb_mix(eye, iris, cover(iris_r - from_iris, soft));
        eye = rf_rgb_mix(eye, (rf_rgb){0.02f, 0.02f, 0.02f}, cover(0.027f - from_iris, soft));
        float hx = gx + 0.02f, hy = gy + 0.022f;
        eye = rf_rgb_mix(eye, (rf_rgb){1, 1, 1}, 0.9f * cover(0.012f - sqrtf(hx * hx + hy * hy), soft));
        eye = darken(eye, 0.35f * bell((dv - upper) / 0.03f, 0));
        colour = rf_rgb_mix(colour, eye, cover(rf_min(dv - upper, lower - dv), soft));
    }
    if (fabsf(x) < 1.12f) { /* lash line, and the fold of the upper lid above it */
        float lash = 0.016f - fabsf(dv - rf_max(-0.07f, rf_min(0.02f, upper)));
        colour = rf_rgb_mix(colour, darken(head->hair, 0.5f), 0.85f * cover(lash, rf_max(soft, 0.012f)));
        colour = rf_rgb_mix(colour, darken(skin, 0.35f), 0.4f * cover(0.006f - fabsf(dv - lower), rf_max(soft, 0.01f)));
        colour = rf_rgb_mix(colour, darken(skin, 0.45f), 0.5f * bell((dv - upper + 0.045f) / 0.014f, 0));
    }
    return colour;
}

static rf_rgb paint_brow(const rf_head *head, rf_rgb skin, float au, float v, float soft) {
    float t = (au - 0.12f) / 0.32f;
    if (t < -0.1f || t > 1.1f) return skin;
    float middle = head->brow_y + 0.02f - head->brow_arch * 4 * t * (1 - 0.8f * t) + 0.03f * t;
    float thick = head->brow_thick * (t < 0.6f ? 1 : 1 - 1.6f * (t - 0.6f));
    float inside = thick - fabsf(v - middle), ends = rf_min(t + 0.02f, 1.0f - t) * 0.3f;
    return rf_rgb_mix(skin, darken(head->hair, 0.25f), 0.85f * cover(rf_min(inside, ends), rf_max(soft, 0.025f)));
}

static rf_rgb paint_mouth(const rf_head *head, rf_rgb skin, float u, float v, float soft) {
    float x = u / (head->mouth_half * 1.04f), arch = 1 - x * x;
    if (arch <= 0 || fabsf(v - head->mouth_y) > 0.3f) return skin;
    float line = head->mouth_y - 0.06f * head->smile * x * x, gap = 0.5f * head->mouth_open * arch;
    float bow = 0.012f * bell(u / 0.035f, 0);
    float top = line - gap - 0.055f * sqrtf(arch) * (1 - 0.25f * head->smile) + bow;
    float bottom = line + gap + 0.070f * arch;
    rf_rgb lips = {skin.r * 0.88f, skin.g * 0.60f, skin.b * 0.60f};
    lips = rf_rgb_mix(lips, (rf_rgb){0.62f, 0.12f, 0.15f}, 0.6f * head->lip_red * head->lip_red);
    rf_rgb shaded =
        v < line ? darken(lips, 0.15f)
                 : rf_rgb_mix(lips, (rf_rgb){1, 0.9f, 0.9f}, 0.12f * bell(u / 0.1f, (v - line - gap - 0.03f) / 0.02f));
    rf_rgb colour = rf_rgb_mix(skin, shaded, 0.9f * cover(rf_min(v - top, bottom - v), rf_max(soft, 0.015f)));
    rf_rgb inner = {0.20f, 0.05f, 0.05f};
    if (gap > 0) {
        float teeth = cover(line - gap * 0.1f + 0.5f * gap - v, soft) * cover(0.8f - fabsf(x), 0.1f);
        rf_rgb hole = rf_rgb_mix(inner, (rf_rgb){0.93f, 0.90f, 0.85f}, teeth);
        return rf_rgb_mix(colour, hole, cover(gap - fabsf(v - line), soft));
    }
    return rf_rgb_mix(colour, darken(inner, 0.1f), 0.8f * cover(0.010f - fabsf(v - line), rf_max(soft, 0.008f)));
}

static rf_rgb paint_nose(const rf_head *head, rf_rgb skin, float au, float v) {
    float base = head->eye_y + head->nose_length + 0.075f;
    skin = darken(skin, 0.80f * bell((au - 0.065f) / 0.034f, (v - base + 0.012f) / 0.022f));
    skin = darken(skin, 0.35f * bell(au / 0.15f, (v - base - 0.01f) / 0.030f));
    skin = darken(skin, 0.22f * bell((au - head->nose_width - 0.065f) / 0.025f, (v - base + 0.05f) / 0.06f));
    return darken(skin, 0.10f * bell((au - 0.10f) / 0.03f, (v - base + 0.28f) / 0.15f));
}

static rf_rgb paint_beard(const rf_head *head, rf_rgb skin, float u, float v, float w) {
    float au = fabsf(u), lip = head->mouth_y - 0.075f, nose = head->eye_y + head->nose_length + 0.09f;
    float moustache = cover(rf_min(v - nose, lip + 0.02f - v), 0.05f) * cover(head->mouth_half * 1.2f - au, 0.06f);
    float line = 0.12f + 0.65f * bell(au / 0.42f, 0); /* cheeks are free in front, covered at the side */
    float jaw = cover(v - line, 0.10f) * cover(w + 0.15f, 0.1f);
    float mouth = bell(u / (head->mouth_half * 0.95f), (v - head->mouth_y - 0.01f) / 0.085f);
    float amount =
        head->beard == RF_BEARD_MOUSTACHE ? moustache : rf_max(jaw * (1 - rf_min(1, 1.6f * mouth)), moustache);
    float rough = 0.65f + 0.35f * rf_noise(u * 45, v * 30, head->seed + 9);
    if (head->beard == RF_BEARD_STUBBLE) amount *= 0.45f;
    return rf_rgb_mix(skin, rf_rgb_scale(head->hair, 0.6f + 0.5f * rough), rf_min(1, amount * (0.6f + 0.5f * rough)));
}

static rf_rgb paint_eyewear(const rf_head *head, rf_rgb skin, float u, float v, float soft) {
    float au = fabsf(u), du = (au - head->eye_x - 0.005f) / 0.205f, dv = (v - head->eye_y - 0.025f) / 0.150f;
    float f = powf(fabsf(du), 3) + powf(fabsf(dv), 3), edge = (1 - cbrtf(f)) * 0.16f;
    bool dark = head->eyewear == RF_EYES_SUNGLASSES;
    rf_rgb colour = skin;
    if (dark) {
        rf_rgb lens = rf_rgb_mix((rf_rgb){0.03f, 0.03f, 0.04f}, head->metal, 0.4f);
        lens = rf_rgb_mix(lens, (rf_rgb){0.55f, 0.6f, 0.65f}, 0.35f * bell((du + 0.3f) / 0.35f, (dv + 0.45f) / 0.25f));
        colour = rf_rgb_mix(colour, lens, 0.96f * cover(edge, soft));
    } else {
        colour = rf_rgb_mix(colour, (rf_rgb){1, 1, 1}, 0.16f * cover(edge, soft) * bell((du - dv) / 0.5f - 0.6f, 0));
    }
    float bar = rf_min(0.020f - fabsf(v - head->eye_y + 0.04f), 0.10f - au);
    float temple = rf_min(0.018f - fabsf(v - head->eye_y + 0.03f), au - head->eye_x - 0.20f);
    float frame = rf_max(rf_max(bar, temple), (dark ? 0.018f : 0.016f) - fabsf(edge));
    return rf_rgb_mix(colour, head->metal, cover(frame, rf_max(soft, 0.008f)));
}

static rf_rgb paint_mask(const rf_head *head, rf_rgb skin, float u, float v, float soft) {
    float au = fabsf(u), top = head->eye_y + 0.17f + 0.25f * au * au * 1.5f, bottom = 0.93f;
    float inside = rf_min(rf_min(v - top, bottom - v), 0.60f - au);
    float strap = rf_min(0.012f - fabsf(v - 0.30f + 0.2f * (au - 0.6f)), au - 0.58f);
    float fold = 0.06f * sinf(v * 45) * bell(au / 0.4f, 0);
    rf_rgb cloth = rf_rgb_scale(head->cloth, 1 + fold);
    skin = rf_rgb_mix(skin, cloth, cover(inside, rf_max(soft, 0.01f)));
    return rf_rgb_mix(skin, head->cloth, cover(strap, rf_max(soft, 0.01f)));
}

static rf_rgb paint_skin(const rf_head *head, float u, float v, float w, float soft) {
    float au = fabsf(u);
    rf_rgb skin = head->skin;
    float mottle = 0.05f * (rf_noise(u * 11 + 7, v * 11 + 7, head->seed) - 0.5f);
    skin = rf_rgb_scale(skin, 1 + mottle);
    if (w < 0) return skin;
    float blush = 0.5f * bell((au - 0.36f) / 0.2f, (v - 0.32f) / 0.2f) + 0.4f * bell(au / 0.12f, (v - 0.36f) / 0.12f);
    skin = (rf_rgb){skin.r * (1 + 0.05f * blush), skin.g * (1 - 0.09f * blush), skin.b * (1 - 0.09f * blush)};
    /* what a wide lamp does not reach: sockets, under the lip, beside the nose */
    skin = darken(skin, 0.28f * bell((au - head->eye_x + 0.03f) / 0.16f, (v - head->eye_y) / 0.10f));
    skin = darken(skin, 0.16f * bell(au / 0.14f, (v - head->mouth_y - 0.13f) / 0.035f));
    float crease = au - head->nose_width - 0.05f - 0.35f * (v - head->eye_y - head->nose_length);
    if (v > head->eye_y + head->nose_length && v < head->mouth_y)
        skin = darken(skin, (0.08f + 0.2f * head->wrinkles + 0.08f * rf_max(0, head->smile)) * bell(crease / 0.03f, 0));
    if (v < head->brow_y)
        skin = darken(skin, 0.10f * head->wrinkles * (0.5f + 0.5f * sinf(v * 70)) * bell(au / 0.4f, 0));
    skin = paint_nose(head, skin, au, v);
    if (head->beard != RF_BEARD_NONE) skin = paint_beard(head, skin, u, v, w);
    skin = paint_mouth(head, skin, u, v, soft);
    float side = u < 0 ? -1.f : 1.f;
    skin = paint_eye(head, skin, u - side * head->eye_x, v - head->eye_y, soft);
    skin = paint_brow(head, skin, au, v, soft);
    if (head->mask) skin = paint_mask(head, skin, u, v, soft);
    if (head->eyewear != RF_EYES_BARE) skin = paint_eyewear(head, skin, u, v, soft);
    return skin;
}

static rf_rgb paint_hair(const rf_head *head, float along, float v) {
    float strand = rf_noise(along * 22, v * 3 + along * 2, head->seed + 2);
    if (head->style == RF_HAIR_CURLY) strand = rf_noise(along * 16, v * 16, head->seed + 3);
    return rf_rgb_scale(head->hair, 0.55f + 0.95f * strand);
}

rf_rgb rf_head_colour(const rf_head *head, const rf_head_sample *s, float footprint) {
    float facing = s->nx * head->light[0] + s->ny * head->light[1] + s->nz * head->light[2];
    float soft = rf_max(footprint * 1.4f, 0.006f), shine = head->shine;
    rf_rgb base;
    if (s->material == RF_SKIN) {
        base = paint_skin(head, s->u, s->v, s->w, soft);
    } else if (s->material == RF_HAIR) {
        base = paint_hair(head, s->longitude, s->v);
        shine *= 0.6f;
    } else {
        base = rf_rgb_scale(head->cloth, 0.93f + 0.14f * rf_noise(s->u * 30, s->v * 30, head->seed + 4));
        shine = 0;
    }
    float lit = head->ambient * (0.85f + 0.15f * s->nz) + head->diffuse * rf_max(0, 0.15f + 0.85f * facing);
    /* Blinn's highlight with the viewer on the z axis */
    float hx = head->light[0], hy = head->light[1], hz = head->light[2] + 1;
    float h = (s->nx * hx + s->ny * hy + s->nz * hz) / sqrtf(hx * hx + hy * hy + hz * hz);
    h = h > 0 ? h * h : 0;
    h *= h;
    h *= h;
    float glint = shine * h * h;
    return (rf_rgb){base.r * lit * head->tint.r + glint, base.g * lit * head->tint.g + glint,
                    base.b * lit * head->tint.b + glint};
}
