/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs of the network's heads to faces, as nodes that follow them in their graph: the rows whose score is high
 * enough are selected (autograd/ops/select.c) and only these are decoded (detect/codec.h). */
#ifndef RF_DETECT_DECODE_H
#define RF_DETECT_DECODE_H

#include "autograd/exec.h"
#include "detect/codec.h"
#include "detect/faces.h"
#include "layers/output_kind.h"

/* What one stage of heads says of a level: rows of [1,rows,width] or [rows,width] values from `cls_first` or
 * `box_first` on. RF_NONE, or a negative first row: it does not predict that here. */
typedef struct rf_stage_rows {
    rf_value cls, loc, points;
    rf_value extra[RF_EXTRAS_MAX]; /* of the network's rf_extras; those of the last stage count */
    long cls_first, box_first;
} rf_stage_rows;

/* What to decode of a level. */
typedef struct rf_level_spec {
    size_t first, count; /* its anchors */
    float score;         /* lowest softmax score of a face, of several kinds that of the best */
    float drop_below;    /* anchors for which an earlier stage has a logit (face - background) below this are left out;
                            -INFINITY: none */
    size_t top_k;        /* only the best so many, of equal scores the earlier; 0: all */
    float factor;        /* of the scores, afterwards */
} rf_level_spec;

/* The faces of a level, kept: as many rows as rf_exec_rows tells, in the order of the anchors. */
typedef struct rf_decoded {
    size_t first;
    rf_value index;  /* [n] anchor, counted from `first` */
    rf_value score;  /* [n] */
    rf_value label;  /* [n] the kind of that score; RF_NONE: there is one kind */
    rf_value box;    /* [n,4] x1 y1 x2 y2, pixels of the input */
    rf_value points; /* [n,2 x n_points] pixels; RF_NONE: no landmarks */
    rf_extras extras;
    rf_value extra[RF_EXTRAS_MAX]; /* [n,width of each]; RF_NONE: not predicted */
} rf_decoded;

/* Appends the nodes of a level. anchors: [A,4] cx cy w h pixels, of all levels. In a cascade (insightface,
 * rcnn/PY_OP/cascade_refine.py; arXiv 1905.00641, CVPR 2020) each box is decoded on top of the box of the stage before,
 * the last stage that classifies gives the score, landmarks are those of the last stage that has them, relative to the
 * box that this stage starts from. Some stage has cls. extras: what else the network predicts; NULL: nothing. Errors
 * are the graph's. */
void rf_decode_level(rf_graph *graph, const rf_codec *codec, rf_value anchors, const rf_stage_rows *stages,
                     int n_stages, const rf_level_spec *spec, const rf_extras *extras, rf_decoded *out);

/* Appends the faces that a run found, of n_points landmarks where there are some; face.mesh is 1 + the anchor.
 * RF_ERR_NONFINITE, with the anchor, when one is not finite; RF_ERR_NOMEM. The list then holds some of the faces. A NaN
 * among the scores ends the run itself. */
rf_status rf_decoded_faces(const rf_exec *exec, const rf_decoded *decoded, int n_points, rf_face_list *out);

#endif
