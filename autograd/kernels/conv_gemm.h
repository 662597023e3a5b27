/* SPDX-License-Identifier: Apache-2.0 */
/* A convolution, or the gradient by its input, as a direct product (internal to the convolution kernels): conv_gemm.c
 * cuts it in blocks, packs the weights and runs it; conv_passes.c says what the passes are as products. */
#ifndef RF_AUTOGRAD_KERNELS_CONV_GEMM_H
#define RF_AUTOGRAD_KERNELS_CONV_GEMM_H

#include "autograd/kernels/conv_internal.h"

/* How a product is cut. Everything follows from the shape and the kernels. */
typedef struct rf_gemm_plan {
    int taps, k;
    int tap_block;        /* taps summed in one pass over y */
    size_t points, tiles; /* grid points, tiles of mr of them */
    int block_tiles;
    size_t blocks;
    int column_tasks, columns;                 /* column ranges, columns of one */
    size_t packed, zeros;                      /* elements */
    size_t table_bytes, a_bytes, thread_bytes; /* of a thread: pointers, pixels read, results */
} rf_gemm_plan;

/* A product to compute: y(grid point) = sum over taps of view * weights. */
typedef struct rf_gemm_job {
    const rf_conv_kernels *kernels;
    rf_conv_view view;
    rf_gemm_plan plan;
    /* Weights: tap (ty,tx) is w[(kh0 + ty*kh_step)*kw + kw0 + tx*kw_step][inner][oc]. */
    const rf_real *w;
    bool transposed; /* columns are the inputs of the weights, depth their outputs */
    int kw, kh0, kw0, kh_step, kw_step, inner, oc;
    int n; /* columns */
    /* Result: grid point (n,i,j) is y[n, i*y_step_h + y_h0, j*y_step_w + y_w0, 0..n). */
    rf_real *y;
    size_t y_pixel;
    int yh, yw, y_h0, y_w0, y_step_h, y_step_w;
    bool add, stream;
    rf_conv_epilogue epilogue;
    const rf_fused_read *read; /* matrix products only; NULL: x as it is */
    rf_fused_write write;      /* used when `writes`: results are gathered in scratch memory first */
    bool writes;
    bool bf16; /* matrix products only: see rf_fusion */
    rf_real *packed, *zeros;
    uint16_t *packed16;
    double *parts; /* [blocks] of rf_fused_part(n) */
    char *scratch;
} rf_gemm_job;

/* Bytes of `work` of a product of n columns; `fused`: whether or not it reads or writes in a way of its own. */
size_t rf_gemm_bytes(const rf_conv_view *view, int n, const rf_conv_kernels *kernels, bool fused);
/* Elements of the packed weights, and the packing alone: of a job its kernels, view's taps and k, weights and columns
 * count. */
size_t rf_gemm_packed(int taps, int k, int n, const rf_conv_kernels *kernels);
void rf_gemm_pack(rf_gemm_job *job);
/* Runs a job of which everything but plan, stream and what lies in `work` is set. */
void rf_gemm_run(rf_gemm_job *job, void *work);

#endif
