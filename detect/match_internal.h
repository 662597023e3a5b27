/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that matching a grid of anchors and matching boxes of any place share. Internal to detect/. */
#ifndef RF_DETECT_MATCH_INTERNAL_H
#define RF_DETECT_MATCH_INTERNAL_H

#include "detect/match.h"

enum { RF_MATCH_FORCED = 2 }; /* a label while matching: the best anchor of a face */

/* No face anywhere: labels 0, faces -1, IoUs 0. */
void rf_match_clear(rf_match *out);
/* Whether anchors may belong to a face: it is annotated and has an area. */
bool rf_match_is_target(const rf_face *face, bool plus_one);
/* Turns best IoUs (and RF_MATCH_FORCED) into labels. */
void rf_match_set_labels(const rf_match_spec *spec, rf_match *out);
/* Counts labels and marks landmarks, last of all. */
void rf_match_count(const rf_face *faces, rf_match *out);

#endif
