/* SPDX-License-Identifier: Apache-2.0 */
/* Faces for tests that hold them in plain arrays. */
#ifndef RF_TESTS_FACES_KIT_H
#define RF_TESTS_FACES_KIT_H

#include "detect/face.h"

/* Gives the face n points of its own, all 0 and all seen, in memory that is used again after the next 400,000 numbers:
 * nothing is allocated and nothing is to be freed. */
void face_give_points(rf_face *face, int n);
/* Copies the points of a face that came from elsewhere, as face_give_points does. */
void face_own_points(rf_face *face);
/* Whether two faces are the same in every number, wherever their points are. */
bool faces_equal(const rf_face *a, const rf_face *b);

#endif
