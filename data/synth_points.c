/* SPDX-License-Identifier: Apache-2.0 */
/* The 68 points of iBUG's scheme (300-W) on a drawn head: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips 48-67,
 * each from the left of the picture to its right. */
#include <math.h>

#include "data/synth_head.h"

static const float pi = 3.14159265f;

static float *put(const rf_head *head, float u, float v, float *to) {
    float at[3];
    rf_head_project(head, u, v, at);
    to[0] = at[0];
    to[1] = at[1];
    return to + 2;
}

/* Along the cheeks and the chin, a little inside the outline. */
static float *put_jaw(const rf_head *head, float *to) {
    for (int i = 0; i <= 16; i++) {
        float angle = pi * (float)i / 16;
        to = put(head, -0.93f * head->half_width * cosf(angle), 0.03f + 0.88f * sinf(angle), to);
    }
    return to;
}

static float *put_brow(const rf_head *head, float side, float *to) {
    for (int i = 0; i < 5; i++) {
        float along = (float)i / 4 - 0.5f, arch = 1 - 4 * along * along;
        to = put(head, side * head->eye_x + 0.32f * along, head->brow_y - 0.05f * arch, to);
    }
    return to;
}

static float *put_nose(const rf_head *head, float *to) {
    for (int i = 0; i < 4; i++) to = put(head, 0, head->eye_y + head->nose_length * (float)i / 3, to);
    for (int i = -2; i <= 2; i++) {
        float low = 0.05f - 0.012f * (float)(i * i);
        to = put(head, 0.5f * head->nose_width * (float)i, head->eye_y + head->nose_length + low, to);
    }
    return to;
}

/* From the left corner over the upper lid to the right one, and back over the lower lid. */
static float *put_eye(const rf_head *head, float side, float *to) {
    float x = side * head->eye_x, y = head->eye_y, half = 0.11f * head->eye_size, lid = 0.045f * head->eye_size;
    static const float along[6] = {-1, -0.35f, 0.35f, 1, 0.35f, -0.35f}, up[6] = {0, -1, -1, 0, 1, 1};
    for (int i = 0; i < 6; i++) to = put(head, x + half * along[i], y + lid * head->eye_open * up[i], to);
    return to;
}

/* n points of half an ellipse around the mouth, from one corner to the other; `ends`: with the corners. */
static float *put_lip(const rf_head *head, float half, float height, float from, int n, bool ends, float *to) {
    float corner = head->mouth_y - 0.06f * head->smile;
    for (int i = 0; i < n; i++) {
        float share = ends ? (float)i / (float)(n - 1) : (float)(i + 1) / (float)(n + 1), x = from * (2 * share - 1);
        float bow = 1 - x * x;
        to = put(head, half * x, corner + (head->mouth_y - corner + height) * bow, to);
    }
    return to;
}

void rf_head_points_68(const rf_head *head, float points[2 * RF_HEAD_POINTS]) {
    float open = 0.5f * head->mouth_open, *to = put_jaw(head, points);
    to = put_brow(head, -1, to);
    to = put_brow(head, 1, to);
    to = put_nose(head, to);
    to = put_eye(head, -1, to);
    to = put_eye(head, 1, to);
    to = put_lip(head, head->mouth_half, -0.06f - open, 1, 7, true, to);
    to = put_lip(head, head->mouth_half, 0.09f + open, -1, 5, false, to);
    to = put_lip(head, 0.85f * head->mouth_half, -0.01f - open, 1, 5, true, to);
    put_lip(head, 0.85f * head->mouth_half, 0.01f + open, -1, 3, false, to);
}
