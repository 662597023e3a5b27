/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 depth-wise convolutions of training in strips: of a few columns (and channels) all rows of a chunk are worked
 * through before the next columns, so that the three rows that overlap stay in the first-level cache. Source rows are
 * copied there as the fusion reads them, with zeros around the map, once each. Backward, a pixel of x meets the nine
 * pixels of dy around it: they give its gradient, and times its value the gradient of the nine weights. */
#include "autograd/kernels/dwconv_internal.h"

#include <string.h>

#include "autograd/kernels/conv_internal.h"
#include "autograd/kernels/isa/stream.h"
#include "autograd/kernels/isa/strip.h"

enum {
    SLOTS = 3,
    ROW = 1792,   /* elements of a row of a strip at most: three of them take 21 of 32 KB */
    SUMMED = 512, /* pixels that are summed in working precision before they go to the sums in double */
    LANES = RF_STRIP_LANES,
    MAX_SLICE = 64
};

/* The map that is read with overlap. */
typedef struct source {
    const rf_real *map; /* [rows,pixels,C] */
    int rows, pixels;   /* of an image */
    const rf_fused_read *read;
} source;

/* Columns [left, left + width) and channels [c0, c0 + n) of the source. */
typedef struct strip {
    const rf_dw_pass *pass;
    source from;
    int left, width;
    size_t c0, n;
    size_t held[SLOTS]; /* row + 1 of the whole map that a slot holds */
    rf_real *ring, *zeros;
    rf_real *weights, *scales; /* repeated, where channels fold */
    rf_real *sums;             /* first value, sum, second sum of each lane */
    size_t pixels;             /* whose sums have not gone to the part */
    rf_real *acc;              /* of dw */
} strip;

enum { SUMS = 3 * MAX_SLICE, WEIGHTS = RF_STRIP_TAPS * LANES, SCALES = 3 * LANES };

/* The last part is for sums of dw that are not wanted. */
size_t rf_dw_strips_elements(const rf_dwconv *v) {
    return (SLOTS + 1) * ROW + WEIGHTS + SCALES + SUMS + rf_dw_partial_count(v);
}

/* Channels that share a vector with other pixels: a row of pixels is then one run of lanes. */
static bool folds(const rf_dwconv *v) {
    return v->c < LANES;
}

bool rf_dw_strips_serve(const rf_dwconv *v) {
    if (v->kh != 3 || v->kw != 3 || v->pad != 1 || v->stride > 2) return false;
    if (v->c % LANES == 0) return true;
    return LANES % v->c == 0 && v->stride == 1 && v->w * v->c % LANES == 0;
}

/* Channels of a strip at most: few columns of many channels would read their borders too often. */
static size_t slice_of(const rf_dwconv *v) {
    return rf_conv_least((size_t)v->c, MAX_SLICE);
}

/* Columns of a strip when `columns` are to be covered, `room` of them fit and borders lie at multiples of `unit`. */
static int strip_columns(int columns, int room, int unit) {
    room = room / unit * unit;
    int strips = (columns + room - 1) / room, even = (columns + strips - 1) / strips;
    return (even + unit - 1) / unit * unit;
}

static void fill_row(const strip *s, size_t row, rf_real *out) {
    const source *f = &s->from;
    size_t channels = (size_t)s->pass->conv->c;
    int begin = s->left < 0 ? 0 : s->left, end = s->left + s->width;
    if (end > f->pixels) {
        int outside = end - f->pixels < s->width ? end - f->pixels : s->width;
        memset(out + (size_t)(s->width - outside) * s->n, 0, (size_t)outside * s->n * sizeof *out);
        end = f->pixels;
    }
    if (s->left < 0) memset(out, 0, (size_t)-s->left * s->n * sizeof *out);
    if (end > begin) RF_ISA_PICK(rf_fused_read_rows)
    (f->read, f->map, channels, row * (size_t)f->pixels + (size_t)begin, (size_t)(end - begin), s->c0, s->n,
     out + (size_t)(begin - s->left) * s->n, s->n);
}

