/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/norm.h"

#include "autograd/kernels/isa/norm_isa.h"
#include "autograd/kernels/large.h"
#include "core/parallel.h"

/* Rows of a chunk: about 128 KB of floats, so that it stays in the second-level cache, but enough rows that the chunk's
 * partial results are small beside it. */
static size_t chunk_rows(size_t channels) {
    size_t rows = 32768 / channels;
    return rows < 64 ? 64 : rows;
}

static size_t chunk_count(size_t rows, size_t channels) {
    size_t step = chunk_rows(channels);
    return (rows + step - 1) / step;
}

size_t rf_norm_work_bytes(size_t rows, size_t channels) {
    return chunk_count(rows, channels) * 2 * channels * sizeof(double);
}

typedef struct pass {
    const rf_norm *norm;
    const rf_norm_grad *grad;
    rf_real *y;
    double *partials; /* [chunk][2][C] */
} pass;

static double *partials_of(const pass *p, size_t begin, size_t channels) {
    return p->partials + begin / chunk_rows(channels) * 2 * channels;
}

static void moments_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    size_t channels = p->norm->channels;
    double *out = partials_of(p, begin, channels);
    RF_ISA_PICK(rf_norm_chunk_moments)
    (p->norm->x + begin * channels, end - begin, channels, out, out + channels);
}

void rf_norm_statistics(const rf_real *x, size_t rows, size_t channels, double *mean, double *variance, void *work) {
    rf_norm norm = {.x = x, .rows = rows, .channels = channels};
    pass p = {.norm = &norm, .partials = work};
    size_t step = chunk_rows(channels);
    rf_parallel_for(rows, step, moments_range, &p);
    for (size_t c = 0; c < channels; c++) mean[c] = variance[c] = 0;
    for (size_t begin = 0; begin < rows; begin += step) {
        const double *part = partials_of(&p, begin, channels);
        double before = (double)begin, n = (double)(rows - begin < step ? rows - begin : step);
        double share = n / (before + n), cross = before * share;
        for (size_t c = 0; c < channels; c++) {
            double delta = part[c] - mean[c];
            mean[c] += delta * share;
            variance[c] += part[channels + c] + delta * delta * cross;
        }
    }
    for (size_t c = 0; c < channels; c++) variance[c] /= (double)rows;
}

static void apply_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    RF_ISA_PICK(rf_norm_chunk_apply)(p->norm, p->y, begin, end);
}

void rf_norm_apply(const rf_norm *norm, rf_real *y) {
    rf_norm copy = *norm;
    copy.stream = rf_is_large(norm->rows * norm->channels);
    pass p = {.norm = &copy, .y = y};
    rf_parallel_for(norm->rows, chunk_rows(norm->channels), apply_range, &p);
}

static void sums_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    size_t channels = p->grad->norm.channels;
    double *out = partials_of(p, begin, channels);
    RF_ISA_PICK(rf_norm_chunk_sums)(p->grad, begin, end, out, out + channels);
}

/* Runs a pass that fills the partial sums, and adds them up. */
static void run_sums(const rf_norm_grad *grad, rf_range_fn fn, double *sum_g, double *sum_gx, void *work) {
    size_t rows = grad->norm.rows, channels = grad->norm.channels, step = chunk_rows(channels);
    pass p = {.grad = grad, .partials = work};
    rf_parallel_for(rows, step, fn, &p);
    for (size_t c = 0; c < channels; c++) sum_g[c] = sum_gx[c] = 0;
    for (size_t begin = 0; begin < rows; begin += step) {
        const double *part = partials_of(&p, begin, channels);
        for (size_t c = 0; c < channels; c++) {
            sum_g[c] += part[c];
            sum_gx[c] += part[channels + c];
        }
    }
}

void rf_norm_gradient_sums(const rf_norm_grad *grad, double *sum_g, double *sum_gx, void *work) {
    run_sums(grad, sums_range, sum_g, sum_gx, work);
}

static void through_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    size_t channels = p->grad->norm.channels;
    double *out = partials_of(p, begin, channels);
    RF_ISA_PICK(rf_norm_chunk_through)(p->grad, begin, end, out, out + channels);
}

void rf_norm_through(const rf_norm_grad *grad, double *sum_g, double *sum_gx, void *work) {
    rf_norm_grad copy = *grad;
    copy.norm.stream = rf_is_large(grad->norm.rows * grad->norm.channels);
    run_sums(&copy, through_range, sum_g, sum_gx, work);
}

static void gradient_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    RF_ISA_PICK(rf_norm_chunk_gradient)(p->grad, begin, end);
}

void rf_norm_gradient(const rf_norm_grad *grad) {
    rf_norm_grad copy = *grad;
    copy.norm.stream = rf_is_large(grad->norm.rows * grad->norm.channels);
    pass p = {.grad = &copy};
    rf_parallel_for(grad->norm.rows, chunk_rows(grad->norm.channels), gradient_range, &p);
}
