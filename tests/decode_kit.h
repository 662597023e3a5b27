/* SPDX-License-Identifier: Apache-2.0 */
/* Faces of rows that a test has in memory, by the nodes of detect/decode.h in a graph of their own. */
#ifndef RF_TESTS_DECODE_KIT_H
#define RF_TESTS_DECODE_KIT_H

#include "detect/decode.h"

/* Of n anchors: cls [n,2], loc [n,4], points [n,2 x n_points], blur [n,1], visible [n,n_points]; NULL: the stage does
 * not predict it. */
typedef struct kit_stage {
    const float *cls, *loc, *points, *blur, *visible;
} kit_stage;

/* Appends the faces with at least that score; face.mesh is 1 + the anchor. */
rf_status kit_decode_stages(const rf_codec *codec, const float *anchors, size_t n, const kit_stage *stages,
                            int n_stages, float drop_below, float score, rf_face_list *out);
/* The same with one stage. */
rf_status kit_decode_faces(const rf_codec *codec, const float *anchors, size_t n, const float *cls, const float *loc,
                           const float *points, float score, rf_face_list *out);
/* The same with all that a level can say; spec->first and spec->count are set here. */
rf_status kit_decode_level(const rf_codec *codec, const float *anchors, size_t n, const kit_stage *stages, int n_stages,
                           const rf_level_spec *spec, rf_face_list *out);

#endif
