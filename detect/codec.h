/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and landmarks as the network predicts them: a model's coders (layers/coder.h, detect/coders/) with their
 * settings. All functions are pure and thread safe; anchors are cx cy w h, boxes x1 y1 x2 y2, in pixels of the input.
 * Decoding is there for numbers (training looks at boxes on the way) and as nodes of a graph (everything else): both
 * give the same bits. */
#ifndef RF_DETECT_CODEC_H
#define RF_DETECT_CODEC_H

#include <stdbool.h>

#include "autograd/graph.h"
#include "detect/face.h"
#include "detect/point_flip.h"
#include "layers/coder.h"

typedef struct rf_codec {
    float variance_centre, variance_size;
    bool plus_one;                /* w = x2 - x1 + 1 */
    int n_points;                 /* of a face */
    const rf_coder *box, *points; /* NULL: delta and delta_points */
    float stride;                 /* pixels between the cells of the level (rf_codec_at); 0: nobody said */
} rf_codec;

/* What meshes are written with, vertex by vertex, whatever the model's coders are (codec.n_points = 1). */
extern const rf_coder rf_coder_delta_points;

/* The same for a level whose cells are so many pixels apart. */
rf_codec rf_codec_at(const rf_codec *codec, int stride);

const rf_coder *rf_codec_box(const rf_codec *codec);
const rf_coder *rf_codec_points(const rf_codec *codec);

/* box of positive width and height; row and loc [width of the coder of boxes]. */
void rf_codec_encode_box(const rf_codec *codec, const float anchor[4], const float box[4], float *row);
void rf_codec_decode_box(const rf_codec *codec, const float anchor[4], const float *loc, float box[4]);
/* The decoded box in centre form, cx cy w h: the anchor of the next stage of a cascade. `out` may be `anchor`. */
void rf_codec_move_anchor(const rf_codec *codec, const float anchor[4], const float *loc, float out[4]);
/* points: [n_points][2] pixels; row [width of the coder of points], which may be the same memory where that is as wide.
 */
void rf_codec_encode_points(const rf_codec *codec, const float anchor[4], const float *points, float *row);

/* ---- the same as primitive ops ---- */

/* Of rows cx cy w h [n,4]. */
rf_box_rows rf_codec_rows(rf_graph *graph, rf_value anchors);
/* rf_codec_move_anchor of loc [n,width]. */
rf_box_rows rf_codec_move_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value loc);
/* x1 y1 x2 y2 [n,4], as rf_codec_decode_box has them of a moved anchor. */
rf_value rf_codec_corner_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows boxes);
/* Points [n,2k] in pixels of encoded ones [n,width]. */
rf_value rf_codec_point_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value encoded);

/* Mirrors a face in an image `width` pixels wide, in place: x' = width - x (plus_one: width - 1 - x), left and right
 * points change places. Twice is the identity. */
void rf_face_flip(rf_face *face, float width, bool plus_one, const rf_point_flip *flip);

#endif
