/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/peak.h"

#include "autograd/kernels/dispatch.h"
#include "autograd/real.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/parallel.h"

RF_ISA_DECLARE(double, rf_peak_loop, (size_t iterations, rf_real *sink));

enum { RUNS = 15, LOOPS = 400000, ELEMENTS = 16 << 20, PIECE = 1 << 16 };

static void multiply(void *ctx, size_t begin, size_t end) {
    double *operations = ctx;
    rf_real sink;
    for (size_t i = begin; i < end; i++) operations[i] = RF_ISA_PICK(rf_peak_loop)(LOOPS, &sink);
}

typedef struct triad_arrays {
    float *a, *b, *c;
} triad_arrays;

static void triad(void *ctx, size_t begin, size_t end) {
    const triad_arrays *t = ctx;
    for (size_t i = begin; i < end; i++) t->a[i] = t->b[i] + 3.0f * t->c[i];
}

static rf_status measure_stream(rf_peak *out) {
    triad_arrays t = {rf_alloc(ELEMENTS, sizeof(float)), rf_alloc(ELEMENTS, sizeof(float)),
                      rf_alloc(ELEMENTS, sizeof(float))};
    rf_status status = t.a && t.b && t.c ? RF_OK : RF_ERR_NOMEM;
    for (int run = 0; run < RUNS && status == RF_OK; run++) {
        double begin = rf_clock_seconds();
        rf_parallel_for(ELEMENTS, PIECE, triad, &t);
        double rate = 3.0 * sizeof(float) * ELEMENTS / (rf_clock_seconds() - begin) / 1e9;
        if (rate > out->gb_s) out->gb_s = rate;
    }
    rf_free(t.a);
    rf_free(t.b);
    rf_free(t.c);
    return status;
}

rf_status rf_peak_measure(rf_peak *out) {
    *out = (rf_peak){0};
    size_t threads = (size_t)rf_get_threads();
    double *operations = rf_alloc(threads, sizeof *operations);
    if (!operations) return RF_ERR_NOMEM;
    for (int run = 0; run < RUNS; run++) {
        double begin = rf_clock_seconds(), sum = 0;
        rf_parallel_for(threads, 1, multiply, operations);
        double seconds = rf_clock_seconds() - begin;
        for (size_t i = 0; i < threads; i++) sum += operations[i];
        if (sum / seconds / 1e9 > out->gflops) out->gflops = sum / seconds / 1e9;
    }
    rf_free(operations);
    return measure_stream(out);
}
