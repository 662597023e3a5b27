/* SPDX-License-Identifier: Apache-2.0 */
/* Which points of a face change places in a mirror image (data.flip_points). */
#ifndef RF_DETECT_POINT_FLIP_H
#define RF_DETECT_POINT_FLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"
#include "core/status.h"
#include "detect/face.h"

typedef struct rf_point_flip {
    int n_pairs;
    uint8_t pairs[RF_POINTS_MAX / 2][2];
} rf_point_flip;

/* The eyes and the corners of the mouth of five points. */
extern const rf_point_flip rf_five_flip;

/* Reads data.flip_points. Where it is empty, five points have the pairs of rf_five_flip, and any other number none.
 * RF_ERR_USER names what is no pair of two different points of data.points, or stands there twice. */
rf_status rf_point_flip_from_config(const rf_config *config, rf_point_flip *out);
/* Whether the pairs are known: data.flip_points is set, or there are five points, one or none. */
bool rf_point_flip_known(const rf_config *config);

/* The points of each pair change places, and what is known of them; pairs of points that the face lacks stay. */
void rf_points_swap(const rf_point_flip *flip, rf_face *face);

#endif
