/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways of a depth-wise convolution share: row by row (dwconv.c) and in strips (dwconv_strips.c). */
#ifndef RF_AUTOGRAD_KERNELS_DWCONV_INTERNAL_H
#define RF_AUTOGRAD_KERNELS_DWCONV_INTERNAL_H

#include "autograd/kernels/dwconv.h"

typedef struct rf_dw_pass {
    const rf_dwconv *conv;
    const rf_real *dy;
    rf_real *out;
    bool add, large;   /* large: out does not fit the caches */
    size_t grain;      /* rows of a chunk */
    rf_real *partials; /* [chunks,Kh,Kw,columns] sums of dw */
    const rf_fusion *fusion;
    rf_fused_write write; /* of out, when `writes` */
    bool writes;
    double *parts;    /* [chunks] of rf_fused_part */
    rf_real *scratch; /* of all threads */
    size_t thread_elements;
} rf_dw_pass;

/* Scratch of the calling thread, sums of a chunk. NULL without fusion. */
rf_real *rf_dw_scratch(const rf_dw_pass *p);
double *rf_dw_part(const rf_dw_pass *p, size_t chunk);
/* The input rows that belong to output rows [0, row). */
size_t rf_dw_input_rows(const rf_dwconv *v, size_t row);
size_t rf_dw_partial_count(const rf_dwconv *v);

/* Whether strips serve a fused convolution of this geometry, and the scratch elements of a thread. */
bool rf_dw_strips_serve(const rf_dwconv *v);
size_t rf_dw_strips_elements(const rf_dwconv *v);
/* Ranges of rf_parallel_for over output rows. Backward: with fusion->x.scale. */
void rf_dw_strips_forward(void *pass, size_t begin, size_t end);
void rf_dw_strips_backward(void *pass, size_t begin, size_t end);

#endif
