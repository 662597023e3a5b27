/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of objects are taken for which. */
#ifndef RF_EVAL_CONFUSION_H
#define RF_EVAL_CONFUSION_H

#include "data/dataset.h"
#include "detect/faces.h"

/* count[t][f]: objects of kind t that were found as kind f. count[t][n]: that were not found; count[n][f]: what was
 * found where no object is. n is that of the truth's classes. */
typedef struct rf_confusion {
    int n;
    size_t count[RF_CLASSES_MAX + 1][RF_CLASSES_MAX + 1];
} rf_confusion;

/* Detections of at least that score, best first (equal ones: as they stand), each take the free object that they
 * overlap most, whatever its kind, by an IoU of at least iou. What lies on an ignored object alone is left out.
 * RF_ERR_NOMEM. Pure and thread safe. */
rf_status rf_confusion_make(const rf_dataset *truth, const rf_face_list *detections, float score, float iou,
                            rf_confusion *out);

#endif
