/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/conv.h"

#include "autograd/ops/common.h"

rf_conv_dims rf_conv_dims_of(const rf_call *call) {
    const int *x = call->in[0].shape.d, *w = call->in[1].shape.d, *y = call->out[0].shape.d;
    rf_conv_dims d = {
        .n = x[0], .h = x[1], .w = x[2], .c = x[3], .kh = w[0], .kw = w[1], .oh = y[1], .ow = y[2], .oc = w[3]};
    d.stride_h = d.stride_w = rf_attr_int(call, RF_CONV_STRIDE);
    d.pad_h = d.pad_w = rf_attr_int(call, RF_CONV_PAD);
    if (rf_attr_int(call, RF_CONV_STRIDE_W) > 0) d.stride_w = rf_attr_int(call, RF_CONV_STRIDE_W);
    if (rf_attr_int(call, RF_CONV_PAD_W) >= 0) d.pad_w = rf_attr_int(call, RF_CONV_PAD_W);
    d.groups = rf_attr_int(call, RF_CONV_GROUPS);
    return d;
}

rf_status rf_conv_infer(const char *op, rf_call *call) {
    const rf_shape *x = &call->in[0].shape, *w = &call->in[1].shape;
    RF_TRY(rf_expect_dims(op, "x", x, 4));
    RF_TRY(rf_expect_dims(op, "w", w, 4));
    if (rf_attr_int(call, RF_CONV_STRIDE_W) == 0)
        return rf_fail(RF_ERR_USER, "%s: stride_w is 0, expected 1 or more, or -1 for the same as stride", op);
    rf_conv_dims d = rf_conv_dims_of(call);
    char text[64], map[64];
    if (d.c % d.groups || d.oc % d.groups)
        return rf_fail(RF_ERR_USER, "%s: groups=%d divides not both the %d channels of x and the %d of w", op, d.groups,
                       d.c, d.oc);
    if (w->d[2] != d.c / d.groups)
        return rf_fail(RF_ERR_USER, "%s: w is %s for an x of %s, expected %d input channels (third number)", op,
                       rf_shape_text(w, text), rf_shape_text(x, map), d.c / d.groups);
    if (d.h + 2 * d.pad_h < d.kh || d.w + 2 * d.pad_w < d.kw)
        return rf_fail(RF_ERR_USER,
                       "%s: the kernel %dx%d is larger than the padded map (%dx%d): use a larger picture or pad", op,
                       d.kh, d.kw, d.h + 2 * d.pad_h, d.w + 2 * d.pad_w);
    if (rf_has_input(call, 2)) {
        rf_shape bias = {.n = 1, .d = {d.oc}};
        RF_TRY(rf_expect_shape(op, "b", &call->in[2].shape, &bias));
    }
    call->out[0].shape = (rf_shape){
        .n = 4,
        .d = {d.n, (d.h + 2 * d.pad_h - d.kh) / d.stride_h + 1, (d.w + 2 * d.pad_w - d.kw) / d.stride_w + 1, d.oc}};
    return RF_OK;
}

double rf_conv_flops(const rf_call *call) {
    const int *w = call->in[1].shape.d;
    return 2.0 * w[0] * w[1] * w[2] * (double)rf_shape_count(&call->out[0].shape);
}

/* Sum over taps and channels for output pixel (n,i,j) and channel o. */
static double reference_at(const rf_call *call, const rf_conv_dims *d, int n, int i, int j, int o) {
    int inputs = d->c / d->groups, first = o / (d->oc / d->groups) * inputs;
    double sum = 0;
    for (int t = 0; t < d->kh * d->kw; t++) {
        int y = i * d->stride_h - d->pad_h + t / d->kw, x = j * d->stride_w - d->pad_w + t % d->kw;
        if (y < 0 || y >= d->h || x < 0 || x >= d->w) continue;
        const rf_real *pixel = call->in[0].data + (((size_t)n * d->h + y) * d->w + x) * d->c + first;
        for (int c = 0; c < inputs; c++)
            sum += (double)pixel[c] * (double)call->in[1].data[((size_t)t * inputs + c) * d->oc + o];
    }
    return sum;
}

void rf_conv_reference(const rf_call *call) {
    rf_conv_dims d = rf_conv_dims_of(call);
    rf_real *y = call->out[0].data;
    for (int n = 0; n < d.n; n++)
        for (int i = 0; i < d.oh; i++)
            for (int j = 0; j < d.ow; j++)
                for (int o = 0; o < d.oc; o++) {
                    double bias = rf_has_input(call, 2) ? (double)call->in[2].data[o] : 0;
                    *y++ = (rf_real)(reference_at(call, &d, n, i, j, o) + bias);
                }
}
