/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"
#include "autograd/ops/deform_conv.h"

#include "core/parallel.h"

enum { CHANNEL_GRAIN = 16 }; /* channels of dx that one task owns: a cache line of floats */

static rf_status infer(rf_call *call) {
    return rf_deform_infer("deform_conv2d", call);
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(RF_DEFORM_X) | RF_NEED_IN(RF_DEFORM_OFFSET) | RF_NEED_IN(RF_DEFORM_MASK) |
           RF_NEED_IN(RF_DEFORM_W);
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_deform_dims d = rf_deform_dims_of(call);
    if (pass == RF_PASS_FORWARD) return rf_deform_workspace(&d, RF_CONV_FORWARD);
    size_t data = rf_deform_workspace(&d, RF_CONV_BACKWARD_DATA);
    size_t weights = rf_deform_workspace(&d, RF_CONV_BACKWARD_WEIGHTS);
    return data > weights ? data : weights;
}

static rf_status forward(const rf_call *call) {
    rf_deform_forward(call, NULL);
    return RF_OK;
}

/* One band's backward pass after the product: gradients of the columns go to offsets, mask and x. */
typedef struct band_pass {
    const rf_call *call;
    const rf_deform_dims *d;
    const rf_deform_band *band;
    const rf_deform_tap *taps;
    const rf_real *dcolumns, *mask; /* mask of the band or NULL */
} band_pass;

