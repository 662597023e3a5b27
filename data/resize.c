/* SPDX-License-Identifier: Apache-2.0 */
#include "data/resize.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"

enum { ROWS_A_CHUNK = 64, RING = 8 /* resized input rows that are kept: as many as the widest kernel needs */ };
static const double max_coordinate = 1e8;

/* How one axis is sampled: output i is the weighted sum of `taps` inputs from first[i] on, for begin <= i < end; what
 * lies before and after shows the fill colour. */
typedef struct axis {
    int begin, end, taps;
    int *first;     /* [outputs] */
    float *weights; /* [outputs][taps], zero where fewer are needed */
} axis;

typedef struct resize_job {
    const rf_image *in;
    rf_image *out;
    axis x, y;
    uint8_t fill[3];
    float *scratch; /* for each chunk of rows: RING resized input rows and a sum */
} resize_job;

static int clamp_int(int v, int lo, int hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

/* The input pixels [lo, hi] may be read; a position beyond them gets the nearest one. */
static void bilinear_tap(double centre, int lo, int hi, int *first, float *weights) {
    double position = centre - 0.5;
    if (position < lo) position = lo;
    if (position > hi) position = hi;
    int at = clamp_int((int)floor(position), lo, hi > lo ? hi - 1 : hi);
    *first = at;
    if (hi == lo) {
        weights[0] = 1; /* a single input pixel: one tap */
        return;
    }
    weights[1] = (float)(position - at);
    weights[0] = 1 - weights[1];
}

/* Average of [from, to), each pixel weighted by its covered part. */
static void area_taps(double from, double to, int lo, int hi, int taps, int *first, float *weights) {
    if (from < lo) from = lo;
    if (to > hi + 1.0) to = hi + 1.0;
    int at = clamp_int((int)floor(from), lo, hi);
    *first = at;
    double sum = 0;
    for (int t = 0; t < taps && at + t <= hi; t++) {
        double left = fmax(from, at + t), right = fmin(to, at + t + 1.0);
        weights[t] = (float)fmax(right - left, 0);
        sum += weights[t];
    }
    if (sum <= 0) weights[0] = 1, sum = 1;
    for (int t = 0; t < taps; t++) weights[t] = (float)(weights[t] / sum);
}

static double cubic(double x) {
    const double a = -0.75;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double lanczos(double x) {
    x = fabs(x);
    if (x < 1e-9) return 1;
    return x < 4 ? 4 * sin(M_PI * x) * sin(M_PI * x / 4) / (M_PI * M_PI * x * x) : 0;
}

/* A kernel of `reach` taps to each side; taps beyond [lo, hi] count for the border pixel. */
static void kernel_taps(double (*kernel)(double), int reach, double centre, int lo, int hi, int taps, int *first,
                        float *weights) {
    double position = centre - 0.5, sum = 0;
    int base = (int)floor(position) - reach + 1;
    *first = clamp_int(base, lo, hi - taps + 1);
    for (int t = 0; t < 2 * reach; t++) sum += kernel(position - (base + t));
    for (int t = 0; t < 2 * reach; t++)
        weights[clamp_int(base + t, lo, hi) - *first] += (float)(kernel(position - (base + t)) / sum);
}

/* Taps that a filter needs at most, of the pixels there are. */
static int tap_count(rf_filter filter, double step, int pixels) {
    static const int taps[RF_FILTER_COUNT] = {1, 2, 4, 0, 8, 2};
    int n = filter == RF_FILTER_AREA ? (int)fmin(ceil(step) + 1, pixels) : taps[filter];
    return n < pixels ? n : pixels;
}

static void make_taps(rf_filter filter, double centre, double step, int lo, int hi, int taps, int *first,
                      float *weights) {
    switch (filter) {
    case RF_FILTER_NEAREST:
        *first = clamp_int((int)floor(centre), lo, hi);
        weights[0] = 1;
        break;
    case RF_FILTER_CUBIC:
        kernel_taps(cubic, 2, centre, lo, hi, taps, first, weights);
        break;
    case RF_FILTER_LANCZOS:
        kernel_taps(lanczos, 4, centre, lo, hi, taps, first, weights);
        break;
    case RF_FILTER_AREA:
        area_taps(centre - step / 2, centre + step / 2, lo, hi, taps, first, weights);
        break;
    default:
        bilinear_tap(centre, lo, hi, first, weights);
    }
}

static rf_status axis_make(double start, double length, int inputs, int outputs, rf_filter filter, axis *a) {
    double step = length / outputs;
    int lo = clamp_int((int)floor(start), 0, inputs - 1), hi = clamp_int((int)ceil(start + length) - 1, lo, inputs - 1);
    if (filter == RF_FILTER_SMOOTH) filter = step > 2 ? RF_FILTER_AREA : RF_FILTER_LINEAR;
    *a = (axis){.taps = tap_count(filter, step, hi - lo + 1)};
    a->first = rf_alloc((size_t)outputs, sizeof *a->first);
    if (a->first) a->weights = rf_alloc((size_t)outputs * (size_t)a->taps, sizeof *a->weights);
    if (!a->weights) return RF_ERR_NOMEM;
    a->begin = outputs;
    for (int i = 0; i < outputs; i++) {
        double centre = start + (i + 0.5) * step;
        if (centre < 0 || centre >= inputs) continue;
        if (i < a->begin) a->begin = i;
        a->end = i + 1;
        float *weights = a->weights + (size_t)i * (size_t)a->taps;
        make_taps(filter, centre, step, lo, hi, a->taps, &a->first[i], weights);
    }
    if (a->end == 0) a->begin = 0;
    for (int i = a->begin; i < a->end; i++) { /* every tap is a pixel that exists: late windows start earlier */
        float *weights = a->weights + (size_t)i * (size_t)a->taps;
        int over = a->first[i] + a->taps - 1 - hi;
        if (over <= 0) continue;
        memmove(weights + over, weights, (size_t)(a->taps - over) * sizeof *weights);
        memset(weights, 0, (size_t)over * sizeof *weights);
        a->first[i] -= over;
    }
    return RF_OK;
}

static void axis_free(axis *a) {
    rf_free(a->first);
    rf_free(a->weights);
}

/* One input row at the output's width. */
static void resize_row(const axis *x, const uint8_t *in, float *out) {
    if (x->taps == 2) {
        for (int i = x->begin; i < x->end; i++) {
            const uint8_t *p = in + (size_t)x->first[i] * 3;
            float a = x->weights[2 * i], b = x->weights[2 * i + 1];
            for (int c = 0; c < 3; c++) out[3 * i + c] = a * p[c] + b * p[3 + c];
        }
        return;
    }
    for (int i = x->begin; i < x->end; i++) {
        const uint8_t *p = in + (size_t)x->first[i] * 3;
        const float *w = x->weights + (size_t)i * (size_t)x->taps;
        float sum[3] = {0, 0, 0};
        for (int t = 0; t < x->taps; t++, p += 3)
            for (int c = 0; c < 3; c++) sum[c] += w[t] * p[c];
        for (int c = 0; c < 3; c++) out[3 * i + c] = sum[c];
    }
}

static void fill_pixels(uint8_t *row, int begin, int end, const uint8_t fill[3]) {
    for (int i = begin; i < end; i++) memcpy(row + (size_t)i * 3, fill, 3);
}

static void blend_two(const float *restrict a, const float *restrict b, float wa, float wb, uint8_t *restrict out,
                      int n) {
    for (int i = 0; i < n; i++) {
        float v = wa * a[i] + wb * b[i] + 0.5f; /* cubic and Lanczos overshoot */
        v = v < 0 ? 0 : v > 255 ? 255 : v;
        out[i] = (uint8_t)(int)v;
    }
}

/* Output row y from its input rows, of which those used last are kept at their number modulo RING. */
static void make_row(const resize_job *job, int y, float *rows[RING], int held[RING], float *sum) {
    const axis *x = &job->x;
    const float *weights = job->y.weights + (size_t)y * (size_t)job->y.taps;
    int begin = 3 * x->begin, n = 3 * (x->end - x->begin), first = job->y.first[y];
    uint8_t *out = job->out->pixels + (size_t)y * (size_t)job->out->width * 3;
    memset(sum + begin, 0, (size_t)n * sizeof *sum);
    for (int t = 0; t < job->y.taps; t++) {
        int source = first + t, slot = source % RING;
        if (weights[t] == 0) continue;
        if (held[slot] != source) {
            resize_row(x, job->in->pixels + (size_t)source * (size_t)job->in->width * 3, rows[slot]);
            held[slot] = source;
        }
        if (job->y.taps > 2)
            for (int i = begin; i < begin + n; i++) sum[i] += weights[t] * rows[slot][i];
    }
    if (job->y.taps > 2) {
        blend_two(sum + begin, sum + begin, 1, 0, out + begin, n);
    } else {
        bool one = job->y.taps == 1;
        const float *a = rows[first % RING] + begin, *b = one ? a : rows[(first + 1) % RING] + begin;
        blend_two(a, b, weights[0], one ? 0 : weights[1], out + begin, n);
    }
    fill_pixels(out, 0, x->begin, job->fill);
    fill_pixels(out, x->end, job->out->width, job->fill);
}

static void make_rows(void *ctx, size_t begin, size_t end) {
    const resize_job *job = ctx;
    size_t width = (size_t)job->out->width * 3;
    float *scratch = job->scratch + begin / ROWS_A_CHUNK * (RING + 1) * width;
    float *rows[RING];
    int held[RING];
    for (int k = 0; k < RING; k++) {
        rows[k] = scratch + (size_t)k * width;
        held[k] = -1;
    }
    for (size_t y = begin; y < end; y++) {
        if ((int)y < job->y.begin || (int)y >= job->y.end)
            fill_pixels(job->out->pixels + y * width, 0, job->out->width, job->fill);
        else
            make_row(job, (int)y, rows, held, scratch + RING * width);
    }
}

rf_status rf_image_resize(const rf_image *image, const rf_region *region, const uint8_t fill[3], rf_image *out) {
    return rf_image_resize_with(image, region, fill, RF_FILTER_SMOOTH, out);
}

rf_status rf_image_resize_with(const rf_image *image, const rf_region *region, const uint8_t fill[3], rf_filter filter,
                               rf_image *out) {
    rf_region all = {0, 0, image->width, image->height};
    rf_region r = region ? *region : all;
    bool valid = r.width > 0 && r.height > 0 && r.width < max_coordinate && r.height < max_coordinate &&
                 fabs(r.x) < max_coordinate && fabs(r.y) < max_coordinate;
    if (!valid)
        return rf_fail(RF_ERR_USER, "cannot resize the region x %g, y %g, %g x %g: sizes must be positive", r.x, r.y,
                       r.width, r.height);
    resize_job job = {.in = image, .out = out};
    if (fill) memcpy(job.fill, fill, 3);
    size_t chunks = ((size_t)out->height + ROWS_A_CHUNK - 1) / ROWS_A_CHUNK;
    rf_status status = RF_OK;
    RF_TRY_GOTO(axis_make(r.x, r.width, image->width, out->width, filter, &job.x));
    RF_TRY_GOTO(axis_make(r.y, r.height, image->height, out->height, filter, &job.y));
    job.scratch = rf_alloc(chunks * (RING + 1), (size_t)out->width * 3 * sizeof *job.scratch);
    if (job.scratch)
        rf_parallel_for((size_t)out->height, ROWS_A_CHUNK, make_rows, &job);
    else
        status = RF_ERR_NOMEM;
fail:
    axis_free(&job.x);
    axis_free(&job.y);
    rf_free(job.scratch);
    return status;
}
