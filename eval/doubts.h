/* SPDX-License-Identifier: Apache-2.0 */
/* Whether detections of others seem to mean something else than x y w h in pixels: corners, centres, x and y exchanged,
 * shares of the picture. Tried, not guessed: how often does an image's best detection lie on a face, read one way or
 * the other? */
#ifndef RF_EVAL_DOUBTS_H
#define RF_EVAL_DOUBTS_H

#include "core/text.h"
#include "data/dataset.h"
#include "detect/faces.h"
#include "eval/wider_gt.h"

/* Appends one sentence to *out where another reading fits far better; nothing else. RF_ERR_NOMEM. */
rf_status rf_doubts_wider(const rf_wider_gt *gt, const rf_face_list *detections, rf_text *out);
rf_status rf_doubts(const rf_dataset *truth, const rf_face_list *detections, rf_text *out);

#endif
