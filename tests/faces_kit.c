/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faces_kit.h"

#include <string.h>

enum { NUMBERS = 400000 };
static float numbers[NUMBERS];
static size_t used;

static float *take(size_t n) {
    if (used + n > NUMBERS) used = 0;
    used += n;
    return memset(numbers + used - n, 0, n * sizeof *numbers);
}

void face_give_points(rf_face *face, int n) {
    face->n_points = n;
    face->points = take(2 * (size_t)n);
    face->visible = take((size_t)n);
    for (int k = 0; k < n; k++) face->visible[k] = 1;
}

void face_own_points(rf_face *face) {
    rf_face from = *face;
    if (!from.n_points) return;
    face_give_points(face, from.n_points);
    memcpy(face->points, from.points, 2 * (size_t)from.n_points * sizeof *from.points);
    if (from.visible)
        memcpy(face->visible, from.visible, (size_t)from.n_points * sizeof *from.visible);
    else
        face->visible = NULL;
}

bool faces_equal(const rf_face *a, const rf_face *b) {
    size_t n = (size_t)a->n_points * sizeof(float);
    if (a->n_points != b->n_points || !a->visible != !b->visible) return false;
    return memcmp(a->box, b->box, sizeof a->box) == 0 && memcmp(&a->score, &b->score, sizeof a->score) == 0 &&
           a->mesh == b->mesh && a->ignore == b->ignore && a->has_blur == b->has_blur && a->blur == b->blur &&
           a->kind == b->kind && (n == 0 || memcmp(a->points, b->points, 2 * n) == 0) &&
           (!a->visible || n == 0 || memcmp(a->visible, b->visible, n) == 0);
}
