/* SPDX-License-Identifier: Apache-2.0 */
#include "detectors/refineface/rois.h"

#include <math.h>

#include "detect/box.h"

enum { COLUMNS = 6 };
static const float same_face = 0.7f;

/* ---- the surest anchors ---- */

/* A total order, so that the choice does not depend on anything but the scores. */
static bool less(rf_candidate a, rf_candidate b) {
    return a.score < b.score || (a.score == b.score && a.anchor > b.anchor);
}

/* The least of heap[0..n) is at 0: puts `value` there and lets it sink. */
static void sink(rf_candidate *heap, size_t n, rf_candidate value) {
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && less(heap[child + 1], heap[child])) child++;
        if (!less(heap[child], value)) break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

/* The `most` anchors with the largest logits, by falling score; returns how many there are. */
static size_t surest(const rf_real *cls, size_t n_anchors, size_t most, rf_candidate *heap) {
    size_t n = 0;
    if (most > n_anchors) most = n_anchors;
    for (; n < most; n++) heap[n] = (rf_candidate){-INFINITY, UINT32_MAX};
    for (size_t a = 0; a < n_anchors && n; a++) {
        rf_candidate c = {(float)(cls[2 * a + 1] - cls[2 * a]), (uint32_t)a};
        if (less(heap[0], c)) sink(heap, n, c);
    }
    for (size_t last = n; last > 1; last--) { /* the least goes to the end */
        rf_candidate least = heap[0], moved = heap[last - 1];
        sink(heap, last - 1, moved);
        heap[last - 1] = least;
    }
    return n;
}

/* ---- regions ---- */

static int level_of_anchor(const rf_anchor_set *set, size_t anchor) {
    int l = set->n_levels - 1;
    while (l > 0 && anchor < set->levels[l].first) l--;
    return l;
}

static int level_of_face(const rf_anchor_set *set, const float box[4]) {
    double size = sqrt((double)(box[2] - box[0]) * (double)(box[3] - box[1])), best = INFINITY;
    int level = 0;
    for (int l = 0; l < set->n_levels; l++)
        for (int s = 0; s < set->n_sizes; s++) {
            const float *anchor = set->boxes + 4 * (set->levels[l].first + (size_t)s);
            double off = fabs(log(size / sqrt((double)anchor[2] * (double)anchor[3])));
            if (off < best) best = off, level = l;
        }
    return level;
}

static void write_roi(rf_real *roi, int image, int level, const float box[4]) {
    roi[0] = (rf_real)image;
    roi[1] = (rf_real)level;
    for (int k = 0; k < 4; k++) roi[2 + k] = (rf_real)box[k];
}

static bool overlaps_earlier(const rf_real *rois, int first, int n, const float box[4]) {
    for (int i = first; i < n; i++) {
        float other[4];
        for (int k = 0; k < 4; k++) other[k] = (float)rois[COLUMNS * i + 2 + k];
        if (rf_box_iou(other, box, false) >= same_face) return true;
    }
    return false;
}

/* 1: a face; 0: none; -1: what it covers is not to be judged. */
static int judge(const rf_roi_spec *spec, const float box[4], const rf_face *faces, size_t n_faces) {
    bool ignored = false;
    for (size_t f = 0; f < n_faces; f++) {
        if (rf_box_iou(box, faces[f].box, false) < spec->positive_iou) continue;
        if (!faces[f].ignore) return 1;
        ignored = true;
    }
    return ignored ? -1 : 0;
}

size_t rf_sample_rois(const rf_roi_spec *spec, const rf_anchor_set *set, const rf_codec *codec, int image,
                      const float *anchors, const rf_real *cls, const rf_real *loc, const rf_face *faces,
                      size_t n_faces, rf_candidate *heap, rf_real *rois, rf_real *labels) {
    static const float nothing[4] = {0};
    size_t positive = 0, width = (size_t)rf_codec_box(codec)->width(codec->n_points);
    int n = 0, first;
    for (size_t f = 0; f < n_faces && n < spec->count / 2; f++) {
        if (faces[f].ignore || !rf_box_valid(faces[f].box, false)) continue;
        write_roi(rois + COLUMNS * n, image, level_of_face(set, faces[f].box), faces[f].box);
        labels[n++] = 1;
        positive++;
    }
    first = n;
    size_t found = surest(cls, set->count, (size_t)spec->count * RF_ROI_CANDIDATES, heap);
    for (size_t i = 0; i < found && n < spec->count; i++) {
        size_t a = heap[i].anchor;
        float row[RF_CODE_MAX], box[4];
        if (a >= set->count) break;
        for (size_t k = 0; k < width; k++) row[k] = (float)loc[width * a + k];
        const rf_codec at = rf_codec_at(codec, set->levels[rf_anchor_level_of(set, a)].stride);
        rf_codec_decode_box(&at, anchors + 4 * a, row, box);
        if (!rf_box_valid(box, false) || overlaps_earlier(rois, first, n, box)) continue;
        int label = judge(spec, box, faces, n_faces);
        write_roi(rois + COLUMNS * n, image, level_of_anchor(set, a), box);
        labels[n++] = (rf_real)label;
        positive += label == 1;
    }
    for (; n < spec->count; n++) {
        write_roi(rois + COLUMNS * n, -1, 0, nothing);
        labels[n] = -1;
    }
    return positive;
}
