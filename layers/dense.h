/* SPDX-License-Identifier: Apache-2.0 */
/* The mesh branch (RetinaFace's dense regression): a head on the context maps gives a code for an anchor, a decoder
 * shared by all levels turns the code into the mesh's vertices. Both run on gathered anchors only, so their cost
 * follows the number of faces instead of the number of anchors. */
#ifndef RF_LAYERS_DENSE_H
#define RF_LAYERS_DENSE_H

#include "settings/settings.h"
#include "core/mesh.h"
#include "layers/blocks.h"
#include "layers/mesh_levels.h"

enum { RF_DENSE_LEVELS = 8, RF_DENSE_GRAPH_CONVS = 4, RF_DENSE_POSE = 16 };

typedef struct rf_dense {
    int vertices, code; /* 0 vertices: there is no branch */
    int n_levels, cell_anchors, channels;
    rf_conv_pair head[RF_DENSE_LEVELS]; /* channels -> cell_anchors * code, 1x1 */
    rf_conv_pair decoder;               /* code -> 2 * vertices */
    /* Of model.mesh_kind = pixels, whose heads give 16 numbers of camera and light after the code: */
    bool pixels, turned, boxed; /* model.mesh_kind, mesh_camera = pose, mesh_frame = box */
    int order, width;
    double variance;     /* of the codec's centres */
    rf_conv_pair coarse; /* code -> vertices of the coarsest level * width */
    rf_conv_pair cheb[RF_DENSE_GRAPH_CONVS];
} rf_dense;

/* Makes the branch's parameters ("MeshHead.<level>.conv1x1", "MeshDecoder.basis") when model.mesh_vertices > 0. */
void rf_dense_params(rf_net *net, const rf_config *config, int n_levels, int cell_anchors, rf_dense *out);

/* Vertices [m,2*vertices] in the codec's units: (x - cx) / (w vc), (y - cy) / (h vc) of each row's anchor.
 * rows[level] [m,channels]: the context map's cell of the row's anchor, anything when the anchor is of another level;
 * slots[level] [m]: row * cell_anchors + anchor of the cell, or -1 when it is of another level. */
rf_value rf_dense_vertices(rf_graph *graph, const rf_dense *dense, const rf_value *rows, const rf_value *slots);

/* The codes [m,code (+ 16)] alone. */
rf_value rf_dense_code(rf_graph *graph, const rf_dense *dense, const rf_value *rows, const rf_value *slots);
/* A 1x1 convolution of rows [m,in]: [m,1,1,out]. */
rf_value rf_dense_rows_conv(rf_graph *graph, rf_value x, rf_conv_pair pair);

/* What model.mesh_kind = pixels makes of the same anchors. */
typedef struct rf_drawn {
    rf_value vertices;    /* as rf_dense_vertices */
    rf_value image, mask; /* [m,side,side,3] of the anchor's box, 0..1; [m,side,side] 1 where the mesh is */
    rf_value camera;      /* [m,7] place, point looked at, focal length */
} rf_drawn;
/* `levels` outlives the graph and has m copies of the start; side 0: vertices and camera only. */
rf_drawn rf_dense_draw(rf_graph *graph, const rf_dense *dense, const rf_mesh_levels *levels, const rf_value *rows,
                       const rf_value *slots, int side);
/* Its decoder's parameters; what the heads give at rest: a frontal camera and a light from above. */
void rf_dense_pixel_params(rf_net *net, const rf_config *config, rf_dense *out);
void rf_dense_rest(bool turned, bool boxed, double out[RF_DENSE_POSE]);

/* The branch alone for m anchors, evaluated: rows[level] [m,C] and slots[level] [m] are inputs. levels: of data.mesh,
 * with m copies, needed for model.mesh_kind = pixels; outlives the graph. RF_ERR_USER without model.mesh_vertices. */
typedef struct rf_dense_net {
    rf_value rows[RF_DENSE_LEVELS], slots[RF_DENSE_LEVELS];
    rf_value vertices; /* [m,2*vertices], kept */
    rf_dense dense;
} rf_dense_net;
rf_status rf_dense_build(rf_graph *graph, rf_params *params, const rf_config *config, int m,
                         const rf_mesh_levels *levels, rf_dense_net *out);

/* Opens data.mesh (relative to data.root); *path is for messages (rf_free it). RF_ERR_USER when the key is empty, or
 * the mesh has another number of vertices than the network. */
rf_status rf_open_mesh(const rf_config *config, rf_mesh *mesh, char **path);

/* Starts the decoder of a sealed store: the first eight numbers of the code are an affine map of the mesh into the
 * plane, which begins as the frontal mesh in the anchor's box; the others add small random fields. With pixels:
 * camera and light start at rest. RF_ERR_USER when the mesh has another number of vertices. */
rf_status rf_dense_start(rf_params *params, const rf_config *config, const rf_mesh *mesh, const char *path);

#endif
