/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/reduce.h"

#include "autograd/ops/common.h"
#include "core/parallel.h"

static bool spatial(const rf_call *call) {
    return rf_attr_int(call, 0) != 0;
}

rf_status rf_reduce_infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    if (!spatial(call)) {
        call->out[0].shape = (rf_shape){0};
        return RF_OK;
    }
    RF_TRY(rf_expect_dims("reduction with spatial=1", "x", x, 4));
    call->out[0].shape = (rf_shape){2, {x->d[0], x->d[3]}};
    return RF_OK;
}

double rf_reduce_mean_factor(const rf_call *call) {
    return (double)rf_shape_count(&call->out[0].shape) / (double)rf_shape_count(&call->in[0].shape);
}

size_t rf_reduce_workspace(const rf_call *call, rf_pass pass) {
    if (pass == RF_PASS_BACKWARD) return 0;
    if (spatial(call)) return rf_shape_count(&call->out[0].shape) * sizeof(double);
    return rf_sum_work_bytes(rf_shape_count(&call->in[0].shape), RF_OP_GRAIN);
}

static double sum_of(const void *ctx, size_t begin, size_t end) {
    const rf_real *x = ctx;
    double sum[4] = {0};
    size_t i = begin;
    for (; i + 4 <= end; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += (double)x[i + k];
    for (; i < end; i++) sum[0] += (double)x[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

typedef struct pass {
    const rf_call *call;
    double factor;
} pass;

static void image_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    rf_split s = rf_split_at(&p->call->in[0].shape, 0);
    size_t channels = rf_columns(&p->call->in[0].shape);
    for (size_t n = begin; n < end; n++) {
        double *sum = (double *)p->call->work + n * channels;
        const rf_real *x = p->call->in[0].data + n * s.inner;
        for (size_t c = 0; c < channels; c++) sum[c] = 0;
        for (size_t at = 0; at < s.inner; at += channels)
#pragma omp simd
            for (size_t c = 0; c < channels; c++) sum[c] += (double)x[at + c];
        for (size_t c = 0; c < channels; c++) p->call->out[0].data[n * channels + c] = (rf_real)(sum[c] * p->factor);
    }
}

void rf_reduce_forward(const rf_call *call, double factor) {
    const rf_tensor *x = &call->in[0];
    pass p = {call, factor};
    if (spatial(call))
        rf_parallel_for((size_t)x->shape.d[0], 1, image_range, &p);
    else
        call->out[0].data[0] =
            (rf_real)(factor * rf_sum_chunks(rf_shape_count(&x->shape), RF_OP_GRAIN, sum_of, x->data, call->work));
}

/* Rows of the last axis: each gets its image's gradient, or the scalar's. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    const rf_call *call = p->call;
    size_t channels = rf_columns(&call->in[0].shape), pixels = rf_rows(&call->in[0].shape);
    rf_real factor = (rf_real)p->factor;
    bool each = spatial(call), add = call->din_add[0];
    if (each) pixels /= (size_t)call->in[0].shape.d[0];
    for (size_t row = begin; row < end; row++) {
        const rf_real *dy = each ? call->dout[0].data + row / pixels * channels : call->dout[0].data;
        rf_real *dx = call->din[0].data + row * channels;
        for (size_t c = 0; c < channels; c++) rf_put(&dx[c], add, factor * dy[each ? c : 0]);
    }
}

void rf_reduce_backward(const rf_call *call, double factor) {
    const rf_shape *x = &call->in[0].shape;
    pass p = {call, factor};
    if (call->din[0].data) rf_parallel_for(rf_rows(x), rf_row_grain(rf_columns(x)), backward_range, &p);
}

void rf_reduce_reference(const rf_call *call, double factor) {
    const rf_shape *x = &call->in[0].shape;
    size_t outputs = rf_shape_count(&call->out[0].shape), count = rf_shape_count(x), channels = rf_columns(x);
    size_t image = rf_split_at(x, 0).inner;
    for (size_t o = 0; o < outputs; o++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            if (!spatial(call) || (i / image == o / channels && i % channels == o % channels))
                sum += (double)call->in[0].data[i];
        call->out[0].data[o] = (rf_real)(sum * factor);
    }
}

const rf_case rf_reduce_cases[] = {
    {"2x3x5x4", ""}, {"2x3x5x4", "spatial=1"}, {"1x1x3x17", "spatial=1"}, {"7", ""}, {NULL, NULL}};
