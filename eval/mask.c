#include "eval/mask.h"

static const double far_away = 1e6; /* pixels: whole numbers from here to there fit an int */

rf_shape rf_shape_of_box(const float box[4]) {
    return (rf_shape){.box = {box[0], box[1], box[2], box[3]}};
}

rf_shape rf_shape_of_ellipse(const rf_ellipse *ellipse) {
    double box[4];
    rf_ellipse_box(ellipse, box);
    return (rf_shape){
        .is_ellipse = true, .ellipse = *ellipse, .box = {(float)box[0], (float)box[1], (float)box[2], (float)box[3]}};
}

static int first_centre_from(double x) {
    return (int)ceil(fmin(fmax(x, -far_away), far_away) - 0.5);
}

/* The ellipse's ends on the line y: |M (x, y)| = 1, a quadratic in x. */
static bool ellipse_ends(const rf_ellipse *e, double y, double *left, double *right) {
    double a = (double)e->major, b = (double)e->minor;
    if (!(a > 0 && b > 0)) return false;
    double c = cos((double)e->angle), s = sin((double)e->angle), dy = y - (double)e->y;
    double p = c * c / (a * a) + s * s / (b * b), q = c * s * dy * (1 / (a * a) - 1 / (b * b));
    double r = dy * dy * (s * s / (a * a) + c * c / (b * b)) - 1, root = q * q - p * r;
    if (root < 0) return false;
    *left = (double)e->x + (-q - sqrt(root)) / p;
    *right = (double)e->x + (-q + sqrt(root)) / p;
    return true;
}

void rf_shape_row(const rf_shape *shape, int y, int *first, int *last) {
    double centre = y + 0.5, left = (double)shape->box[0], right = (double)shape->box[2];
    bool inside = centre >= (double)shape->box[1] && centre < (double)shape->box[3];
    if (shape->is_ellipse) inside = ellipse_ends(&shape->ellipse, centre, &left, &right);
    *first = inside ? first_centre_from(left) : 0;
    *last = inside ? first_centre_from(right) : 0;
}

static long row_length(int first, int last) {
    return last > first ? last - first : 0;
}

double rf_shape_iou(const rf_shape *a, const rf_shape *b, int width, int height) {
    long both = 0, either = 0;
    int top = first_centre_from(fmin((double)a->box[1], (double)b->box[1]) - 1);
    int bottom = first_centre_from(fmax((double)a->box[3], (double)b->box[3]) + 1);
    bool limited = width > 0 && height > 0;
    if (a->box[0] > b->box[2] || b->box[0] > a->box[2] || a->box[1] > b->box[3] || b->box[1] > a->box[3]) return 0;
    if (limited && top < 0) top = 0;
    if (limited && bottom > height) bottom = height;
    for (int y = top; y < bottom; y++) {
        int a0, a1, b0, b1;
        rf_shape_row(a, y, &a0, &a1);
        rf_shape_row(b, y, &b0, &b1);
        if (limited) {
            a0 = a0 < 0 ? 0 : a0;
            b0 = b0 < 0 ? 0 : b0;
            a1 = a1 > width ? width : a1;
            b1 = b1 > width ? width : b1;
        }
        long shared = row_length(a0 > b0 ? a0 : b0, a1 < b1 ? a1 : b1);
        both += shared;
        either += row_length(a0, a1) + row_length(b0, b1) - shared;
    }
    return either ? (double)both / (double)either : 0;
}
