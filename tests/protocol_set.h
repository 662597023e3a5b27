/* SPDX-License-Identifier: Apache-2.0 */
/* A truth that every protocol accepts, and what tests of protocols share. */
#ifndef RF_TESTS_PROTOCOL_SET_H
#define RF_TESTS_PROTOCOL_SET_H

#include "eval/protocol.h"

/* Image e/a.jpg has three faces, e/b.jpg one, all with ellipses, landmarks and MAFA's kinds. */
extern rf_ellipse ellipses[4];
extern rf_face faces[4];
extern rf_sample samples[2];
extern rf_dataset truth;
void make_truth(void); /* as at the start */

/* Equal, or both NaN. */
bool same(double a, double b);
/* Fails the test when it is missing, or when the protocol does not run. */
double value_of(const rf_protocol_result *r, const char *name);
rf_protocol_result must_run(const rf_protocol *protocol, const rf_dataset *set, const rf_face_list *lists);

#endif
