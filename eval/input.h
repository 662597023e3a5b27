/* SPDX-License-Identifier: Apache-2.0 */
/* From a picture to what one run of the network sees. */
#ifndef RF_EVAL_INPUT_H
#define RF_EVAL_INPUT_H

#include "settings/settings.h"
#include "data/image.h"
#include "data/resize.h"

/* Longest side of a run: what anchors take (65536), less the most that eval.pad adds. Only a strip of a picture, 1x300
 * at a short edge of 640, comes near. */
extern const double rf_input_max_side;

/* Pixels of input a pixel of the picture at one entry of eval.scales, before anything bounds it. */
double rf_input_factor(const rf_config *config, int width, int height, double scale);

/* Fills `out` (allocated here, width_all x height_all) with `region` of the picture, resized to width x height, in the
 * upper left corner and black elsewhere. Pixels are copied where no size changes. RF_ERR_NOMEM. */
rf_status rf_input_fill(const rf_image *image, const rf_region *region, int width, int height, int width_all,
                        int height_all, const uint8_t fill[3], rf_image *out);

/* Mirrors the upper left width x height pixels in place. */
void rf_input_mirror(rf_image *image, int width, int height);

#endif
