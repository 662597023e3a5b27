/* SPDX-License-Identifier: Apache-2.0 */

/* ---- kernels for two instruction sets ---- */

/* A 64-bit x86 program has to run where there is only SSE2, and nearly every processor has AVX2 and FMA, which take
 * half the time. So the kernels stand below twice: first for these, then for what the compiler was told to build for,
 * and rf_open chooses. Not where the second set has AVX2 anyway, nor where the stack is not aligned for it (Windows).
 * -DRF_NO_CLONES leaves the first set out. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32) && !(defined(__AVX2__) && defined(__FMA__)) &&        \
    !defined(RF_NO_CLONES) && !defined(RF_PLAIN_C)
#    define CLONES
#    include <immintrin.h>
#endif

/* Names of which there are two. */
#define SET(name) name
#define vec SET(vec)
#define vec_mask SET(vec_mask)
#define LANES SET(LANES)
#define TILE SET(TILE)
#define PANELS SET(PANELS)
#define VECS SET(VECS)
#define vec_all SET(vec_all)
#define vec_times_plus SET(vec_times_plus)
#define vec_plus SET(vec_plus)
#define vec_minus SET(vec_minus)
#define vec_activate SET(vec_activate)
#define vec_load SET(vec_load)
#define vec_store SET(vec_store)
#define conv_finish SET(conv_finish)
#define conv_tile SET(conv_tile)
#define conv_row SET(conv_row)
#define conv_channels SET(conv_channels)
#define conv SET(conv)
#define depthwise_tile SET(depthwise_tile)
#define depthwise_one SET(depthwise_one)
#define fill_depthwise SET(fill_depthwise)
#define winograd_input SET(winograd_input)
#define winograd_output SET(winograd_output)
#define winograd SET(winograd)

/* In front of a function of the second set: the one of the first set does it where it can. */
#define FIRST_SET(call)

static int has_wide_vectors(void) {
#ifdef CLONES
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}
