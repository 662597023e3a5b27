/* SPDX-License-Identifier: Apache-2.0 */
/* Detections of a data set in one order by score, each with the annotated face that it overlaps most. */
#ifndef RF_EVAL_ASSIGN_H
#define RF_EVAL_ASSIGN_H

#include <stddef.h>

#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"

typedef struct rf_assigned {
    const rf_face *detection; /* in the caller's list */
    size_t face;              /* index in rf_dataset.faces; meaningless when iou is 0 */
    float iou;                /* w = x2 - x1; 0: overlaps no face of its image */
    double score;
} rf_assigned;

/* All detections (detections[i] are those of truth->samples[i]) by falling score, equal scores in the order of the
 * samples. The best face is the first of equals; ignore faces take part. rf_free(*items). RF_ERR_NONFINITE names the
 * image of a detection whose score or box is not finite. */
rf_status rf_assign(const rf_dataset *truth, const rf_face_list *detections, rf_assigned **items, size_t *count);
/* The same by scores in double precision: scores NULL, or for each sample NULL or the score of each detection. */
rf_status rf_assign_scored(const rf_dataset *truth, const rf_face_list *detections, const double *const *scores,
                           rf_assigned **items, size_t *count);

#endif
