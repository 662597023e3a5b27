/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/dwconv.h"

#include "autograd/ops/common.h"

rf_status rf_dwconv_infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape, *w = &call->in[1].shape;
    int stride = rf_attr_int(call, RF_DWCONV_STRIDE), pad = rf_attr_int(call, RF_DWCONV_PAD);
    RF_TRY(rf_expect_dims("dwconv2d", "x", x, 4));
    RF_TRY(rf_expect_dims("dwconv2d", "w", w, 4));
    if (w->d[2] != 1 || w->d[3] != x->d[3] || w->d[0] > RF_DWCONV_MAX_KERNEL || w->d[1] > RF_DWCONV_MAX_KERNEL) {
        char text[64];
        return rf_fail(RF_ERR_USER, "dwconv2d: w is %s, expected [kh, kw, 1, %d] with sides of at most %d",
                       rf_shape_text(w, text), x->d[3], RF_DWCONV_MAX_KERNEL);
    }
    rf_shape y = *x;
    for (int i = 1; i <= 2; i++) {
        if (x->d[i] + 2 * pad < w->d[i - 1])
            return rf_fail(RF_ERR_USER, "dwconv2d: a kernel side of %d is larger than the padded map (%d)", w->d[i - 1],
                           x->d[i] + 2 * pad);
        y.d[i] = (x->d[i] + 2 * pad - w->d[i - 1]) / stride + 1;
    }
    call->out[0].shape = y;
    return RF_OK;
}

rf_dwconv rf_dwconv_of(const rf_call *call) {
    const int *x = call->in[0].shape.d, *w = call->in[1].shape.d, *y = call->out[0].shape.d;
    return (rf_dwconv){.n = x[0],
                       .h = x[1],
                       .w = x[2],
                       .c = x[3],
                       .kh = w[0],
                       .kw = w[1],
                       .stride = rf_attr_int(call, RF_DWCONV_STRIDE),
                       .pad = rf_attr_int(call, RF_DWCONV_PAD),
                       .oh = y[1],
                       .ow = y[2],
                       .x = call->in[0].data,
                       .weight = call->in[1].data};
}

double rf_dwconv_flops(const rf_call *call) {
    const int *w = call->in[1].shape.d;
    return 2.0 * w[0] * w[1] * (double)rf_shape_count(&call->out[0].shape);
}

void rf_dwconv_reference(const rf_call *call) {
    rf_dwconv v = rf_dwconv_of(call);
    rf_real *y = call->out[0].data;
    for (int n = 0; n < v.n; n++)
        for (int i = 0; i < v.oh; i++)
            for (int j = 0; j < v.ow; j++)
                for (int c = 0; c < v.c; c++) {
                    double sum = 0;
                    for (int tap = 0; tap < v.kh * v.kw; tap++) {
                        int h = i * v.stride - v.pad + tap / v.kw, w = j * v.stride - v.pad + tap % v.kw;
                        if (h < 0 || h >= v.h || w < 0 || w >= v.w) continue;
                        sum += (double)v.x[((n * v.h + h) * v.w + w) * v.c + c] * (double)v.weight[tap * v.c + c];
                    }
                    *y++ = (rf_real)sum;
                }
}
