/* SPDX-License-Identifier: Apache-2.0 */
/* From our anchors and coders to those of ncnn's sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/ncnn.h"

int rf_ncnn_anchor(const rf_anchor_spec *spec, int level, int a) {
    const float *sizes = spec->sizes + level * spec->n_sizes;
    for (int k = 0; k < spec->n_sizes; k++) {
        int before = 0;
        for (int i = 0; i < spec->n_sizes; i++) before += sizes[i] > sizes[k] || (sizes[i] == sizes[k] && i < k);
        if (before == a) return k;
    }
    return a; /* not reached: sizes are numbers */
}

bool rf_ncnn_moved(const rf_export_net *net, int stage, int level) {
    for (int k = 0; k < stage; k++)
        if (rf_export_map(net, "loc", k, level) != RF_NONE) return true;
    return false;
}

/* Outputs that the sample reads, and what it calls them. */
static const char *const parts[][2] = {{"cls", "cls_prob_reshape"}, {"loc", "bbox_pred"}, {"points", "landmark_pred"}};

void rf_ncnn_part(const rf_output *output, char text[48]) {
    snprintf(text, 48, "%.40s_pred", output->name);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(output->name, parts[i][0]) == 0) snprintf(text, 48, "%s", parts[i][1]);
}

/* ---- how the sample decodes ---- */

/* x = cx + w dx, width = w e^dw. */
static rf_box_rows sample_boxes(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    (void)codec;
    rf_value step = rf_apply2(graph, "mul", rf_apply1(graph, "slice", rows, "start=0 count=2"), anchors.size, "");
    rf_value growth = rf_apply1(graph, "exp", rf_apply1(graph, "slice", rows, "start=2 count=2"), "");
    return (rf_box_rows){rf_apply2(graph, "add", step, anchors.centre, ""),
                         rf_apply2(graph, "mul", growth, anchors.size, "")};
}

static rf_value points_in(rf_graph *graph, rf_value size, rf_value centre, rf_value rows, int n) {
    rf_value x = rf_apply1(graph, "reshape", rows, "d0=-1 d1=%d d2=2", n);
    x = rf_apply2(graph, "mul", x, rf_apply1(graph, "reshape", size, "d0=-1 d1=1 d2=2"), "");
    x = rf_apply2(graph, "add", x, rf_apply1(graph, "reshape", centre, "d0=-1 d1=1 d2=2"), "");
    return rf_apply1(graph, "reshape", x, "d0=-1 d1=%d", 2 * n);
}

/* x = cx + (w + 1) dx. */
static rf_value sample_points(rf_graph *graph, const rf_codec *codec, rf_box_rows anchors, rf_value rows) {
    rf_value size = rf_apply1(graph, "shift", anchors.size, "offset=1");
    return points_in(graph, size, anchors.centre, rows, codec->n_points);
}

/* x = cx + w dx, of a box that an earlier stage says. */
static rf_value moved_points(rf_graph *graph, const rf_codec *codec, rf_box_rows boxes, rf_value rows) {
    return points_in(graph, boxes.size, boxes.centre, rows, codec->n_points);
}

static const rf_coder boxes_of_sample = {.name = "ncnn's retinaface sample", .boxes = sample_boxes};
static const rf_coder points_of_sample = {.name = "ncnn's retinaface sample", .points = sample_points};
static const rf_coder points_of_box = {.name = "ncnn's retinaface sample", .points = moved_points};

/* ---- from ours to that ---- */

/* A scale that fits every box, since what the box is, is known later: of two of them. */
static rf_status fold_moved(const rf_codec *codec, const rf_coder *ours, const rf_coder *theirs, int width,
                            rf_ncnn_channel *out) {
    static const float boxes[2][4] = {{0, 0, 1, 1}, {3, 5, 2, 7}};
    rf_ncnn_channel other[RF_CODE_MAX];
    RF_TRY(rf_ncnn_fold(ours, codec, boxes[0], theirs, boxes[0], width, out));
    RF_TRY(rf_ncnn_fold(ours, codec, boxes[1], theirs, boxes[1], width, other));
    for (int k = 0; k < width; k++)
        if (fabs(out[k].scale - other[k].scale) > 1e-9 * fabs(out[k].scale) ||
            fabs(out[k].shift - other[k].shift) > 1e-9)
            return rf_fail(RF_ERR_USER,
                           "the coder %s writes what a later stage says so that it depends on the box of the stage "
                           "before, which %s cannot read: export to onnx or c",
                           ours->name, theirs->name);
    return RF_OK;
}

/* The sample's anchor `a` of a level as ours and as its own. */
static void anchors_of(const rf_anchor_spec *spec, int level, int a, float ours[4], float theirs[4]) {
    int source = rf_ncnn_anchor(spec, level, a), stride = spec->strides[level];
    ours[0] = ours[1] = spec->centre_offset < 0 ? 0.5f * (float)stride : spec->centre_offset;
    rf_anchor_shape(spec, level, source, ours + 2);
    theirs[0] = theirs[1] = (float)RF_NCNN_SAMPLE_CENTRE;
    theirs[2] = theirs[3] = spec->sizes[level * spec->n_sizes + source];
}

rf_status rf_ncnn_head_channels(const rf_detect_spec *spec, const rf_output *output, bool moved,
                                rf_ncnn_channel *channels) {
    const rf_anchor_spec *anchors = &spec->anchors;
    const rf_codec codec = rf_codec_at(&spec->codec, anchors->strides[output->level]);
    int width = output->width, n = anchors->n_sizes;
    bool cls = strcmp(output->name, "cls") == 0, box = strcmp(output->name, "loc") == 0;
    const rf_coder *theirs = box                                   ? &boxes_of_sample
                             : strcmp(output->name, "points") != 0 ? NULL
                             : moved                               ? &points_of_box
                                                                   : &points_of_sample;
    const rf_coder *coder = box ? rf_codec_box(&codec) : rf_codec_points(&codec);
    for (int a = 0; a < n; a++) {
        float ours[4], sample[4];
        rf_ncnn_channel *own = channels + width * a;
        anchors_of(anchors, output->level, a, ours, sample);
        for (int k = 0; k < width; k++) own[k] = (rf_ncnn_channel){k, 1, 0};
        if (theirs)
            RF_TRY(moved ? fold_moved(&codec, coder, theirs, width, own)
                         : rf_ncnn_fold(coder, &codec, ours, theirs, sample, width, own));
        for (int k = 0; k < width; k++) own[k].source += width * rf_ncnn_anchor(anchors, output->level, a);
    }
    for (int c = 0; cls && c < n * width; c++)
        channels[c] = (rf_ncnn_channel){width * rf_ncnn_anchor(anchors, output->level, c % n) + c / n, 1, 0};
    return RF_OK;
}
