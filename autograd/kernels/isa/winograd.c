/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd's transforms F(4x4, 3x3) over vectors of channels. With the points 0, a, -a, b, -b, infinity the matrices
 * pair up in even and odd parts:
 *   B': [a2b2 0 -(a2+b2) 0 1 0], (x4 - b2 x2) +- a (x3 - b2 x1), (x4 - a2 x2) +- b (x3 - a2 x1),
 *       [0 a2b2 0 -(a2+b2) 0 1]
 *   A': powers 0..3 of the points, the last row with infinity;    G: powers 0..2 divided by prod (point - others). */
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/isa/conv_vec.h"
#include "autograd/kernels/winograd.h"

#include <string.h>

enum { P = RF_WINOGRAD_PATCH, T = RF_WINOGRAD_TILE };

#define A ((rf_real)0.75)
#define B ((rf_real)1.5)
#define A2 (A * A)
#define B2 (B * B)
#define A3 (A2 * A)
#define B3 (B2 * B)
/* Divisors of G. */
#define N0 (A2 * B2)
#define NA (2 * A2 * (A2 - B2))
#define NB (2 * B2 * (B2 - A2))

ALWAYS_INLINE vec load(const rf_real *p, int n) {
    return n >= VL ? vec_load(p) : vec_load_part(p, n);
}

ALWAYS_INLINE void store(rf_real *p, vec v, int n) {
    if (n >= VL)
        vec_store(p, v);
    else
        vec_store_part(p, v, n);
}

/* out[0..5] = B' x, elements `step` apart in both. */
ALWAYS_INLINE void input_line(const vec *x, vec *out, const int step) {
    vec x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step];
    vec even_a = x4 - x2 * B2, odd_a = x3 - x1 * B2, even_b = x4 - x2 * A2, odd_b = x3 - x1 * A2;
    vec first = x[0] * (A2 * B2) - x2 * (A2 + B2) + x4, last = x1 * (A2 * B2) - x3 * (A2 + B2) + x[5 * step];
    out[0] = first;
    out[step] = even_a + odd_a * A;
    out[2 * step] = even_a - odd_a * A;
    out[3 * step] = even_b + odd_b * B;
    out[4 * step] = even_b - odd_b * B;
    out[5 * step] = last;
}

/* out[0..5] = A x[0..3]. */
ALWAYS_INLINE void gradient_line(const vec *x, vec *out, const int step) {
    vec x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step];
    vec even_a = x0 + x2 * A2, odd_a = x1 * A + x3 * A3, even_b = x0 + x2 * B2, odd_b = x1 * B + x3 * B3;
    out[0] = x0;
    out[step] = even_a + odd_a;
    out[2 * step] = even_a - odd_a;
    out[3 * step] = even_b + odd_b;
    out[4 * step] = even_b - odd_b;
    out[5 * step] = x3;
}

/* out[0..3] = A' m[0..5]. */
ALWAYS_INLINE void output_line(const vec *m, vec *out, const int step) {
    vec sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
    vec sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
    vec y0 = m[0] + sum_a + sum_b, y3 = difference_a * A3 + difference_b * B3 + m[5 * step];
    out[0] = y0;
    out[step] = difference_a * A + difference_b * B;
    out[2 * step] = sum_a * A2 + sum_b * B2;
    out[3 * step] = y3;
}

/* out[0..5] = G w[0..2]. */
ALWAYS_INLINE void filter_line(const vec *w, vec *out, const int step) {
    vec w0 = w[0], w1 = w[step], w2 = w[2 * step];
    vec even_a = (w0 + w2 * A2) * (1 / NA), odd_a = w1 * (A / NA), even_b = (w0 + w2 * B2) * (1 / NB),
        odd_b = w1 * (B / NB);
    out[0] = w0 * (1 / N0);
    out[step] = even_a + odd_a;
    out[2 * step] = even_a - odd_a;
    out[3 * step] = even_b + odd_b;
    out[4 * step] = even_b - odd_b;
    out[5 * step] = w2;
}

