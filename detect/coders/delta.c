/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and points as Faster R-CNN (arXiv 1506.01497, section 3.1.2) and SSD write them, with variances:
 *   t = ((gx - ax) / (aw vc), (gy - ay) / (ah vc), ln(gw / aw) / vs, ln(gh / ah) / vs)
 *   p = ((px - ax) / (aw vc), (py - ay) / (ah vc)) for each point
 * biubug6 has vc = 0.1 and vs = 0.2, insightface 1 and 1 with widths that count pixels inclusively (plus_one). */
#include <math.h>

#include "detect/box.h"
#include "detect/codec.h"

/* Logarithms of size ratios are limited to +-ln(1000), when encoding and when decoding: no infinity leaves a coder. */
static const float LOG_LIMIT = 6.9077553f;

static float limit_log(float x) {
    if (x > LOG_LIMIT) return LOG_LIMIT;
    return x < -LOG_LIMIT ? -LOG_LIMIT : x;
}

/* ---- numbers ---- */

static int box_width(int n_points) {
    (void)n_points;
    return 4;
}

static void encode_box(const rf_codec *codec, const float anchor[4], const rf_face *face, float *row) {
    const float *box = face->box;
    float w = rf_box_width(box, codec->plus_one), h = rf_box_height(box, codec->plus_one);
    float x = 0.5f * (box[0] + box[2]), y = 0.5f * (box[1] + box[3]);
    row[0] = (x - anchor[0]) / (anchor[2] * codec->variance_centre);
    row[1] = (y - anchor[1]) / (anchor[3] * codec->variance_centre);
    row[2] = limit_log(logf(w / anchor[2])) / codec->variance_size;
    row[3] = limit_log(logf(h / anchor[3])) / codec->variance_size;
}

static void move(const rf_codec *codec, const float anchor[4], const float *row, float out[4]) {
    for (int k = 0; k < 2; k++) {
        float size = anchor[k + 2];
        out[k] = anchor[k] + row[k] * codec->variance_centre * size;
        out[k + 2] = size * expf(limit_log(row[k + 2] * codec->variance_size));
    }
}

static int points_width(int n_points) {
    return 2 * n_points;
}

static void encode_points(const rf_codec *codec, const float anchor[4], const rf_face *face, float *row) {
    for (int i = 0; i < 2 * codec->n_points; i++)
        row[i] = (face->points[i] - anchor[i & 1]) / (anchor[2 + (i & 1)] * codec->variance_centre);
}

static void place(const rf_codec *codec, const float anchor[4], const float *row, float *points) {
    for (int i = 0; i < 2 * codec->n_points; i++)
        points[i] = anchor[i & 1] + row[i] * codec->variance_centre * anchor[2 + (i & 1)];
}

/* ---- nodes: the order of the products is that of the numbers, so are the bits ---- */

/* %.9g gives a float back as it was. */
static rf_value scaled(rf_graph *graph, rf_value x, float factor) {
    return rf_apply1(graph, "scale", x, "factor=%.9g", (double)factor);
}

static rf_value columns(rf_graph *graph, rf_value rows, int start) {
    return rf_apply1(graph, "slice", rows, "axis=1 start=%d count=2", start);
}

/* How many times as wide and high as what it is relative to a box is, [n,2]. */
static rf_value growth_of(rf_graph *graph, const rf_codec *codec, rf_value rows) {
    rf_value growth = scaled(graph, columns(graph, rows, 2), codec->variance_size);
    growth = rf_apply1(graph, "clamp", growth, "min=%.9g max=%.9g", (double)-LOG_LIMIT, (double)LOG_LIMIT);
    return rf_apply1(graph, "exp", growth, "");
}

static rf_box_rows boxes(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    rf_value step = scaled(graph, columns(graph, rows, 0), codec->variance_centre);
    step = rf_apply2(graph, "mul", step, anchors.size, "");
    rf_value growth = growth_of(graph, codec, rows);
    return (rf_box_rows){rf_apply2(graph, "add", step, anchors.centre, ""),
                         rf_apply2(graph, "mul", growth, anchors.size, "")};
}

static rf_value points(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    if (rf_graph_status(graph) != RF_OK) return RF_NONE;
    int width = rf_graph_shape(graph, rows).d[1];
    rf_value size = rf_apply1(graph, "reshape", anchors.size, "d0=-1 d1=1 d2=2");
    rf_value centre = rf_apply1(graph, "reshape", anchors.centre, "d0=-1 d1=1 d2=2");
    rf_value x =
        rf_apply1(graph, "reshape", scaled(graph, rows, codec->variance_centre), "d0=-1 d1=%d d2=2", width / 2);
    x = rf_apply2(graph, "add", rf_apply2(graph, "mul", x, size, ""), centre, "");
    return rf_apply1(graph, "reshape", x, "d0=-1 d1=%d", width);
}

/* ---- a stage on top of another: a first one moves an anchor's centre by s1 w and makes it e^g1 as large, a second one
 * moves that box by s2 w e^g1 and makes it e^g2 as large; together s1 + s2 e^g1 and g1 + g2. Only the limits on
 * logarithms differ: here the sum is limited, in a cascade each stage is. ---- */

static rf_value compose_boxes(rf_graph *graph, const rf_codec *codec, rf_value before, rf_value rows) {
    rf_value step = rf_apply2(graph, "mul", columns(graph, rows, 0), growth_of(graph, codec, before), "");
    rf_value own = rf_apply2(graph, "concat", step, columns(graph, rows, 2), "axis=1");
    return rf_apply2(graph, "add", before, own, "");
}

/* [n,2] side by side, `times` times. */
static rf_value repeat(rf_graph *graph, rf_value x, int times) {
    rf_value copies[RF_MAX_INPUTS];
    if (times == 1) return x;
    int parts = times < RF_MAX_INPUTS ? times : RF_MAX_INPUTS, each = times / parts, more = times % parts;
    rf_value small = repeat(graph, x, each), large = more ? repeat(graph, x, each + 1) : RF_NONE;
    for (int i = 0; i < parts; i++) copies[i] = i < more ? large : small;
    return rf_graph_apply(graph, "concat", copies, parts, "axis=1");
}

static rf_value compose_points(rf_graph *graph, const rf_codec *codec, rf_value before, rf_value rows) {
    if (rf_codec_box(codec)->boxes != boxes || rf_graph_status(graph) != RF_OK) return RF_NONE;
    int n = rf_graph_shape(graph, rows).d[1] / 2;
    rf_value x = rf_apply2(graph, "mul", rows, repeat(graph, growth_of(graph, codec, before), n), "");
    return rf_apply2(graph, "add", x, repeat(graph, columns(graph, before, 0), n), "");
}

const rf_coder rf_coder_delta = {
    .name = "delta",
    .doc = "shifts in sides of the anchor and logarithms of ratios of sides, divided by the variances (Faster R-CNN)",
    .row = "dx, dy, dw, dh",
    .width = box_width,
    .encode = encode_box,
    .move = move,
    .boxes = boxes,
    .compose = compose_boxes,
};

const rf_coder rf_coder_delta_points = {
    .name = "delta_points",
    .doc = "shifts in sides of the anchor, divided by anchors.variance_centre",
    .row = "dx, dy",
    .width = points_width,
    .encode = encode_points,
    .place = place,
    .points = points,
    .compose = compose_points,
};
