/* Average precision of the WIDER FACE protocol (eval_tools, wider_eval.m): scores normalised over the whole set, IoU >=
 * 0.5 with inclusive pixels, 1000 score thresholds, faces outside the subset are ignored. */
#ifndef RF_EVAL_WIDER_AP_H
#define RF_EVAL_WIDER_AP_H

#include <stddef.h>

#include "core/status.h"
#include "detect/faces.h"
#include "eval/wider_gt.h"

enum { RF_WIDER_BINS = 1000 };

typedef struct rf_wider_result {
    double ap[RF_WIDER_SUBSETS];
    /* point t: all detections whose normalised score is at least 1 - (t + 1) / 1000; precision is 0 where there is none
     */
    double precision[RF_WIDER_SUBSETS][RF_WIDER_BINS], recall[RF_WIDER_SUBSETS][RF_WIDER_BINS];
    size_t n_faces[RF_WIDER_SUBSETS]; /* ground truth of the subset */
    size_t n_detections;
} rf_wider_result;

/* Scores detections[i] (x1 y1 x2 y2, any order) of gt->images[i]; an empty list is an image without detections.
 * Threads share the images; the result does not depend on their number. RF_ERR_NONFINITE names the image of a detection
 * that is not finite; RF_ERR_NOMEM. */
rf_status rf_wider_ap(const rf_wider_gt *gt, const rf_face_list *detections, rf_wider_result *out);

#endif
