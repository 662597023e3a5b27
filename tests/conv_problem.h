/* SPDX-License-Identifier: Apache-2.0 */
/* Random convolutions with their results by a naive loop in double precision. Every failure fails the cmocka test. */
#ifndef RF_TESTS_CONV_PROBLEM_H
#define RF_TESTS_CONV_PROBLEM_H

#include <stdint.h>

#include "autograd/kernels/conv.h"

enum { X, W, Y, DX, DW, DB, ARRAYS };

/* The arrays of a convolution, as inputs (X, W, Y = dy), with the naive results and the sums of |terms| for each
 * output. */
typedef struct problem {
    rf_conv_dims d;
    bool add, bias, residual, act;
    rf_real slope;
    size_t count[ARRAYS];
    rf_real *in[ARRAYS], *start[ARRAYS]; /* start: what the outputs hold before, for add; for Y the residual */
    double *sum[ARRAYS], *magnitude[ARRAYS];
    size_t terms[ARRAYS];
} problem;

/* d without oh and ow. The seed also draws add, bias, residual and activation. */
void make_problem(problem *p, rf_conv_dims d, uint32_t seed);
void free_problem(problem *p);

/* Runs the pass that makes `array` (Y, DX, DW or DB) into a new array, from scratch memory full of NaN with a guard
 * behind it; `winograd`: that way even where the library would not choose it. rf_free the result. */
rf_real *run_problem(const problem *p, int array, bool winograd);
/* Runs it and compares with the naive result. The tolerance is that of direct summation, relative to the terms of the
 * element; Winograd's numbers mix the terms of a tile, there it is twice that relative to the largest element. */
void compare_problem(const problem *p, int array, bool winograd);

#endif
