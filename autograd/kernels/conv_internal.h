/* SPDX-License-Identifier: Apache-2.0 */
/* Between the convolution drivers (conv_*.c) and the kernels that are compiled once for each instruction set
 * (isa/conv_*.c). */
#ifndef RF_AUTOGRAD_KERNELS_CONV_INTERNAL_H
#define RF_AUTOGRAD_KERNELS_CONV_INTERNAL_H

#include <stdint.h>

#include "autograd/kernels/conv.h"
#include "autograd/kernels/large.h"

/* Where the factors of a product come from: output grid point (n,i,j) and tap (ty,tx) read the `k` channels at
 * x[n, i*step_h + y0 + ty*tap_h, j*step_w + x0 + tx*tap_w, 0..k), or zeros outside. Forward has tap_h = 1 and y0 =
 * -pad; backward-data walks the taps the other way. */
typedef struct rf_conv_view {
    const rf_real *x;
    int n, h, w;  /* of x */
    size_t pixel; /* elements from a pixel of x to the next (all groups) */
    int k;        /* channels of a group */
    int mh, mw;   /* grid of a picture */
    int step_h, step_w;
    int th, tw; /* taps */
    int y0, x0, tap_h, tap_w;
} rf_conv_view;

enum { RF_CONV_AHEAD = 3 }; /* arrays that a block reads: dy, y and the map behind the result */

/* One block of rows times some columns: `tiles` tiles of `mr` rows. */
typedef struct rf_conv_block {
    const rf_real *const *rows; /* [tiles][taps][mr]: k elements each; rows past the end point to zeros */
    /* Or rows that lie `a_pitch` elements apart, those of the next tap `a_tap` further on. `rows` is then asked for the
     * last tile only, when it is not whole; NULL: rows past the end may be read, too. */
    const rf_real *a;
    size_t a_pitch, a_tap;
    rf_real *const *y;    /* [tiles*mr]: element 0 of each row of the result */
    int tiles, last_rows; /* rows of the last tile that exist */
    int taps, tap0, tap1; /* this call sums taps tap0..tap1-1 */
    int k;
    const rf_real *b; /* packed: panels of nr columns, [taps][k][nr]; the last may be narrower by whole vectors */
    int n0, n1, n;    /* columns of this call and of the whole; n0 is a multiple of nr */
    bool add;         /* y += instead of = */
    bool stream;      /* rf_conv_streams: whole vectors go past the caches */
    rf_conv_epilogue epilogue; /* bias and residual as pointers to column 0 of the group */
    const rf_real *y_base;     /* where residual lies for y: residual + (y[i] - y_base) */
    /* Memory that the next block reads, to be fetched while this one is multiplied: for each tile, `ahead_bytes` behind
     * those of the tile before. NULL: none. */
    const char *ahead[RF_CONV_AHEAD];
    size_t ahead_bytes[RF_CONV_AHEAD];
} rf_conv_block;

/* One tile of the weight gradient: dw[wr rows][cols] (+)= sum over pixels of a[pixel][0..wr) * b[pixel][0..nr). */
typedef struct rf_conv_wtile {
    const rf_real *a;     /* packed [...][wr] */
    size_t a_step, a_row; /* elements from a pixel to the next, from a row of pixels to the next */
    const rf_real *b;     /* packed [rows*cols][b_step]: b_step >= n, filled up with zeros to whole vectors */
    size_t b_step;
    int rows, cols; /* pixels */
    int m, n;       /* valid rows and columns of the result */
    rf_real *dw;
    size_t dw_row; /* elements between rows of dw */
    bool add;
    const char *ahead; /* memory that is wanted soon: fetched while the sums run, `ahead_step` bytes a pixel; 0: none */
    size_t ahead_step;
} rf_conv_wtile;

/* The kernels of one instruction set. */
typedef struct rf_conv_kernels {
    int mr; /* rows of a tile of `block` */
    int vl; /* elements of a vector */
    int nr; /* columns of a panel, a multiple of vl */
    int wr; /* rows of a tile of `wtile` */
    void (*block)(const rf_conv_block *block);
    void (*wtile)(const rf_conv_wtile *tile);
    /* Cuts `count` pixels of n channels, `step` elements apart, in panels of `width` channels:
     * out[panel][count][width], panels `panel` elements apart, the last filled up with zeros. x NULL: zeros. width is
     * wr, vl or nr. */
    void (*split)(const rf_real *x, size_t step, int count, int n, int width, rf_real *out, size_t panel);
} rf_conv_kernels;