/* out[0..2] = G' u[0..5]. */
ALWAYS_INLINE void filter_gradient_line(const vec *u, vec *out, const int step) {
    vec sum_a = (u[step] + u[2 * step]) * (1 / NA), difference_a = (u[step] - u[2 * step]) * (A / NA);
    vec sum_b = (u[3 * step] + u[4 * step]) * (1 / NB), difference_b = (u[3 * step] - u[4 * step]) * (B / NB);
    vec w0 = u[0] * (1 / N0) + sum_a + sum_b, w2 = sum_a * A2 + sum_b * B2 + u[5 * step];
    out[0] = w0;
    out[step] = difference_a + difference_b;
    out[2 * step] = w2;
}

/* What happens to a pixel that is read: see rf_fused_read. */
typedef enum mode { PLAIN, NORM, GRADIENT } mode;

typedef struct reading {
    vec a, b, c; /* of rf_fused_read.scale or tilt */
    rf_real slope;
} reading;

ALWAYS_INLINE reading reading_of(const rf_winograd_patch *p, const mode m, int c) {
    const rf_real *param = (m == NORM ? p->read.scale : p->read.tilt) + c;
    int n = p->channels - c;
    return (reading){load(param, n), load(param + p->channels, n), load(param + 2 * p->channels, n), p->read.slope};
}

/* `offset` elements lie between the pixel and that of the other map. */
ALWAYS_INLINE vec read_pixel(const mode m, const reading *r, ptrdiff_t offset, const rf_real *from, int n) {
    vec v = load(from, n);
    if (m == NORM) v = vec_leaky_below_one((v - r->a) * r->b + r->c, r->slope);
    if (m == GRADIENT) v = v + r->b + (load(from + offset, n) - r->a) * r->c;
    return v;
}

/* Asks for T neighbouring pixels. */
ALWAYS_INLINE void fetch_pixels(const rf_real *from, size_t pixel) {
    for (int j = 0; j < T; j++, from += pixel) __builtin_prefetch(from);
}

/* side x side pixels, a vector of them from channel c on. */
ALWAYS_INLINE void load_patch(const rf_winograd_patch *p, const mode m, const int side, int c, vec *out) {
    int n = p->channels - c;
    reading r = {.slope = 1};
    if (m != PLAIN) r = reading_of(p, m, c);
    const ptrdiff_t other = m == GRADIENT ? p->read.y - p->picture : 0;
    const size_t pixel = p->pixel, row = (size_t)p->w * pixel;
    if (p->y >= 0 && p->x >= 0 && p->y + side <= p->h && p->x + side <= p->w && n >= VL) {
        const rf_real *line = p->picture + (size_t)p->y * row + (size_t)p->x * pixel + c;
        for (int i = 0; i < side; i++, line += row) {
            const rf_real *from = line;
            for (int j = 0; j < side; j++, from += pixel) out[i * side + j] = read_pixel(m, &r, other, from, VL);
            /* The tile to the right follows: too many short lines for the hardware to guess. */
            fetch_pixels(from, pixel);
            if (m == GRADIENT) fetch_pixels(from + other, pixel);
        }
        return;
    }
    int left = p->x < 0 ? -p->x : 0, right = p->w - p->x < side ? p->w - p->x : side;
    for (int i = 0; i < side; i++) {
        bool there = p->y + i >= 0 && p->y + i < p->h;
        const rf_real *line = there ? p->picture + (size_t)(p->y + i) * row + c : NULL;
        for (int j = 0; j < side; j++)
            out[i * side + j] = there && j >= left && j < right
                                    ? read_pixel(m, &r, other, line + (size_t)(p->x + j) * pixel, n)
                                    : (vec){0};
    }
}

/* The first of a channel vector's 36 places. */
ALWAYS_INLINE rf_real *first_place(const rf_winograd_place *out, int c) {
    return out->v + (size_t)(c / out->width) * out->panel + c % out->width;
}

/* Stores a vector; where panels are half a vector wide (`halves`) its second half goes to the next panel. */
ALWAYS_INLINE void put(rf_real *to, size_t panel, const bool halves, vec v) {
    (void)panel;
    if (!halves) {
        vec_store(to, v);
        return;
    }
#if VEC_BYTES > 16
    typedef rf_real half __attribute__((vector_size(VEC_BYTES / 2), aligned(sizeof(rf_real)), may_alias));
    half parts[2];
    memcpy(parts, &v, sizeof v);
    *(half *)to = parts[0];
    *(half *)(to + panel) = parts[1];
#endif
}

