/* SPDX-License-Identifier: Apache-2.0 */
/* From our anchors and codec to those of ncnn's sample. */
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

rf_ncnn_channel rf_ncnn_head_channel(const rf_detect_spec *spec, const rf_output *output, bool moved, int channel) {
    const rf_anchor_spec *anchors = &spec->anchors;
    bool box = strcmp(output->name, "loc") == 0;
    int level = output->level, width = output->width, a = channel / width, k = channel % width;
    if (strcmp(output->name, "cls") == 0) {
        a = channel % anchors->n_sizes;
        return (rf_ncnn_channel){width * rf_ncnn_anchor(anchors, level, a) + channel / anchors->n_sizes, 1, 0};
    }
    int source = rf_ncnn_anchor(anchors, level, a), stride = anchors->strides[level];
    double size =
        (double)anchors->sizes[level * anchors->n_sizes + source]; /* width and height of the sample's anchor */
    float shape[2];
    rf_anchor_shape(anchors, level, source, shape);
    double ours = (double)shape[k % 2];
    double centre = anchors->centre_offset < 0 ? 0.5 * stride : (double)anchors->centre_offset;
    double shift = centre - RF_NCNN_SAMPLE_CENTRE;
    rf_ncnn_channel c = {width * source + k, 1, 0};
    if (!box && strcmp(output->name, "points") != 0) return c;
    if (moved) {
        c.scale = (double)(box && k >= 2 ? spec->codec.variance_size : spec->codec.variance_centre);
    } else if (box && k >= 2) {
        c.scale = (double)spec->codec.variance_size;
        c.shift = log(ours / size);
    } else {
        double unit = box ? size : size + 1;
        c.scale = (double)spec->codec.variance_centre * ours / unit;
        c.shift = shift / unit;
    }
    return c;
}
