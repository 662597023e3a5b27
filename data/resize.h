/* SPDX-License-Identifier: Apache-2.0 */
/* Crop and resize in one step. */
#ifndef RF_DATA_RESIZE_H
#define RF_DATA_RESIZE_H

#include "data/image.h"

/* A rectangle of an image in pixels; it may have fractions and may exceed the image. */
typedef struct rf_region {
    double x, y, width, height;
} rf_region;

/* Fills `out` (allocated by the caller; its size is the wanted one) with `region` of `image` (NULL: all of it), which
 * must have positive sizes. Output pixel i is sampled at x + (i + 0.5) * width / out->width: bilinear when that shrinks
 * by 2 or less, the area average of the covered pixels when it shrinks more (the two agree at 2), for each axis by
 * itself. Only pixels of the region are read, its border pixels are continued outwards. Output pixels whose centre is
 * outside the image get `fill` (RGB, NULL: black). Runs in parallel, with the same result on any number of threads.
 * Errors: RF_ERR_NOMEM, RF_ERR_USER for a bad region. */
rf_status rf_image_resize(const rf_image *image, const rf_region *region, const uint8_t fill[3], rf_image *out);

/* How pixels are interpolated; the names and forms of OpenCV's cv::resize. */
typedef enum rf_filter {
    RF_FILTER_NEAREST, /* the pixel that holds the sample */
    RF_FILTER_LINEAR,  /* 2 taps, also when shrinking */
    RF_FILTER_CUBIC,   /* 4 taps, a = -0.75 */
    RF_FILTER_AREA,    /* average of what is covered; enlarging: pixels with smooth borders */
    RF_FILTER_LANCZOS, /* 8 taps, sinc(x) sinc(x/4) */
    RF_FILTER_SMOOTH,  /* what rf_image_resize does */
    RF_FILTER_COUNT
} rf_filter;

/* rf_image_resize with a filter of choice. */
rf_status rf_image_resize_with(const rf_image *image, const rf_region *region, const uint8_t fill[3], rf_filter filter,
                               rf_image *out);

#endif
