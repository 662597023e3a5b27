/* SPDX-License-Identifier: Apache-2.0 */
/* An ellipse in an image, as FDDB annotates heads. */
#ifndef RF_DETECT_ELLIPSE_H
#define RF_DETECT_ELLIPSE_H

#include <math.h>

typedef struct rf_ellipse {
    double major, minor; /* radii, pixels */
    double angle;        /* radians from the x axis to the major one; y runs down */
    double x, y;         /* centre, pixels */
} rf_ellipse;

/* The smallest upright box around it: x1 y1 x2 y2. */
static inline void rf_ellipse_box(const rf_ellipse *e, double box[4]) {
    double a = e->major, b = e->minor, c = cos(e->angle), s = sin(e->angle);
    double half_width = sqrt(a * a * c * c + b * b * s * s), half_height = sqrt(a * a * s * s + b * b * c * c);
    box[0] = e->x - half_width;
    box[1] = e->y - half_height;
    box[2] = e->x + half_width;
    box[3] = e->y + half_height;
}

#endif