/* The set that rf_isa_current asks for. */
const rf_conv_kernels *rf_conv_kernels_current(void);
/* The same for products of n columns: where they fill half a vector at most, the set of half as wide vectors, if that
 * is one of the processor's, computes two at a time. */
const rf_conv_kernels *rf_conv_kernels_for(int n);

/* Bytes for the weight-gradient driver; in conv_weights.c. */
size_t rf_conv_weights_workspace(const rf_conv_dims *dims, const rf_conv_kernels *kernels);
/* Bytes for forward or backward-data; in conv_gemm.c. */
size_t rf_conv_gemm_workspace(const rf_conv_dims *dims, const rf_conv_kernels *kernels, bool transposed, bool fused);

/* Forward for views with runs, and its bytes; in conv_lines.c. */
void rf_conv_lines_forward(const rf_conv_dims *dims, const rf_real *x, const rf_real *w,
                           const rf_conv_epilogue *epilogue, rf_real *y, const rf_fusion *fusion, void *work);
size_t rf_conv_lines_workspace(const rf_conv_dims *dims, const rf_conv_kernels *kernels);

/* Bytes for both gradients at once; in conv_pair.c. */
size_t rf_conv_pair_bytes(const rf_conv_dims *dims, const rf_conv_kernels *kernels);

/* The passes as direct products, for every shape; conv.c chooses between these and Winograd's. */
void rf_conv_gemm_forward(const rf_conv_dims *dims, const rf_real *x, const rf_real *w,
                          const rf_conv_epilogue *epilogue, rf_real *y, const rf_fusion *fusion, void *work);
void rf_conv_gemm_backward_data(const rf_conv_dims *dims, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                                const rf_fusion *fusion, void *work);
void rf_conv_gemm_backward_weights(const rf_conv_dims *dims, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                                   const rf_fusion *fusion, void *work);

/* Whether a result of `pixels` pixels of `channels` is written past the caches: when it is too large to be found there
 * again, and its vectors lie at vector borders. */
static inline bool rf_conv_streams(const rf_real *y, size_t pixels, size_t channels, int vl) {
    return rf_is_large(pixels * channels) && channels % (size_t)vl == 0 && (uintptr_t)y % 64 == 0;
}

/* Rounds up to a multiple of 64 bytes' worth of elements, so that parts of `work` stay aligned. */
static inline size_t rf_conv_round(size_t elements) {
    size_t unit = 64 / sizeof(rf_real);
    return (elements + unit - 1) / unit * unit;
}
/* A 1x1 kernel with stride 1 and no padding: pixels are rows of a matrix product. */
static inline bool rf_conv_is_matrix(const rf_conv_dims *d) {
    return d->kh * d->kw * d->stride_h * d->stride_w * d->groups == 1 && d->pad_h + d->pad_w == 0;
}

/* Elements between rows of a scratch matrix of n columns: with long rows off the powers of two, which fall on one cache
 * set. */
static inline size_t rf_conv_pitch(size_t n) {
    return n < 64 ? n : rf_conv_round(n) + 64 / sizeof(rf_real);
}

/* The view of forward's input for group `group`. */
rf_conv_view rf_conv_forward_view(const rf_conv_dims *dims, const rf_real *x, int group);

static inline size_t rf_conv_least(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline size_t rf_conv_ceil(size_t a, size_t b) {
    return (a + b - 1) / b;
}

/* With few channels the taps of a line of the kernel are taken as one run of tw*k elements, which lie side by side in
 * x: one loop instead of tw short ones. */
enum { RF_CONV_RUN_BELOW = 16 };
static inline bool rf_conv_has_runs(const rf_conv_view *view) {
    return view->tw > 1 && view->k < RF_CONV_RUN_BELOW && view->tap_w == 1 && view->pixel == (size_t)view->k;
}
/* `columns` pixels of line y of picture n from column x on, zeros where there is no picture. For views with runs. */
void rf_conv_copy_line(const rf_conv_view *view, int n, int y, int x, int columns, rf_real *out);

#endif
