/* SPDX-License-Identifier: Apache-2.0 */
/* Average precision of a data set at an IoU threshold (PASCAL VOC 2010, all points), with ignore faces as VOC's
 * "difficult". */
#ifndef RF_EVAL_VOC_AP_H
#define RF_EVAL_VOC_AP_H

#include <stddef.h>

#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"
#include "eval/assign.h"

/* One point for each different score. Free the arrays with rf_voc_curve_free. */
typedef struct rf_voc_curve {
    double *recall, *precision; /* [n] */
    size_t n;
    double ap;      /* NaN: no face to find */
    size_t n_faces; /* that are not ignored */
} rf_voc_curve;

/* Curve at one IoU threshold from rf_assign's items. A detection belongs to the face that it overlaps most: below the
 * threshold it is false; on an ignore face it is neither; the first on a face is true, further ones are false.
 * Detections of equal score count together, so their order does not matter. RF_ERR_NOMEM. */
rf_status rf_voc_curve_make(const rf_dataset *truth, const rf_assigned *items, size_t count, float iou,
                            rf_voc_curve *out);
void rf_voc_curve_free(rf_voc_curve *curve);

#endif
