/* SPDX-License-Identifier: Apache-2.0 */
/* Class, box and landmark heads: 1x1 convolutions with bias on every level. */
#ifndef RF_LAYERS_HEADS_H
#define RF_LAYERS_HEADS_H

#include "layers/blocks.h"

/* model.maxout, of class heads: at the first level the background's logit is the largest of three (S3FD, arXiv
 * 1708.05237, section 3.3), with BOTH at all others the face's (PyramidBox, arXiv 1803.07737, section 3.3). */

typedef struct rf_head_spec {
    const char *name;   /* "ClassHead" */
    int anchors, width; /* of a cell; numbers for each of them */
    bool share;         /* all levels use the convolution of the first */
    rf_maxout maxout;   /* needs width 2, and no `share` */
} rf_head_spec;

/* Outputs of n levels [N,h,w,C] as one array [N, sum(h*w*anchors), width] in anchor order (level, row, column, anchor):
 * the channels of a head are anchor*width + k, so NHWC rows need no transpose. Names "<name>.<level>.conv1x1". A level
 * that is RF_NONE has no head and no rows. maps (NULL: not wanted) [n] gets the outputs before they become rows, where
 * there are heads. */
rf_value rf_heads(rf_net *net, const rf_head_spec *spec, const rf_value *levels, int n, rf_value *maps);

/* The same from maps [N,h,w,anchors*width] that are there, in the scope `name`; RF_NONE when all are RF_NONE. */
rf_value rf_head_rows(rf_net *net, const rf_value *maps, int n, const char *name, int anchors, int width);

#endif
