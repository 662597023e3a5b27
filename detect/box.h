/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes as four floats: corners x1 y1 x2 y2, or centre form cx cy w h. With `plus_one` a box counts pixels inclusively
 * (w = x2 - x1 + 1), which is insightface's convention and that of the WIDER FACE evaluation; else w = x2 - x1. */
#ifndef RF_DETECT_BOX_H
#define RF_DETECT_BOX_H

#include <math.h>
#include <stdbool.h>

static inline float rf_box_width(const float box[4], bool plus_one) {
    return box[2] - box[0] + (plus_one ? 1.0f : 0.0f);
}

static inline float rf_box_height(const float box[4], bool plus_one) {
    return box[3] - box[1] + (plus_one ? 1.0f : 0.0f);
}

/* The square around a box's middle, as wide as the box's longer side: cx cy w h. */
static inline void rf_box_square(const float box[4], float square[4]) {
    square[0] = 0.5f * (box[0] + box[2]);
    square[1] = 0.5f * (box[1] + box[3]);
    square[2] = square[3] = fmaxf(box[2] - box[0], box[3] - box[1]);
}

/* Grown by half its width to the left and to the right and half its height up and down, but not beyond a picture of
 * width x height: the head of a face (insightface's HEAD_BOX). */
static inline void rf_box_head(const float box[4], int width, int height, float head[4]) {
    float w = box[2] - box[0], h = box[3] - box[1];
    head[0] = fmaxf(box[0] - 0.5f * w, 0);
    head[1] = fmaxf(box[1] - 0.5f * h, 0);
    head[2] = fminf(box[2] + 0.5f * w, (float)width);
    head[3] = fminf(box[3] + 0.5f * h, (float)height);
}

/* Finite and of positive width and height: such a box has an area and can be encoded. */
static inline bool rf_box_valid(const float box[4], bool plus_one) {
    if (!isfinite(box[0]) || !isfinite(box[1]) || !isfinite(box[2]) || !isfinite(box[3])) return false;
    return rf_box_width(box, plus_one) > 0 && rf_box_height(box, plus_one) > 0;
}

/* Intersection over union of two corner boxes; 0 when they do not overlap or one is empty. */
static inline float rf_box_iou(const float a[4], const float b[4], bool plus_one) {
    float one = plus_one ? 1.0f : 0.0f;
    float w = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]) + one;
    float h = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]) + one;
    if (!(w > 0 && h > 0)) return 0;
    float area_a = (a[2] - a[0] + one) * (a[3] - a[1] + one), area_b = (b[2] - b[0] + one) * (b[3] - b[1] + one);
    float inter = w * h;
    return inter / (area_a + area_b - inter);
}

/* Length that a box [lo,hi] and an anchor of length `size` centred at `centre` share on one axis; negative: a gap. */
static inline float rf_span_overlap(float centre, float size, float lo, float hi) {
    float a = centre - 0.5f * size, b = centre + 0.5f * size;
    return (b < hi ? b : hi) - (a > lo ? a : lo);
}

/* IoU from the overlaps on both axes (0 when one is not positive) and the sum of the two areas. It never falls when an
 * overlap grows, rounding included: matching relies on that. */
static inline float rf_overlap_iou(float over_x, float over_y, float areas) {
    if (!(over_x > 0 && over_y > 0)) return 0;
    float inter = over_x * over_y;
    return inter / (areas - inter);
}

/* IoU of an anchor cx cy w h with a corner box: the definition that matching uses. With plus_one the box is widened by
 * half a pixel on each side, which is the same as counting pixels inclusively in both. */
static inline float rf_anchor_iou(const float anchor[4], const float box[4], bool plus_one) {
    float half = plus_one ? 0.5f : 0.0f;
    float x = rf_span_overlap(anchor[0], anchor[2], box[0] - half, box[2] + half);
    float y = rf_span_overlap(anchor[1], anchor[3], box[1] - half, box[3] + half);
    float area = rf_box_width(box, plus_one) * rf_box_height(box, plus_one);
    return rf_overlap_iou(x, y, anchor[2] * anchor[3] + area);
}

#endif
