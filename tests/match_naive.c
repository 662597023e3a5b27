/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faces_kit.h"
#include "tests/match_naive.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"

rf_face match_random_face(rf_rng *rng, float width, float height) {
    rf_face face = {.score = rf_rng_uniform(rng)};
    face_give_points(&face, RF_POINTS);
    face.n_points = rf_rng_below(rng, 3) > 0 ? RF_POINTS : 0;
    float side = expf(rf_rng_range(rng, 0, logf(width))), w = side, h = side * rf_rng_range(rng, 0.7f, 1.6f);
    face.box[0] = rf_rng_range(rng, -0.2f * width, 1.1f * width);
    face.box[1] = rf_rng_range(rng, -0.2f * height, 1.1f * height);
    face.box[2] = face.box[0] + w;
    face.box[3] = face.box[1] + h;
    for (int i = 0; i < 2 * RF_POINTS; i++) face.points[i] = face.box[i & 1] + rf_rng_uniform(rng) * (i & 1 ? h : w);
    return face;
}

size_t match_random_faces(rf_rng *rng, rf_face *faces, size_t most, float width, float height) {
    size_t n = rf_rng_below(rng, (uint32_t)most + 1);
    for (size_t f = 0; f < n; f++) {
        faces[f] = match_random_face(rng, width, height);
        if (rf_rng_below(rng, 3) == 0) /* on whole pixels, so that equal IoUs happen */
            for (int i = 0; i < 4; i++) faces[f].box[i] = roundf(faces[f].box[i] / 8) * 8;
        switch (rf_rng_below(rng, 12)) {
        case 0:
            faces[f].ignore = true;
            break;
        case 1:
            faces[f].box[2] = faces[f].box[0];
            break; /* no area */
        case 2:
            faces[f].box[3] = faces[f].box[1] - 5;
            break; /* inside out */
        case 3:
            faces[f].box[0] = NAN;
            break;
        case 4:
            if (f > 0) memcpy(faces[f].box, faces[f - 1].box, sizeof faces[f].box);
            break;
        case 5:
            for (int i = 0; i < 4; i++) faces[f].box[i] += 1e7f;
            break; /* far outside */
        default:
            break;
        }
    }
    return n;
}

void match_naively(const float *boxes, size_t count, bool plus_one, const rf_match_spec *spec, const rf_face *faces,
                   size_t n, int8_t *label, int32_t *owner) {
    float *best = rf_alloc(count, sizeof *best), *forced = rf_alloc(count, sizeof *forced);
    int32_t *forced_face = rf_alloc(count, sizeof *forced_face);
    for (size_t a = 0; a < count; a++) owner[a] = forced_face[a] = -1;
    for (size_t f = 0; f < n; f++) {
        if (faces[f].ignore || !rf_box_valid(faces[f].box, plus_one)) continue;
        size_t top = 0;
        float top_iou = 0;
        for (size_t a = 0; a < count; a++) {
            float iou = rf_anchor_iou(boxes + 4 * a, faces[f].box, plus_one);
            if (iou > best[a]) best[a] = iou, owner[a] = (int32_t)f;
            if (iou > top_iou) top_iou = iou, top = a;
        }
        if (!spec->force_best || top_iou <= 0 || top_iou < spec->force_min_iou) continue;
        if (top_iou > forced[top]) forced[top] = top_iou, forced_face[top] = (int32_t)f;
    }
    for (size_t a = 0; a < count; a++) {
        if (owner[a] >= 0 && best[a] >= spec->positive_iou)
            label[a] = 1;
        else
            label[a] = best[a] < spec->negative_iou ? 0 : -1;
        if (forced_face[a] >= 0) label[a] = 1, owner[a] = forced_face[a];
        if (label[a] != 1) owner[a] = -1;
        for (size_t f = 0; f < n && label[a] == 0 && spec->ignore_ioa < 1; f++) {
            if (!faces[f].ignore || !rf_box_valid(faces[f].box, plus_one)) continue;
            const float *anchor = boxes + 4 * a, *box = faces[f].box;
            float half = plus_one ? 0.5f : 0;
            float x = rf_span_overlap(anchor[0], anchor[2], box[0] - half, box[2] + half);
            float y = rf_span_overlap(anchor[1], anchor[3], box[1] - half, box[3] + half);
            if (x > 0 && y > 0 && x * y >= spec->ignore_ioa * (anchor[2] * anchor[3])) label[a] = -1;
        }
    }
    rf_free(forced_face);
    rf_free(forced);
    rf_free(best);
}
