/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors to faces: which anchors are positive, negative or ignored, and the targets of the positive ones (RetinaFace,
 * arXiv 1905.00641, section 3.3; the forced best anchor is SSD's). */
#ifndef RF_DETECT_MATCH_H
#define RF_DETECT_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "detect/anchors.h"
#include "detect/codec.h"
#include "detect/face.h"

typedef struct rf_match_spec {
    float positive_iou;  /* best IoU at least this: positive */
    float negative_iou;  /* best IoU below this: negative; in between: ignored. At most positive_iou */
    bool force_best;     /* the best anchor of a face is positive ... */
    float force_min_iou; /* ... when their IoU is at least this (and above 0) */
    float ignore_ioa;    /* negatives covered to at least this share by one ignore face are ignored; >= 1: off */
} rf_match_spec;

typedef struct rf_match {
    size_t n_anchors;
    int8_t *label;       /* [A] 1 positive, 0 negative, -1 ignored */
    int32_t *face;       /* [A] index of the face of a positive anchor, else -1 */
    float *iou;          /* [A] positive anchors: IoU with that face; others: undefined */
    uint8_t *has_points; /* [A] 1: positive and the landmarks of its face are valid */
    size_t n_positive, n_negative, n_ignored, n_points;
} rf_match;

/* Buffers for n_anchors anchors, reusable for many images. RF_ERR_NOMEM leaves *out empty. Free with rf_match_free. */
rf_status rf_match_alloc(size_t n_anchors, rf_match *out);
void rf_match_free(rf_match *match);

/* Matches the faces of one image. Ignore faces and boxes that are empty or not finite are no targets. An anchor belongs
 * to its best face (equal IoU: the first face); the best anchor of a face is the lowest of equals; if it is the best
 * anchor of several faces the highest IoU wins, then the first face. out->n_anchors must be anchors->count. Allocates
 * nothing. Thread safe for different `out`. Work grows with the overlaps, not with A x faces. */
void rf_match_faces(const rf_anchor_set *anchors, const rf_match_spec *spec, const rf_face *faces, size_t n_faces,
                    rf_match *out);

/* Anchors of all other levels become ignored. */
void rf_match_keep_level(const rf_anchor_set *anchors, int level, const rf_face *faces, rf_match *match);

/* Scratch memory for matching boxes that are no grid: which of them have their centre where. */
typedef struct rf_box_bins {
    size_t n;
    uint32_t *cell;  /* [n] */
    uint32_t *item;  /* [n] boxes, cell by cell */
    uint32_t *begin; /* [cells + 1] first place of a cell in item */
} rf_box_bins;

/* For n boxes, reusable. RF_ERR_NOMEM leaves *out empty. Free with rf_box_bins_free. */
rf_status rf_box_bins_alloc(size_t n, rf_box_bins *out);
void rf_box_bins_free(rf_box_bins *bins);

/* rf_match_faces for boxes [n,4] cx cy w h, n = out->n_anchors, anywhere: the refined anchors of an image of
 * height x width. force_best does not apply: a decoded box needs no rescue, and one that barely touches its face would
 * give huge targets. Boxes that are not finite overlap nothing. Allocates nothing; work grows with the overlaps. */
void rf_match_boxes(const float *boxes, int height, int width, bool plus_one, const rf_match_spec *spec,
                    const rf_face *faces, size_t n_faces, rf_box_bins *bins, rf_match *out);

/* Targets of the positive anchors, other rows are left as they are: loc and points [A,width of their coder] (points
 * NULL: none), only where has_points. Allocates nothing. */
void rf_match_encode(const rf_anchor_set *anchors, const rf_codec *codec, const rf_match *match, const rf_face *faces,
                     float *loc, float *points);

#endif
