/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the mesh losses, shared by term_mesh.c (annotated vertices) and term_mesh_pixels.c (drawn meshes). */
#ifndef RF_DETECTORS_MESH_TERM_MESH_STATE_H
#define RF_DETECTORS_MESH_TERM_MESH_STATE_H

#include "layers/dense.h"
#include "layers/mesh_levels.h"
#include "detect/loss/loss_stage.h"
#include "detect/loss/term_kind.h"

enum { RF_DENSE_INDEX, RF_DENSE_SLOT, RF_DENSE_TARGETS }; /* outputs of the host node that both forms have */

typedef struct rf_dense_loss {
    const rf_anchor_set *anchors;
    rf_codec codec;
    const rf_match *matches; /* [n] */
    const rf_loss_batch *batch;
    int n, rows; /* images, loss.mesh_anchors */
    double weight;
    uint64_t *picks; /* [rows] image * A + anchor */
    size_t n_picks;
    const rf_call *call; /* while the node runs */
    /* vertices */
    size_t n_vertices, n_edges;
    bool vector;
    double edge_weight;
    rf_real *edges; /* [n_edges,2] */
    /* pixels */
    bool pixels;
    int side;
    bool boxed, pointed; /* model.mesh_frame = box; model.mesh_points name vertices */
    int n_points;        /* of a face */
    double points_weight;
    rf_real *points; /* [rows,5] rows of the drawn vertices [rows * n_vertices] */
    rf_mesh_levels levels;
    double mean[3], std[3]; /* of R, G, B, 0..255 */
    int channel[3];         /* of the input that is R, G, B */
} rf_dense_loss;

/* Picks the anchors of the step, then runs `write` for the rows. */
rf_status rf_dense_loss_assign(rf_dense_loss *loss, const rf_call *call, void (*write)(void *, size_t, size_t));
/* Writes where row m finds its cell and its anchor's code; false when the row is not used. */
bool rf_dense_loss_place(const rf_dense_loss *loss, size_t m, size_t *image, size_t *anchor);
/* The face that anchor `a` of an image is to find, or NULL. */
const rf_face *rf_dense_loss_face(const rf_dense_loss *loss, size_t image, size_t a);
/* The gathered cells and slots of each level from the host node's outputs. */
void rf_dense_loss_gather(const rf_dense_loss *loss, rf_graph *graph, const rf_detector *detector, rf_value targets,
                          rf_value *rows, rf_value *slots);

rf_status rf_pixel_loss_make(const rf_config *config, const rf_mesh *mesh, rf_dense_loss *loss);
rf_value rf_pixel_loss_build(rf_dense_loss *loss, rf_graph *graph, const rf_detector *detector, rf_value after,
                             rf_value *photo, rf_value *points);

#endif
