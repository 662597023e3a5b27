/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/upsample.h"

#include <string.h>

#include "autograd/ops/common.h"
#include "core/parallel.h"

/* floor(i * in / out): the source of output i. */
static size_t source_of(size_t i, int in, int out) {
    return i * (size_t)in / (size_t)out;
}

/* The first output whose source is at least s. */
static size_t first_output(size_t s, int in, int out) {
    return (s * (size_t)out + (size_t)in - 1) / (size_t)in;
}

typedef struct forward_pass {
    const rf_tensor *x, *y;
    const rf_real *a;
} forward_pass;

static void forward_range(void *ctx, size_t begin, size_t end) {
    const forward_pass *p = ctx;
    const int *in = p->x->shape.d, *out = p->y->shape.d;
    size_t channels = (size_t)in[3], width = (size_t)out[2];
    for (size_t row = begin; row < end; row++) {
        size_t n = row / (size_t)out[1], i = row % (size_t)out[1];
        const rf_real *from = p->x->data + (n * (size_t)in[1] + source_of(i, in[1], out[1])) * (size_t)in[2] * channels;
        for (size_t j = 0; j < width; j++) {
            const rf_real *x = from + source_of(j, in[2], out[2]) * channels;
            size_t at = (row * width + j) * channels;
            rf_real *y = p->y->data + at;
            if (p->a) {
                const rf_real *a = p->a + at;
#pragma omp simd
                for (size_t c = 0; c < channels; c++) y[c] = a[c] + x[c];
            } else {
                memcpy(y, x, channels * sizeof *y);
            }
        }
    }
}

void rf_upsample_forward(const rf_tensor *x, const rf_real *a, const rf_tensor *y) {
    forward_pass p = {x, y, a};
    const int *d = y->shape.d;
    rf_parallel_for((size_t)d[0] * (size_t)d[1], rf_row_grain((size_t)d[2] * (size_t)d[3]), forward_range, &p);
}

typedef struct backward_pass {
    const rf_tensor *dx;
    bool add;
    const rf_real *dy;
    const rf_shape *y;
} backward_pass;

static void backward_range(void *ctx, size_t begin, size_t end) {
    const backward_pass *p = ctx;
    const int *in = p->dx->shape.d, *out = p->y->d;
    size_t channels = (size_t)in[3], width = (size_t)in[2];
    for (size_t row = begin; row < end; row++) {
        size_t n = row / (size_t)in[1], i = row % (size_t)in[1];
        size_t i0 = first_output(i, in[1], out[1]), i1 = first_output(i + 1, in[1], out[1]);
        for (size_t j = 0; j < width; j++) {
            size_t j0 = first_output(j, in[2], out[2]), j1 = first_output(j + 1, in[2], out[2]);
            rf_real *dx = p->dx->data + (row * width + j) * channels;
            if (!p->add) memset(dx, 0, channels * sizeof *dx);
            for (size_t k = i0; k < i1; k++) {
                const rf_real *dy = p->dy + ((n * (size_t)out[1] + k) * (size_t)out[2] + j0) * channels;
                for (size_t l = j0; l < j1; l++, dy += channels) {
#pragma omp simd
                    for (size_t c = 0; c < channels; c++) dx[c] += dy[c];
                }
            }
        }
    }
}

void rf_upsample_backward(const rf_tensor *dx, bool add, const rf_real *dy, const rf_shape *y) {
    if (!dx->data) return;
    backward_pass p = {dx, add, dy, y};
    const int *d = dx->shape.d;
    size_t outputs = (size_t)y->d[1] * (size_t)y->d[2] * (size_t)y->d[3] / (size_t)d[1];
    rf_parallel_for((size_t)d[0] * (size_t)d[1], rf_row_grain(outputs), backward_range, &p);
}

void rf_upsample_reference(const rf_tensor *x, const rf_real *a, const rf_tensor *y) {
    const int *in = x->shape.d, *out = y->shape.d;
    rf_real *to = y->data;
    for (int n = 0; n < out[0]; n++)
        for (int i = 0; i < out[1]; i++)
            for (int j = 0; j < out[2]; j++)
                for (int c = 0; c < out[3]; c++) {
                    int si = i * in[1] / out[1], sj = j * in[2] / out[2];
                    rf_real v = x->data[((n * in[1] + si) * in[2] + sj) * in[3] + c];
                    *to++ = a ? *a++ + v : v;
                }
}
