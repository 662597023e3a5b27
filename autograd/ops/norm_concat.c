/* SPDX-License-Identifier: Apache-2.0 */
/* concat of normalised maps, normalised on the way: the branches of a context module are stored once, side by side. */
#include "autograd/ops/common.h"
#include "autograd/ops/fused.h"

#include "autograd/kernels/large.h"
#include "core/mem.h"
#include "core/parallel.h"

enum { SLOPE };
enum { PART = 65536 }; /* elements of a part at least, whose sums are merged in order */

/* Inputs: n maps, then n scales. */
static int maps(const rf_call *call) {
    return call->n_in / 2;
}

static rf_status infer(rf_call *call) {
    int n = maps(call);
    if (call->n_in % 2)
        return rf_fail(RF_ERR_USER, "norm_concat: %d inputs, expected a scale for every map", call->n_in);
    rf_shape out = call->in[0].shape;
    if (out.n < 1) return rf_fail(RF_ERR_USER, "norm_concat: x is a scalar, expected [..,C]");
    for (int i = 0; i < n; i++) {
        rf_shape x = call->in[i].shape;
        int channels = x.n == out.n ? x.d[x.n - 1] : 0;
        RF_TRY(rf_expect_scale("norm_concat", call, n + i, channels));
        if (i > 0) {
            x.d[out.n - 1] = out.d[out.n - 1];
            RF_TRY(rf_expect_shape("norm_concat", "x", &x, &out));
            out.d[out.n - 1] += channels;
        }
    }
    call->out[0].shape = out;
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    uint32_t all = 0;
    for (int i = 0; i < call->n_in; i++) all |= RF_NEED_IN(i);
    return all;
}

static size_t part_rows(const rf_call *call) {
    size_t columns = rf_columns(&call->out[0].shape);
    return columns >= PART ? 1 : PART / columns;
}

static size_t part_count(const rf_call *call) {
    return (rf_rows(&call->out[0].shape) + part_rows(call) - 1) / part_rows(call);
}

/* Backward: the sums of each map's parts, one map after the other. */
static size_t workspace(const rf_call *call, rf_pass pass) {
    size_t doubles = 0;
    for (int i = 0; i < maps(call); i++) doubles += rf_fused_part(rf_columns(&call->in[i].shape));
    return pass == RF_PASS_FORWARD ? 0 : part_count(call) * doubles * sizeof(double);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t row = rf_columns(&call->out[0].shape), at = 0;
    for (int i = 0; i < maps(call); i++) {
        size_t channels = rf_columns(&call->in[i].shape);
        rf_fused_read read = {.scale = call->in[maps(call) + i].data, .slope = rf_attr_real(call, SLOPE)};
        RF_ISA_PICK(rf_fused_read_rows)
        (&read, call->in[i].data, channels, begin, end - begin, 0, channels, call->out[0].data + begin * row + at, row);
        at += channels;
    }
}

static rf_status forward(const rf_call *call) {
    size_t rows = rf_rows(&call->out[0].shape);
    rf_parallel_for(rows, rf_row_grain(rf_columns(&call->out[0].shape)), forward_range, (void *)call);
    return RF_OK;
}

static rf_fused_write write_of(const rf_call *call, int i) {
    size_t channels = rf_columns(&call->in[i].shape);
    return (rf_fused_write){.y = call->din[i].data,
                            .channels = channels,
                            .add = call->din_add[i],
                            .stream = !call->din_add[i] && rf_is_large(rf_shape_count(&call->in[i].shape)),
                            .x = call->in[i].data,
                            .scale = call->in[maps(call) + i].data,
                            .slope = rf_attr_real(call, SLOPE)};
}

/* Parts begin..end-1 of all maps: dy is read once. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t rows = rf_rows(&call->out[0].shape), row = rf_columns(&call->out[0].shape), step = part_rows(call);
    for (size_t part = begin; part < end; part++) {
        size_t first = part * step, count = rows - first < step ? rows - first : step, at = 0;
        double *parts = call->work;
        for (int i = 0; i < maps(call); i++) {
            rf_fused_write write = write_of(call, i);
            size_t size = rf_fused_part(write.channels);
            RF_ISA_PICK(rf_fused_write_rows)
            (&write, call->dout[0].data + first * row + at, row, first, count, 0, write.channels, parts + part * size,
             true);
            RF_ISA_PICK(rf_fused_write_end)(&write);
            parts += part_count(call) * size;
            at += write.channels;
        }
    }
}

static void backward(const rf_call *call) {
    size_t n_parts = part_count(call);
    rf_parallel_for(n_parts, 1, backward_range, (void *)call);
    double *parts = call->work;
    for (int i = 0; i < maps(call); i++) {
        size_t channels = rf_columns(&call->in[i].shape);
        int scale = maps(call) + i;
        rf_fused_merge_gradient(parts, n_parts, channels, call->in[scale].data, call->din[scale].data,
                                call->din_add[scale]);
        parts += n_parts * rf_fused_part(channels);
    }
}

static double flops(const rf_call *call) {
    return 4.0 * (double)rf_shape_count(&call->out[0].shape);
}

static void reference(const rf_call *call) {
    size_t rows = rf_rows(&call->out[0].shape), row = rf_columns(&call->out[0].shape), at = 0;
    for (int i = 0; i < maps(call); i++) {
        size_t channels = rf_columns(&call->in[i].shape);
        rf_real *v = rf_reference_normalised(&call->in[i], call->in[maps(call) + i].data, rf_attr_real(call, SLOPE));
        for (size_t k = 0; v && k < rows * channels; k++)
            call->out[0].data[k / channels * row + at + k % channels] = v[k];
        rf_free(v);
        at += channels;
    }
}

static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    if (input >= maps(call)) rf_fused_fill(&call->in[input - maps(call)], data);
}

static const rf_case cases[] = {{"2x3x4x16 2x3x4x8 2x3x4x8 3x16 3x8 3x8", "slope=0.1"},
                                {"1x5x3x7 1x5x3x2 3x7 3x2", ""},
                                {"2x2x3x3 3x3", "slope=1"},
                                {"9x33 9x64 3x33 3x64", ""},
                                {NULL, NULL}};

const rf_op rf_op_norm_concat = {
    .name = "norm_concat",
    .formula = "y = act((x_i - mean_i) * gain_i + shift_i), i = 1..n, joined along the channels",
    .in_names = {"x"},
    .out_names = {"y"},
    .attrs = {{"slope", RF_ATTR_FLOAT, 0, 0, 1, "factor of negative values: 0 = ReLU, 1 = no activation"}},
    .differentiable = 0xff,
    .variadic = 1,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
