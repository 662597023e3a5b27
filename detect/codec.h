/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and landmarks as the network predicts them, relative to an anchor (Faster R-CNN's parametrisation):
 *   t = ((gx - ax) / (aw vc), (gy - ay) / (ah vc), ln(gw / aw) / vs, ln(gh / ah) / vs)
 *   p = ((px - ax) / (aw vc), (py - ay) / (ah vc)) for each point
 * with the variances vc, vs (biubug6: 0.1 and 0.2, insightface: 1). All functions are pure. Decoding is written twice,
 * for numbers (training looks at boxes on the way) and as nodes of a graph (everything else): both give the same bits.
 */
#ifndef RF_DETECT_CODEC_H
#define RF_DETECT_CODEC_H

#include <stdbool.h>

#include "autograd/graph.h"
#include "detect/face.h"
#include "detect/point_flip.h"

typedef struct rf_codec {
    float variance_centre, variance_size;
    bool plus_one; /* w = x2 - x1 + 1 */
    int n_points;  /* of a face */
} rf_codec;

/* Logarithms of size ratios are limited to +-ln(1000), when encoding and when decoding: no infinity leaves the codec.
 */
#define RF_CODEC_LOG_LIMIT 6.9077553f

/* anchor: cx cy w h pixels; box: x1 y1 x2 y2 pixels, of positive width and height. */
void rf_codec_encode_box(const rf_codec *codec, const float anchor[4], const float box[4], float out[4]);
void rf_codec_decode_box(const rf_codec *codec, const float anchor[4], const float loc[4], float box[4]);
/* The decoded box in centre form, cx cy w h: the anchor of the next stage of a cascade. `out` may be `anchor`. */
void rf_codec_move_anchor(const rf_codec *codec, const float anchor[4], const float loc[4], float out[4]);
/* points: [n_points][2] pixels, as `out` is; those of one may be the other. */
void rf_codec_encode_points(const rf_codec *codec, const float anchor[4], const float *points, float *out);

/* ---- the same as primitive ops ---- */

/* Boxes in centre form as values of a graph, [n,2] each: cx cy and w h. */
typedef struct rf_box_rows {
    rf_value centre, size;
} rf_box_rows;

/* Of rows cx cy w h [n,4]. */
rf_box_rows rf_codec_rows(rf_graph *graph, rf_value anchors);
/* rf_codec_move_anchor of loc [n,4]. */
rf_box_rows rf_codec_move_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value loc);
/* x1 y1 x2 y2 [n,4], as rf_codec_decode_box has them of a moved anchor. */
rf_value rf_codec_corner_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows boxes);
/* Points [n,2k] in pixels of encoded ones [n,2k], for any number k of them. */
rf_value rf_codec_point_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value encoded);

/* Mirrors a face in an image `width` pixels wide, in place: x' = width - x (plus_one: width - 1 - x), left and right
 * points change places. Twice is the identity. */
void rf_face_flip(rf_face *face, float width, bool plus_one, const rf_point_flip *flip);

#endif
