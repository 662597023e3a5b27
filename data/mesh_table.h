/* SPDX-License-Identifier: Apache-2.0 */
/* The vertices of a data set's faces: a safetensors file beside the annotation file ("train/label.txt" ->
 * "train/label.mesh.safetensors", docs/formats.md), kept in one table so that faces carry an index only. */
#ifndef RF_DATA_MESH_TABLE_H
#define RF_DATA_MESH_TABLE_H

#include "core/mesh.h"
#include "data/dataset.h"
#include "detect/placement.h"

struct rf_mesh_table {
    size_t n_rows, n_vertices;
    float *xy;        /* [n_rows,n_vertices,2] pixels of the face's picture */
    int32_t *partner; /* [n_vertices] the vertex that each becomes in a mirror image; NULL: not known */
};

void rf_mesh_table_free(rf_mesh_table *table);

/* "dir/label.mesh.safetensors" for "dir/label.txt"; rf_free it. NULL when memory is out. */
char *rf_mesh_table_path(const char *annotation_path);

/* Reads the file beside the annotations into dataset->mesh and numbers the faces' rows. RF_ERR_IO without the file;
 * RF_ERR_FORMAT when its arrays do not fit the annotations or hold other than n_vertices vertices (0: any number). The
 * data set is then as it was. */
rf_status rf_dataset_read_mesh(rf_dataset *dataset, size_t n_vertices);
/* Mirror partners from the mesh's shape; needed before mirror images are asked for. `path` is for messages. */
rf_status rf_mesh_table_mirror(rf_mesh_table *table, const rf_mesh *mesh, const char *path);

/* Writes the file: line[n_rows] says which line of the annotations the face stands in. */
rf_status rf_mesh_table_write(const char *path, const int32_t *lines, const float *xy, size_t n_rows,
                              size_t n_vertices);

/* Vertex i of row `row` (face.mesh - 1) in the network input. A mirror image of a table without partners is not
 * possible: rf_mesh_table_mirror first. */
static inline void rf_mesh_table_vertex(const rf_mesh_table *table, size_t row, const rf_placement *placement, size_t i,
                                        float out[2]) {
    size_t from = placement->mirrored ? (size_t)table->partner[i] : i;
    rf_place(placement, table->xy + 2 * (row * table->n_vertices + from), out);
}

#endif
