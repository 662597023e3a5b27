/* SPDX-License-Identifier: Apache-2.0 */
/* The vertices of the faces that a finder keeps: while passes run it notes what the mesh branch needs of each
 * candidate, and once the merge has chosen it runs the branch for the survivors only. */
#ifndef RF_EVAL_MESH_FINDER_H
#define RF_EVAL_MESH_FINDER_H

#include "autograd/exec.h"
#include "settings/settings.h"
#include "detect/anchors.h"
#include "detect/codec.h"
#include "detect/faces.h"
#include "layers/detector.h"

typedef struct rf_mesh_finder rf_mesh_finder;

/* A pass of the network: where its candidates come from and how they return to the picture. */
typedef struct rf_mesh_pass {
    rf_exec *exec;
    const rf_detector *detector;
    const rf_anchor_set *anchors;
    bool flipped;
    double fx, fy; /* pixels of the picture a pixel of the input */
    int x, y;      /* where the input begins, in its pixels: a tile's place */
    int width;     /* of what shows the picture, for mirrored passes */
} rf_mesh_pass;

/* *out NULL unless eval.mesh and model.mesh_vertices say that there is something to find. With eval.flip (or SRN's
 * schedule, which flips) data.mesh is read, whose symmetry tells what left and right are. */
rf_status rf_mesh_finder_open(const rf_config *config, rf_params *params, const rf_codec *codec, rf_mesh_finder **out);
void rf_mesh_finder_close(rf_mesh_finder *finder);

/* A new image begins. */
void rf_mesh_finder_begin(rf_mesh_finder *finder);
/* Notes a candidate of a pass that has just run; face->mesh is 1 + its anchor and becomes 1 + its note. */
rf_status rf_mesh_finder_note(rf_mesh_finder *finder, const rf_mesh_pass *pass, rf_face *face);
/* Fills faces->vertices, pixels of the picture; face.mesh of each item becomes 1 + its row. */
rf_status rf_mesh_finder_end(rf_mesh_finder *finder, rf_face_list *faces);

#endif