/* Row `row` of image `image`, copied when it is first asked for; zeros outside of the image. */
static const rf_real *row_at(strip *s, size_t image, int row) {
    if (row < 0 || row >= s->from.rows) return s->zeros;
    size_t at = image * (size_t)s->from.rows + (size_t)row, slot = at % SLOTS;
    rf_real *out = s->ring + slot * ROW;
    if (s->held[slot] != at + 1) fill_row(s, at, out);
    s->held[slot] = at + 1;
    return out;
}

static void to_part(strip *s, size_t channels, double *part) {
    size_t lanes = folds(s->pass->conv) ? LANES : s->n;
    for (size_t k = 1; k < 3; k++)
        for (size_t j = 0; j < lanes; j++) {
            part[1 + k * channels + s->c0 + j % s->n] += (double)s->sums[k * MAX_SLICE + j];
            s->sums[k * MAX_SLICE + j] = 0;
        }
    s->pixels = 0;
}

static void count_pixels(strip *s, size_t count, double *part) {
    s->pixels += count;
    if (part && s->pixels >= SUMMED) to_part(s, (size_t)s->pass->conv->c, part);
}

/* What all rows of a strip have in common. `lanes` channels a step; weights repeated where channels fold. */
static rf_strip kernel_of(strip *s) {
    const rf_dwconv *v = s->pass->conv;
    size_t channels = (size_t)v->c;
    bool fold = folds(v);
    for (size_t t = 0; fold && t < RF_STRIP_TAPS; t++)
        for (size_t j = 0; j < LANES; j++) s->weights[t * LANES + j] = v->weight[t * channels + j % channels];
    return (rf_strip){
        .lanes = fold ? LANES : s->n, .first = s->sums, .sum = s->sums + MAX_SLICE, .second = s->sums + 2 * MAX_SLICE};
}

static const rf_real *weight_of(const strip *s, size_t tap) {
    const rf_dwconv *v = s->pass->conv;
    return folds(v) ? s->weights + tap * LANES : v->weight + tap * (size_t)v->c + s->c0;
}

static strip strip_of(const rf_dw_pass *p, source from, rf_real *scratch) {
    strip s = {.pass = p, .from = from, .ring = scratch, .zeros = scratch + SLOTS * ROW};
    s.weights = s.zeros + ROW;
    s.scales = s.weights + WEIGHTS;
    s.sums = s.scales + SCALES;
    memset(s.zeros, 0, ROW * sizeof *s.zeros);
    return s;
}

/* Moves the strip to other columns and channels. */
static void place(strip *s, int left, int width, size_t c0, size_t n) {
    s->left = left;
    s->width = width;
    s->c0 = c0;
    s->n = n;
    memset(s->held, 0, sizeof s->held);
}

/* Every step-th pixel of a row of a map like the source, from `column` on, will be read soon. */
static void read_ahead(const strip *s, rf_strip *k, const rf_real *map, size_t image, int row, int column, int step) {
    size_t channels = (size_t)s->pass->conv->c, at = image * (size_t)s->from.rows + (size_t)row;
    k->ahead[k->aheads] = map + (at * (size_t)s->from.pixels + (size_t)column) * channels + s->c0;
    k->ahead_step[k->aheads++] = folds(s->pass->conv) ? LANES : (size_t)step * channels;
}

/* One row of the result, columns [q0, q1). */
static void forward_row(strip *s, rf_strip *k, size_t row, int q0, int q1) {
    const rf_dwconv *v = s->pass->conv;
    size_t channels = (size_t)v->c, image = row / (size_t)v->oh, pixels = (size_t)(q1 - q0);
    int top = (int)(row % (size_t)v->oh) * v->stride - 1;
    for (int r = 0; r < 3; r++) {
        const rf_real *from = row_at(s, image, top + r);
        for (int t = 0; t < 3; t++) {
            k->source[r * 3 + t] = from + (size_t)t * s->n;
            k->weight[r * 3 + t] = weight_of(s, (size_t)(r * 3 + t));
        }
    }
    k->count = pixels * s->n / k->lanes;
    k->y = s->pass->out + (row * (size_t)v->ow + (size_t)q0) * channels + s->c0;
    k->aheads = 0;
    for (int r = 3; r < 3 + v->stride && top + r < v->h; r++)
        for (int t = 0; t < v->stride; t++) read_ahead(s, k, v->x, image, top + r, q0 * v->stride + t, v->stride);
    RF_ISA_PICK(rf_strip_sum)(k);
}

