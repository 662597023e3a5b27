/* SPDX-License-Identifier: Apache-2.0 */

/* ---- a few floats at a time ---- */

/* Compilers with vector types keep `vec` in a register of any processor that has them. The other branch is plain C. A
 * tile (below) is TILE pixels of a row times PANELS panels: as many sums as the processor's registers hold. */
#if defined(__GNUC__) && !defined(RF_PLAIN_C) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__))
#    undef ALL
#    if defined(__AVX__) || defined(CLONE)
enum { LANES = 8, TILE = 6, PANELS = 2 };
#        define ALL(s)                                                                                                 \
            { s, s, s, s, s, s, s, s }
#    else
#        ifdef __aarch64__
enum { LANES = 4, TILE = 6, PANELS = 2 };
#        else
enum { LANES = 4, TILE = 5, PANELS = 1 };
#        endif
#        define ALL(s)                                                                                                 \
            { s, s, s, s }
#    endif
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t vec_mask __attribute__((vector_size(4 * LANES)));

SPECIALISED vec vec_all(float s) {
    return (vec)ALL(s);
}
SPECIALISED vec vec_times_plus(vec a, vec b, vec c) {
#    ifdef CLONE
    return _mm256_fmadd_ps(a, b, c); /* -std=c99 forbids the compiler to join a * b + c */
#    else
    return a * b + c;
#    endif
}
SPECIALISED vec vec_plus(vec a, vec b) {
    return a + b;
}
SPECIALISED vec vec_minus(vec a, vec b) {
    return a - b;
}
SPECIALISED vec vec_activate(vec v, float slope, float most) {
    vec_mask positive = v > (vec){0};
    v = (vec)((positive & (vec_mask)v) | (~positive & (vec_mask)(v * slope)));
    if (!LIMITED) return v;
    vec_mask over = v > vec_all(most);
    return (vec)((over & (vec_mask)vec_all(most)) | (~over & (vec_mask)v));
}
#else
enum { LANES = 4, TILE = 5, PANELS = 1 };
typedef struct vec {
    float lane[LANES];
} vec;

SPECIALISED vec vec_all(float s) {
    vec v = {{s, s, s, s}};
    return v;
}
SPECIALISED vec vec_times_plus(vec a, vec b, vec c) {
    for (int i = 0; i < LANES; i++) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
}
SPECIALISED vec vec_plus(vec a, vec b) {
    for (int i = 0; i < LANES; i++) a.lane[i] += b.lane[i];
    return a;
}
SPECIALISED vec vec_minus(vec a, vec b) {
    for (int i = 0; i < LANES; i++) a.lane[i] -= b.lane[i];
    return a;
}
SPECIALISED vec vec_activate(vec v, float slope, float most) {
    for (int i = 0; i < LANES; i++) v.lane[i] = activate(v.lane[i], slope, most);
    return v;
}
#endif

SPECIALISED vec vec_load(const float *from) {
    vec v;
    memcpy(&v, from, sizeof v);
    return v;
}
SPECIALISED void vec_store(float *to, vec v) {
    memcpy(to, &v, sizeof v);
}
