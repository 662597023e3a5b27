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

void rf_codec_decode_points(const rf_codec *codec, const float anchor[4], const float *encoded, float *points) {
    for (int i = 0; i < 2 * codec->n_points; i++)
        points[i] = anchor[i & 1] + encoded[i] * codec->variance_centre * anchor[2 + (i & 1)];
}

void rf_face_flip(rf_face *face, float width, bool plus_one, const rf_point_flip *flip) {
    float edge = plus_one ? width - 1 : width;
    float x1 = face->box[0];
    face->box[0] = edge - face->box[2];
    face->box[2] = edge - x1;
    for (int i = 0; i < face->n_points; i++) face->points[2 * i] = edge - face->points[2 * i];
    rf_points_swap(flip, face);
}
