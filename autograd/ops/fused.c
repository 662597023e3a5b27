/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/fused.h"

#include "autograd/ops/common.h"
#include "core/mem.h"
#include "core/parallel.h"

rf_status rf_expect_scale(const char *op, const rf_call *call, int i, int channels) {
    rf_shape wanted = {2, {3, channels}};
    return rf_expect_shape(op, "scale", &call->in[i].shape, &wanted);
}

rf_fused_read rf_fused_dy(const rf_tensor *y, const rf_tensor *moments, const rf_tensor *dmoments, rf_real *tilt) {
    rf_fused_read read = {.slope = 1};
    size_t channels = rf_columns(&y->shape), rows = rf_rows(&y->shape);
    if (!dmoments->data) return read;
    for (size_t c = 0; c < channels; c++) {
        tilt[c] = moments->data[c];
        tilt[channels + c] = dmoments->data[c] / (rf_real)rows;
        tilt[2 * channels + c] = 2 * dmoments->data[channels + c] / (rf_real)rows;
    }
    read.y = y->data;
    read.tilt = tilt;
    return read;
}

static rf_fused_read read_x(const rf_call *call, rf_real slope) {
    rf_fused_read read = {.slope = slope};
    if (rf_has_input(call, RF_FUSED_SCALE)) read.scale = call->in[RF_FUSED_SCALE].data;
    return read;
}

rf_fusion rf_fused_forward(const rf_call *call, rf_real slope) {
    return (rf_fusion){.x = read_x(call, slope), .moments = call->out[RF_FUSED_MOMENTS].data};
}

rf_fusion rf_fused_backward(const rf_call *call, rf_real slope, rf_real *tilt) {
    rf_fusion fusion = {
        .x = read_x(call, slope),
        .dy = rf_fused_dy(&call->out[RF_FUSED_Y], &call->out[RF_FUSED_MOMENTS], &call->dout[RF_FUSED_MOMENTS], tilt)};
    if (!rf_has_input(call, RF_FUSED_SCALE)) return fusion;
    fusion.map = call->in[RF_FUSED_X].data;
    fusion.dscale = call->din[RF_FUSED_SCALE].data;
    fusion.dscale_add = call->din_add[RF_FUSED_SCALE];
    return fusion;
}

typedef struct copy_pass {
    const rf_fused_read *read;
    const rf_tensor *map;
    rf_real *out;
} copy_pass;

static void copy_range(void *ctx, size_t begin, size_t end) {
    const copy_pass *p = ctx;
    size_t channels = rf_columns(&p->map->shape);
    RF_ISA_PICK(rf_fused_read_rows)
    (p->read, p->map->data, channels, begin, end - begin, 0, channels, p->out + begin * channels, channels);
}

void rf_fused_copy(const rf_fused_read *read, const rf_tensor *map, rf_real *out) {
    copy_pass p = {read, map, out};
    rf_parallel_for(rf_rows(&map->shape), rf_row_grain(rf_columns(&map->shape)), copy_range, &p);
}

rf_real *rf_reference_normalised(const rf_tensor *x, const rf_real *scale, rf_real slope) {
    size_t count = rf_shape_count(&x->shape), channels = rf_columns(&x->shape);
    rf_real *out = rf_alloc(count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        size_t c = i % channels;
        double v = ((double)x->data[i] - (double)scale[c]) * (double)scale[channels + c];
        v += (double)scale[2 * channels + c];
        out[i] = (rf_real)(v > 0 ? v : v * (double)slope);
    }
    return out;
}

void rf_reference_moments(const rf_tensor *y, rf_real *moments) {
    size_t rows = rf_rows(&y->shape), channels = rf_columns(&y->shape);
    for (size_t c = 0; c < channels; c++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < rows; r++) sum += (double)y->data[r * channels + c];
        for (size_t r = 0; r < rows; r++) {
            double d = (double)y->data[r * channels + c] - sum / (double)rows;
            square += d * d;
        }
        moments[c] = (rf_real)(sum / (double)rows);
        moments[channels + c] = (rf_real)(square / (double)rows);
    }
}

void rf_fused_fill(const rf_tensor *x, const rf_real *scale) {
    size_t count = rf_shape_count(&x->shape), channels = rf_columns(&x->shape);
    for (size_t i = 0; i < count; i++) {
        size_t c = i % channels;
        rf_real gain = scale[channels + c], v = (x->data[i] - scale[c]) * gain + scale[2 * channels + c];
        if (v * v < gain * gain * (rf_real)1e-4) x->data[i] += (rf_real)0.05;
    }
}
