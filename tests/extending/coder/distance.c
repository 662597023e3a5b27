/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes as distances from the centre of an anchor to their four sides in strides (FCOS, arXiv 1904.01355, section 3.1;
 * normalised by the stride as its later code and SCRFD do), and points as shifts in strides. The anchor's size means
 * nothing. */
#include "core/plugin.h"
#include "detect/box.h"
#include "detect/codec.h"

/* A side lies at most so many strides away, and never beyond the centre: no box is less than empty. */
enum { FAR = 1000 };

static float limit(float x) {
    return x > FAR ? FAR : x < 0 ? 0 : x;
}

/* ---- boxes: left, top, right, bottom ---- */

static int box_width(int n_points) {
    (void)n_points;
    return 4;
}

static void encode_box(const rf_codec *codec, const float anchor[4], const rf_face *face, float *row) {
    float one = codec->plus_one ? 1.0f : 0.0f;
    for (int k = 0; k < 2; k++) {
        float middle = 0.5f * (face->box[k] + face->box[k + 2]), half = 0.5f * (face->box[k + 2] - face->box[k] + one);
        row[k] = limit((anchor[k] - middle + half) / codec->stride);
        row[k + 2] = limit((middle + half - anchor[k]) / codec->stride);
    }
}

static void move(const rf_codec *codec, const float anchor[4], const float *row, float out[4]) {
    for (int k = 0; k < 2; k++) {
        float less = limit(row[k]) * codec->stride, more = limit(row[k + 2]) * codec->stride;
        out[k + 2] = less + more;
        out[k] = (more - less) * 0.5f + anchor[k];
    }
}

static rf_value part(rf_graph *graph, rf_value rows, int start) {
    return rf_apply1(graph, "slice", rows, "axis=1 start=%d count=2", start);
}

static rf_box_rows boxes(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    rf_value x = rf_apply1(graph, "clamp", rows, "min=0 max=%d", FAR);
    x = rf_apply1(graph, "scale", x, "factor=%.9g", (double)codec->stride);
    rf_value less = part(graph, x, 0), more = part(graph, x, 2);
    rf_value step = rf_apply2(graph, "add", more, rf_apply1(graph, "scale", less, "factor=-1"), "");
    step = rf_apply1(graph, "scale", step, "factor=0.5");
    return (rf_box_rows){rf_apply2(graph, "add", step, anchors.centre, ""), rf_apply2(graph, "add", less, more, "")};
}

/* ---- points ---- */

static int points_width(int n_points) {
    return 2 * n_points;
}

static void encode_points(const rf_codec *codec, const float anchor[4], const rf_face *face, float *row) {
    for (int i = 0; i < 2 * codec->n_points; i++) row[i] = (face->points[i] - anchor[i % 2]) / codec->stride;
}

static void place(const rf_codec *codec, const float anchor[4], const float *row, float *points) {
    for (int i = 0; i < 2 * codec->n_points; i++) points[i] = row[i] * codec->stride + anchor[i % 2];
}

static rf_value points(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    rf_value x = rf_apply1(graph, "scale", rows, "factor=%.9g", (double)codec->stride);
    x = rf_apply1(graph, "reshape", x, "d0=-1 d1=%d d2=2", codec->n_points);
    x = rf_apply2(graph, "add", x, rf_apply1(graph, "reshape", anchors.centre, "d0=-1 d1=1 d2=2"), "");
    return rf_apply1(graph, "reshape", x, "d0=-1 d1=%d", 2 * codec->n_points);
}

static const rf_coder distance = {.name = "distance",
                                  .doc =
                                      "distances from the anchor's centre to the four sides in strides (FCOS, SCRFD)",
                                  .row = "left, top, right, bottom",
                                  .width = box_width,
                                  .encode = encode_box,
                                  .move = move,
                                  .boxes = boxes};
static const rf_coder distance_points = {.name = "distance_points",
                                         .doc = "shifts from the anchor's centre in strides (SCRFD)",
                                         .row = "dx, dy",
                                         .width = points_width,
                                         .encode = encode_points,
                                         .place = place,
                                         .points = points};

rf_status rf_plugin_init(void) {
    RF_TRY(rf_register_coder(&distance));
    return rf_register_coder(&distance_points);
}
