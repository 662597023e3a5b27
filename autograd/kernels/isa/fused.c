/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of pixels on their way between a map and scratch memory. Loops run over groups of vectors of channels, all
 * pixels of a group at once, so that parameters and sums stay in registers; groups are as wide as the registers allow,
 * for memory is read best in long runs. Where several pixels fit one
 * vector (8 channels of floats with AVX-512) they are taken together, with the parameters repeated. */
#include "autograd/kernels/fused.h"
#include "autograd/kernels/isa/vec.h"

#if VEC_BYTES == 64
enum { GROUP = 8, SUMS_GROUP = 4 }; /* vectors of a group at most: where only parameters are held, and with sums */
#else
enum { GROUP = 4, SUMS_GROUP = 2 };
#endif
enum {
    SUMMED = 256, /* pixels that are summed in working precision before they go to the sums in double */
};

typedef enum mode { PLAIN, NORM, GRADIENT } mode;

ALWAYS_INLINE vec load(const rf_real *p, bool part, int last) {
    return part ? vec_load_part(p, last) : vec_load(p);
}

/* Of the parameters [3,C] those of a group's channels. */
typedef struct params {
    vec a[GROUP], b[GROUP], c[GROUP];
} params;

ALWAYS_INLINE params load_params(const int nv, const bool part, int last, const rf_real *p, size_t channels) {
    params out = {.a = {{0}}};
    for (int v = 0; v < nv; v++) {
        bool cut = part && v == nv - 1;
        out.a[v] = load(p + v * VL, cut, last);
        out.b[v] = load(p + channels + v * VL, cut, last);
        out.c[v] = load(p + 2 * channels + v * VL, cut, last);
    }
    return out;
}

/* `count` pixels, `step` elements apart, of nv vectors; the last has `last` channels when `part`. */
ALWAYS_INLINE void read_group(const int nv, const bool part, int last, const mode m, const params *k, rf_real slope,
                              const rf_real *x, const rf_real *y, size_t step, size_t count, rf_real *out,
                              size_t pitch) {
    for (size_t p = 0; p < count; p++, x += step, y += m == GRADIENT ? step : 0, out += pitch)
        for (int v = 0; v < nv; v++) {
            const bool cut = part && v == nv - 1;
            vec value = load(x + v * VL, cut, last);
            if (m == NORM) value = vec_leaky_below_one((value - k->a[v]) * k->b[v] + k->c[v], slope);
            if (m == GRADIENT) value = value + k->b[v] + (load(y + v * VL, cut, last) - k->a[v]) * k->c[v];
            if (cut)
                vec_store_part(out + v * VL, value, last);
            else
                vec_store(out + v * VL, value);
        }
}

ALWAYS_INLINE void read_columns(const mode m, const rf_real *param, size_t channels, rf_real slope, const rf_real *x,
                                const rf_real *y, size_t step, size_t count, size_t n, rf_real *out, size_t pitch) {
    for (size_t c = 0; c < n;) {
        size_t left = n - c;
        params k = {.a = {{0}}};
#define READ(nv, part, last)                                                                                           \
    if (m != PLAIN) k = load_params(nv, part, last, param + c, channels);                                              \
    read_group(nv, part, last, m, &k, slope, x + c, y + c, step, count, out + c, pitch);                               \
    c += (nv)*VL
        if (left >= GROUP * VL) {
            READ(GROUP, false, 0);
        } else if (left >= 4 * VL) {
            READ(4, false, 0);
        } else if (left >= 2 * VL) {
            READ(2, false, 0);
        } else if (left >= VL) {
            READ(1, false, 0);
        } else {
            READ(1, true, (int)left);
        }
#undef READ
    }
}

/* Whether whole pixels fill a vector, so that a row of them is one line of vectors. */
ALWAYS_INLINE bool folds(size_t channels, size_t n, size_t pitch) {
    return channels < VL && VL % channels == 0 && n == channels && pitch == channels;
}

/* Parameters [3,C] repeated to [3,VL]. */
ALWAYS_INLINE void repeat(const rf_real *p, size_t channels, rf_real *out) {
    for (size_t k = 0; k < 3; k++)
        for (size_t j = 0; j < VL; j++) out[k * VL + j] = p[k * channels + j % channels];
}

