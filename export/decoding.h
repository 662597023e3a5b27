/* SPDX-License-Identifier: Apache-2.0 */
/* What turns rows into boxes and points, as exporters want it: the coders of a model append their nodes to a small
 * graph of its own (layers/coder.h), and an exporter translates these, so that none of them knows a formula. */
#ifndef RF_EXPORT_DECODING_H
#define RF_EXPORT_DECODING_H

#include "detect/codec.h"
#include "export/graph.h"

enum { RF_DECODING_ROWS = 7 }; /* in the graph; every row is for itself, so a translation takes any number */

/* The nodes of a level. Values whose name is RF_NONE are not there. */
typedef struct rf_decoding {
    rf_graph *graph;
    rf_value anchors;                                   /* [rows,4] cx cy w h */
    rf_value loc[RF_NET_STAGES], points[RF_NET_STAGES]; /* [rows,width] what each stage of heads says */
    rf_value box, landmarks; /* results, [rows,4] x1 y1 x2 y2 and [rows,2 x points], in pixels; of rf_decoding_compose
                                rows [rows,width] relative to the anchors as if there were one stage */
    bool *used;              /* [values] whether the results depend on it */
    const char *coders;      /* for messages: "delta and delta_points" */
    char text[140];
} rf_decoding;

/* From what all stages say of a level to a face. Free in every case. RF_ERR_USER: a coder's nodes are not row by row.
 */
rf_status rf_decoding_make(const rf_export_net *net, const rf_codec *codec, int level, rf_decoding *out);
/* From that to rows of one stage. RF_ERR_USER: the coders cannot be composed. */
rf_status rf_decoding_compose(const rf_export_net *net, const rf_codec *codec, int level, rf_decoding *out);
/* A coder alone: loc[0] to box, here cx cy w h, or points[0] to landmarks. RF_ERR_USER as above. */
rf_status rf_decoding_one(const rf_coder *coder, const rf_codec *codec, int width, rf_decoding *out);
void rf_decoding_free(rf_decoding *decoding);

typedef enum rf_primitive_kind {
    RF_PRIMITIVE_SLICE,   /* count columns of `axis` from `start` on */
    RF_PRIMITIVE_RESHAPE, /* to `shape`; rows stay rows */
    RF_PRIMITIVE_CONCAT,  /* along `axis` */
    RF_PRIMITIVE_SCALE,   /* a x */
    RF_PRIMITIVE_SHIFT,   /* x + a */
    RF_PRIMITIVE_CLAMP,   /* min(max(x, a), b) */
    RF_PRIMITIVE_EXP,
    RF_PRIMITIVE_SIGMOID,
    RF_PRIMITIVE_RELU,
    RF_PRIMITIVE_ADD, /* the second input is broadcast as NumPy does */
    RF_PRIMITIVE_MUL
} rf_primitive_kind;

/* One node. Numbers are floats. */
typedef struct rf_primitive {
    rf_primitive_kind kind;
    const char *name; /* of the op: "slice" */
    rf_value in[RF_MAX_INPUTS], out;
    int n_in;
    int axis, start, count; /* axis from 1: the rows are never cut */
    float a, b;
    rf_shape shape; /* of the output, [RF_DECODING_ROWS, ...] */
} rf_primitive;

/* Node i in 0 .. rf_graph_node_count - 1, in the order of their work. Those whose output is not used are left out. */
rf_primitive rf_decoding_node(const rf_decoding *decoding, int i);

#endif
