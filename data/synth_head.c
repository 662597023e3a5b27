/* SPDX-License-Identifier: Apache-2.0 */
/* Shape, pose and annotation of the head. Proportions follow the usual canon of drawing: eyes at half height, eye
 * distance two fifths of the width, nose base and mouth at about a half and two thirds between eyes and chin. */
#include "data/synth_head.h"

#include <math.h>
#include <string.h>

#include "data/synth_mesh.h"

static const float pi = 3.14159265f;
static const float face_top = -0.60f; /* v of the hairline: the upper end of the annotated box */
static const float perspective = 0.06f;

static float gauss(float x, float y) {
    float q = x * x + y * y;
    return q > 9 ? 0 : expf(-q);
}

static float smooth(float lo, float hi, float x) {
    float t = rf_min(rf_max((x - lo) / (hi - lo), 0), 1);
    return t * t * (3 - 2 * t);
}

/* Height of the face's relief over the ellipsoid at a frontal place. */
static float relief(const rf_head *head, float u, float v) {
    float au = fabsf(u), z = 0;
    float tip = head->eye_y + head->nose_length, bridge = head->eye_y - 0.10f;
    float along = (v - bridge) / (tip - bridge);
    float rise = along <= 0 ? 0 : along < 1 ? along * sqrtf(along) : 1 - smooth(1, 1.28f, along);
    float width = 0.055f + 0.045f * rf_min(rf_max(along, 0), 1.2f);
    float nose =
        head->nose_height * (0.18f * smooth(-0.35f, 0.2f, along) * (1 - smooth(1, 1.2f, along)) + 0.82f * rise);
    z += nose * gauss(u / width, 0);
    z += 0.40f * head->nose_height * gauss((au - head->nose_width) / 0.07f, (v - tip - 0.02f) / 0.065f);
    z -= 0.055f * gauss((au - head->eye_x) / 0.17f, (v - head->eye_y) / 0.10f);
    z += 0.035f * gauss((au - head->eye_x) / 0.10f, (v - head->eye_y) / 0.07f);
    z += 0.035f * gauss((au - 0.24f) / 0.22f, (v - head->brow_y) / 0.07f);
    z += 0.045f * gauss((au - 0.37f) / 0.17f, (v - tip + 0.08f) / 0.17f);
    float lips = head->mouth_y, open = 0.5f * head->mouth_open;
    z += 0.055f * gauss(u / (head->mouth_half * 1.1f), (v - lips) / (0.10f + open));
    z -= 0.03f * gauss(u / 0.20f, (v - lips - 0.14f - open) / 0.05f);
    z += head->chin * gauss(u / 0.19f, (v - 0.90f) / 0.13f);
    if (head->mask) { /* cloth hangs from the nose to the chin */
        float cover = smooth(head->eye_y + 0.20f, head->eye_y + 0.30f, v) * (1 - smooth(0.42f, 0.62f, au));
        z += cover * (0.20f * (1 - 2.2f * u * u) - z);
    }
    return z;
}

void rf_head_surface(const rf_head *head, float longitude, float latitude, float uvw[3], float position[3]) {
    float cl = cosf(latitude), u = head->half_width * cl * sinf(longitude), v = sinf(latitude);
    float w = head->half_depth * cl * cosf(longitude);
    uvw[0] = u;
    uvw[1] = v;
    uvw[2] = w;
    float lower = smooth(0.15f, 1.0f, v), front = smooth(0.0f, 0.35f, w);
    /* An ellipsoid is too pointed below and too round in front: widen the jaw, flatten the face. */
    float x = u * (1 + head->jaw * lower * (1 - lower * 0.55f) + 0.06f * smooth(-0.2f, -0.9f, v));
    float z = w > 0 ? w * (0.86f + 0.10f * (1 - cl * cl)) : w * (1 - 0.42f * lower);
    z += front * relief(head, u, v) + 0.10f * lower * smooth(-0.2f, 0.3f, w);
    float ear = gauss((v - 0.13f) / 0.17f, (w + 0.04f) / 0.10f) * smooth(0.5f, 0.9f, fabsf(u) / head->half_width);
    x += (u > 0 ? 0.13f : -0.13f) * ear;
    z -= 0.06f * ear;
    position[0] = x;
    position[1] = v;
    position[2] = z;
}

