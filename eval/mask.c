/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/mask.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

enum { SHIFT = 16, ONE = 1 << SHIFT, HALF = ONE / 2, VERTICES = 80 };

static const double far_away = 1e6; /* pixels */

typedef struct point {
    int64_t x, y; /* in 1/65536 pixel */
} point;

/* Where rows are drawn: a picture, or all that a shape needs. */
typedef struct canvas {
    bool limited;
    int width, height; /* of the picture */
    rf_mask *mask;
} canvas;

static int64_t whole(double x) {
    return (int64_t)rint(fmin(fmax(x, -far_away), far_away));
}

static int clamp(int64_t x, int lo, int hi) {
    return (int)(x < lo ? lo : x > hi ? hi : x);
}

rf_mask rf_mask_of_box(const float box[4], int width, int height) {
    int64_t side[4];
    for (int k = 0; k < 4; k++) side[k] = whole((double)box[k]);
    int x1 = (int)(side[0] < side[2] ? side[0] : side[2]), x2 = (int)(side[0] < side[2] ? side[2] : side[0]) + 1;
    int y1 = (int)(side[1] < side[3] ? side[1] : side[3]), y2 = (int)(side[1] < side[3] ? side[3] : side[1]) + 1;
    if (width > 0 && height > 0) {
        x1 = clamp(x1, 0, width);
        x2 = clamp(x2, 0, width);
        y1 = clamp(y1, 0, height);
        y2 = clamp(y2, 0, height);
    }
    return (rf_mask){.top = y1, .n_rows = y2 - y1, .first = x1, .end = x2};
}

void rf_mask_free(rf_mask *mask) {
    rf_free(mask->rows);
    *mask = (rf_mask){0};
}

/* Takes run i out of a row. */
static void remove_run(rf_mask_row *row, int i) {
    row->n--;
    memmove(row->run[i], row->run[i + 1], (size_t)(row->n - i) * sizeof *row->run);
}

/* Joins the two runs that are closest to each other: there is no room for more. */
static void make_room(rf_mask_row *row) {
    int at = 0;
    for (int i = 1; i + 1 < row->n; i++)
        if (row->run[i + 1][0] - row->run[i][1] < row->run[at + 1][0] - row->run[at][1]) at = i;
    row->run[at][1] = row->run[at + 1][1];
    remove_run(row, at + 1);
}

/* Adds the pixels first..end-1; runs that it meets become one with it. */
static void add_run(rf_mask_row *row, int first, int end) {
    int i = 0;
    while (i < row->n && row->run[i][1] < first) i++;
    while (i < row->n && row->run[i][0] <= end) {
        if (row->run[i][0] < first) first = row->run[i][0];
        if (row->run[i][1] > end) end = row->run[i][1];
        remove_run(row, i);
    }
    if (row->n == RF_MASK_RUNS) {
        make_room(row);
        add_run(row, first, end);
        return;
    }
    memmove(row->run[i + 1], row->run[i], (size_t)(row->n - i) * sizeof *row->run);
    row->run[i][0] = first;
    row->run[i][1] = end;
    row->n++;
}

/* Draws the pixels x1..x2 of row y. */
static void put(const canvas *c, int64_t y, int64_t x1, int64_t x2) {
    int64_t row = y - c->mask->top;
    if (row < 0 || row >= c->mask->n_rows) return;
    if (c->limited) {
        if (x2 < 0 || x1 >= c->width) return;
        if (x1 < 0) x1 = 0;
        if (x2 >= c->width) x2 = c->width - 1;
    }
    add_run(&c->mask->rows[row], (int)x1, (int)x2 + 1);
}

static int side_of(point p, int64_t right, int64_t bottom) {
    return (p.x < 0 ? 1 : p.x > right ? 2 : 0) | (p.y < 0 ? 4 : p.y > bottom ? 8 : 0);
}

/* Cuts a line at the picture, in whole 1/65536 pixels; the second end is cut along the line that the first cut left.
 * false: nothing of it is inside. */
