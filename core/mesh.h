/* SPDX-License-Identifier: Apache-2.0 */
/* Triangle meshes of faces: Wavefront OBJ files and what follows from their shape. A mesh is in its maker's units, x to
 * the right of the picture when the face looks at the viewer, y up, z to the viewer. */
#ifndef RF_CORE_MESH_H
#define RF_CORE_MESH_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { RF_MESH_VERTICES_MAX = 16384, RF_MESH_TRIANGLES_MAX = 65536 };

/* Start zeroed; the arrays belong to the mesh. rf_mesh_free leaves an empty one. */
typedef struct rf_mesh {
    size_t n_vertices, n_triangles;
    float *vertices;    /* [n_vertices,3] x y z */
    float *colours;     /* [n_vertices,3] r g b, 0..1; NULL unless all vertices have them */
    int32_t *triangles; /* [n_triangles,3] vertices, from 0 */
} rf_mesh;

void rf_mesh_free(rf_mesh *mesh);

/* Reads the lines "v x y z" or "v x y z r g b" and "f a b c ..." (a, a/t, a/t/n or a//n; negative numbers count from
 * the end; polygons become fans) and skips all others. RF_ERR_FORMAT tells file:line; *out is then empty. */
rf_status rf_mesh_read(const char *path, rf_mesh *out);
/* The same from memory; `path` is for messages. */
rf_status rf_mesh_parse(const char *path, const char *text, size_t bytes, rf_mesh *out);
rf_status rf_mesh_write(const char *path, const rf_mesh *mesh);
/* The same as a text; rf_free it. */
rf_status rf_mesh_text(const rf_mesh *mesh, char **text);

/* partner[i] [n_vertices]: the vertex that vertex i becomes in the mirror image: the one nearest to its reflection in
 * the plane x = middle of the mesh. RF_ERR_FORMAT, with `path`, unless these are pairs (a vertex may be its own) that
 * lie within 2 % of the width of each other's reflection. */
rf_status rf_mesh_mirror(const rf_mesh *mesh, const char *path, int32_t *partner);

/* Smallest and largest coordinate along each axis. */
void rf_mesh_bounds(const rf_mesh *mesh, float lo[3], float hi[3]);

#endif
