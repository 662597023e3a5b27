/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs of the network's heads to faces. */
#ifndef RF_DETECT_DECODE_H
#define RF_DETECT_DECODE_H

#include <stddef.h>

#include "core/status.h"
#include "detect/codec.h"
#include "detect/faces.h"

/* Appends the faces with softmax score >= score_threshold; face.mesh is 1 + the anchor. Only these are decoded. Shapes,
 * n anchors: anchors [n,4] cx cy w h pixels, cls [n,2] logits (background, face), loc [n,4], points [n,2 x
 * codec->n_points] or NULL (faces without landmarks). RF_ERR_NONFINITE, with the anchor's index, when a score is NaN or
 * a face above the threshold is not finite; RF_ERR_NOMEM. The list then holds some of the faces. */
rf_status rf_decode_faces(const rf_codec *codec, const float *anchors, size_t n, const float *cls, const float *loc,
                          const float *points, float score_threshold, rf_face_list *out);

/* What one stage of heads says of n anchors, as above; NULL: it does not predict that here. points without loc: none.
 */
typedef struct rf_stage_rows {
    const float *cls, *loc, *points;
    const float *blur, *visible; /* [n,1], [n,n_points]; those of the last stage count */
} rf_stage_rows;

/* The same for stages of a cascade (insightface, rcnn/PY_OP/cascade_refine.py; arXiv 1905.00641, CVPR 2020): each box
 * is decoded on top of the box of the stage before, the last stage that classifies gives the score, landmarks are those
 * of the last stage that has them, relative to the box that this stage starts from. Some stage has cls. Anchors for
 * which an earlier stage has a logit (face - background) below drop_below are left out; -INFINITY: none. */
rf_status rf_decode_stages(const rf_codec *codec, const float *anchors, size_t n, const rf_stage_rows *stages,
                           int n_stages, float drop_below, float score_threshold, rf_face_list *out);

#endif
