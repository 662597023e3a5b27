/* SPDX-License-Identifier: Apache-2.0 */
#include "data/blur.h"

#include <math.h>

enum { CELLS = 6 };
static const double around = 0.15; /* of the box's sides, on each */

typedef struct cells {
    int x0, y0, x1, y1; /* pixels that are replaced */
    int nx, ny;
    double cell; /* pixels */
    double mean[CELLS + 1][CELLS + 1][3];
} cells;

static int whole(double x, int hi) {
    return (int)fmin(fmax(x, 0), hi);
}

/* Means of the cells, from the pixels of the image that lie in them. */
static void take_means(const rf_image *image, cells *c) {
    for (int j = 0; j < c->ny; j++)
        for (int i = 0; i < c->nx; i++) {
            int x0 = whole(c->x0 + i * c->cell, c->x1 - 1), x1 = whole(ceil(c->x0 + (i + 1) * c->cell), c->x1);
            int y0 = whole(c->y0 + j * c->cell, c->y1 - 1), y1 = whole(ceil(c->y0 + (j + 1) * c->cell), c->y1);
            double sum[3] = {0};
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++)
                    for (int k = 0; k < 3; k++)
                        sum[k] += image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * 3 + (size_t)k];
            for (int k = 0; k < 3; k++) c->mean[j][i][k] = sum[k] / ((double)(x1 - x0) * (y1 - y0));
        }
}

/* Between the middles of the cells. */
static double smooth(const cells *c, double x, double y, int k) {
    double u = fmin(fmax((x - c->x0) / c->cell - 0.5, 0), c->nx - 1),
           v = fmin(fmax((y - c->y0) / c->cell - 0.5, 0), c->ny - 1);
    int i = (int)u, j = (int)v, i1 = i + 1 < c->nx ? i + 1 : i, j1 = j + 1 < c->ny ? j + 1 : j;
    double a = u - i, b = v - j;
    return (1 - b) * ((1 - a) * c->mean[j][i][k] + a * c->mean[j][i1][k]) +
           b * ((1 - a) * c->mean[j1][i][k] + a * c->mean[j1][i1][k]);
}

rf_status rf_image_hide(rf_image *image, const float box[4]) {
    for (int k = 0; k < 4; k++)
        if (!isfinite(box[k])) return RF_OK;
    double w = box[2] - box[0], h = box[3] - box[1], mx = around * w + 1, my = around * h + 1;
    if (!(w > 0 && h > 0)) return RF_OK;
    cells c = {.x0 = whole(floor(box[0] - mx), image->width), .y0 = whole(floor(box[1] - my), image->height)};
    c.x1 = whole(ceil(box[2] + mx), image->width);
    c.y1 = whole(ceil(box[3] + my), image->height);
    if (c.x1 <= c.x0 || c.y1 <= c.y0) return RF_OK;
    int longer = c.x1 - c.x0 > c.y1 - c.y0 ? c.x1 - c.x0 : c.y1 - c.y0;
    c.cell = (double)longer / CELLS;
    c.nx = whole(ceil((c.x1 - c.x0) / c.cell - 1e-9), CELLS);
    c.ny = whole(ceil((c.y1 - c.y0) / c.cell - 1e-9), CELLS);
    if (c.nx < 1) c.nx = 1;
    if (c.ny < 1) c.ny = 1;
    take_means(image, &c);
    for (int y = c.y0; y < c.y1; y++)
        for (int x = c.x0; x < c.x1; x++) {
            double px = x + 0.5, py = y + 0.5;
            double dx = fmax(fmax(box[0] - px, px - box[2]), 0) / mx, dy = fmax(fmax(box[1] - py, py - box[3]), 0) / my;
            double share = 1 - fmin(1, sqrt(dx * dx + dy * dy)); /* 1 in the box */
            uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
            for (int k = 0; k < 3; k++) p[k] = (uint8_t)(p[k] + share * (smooth(&c, px, py, k) - p[k]) + 0.5);
        }
    return RF_OK;
}
