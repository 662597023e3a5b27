/* SPDX-License-Identifier: Apache-2.0 */
/* From our anchors and codec to those of ncnn's sample. */
#include <math.h>

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
        if (net->stages[k][level].box != RF_NONE) return true;
    return false;
}

rf_ncnn_channel rf_ncnn_head_channel(const rf_detect_spec *spec, int level, rf_ncnn_head head, bool moved,
                                     int channel) {
    const rf_anchor_spec *anchors = &spec->anchors;
    int width = head == RF_NCNN_BOX ? 4 : 10, a = channel / width, k = channel % width;
    if (head == RF_NCNN_CLASS) {
        a = channel % anchors->n_sizes;
        return (rf_ncnn_channel){2 * rf_ncnn_anchor(anchors, level, a) + channel / anchors->n_sizes, 1, 0};
    }
    int source = rf_ncnn_anchor(anchors, level, a), stride = anchors->strides[level];
    double size =
        (double)anchors->sizes[level * anchors->n_sizes + source]; /* width and height of the sample's anchor */
    float shape[2];
    rf_anchor_shape(anchors, level, source, shape);
    double ours = (double)shape[k % 2];
    double centre = anchors->centre_offset < 0 ? 0.5 * stride : (double)anchors->centre_offset;
    double shift = centre - RF_NCNN_SAMPLE_CENTRE;
    rf_ncnn_channel c = {width * source + k, 0, 0};
    if (moved) {
        c.scale = (double)(head == RF_NCNN_BOX && k >= 2 ? spec->codec.variance_size : spec->codec.variance_centre);
    } else if (head == RF_NCNN_BOX && k >= 2) {
        c.scale = (double)spec->codec.variance_size;
        c.shift = log(ours / size);
    } else {
        double unit = head == RF_NCNN_BOX ? size : size + 1;
        c.scale = (double)spec->codec.variance_centre * ours / unit;
        c.shift = shift / unit;
    }
    return c;
}
