/* SPDX-License-Identifier: Apache-2.0 */
/* Faces for matching and the naive loop that matching is compared with. */
#ifndef RF_TESTS_MATCH_NAIVE_H
#define RF_TESTS_MATCH_NAIVE_H

#include "core/rng.h"
#include "detect/match.h"

/* A face of any size, mostly inside width x height. */
rf_face match_random_face(rf_rng *rng, float width, float height);
/* Up to `most` of them, with ignore faces, empty and broken boxes and copies among them; returns their number. */
size_t match_random_faces(rf_rng *rng, rf_face *faces, size_t most, float width, float height);

/* Matching as detect/match.h defines it, one anchor and one face at a time. boxes [count,4] cx cy w h; label and owner
 * [count] are filled. */
void match_naively(const float *boxes, size_t count, bool plus_one, const rf_match_spec *spec, const rf_face *faces,
                   size_t n, int8_t *label, int32_t *owner);

#endif
