/* SPDX-License-Identifier: Apache-2.0 */
/* The mesh part of the multi-task loss (RetinaFace, CVPR 2020, section 3.2):
 *   L_mesh = L_vert + l0 L_edge, L_vert = 1/N sum_i |V_i - V*_i|_1, L_edge = 1/(3M) sum_e |E_e - E*_e|_1
 * for N vertices and the 3M edges of M triangles, as a mean over positive anchors whose face has vertices. It is a term
 * of any loss with anchors (train/term_kind.h); this is what else is to know of it. */
#ifndef RF_TRAIN_TERM_MESH_H
#define RF_TRAIN_TERM_MESH_H

#include "settings/settings.h"
#include "core/mesh.h"

/* Opens data.mesh (relative to data.root); *path is for messages (rf_free it). RF_ERR_USER when the key is empty. */
rf_status rf_open_mesh(const rf_config *config, rf_mesh *mesh, char **path);

#endif
