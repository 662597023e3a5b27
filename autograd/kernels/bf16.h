/* SPDX-License-Identifier: Apache-2.0 */
/* Products of numbers rounded to bfloat16 (8 bits of exponent, 8 of precision) with sums in single precision, by the
 * AVX512-BF16 instructions: twice as many multiplications a second as in single precision. Factors lie in pairs along
 * the reduction, as VDPBF16PS takes them. Only for processors that have them; there is no portable form. */
#ifndef RF_AUTOGRAD_KERNELS_BF16_H
#define RF_AUTOGRAD_KERNELS_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/real.h"

enum {
    RF_BF16_ROWS = 12,    /* of a tile of rf_bf16_block */
    RF_BF16_COLUMNS = 32, /* of a panel */
    RF_BF16_INPUTS = 8,   /* rows of a tile of rf_bf16_wtile */
};

/* Whether the processor, the build and the instruction set in use (RF_ISA) have them. */
bool rf_bf16_supported(void);

/* Elements between rows of n rounded numbers, even and off the powers of two. */
static inline size_t rf_bf16_pitch(size_t n) {
    return (n + 31) / 32 * 32 + 32;
}

/* Rounds `count` rows of n numbers (to nearest, ties to even), filled up to rf_bf16_pitch(n) - 32 with zeros. */
void rf_bf16_rows(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch);

/* Rounds rows 2r and 2r + 1 to pairs: out[r*out_pitch + 2*c] and [.. + 1]. A missing last row counts as zeros; n is
 * filled up to a multiple of 16 with zeros. */
void rf_bf16_pairs(const rf_real *x, size_t pitch, size_t count, size_t n, uint16_t *out, size_t out_pitch);

/* y[i][0..n) = or += sum over c of a[i][c] * b[c][0..n) for `rows` rows. */
typedef struct rf_bf16_product {
    const uint16_t *a; /* [rows][a_pitch], k rounded up to even with zeros; rows up to a multiple of RF_BF16_ROWS may be
                        * read */
    size_t a_pitch;
    int rows, k, n;
    const uint16_t *b; /* panels of RF_BF16_COLUMNS columns: [(k+1)/2][columns][2]; the last may have 16 */
    rf_real *y;
    size_t y_pitch;
    bool add;
} rf_bf16_product;
void rf_bf16_block(const rf_bf16_product *product);
/* Elements of b, and its making from panels in single precision, [k][width] each (rf_conv_kernels of AVX-512). */
size_t rf_bf16_packed(int k, int n);
void rf_bf16_pack(const rf_real *panels, int k, int n, uint16_t *b);

/* dw[ci][co] = or += sum over pixels of x * dy, for `pairs` pairs of pixels made by rf_bf16_pairs. */
typedef struct rf_bf16_gradient {
    const uint16_t *x, *dy;
    size_t x_pitch, dy_pitch;
    size_t pairs;
    int inputs, outputs;
    rf_real *dw; /* [inputs][outputs] */
    bool add;
} rf_bf16_gradient;
void rf_bf16_weights(const rf_bf16_gradient *gradient);

#endif
