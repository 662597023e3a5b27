/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/isa/stream.h"
#include "autograd/kernels/isa/vec.h"

#include <stdint.h>
#include <string.h>

#define INLINE ALWAYS_INLINE

enum { VECTOR_BYTES = sizeof(rf_real) > 4 ? 32 : VEC_BYTES }; /* a quarter of a vector of doubles must be one, too */
enum { LANES = VECTOR_BYTES / sizeof(rf_real), HALF = LANES / 2, QUARTER = LANES / 4 };

/* Unaligned vectors of falling width: C need not be a multiple of the widest. */
#define VECTOR(lanes) __attribute__((vector_size(lanes * sizeof(rf_real)), aligned(sizeof(rf_real)), may_alias))
typedef rf_real whole VECTOR(LANES);
typedef rf_real half VECTOR(HALF);
typedef rf_real quarter VECTOR(QUARTER);
typedef rf_real single;

/* The two loops for vector type V; `taps` is a constant where they are inlined, so that weights and accumulators stay
 * in registers. sum: y (+)= sum x*w. dot: acc += sum x*y. */
#define DEFINE_LOOPS(V)                                                                                                \
    INLINE void sum_##V(const rf_streams *s, int taps, const rf_real *const *w, size_t c, size_t pixel, size_t pixels, \
                        size_t xstep, size_t ystep, rf_real *y, bool add, bool past) {                                 \
        V k[RF_STREAM_TAPS];                                                                                           \
        const rf_real *x[RF_STREAM_TAPS];                                                                              \
        for (int t = 0; t < taps; t++) {                                                                               \
            k[t] = *(const V *)(const void *)(w[t] + c);                                                               \
            x[t] = s->x[t] + pixel * s->xstep + c;                                                                     \
        }                                                                                                              \
        y += pixel * s->ystep + c;                                                                                     \
        for (size_t i = 0; i < pixels; i++) {                                                                          \
            V *to = (V *)(void *)(y + i * ystep);                                                                      \
            V sum = k[0] * *(const V *)(const void *)(x[0] + i * xstep);                                               \
            _Pragma("GCC unroll 9") for (int t = 1; t < taps; t++) sum +=                                              \
                k[t] * *(const V *)(const void *)(x[t] + i * xstep);                                                   \
            if (add) sum += *to;                                                                                       \
            if (past)                                                                                                  \
                PAST_##V(to, sum);                                                                                     \
            else                                                                                                       \
                *to = sum;                                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    INLINE void dot_##V(const rf_streams *s, int taps, size_t c, size_t pixel, size_t pixels, size_t xstep,            \
                        size_t ystep, const rf_real *y) {                                                              \
        V sum[RF_STREAM_TAPS];                                                                                         \
        const rf_real *x[RF_STREAM_TAPS];                                                                              \
        for (int t = 0; t < taps; t++) {                                                                               \
            sum[t] = *(const V *)(const void *)(s->acc[t] + c);                                                        \
            x[t] = s->x[t] + pixel * s->xstep + c;                                                                     \
        }                                                                                                              \
        y += pixel * s->ystep + c;                                                                                     \
        for (size_t i = 0; i < pixels; i++) {                                                                          \
            V g = *(const V *)(const void *)(y + i * ystep);                                                           \
            _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++) sum[t] +=                                           \
                g * *(const V *)(const void *)(x[t] + i * xstep);                                                      \
        }                                                                                                              \
        for (int t = 0; t < taps; t++) *(V *)(void *)(s->acc[t] + c) = sum[t];                                         \
    }

#define PAST_half(to, v) (*(to) = (v))
#if VEC_MASKED
#    define PAST_whole(to, v) vec_stream((rf_real *)(to), (vec)(v))
#else
#    define PAST_whole PAST_half
#endif
#define PAST_quarter PAST_half
#define PAST_single PAST_half
DEFINE_LOOPS(whole)
DEFINE_LOOPS(half)
DEFINE_LOOPS(quarter)
DEFINE_LOOPS(single)

/* Pixels of one vector when it may span several: neighbours must be adjacent in source and destination. 1 otherwise. */
INLINE size_t pixels_per_vector(const rf_streams *s) {
    bool adjacent = s->xstep == s->channels && s->ystep == s->channels;
    return adjacent && s->channels < LANES && LANES % s->channels == 0 ? LANES / s->channels : 1;
}

