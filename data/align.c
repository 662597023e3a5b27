/* SPDX-License-Identifier: Apache-2.0 */
#include "data/align.h"

#include <math.h>

#include "core/parallel.h"

const float rf_align_template[2 * RF_ALIGN_POINTS] = {38.2946F, 51.6963F, 73.5318F, 51.5014F, 56.0252F,
                                                      71.7366F, 41.5493F, 92.3655F, 70.7299F, 92.2041F};

static bool finite_points(const float *points, size_t n) {
    for (size_t i = 0; i < 2 * n; i++)
        if (!isfinite(points[i])) return false;
    return true;
}

static void middle(const float *points, size_t n, double *x, double *y) {
    *x = *y = 0;
    for (size_t i = 0; i < n; i++) {
        *x += (double)points[2 * i] / (double)n;
        *y += (double)points[2 * i + 1] / (double)n;
    }
}

rf_status rf_similarity_fit(const float *from, const float *to, size_t n, rf_similarity *out) {
    if (n == 0 || !finite_points(from, n) || !finite_points(to, n))
        return rf_fail(RF_ERR_USER, "a face cannot be aligned by points that are not finite numbers");
    double fx, fy, tx, ty, along = 0, across = 0, square = 0;
    middle(from, n, &fx, &fy);
    middle(to, n, &tx, &ty);
    for (size_t i = 0; i < n; i++) {
        double x = (double)from[2 * i] - fx, y = (double)from[2 * i + 1] - fy;
        double u = (double)to[2 * i] - tx, v = (double)to[2 * i + 1] - ty;
        along += x * u + y * v;
        across += x * v - y * u;
        square += x * x + y * y;
    }
    if (!(square > 0) || !(along * along + across * across > 0))
        return rf_fail(RF_ERR_USER, "a face cannot be aligned by points that all lie in one place");
    *out = (rf_similarity){.a = along / square, .b = across / square};
    out->x0 = tx - out->a * fx + out->b * fy;
    out->y0 = ty - out->b * fx - out->a * fy;
    return RF_OK;
}

typedef struct warp_job {
    const rf_image *in;
    rf_image *out;
    rf_similarity back; /* from a pixel of out to a place in `in` */
} warp_job;

/* One of the four neighbours; NULL: black. */
static const uint8_t *pixel_at(const rf_image *in, double x, double y) {
    if (x < 0 || y < 0 || x >= in->width || y >= in->height) return NULL;
    return in->pixels + ((size_t)y * (size_t)in->width + (size_t)x) * 3;
}

static void sample(const rf_image *in, double x, double y, uint8_t out[3]) {
    double left = floor(x), top = floor(y), dx = x - left, dy = y - top, sum[3] = {0, 0, 0};
    for (int k = 0; k < 4; k++) {
        const uint8_t *pixel = pixel_at(in, left + k % 2, top + k / 2);
        double weight = (k % 2 ? dx : 1 - dx) * (k / 2 ? dy : 1 - dy);
        for (int c = 0; pixel && c < 3; c++) sum[c] += weight * pixel[c];
    }
    for (int c = 0; c < 3; c++) out[c] = (uint8_t)(sum[c] + 0.5);
}

static void warp_rows(void *ctx, size_t begin, size_t end) {
    const warp_job *job = ctx;
    const rf_similarity *back = &job->back;
    size_t width = (size_t)job->out->width;
    for (size_t y = begin; y < end; y++)
        for (size_t x = 0; x < width; x++) {
            double px = (double)x, py = (double)y;
            sample(job->in, back->a * px - back->b * py + back->x0, back->b * px + back->a * py + back->y0,
                   job->out->pixels + (y * width + x) * 3);
        }
}

rf_status rf_image_warp(const rf_image *image, const rf_similarity *by, int width, int height, rf_image *out) {
    double square = by->a * by->a + by->b * by->b;
    if (!isfinite(square) || !(square > 0) || !isfinite(by->x0) || !isfinite(by->y0))
        return rf_fail(RF_ERR_USER, "a picture cannot be moved by a transform that has no inverse");
    RF_TRY(rf_image_renew(out, width, height));
    rf_similarity back = {.a = by->a / square, .b = -by->b / square};
    back.x0 = -back.a * by->x0 + back.b * by->y0;
    back.y0 = -back.b * by->x0 - back.a * by->y0;
    warp_job job = {image, out, back};
    rf_parallel_for((size_t)height, 16, warp_rows, &job);
    return RF_OK;
}

rf_status rf_image_align(const rf_image *image, const float points[2 * RF_ALIGN_POINTS], int side, rf_image *out) {
    float to[2 * RF_ALIGN_POINTS];
    rf_similarity by;
    if (side < 1 || side > RF_ALIGN_MOST)
        return rf_fail(RF_ERR_USER, "an aligned face of %d pixels: expected 1 to %d", side, RF_ALIGN_MOST);
    for (int i = 0; i < 2 * RF_ALIGN_POINTS; i++) to[i] = (float)((double)rf_align_template[i] * side / RF_ALIGN_SIDE);
    RF_TRY(rf_similarity_fit(points, to, RF_ALIGN_POINTS, &by));
    return rf_image_warp(image, &by, side, side, out);
}