static rf_real dot(const rf_real *a, const rf_real *b, size_t count) {
    rf_real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* With s_k = <dcolumn, pixel k>, the sampled value's gradient by the mask is sum w_k s_k; those by y and x follow from
 * the derivatives of the weights. */
static void positions_range(void *ctx, size_t begin, size_t end) {
    const band_pass *p = ctx;
    const rf_call *call = p->call;
    size_t channels = (size_t)p->d->c, taps = p->d->taps, n = (size_t)p->band->n;
    size_t first = (n * p->d->pixels + p->band->first) * taps;
    const rf_real *image = call->in[RF_DEFORM_X].data + n * (size_t)(p->d->h * p->d->w) * channels;
    rf_real *doffset = call->din[RF_DEFORM_OFFSET].data, *dmask = p->mask ? call->din[RF_DEFORM_MASK].data : NULL;
    for (size_t i = begin * taps; i < end * taps; i++) {
        const rf_deform_tap *tap = &p->taps[i];
        rf_real s[4] = {0}, w[4], m = p->mask ? p->mask[i] : 1, y = tap->fy, x = tap->fx;
        for (int k = 0; k < 4; k++)
            if (tap->corner[k] >= 0)
                s[k] = dot(p->dcolumns + i * channels, image + (size_t)tap->corner[k] * channels, channels);
        if (doffset) {
            rf_real *to = doffset + 2 * (first + i);
            bool add = call->din_add[RF_DEFORM_OFFSET];
            rf_put(to, add, m * ((1 - x) * (s[2] - s[0]) + x * (s[3] - s[1])));
            rf_put(to + 1, add, m * ((1 - y) * (s[1] - s[0]) + y * (s[3] - s[2])));
        }
        rf_deform_weights(tap, w);
        if (dmask)
            rf_put(dmask + first + i, call->din_add[RF_DEFORM_MASK],
                   w[0] * s[0] + w[1] * s[1] + w[2] * s[2] + w[3] * s[3]);
    }
}

/* Some channels of dx: every sample adds to its four pixels, in the order of the samples. */
static void scatter_range(void *ctx, size_t begin, size_t end) {
    const band_pass *p = ctx;
    size_t channels = (size_t)p->d->c, samples = p->band->pixels * p->d->taps, pixels = (size_t)(p->d->h * p->d->w);
    rf_real *dx = p->call->din[RF_DEFORM_X].data + (size_t)p->band->n * pixels * channels;
    bool clear = p->band->top == 0 && !p->call->din_add[RF_DEFORM_X];
    for (size_t i = 0; i < pixels && clear; i++)
        for (size_t c = begin; c < end; c++) dx[i * channels + c] = 0;
    for (size_t i = 0; i < samples; i++) {
        const rf_real *from = p->dcolumns + i * channels;
        rf_real w[4], m = p->mask ? p->mask[i] : 1;
        rf_deform_weights(&p->taps[i], w);
        for (int k = 0; k < 4; k++) {
            if (p->taps[i].corner[k] < 0) continue;
            rf_real *to = dx + (size_t)p->taps[i].corner[k] * channels, factor = m * w[k];
#pragma omp simd
            for (size_t c = begin; c < end; c++) to[c] += factor * from[c];
        }
    }
}

static void backward_columns(const band_pass *p) {
    const rf_call *call = p->call;
    if (call->din[RF_DEFORM_OFFSET].data || (p->mask && call->din[RF_DEFORM_MASK].data))
        rf_parallel_for(p->band->pixels, rf_row_grain(4 * p->d->taps * (size_t)p->d->c), positions_range, (void *)p);
    if (call->din[RF_DEFORM_X].data) rf_parallel_for((size_t)p->d->c, CHANNEL_GRAIN, scatter_range, (void *)p);
}

static void backward(const rf_call *call) {
    rf_deform_dims d = rf_deform_dims_of(call);
    rf_deform_band band = {0};
    rf_deform_tap *taps = call->work;
    rf_real *columns = (rf_real *)((char *)call->work + rf_deform_taps_bytes(&d)), *dw = call->din[RF_DEFORM_W].data;
    void *rest = (char *)columns + rf_deform_columns_bytes(&d);
    bool masked = rf_has_input(call, RF_DEFORM_MASK);
    bool samples =
        call->din[RF_DEFORM_X].data || call->din[RF_DEFORM_OFFSET].data || (masked && call->din[RF_DEFORM_MASK].data);
    while (rf_deform_next(&d, &band)) {
        rf_conv_dims product = rf_deform_product(&d, band.rows);
        size_t first = (size_t)band.n * d.pixels + band.first;
        const rf_real *dy = call->dout[0].data + first * (size_t)d.oc;
        rf_deform_locate(call, &d, &band, taps);
        if (dw) {
            rf_deform_sample(call, &d, &band, taps, columns);
            rf_conv_backward_weights(&product, columns, dy, dw, call->din_add[RF_DEFORM_W] || first > 0, NULL, rest);
        }
        if (!samples) continue;
        rf_conv_backward_data(&product, dy, call->in[RF_DEFORM_W].data, columns, false, NULL, rest);
        const rf_real *mask = masked ? call->in[RF_DEFORM_MASK].data + first * d.taps : NULL;
        backward_columns(&(band_pass){call, &d, &band, taps, columns, mask});
    }
}

static const rf_case cases[] = {
    {"1x5x7x3 1x5x7x18 - 3x3x3x4", "pad=1"},
    {"2x4x5x5 2x4x5x18 2x4x5x9 3x3x5x6", "pad=1"},
    {"1x7x6x2 1x4x3x18 1x4x3x9 3x3x2x3", "stride=2 pad=1"},
    {"1x5x4x4 1x3x4x6 1x3x4x3 3x1x4x2", ""},
    {"2x3x4x1 2x3x4x2 - 1x1x1x1", ""},
    {"1x4x4x33 1x4x4x18 1x4x4x9 3x3x33x5", "pad=1"},
    {NULL, NULL},
};

const rf_op rf_op_deform_conv2d = {
    .name = "deform_conv2d",
    .formula =
        "y[n,i,j,o] = sum over taps t=(k,l), c of mask[t] * x[n, i*stride - pad + k + dy[t], j*stride - pad + l + "
        "dx[t], c] * w[k,l,c,o], x bilinear and 0 outside, (dy,dx)[t] = offset[n,i,j,2t..2t+1]",
    .in_names = {"x", "offset", "?mask", "w"},
    .out_names = {"y"},
    .attrs = {RF_DEFORM_ATTRS},
    .differentiable = 15,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = rf_deform_flops,
    .cases = cases,
    .reference = rf_deform_reference,
    .fill = rf_deform_fill,
};
