/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/isa/strip.h"
#include "autograd/kernels/isa/vec.h"

/* `taps` is a constant where the loops are inlined, so that weights and sums stay in registers. */
#define EACH_TAP(t) _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++)

enum { FETCHED = 8 }; /* pixels between requests for memory, so that no more of them are under way than can be */

/* Asks for what will be read soon, beside pixels [begin, end). */
ALWAYS_INLINE void fetch(const rf_strip *s, size_t c, size_t begin, size_t end) {
    for (int k = 0; k < s->aheads; k++)
        for (size_t i = begin; i < end; i++) __builtin_prefetch(s->ahead[k] + c + i * s->ahead_step[k], 0, 2);
}

ALWAYS_INLINE size_t next_stop(const rf_strip *s, size_t i) {
    return s->count - i < FETCHED ? s->count : i + FETCHED;
}

ALWAYS_INLINE void sum_lanes(const rf_strip *s, const int taps, size_t c, const bool stream, const bool moments) {
    vec w[RF_STRIP_TAPS];
    const rf_real *source[RF_STRIP_TAPS];
    EACH_TAP(t) {
        w[t] = vec_load(s->weight[t] + c);
        source[t] = s->source[t] + c;
    }
    vec first = {0}, sum = {0}, second = {0};
    if (moments) {
        first = vec_load(s->first + c);
        sum = vec_load(s->sum + c);
        second = vec_load(s->second + c);
    }
    rf_real *y = s->y + c;
    size_t at = 0, source_step = s->source_step, step = s->step;
    for (size_t i = 0; i < s->count;) {
        size_t stop = next_stop(s, i);
        fetch(s, c, i, stop);
        for (; i < stop; i++, at += source_step, y += step) {
            vec v = w[0] * vec_load(source[0] + at);
            _Pragma("GCC unroll 9") for (int t = 1; t < taps; t++) v += w[t] * vec_load(source[t] + at);
            if (stream)
                vec_stream(y, v);
            else
                vec_store(y, v);
            if (!moments) continue;
            vec d = v - first;
            sum += d;
            second += d * d;
        }
    }
    if (!moments) return;
    vec_store(s->sum + c, sum);
    vec_store(s->second + c, second);
}

void RF_ISA_NAME(rf_strip_sum)(const rf_strip *s) {
    for (size_t c = 0; c < s->lanes; c += VL)
        if (!s->sum)
            sum_lanes(s, RF_STRIP_TAPS, c, false, false);
        else if (s->stream)
            sum_lanes(s, RF_STRIP_TAPS, c, true, true);
        else
            sum_lanes(s, RF_STRIP_TAPS, c, false, true);
}

typedef enum storing { STORE, ADD, STREAM, DROP } storing;

ALWAYS_INLINE void gradient_lanes(const rf_strip *s, const int taps, size_t c, const storing how) {
    vec w[RF_STRIP_TAPS], acc[RF_STRIP_TAPS];
    const rf_real *source[RF_STRIP_TAPS];
    EACH_TAP(t) {
        w[t] = vec_load(s->weight[t] + c);
        acc[t] = vec_load(s->acc[t] + c);
        source[t] = s->source[t] + c;
    }
    const vec mean = vec_load(s->mean + c), gain = vec_load(s->gain + c), shift = vec_load(s->shift + c);
    vec sum = vec_load(s->sum + c), second = vec_load(s->second + c);
    const rf_real slope = s->slope, *x = s->x + c;
    rf_real *y = how == DROP ? NULL : s->y + c;
    size_t at = 0, source_step = s->source_step, step = s->step;
    for (size_t i = 0; i < s->count;) {
        size_t stop = next_stop(s, i);
        fetch(s, c, i, stop);
        for (; i < stop; i++, at += source_step, x += step, y += how == DROP ? 0 : step) {
            vec d = vec_load(x) - mean, before = d * gain + shift, v = vec_leaky_below_one(before, slope), g = {0};
            EACH_TAP(t) {
                vec from = vec_load(source[t] + at);
                g = t == 0 ? from * w[0] : g + from * w[t];
                acc[t] += from * v;
            }
            g = vec_where_positive(before, g, slope);
            vec out = g * gain;
            if (how == ADD) out += vec_load(y);
            if (how == STREAM)
                vec_stream(y, out);
            else if (how != DROP)
                vec_store(y, out);
            sum += g;
            second += g * d;
        }
    }
    EACH_TAP(t) vec_store(s->acc[t] + c, acc[t]);
    vec_store(s->sum + c, sum);
    vec_store(s->second + c, second);
}

ALWAYS_INLINE void gradient(const rf_strip *s, const int taps) {
    for (size_t c = 0; c < s->lanes; c += VL)
        if (!s->y)
            gradient_lanes(s, taps, c, DROP);
        else if (s->add)
            gradient_lanes(s, taps, c, ADD);
        else if (s->stream)
            gradient_lanes(s, taps, c, STREAM);
        else
            gradient_lanes(s, taps, c, STORE);
}

void RF_ISA_NAME(rf_strip_gradient)(const rf_strip *s) {
    switch (s->taps) {
    case 1:
        gradient(s, 1);
        break;
    case 2:
        gradient(s, 2);
        break;
    case 4:
        gradient(s, 4);
        break;
    default:
        gradient(s, 9);
        break;
    }
}
