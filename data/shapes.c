/* SPDX-License-Identifier: Apache-2.0 */
#include "data/shapes.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

static const double pairs_max = 1e8; /* of points and boxes in one picture */

void rf_shapes_free(rf_shapes *shapes) {
    rf_free(shapes->v);
    *shapes = (rf_shapes){0};
}

rf_status rf_shapes_add(rf_shapes *shapes, const rf_shape *shape) {
    size_t n = shapes->n;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        rf_shape *grown = rf_realloc(shapes->v, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        shapes->v = grown;
    }
    shapes->v[shapes->n++] = *shape;
    return RF_OK;
}

void rf_shape_around(rf_shape *shape, const double *points, size_t n) {
    double low[2] = {points[0], points[1]}, high[2] = {points[0], points[1]};
    for (size_t i = 0; i < 2 * n; i++) {
        low[i & 1] = fmin(low[i & 1], points[i]);
        high[i & 1] = fmax(high[i & 1], points[i]);
    }
    for (int k = 0; k < 2; k++) {
        shape->box[k] = low[k];
        shape->box[2 + k] = high[k] - low[k];
    }
}

static double radians(double degrees) {
    return degrees * (acos(-1) / 180);
}

void rf_shape_ellipse(rf_shape *shape, double x, double y, double rx, double ry, double angle) {
    double s = sin(radians(angle)), c = cos(radians(angle));
    double half_width = angle == 0 ? rx : sqrt(rx * rx * c * c + ry * ry * s * s);
    double half_height = angle == 0 ? ry : sqrt(rx * rx * s * s + ry * ry * c * c);
    const double corners[4] = {x - half_width, y - half_height, x + half_width, y + half_height};
    rf_shape_around(shape, corners, 2);
}

void rf_shape_turned(rf_shape *shape, const double box[4], double about_x, double about_y, double angle) {
    double points[8], s = sin(radians(angle)), c = cos(radians(angle));
    if (angle == 0) {
        s = 0;
        c = 1;
    }
    for (int i = 0; i < 4; i++) {
        double x = box[0] + (i & 1 ? box[2] : 0) - about_x, y = box[1] + (i & 2 ? box[3] : 0) - about_y;
        points[2 * i] = about_x + c * x - s * y;
        points[2 * i + 1] = about_y + s * x + c * y;
    }
    rf_shape_around(shape, points, 4);
}

static bool holds(const rf_shape *box, const rf_shape *point) {
    const double *b = box->box, *p = point->box;
    return p[0] >= b[0] && p[1] >= b[1] && p[0] <= b[0] + b[2] && p[1] <= b[1] + b[3];
}

static bool is_box(const rf_shape *shape) {
    return !shape->point && !shape->no_box;
}

/* The box that a point belongs to, shapes->n when there is none. */
static size_t owner_of(const rf_shapes *shapes, const rf_shape *point) {
    size_t best = shapes->n;
    double best_area = 0;
    for (size_t i = 0; i < shapes->n; i++) {
        const rf_shape *s = &shapes->v[i];
        double area = s->box[2] * s->box[3];
        if (!is_box(s)) continue;
        if (*point->parent && strcmp(point->parent, s->id) == 0) return i;
        if (*point->parent && *s->id) continue;
        if (!holds(s, point) || (best < shapes->n && best_area <= area)) continue;
        best = i;
        best_area = area;
    }
    return best;
}

/* Puts the points into points [boxes][points][3] (x y v each), those that nobody owns are counted. */
static void give_points(const rf_shapes *shapes, const rf_point_scheme *scheme, double *points, size_t *lost,
                        int *lost_line) {
    size_t width = 3 * (size_t)rf_scheme_count(scheme);
    for (size_t i = 0; i < shapes->n; i++) {
        const rf_shape *s = &shapes->v[i];
        if (is_box(s)) continue;
        int k = s->point ? rf_scheme_find(scheme, s->label, strlen(s->label)) : -1;
        size_t owner = k >= 0 ? owner_of(shapes, s) : shapes->n;
        double *to = owner < shapes->n ? points + width * owner + 3 * k : NULL;
        if (!to || to[2] > 0) {
            if (!(*lost)++) *lost_line = s->line;
            continue;
        }
        to[0] = s->box[0];
        to[1] = s->box[1];
        to[2] = s->hidden ? 1 : 2;
    }
}

static rf_status add_face(const rf_shapes *shapes, const rf_shape *s, const double *points, size_t image,
                          rf_intake *intake) {
    rf_intake_face face = {.image = image, .category = -1, .shares = shapes->shares};
    bool any = false;
    int n_points = rf_scheme_count(&intake->scheme);
    for (int k = 0; k < n_points; k++) any |= points[3 * k + 2] > 0;
    if (*s->label) RF_TRY(rf_intake_category(intake, s->label, &face.category));
    RF_TRY(rf_intake_fill(intake, s->box, any ? points : NULL, n_points, s->line, &face));
    face.face.ignore = s->ignore;
    intake->named_points |= any && !intake->scheme.n;
    return rf_intake_add_face(intake, &face);
}

rf_status rf_shapes_flush(rf_shapes *shapes, rf_intake *intake, size_t image) {
    size_t n_boxes = 0, lost = 0;
    int lost_line = 0;
    rf_status status = RF_OK;
    for (size_t i = 0; i < shapes->n; i++) n_boxes += is_box(&shapes->v[i]);
    size_t width = 3 * (size_t)rf_scheme_count(&intake->scheme);
    double *points = rf_alloc(shapes->n, width * sizeof *points);
    if (!points) return RF_ERR_NOMEM;
    if ((double)n_boxes * (double)(shapes->n - n_boxes) > pairs_max)
        RF_TRY_GOTO(rf_intake_tell(intake, RF_CONVERT_WRONG_FACE, shapes->n - n_boxes, shapes->v[0].line,
                                   "%zu points and %zu boxes in one picture; the points are left out",
                                   shapes->n - n_boxes, n_boxes));
    else
        give_points(shapes, &intake->scheme, points, &lost, &lost_line);
    if (lost)
        RF_TRY_GOTO(rf_intake_tell(intake, RF_CONVERT_NO_BOX, lost, lost_line,
                                   "%zu %s neither a box nor a landmark of one (a line, a mask, a point of another "
                                   "name or outside of all boxes)",
                                   lost, lost == 1 ? "shape is" : "shapes are"));
    for (size_t i = 0; i < shapes->n; i++) {
        const rf_shape *s = &shapes->v[i];
        if (!is_box(s)) continue;
        status = add_face(shapes, s, points + width * i, image, intake);
        RF_TRY_GOTO(rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, (long long)image, s->line));
    }
fail:
    shapes->n = 0;
    rf_free(points);
    return status;
}