ALWAYS_INLINE void input_to(const rf_winograd_patch *patch, const mode m, const rf_winograd_place *out,
                            const bool halves) {
    const size_t product = out->product, panel = out->panel; /* stores might change *out, for all the compiler knows */
    const int channels = patch->channels;
    for (int c = 0; c < channels; c += VL) {
        vec d[P * P], line[P];
        load_patch(patch, m, P, c, d);
        rf_real *to = first_place(out, c);
        for (int j = 0; j < P; j++) input_line(d + j, d + j, P);
        for (int i = 0; i < P; i++) {
            input_line(d + i * P, line, 1);
            for (int j = 0; j < P; j++) put(to + (i * P + j) * product, panel, halves, line[j]);
        }
    }
}

ALWAYS_INLINE void gradient_to(const rf_winograd_patch *patch, const mode m, const rf_winograd_place *out,
                               const bool halves) {
    const size_t product = out->product, panel = out->panel;
    const int channels = patch->channels;
    for (int c = 0; c < channels; c += VL) {
        vec d[T * T], rows[P * T], line[P];
        load_patch(patch, m, T, c, d);
        rf_real *to = first_place(out, c);
        for (int j = 0; j < T; j++) gradient_line(d + j, rows + j, T);
        for (int i = 0; i < P; i++) {
            gradient_line(rows + i * T, line, 1);
            for (int j = 0; j < P; j++) put(to + (i * P + j) * product, panel, halves, line[j]);
        }
    }
}

ALWAYS_INLINE void input_for(const rf_winograd_patch *patch, const mode m, const rf_winograd_place *out) {
    if (out->width < VL)
        input_to(patch, m, out, true);
    else
        input_to(patch, m, out, false);
}

static void input(const rf_winograd_patch *patch, const rf_winograd_place *out) {
    if (patch->read.scale)
        input_for(patch, NORM, out);
    else if (patch->read.y)
        input_for(patch, GRADIENT, out);
    else
        input_for(patch, PLAIN, out);
}

ALWAYS_INLINE void gradient_for(const rf_winograd_patch *patch, const mode m, const rf_winograd_place *out) {
    if (out->width < VL)
        gradient_to(patch, m, out, true);
    else
        gradient_to(patch, m, out, false);
}

static void gradient(const rf_winograd_patch *patch, const rf_winograd_place *out) {
    if (patch->read.y)
        gradient_for(patch, GRADIENT, out);
    else
        gradient_for(patch, PLAIN, out);
}

/* A result on its way to the picture, and its share in the sums. */
typedef struct finishing {
    vec a, b, c; /* mean, gain, shift of the map that was read; a: the first value where moments are gathered */
    vec sum, second;
} finishing;

typedef enum purpose { STORE, MOMENTS, MASK } purpose;

ALWAYS_INLINE vec gather(const rf_winograd_result *q, const purpose use, finishing *f, size_t at, int n, vec v) {
    if (use == STORE) return v;
    if (use == MOMENTS) {
        vec d = v - f->a;
        f->sum += d;
        f->second += d * d;
        return v;
    }
    vec d = load(q->write->x + at, n) - f->a, g = vec_where_positive(d * f->b + f->c, v, q->write->slope);
    f->sum += g;
    f->second += g * d;
    return g * f->b;
}

ALWAYS_INLINE void finish(const rf_winograd_result *q, const purpose use, finishing *f, size_t at, int c, int n,
                          vec v) {
    const rf_conv_epilogue *e = &q->epilogue;
    if (e->bias) v += load(e->bias + c, n);
    v = gather(q, use, f, at, n, v);
    if (use == MASK && !q->picture) return;
    if (q->add) v += load(q->picture + at, n);
    if (e->residual) v += load(e->residual + at, n);
    if (e->act) v = vec_leaky(v, e->slope);
    if (q->stream)
        vec_stream(q->picture + at, v);
    else
        store(q->picture + at, v, n);
}