static bool clip_line(const canvas *c, point *a, point *b) {
    int64_t right = (int64_t)c->width * ONE - 1, bottom = (int64_t)c->height * ONE - 1;
    point *ends[2] = {a, b};
    if (!c->limited) return true;
    if (side_of(*a, right, bottom) & side_of(*b, right, bottom)) return false;
    for (int k = 0; k < 2; k++) {
        int64_t edge = ends[k]->y < 0 ? 0 : bottom;
        if (ends[k]->y >= 0 && ends[k]->y <= bottom) continue;
        ends[k]->x += (edge - ends[k]->y) * (b->x - a->x) / (b->y - a->y);
        ends[k]->y = edge;
    }
    if (side_of(*a, right, bottom) & side_of(*b, right, bottom)) return false;
    for (int k = 0; k < 2; k++) {
        int64_t edge = ends[k]->x < 0 ? 0 : right;
        if (ends[k]->x >= 0 && ends[k]->x <= right) continue;
        ends[k]->y += (edge - ends[k]->x) * (b->y - a->y) / (b->x - a->x);
        ends[k]->x = edge;
    }
    return true;
}

/* One pixel for each step along the longer direction, from the end where that coordinate is lower. */
static void draw_line(const canvas *c, point a, point b) {
    if (!clip_line(c, &a, &b)) return;
    bool flat = llabs(b.x - a.x) > llabs(b.y - a.y);
    if (flat ? b.x < a.x : b.y < a.y) {
        point t = a;
        a = b;
        b = t;
    }
    int64_t dx = b.x - a.x, dy = b.y - a.y, steps = (flat ? dx : dy) >> SHIFT;
    int64_t slope = flat ? dy * ONE / (dx | 1) : dx * ONE / (dy | 1);
    put(c, (b.y + HALF) >> SHIFT, (b.x + HALF) >> SHIFT, (b.x + HALF) >> SHIFT);
    a.x += HALF;
    a.y += HALF;
    for (int64_t i = 0; i <= steps; i++) {
        put(c, a.y >> SHIFT, a.x >> SHIFT, a.x >> SHIFT);
        a.x += flat ? ONE : slope;
        a.y += flat ? slope : ONE;
    }
}

/* A side of the polygon that the filling goes down: the edge in hand ends in row `last`. */
typedef struct descent {
    int at, way; /* vertex; +1 or n - 1 to the next */
    int64_t x, slope, last;
} descent;

static int64_t row_of(point p) {
    return (p.y + HALF) >> SHIFT;
}

/* Takes the next edge that ends below row y; false when the polygon ends here. */
static bool next_edge(descent *d, const point *v, int n, int64_t y, int *edges) {
    int64_t from = 0;
    for (; row_of(v[d->at]) <= y && *edges > 0; --*edges) {
        from = v[d->at].x;
        d->at = (d->at + d->way) % n;
    }
    int64_t rows = row_of(v[d->at]) - y;
    if (rows <= 0) return false;
    d->last = y + rows;
    d->slope = ((v[d->at].x - from) * 2 + rows) / (2 * rows);
    d->x = from;
    return true;
}

/* Every row between the two sides of a convex polygon, from its highest vertex down. Both ends are rounded to a pixel;
 * an edge is walked from the row of one vertex to the row of the next. */
static void fill_polygon(const canvas *c, const point *v, int n) {
    int highest = 0, edges = n;
    int64_t bottom = row_of(v[0]);
    for (int i = 1; i < n; i++) {
        if (v[i].y < v[highest].y) highest = i;
        if (row_of(v[i]) > bottom) bottom = row_of(v[i]);
    }
    int64_t y = row_of(v[highest]);
    descent sides[2] = {{.at = highest, .way = 1, .last = y}, {.at = highest, .way = n - 1, .last = y}};
    if (n < 3) return;
    for (; y <= bottom; y++) {
        for (int i = 0; i < 2; i++)
            if (y >= sides[i].last && !next_edge(&sides[i], v, n, y, &edges)) return;
        int64_t a = (sides[0].x + HALF) >> SHIFT, b = (sides[1].x + HALF) >> SHIFT;
        put(c, y, a < b ? a : b, a < b ? b : a);
        for (int i = 0; i < 2; i++) sides[i].x += sides[i].slope;
    }
}