/* Whether vectors that begin `at` elements behind y lie at vector borders, and all that follow `step` later. */
INLINE bool may_pass(const rf_streams *s, const rf_real *y, size_t at, size_t step) {
    return s->past_caches && (uintptr_t)(y + at) % VECTOR_BYTES == 0 && step % LANES == 0;
}

INLINE void run_sum(const rf_streams *s, int taps, rf_real *y, bool add) {
    size_t span = pixels_per_vector(s), groups = span > 1 ? s->count / span : 0, done = groups * span;
    size_t rest = s->count - done, c = 0, channels = s->channels;
    if (groups > 0) {
        rf_real tiles[RF_STREAM_TAPS][LANES];
        const rf_real *w[RF_STREAM_TAPS];
        for (int t = 0; t < taps; t++) {
            for (size_t i = 0; i < span; i++) memcpy(tiles[t] + i * channels, s->w[t], channels * sizeof(rf_real));
            w[t] = tiles[t];
        }
        if (!add && may_pass(s, y, 0, LANES))
            sum_whole(s, taps, w, 0, 0, groups, LANES, LANES, y, false, true);
        else
            sum_whole(s, taps, w, 0, 0, groups, LANES, LANES, y, add, false);
    }
    if (rest == 0) return;
    bool past = !add && may_pass(s, y, done * s->ystep, s->ystep);
    for (; c + LANES <= channels; c += LANES) {
        if (past)
            sum_whole(s, taps, s->w, c, done, rest, s->xstep, s->ystep, y, false, true);
        else
            sum_whole(s, taps, s->w, c, done, rest, s->xstep, s->ystep, y, add, false);
    }
    for (; c + HALF <= channels; c += HALF) sum_half(s, taps, s->w, c, done, rest, s->xstep, s->ystep, y, add, false);
    for (; c + QUARTER <= channels; c += QUARTER)
        sum_quarter(s, taps, s->w, c, done, rest, s->xstep, s->ystep, y, add, false);
    for (; c < channels; c++) sum_single(s, taps, s->w, c, done, rest, s->xstep, s->ystep, y, add, false);
}

INLINE void run_dot(const rf_streams *s, int taps, const rf_real *y) {
    size_t span = pixels_per_vector(s), groups = span > 1 ? s->count / span : 0, done = groups * span;
    size_t rest = s->count - done, c = 0, channels = s->channels;
    if (groups > 0) dot_whole(s, taps, 0, 0, groups, LANES, LANES, y);
    if (rest == 0) return;
    for (; c + LANES <= channels; c += LANES) dot_whole(s, taps, c, done, rest, s->xstep, s->ystep, y);
    for (; c + HALF <= channels; c += HALF) dot_half(s, taps, c, done, rest, s->xstep, s->ystep, y);
    for (; c + QUARTER <= channels; c += QUARTER) dot_quarter(s, taps, c, done, rest, s->xstep, s->ystep, y);
    for (; c < channels; c++) dot_single(s, taps, c, done, rest, s->xstep, s->ystep, y);
}

void RF_ISA_NAME(rf_stream_sum)(const rf_streams *s, rf_real *y, bool add) {
    switch (s->taps) {
    case 1:
        run_sum(s, 1, y, add);
        break;
    case 2:
        run_sum(s, 2, y, add);
        break;
    case 3:
        run_sum(s, 3, y, add);
        break;
    case 4:
        run_sum(s, 4, y, add);
        break;
    case 5:
        run_sum(s, 5, y, add);
        break;
    case 6:
        run_sum(s, 6, y, add);
        break;
    case 7:
        run_sum(s, 7, y, add);
        break;
    case 8:
        run_sum(s, 8, y, add);
        break;
    default:
        run_sum(s, 9, y, add);
        break;
    }
    if (s->past_caches) vec_stream_end();
}

void RF_ISA_NAME(rf_stream_dot)(const rf_streams *s, const rf_real *y) {
    switch (s->taps) {
    case 1:
        run_dot(s, 1, y);
        break;
    case 2:
        run_dot(s, 2, y);
        break;
    case 3:
        run_dot(s, 3, y);
        break;
    case 4:
        run_dot(s, 4, y);
        break;
    case 5:
        run_dot(s, 5, y);
        break;
    case 6:
        run_dot(s, 6, y);
        break;
    case 7:
        run_dot(s, 7, y);
        break;
    case 8:
        run_dot(s, 8, y);
        break;
    default:
        run_dot(s, 9, y);
        break;
    }
}
