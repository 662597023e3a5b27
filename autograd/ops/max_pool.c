/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"

enum { ATTR_K, ATTR_STRIDE, ATTR_PAD };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int k = rf_attr_int(call, ATTR_K), stride = rf_attr_int(call, ATTR_STRIDE), pad = rf_attr_int(call, ATTR_PAD);
    RF_TRY(rf_expect_dims("max_pool", "x", x, 4));
    if (2 * pad > k) return rf_fail(RF_ERR_USER, "max_pool: pad=%d is more than half of k=%d", pad, k);
    rf_shape y = *x;
    for (int i = 1; i <= 2; i++) {
        if (x->d[i] + 2 * pad < k)
            return rf_fail(RF_ERR_USER, "max_pool: k=%d is larger than the padded map (%d)", k, x->d[i] + 2 * pad);
        y.d[i] = (x->d[i] + 2 * pad - k) / stride + 1;
    }
    call->out[0].shape = call->out[1].shape = y;
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_OUT(1);
}

/* Takes tap `tap` where it beats the best so far; NaN beats everything, as in PyTorch. */
static void take(const rf_real *x, rf_real tap, size_t channels, rf_real *best, rf_real *index) {
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        rf_real v = x[c], b = best[c], i = index[c];
        int wins = (v > b) | (v != v);
        best[c] = wins ? v : b;
        index[c] = wins ? tap : i;
    }
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const int *in = call->in[0].shape.d, *out = call->out[0].shape.d;
    int k = rf_attr_int(call, ATTR_K), stride = rf_attr_int(call, ATTR_STRIDE), pad = rf_attr_int(call, ATTR_PAD);
    size_t channels = (size_t)in[3];
    for (size_t row = begin; row < end; row++) {
        int n = (int)(row / (size_t)out[1]), top = (int)(row % (size_t)out[1]) * stride - pad;
        for (int ow = 0; ow < out[2]; ow++) {
            size_t at = (row * (size_t)out[2] + (size_t)ow) * channels;
            rf_real *best = call->out[0].data + at, *index = call->out[1].data + at;
            for (size_t c = 0; c < channels; c++) best[c] = -(rf_real)INFINITY;
            int left = ow * stride - pad;
            int first = (top < 0 ? -top : 0) * k + (left < 0 ? -left : 0);
            for (size_t c = 0; c < channels; c++) index[c] = (rf_real)first;
            for (int tap = first; tap < k * k; tap++) {
                int h = top + tap / k, w = left + tap % k;
                if (h >= in[1] || w < 0 || w >= in[2]) continue;
                const rf_real *x = call->in[0].data + ((size_t)(n * in[1] + h) * (size_t)in[2] + (size_t)w) * channels;
                take(x, (rf_real)tap, channels, best, index);
            }
        }
    }
}

static rf_status forward(const rf_call *call) {
    const int *d = call->out[0].shape.d;
    rf_parallel_for((size_t)d[0] * (size_t)d[1], rf_row_grain((size_t)d[2] * (size_t)d[3]), forward_range,
                    (void *)call);
    return RF_OK;
}

/* Adds to one pixel of dx what the windows that contain it send back. */
static void collect(const rf_call *call, int n, int h, int w, rf_real *dx) {
    const int *out = call->out[0].shape.d;
    int k = rf_attr_int(call, ATTR_K), stride = rf_attr_int(call, ATTR_STRIDE), pad = rf_attr_int(call, ATTR_PAD);
    size_t channels = (size_t)out[3];
    for (int kh = (h + pad) % stride; kh < k; kh += stride) {
        int oh = (h + pad - kh) / stride;
        if (h + pad < kh || oh >= out[1]) continue;
        for (int kw = (w + pad) % stride; kw < k; kw += stride) {
            int ow = (w + pad - kw) / stride;
            if (w + pad < kw || ow >= out[2]) continue;
            size_t at = ((size_t)(n * out[1] + oh) * (size_t)out[2] + (size_t)ow) * channels;
            const rf_real *index = call->out[1].data + at, *dy = call->dout[0].data + at;
            rf_real tap = (rf_real)(kh * k + kw);
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                rf_real g = dy[c];
                dx[c] += index[c] == tap ? g : 0;
            }
        }
    }
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const int *in = call->in[0].shape.d;
    size_t width = (size_t)in[2] * (size_t)in[3];
    for (size_t row = begin; row < end; row++) {
        rf_real *dx = call->din[0].data + row * width;
        if (!call->din_add[0]) memset(dx, 0, width * sizeof *dx);
        int n = (int)(row / (size_t)in[1]), h = (int)(row % (size_t)in[1]);
        for (int w = 0; w < in[2]; w++) collect(call, n, h, w, dx + (size_t)w * (size_t)in[3]);
    }
}

static void backward(const rf_call *call) {
    const int *d = call->in[0].shape.d;
    if (!call->din[0].data) return;
    rf_parallel_for((size_t)d[0] * (size_t)d[1], rf_row_grain((size_t)d[2] * (size_t)d[3]), backward_range,
                    (void *)call);
}

static void reference(const rf_call *call) {
    const int *in = call->in[0].shape.d, *out = call->out[0].shape.d;
    int k = rf_attr_int(call, ATTR_K), stride = rf_attr_int(call, ATTR_STRIDE), pad = rf_attr_int(call, ATTR_PAD);
    size_t count = rf_shape_count(&call->out[0].shape);
    for (size_t i = 0; i < count; i++) {
        int c = (int)(i % (size_t)out[3]), ow = (int)(i / (size_t)out[3]) % out[2];
        int oh = (int)(i / (size_t)(out[3] * out[2])) % out[1], n = (int)(i / (size_t)(out[3] * out[2] * out[1]));
        int best = -1;
        double value = 0;
        for (int tap = 0; tap < k * k; tap++) {
            int h = oh * stride - pad + tap / k, w = ow * stride - pad + tap % k;
            if (h < 0 || h >= in[1] || w < 0 || w >= in[2]) continue;
            double x = (double)call->in[0].data[((n * in[1] + h) * in[2] + w) * in[3] + c];
            if (best >= 0 && x <= value) continue;
            best = tap;
            value = x;
        }
        call->out[0].data[i] = (rf_real)value;
        call->out[1].data[i] = (rf_real)best;
    }
}

/* Distinct values 0.01 apart in scrambled order: no ties, and a small step never changes the winner. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    size_t n = rf_shape_count(&call->in[input].shape), step = 7919;
    for (size_t i = 0; i < n; i++) {
        size_t scrambled = n % step == 0 ? n - 1 - i : (i * step + (size_t)(seed % 97)) % n;
        data[i] = (rf_real)(0.01 * ((double)scrambled - (double)n / 2));
    }
}

static const rf_case cases[] = {{"2x6x7x3", "k=3 stride=2 pad=1"},
                                {"1x4x4x17", "k=2 stride=2"},
                                {"1x5x6x2", "k=3 stride=1 pad=1"},
                                {"1x5x5x1", "k=2 stride=3"},
                                {NULL, NULL}};

const rf_op rf_op_max_pool = {
    .name = "max_pool",
    .formula = "y[n,i,j,c] = max over the k x k window at (i*stride - pad, j*stride - pad) of x; index = place in it",
    .in_names = {"x"},
    .out_names = {"y", "index"},
    .attrs = {{"k", RF_ATTR_INT, 2, 1, 64, "side of the window"},
              {"stride", RF_ATTR_INT, 2, 1, 64, "step of the window"},
              {"pad", RF_ATTR_INT, 0, 0, 32, "border of the map that windows may cover, never taken"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