/* The first results of a chunk, around which moments are summed. */
static void first_values(strip *s, rf_strip k, size_t row, double *part) {
    size_t channels = (size_t)s->pass->conv->c;
    k.sum = NULL;
    forward_row(s, &k, row, 0, (int)(k.lanes / s->n));
    for (size_t j = 0; j < k.lanes; j++) {
        rf_real first = k.y[j % s->n];
        s->sums[j] = first;
        s->sums[MAX_SLICE + j] = s->sums[2 * MAX_SLICE + j] = 0;
        part[1 + s->c0 + j % s->n] = (double)first;
        part[1 + channels + s->c0 + j % s->n] = part[1 + 2 * channels + s->c0 + j % s->n] = 0;
    }
}

void rf_dw_strips_forward(void *ctx, size_t begin, size_t end) {
    const rf_dw_pass *p = ctx;
    const rf_dwconv *v = p->conv;
    double *part = p->writes ? rf_dw_part(p, begin / p->grain) : NULL;
    size_t slice = slice_of(v), channels = (size_t)v->c;
    int room = (ROW / (int)slice - 3) / v->stride + 1, unit = folds(v) ? LANES / v->c : 1;
    int columns = strip_columns(v->ow, room, unit);
    source from = {v->x, v->h, v->w, &p->fusion->x};
    strip s = strip_of(p, from, rf_dw_scratch(p));
    if (part) part[0] = (double)((end - begin) * (size_t)v->ow);
    for (size_t c0 = 0; c0 < channels; c0 += slice)
        for (int q0 = 0; q0 < v->ow; q0 += columns) {
            int q1 = q0 + columns < v->ow ? q0 + columns : v->ow;
            place(&s, q0 * v->stride - 1, (q1 - q0 - 1) * v->stride + 3, c0, rf_conv_least(slice, channels - c0));
            rf_strip k = kernel_of(&s);
            k.step = folds(v) ? LANES : channels;
            k.source_step = folds(v) ? LANES : (size_t)v->stride * s.n;
            k.stream = p->large;
            if (part && q0 == 0) first_values(&s, k, begin, part);
            if (!part) k.sum = NULL;
            for (size_t row = begin; row < end; row++) {
                forward_row(&s, &k, row, q0, q1);
                count_pixels(&s, (size_t)(q1 - q0), part);
            }
            if (part) to_part(&s, channels, part);
        }
    if (p->writes) RF_ISA_PICK(rf_fused_write_end)(&p->write);
}

/* The rows of dy that row i of an image of x contributes to, the rows of weights that join them, and the row of dy that
 * the next i needs for the first time. */
typedef struct joined {
    int n;
    const rf_real *row[3];
    int k[3];
    size_t image;
    int next;
} joined;

static joined joined_rows(strip *s, size_t image, int i) {
    int stride = s->pass->conv->stride;
    joined out = {.image = image, .next = stride == 1 ? i + 2 : i % 2 == 0 ? i / 2 + 1 : s->from.rows};
    for (int k = 0; k < 3; k++)
        if ((i + 1 - k) % stride == 0) {
            out.row[out.n] = row_at(s, image, (i + 1 - k) / stride);
            out.k[out.n++] = k;
        }
    return out;
}

