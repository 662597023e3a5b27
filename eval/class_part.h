/* SPDX-License-Identifier: Apache-2.0 */
/* What a data set and its detections have of one kind of object. */
#ifndef RF_EVAL_CLASS_PART_H
#define RF_EVAL_CLASS_PART_H

#include "eval/metric.h"

/* Copies of faces and lists; all else is borrowed from where they come from. */
typedef struct rf_class_part {
    rf_dataset truth;         /* of one kind */
    rf_face_list *detections; /* [n_samples] */
    rf_face *found;           /* what they hold */
} rf_class_part;

/* Free with rf_class_part_free in every case. */
rf_status rf_class_part_make(const rf_dataset *truth, const rf_face_list *detections, int label, rf_class_part *out);
void rf_class_part_free(rf_class_part *part);

/* "ap_mask" */
void rf_class_metric_name(const char *metric, const rf_classes *classes, int label, char out[RF_METRIC_NAME]);

#endif
