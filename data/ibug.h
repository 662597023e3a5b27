/* SPDX-License-Identifier: Apache-2.0 */
/* The 68 points of iBUG (300-W), which COCO-WholeBody and dlib use. */
#ifndef RF_DATA_IBUG_H
#define RF_DATA_IBUG_H

enum { RF_IBUG_POINTS = 68 };

/* Five landmarks (x y v each) of the 68 (x y v): the means of the six points around each eye, 30, 48 and 54.
 * Points 36..41 and 48 are on the left of the image. A landmark is absent (v 0) when a point of it is; else its v is 2
 * or, for single points, the point's. */
void rf_ibug_five(const double all[3 * RF_IBUG_POINTS], double out[15]);

#endif
