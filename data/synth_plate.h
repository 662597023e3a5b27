/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RF_DATA_SYNTH_PLATE_H
#define RF_DATA_SYNTH_PLATE_H

#include "data/synth.h"

enum { RF_PLATE_POINTS = 4 }; /* corners: upper left, upper right, lower right, lower left, as the plate is read */

/* rf_synth_image with number plates instead of people: whole, apart from each other, min_face to max_face high before
 * they are turned. Thread safe. */
rf_status rf_synth_plates(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                          rf_face **faces, size_t *n_faces);

#endif
