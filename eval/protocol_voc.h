/* SPDX-License-Identifier: Apache-2.0 */
/* Precision-recall of a truth as a curve of a protocol. Internal to eval/. */
#ifndef RF_EVAL_PROTOCOL_VOC_H
#define RF_EVAL_PROTOCOL_VOC_H

#include "eval/protocol.h"

/* Appends the curve at an IoU threshold (at least iou; strict: above it) and its AP as a value, both called `name`.
 * scores: as in rf_protocol_input. */
rf_status rf_protocol_add_ap(const rf_dataset *truth, const rf_face_list *detections, const double *const *scores,
                             float iou, bool strict, const char *name, rf_protocol_result *out);

#endif
