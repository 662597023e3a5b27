/* SPDX-License-Identifier: Apache-2.0 */
/* From 8-bit RGB to the network's input. */
#ifndef RF_DATA_NORMALISE_H
#define RF_DATA_NORMALISE_H

#include "settings/settings.h"
#include "data/image.h"
#include "data/tint.h"

/* The input conventions of a configuration as tables. */
typedef struct rf_normaliser {
    float table[3][256];   /* [input channel][8-bit value] = (value - mean) / std */
    int source[3];         /* which channel of RGB an input channel is */
    float mean[3], std[3]; /* [input channel] */
    uint8_t fill[3];       /* RGB nearest to the mean: what paddings are filled with, about 0 for the network */
} rf_normaliser;

/* From [input]; RF_ERR_USER when mean or std do not have three numbers. */
rf_status rf_normaliser_make(const rf_config *config, rf_normaliser *out);

/* Writes the image to the upper left corner of out, [height][out_width][3] floats with out_width >= image->width;
 * floats to the right of the image stay as they are. Runs in parallel. */
void rf_normalise(const rf_normaliser *normaliser, const rf_image *image, float *out, size_t out_width);
/* The same with changed colours. */
void rf_normalise_tinted(const rf_normaliser *normaliser, const rf_image *image, const rf_tint *tint, float *out,
                         size_t out_width);

#endif