ALWAYS_INLINE void read_rows(const mode m, const rf_real *param, const rf_fused_read *r, const rf_real *x,
                             const rf_real *y, size_t channels, size_t count, size_t n, rf_real *out, size_t pitch) {
    rf_real repeated[3 * VL];
    if (folds(channels, n, pitch)) {
        size_t lines = count * channels / VL, done = lines * VL;
        if (m != PLAIN) repeat(param, channels, repeated);
        read_columns(m, repeated, VL, r->slope, x, y, VL, lines, VL, out, VL);
        x += done;
        y += m == GRADIENT ? done : 0;
        out += done;
        count -= done / channels;
    }
    read_columns(m, param, channels, r->slope, x, y, channels, count, n, out, pitch);
}

void RF_ISA_NAME(rf_fused_read_rows)(const rf_fused_read *r, const rf_real *x, size_t channels, size_t first,
                                     size_t count, size_t c0, size_t n, rf_real *out, size_t pitch) {
    size_t at = first * channels + c0;
    if (r->scale)
        read_rows(NORM, r->scale + c0, r, x + at, x + at, channels, count, n, out, pitch);
    else if (r->y)
        read_rows(GRADIENT, r->tilt + c0, r, x + at, r->y + at, channels, count, n, out, pitch);
    else
        read_rows(PLAIN, NULL, r, x + at, x + at, channels, count, n, out, pitch);
}

/* Where a group of channels goes. */
typedef struct target {
    rf_real *y;
    const rf_real *x;
    size_t step;
    rf_real slope;
    double *first, *sum, *second; /* of the part, at the group's first channel */
} target;

/* How results are stored. */
typedef enum storing { STORE, ADD, STREAM, DROP } storing;

ALWAYS_INLINE void put(rf_real *to, vec v, bool part, int last, const storing how) {
    if (how == DROP) return;
    if (how == ADD) v += load(to, part, last);
    if (part)
        vec_store_part(to, v, last);
    else if (how == STREAM)
        vec_stream(to, v);
    else
        vec_store(to, v);
}

/* Adds the lanes of a vector to sums of `period` channels. */
ALWAYS_INLINE void add_lanes(double *to, vec v, int lanes, int period) {
    rf_real value[VL];
    vec_store(value, v);
    for (int j = 0; j < lanes; j++) to[period < VL ? j % period : j] += (double)value[j];
}

ALWAYS_INLINE void store_group(const int nv, const bool part, int last, const storing how, const rf_real *shift,
                               const target *t, const rf_real *from, size_t pitch, size_t count, int period) {
    vec k[SUMS_GROUP], s1[SUMS_GROUP], s2[SUMS_GROUP];
    rf_real *y = t->y;
    for (int v = 0; v < nv; v++) k[v] = vec_load(shift + v * VL);
    for (size_t begin = 0; begin < count; begin += SUMMED) {
        size_t end = count - begin < SUMMED ? count : begin + SUMMED;
        for (int v = 0; v < nv; v++) s1[v] = s2[v] = (vec){0};
        for (size_t p = begin; p < end; p++, from += pitch, y += t->step)
            for (int v = 0; v < nv; v++) {
                const bool cut = part && v == nv - 1;
                vec value = load(from + v * VL, cut, last), d = value - k[v];
                put(y + v * VL, value, cut, last, how);
                s1[v] += d;
                s2[v] += d * d;
            }
        for (int v = 0; v < nv; v++) {
            int lanes = part && v == nv - 1 ? last : VL;
            add_lanes(t->sum + v * VL, s1[v], lanes, period);
            add_lanes(t->second + v * VL, s2[v], lanes, period);
        }
    }
}

ALWAYS_INLINE void mask_group(const int nv, const bool part, int last, const storing how, const params *k,
                              const target *t, const rf_real *from, size_t pitch, size_t count, int period) {
    vec s1[SUMS_GROUP], s2[SUMS_GROUP];
    rf_real *y = t->y;
    const rf_real *x = t->x;
    for (size_t begin = 0; begin < count; begin += SUMMED) {
        size_t end = count - begin < SUMMED ? count : begin + SUMMED;
        for (int v = 0; v < nv; v++) s1[v] = s2[v] = (vec){0};
        for (size_t p = begin; p < end; p++, from += pitch, y += how == DROP ? 0 : t->step, x += t->step)
            for (int v = 0; v < nv; v++) {
                const bool cut = part && v == nv - 1;
                vec d = load(x + v * VL, cut, last) - k->a[v], g = load(from + v * VL, cut, last);
                g = vec_where_positive(d * k->b[v] + k->c[v], g, t->slope);
                put(y + v * VL, g * k->b[v], cut, last, how);
                s1[v] += g;
                s2[v] += g * d;
            }
        for (int v = 0; v < nv; v++) {
            int lanes = part && v == nv - 1 ? last : VL;
            add_lanes(t->sum + v * VL, s1[v], lanes, period);
            add_lanes(t->second + v * VL, s2[v], lanes, period);
        }
    }
}

