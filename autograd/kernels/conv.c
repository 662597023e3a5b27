/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/conv.h"

#include "autograd/kernels/conv_internal.h"
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/winograd.h"
#include "core/parallel.h"

#include <string.h>

extern const rf_conv_kernels rf_conv_kernels_generic;
#if defined(__x86_64__) && !defined(RF_DOUBLE)
extern const rf_conv_kernels rf_conv_kernels_avx2, rf_conv_kernels_avx512;
static const rf_conv_kernels *const sets[RF_ISA_COUNT] = {
    [RF_ISA_GENERIC] = &rf_conv_kernels_generic,
    [RF_ISA_AVX2] = &rf_conv_kernels_avx2,
    [RF_ISA_AVX512] = &rf_conv_kernels_avx512,
};
#else
static const rf_conv_kernels *const sets[RF_ISA_COUNT] = {[RF_ISA_GENERIC] = &rf_conv_kernels_generic};
#endif

const rf_conv_kernels *rf_conv_kernels_current(void) {
    return sets[rf_isa_current()];
}

const rf_conv_kernels *rf_conv_kernels_for(int n) {
    rf_isa isa = rf_isa_current();
    bool narrow = isa == RF_ISA_AVX512 && sets[RF_ISA_AVX2] && n <= sets[RF_ISA_AVX2]->vl;
    return sets[narrow ? RF_ISA_AVX2 : isa];
}

bool rf_conv_fuses(const rf_conv_dims *dims) {
    return rf_conv_is_matrix(dims) ||
           (rf_winograd_pays(dims, RF_CONV_FORWARD) && rf_winograd_pays(dims, RF_CONV_BACKWARD_DATA) &&
            rf_winograd_pays(dims, RF_CONV_BACKWARD_WEIGHTS));
}

size_t rf_conv_pair_workspace(const rf_conv_dims *dims) {
    size_t bytes = 0;
    for (int i = 0; i < RF_ISA_COUNT; i++) {
        size_t one = sets[i] ? rf_conv_pair_bytes(dims, sets[i]) : 0;
        if (one > bytes) bytes = one;
    }
    return bytes;
}

/* Partial sums of the bias gradient: one for each range of pixels, a number that follows from the shape. */
enum { BIAS_PARTS = 16, BIAS_PIXELS = 512 };

static size_t bias_parts(const rf_conv_dims *d) {
    size_t parts = (size_t)d->n * d->oh * d->ow / BIAS_PIXELS;
    return parts < 1 ? 1 : parts > BIAS_PARTS ? BIAS_PARTS : parts;
}

size_t rf_conv_workspace(const rf_conv_dims *dims, rf_conv_pass pass, bool fused) {
    if (pass == RF_CONV_BACKWARD_BIAS) return bias_parts(dims) * (size_t)dims->oc * sizeof(rf_real);
    size_t bytes = 0;
    for (int i = 0; i < RF_ISA_COUNT; i++) {
        if (!sets[i]) continue;
        size_t one;
        if (rf_winograd_pays(dims, pass))
            one = rf_winograd_workspace(dims, pass, sets[i], fused);
        else if (pass == RF_CONV_BACKWARD_WEIGHTS)
            one = rf_conv_weights_workspace(dims, sets[i]);
        else
            one = rf_conv_gemm_workspace(dims, sets[i], pass == RF_CONV_BACKWARD_DATA, fused);
        if (one > bytes) bytes = one;
    }
    return bytes;
}

void rf_conv_forward(const rf_conv_dims *dims, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                     rf_real *y, const rf_fusion *fusion, void *work) {
    bool fast = rf_winograd_pays(dims, RF_CONV_FORWARD);
    (fast ? rf_winograd_forward : rf_conv_gemm_forward)(dims, x, w, epilogue, y, fusion, work);
}

void rf_conv_backward_data(const rf_conv_dims *dims, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                           const rf_fusion *fusion, void *work) {
    bool fast = rf_winograd_pays(dims, RF_CONV_BACKWARD_DATA);
    (fast ? rf_winograd_backward_data : rf_conv_gemm_backward_data)(dims, dy, w, dx, add, fusion, work);
}

void rf_conv_backward_weights(const rf_conv_dims *dims, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                              const rf_fusion *fusion, void *work) {
    bool fast = rf_winograd_pays(dims, RF_CONV_BACKWARD_WEIGHTS);
    (fast ? rf_winograd_backward_weights : rf_conv_gemm_backward_weights)(dims, x, dy, dw, add, fusion, work);
}

typedef struct bias_job {
    const rf_real *dy;
    rf_real *part;
    size_t pixels, parts, oc;
} bias_job;

static void bias_part(void *ctx, size_t begin, size_t end) {
    const bias_job *job = ctx;
    for (size_t i = begin; i < end; i++) {
        rf_real *sum = job->part + i * job->oc;
        memset(sum, 0, job->oc * sizeof *sum);
        for (size_t p = job->pixels * i / job->parts; p < job->pixels * (i + 1) / job->parts; p++) {
            const rf_real *dy = job->dy + p * job->oc;
            for (size_t c = 0; c < job->oc; c++) sum[c] += dy[c];
        }
    }
}

void rf_conv_backward_bias(const rf_conv_dims *d, const rf_real *dy, rf_real *db, bool add, void *work) {
    bias_job job = {
        .dy = dy,
        .part = work,
        .pixels = (size_t)d->n * d->oh * d->ow,
        .parts = bias_parts(d),
        .oc = (size_t)d->oc,
    };
    rf_parallel_for(job.parts, 1, bias_part, &job);
    for (size_t c = 0; c < job.oc; c++) {
        rf_real sum = add ? db[c] : 0;
        for (size_t i = 0; i < job.parts; i++) sum += job.part[i * job.oc + c];
        db[c] = sum;
    }
}
