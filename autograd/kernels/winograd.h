/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 convolutions with stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): 36
 * multiplications for 16 results instead of 144. Pictures are cut in tiles of 4x4 results, whose 6x6 patches, like the
 * weights, are transformed to 36 numbers; the convolution is then 36 matrix products over channels, one for each
 * number. The interpolation points are 0, +-3/4, +-3/2 and infinity: with them the rounding error is about twice that
 * of direct summation, with the usual 0, +-1, +-2 five times (measured; docs/performance.md). Internal to the
 * convolution kernels; results have the same bits on any number of threads. */
#ifndef RF_AUTOGRAD_KERNELS_WINOGRAD_H
#define RF_AUTOGRAD_KERNELS_WINOGRAD_H

#include "autograd/kernels/conv_internal.h"

enum { RF_WINOGRAD_TILE = 4, RF_WINOGRAD_PATCH = 6, RF_WINOGRAD_PRODUCTS = 36 };

/* Whether this convolution is one that Winograd's way computes faster in this pass; a question of its shape alone. */
bool rf_winograd_pays(const rf_conv_dims *dims, rf_conv_pass pass);

/* Bytes of `work` for a pass. */
size_t rf_winograd_workspace(const rf_conv_dims *dims, rf_conv_pass pass, const rf_conv_kernels *kernels, bool fused);

/* As rf_conv_forward, _backward_data and _backward_weights. */
void rf_winograd_forward(const rf_conv_dims *dims, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                         rf_real *y, const rf_fusion *fusion, void *work);
void rf_winograd_backward_data(const rf_conv_dims *dims, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                               const rf_fusion *fusion, void *work);
void rf_winograd_backward_weights(const rf_conv_dims *dims, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                                  const rf_fusion *fusion, void *work);

/* ---- the transforms, compiled for each instruction set (isa/winograd.c) ---- */

/* A square of pixels of a picture, from row y and column x on; what lies outside reads as zero and is not written. */
typedef struct rf_winograd_patch {
    const rf_real *picture; /* [h][w] pixels */
    int h, w, y, x;
    size_t pixel; /* elements from a pixel to the next */
    int channels;
    rf_fused_read read; /* y: the same picture of the other map */
} rf_winograd_patch;

/* Where the 36 numbers of a tile go: number k of channel c is at
 * v[k * product + c / width * panel + c % width]. Rows are filled up with zeros to whole vectors. */
typedef struct rf_winograd_place {
    rf_real *v;
    size_t product, panel;
    int width; /* rf_conv_kernels.wr, or a multiple of the vector */
} rf_winograd_place;

/* What happens to a tile of results. */
typedef struct rf_winograd_result {
    rf_real *picture; /* written, [h][w] pixels; NULL: only the sums are wanted */
    int h, w, y, x;
    size_t pixel;
    int channels;
    bool add, stream;
    rf_conv_epilogue epilogue; /* residual: the same place in its own picture */
    /* NULL, or what the pixels become on the way (y and stream do not count, x is the same picture of that map), and
     * [3][sums_row]: of each channel the first value of the block and the sums of rf_fused_write. */
    const rf_fused_write *write;
    rf_real *sums;
    size_t sums_row;
    bool begins; /* the first tile of the block: sums are set, not added to */
} rf_winograd_result;

typedef struct rf_winograd_kernels {
    /* B' d B of a 6x6 patch. */
    void (*input)(const rf_winograd_patch *patch, const rf_winograd_place *out);
    /* A d A' of a 4x4 patch: what the gradient of a tile of results becomes. */
    void (*gradient)(const rf_winograd_patch *patch, const rf_winograd_place *out);
    /* A' m A of products m[36][step] to at most 4x4 results. */
    void (*output)(const rf_real *m, size_t step, const rf_winograd_result *out);
    /* n 3x3 filters side by side, w[9] at `taps` (elements between taps), to 36 numbers `step` apart: G w G'. */
    void (*filter)(const rf_real *const taps[9], int n, rf_real *out, size_t step);
    /* The reverse for gradients: G' u G of u[36][step], stored at dw[tap * tap_step] or added. */
    void (*filter_gradient)(const rf_real *u, size_t step, int n, rf_real *dw, size_t tap_step, bool add);
} rf_winograd_kernels;

const rf_winograd_kernels *rf_winograd_kernels_current(void);

#endif
