/* SPDX-License-Identifier: Apache-2.0 */
/* Faces turned upright and brought to one size, as networks that recognise faces expect them: the similarity transform
 * (turn, size, place; no mirror image) that brings a face's five points nearest to those of a template. */
#ifndef RF_DATA_ALIGN_H
#define RF_DATA_ALIGN_H

#include "data/image.h"

enum { RF_ALIGN_POINTS = 5, RF_ALIGN_SIDE = 112 /* of the template's picture */ };

/* ArcFace's template: left eye, right eye, nose, left and right corner of the mouth in a picture of RF_ALIGN_SIDE. */
extern const float rf_align_template[2 * RF_ALIGN_POINTS];

/* (x, y) -> (a x - b y + x0, b x + a y + y0). */
typedef struct rf_similarity {
    double a, b, x0, y0;
} rf_similarity;

/* The similarity with the least sum of squared distances from its images of from[n][2] to to[n][2] (Umeyama, 1991; in
 * the plane its solution is one complex number). RF_ERR_USER when a coordinate is not finite or all points of `from`
 * are one: then there is none. Thread safe. */
rf_status rf_similarity_fit(const float *from, const float *to, size_t n, rf_similarity *out);

/* Fills `out` (made anew by rf_image_renew, width x height) with `image` moved by `by`, bilinear between the four
 * nearest pixels; what lies outside the image is black. Coordinates count pixels by their centres, the first at (0, 0)
 * in both pictures, as cv2.warpAffine does. RF_ERR_NOMEM; RF_ERR_USER when `by` has no inverse. Runs in parallel with
 * the same result on any number of threads. */
rf_status rf_image_warp(const rf_image *image, const rf_similarity *by, int width, int height, rf_image *out);

/* The face with these points (x0 y0 .. x4 y4 in pixels of the image, in the template's order) as a side x side picture:
 * the template is enlarged by side / RF_ALIGN_SIDE. The points are taken as they are, which is what insightface's
 * norm_crop does for multiples of RF_ALIGN_SIDE. side 1..RF_ALIGN_MOST. RF_ERR_USER as above, RF_ERR_NOMEM. */
enum { RF_ALIGN_MOST = 4096 };
rf_status rf_image_align(const rf_image *image, const float points[2 * RF_ALIGN_POINTS], int side, rf_image *out);

#endif
