#include "autograd/kernels/dwconv.h"
#include "autograd/ops/common.h"

enum { ATTR_STRIDE, ATTR_PAD };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape, *w = &call->in[1].shape;
    int stride = rf_attr_int(call, ATTR_STRIDE), pad = rf_attr_int(call, ATTR_PAD);
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

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0) | RF_NEED_IN(1);
}

static rf_dwconv conv_of(const rf_call *call) {
    const int *x = call->in[0].shape.d, *w = call->in[1].shape.d, *y = call->out[0].shape.d;
    return (rf_dwconv){.n = x[0],
                       .h = x[1],
                       .w = x[2],
                       .c = x[3],
                       .kh = w[0],
                       .kw = w[1],
                       .stride = rf_attr_int(call, ATTR_STRIDE),
                       .pad = rf_attr_int(call, ATTR_PAD),
                       .oh = y[1],
                       .ow = y[2],
                       .x = call->in[0].data,
                       .weight = call->in[1].data};
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    rf_dwconv conv = conv_of(call);
    return pass == RF_PASS_BACKWARD ? rf_dwconv_work_bytes(&conv) : 0;
}

static void forward(const rf_call *call) {
    rf_dwconv conv = conv_of(call);
    rf_dwconv_forward(&conv, call->out[0].data);
}

static void backward(const rf_call *call) {
    rf_dwconv conv = conv_of(call);
    const rf_real *dy = call->dout[0].data;
    rf_dwconv_backward(&conv, dy, call->din[0].data, call->din_add[0], call->din[1].data, call->din_add[1], call->work);
}

static double flops(const rf_call *call) {
    const int *w = call->in[1].shape.d;
    return 2.0 * w[0] * w[1] * (double)rf_shape_count(&call->out[0].shape);
}

static void reference(const rf_call *call) {
    rf_dwconv v = conv_of(call);
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

static const rf_case cases[] = {{"2x5x7x3 3x3x1x3", "pad=1"},
                                {"1x6x9x8 3x3x1x8", "pad=1"},
                                {"1x4x5x16 3x3x1x16", "stride=2 pad=1"},
                                {"1x5x6x8 3x3x1x8", "stride=2 pad=1"},
                                {"1x6x4x4 3x3x1x4", ""},
                                {"1x3x4x28 3x3x1x28", "pad=1"},
                                {"1x7x6x2 5x5x1x2", "pad=2"},
                                {"1x7x7x3 5x3x1x3", "stride=2 pad=1"},
                                {"1x5x6x2 1x1x1x2", "stride=3"},
                                {"1x2x2x1 3x3x1x1", "pad=2"},
                                {NULL, NULL}};

const rf_op rf_op_dwconv2d = {
    .name = "dwconv2d",
    .formula = "y[n,i,j,c] = sum over taps (k,l) of x[n, i*stride - pad + k, j*stride - pad + l, c] * w[k,l,0,c]",
    .in_names = {"x", "w"},
    .out_names = {"y"},
    .attrs = {{"stride", RF_ATTR_INT, 1, 1, 64, "step of the kernel"},
              {"pad", RF_ATTR_INT, 0, 0, 64, "zeros around the map"}},
    .differentiable = 3,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
};
