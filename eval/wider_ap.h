/* SPDX-License-Identifier: Apache-2.0 */
/* Average precision of the WIDER FACE protocol: scores normalised over the whole set, IoU >= 0.5 with inclusive pixels,
 * 1000 score thresholds, faces outside the subset are ignored. Two programs compute it, not quite alike:
 *
 * python  the port that papers and code bases quote (wider_face_evaluation, evaluation.py): IoU in double precision, a
 *         detection belongs to the face that it overlaps most.
 * matlab  the data set's own eval_tools (wider_eval.m). Its ground truth is int32, and MATLAB rounds whatever meets an
 *         int32: the corners of the intersection and the union are whole numbers, the IoU is 0 or 1, so the first face
 *         from 0.5 on takes the detection; scores are normalised in single precision, where the lowest detection can
 * fall below 0 and then never counts. With whole-number boxes both agree to 0.0001, else to about 0.001. */
#ifndef RF_EVAL_WIDER_AP_H
#define RF_EVAL_WIDER_AP_H

#include <stddef.h>

#include "core/status.h"
#include "detect/faces.h"
#include "eval/wider_gt.h"

enum { RF_WIDER_BINS = 1000 };

typedef enum rf_wider_rule { RF_WIDER_PYTHON, RF_WIDER_MATLAB, RF_WIDER_RULES } rf_wider_rule;
extern const char *const rf_wider_rule_names[RF_WIDER_RULES]; /* "python", "matlab" */

typedef struct rf_wider_curves {
    double ap[RF_WIDER_SUBSETS];
    /* point t: all detections whose normalised score is at least 1 - (t + 1) / 1000; precision is 0 where there is none
     */
    double precision[RF_WIDER_SUBSETS][RF_WIDER_BINS], recall[RF_WIDER_SUBSETS][RF_WIDER_BINS];
    size_t found[RF_WIDER_SUBSETS][RF_WIDER_BINS], proposals[RF_WIDER_SUBSETS][RF_WIDER_BINS];
} rf_wider_curves;

typedef struct rf_wider_result {
    rf_wider_curves rules[RF_WIDER_RULES];
    size_t n_faces[RF_WIDER_SUBSETS]; /* ground truth of the subset */
    size_t n_detections;
    double lowest, highest; /* scores of all detections, by which the Python port normalises; 0 when there is none */
} rf_wider_result;

/* Where a subset is found best with one score for all pictures: the highest F1 = 2 P R / (P + R) of the Python port's
 * curve. */
typedef struct rf_wider_best {
    double score, f1, precision, recall; /* score: detections from it on; all 0 when nothing is found */
} rf_wider_best;

/* What is scored, image by image; arrays may be NULL but for the first. */
typedef struct rf_wider_input {
    const rf_face_list
        *detections;           /* [n_images] x1 y1 x2 y2, any order; an empty list is an image without detections */
    double *const *scores;     /* [n_images] of each detection in double precision; NULL: the faces' own */
    const size_t *matlab_rows; /* [n_images] so many, from the first on, count by the MATLAB rule (predictions.h) */
} rf_wider_input;

/* Scores detections[i] of gt->images[i] by both rules. Threads share the images; the result does not depend on their
 * number. RF_ERR_NONFINITE names the image of a detection that is not finite; RF_ERR_NOMEM. */
rf_status rf_wider_ap(const rf_wider_gt *gt, const rf_wider_input *input, rf_wider_result *out);

rf_wider_best rf_wider_best_score(const rf_wider_result *result, int subset);

#endif
