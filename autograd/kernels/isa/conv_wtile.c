/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of the weight gradient: a tile of WR x NV vectors of sums in registers, reduced over pixels. */
#include "autograd/kernels/conv_internal.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/isa/conv_vec.h"

#include <string.h>

void RF_ISA_NAME(rf_conv_wtile)(const rf_conv_wtile *tile);
void RF_ISA_NAME(rf_conv_split)(const rf_real *x, size_t step, int count, int n, int width, rf_real *out, size_t panel);

/* One vector of columns has too few sums to keep the units busy where vectors are short: pixels then take turns between
 * two sets of sums. */
#define TURNS(nv) ((nv) == 1 && VEC_BYTES < 64 ? 2 : 1)

ALWAYS_INLINE void wtile(const int nv, const rf_conv_wtile *q) {
    const int turns = TURNS(nv);
    vec acc[WR][NV];
    for (int i = 0; i < WR; i++)
        for (int v = 0; v < NV; v++) acc[i][v] = (vec){0};
    for (int i = 0; i < WR; i++) __builtin_prefetch(q->dw + (size_t)(i < q->m ? i : 0) * q->dw_row, 1);
    const rf_real *b = q->b;
    const char *ahead =
        q->ahead ? q->ahead : (const char *)b; /* an address that is not mapped would cost a page walk */
    for (int r = 0; r < q->rows; r++) {
        const rf_real *a = q->a + (size_t)r * q->a_row;
        int p = 0;
        for (; turns == 2 && p + 2 <= q->cols; p += 2, a += 2 * q->a_step, b += 2 * q->b_step) {
            vec even = vec_load(b), odd = vec_load(b + q->b_step);
            __builtin_prefetch(ahead);
            ahead += 2 * q->ahead_step;
            for (int i = 0; i < WR; i++) acc[i][0] += even * a[i];
            for (int i = 0; i < WR; i++) acc[i][1] += odd * a[q->a_step + (size_t)i];
        }
        for (; p < q->cols; p++, a += q->a_step, b += q->b_step) {
            vec d[NV];
            __builtin_prefetch(ahead);
            ahead += q->ahead_step;
            for (int v = 0; v < nv; v++) d[v] = vec_load(b + v * VL);
            for (int i = 0; i < WR; i++) {
                rf_real s = a[i];
                for (int v = 0; v < nv; v++) acc[i][v] += d[v] * s;
            }
        }
    }
    for (int i = 0; turns == 2 && i < WR; i++) acc[i][0] += acc[i][1];
    int last = q->n - (nv - 1) * VL;
    if (q->m == WR && last == VL) { /* whole: straight from the registers */
#pragma GCC unroll 8
        for (int i = 0; i < WR; i++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                rf_real *out = q->dw + (size_t)i * q->dw_row + v * VL;
                vec_store(out, q->add ? acc[i][v] + vec_load(out) : acc[i][v]);
            }
        return;
    }
    vec sums[WR][NV]; /* a copy: indexed by a variable, the sums themselves would not stay in registers */
#pragma GCC unroll 8
    for (int i = 0; i < WR; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) sums[i][v] = acc[i][v];
    for (int i = 0; i < WR; i++) {
        if (i >= q->m) return;
        for (int v = 0; v < nv; v++) {
            rf_real *out = q->dw + (size_t)i * q->dw_row + v * VL;
            vec sum = sums[i][v];
            if (v < nv - 1 || last == VL) {
                vec_store(out, q->add ? sum + vec_load(out) : sum);
            } else {
                if (q->add) sum += vec_load_part(out, last);
                vec_store_part(out, sum, last);
            }
        }
    }
}

void RF_ISA_NAME(rf_conv_wtile)(const rf_conv_wtile *tile) {
    if (tile->n > VL)
        wtile(2, tile);
    else
        wtile(1, tile);
}

/* Pixels between the one that is copied and the one that is fetched: the steps are too long for the hardware to guess.
 */
enum { AHEAD = 8 };

/* As many elements as a row of a tile of dw has. */
typedef rf_real tile_row __attribute__((vector_size(WR * sizeof(rf_real)), aligned(sizeof(rf_real)), may_alias));

ALWAYS_INLINE void copy_whole(const rf_real *x, const int width, rf_real *out) {
    if (width == WR)
        *(tile_row *)out = *(const tile_row *)x;
    else
        for (int c = 0; c < width; c += VL) vec_store(out + c, vec_load(x + c));
}

ALWAYS_INLINE void split(const rf_real *x, size_t step, int count, int n, const int width, rf_real *out, size_t panel) {
    int whole = n / width, rest = n % width;
    for (int p = 0; p < count; p++, x += step, out += width) {
        const rf_real *next = p + AHEAD < count ? x + AHEAD * step : x;
        rf_real *to = out;
        for (int q = 0; q < whole; q++, to += panel) {
            __builtin_prefetch(next + q * width);
            copy_whole(x + q * width, width, to);
        }
        for (int c = 0; rest > 0 && c < width; c++) to[c] = c < rest ? x[whole * width + c] : 0;
    }
}

void RF_ISA_NAME(rf_conv_split)(const rf_real *x, size_t step, int count, int n, int width, rf_real *out,
                                size_t panel) {
    if (!x)
        for (int c = 0; c < n; c += width, out += panel) memset(out, 0, (size_t)count * width * sizeof *out);
    else if (width == WR)
        split(x, step, count, n, WR, out, panel);
    else if (width == VL)
        split(x, step, count, n, VL, out, panel);
    else
        split(x, step, count, n, NR, out, panel);
}