/* As OpenCV's table: seven decimals, in single precision. */
static double sine(int degrees) {
    return (double)(float)(rint(sin(degrees * (M_PI / 180)) * 1e7) / 1e7);
}

/* Vertices of the ellipse, without repetitions; their number. */
static int polygon(const rf_ellipse *e, point v[VERTICES]) {
    double degrees = rint(180 - (180 - e->angle * (180 / M_PI)));
    int angle = isfinite(degrees) ? (int)fmod(degrees, 360) : 0, n = 0;
    if (angle < 0) angle += 360;
    int64_t a = (int64_t)fmin(fmax(e->major, 0), far_away), b = (int64_t)fmin(fmax(e->minor, 0), far_away);
    int64_t longer = a > b ? a : b, apart = longer < 3 ? 90 : longer < 10 ? 30 : longer < 15 ? 18 : 5;
    double c = sine(450 - angle), s = sine(angle);
    double x0 = (double)(whole(e->x) * ONE), y0 = (double)(whole(e->y) * ONE);
    for (int t = 0; t <= 360; t += (int)apart) {
        double x = (double)(a * ONE) * sine(450 - t), y = (double)(b * ONE) * sine(t);
        point p = {(int64_t)rint(x0 + x * c - y * s), (int64_t)rint(y0 + x * s + y * c)};
        if (n == 0 || p.x != v[n - 1].x || p.y != v[n - 1].y) v[n++] = p;
    }
    return n;
}

rf_status rf_mask_of_ellipse(const rf_ellipse *ellipse, int width, int height, rf_mask *out) {
    point v[VERTICES];
    int n = polygon(ellipse, v);
    int64_t top = row_of(v[0]), bottom = top;
    for (int i = 1; i < n; i++) {
        if (row_of(v[i]) < top) top = row_of(v[i]);
        if (row_of(v[i]) > bottom) bottom = row_of(v[i]);
    }
    bool limited = width > 0 && height > 0;
    if (limited) {
        top = clamp(top, 0, height);
        bottom = clamp(bottom, -1, height - 1);
    }
    *out = (rf_mask){.top = (int)top, .n_rows = bottom >= top ? (int)(bottom - top) + 1 : 0};
    out->rows = rf_alloc((size_t)out->n_rows, sizeof *out->rows);
    if (!out->rows) return RF_ERR_NOMEM;
    canvas c = {limited, width, height, out};
    for (int i = 0; i < n; i++) draw_line(&c, v[i > 0 ? i - 1 : n - 1], v[i]);
    fill_polygon(&c, v, n);
    return RF_OK;
}

long rf_mask_area(const rf_mask *m) {
    long area = 0;
    if (!m->rows) return m->end > m->first && m->n_rows > 0 ? (long)m->n_rows * (m->end - m->first) : 0;
    for (int i = 0; i < m->n_rows; i++)
        for (int k = 0; k < m->rows[i].n; k++) area += m->rows[i].run[k][1] - m->rows[i].run[k][0];
    return area;
}

static rf_mask_row row_at(const rf_mask *m, int y) {
    return m->rows ? m->rows[y - m->top] : (rf_mask_row){1, {{m->first, m->end}}};
}

long rf_mask_shared(const rf_mask *a, const rf_mask *b) {
    int top = a->top > b->top ? a->top : b->top;
    int a_end = a->top + a->n_rows, b_end = b->top + b->n_rows, bottom = a_end < b_end ? a_end : b_end;
    long shared = 0;
    for (int y = top; y < bottom; y++) {
        rf_mask_row p = row_at(a, y), q = row_at(b, y);
        for (int i = 0; i < p.n; i++)
            for (int k = 0; k < q.n; k++) {
                int first = p.run[i][0] > q.run[k][0] ? p.run[i][0] : q.run[k][0];
                int end = p.run[i][1] < q.run[k][1] ? p.run[i][1] : q.run[k][1];
                if (end > first) shared += end - first;
            }
    }
    return shared;
}

double rf_mask_iou(const rf_mask *a, const rf_mask *b) {
    long shared = rf_mask_shared(a, b), either = rf_mask_area(a) + rf_mask_area(b) - shared;
    return either > 0 ? (double)shared / (double)either : 0;
}
