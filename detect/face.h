/* SPDX-License-Identifier: Apache-2.0 */
/* A face, or another object: annotated, predicted or matched. Coordinates are pixels of the image it belongs to, x to
 * the right, y down, the centre of the first pixel at (0.5, 0.5); a box covers [x1,x2) x [y1,y2). */
#ifndef RF_DETECT_FACE_H
#define RF_DETECT_FACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RF_POINTS = 5, /* of a face, where nobody says otherwise (data.points): left eye, right eye, nose, left mouth
                      corner, right mouth corner; image-left first */
    RF_POINTS_MAX = 98
};

/* A plain value: faces may be copied, sorted and moved. Their points are not copied along: they belong to the list, the
 * data set or the block that the face is in (detect/face_store.h), so a copy that outlives it, or whose points are
 * changed, needs points of its own. */
typedef struct rf_face {
    float box[4];   /* x1 y1 x2 y2 */
    float score;    /* predictions: probability of face; annotations: 1 */
    float blur;     /* how blurred, where has_blur: label.txt's number (negative: not told) or a prediction */
    uint32_t mesh;  /* 1 + row of the face's vertices in the table of its data set or list; 0: none */
    int n_points;   /* 0: none are known */
    float *points;  /* [n_points][2] x y; NULL: none */
    float *visible; /* [n_points] how likely it is that a point can be seen; annotations: 1, or 0 where it is covered
                       and its place a guess. NULL: not told, or all can be seen */
    float *extra;   /* [n_extra] what a network says besides (rf_extras in layers/output_kind.h); NULL: nothing */
    bool has_blur;  /* the annotation or the network tells */
    bool ignore;    /* annotations: never a target and never a negative (invalid flag, zero area) */
    uint8_t kind;   /* annotations: the data set's own kind of face (rf_mafa_kind); 0: none */
    uint16_t n_extra;
    uint8_t label; /* what it is: the place of its kind in data.classes, from 0 */
} rf_face;

/* Whether an annotated point is covered, or one is predicted to be. */
static inline bool rf_face_hides(const rf_face *face, int point) {
    return face->visible && face->visible[point] < 0.5f;
}

#endif
