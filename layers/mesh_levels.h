/* SPDX-License-Identifier: Apache-2.0 */
/* What the graph-convolution decoder of the mesh needs of the mesh's shape: coarser and coarser sets of its vertices,
 * matrices that lead from one to the next finer, and the scaled Laplacian of each (arXiv 1606.09375):
 *   L~ = 2 L / lambda - I, L = D - E, with Gershgorin's bound 2 max D in place of the largest eigenvalue lambda. */
#ifndef RF_LAYERS_MESH_LEVELS_H
#define RF_LAYERS_MESH_LEVELS_H

#include "autograd/graph.h"
#include "core/mesh.h"

enum { RF_MESH_LEVELS = 3 }; /* a sixteenth, a quarter and all of the vertices */

/* A sparse matrix as the op mesh_mix reads it. */
typedef struct rf_mesh_matrix {
    int rows, n;
    rf_real *at, *value; /* [n,2] row and column, [n] */
} rf_mesh_matrix;

typedef struct rf_mesh_levels {
    int vertices[RF_MESH_LEVELS];             /* coarse to fine */
    rf_mesh_matrix laplace[RF_MESH_LEVELS];   /* L~ */
    rf_mesh_matrix finer[RF_MESH_LEVELS - 1]; /* from level i to i + 1: three nearest by inverse distance */
    rf_real *start;                           /* [copies,vertices,6] x y z in -1..1, y up, and a grey */
    rf_real *triangles;                       /* [n_triangles,3] */
    int copies, n_triangles;
} rf_mesh_levels;

/* Vertices of level `level` for a mesh of n. */
int rf_mesh_level_size(int n, int level);

/* Coarse vertices are chosen farthest first from the one before, coarse edges join the cells of joined vertices.
 * `copies`: rows of the graph that will add `start`. RF_ERR_NOMEM leaves *out empty; rf_mesh_levels_free. */
rf_status rf_mesh_levels_make(const rf_mesh *mesh, int copies, rf_mesh_levels *out);
void rf_mesh_levels_free(rf_mesh_levels *levels);

#endif
