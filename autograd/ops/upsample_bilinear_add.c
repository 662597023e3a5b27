/* SPDX-License-Identifier: Apache-2.0 */
/* The bilinear sibling of upsample_add: torch.nn.functional.interpolate(mode="bilinear", align_corners=False). */
#include "autograd/ops/common.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"

/* Where output i of `out` reads among `in` sources: low and low + 1 (or the last one), the second with weight `part`.
 */
typedef struct source {
    int low, high;
    double part;
} source;

static source source_of(int i, int in, int out) {
    double at = fmax(0, (i + 0.5) * in / out - 0.5);
    int low = (int)at;
    return (source){low, low + 1 < in ? low + 1 : low, at - low};
}

/* How much output i takes of source s. */
static double weight_of(int i, int s, int in, int out) {
    source from = source_of(i, in, out);
    return (from.low == s ? 1 - from.part : 0) + (from.high == s ? from.part : 0);
}

/* Outputs [begin, end) that may take something of source s. */
static void outputs_of(int s, int in, int out, int *begin, int *end) {
    *begin = (int)floor((s - 0.5) * out / in - 0.5);
    *end = (int)ceil((s + 1.5) * out / in - 0.5) + 1;
    if (*begin < 0) *begin = 0;
    if (*end > out) *end = out;
}

static rf_status infer(rf_call *call) {
    const rf_shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    RF_TRY(rf_expect_dims("upsample_bilinear_add", "a", a, 4));
    RF_TRY(rf_expect_dims("upsample_bilinear_add", "b", b, 4));
    if (a->d[0] != b->d[0] || a->d[3] != b->d[3])
        return rf_fail(RF_ERR_USER, "upsample_bilinear_add: a has %d images of %d channels, b %d of %d", a->d[0],
                       a->d[3], b->d[0], b->d[3]);
    return rf_infer_same(call);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const int *in = call->in[1].shape.d, *out = call->out[0].shape.d;
    size_t channels = (size_t)in[3], width = (size_t)in[2] * channels;
    for (size_t row = begin; row < end; row++) {
        source v = source_of((int)(row % (size_t)out[1]), in[1], out[1]);
        const rf_real *image = call->in[1].data + row / (size_t)out[1] * (size_t)in[1] * width;
        const rf_real *top = image + (size_t)v.low * width, *bottom = image + (size_t)v.high * width;
        for (int j = 0; j < out[2]; j++) {
            source h = source_of(j, in[2], out[2]);
            size_t left = (size_t)h.low * channels, right = (size_t)h.high * channels;
            size_t at = (row * (size_t)out[2] + (size_t)j) * channels;
            const rf_real *a = call->in[0].data + at;
            rf_real *y = call->out[0].data + at, fy = (rf_real)v.part, fx = (rf_real)h.part;
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                rf_real upper = (1 - fx) * top[left + c] + fx * top[right + c];
                rf_real lower = (1 - fx) * bottom[left + c] + fx * bottom[right + c];
                y[c] = a[c] + (1 - fy) * upper + fy * lower;
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

static void add_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const rf_real *dy = call->dout[0].data;
    rf_real *da = call->din[0].data;
    bool add = call->din_add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) da[i] = add ? da[i] + dy[i] : dy[i];
}

/* Adds to one pixel (i, j) of db what the outputs that took of it send back. */
static void collect(const rf_call *call, size_t n, int i, int j, rf_real *db) {
    const int *in = call->in[1].shape.d, *out = call->out[0].shape.d;
    size_t channels = (size_t)in[3];
    int top, bottom, left, right;
    outputs_of(i, in[1], out[1], &top, &bottom);
    outputs_of(j, in[2], out[2], &left, &right);
    for (int k = top; k < bottom; k++) {
        double v = weight_of(k, i, in[1], out[1]);
        for (int l = left; l < right && v > 0; l++) {
            rf_real factor = (rf_real)(v * weight_of(l, j, in[2], out[2]));
            if (!(factor > 0)) continue;
            const rf_real *dy =
                call->dout[0].data + ((n * (size_t)out[1] + (size_t)k) * (size_t)out[2] + (size_t)l) * channels;
#pragma omp simd
            for (size_t c = 0; c < channels; c++) db[c] += factor * dy[c];
        }
    }
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    const int *in = call->in[1].shape.d;
    size_t width = (size_t)in[2] * (size_t)in[3];
    for (size_t row = begin; row < end; row++) {
        rf_real *db = call->din[1].data + row * width;
        if (!call->din_add[1]) memset(db, 0, width * sizeof *db);
        for (int j = 0; j < in[2]; j++)
            collect(call, row / (size_t)in[1], (int)(row % (size_t)in[1]), j, db + (size_t)j * (size_t)in[3]);
    }
}

static void backward(const rf_call *call) {
    const int *in = call->in[1].shape.d;
    if (call->din[0].data) rf_parallel_for(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN, add_range, (void *)call);
    if (call->din[1].data)
        rf_parallel_for((size_t)in[0] * (size_t)in[1], rf_row_grain(4 * (size_t)in[2] * (size_t)in[3]), backward_range,
                        (void *)call);
}

static double source_pixel(const rf_call *call, int n, int i, int j, int c) {
    const int *in = call->in[1].shape.d;
    i = i < 0 ? 0 : i >= in[1] ? in[1] - 1 : i;
    j = j < 0 ? 0 : j >= in[2] ? in[2] - 1 : j;
    return (double)call->in[1].data[((n * in[1] + i) * in[2] + j) * in[3] + c];
}

static void reference(const rf_call *call) {
    const int *in = call->in[1].shape.d, *out = call->out[0].shape.d;
    size_t count = rf_shape_count(&call->out[0].shape);
    for (size_t e = 0; e < count; e++) {
        int c = (int)(e % (size_t)out[3]), j = (int)(e / (size_t)out[3]) % out[2];
        int i = (int)(e / (size_t)(out[3] * out[2])) % out[1], n = (int)(e / (size_t)(out[3] * out[2] * out[1]));
        double y = (i + 0.5) * in[1] / out[1] - 0.5, x = (j + 0.5) * in[2] / out[2] - 0.5;
        int top = (int)floor(y), left = (int)floor(x);
        double fy = y - top, fx = x - left;
        double upper = source_pixel(call, n, top, left, c) * (1 - fx) + source_pixel(call, n, top, left + 1, c) * fx;
        double lower =
            source_pixel(call, n, top + 1, left, c) * (1 - fx) + source_pixel(call, n, top + 1, left + 1, c) * fx;
        call->out[0].data[e] = (rf_real)((double)call->in[0].data[e] + upper * (1 - fy) + lower * fy);
    }
}

static const rf_case cases[] = {{"2x4x6x4 2x2x3x4", ""},  {"1x7x9x3 1x4x5x3", ""}, {"1x3x3x20 1x1x1x20", ""},
                                {"1x11x5x2 1x3x2x2", ""}, {"1x2x3x2 1x5x4x2", ""}, {NULL, NULL}};

const rf_op rf_op_upsample_bilinear_add = {
    .name = "upsample_bilinear_add",
    .formula = "y = a + b resized to a's height and width, bilinear, pixel centres at i + 0.5",
    .in_names = {"a", "b"},
    .out_names = {"y"},
    .differentiable = 3,
    .inplace_input = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
};