void rf_head_to_picture(const rf_head *head, const float p[3], float out[3]) {
    float sy = sinf(head->yaw), cy = cosf(head->yaw), sp = sinf(head->pitch), cp = cosf(head->pitch);
    float sr = sinf(head->roll), cr = cosf(head->roll);
    float x = p[0] * cy + p[2] * sy, z = p[2] * cy - p[0] * sy;
    float y = p[1] * cp + z * sp, z2 = z * cp - p[1] * sp;
    float depth = head->scale / (1 - perspective * z2);
    out[0] = head->cx + (x * cr - y * sr) * depth;
    out[1] = head->cy + (x * sr + y * cr) * depth;
    out[2] = z2 * head->scale;
}

void rf_head_project(const rf_head *head, float u, float v, float out[3]) {
    float latitude = asinf(rf_min(rf_max(v, -1), 1)), cl = rf_max(cosf(latitude), 1e-4f);
    float longitude = asinf(rf_min(rf_max(u / (head->half_width * cl), -1), 1)), uvw[3], position[3];
    rf_head_surface(head, longitude, latitude, uvw, position);
    rf_head_to_picture(head, position, out);
}

bool rf_head_in_face(const rf_head *head, float v, float w) {
    return v >= face_top && w >= 0.07f * head->half_depth;
}

void rf_head_annotate(const rf_head *head, rf_face *face, float points[2 * RF_POINTS]) {
    if (head->mesh) {
        rf_synth_mesh_annotate(head, face, points);
        return;
    }
    enum { ACROSS = 33, DOWN = 41 };
    float box[4] = {1e9f, 1e9f, -1e9f, -1e9f};
    float top = asinf(face_top);
    for (int i = 0; i < DOWN; i++) {
        float latitude = top + (0.5f * pi - top) * (float)i / (DOWN - 1);
        for (int k = 0; k < ACROSS; k++) {
            float longitude = 1.50f * (2.f * (float)k / (ACROSS - 1) - 1), uvw[3], position[3], at[3];
            rf_head_surface(head, longitude, latitude, uvw, position);
            if (!rf_head_in_face(head, uvw[1], uvw[2]) && i > 0) continue;
            rf_head_to_picture(head, position, at);
            for (int d = 0; d < 2; d++) {
                box[d] = rf_min(box[d], at[d]);
                box[2 + d] = rf_max(box[2 + d], at[d]);
            }
        }
    }
    *face = (rf_face){.score = 1, .n_points = RF_POINTS, .points = points};
    memcpy(face->box, box, sizeof box);
    float corner = head->mouth_y - 0.06f * head->smile;
    const float places[RF_POINTS][2] = {{-head->eye_x, head->eye_y},
                                        {head->eye_x, head->eye_y},
                                        {0, head->eye_y + head->nose_length},
                                        {-head->mouth_half, corner},
                                        {head->mouth_half, corner}};
    for (int k = 0; k < RF_POINTS; k++) {
        float at[3];
        rf_head_project(head, places[k][0], places[k][1], at);
        face->points[2 * k] = at[0];
        face->points[2 * k + 1] = at[1];
    }
}

float rf_head_hairline(const rf_head *head, float longitude) {
    float a = fabsf(longitude);
    if (head->style == RF_HAIR_BALD) return -9;
    float front = -0.62f, back = 0.62f, side = 0.10f;
    if (head->style == RF_HAIR_RECEDING) front = -0.80f - 0.12f * gauss((a - 0.45f) / 0.25f, 0);
    if (head->style == RF_HAIR_FRINGE) front = -0.36f + 0.05f * sinf(9 * longitude + (float)(head->seed & 7));
    if (head->style == RF_HAIR_LONG) {
        side = 0.75f;
        back = 1;
        front -= 0.05f * gauss(longitude / 0.4f, 0);
    }
    float temple =
        front + (side - front) * (head->style == RF_HAIR_LONG ? smooth(1.1f, 1.5f, a) : smooth(0.85f, 1.35f, a));
    return temple + (back - side) * smooth(1.5f, 2.2f, a);
}

static float spread(rf_rng *rng, float middle, float around) {
    return rf_rng_range(rng, middle - around, middle + around);
}

static void random_accessories(rf_head *head, rf_rng *rng) {
    float pick = rf_rng_uniform(rng);
    head->eyewear = pick < 0.16f ? RF_EYES_GLASSES : pick < 0.27f ? RF_EYES_SUNGLASSES : RF_EYES_BARE;
    if (rf_rng_uniform(rng) < 0.22f) head->hat = (rf_hat)(1 + rf_rng_below(rng, RF_HAT_COUNT - 1));
    if (rf_rng_uniform(rng) < 0.25f && head->style != RF_HAIR_LONG)
        head->beard = (rf_beard)(1 + rf_rng_below(rng, RF_BEARD_COUNT - 1));
    head->mask = rf_rng_uniform(rng) < 0.06f;
}

