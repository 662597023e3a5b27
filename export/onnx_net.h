/* SPDX-License-Identifier: Apache-2.0 */
/* From the layers of a network to the nodes of an ONNX graph (internal to the ONNX exporter). Activations are NCHW. */
#ifndef RF_EXPORT_ONNX_NET_H
#define RF_EXPORT_ONNX_NET_H

#include "export/graph.h"
#include "export/onnx_model.h"

#define RF_CODEC_LOG_LIMIT 6.9077553f /* of detect/coders/delta.c */

typedef struct rf_onnx_build {
    const rf_export_model *model;
    const rf_export_options *options;
    const rf_export_net *net; /* of rf_export_sample_size */
    rf_onnx_model *onnx;
    const char **names; /* [values] of the ONNX graph */
    bool dynamic;       /* height and width are open */
} rf_onnx_build;

/* Input (and preprocessing), layers; names[] of the maps of every level afterwards: face_cls_stride8 ... */
void rf_onnx_network(rf_onnx_build *b);
/* The maps themselves as outputs. */
void rf_onnx_raw(rf_onnx_build *b);
/* loc, conf, landms as outputs, in the order of biubug6's exporter. */
void rf_onnx_anchors(rf_onnx_build *b);
/* boxes, scores, points (and image for batches) as outputs. */
rf_status rf_onnx_faces(rf_onnx_build *b);

/* The rows of all anchors: loc [N,A,4], conf [N,A,2], landms [N,A,10] (NULL without landmarks); loc and landms relative
 * to the anchors also of a cascade. */
typedef struct rf_onnx_rows {
    const char *loc, *conf, *landms;
} rf_onnx_rows;
rf_onnx_rows rf_onnx_rows_add(rf_onnx_build *b);

/* The class map of a level, of the last stage that has one. */
const char *rf_onnx_level_map(const rf_onnx_build *b, int level);

/* Columns [from,to) of the last of `axis` + 1 dimensions; a node of two inputs. Both return `name`. */
const char *rf_onnx_columns(rf_onnx_build *b, const char *x, int axis, int from, int to, const char *name);
const char *rf_onnx_binary(rf_onnx_build *b, const char *op, const char *x, const char *y, const char *name);

#endif
