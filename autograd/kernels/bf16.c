/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/bf16.h"

#include "autograd/kernels/cpu.h"

#if defined(__x86_64__) && !defined(RF_DOUBLE)

#    include <immintrin.h>
#    include <string.h>

#    define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#    define INLINE static inline __attribute__((always_inline)) TARGET

enum { ROWS = RF_BF16_ROWS, COLUMNS = RF_BF16_COLUMNS, INPUTS = RF_BF16_INPUTS, LANES = 16 };

bool rf_bf16_supported(void) {
    return rf_isa_current() == RF_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}

INLINE __mmask16 first(size_t n) {
    return (__mmask16)(n >= LANES ? 0xffff : (1u << n) - 1);
}

TARGET void rf_bf16_rows(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch) {
    for (size_t r = 0; r < count; r++, x += pitch, out += out_pitch)
        for (size_t c = 0; c < n; c += 2 * LANES) {
            __m512 low = _mm512_maskz_loadu_ps(first(n - c), x + c);
            __m512 high =
                n > c + LANES ? _mm512_maskz_loadu_ps(first(n - c - LANES), x + c + LANES) : _mm512_setzero_ps();
            _mm512_storeu_si512(out + c, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
}

TARGET void rf_bf16_pairs(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch) {
    uint16_t order[2 * LANES];
    for (int i = 0; i < LANES; i++) {
        order[2 * i] = (uint16_t)i;
        order[2 * i + 1] = (uint16_t)(LANES + i);
    }
    const __m512i interleave = _mm512_loadu_si512(order);
    for (size_t r = 0; r < count; r += 2, x += 2 * pitch, out += out_pitch)
        for (size_t c = 0; c < n; c += LANES) {
            __mmask16 some = first(n - c);
            __m512 even = _mm512_maskz_loadu_ps(some, x + c);
            __m512 odd = r + 1 < count ? _mm512_maskz_loadu_ps(some, x + pitch + c) : _mm512_setzero_ps();
            __m512i both = (__m512i)_mm512_cvtne2ps_pbh(odd, even);
            _mm512_storeu_si512(out + 2 * c, _mm512_permutexvar_epi16(interleave, both));
        }
}

INLINE __m512 dot(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

INLINE __m512i broadcast(const uint16_t *pair) {
    int32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm512_set1_epi32(bits);
}

INLINE void tile(const int nv, const rf_bf16_product *q, int row, const uint16_t *b, int column) {
    __m512 sum[ROWS][2];
    for (int i = 0; i < ROWS; i++)
        for (int v = 0; v < nv; v++) sum[i][v] = _mm512_setzero_ps();
    const uint16_t *a = q->a + (size_t)row * q->a_pitch;
    for (int c = 0; c < q->k; c += 2, b += nv * 2 * LANES) {
        __m512i w[2];
        for (int v = 0; v < nv; v++) w[v] = _mm512_loadu_si512(b + v * 2 * LANES);
        for (int i = 0; i < ROWS; i++) {
            __m512i s = broadcast(a + (size_t)i * q->a_pitch + c);
            for (int v = 0; v < nv; v++) sum[i][v] = dot(sum[i][v], s, w[v]);
        }
    }
    for (int i = 0; i < ROWS && row + i < q->rows; i++)
        for (int v = 0; v < nv; v++) {
            if (q->n <= column + v * LANES) continue;
            __mmask16 some = first((size_t)(q->n - column - v * LANES));
            rf_real *y = q->y + (size_t)(row + i) * q->y_pitch + column + v * LANES;
            __m512 value = sum[i][v];
            if (q->add) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(some, y));
            _mm512_mask_storeu_ps(y, some, value);
        }
}

TARGET void rf_bf16_block(const rf_bf16_product *q) {
    size_t pairs = ((size_t)q->k + 1) / 2;
    for (int column = 0; column < q->n; column += COLUMNS) {
        const uint16_t *b = q->b + pairs * 2 * (size_t)column;
        for (int row = 0; row < q->rows; row += ROWS) {
            if (q->n - column > LANES)
                tile(2, q, row, b, column);
            else
                tile(1, q, row, b, column);
        }
    }
}

static size_t padded(int n) {
    return ((size_t)n + LANES - 1) / LANES * LANES;
}

size_t rf_bf16_packed(int k, int n) {
    return ((size_t)k + 1) / 2 * 2 * padded(n);
}

void rf_bf16_pack(const rf_real *panels, int k, int n, uint16_t *b) {
    size_t all = padded(n);
    for (size_t column = 0; column < all; column += COLUMNS) {
        size_t width = all - column < COLUMNS ? all - column : COLUMNS;
        rf_bf16_pairs(panels + (size_t)k * column, width, (size_t)k, width, b + ((size_t)k + 1) / 2 * 2 * column,
                      2 * width);
    }
}

INLINE void gradient_tile(const int nv, const rf_bf16_gradient *q, int ci, int co) {
    __m512 sum[INPUTS][2];
    for (int i = 0; i < INPUTS; i++)
        for (int v = 0; v < nv; v++) sum[i][v] = _mm512_setzero_ps();
    const uint16_t *x = q->x + 2 * (size_t)ci, *dy = q->dy + 2 * (size_t)co;
    for (size_t p = 0; p < q->pairs; p++, x += q->x_pitch, dy += q->dy_pitch) {
        __m512i d[2];
        for (int v = 0; v < nv; v++) d[v] = _mm512_loadu_si512(dy + v * 2 * LANES);
        for (int i = 0; i < INPUTS; i++) {
            __m512i s = broadcast(x + 2 * i);
            for (int v = 0; v < nv; v++) sum[i][v] = dot(sum[i][v], s, d[v]);
        }
    }
    for (int i = 0; i < INPUTS && ci + i < q->inputs; i++)
        for (int v = 0; v < nv; v++) {
            if (q->outputs <= co + v * LANES) continue;
            __mmask16 some = first((size_t)(q->outputs - co - v * LANES));
            rf_real *to = q->dw + (size_t)(ci + i) * q->outputs + co + v * LANES;
            __m512 value = sum[i][v];
            if (q->add) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(some, to));
            _mm512_mask_storeu_ps(to, some, value);
        }
}

TARGET void rf_bf16_weights(const rf_bf16_gradient *q) {
    for (int co = 0; co < q->outputs; co += COLUMNS)
        for (int ci = 0; ci < q->inputs; ci += INPUTS) {
            if (q->outputs - co > LANES)
                gradient_tile(2, q, ci, co);
            else
                gradient_tile(1, q, ci, co);
        }
}

#else

bool rf_bf16_supported(void) {
    return false;
}
void rf_bf16_rows(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch) {
    (void)x, (void)pitch, (void)count, (void)n, (void)out, (void)out_pitch;
}
void rf_bf16_pairs(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch) {
    (void)x, (void)pitch, (void)count, (void)n, (void)out, (void)out_pitch;
}
void rf_bf16_block(const rf_bf16_product *product) {
    (void)product;
}
size_t rf_bf16_packed(int k, int n) {
    return (size_t)k * (size_t)n;
}
void rf_bf16_pack(const rf_real *panels, int k, int n, uint16_t *b) {
    (void)panels, (void)k, (void)n, (void)b;
}
void rf_bf16_weights(const rf_bf16_gradient *gradient) {
    (void)gradient;
}

#endif