/* The first values of a group that were set when the part began. */
ALWAYS_INLINE void load_shift(const double *first, int lanes, int period, rf_real *out) {
    for (int j = 0; j < SUMS_GROUP * VL; j++) out[j] = j < lanes ? (rf_real)first[period < VL ? j % period : j] : 0;
}

/* A group of nv vectors with the loops for what is asked. `period`: channels after which the sums repeat. */
ALWAYS_INLINE void write_group(const int nv, const bool part, int last, const rf_fused_write *w, const rf_real *scale,
                               size_t channels, const target *t, const rf_real *from, size_t pitch, size_t count,
                               int period) {
    int lanes = (nv - 1) * VL + (part ? last : VL);
    bool stream = w->stream && t->y && !part && vec_at_border(t->y) && t->step % VL == 0;
    if (!w->x) {
        rf_real shift[SUMS_GROUP * VL];
        load_shift(t->first, lanes, period, shift);
        if (stream)
            store_group(nv, part, last, STREAM, shift, t, from, pitch, count, period);
        else
            store_group(nv, part, last, STORE, shift, t, from, pitch, count, period);
        return;
    }
    params k = load_params(nv, part, last, scale, channels);
    if (!t->y)
        mask_group(nv, part, last, DROP, &k, t, from, pitch, count, period);
    else if (w->add)
        mask_group(nv, part, last, ADD, &k, t, from, pitch, count, period);
    else if (stream)
        mask_group(nv, part, last, STREAM, &k, t, from, pitch, count, period);
    else
        mask_group(nv, part, last, STORE, &k, t, from, pitch, count, period);
}

static void write_folded(const rf_fused_write *w, const target *t, const rf_real *from, size_t lines) {
    rf_real scale[3 * VL];
    if (w->x) repeat(w->scale, w->channels, scale);
    write_group(1, false, 0, w, scale, VL, t, from, VL, lines, (int)w->channels);
}

void RF_ISA_NAME(rf_fused_write_rows)(const rf_fused_write *w, const rf_real *from, size_t pitch, size_t first,
                                      size_t count, size_t c0, size_t n, double *part, bool begins) {
    size_t channels = w->channels, at = first * channels + c0;
    double *begin = part + 1 + c0;
    for (size_t c = 0; c < n && begins; c++) {
        begin[c] = (double)from[c];
        begin[channels + c] = begin[2 * channels + c] = 0;
    }
    if (c0 == 0) part[0] = (double)count + (begins ? 0 : part[0]);
    target t = {w->y ? w->y + at : NULL, w->x ? w->x + at : NULL, channels, w->slope, begin,
                begin + channels,        begin + 2 * channels};
    if (folds(channels, n, pitch)) {
        size_t lines = count * channels / VL, done = lines * VL;
        target lined = t;
        lined.step = VL;
        write_folded(w, &lined, from, lines);
        t.y = t.y ? t.y + done : NULL;
        t.x = t.x ? t.x + done : NULL;
        from += done;
        count -= done / channels;
    }
    for (size_t c = 0; c < n && count > 0;) {
        size_t left = n - c;
        target group = {t.y ? t.y + c : NULL, t.x ? t.x + c : NULL, channels, t.slope, t.first + c, t.sum + c,
                        t.second + c};
        const rf_real *scale = w->x ? w->scale + c0 + c : NULL;
#define WRITE(nv, part, last)                                                                                          \
    write_group(nv, part, last, w, scale, channels, &group, from + c, pitch, count, VL);                               \
    c += (nv)*VL
        if (left >= SUMS_GROUP * VL) {
            WRITE(SUMS_GROUP, false, 0);
        } else if (left >= 2 * VL) {
            WRITE(2, false, 0);
        } else if (left >= VL) {
            WRITE(1, false, 0);
        } else {
            WRITE(1, true, (int)left);
        }
#undef WRITE
    }
}

void RF_ISA_NAME(rf_fused_write_end)(const rf_fused_write *w) {
    if (w->stream) vec_stream_end();
}
