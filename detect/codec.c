/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/codec.h"

extern const rf_coder rf_coder_delta;

const rf_coder *rf_codec_box(const rf_codec *codec) {
    return codec->box ? codec->box : &rf_coder_delta;
}

const rf_coder *rf_codec_points(const rf_codec *codec) {
    return codec->points ? codec->points : &rf_coder_delta_points;
}

rf_codec rf_codec_at(const rf_codec *codec, int stride) {
    rf_codec at = *codec;
    at.stride = (float)stride;
    return at;
}

/* ---- numbers ---- */

void rf_codec_encode_box(const rf_codec *codec, const float anchor[4], const float box[4], float *row) {
    rf_face face = {.box = {box[0], box[1], box[2], box[3]}};
    rf_codec_box(codec)->encode(codec, anchor, &face, row);
}

void rf_codec_move_anchor(const rf_codec *codec, const float anchor[4], const float *loc, float out[4]) {
    rf_codec_box(codec)->move(codec, anchor, loc, out);
}

void rf_codec_decode_box(const rf_codec *codec, const float anchor[4], const float *loc, float box[4]) {
    float one = codec->plus_one ? 1.0f : 0.0f, moved[4];
    rf_codec_move_anchor(codec, anchor, loc, moved);
    for (int k = 0; k < 2; k++) {
        float half = 0.5f * (moved[k + 2] - one);
        box[k] = moved[k] - half;
        box[k + 2] = moved[k] + half;
    }
}

void rf_codec_encode_points(const rf_codec *codec, const float anchor[4], const float *points, float *row) {
    rf_face face = {.points = (float *)points, .n_points = codec->n_points}; /* which a coder only reads */
    rf_codec_points(codec)->encode(codec, anchor, &face, row);
}

/* ---- nodes ---- */

rf_box_rows rf_codec_rows(rf_graph *graph, rf_value anchors) {
    rf_value centre = rf_apply1(graph, "slice", anchors, "axis=1 start=0 count=2");
    return (rf_box_rows){centre, rf_apply1(graph, "slice", anchors, "axis=1 start=2 count=2")};
}

rf_box_rows rf_codec_move_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value loc) {
    return rf_codec_box(codec)->boxes(graph, codec, anchors, loc);
}

rf_value rf_codec_corner_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows boxes) {
    rf_value size = codec->plus_one ? rf_apply1(graph, "shift", boxes.size, "offset=-1") : boxes.size;
    rf_value left = rf_apply2(graph, "add", rf_apply1(graph, "scale", size, "factor=-0.5"), boxes.centre, "");
    rf_value right = rf_apply2(graph, "add", rf_apply1(graph, "scale", size, "factor=0.5"), boxes.centre, "");
    return rf_apply2(graph, "concat", left, right, "axis=1");
}

rf_value rf_codec_point_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value encoded) {
    return rf_codec_points(codec)->points(graph, codec, anchors, encoded);
}

void rf_face_flip(rf_face *face, float width, bool plus_one, const rf_point_flip *flip) {
    float edge = plus_one ? width - 1 : width;
    float x1 = face->box[0];
    face->box[0] = edge - face->box[2];
    face->box[2] = edge - x1;
    for (int i = 0; i < face->n_points; i++) face->points[2 * i] = edge - face->points[2 * i];
    rf_points_swap(flip, face);
}