ALWAYS_INLINE finishing begin_channels(const rf_winograd_result *q, const purpose use, int c, int n, vec first) {
    finishing f = {.sum = {0}};
    if (use == STORE) return f;
    rf_real *sums = q->sums + c;
    if (q->begins) {
        vec bias = q->epilogue.bias ? load(q->epilogue.bias + c, n) : (vec){0};
        vec_store(sums, first + bias);
    } else {
        f.sum = vec_load(sums + q->sums_row);
        f.second = vec_load(sums + 2 * q->sums_row);
    }
    f.a = use == MOMENTS ? vec_load(sums) : load(q->write->scale + c, n);
    if (use == MASK) f.b = load(q->write->scale + q->channels + c, n);
    if (use == MASK) f.c = load(q->write->scale + 2 * q->channels + c, n);
    return f;
}

ALWAYS_INLINE void output_for(const rf_real *m, size_t step, const rf_winograd_result *q, const purpose use) {
    int rows = q->h - q->y < T ? q->h - q->y : T, columns = q->w - q->x < T ? q->w - q->x : T;
    for (int c = 0; c < q->channels; c += VL) {
        vec d[P], half[T * P], y[T];
        for (int j = 0; j < P; j++) {
            for (int i = 0; i < P; i++) d[i] = vec_load(m + (i * P + j) * step + c);
            output_line(d, d, 1);
            for (int i = 0; i < T; i++) half[i * P + j] = d[i];
        }
        int n = q->channels - c;
        output_line(half, y, 1);
        finishing f = begin_channels(q, use, c, n, y[0]);
        for (int i = 0; i < rows; i++) {
            if (i > 0) output_line(half + i * P, y, 1);
            size_t at = ((size_t)(q->y + i) * q->w + q->x) * q->pixel + c;
            /* Of the tile to the right, which follows. */
            if (use == MASK) fetch_pixels(q->write->x + at + T * q->pixel, q->pixel);
            if (q->add) fetch_pixels(q->picture + at + T * q->pixel, q->pixel);
            for (int j = 0; j < T; j++)
                if (j < columns) finish(q, use, &f, at + j * q->pixel, c, n, y[j]);
        }
        if (use == STORE) continue;
        vec_store(q->sums + q->sums_row + c, f.sum);
        vec_store(q->sums + 2 * q->sums_row + c, f.second);
    }
    if (q->stream) vec_stream_end();
}

static void output(const rf_real *m, size_t step, const rf_winograd_result *q) {
    if (!q->write)
        output_for(m, step, q, STORE);
    else if (!q->write->x)
        output_for(m, step, q, MOMENTS);
    else
        output_for(m, step, q, MASK);
}

static void filter(const rf_real *const taps[9], int n, rf_real *out, size_t step) {
    for (int c = 0; c < n; c += VL) {
        vec w[9], rows[3 * P], line[P];
        for (int k = 0; k < 9; k++) w[k] = load(taps[k] + c, n - c);
        for (int j = 0; j < 3; j++) filter_line(w + j, rows + j, 3);
        for (int i = 0; i < P; i++) {
            filter_line(rows + i * 3, line, 1);
            for (int j = 0; j < P; j++) vec_store(out + (i * P + j) * step + c, line[j]);
        }
    }
}

static void filter_gradient(const rf_real *u, size_t step, int n, rf_real *dw, size_t tap_step, bool add) {
    for (int c = 0; c < n; c += VL) {
        vec d[P], rows[3 * P], line[3];
        for (int j = 0; j < P; j++) {
            for (int i = 0; i < P; i++) d[i] = load(u + (i * P + j) * step + c, n - c);
            filter_gradient_line(d, d, 1);
            for (int i = 0; i < 3; i++) rows[i * P + j] = d[i];
        }
        for (int i = 0; i < 3; i++) {
            filter_gradient_line(rows + i * P, line, 1);
            for (int j = 0; j < 3; j++) {
                rf_real *to = dw + (i * 3 + j) * tap_step + c;
                store(to, add ? line[j] + load(to, n - c) : line[j], n - c);
            }
        }
    }
}

extern const rf_winograd_kernels RF_ISA_NAME(rf_winograd_kernels);
const rf_winograd_kernels RF_ISA_NAME(rf_winograd_kernels) = {input, gradient, output, filter, filter_gradient};
