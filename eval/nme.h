/* SPDX-License-Identifier: Apache-2.0 */
/* Normalised mean error of five landmarks. */
#ifndef RF_EVAL_NME_H
#define RF_EVAL_NME_H

#include <stddef.h>

#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"

typedef enum rf_nme_norm {
    RF_NME_BOX,  /* sqrt(w h) of the annotated box (RetinaFace, arXiv 1905.00641, section 4.5) */
    RF_NME_EYES, /* distance of the annotated eyes (300-W) */
} rf_nme_norm;

typedef struct rf_nme_result {
    double mean;         /* over the faces found, of the mean distance of the five points / norm; NaN: none found */
    double failure_rate; /* share of the faces found whose error is above 0.1; NaN: none found */
    size_t n_found;      /* faces with landmarks that a detection with landmarks matches */
    size_t n_faces;      /* faces with landmarks, not ignored, with a norm above 0 */
} rf_nme_result;

/* Each face is measured on the highest-scored detection that overlaps it most and with IoU >= 0.5. RF_ERR_NONFINITE for
 * detections that are not finite; RF_ERR_NOMEM. */
rf_status rf_nme(const rf_dataset *truth, const rf_face_list *detections, rf_nme_norm norm, rf_nme_result *out);

/* The same with the error of each face found, in the order of the detections: *errors [n_found], rf_free it. */
rf_status rf_nme_errors(const rf_dataset *truth, const rf_face_list *detections, rf_nme_norm norm, double **errors,
                        rf_nme_result *out);

#endif
