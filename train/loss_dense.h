/* SPDX-License-Identifier: Apache-2.0 */
/* The mesh part of the multi-task loss (RetinaFace, CVPR 2020, section 3.2):
 *   L_mesh = L_vert + l0 L_edge, L_vert = 1/N sum_i |V_i - V*_i|_1, L_edge = 1/(3M) sum_e |E_e - E*_e|_1
 * for N vertices and the 3M edges of M triangles, as a mean over positive anchors whose face has vertices. */
#ifndef RF_TRAIN_LOSS_DENSE_H
#define RF_TRAIN_LOSS_DENSE_H

#include "detect/spec.h"
#include "train/loss.h"

typedef struct rf_dense_loss rf_dense_loss;

/* *out NULL without model.mesh_vertices. Reads the mesh data.mesh. The anchors are borrowed. */
rf_status rf_dense_loss_make(const rf_config *config, int n, const rf_anchor_set *anchors, const rf_codec *codec,
                             rf_dense_loss **out);
void rf_dense_loss_free(rf_dense_loss *loss);

/* Appends the branch and its terms: their weighted sum, and both parts for the log. `after` is a value that exists once
 * the anchors of the step are matched; matches [n] is borrowed and filled by then. */
rf_status rf_dense_loss_build(rf_dense_loss *loss, rf_graph *graph, const rf_detector *detector, rf_value after,
                              const rf_match *matches, rf_term_list *terms);
/* The faces of the coming step; borrowed. */
void rf_dense_loss_set_batch(rf_dense_loss *loss, const rf_loss_batch *batch);

/* Opens data.mesh (relative to data.root); *path is for messages (rf_free it). RF_ERR_USER when the key is empty. */
rf_status rf_open_mesh(const rf_config *config, rf_mesh *mesh, char **path);

#endif
