/* SPDX-License-Identifier: Apache-2.0 */
/* From the layers of a network to the nodes of an ONNX graph (internal to the ONNX exporter). Activations are NCHW. */
#ifndef RF_EXPORT_ONNX_NET_H
#define RF_EXPORT_ONNX_NET_H

#include "detect/spec.h"
#include "export/graph.h"
#include "export/onnx_model.h"

typedef struct rf_onnx_build {
    const rf_export_model *model;
    const rf_export_options *options;
    rf_detect_spec spec;
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
rf_status rf_onnx_anchors(rf_onnx_build *b);
/* boxes, scores, points (and image for batches) as outputs. */
rf_status rf_onnx_faces(rf_onnx_build *b);

/* The map of an output, anchors' channels in front, as rows in anchor order, [N,h*w*anchors,width]; called once. */
const char *rf_onnx_map_rows(rf_onnx_build *b, const rf_output *output);
/* Rows of levels, ending in NULL, as those of all anchors. */
const char *rf_onnx_join(rf_onnx_build *b, const char *const *rows, const char *name);
/* Probabilities of all anchors [N,A,kinds + 1], those of background first: "conf". */
const char *rf_onnx_classes(rf_onnx_build *b);

/* The rows of a level's anchors: [N,A,4] and [N,A,2 x points], NULL without landmarks. */
typedef struct rf_onnx_rows {
    const char *box, *points;
} rf_onnx_rows;
/* By the model's coders (export/decoding.h). anchors [A,4] cx cy w h: corners and points in pixels. anchors NULL: rows
 * as the network says them, of a cascade as if there were one stage. RF_ERR_USER: the coders cannot be translated. */
rf_status rf_onnx_decode(rf_onnx_build *b, int level, const char *anchors, rf_onnx_rows *out);
/* min(max(x, least), most): Clip in networks that find faces, else most - relu(most - least - relu(x - least)), since
 * OpenCV reads Clip with limits from 4.7 on. */
const char *rf_onnx_limit(rf_onnx_build *b, const char *x, float least, float most, const char *name);

/* The class map of a level, of the last stage that has one. */
const char *rf_onnx_level_map(const rf_onnx_build *b, int level);

/* Columns [from,to) of the last of `axis` + 1 dimensions; a node of two inputs. Both return `name`. */
const char *rf_onnx_columns(rf_onnx_build *b, const char *x, int axis, int from, int to, const char *name);
const char *rf_onnx_binary(rf_onnx_build *b, const char *op, const char *x, const char *y, const char *name);

#endif
