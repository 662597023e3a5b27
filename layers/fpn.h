/* SPDX-License-Identifier: Apache-2.0 */
/* Feature pyramid: lateral 1x1 convolutions, top-down up-sampling and addition, 3x3 merge convolutions, each with batch
 * normalisation and activation; levels beyond the backbone by 3x3 stride-2 convolutions (RetinaFace, section 3.2).
 * SRN's (arXiv 1809.02693), which RefineFace keeps, is the same with other options. Names: fpn.output1.., fpn.merge1..,
 * fpn.extra1... */
#ifndef RF_LAYERS_FPN_H
#define RF_LAYERS_FPN_H

#include "layers/backbone.h"

typedef struct rf_pyramid {
    int channels;
    double slope;           /* of all activations */
    bool plain;             /* convolutions with bias alone, without normalisation and activation (SRN) */
    bool lateral;           /* a level adds the lateral map above it, not the merged level */
    bool sums;              /* a level adds the sum above it, and every level has a merge convolution (SRN) */
    bool bilinear;          /* up-sampling, else nearest */
    bool extra_from_p;      /* the first extra level reads the last pyramid level, else the backbone's last map ... */
    bool extra_from_l;      /* ... or the lateral map of that (SRN's code) */
    rf_deform merge_deform; /* of the merge convolutions */
} rf_pyramid;

/* One level for each of n ascending strides, each [N,h,w,channels]: level i is merge_i(output_i(tap) + up(level i+1)),
 * with `lateral` merge_i(output_i(tap) + up(output_i+1(tap))), the top one output_i alone; with `sums` merge_i(s_i),
 * s_i = output_i(tap) + up(s_i+1); a stride past the last tap's comes from extra1 on that tap (or on its level), the
 * next from extra2 on extra1. RF_ERR_USER when the backbone has no such stride or the strides do not double. */
rf_status rf_fpn(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *pyramid,
                 rf_value *levels);

/* One convolution as the pyramid has them, below the scope `name`, numbered from 1. */
rf_value rf_pyramid_conv(rf_net *net, rf_value x, const char *name, int index, const rf_pyramid *pyramid, int out,
                         int k, int stride, rf_deform deform);

/* What the first step of SRN's heads reads: the backbone's maps before the pyramid mixes them, [N,h,w,channels].
 * Strides of the backbone through a 1x1 convolution each ("step1.map1.."); beyond it a 3x3 stride-2 convolution of the
 * last map to half its channels, the next of that one to `channels` ("step1.down1.."), and 1x1 as well. Levels that are
 * not `wanted` become RF_NONE. Strides are those that rf_fpn took. */
void rf_step1_maps(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *pyramid,
                   const bool *wanted, rf_value *maps);

#endif
