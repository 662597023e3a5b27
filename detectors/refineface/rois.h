/* SPDX-License-Identifier: Apache-2.0 */
/* Regions for feature supervision (detectors/refineface/fsm.h): the faces themselves and the detections that the
 * network is surest of. RefineFace names the branch and not its sampling: this one is ours. */
#ifndef RF_DETECTORS_REFINEFACE_ROIS_H
#define RF_DETECTORS_REFINEFACE_ROIS_H

#include "autograd/real.h"
#include "detect/anchors.h"
#include "detect/codec.h"
#include "detect/face.h"

typedef struct rf_roi_spec {
    int count;          /* regions of an image, at most half of them faces */
    float positive_iou; /* a detection with at least this IoU with a face is one; below it is background */
} rf_roi_spec;

/* A candidate while the surest are looked for. */
typedef struct rf_candidate {
    float score;
    uint32_t anchor;
} rf_candidate;

/* Candidates that are looked at for each region. */
enum { RF_ROI_CANDIDATES = 4 };

/* One image: its number, the anchors of the last stage [A,4] cx cy w h, its logits [A,2] and offsets [A,4]. Fills
 * rois [count][6] (image, level, x1 y1 x2 y2; image -1: none) and labels [count] (1, 0, -1: no region). A face goes to
 * the level whose anchors are nearest in size, a detection stays on its level; of detections that overlap by an IoU of
 * 0.7 the surer one is taken. heap: scratch of count * RF_ROI_CANDIDATES. Returns the number of label 1. */
size_t rf_sample_rois(const rf_roi_spec *spec, const rf_anchor_set *set, const rf_codec *codec, int image,
                      const float *anchors, const rf_real *cls, const rf_real *loc, const rf_face *faces,
                      size_t n_faces, rf_candidate *heap, rf_real *rois, rf_real *labels);

#endif
