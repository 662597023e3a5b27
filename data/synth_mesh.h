/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic faces made of a given mesh: it is fitted into the head's frame, varies with the head's measures, and its
 * vertices' places in the picture are exact. */
#ifndef RF_DATA_SYNTH_MESH_H
#define RF_DATA_SYNTH_MESH_H

#include "core/mesh.h"
#include "data/synth_head.h"

struct rf_synth_mesh {
    rf_mesh mesh;       /* as read */
    float *fitted;      /* [n_vertices,3] head units: hairline to chin, cheek to cheek, y down */
    int32_t *triangles; /* [n_triangles,3] turned so that they are seen from in front */
};

/* Fits a mesh (taken over, also on failure). RF_ERR_FORMAT, with `path`, for a flat one. */
rf_status rf_synth_mesh_make(const char *path, rf_mesh *mesh, rf_synth_mesh **out);
void rf_synth_mesh_free(rf_synth_mesh *mesh);

/* Vertex i of the head's face in picture pixels; z is pixels to the viewer. */
void rf_synth_mesh_project(const rf_head *head, size_t i, float out[3]);
/* rf_head_annotate for a head whose face is a mesh: the box of its vertices; landmarks lie on its surface. */
void rf_synth_mesh_annotate(const rf_head *head, rf_face *face, float points[2 * RF_POINTS]);

/* A face mesh of our own making: the front of an average head of these pictures, symmetric, across x down vertices.
 * across is odd, both at least 3. */
rf_status rf_synth_mesh_grid(int across, int down, rf_mesh *out);
/* Its vertices nearest to the five landmarks, from 0. */
void rf_synth_mesh_landmarks(int across, int down, int vertex[RF_POINTS]);

#endif
