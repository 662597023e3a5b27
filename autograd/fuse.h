/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites a training graph so that normalisation costs no passes over memory: a convolution followed by bn_act becomes
 * norm_conv2d (or norm_dwconv2d), which gathers the moments, and bn_scale, which turns them into a few numbers a
 * channel; convolutions that read the result normalise it on the way. Where another op reads it, norm_act stores it.
 * The same function is computed, with other roundings. */
#ifndef RF_AUTOGRAD_FUSE_H
#define RF_AUTOGRAD_FUSE_H

#include "autograd/graph.h"

/* After all forward nodes were added and before rf_graph_backward. Values keep their numbers and names; those of
 * normalised maps that are never stored are no longer computed. bf16: factors of 1x1 products of 32x64 channels and
 * more are rounded to bfloat16 (narrower ones would be slower); RF_ERR_USER where the processor cannot. RF_ERR_NOMEM,
 * or the graph's status. */
rf_status rf_graph_fuse(rf_graph *graph, bool bf16);

#endif
