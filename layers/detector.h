/* SPDX-License-Identifier: Apache-2.0 */
/* The detectors as wholes: backbone, feature pyramid, context modules, heads. */
#ifndef RF_LAYERS_DETECTOR_H
#define RF_LAYERS_DETECTOR_H

#include "settings/settings.h"
#include "layers/blocks.h"
#include "layers/branch.h"
#include "layers/output.h"

/* Anchor order of the rows: level (ascending stride), row, column, anchor of the cell. Owned by the caller; nothing to
 * free. In a graph the rows of an output are called as it is, those of stage k > 1 "cls2" ... */
typedef struct rf_detector {
    rf_value input;                   /* [N,H,W,3] "input" */
    rf_output_list outputs;           /* by stage, level and, of these, cls, loc, points, ... */
    rf_value features[RF_NET_LEVELS]; /* [N,h,w,C] what the heads read, of a cascade those of the level's first stage */
    size_t anchors;
    rf_value maps[RF_NET_LEVELS]; /* the pyramid, [N,h,w,channels] */
    rf_branch_list branches;      /* what hangs on it besides */
    int n_levels;
    int stride[RF_NET_LEVELS], h[RF_NET_LEVELS], w[RF_NET_LEVELS]; /* of each level: h = ceil(H/stride) */
    int cell_anchors;                                              /* anchors of a cell */
} rf_detector;

/* The parameter store of the configured network: entries and arrays, all zero (rf_params_init, rf_weights_load fill
 * it). RF_ERR_USER when [model] or [anchors] describe no possible network. */
rf_status rf_detector_params(const rf_config *config, rf_params **out);

/* Appends the network for n images of h x w pixels to an empty graph and keeps its outputs. params comes from
 * rf_detector_params with the same configuration, belongs to the caller and outlives the graph. RF_EVAL reads the
 * folded weights: they are made here when there are none since the last initialisation or load; after training steps,
 * or for an average of the weights, call rf_params_fold first. */
rf_status rf_detector_build(rf_graph *graph, rf_params *params, const rf_config *config, int n, int h, int w,
                            rf_mode mode, rf_detector *out);

/* The state of a branch (layers/branch.h), NULL: this detector does not have it. */
const void *rf_detector_branch(const rf_detector *detector, const char *name);

/* ---- for families (layers/family.h) ---- */

/* A net with what [model] and [optim] say for all families. */
rf_net rf_detector_net(rf_graph *graph, rf_params *params, const rf_config *config, rf_mode mode);
/* Fills levels and anchors; out->maps, one a level, are there. */
void rf_detector_levels(rf_net *net, const int *strides, int n_levels, int cell_anchors, rf_detector *out);
/* Lists what one stage of heads says under one name: name, width, head_stage, training, coder and rows of `what`, which
 * are kept and get its name, those of a later stage with its number. maps [levels]: of which they are made; NULL: they
 * are cut from others. at [levels]: which levels have rows; NULL: all. */
rf_status rf_detector_list(rf_net *net, rf_detector *detector, const rf_output *what, const rf_value *maps,
                           const bool *at);

/* One line of the layer table: a block of the network. */
typedef struct rf_layer_row {
    char name[RF_NAME_BYTES]; /* "body.layer1.0" */
    rf_shape shape;           /* output for one image */
    size_t params;            /* learnable values */
    double mflops;            /* forward, a multiply-add counts as 2 */
} rf_layer_row;

/* The layers of the configured network for one image of h x w, in order (rf_free *rows). Their params sum up to the
 * network's; shared heads count in the first level's rows. */
rf_status rf_detector_table(const rf_config *config, int h, int w, rf_layer_row **rows, size_t *count);

#endif