/* Every stride-th column of a row of x, `count` from `first` on: they have their taps in common. */
static void backward_columns(strip *s, rf_strip *k, const joined *rows, size_t row, int first, int count) {
    const rf_dwconv *v = s->pass->conv;
    int stride = v->stride;
    k->taps = 0;
    for (int r = 0; r < rows->n; r++)
        for (int t = 0; t < 3; t++) {
            if ((first + 1 - t) % stride != 0) continue;
            size_t tap = (size_t)(rows->k[r] * 3 + t);
            k->source[k->taps] = rows->row[r] + (size_t)((first + 1 - t) / stride - s->left) * s->n;
            k->weight[k->taps] = weight_of(s, tap);
            k->acc[k->taps++] = s->acc + tap * rf_stream_columns((size_t)v->c);
        }
    size_t at = (row * (size_t)v->w + (size_t)first) * (size_t)v->c + s->c0;
    k->count = (size_t)count * s->n / k->lanes;
    k->y = s->pass->out ? s->pass->out + at : NULL;
    k->x = v->x + at;
    k->aheads = 0;
    if (row + 1 < (size_t)v->n * (size_t)v->h) {
        k->ahead[0] = k->x + (size_t)v->w * (size_t)v->c;
        k->ahead_step[k->aheads++] = k->step;
    }
    if (first % stride == 0 && rows->next < s->from.rows) {
        read_ahead(s, k, s->pass->dy, rows->image, rows->next, first / stride, 1);
        if (s->pass->fusion->dy.y) read_ahead(s, k, s->pass->fusion->dy.y, rows->image, rows->next, first / stride, 1);
    }
    RF_ISA_PICK(rf_strip_gradient)(k);
}

/* All rows of a chunk in columns [p0, p1) of x. */
static void backward_strip(strip *s, rf_strip k, size_t begin, size_t end, int p0, int p1, double *part) {
    const rf_dwconv *v = s->pass->conv;
    size_t h = (size_t)v->h;
    for (size_t row = begin; row < end; row++) {
        joined rows = joined_rows(s, row / h, (int)(row % h));
        for (int first = p0; first < p0 + v->stride && first < p1; first++)
            backward_columns(s, &k, &rows, row, first, (p1 - first + v->stride - 1) / v->stride);
        count_pixels(s, (size_t)(p1 - p0), part);
    }
    to_part(s, (size_t)v->c, part);
}

/* The scale of x as the kernel reads it. */
static void set_scale(strip *s, rf_strip *k) {
    size_t channels = (size_t)s->pass->conv->c;
    const rf_real *scale = s->pass->fusion->x.scale, *at[3];
    for (size_t i = 0; i < 3; i++) {
        at[i] = scale + i * channels + s->c0;
        if (!folds(s->pass->conv)) continue;
        for (size_t j = 0; j < LANES; j++) s->scales[i * LANES + j] = at[i][j % channels];
        at[i] = s->scales + i * LANES;
    }
    k->mean = at[0];
    k->gain = at[1];
    k->shift = at[2];
    k->slope = s->pass->fusion->x.slope;
}

void rf_dw_strips_backward(void *ctx, size_t begin, size_t end) {
    const rf_dw_pass *p = ctx;
    const rf_dwconv *v = p->conv;
    size_t chunk = begin / p->grain, slice = slice_of(v), channels = (size_t)v->c, count = rf_dw_partial_count(v);
    int room = (ROW / (int)slice - 2) * v->stride, unit = folds(v) ? LANES / v->c : v->stride;
    int columns = strip_columns(v->w, room, unit);
    strip s = strip_of(p, (source){p->dy, v->oh, v->ow, &p->fusion->dy}, rf_dw_scratch(p));
    rf_real *acc = p->partials ? p->partials + chunk * count : s.sums + SUMS;
    memset(acc, 0, count * sizeof *acc);
    memset(s.sums, 0, SUMS * sizeof *s.sums);
    for (size_t c0 = 0; c0 < channels; c0 += slice)
        for (int p0 = 0; p0 < v->w; p0 += columns) {
            int p1 = p0 + columns < v->w ? p0 + columns : v->w;
            bool whole = v->stride == 1;
            place(&s, whole ? p0 - 1 : p0 / 2, whole ? p1 - p0 + 2 : (p1 - p0 + 1) / 2 + 1, c0,
                  rf_conv_least(slice, channels - c0));
            s.acc = acc + (folds(v) ? 0 : c0);
            rf_strip k = kernel_of(&s);
            k.step = folds(v) ? LANES : (size_t)v->stride * channels;
            k.source_step = folds(v) ? LANES : s.n;
            k.add = p->add;
            k.stream = p->large && !p->add;
            set_scale(&s, &k);
            backward_strip(&s, k, rf_dw_input_rows(v, begin), rf_dw_input_rows(v, end), p0, p1, rf_dw_part(p, chunk));
        }
    RF_ISA_PICK(rf_fused_write_end)(&p->write);
}
