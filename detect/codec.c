/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/codec.h"

#include <math.h>

#include "detect/box.h"

static float limit_log(float x) {
    if (x > RF_CODEC_LOG_LIMIT) return RF_CODEC_LOG_LIMIT;
    return x < -RF_CODEC_LOG_LIMIT ? -RF_CODEC_LOG_LIMIT : x;
}

void rf_codec_encode_box(const rf_codec *codec, const float anchor[4], const float box[4], float out[4]) {
    float w = rf_box_width(box, codec->plus_one), h = rf_box_height(box, codec->plus_one);
    float x = 0.5f * (box[0] + box[2]), y = 0.5f * (box[1] + box[3]);
    out[0] = (x - anchor[0]) / (anchor[2] * codec->variance_centre);
    out[1] = (y - anchor[1]) / (anchor[3] * codec->variance_centre);
    out[2] = limit_log(logf(w / anchor[2])) / codec->variance_size;
    out[3] = limit_log(logf(h / anchor[3])) / codec->variance_size;
}

void rf_codec_move_anchor(const rf_codec *codec, const float anchor[4], const float loc[4], float out[4]) {
    for (int k = 0; k < 2; k++) {
        float size = anchor[k + 2];
        out[k] = anchor[k] + loc[k] * codec->variance_centre * size;
        out[k + 2] = size * expf(limit_log(loc[k + 2] * codec->variance_size));
    }
}

void rf_codec_decode_box(const rf_codec *codec, const float anchor[4], const float loc[4], float box[4]) {
    float one = codec->plus_one ? 1.0f : 0.0f, moved[4];
    rf_codec_move_anchor(codec, anchor, loc, moved);
    for (int k = 0; k < 2; k++) {
        float half = 0.5f * (moved[k + 2] - one);
        box[k] = moved[k] - half;
        box[k + 2] = moved[k] + half;
    }
}

void rf_codec_encode_points(const rf_codec *codec, const float anchor[4], const float *points, float *out) {
    for (int i = 0; i < 2 * codec->n_points; i++)
        out[i] = (points[i] - anchor[i & 1]) / (anchor[2 + (i & 1)] * codec->variance_centre);
}

/* %.9g gives a float back as it was. */
static rf_value scaled(rf_graph *graph, rf_value x, float factor) {
    return rf_apply1(graph, "scale", x, "factor=%.9g", (double)factor);
}

static rf_value half_of(rf_graph *graph, rf_value rows, int start) {
    return rf_apply1(graph, "slice", rows, "axis=1 start=%d count=2", start);
}

rf_box_rows rf_codec_rows(rf_graph *graph, rf_value anchors) {
    rf_value centre = half_of(graph, anchors, 0);
    return (rf_box_rows){centre, half_of(graph, anchors, 2)};
}

/* The order of the products is that of rf_codec_move_anchor, so are the bits. */
rf_box_rows rf_codec_move_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value loc) {
    rf_value step = scaled(graph, half_of(graph, loc, 0), codec->variance_centre);
    step = rf_apply2(graph, "mul", step, anchors.size, "");
    rf_value growth = scaled(graph, half_of(graph, loc, 2), codec->variance_size);
    growth =
        rf_apply1(graph, "clamp", growth, "min=%.9g max=%.9g", (double)-RF_CODEC_LOG_LIMIT, (double)RF_CODEC_LOG_LIMIT);
    growth = rf_apply1(graph, "exp", growth, "");
    return (rf_box_rows){rf_apply2(graph, "add", step, anchors.centre, ""),
                         rf_apply2(graph, "mul", growth, anchors.size, "")};
}

rf_value rf_codec_corner_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows boxes) {
    rf_value size = codec->plus_one ? rf_apply1(graph, "shift", boxes.size, "offset=-1") : boxes.size;
    rf_value left = rf_apply2(graph, "add", scaled(graph, size, -0.5f), boxes.centre, "");
    rf_value right = rf_apply2(graph, "add", scaled(graph, size, 0.5f), boxes.centre, "");
    return rf_apply2(graph, "concat", left, right, "axis=1");
}

rf_value rf_codec_point_rows(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value encoded) {
    if (rf_graph_status(graph) != RF_OK) return RF_NONE;
    int width = rf_graph_shape(graph, encoded).d[1];
    rf_value size = rf_apply1(graph, "reshape", anchors.size, "d0=-1 d1=1 d2=2");
    rf_value centre = rf_apply1(graph, "reshape", anchors.centre, "d0=-1 d1=1 d2=2");
    rf_value x =
        rf_apply1(graph, "reshape", scaled(graph, encoded, codec->variance_centre), "d0=-1 d1=%d d2=2", width / 2);
    x = rf_apply2(graph, "add", rf_apply2(graph, "mul", x, size, ""), centre, "");
    return rf_apply1(graph, "reshape", x, "d0=-1 d1=%d", width);
}

void rf_face_flip(rf_face *face, float width, bool plus_one, const rf_point_flip *flip) {
    float edge = plus_one ? width - 1 : width;
    float x1 = face->box[0];
    face->box[0] = edge - face->box[2];
    face->box[2] = edge - x1;
    for (int i = 0; i < face->n_points; i++) face->points[2 * i] = edge - face->points[2 * i];
    rf_points_swap(flip, face);
}