static void random_look(rf_head *head, rf_rng *rng) {
    static const rf_rgb hairs[] = {{0.06f, 0.05f, 0.05f}, {0.16f, 0.10f, 0.07f}, {0.32f, 0.20f, 0.11f},
                                   {0.62f, 0.45f, 0.24f}, {0.45f, 0.17f, 0.08f}, {0.66f, 0.65f, 0.63f},
                                   {0.10f, 0.07f, 0.06f}};
    static const rf_rgb eyes[] = {
        {0.22f, 0.12f, 0.06f}, {0.30f, 0.19f, 0.10f}, {0.28f, 0.42f, 0.55f}, {0.32f, 0.42f, 0.28f}};
    head->skin = rf_skin_colour(rng);
    head->hair = rf_rgb_scale(hairs[rf_rng_below(rng, 7)], rf_rng_range(rng, 0.7f, 1.3f));
    head->iris = rf_rgb_scale(eyes[rf_rng_below(rng, 4)], rf_rng_range(rng, 0.7f, 1.3f));
    head->cloth = rf_rgb_random(rng, rf_rng_range(rng, 0.1f, 0.7f), 0.1f, 0.95f);
    head->metal = rf_rgb_random(rng, 0.3f, 0.02f, 0.35f);
    head->style = (rf_hair_style)rf_rng_below(rng, RF_HAIR_COUNT);
    if (head->style == RF_HAIR_BALD && rf_rng_uniform(rng) < 0.5f) head->style = RF_HAIR_SHORT;
    head->eye_open = rf_rng_uniform(rng) < 0.06f ? 0.08f : spread(rng, 1.0f, 0.3f);
    head->gaze_x = spread(rng, 0, 0.35f);
    head->gaze_y = spread(rng, 0, 0.2f);
    head->smile = rf_rng_range(rng, -0.3f, 1.0f);
    head->mouth_open = rf_rng_uniform(rng) < 0.35f ? rf_rng_range(rng, 0.03f, 0.16f) : 0;
    head->brow_arch = rf_rng_range(rng, 0.01f, 0.07f);
    head->brow_thick = rf_rng_range(rng, 0.018f, 0.045f);
    head->lip_red = rf_rng_uniform(rng);
    head->shine = rf_rng_range(rng, 0.02f, 0.25f);
    head->wrinkles = rf_rng_uniform(rng) < 0.3f ? rf_rng_uniform(rng) : 0;
}

void rf_head_random(rf_head *head, bool accessories, rf_rng *rng) {
    *head = (rf_head){.scale = 1, .light = {0, 0, 1}, .diffuse = 0.6f, .ambient = 0.5f, .tint = {1, 1, 1}};
    head->half_width = spread(rng, 0.70f, 0.05f);
    head->half_depth = spread(rng, 0.84f, 0.05f);
    head->jaw = spread(rng, 0.26f, 0.16f);
    head->chin = spread(rng, 0.07f, 0.04f);
    head->nose_length = spread(rng, 0.36f, 0.04f);
    head->nose_height = spread(rng, 0.21f, 0.05f);
    head->nose_width = spread(rng, 0.115f, 0.025f);
    head->eye_x = spread(rng, 0.285f, 0.02f);
    head->eye_y = spread(rng, 0.0f, 0.03f);
    head->eye_size = spread(rng, 1.0f, 0.12f);
    head->brow_y = head->eye_y - spread(rng, 0.18f, 0.025f);
    head->mouth_y = head->eye_y + head->nose_length + spread(rng, 0.25f, 0.03f);
    head->mouth_half = spread(rng, 0.225f, 0.035f);
    head->seed = rf_rng_u32(rng);
    random_look(head, rng);
    if (accessories) random_accessories(head, rng);
}

void rf_head_random_light(rf_head *head, rf_rng *rng) {
    float side = spread(rng, 0, 0.9f), up = rf_rng_range(rng, -0.9f, 0.2f), front = rf_rng_range(rng, 0.35f, 1.0f);
    float length = sqrtf(side * side + up * up + front * front);
    head->light[0] = side / length;
    head->light[1] = up / length;
    head->light[2] = front / length;
    head->ambient = rf_rng_range(rng, 0.32f, 0.70f);
    head->diffuse = rf_rng_range(rng, 0.85f, 1.15f) - head->ambient;
    float warm = spread(rng, 0, 0.07f);
    head->tint = (rf_rgb){1 + warm, 1, 1 - warm};
}
