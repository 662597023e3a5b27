/* SPDX-License-Identifier: Apache-2.0 */
/* The passes of a convolution as direct products. */
#include "autograd/kernels/conv_gemm.h"

rf_conv_view rf_conv_forward_view(const rf_conv_dims *d, const rf_real *x, int group) {
    return (rf_conv_view){
        .x = x ? x + (size_t)group * (d->c / d->groups) : NULL,
        .n = d->n,
        .h = d->h,
        .w = d->w,
        .pixel = (size_t)d->c,
        .k = d->c / d->groups,
        .mh = d->oh,
        .mw = d->ow,
        .step_h = d->stride_h,
        .step_w = d->stride_w,
        .th = d->kh,
        .tw = d->kw,
        .y0 = -d->pad_h,
        .x0 = -d->pad_w,
        .tap_h = 1,
        .tap_w = 1,
    };
}

void rf_conv_gemm_forward(const rf_conv_dims *d, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                          rf_real *y, const rf_fusion *fusion, void *work) {
    int outputs = d->oc / d->groups;
    rf_conv_view view = rf_conv_forward_view(d, x, 0);
    if (rf_conv_has_runs(&view)) {
        rf_conv_lines_forward(d, x, w, epilogue, y, fusion, work);
        return;
    }
    bool bf16 = fusion && fusion->bf16 && rf_conv_is_matrix(d);
    for (int g = 0; g < d->groups; g++) {
        size_t first = (size_t)g * outputs;
        rf_gemm_job job = {
            .kernels = bf16 ? rf_conv_kernels_current() : rf_conv_kernels_for(outputs),
            .view = rf_conv_forward_view(d, x, g),
            .w = w + first,
            .kw = d->kw,
            .kh_step = 1,
            .kw_step = 1,
            .inner = d->c / d->groups,
            .oc = d->oc,
            .n = outputs,
            .y = y + first,
            .y_pixel = (size_t)d->oc,
            .yh = d->oh,
            .yw = d->ow,
            .y_step_h = 1,
            .y_step_w = 1,
        };
        if (epilogue) {
            job.epilogue = *epilogue;
            if (epilogue->bias) job.epilogue.bias += first;
            if (epilogue->residual) job.epilogue.residual += first;
        }
        if (fusion && rf_fused_reads(&fusion->x)) job.read = &fusion->x;
        job.bf16 = bf16;
        job.writes = fusion && fusion->moments;
        job.write = (rf_fused_write){.y = y, .channels = (size_t)d->oc};
        rf_gemm_run(&job, work);
        if (job.writes) rf_fused_merge_moments(job.parts, job.plan.blocks, (size_t)d->oc, fusion->moments);
    }
}

/* The part of one axis that belongs to phase p of a stride: points p, p+s, ... of dx, taps r, r+s, ... of the kernel.
 */
typedef struct phase {
    int points, taps, tap0, origin;
} phase;

static phase axis_phase(int p, int size, int kernel, int stride, int pad) {
    phase out = {.tap0 = (p + pad) % stride};
    out.points = size > p ? (size - p + stride - 1) / stride : 0;
    out.taps = kernel > out.tap0 ? (kernel - out.tap0 + stride - 1) / stride : 0;
    out.origin = (p + pad - out.tap0) / stride;
    return out;
}

static rf_conv_view phase_view(const rf_conv_dims *d, const rf_real *dy, int group, phase v, phase h) {
    int outputs = d->oc / d->groups;
    return (rf_conv_view){
        .x = dy ? dy + (size_t)group * outputs : NULL,
        .n = d->n,
        .h = d->oh,
        .w = d->ow,
        .pixel = (size_t)d->oc,
        .k = outputs,
        .mh = v.points,
        .mw = h.points,
        .step_h = 1,
        .step_w = 1,
        .th = v.taps,
        .tw = h.taps,
        .y0 = v.origin,
        .x0 = h.origin,
        .tap_h = -1,
        .tap_w = -1,
    };
}

void rf_conv_gemm_backward_data(const rf_conv_dims *d, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                                const rf_fusion *fusion, void *work) {
    int inputs = d->c / d->groups, outputs = d->oc / d->groups, phases = d->stride_h * d->stride_w;
    bool bf16 = fusion && fusion->bf16 && rf_conv_is_matrix(d);
    for (int i = 0; i < d->groups * phases; i++) {
        int g = i / phases, ph = i % phases / d->stride_w, pw = i % d->stride_w;
        phase v = axis_phase(ph, d->h, d->kh, d->stride_h, d->pad_h);
        phase h = axis_phase(pw, d->w, d->kw, d->stride_w, d->pad_w);
        bool empty = v.taps == 0 || h.taps == 0; /* no tap reaches these points: their gradient is zero */
        if (v.points == 0 || h.points == 0 || (empty && add)) continue;
        rf_gemm_job job = {
            .kernels = bf16 ? rf_conv_kernels_current() : rf_conv_kernels_for(inputs),
            .view = phase_view(d, dy, g, v, h),
            .w = w + (size_t)g * outputs,
            .transposed = true,
            .kw = d->kw,
            .kh0 = v.tap0,
            .kw0 = h.tap0,
            .kh_step = d->stride_h,
            .kw_step = d->stride_w,
            .inner = inputs,
            .oc = d->oc,
            .n = inputs,
            .y = dx + (size_t)g * inputs,
            .y_pixel = (size_t)d->c,
            .yh = d->h,
            .yw = d->w,
            .y_h0 = ph,
            .y_w0 = pw,
            .y_step_h = d->stride_h,
            .y_step_w = d->stride_w,
            .add = add,
        };
        if (fusion && rf_fused_reads(&fusion->dy)) job.read = &fusion->dy;
        job.bf16 = bf16;
        job.writes = fusion && fusion->x.scale;
        if (job.writes)
            job.write = (rf_fused_write){.y = dx,
                                         .channels = (size_t)d->c,
                                         .add = add,
                                         .x = fusion->map,
                                         .scale = fusion->x.scale,
                                         .slope = fusion->x.slope};
        rf_gemm_run(&job, work);
        if (job.writes)
            rf_fused_merge_gradient(job.parts, job.plan.blocks, (size_t)d->c, fusion->x.scale, fusion->dscale,
                                    fusion->dscale_add);
    }
}

size_t rf_conv_gemm_workspace(const rf_conv_dims *d, const rf_conv_kernels *kernels, bool transposed, bool fused) {
    if (!transposed) {
        rf_conv_view view = rf_conv_forward_view(d, NULL, 0);
        if (rf_conv_has_runs(&view)) return rf_conv_lines_workspace(d, kernels);
        return rf_gemm_bytes(&view, d->oc / d->groups, kernels, fused);
    }
    size_t bytes = 0;
    for (int i = 0; i < d->stride_h * d->stride_w; i++) {
        phase v = axis_phase(i / d->stride_w, d->h, d->kh, d->stride_h, d->pad_h);
        phase h = axis_phase(i % d->stride_w, d->w, d->kw, d->stride_w, d->pad_w);
        if (v.points == 0 || h.points == 0) continue;
        rf_conv_view view = phase_view(d, NULL, 0, v, h);
        size_t one = rf_gemm_bytes(&view, d->c / d->groups, kernels, fused);
        if (one > bytes) bytes = one;
    }
    return bytes;
}
