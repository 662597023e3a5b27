/* An ellipse in an image, as FDDB annotates heads. */
#ifndef RF_DETECT_ELLIPSE_H
#define RF_DETECT_ELLIPSE_H

#include <math.h>

typedef struct rf_ellipse {
    float major, minor; /* radii, pixels */
    float angle;        /* radians from the x axis to the major one; y runs down */
    float x, y;         /* centre, pixels */
} rf_ellipse;

/* The smallest upright box around it: x1 y1 x2 y2. */
static inline void rf_ellipse_box(const rf_ellipse *e, double box[4]) {
    double a = (double)e->major, b = (double)e->minor, c = cos((double)e->angle), s = sin((double)e->angle);
    double half_width = sqrt(a * a * c * c + b * b * s * s), half_height = sqrt(a * a * s * s + b * b * c * c);
    box[0] = (double)e->x - half_width;
    box[1] = (double)e->y - half_height;
    box[2] = (double)e->x + half_width;
    box[3] = (double)e->y + half_height;
}

#endif
