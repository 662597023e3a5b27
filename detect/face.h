/* SPDX-License-Identifier: Apache-2.0 */
/* A face: annotated, predicted or matched. Coordinates are pixels of the image it belongs to, x to the right, y down,
 * the centre of the first pixel at (0.5, 0.5); a box covers [x1,x2) x [y1,y2). */
#ifndef RF_DETECT_FACE_H
#define RF_DETECT_FACE_H

#include <stdbool.h>
#include <stdint.h>

enum { RF_POINTS = 5 }; /* left eye, right eye, nose, left mouth corner, right mouth corner; image-left first */

typedef struct rf_face {
    float box[4];                /* x1 y1 x2 y2 */
    float points[2 * RF_POINTS]; /* x0 y0 .. x4 y4 */
    float score;                 /* predictions: probability of face; annotations: 1 */
    float blur;               /* how blurred, where has_blur: label.txt's number (negative: not told) or a prediction */
    float visible[RF_POINTS]; /* predictions with model.occlusion: 1 where a point can be seen, 0 where not */
    bool has_points;          /* points are valid */
    bool has_blur, has_visible; /* the annotation or the network tells */
    bool ignore;                /* annotations: never a target and never a negative (invalid flag, zero area) */
    uint8_t kind;               /* annotations: the data set's own kind of face (rf_mafa_kind); 0: none */
    uint8_t hidden;             /* annotations: bit k tells that point k is covered, its place a guess */
    uint32_t mesh;              /* 1 + row of the face's vertices in the table of its data set or list; 0: none */
} rf_face;

#endif
