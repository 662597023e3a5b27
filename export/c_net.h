/* SPDX-License-Identifier: Apache-2.0 */
/* A network as the generated C file runs it: numbered maps, a table of steps, one array of weights. Internal to the
 * exporter `c`. */
#ifndef RF_EXPORT_C_NET_H
#define RF_EXPORT_C_NET_H

#include "export/graph.h"

enum { RF_C_PANEL = 8, RF_C_MAX_KERNEL = 7, RF_C_HEADER_BYTES = 24, RF_C_FILE_VERSION = 1 }; /* as in export/c/ */

typedef struct rf_c_step {
    const rf_export_layer *layer, *before; /* before: a depth-wise convolution done row by row inside; NULL: none */
    rf_value value;                        /* what it writes: of a CONCAT layer the input that it copies */
    int in, add, out, channel;             /* maps; see struct layer in export/c/base.c */
    bool winograd;                         /* by Winograd's method (export/c/winograd.c) */
    size_t weights, before_weights;        /* places in the array */
} rf_c_step;

typedef struct rf_c_net {
    rf_export_net net;
    rf_c_step *steps;
    int n_steps;
    int *map_of, *channel_of; /* [values] the map that holds a value, and from which channel on; -1: none */
    int *map_channels;        /* [n_maps] */
    int n_maps;               /* map 0 is the picture */
    size_t weights;           /* floats in the array, panels padded */
    int winograd_channels;    /* largest sum of inputs and outputs of such a step */
    double multiply_adds;     /* of one picture of the built size, by the plain method */
    double products;          /* what the generated code needs */
    int h, w;                 /* the built size */
} rf_c_net;

/* RF_ERR_USER names the layer that the generated kernels cannot do. Free in every case. */
rf_status rf_c_net_make(const rf_export_model *model, const rf_export_options *options, rf_c_net *out);
void rf_c_net_free(rf_c_net *net);

/* Fills to[net->weights] with the weights in the layout of the generated file. */
void rf_c_weights_pack(const rf_c_net *net, float *to);
/* Compares an array in that layout with the model's; RF_ERR_FORMAT names the layer that differs. */
rf_status rf_c_weights_compare(const rf_c_net *net, float *packed, const char *path);

#endif
