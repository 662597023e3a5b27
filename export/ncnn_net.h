/* SPDX-License-Identifier: Apache-2.0 */
/* A network as ncnn's files describe it: layers in order of execution, joined by named blobs. The exporter builds one
 * from a graph and writes it; the reader makes one from files. */
#ifndef RF_EXPORT_NCNN_NET_H
#define RF_EXPORT_NCNN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { RF_NCNN_MAGIC = 7767517, RF_NCNN_IDS = 16, RF_NCNN_ENDS = 16, RF_NCNN_LAYERS_MOST = 4096, RF_NCNN_NAME = 128 };
/* The word in front of a convolution's weights. */
#define RF_NCNN_FLAG_FLOAT 0u
#define RF_NCNN_FLAG_HALF 0x01306B47u

typedef enum rf_ncnn_type {
#define RF_NCNN_LAYER(type, ...) RF_NCNN_##type,
#define RF_NCNN_PARAM(...)
#define RF_NCNN_SAME(...)
#include "export/ncnn_layers.def"
#undef RF_NCNN_LAYER
#undef RF_NCNN_PARAM
#undef RF_NCNN_SAME
    RF_NCNN_TYPES
} rf_ncnn_type;

typedef struct rf_ncnn_schema {
    const char *name;
    int in_least, in_most, out_least, out_most;
} rf_ncnn_schema;
extern const rf_ncnn_schema rf_ncnn_schemas[RF_NCNN_TYPES];

typedef enum rf_ncnn_kind { RF_NCNN_INT, RF_NCNN_REAL, RF_NCNN_REALS } rf_ncnn_kind;

typedef struct rf_ncnn_param {
    rf_ncnn_type type;
    int id;
    const char *name;
    rf_ncnn_kind kind;
    int same_as; /* id whose value is the default; -1: `initial` is */
    double initial, least, most;
} rf_ncnn_param;
extern const rf_ncnn_param rf_ncnn_params[];
extern const size_t rf_ncnn_param_count;

typedef struct rf_ncnn_layer {
    rf_ncnn_type type;
    char *name;
    int n_in, n_out, in[RF_NCNN_ENDS], out[RF_NCNN_ENDS]; /* indices into blobs */
    double value[RF_NCNN_IDS];                            /* by id, defaults filled in; floats hold a float's value */
    uint32_t given;                                       /* bit id: stands in the file */
    float *weight, *bias; /* [n_weight] convolution: [O][I/groups][Kh][Kw]; scale: [C]. [n_bias] */
    size_t n_weight, n_bias;
    bool half; /* weight is stored in half precision, its values are such */
} rf_ncnn_layer;

typedef struct rf_ncnn_net {
    rf_ncnn_layer *layers;
    char **blobs; /* names */
    int n_layers, layer_capacity, n_blobs, blob_capacity;
} rf_ncnn_net;

/* Frees what a net holds and empties it. */
void rf_ncnn_net_free(rf_ncnn_net *net);

/* Index of a new blob or -1 (no memory); the name is copied. find: -1 when there is none of that name. */
int rf_ncnn_blob_add(rf_ncnn_net *net, const char *name);
int rf_ncnn_blob_find(const rf_ncnn_net *net, const char *name);

/* A new last layer without inputs, outputs and given parameters, or NULL (no memory). Valid until the next add. */
rf_ncnn_layer *rf_ncnn_layer_add(rf_ncnn_net *net, rf_ncnn_type type, const char *name);
void rf_ncnn_give(rf_ncnn_layer *layer, int id, double value);
/* After the last rf_ncnn_give: fills in the defaults of what was not given, sets n_weight and n_bias from them. */
void rf_ncnn_layer_finish(rf_ncnn_layer *layer);
/* Zeroed weight and bias of these sizes. RF_ERR_NOMEM. */
rf_status rf_ncnn_layer_allocate(rf_ncnn_layer *layer);

/* The description of a parameter, or NULL when the layer has none of that id. */
const rf_ncnn_param *rf_ncnn_param_find(rf_ncnn_type type, int id);

/* Every blob has one producer, which comes before its one consumer (outputs of the network have none); numbers of
 * inputs and outputs, ranges of parameters, channels and sizes of weights fit; names are distinct. RF_ERR_FORMAT names
 * the layer; `path` starts the message. */
rf_status rf_ncnn_check(const char *path, const rf_ncnn_net *net);

/* Layers, names, blobs, parameters and weights are the same; RF_ERR_FORMAT tells the first difference of `got`, read
 * from `path`. */
rf_status rf_ncnn_compare(const char *path, const rf_ncnn_net *expected, const rf_ncnn_net *got);

#endif
