/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of the width that the compiler flags allow, through the vector extension of gcc and clang. Only for isa/
 * files. */
#ifndef RF_AUTOGRAD_KERNELS_ISA_VEC_H
#define RF_AUTOGRAD_KERNELS_ISA_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/real.h"

#if defined(__AVX512F__)
#    define VEC_BYTES 64
#elif defined(__AVX__)
#    define VEC_BYTES 32
#else
#    define VEC_BYTES 16
#endif
#if VEC_BYTES > 16 && !defined(RF_DOUBLE)
#    define VEC_MASKED 1
#    include <immintrin.h>
#else
#    define VEC_MASKED 0
#endif

enum { VL = VEC_BYTES / sizeof(rf_real) };
typedef rf_real vec __attribute__((vector_size(VEC_BYTES)));
typedef rf_real vec_unaligned __attribute__((vector_size(VEC_BYTES), aligned(sizeof(rf_real)), may_alias));
#ifdef RF_DOUBLE
typedef int64_t vec_int __attribute__((vector_size(VEC_BYTES)));
#else
typedef int32_t vec_int __attribute__((vector_size(VEC_BYTES)));
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vec vec_load(const rf_real *p) {
    return *(const vec_unaligned *)p;
}
ALWAYS_INLINE void vec_store(rf_real *p, vec v) {
    *(vec_unaligned *)p = v;
}

/* The first n (1..VL) elements; the rest reads as 0 and is not touched in memory. */
#if VEC_MASKED && VEC_BYTES == 64
ALWAYS_INLINE vec vec_load_part(const rf_real *p, int n) {
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
ALWAYS_INLINE void vec_store_part(rf_real *p, vec v, int n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif VEC_MASKED
ALWAYS_INLINE __m256i vec_mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ALWAYS_INLINE vec vec_load_part(const rf_real *p, int n) {
    return (vec)_mm256_maskload_ps(p, vec_mask(n));
}
ALWAYS_INLINE void vec_store_part(rf_real *p, vec v, int n) {
    _mm256_maskstore_ps(p, vec_mask(n), (__m256)v);
}
#else
ALWAYS_INLINE vec vec_load_part(const rf_real *p, int n) {
    vec v = {0};
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}
ALWAYS_INLINE void vec_store_part(rf_real *p, vec v, int n) {
    for (int i = 0; i < n; i++) p[i] = v[i];
}
#endif

/* A store past the caches, for arrays that are too large to be found there again: it saves reading the lines that are
 * overwritten. p is at a vector border. vec_stream_end before another thread may read them. */
#if VEC_MASKED && VEC_BYTES == 64
ALWAYS_INLINE void vec_stream(rf_real *p, vec v) {
    _mm512_stream_ps(p, (__m512)v);
}
#elif VEC_MASKED
ALWAYS_INLINE void vec_stream(rf_real *p, vec v) {
    _mm256_stream_ps(p, (__m256)v);
}
#else
ALWAYS_INLINE void vec_stream(rf_real *p, vec v) {
    vec_store(p, v);
}
#endif
ALWAYS_INLINE void vec_stream_end(void) {
#if VEC_MASKED
    _mm_sfence();
#endif
}
ALWAYS_INLINE bool vec_at_border(const void *p) {
    return (uintptr_t)p % VEC_BYTES == 0;
}

/* v > 0 ? v : slope * v */
ALWAYS_INLINE vec vec_leaky(vec v, rf_real slope) {
    vec_int positive = (vec_int)(v > 0);
    return (vec)((vec_int)v & positive) + (vec)((vec_int)v & ~positive) * slope;
}

/* The same for slopes of 0..1, where it is the larger of v and slope*v. NaN stays NaN. */
ALWAYS_INLINE vec vec_leaky_below_one(vec v, rf_real slope) {
#if VEC_MASKED && VEC_BYTES == 64
    return (vec)_mm512_max_ps((__m512)(v * slope), (__m512)v);
#elif VEC_MASKED
    return (vec)_mm256_max_ps((__m256)(v * slope), (__m256)v);
#else
    return vec_leaky(v, slope);
#endif
}

/* sign > 0 ? g : slope * g */
ALWAYS_INLINE vec vec_where_positive(vec sign, vec g, rf_real slope) {
#if VEC_MASKED && VEC_BYTES == 64
    __mmask16 positive = _mm512_cmp_ps_mask((__m512)sign, _mm512_setzero_ps(), _CMP_GT_OQ);
    return (vec)_mm512_mask_mov_ps((__m512)(g * slope), positive, (__m512)g);
#else
    vec_int positive = (vec_int)(sign > 0);
    return (vec)((vec_int)g & positive) + (vec)((vec_int)g & ~positive) * slope;
#endif
}

#endif
