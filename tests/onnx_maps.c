/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/onnx_maps.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

void onnx_conv(const onnx_call *c) {
    const onnx_array *x = c->in[0], *w = c->in[1], *b = c->in[2];
    const rf_onnx_attr *pads = onnx_attr(c, "pads"), *strides = onnx_attr(c, "strides"),
                       *kernel = onnx_attr(c, "kernel_shape");
    int groups = (int)onnx_attr(c, "group")->i, each = w->d[0] / groups;
    assert_int_equal(w->d[1] * groups, x->d[1]);
    assert_int_equal(kernel->ints[0], w->d[2]);
    assert_int_equal(kernel->ints[1], w->d[3]);
    int oh = (x->d[2] + (int)(pads->ints[0] + pads->ints[2]) - w->d[2]) / (int)strides->ints[0] + 1;
    int ow = (x->d[3] + (int)(pads->ints[1] + pads->ints[3]) - w->d[3]) / (int)strides->ints[1] + 1;
    onnx_make(c->out, 4, (int[]){x->d[0], w->d[0], oh, ow});
    double *y = c->out->v;
    for (int n = 0; n < x->d[0]; n++)
        for (int o = 0; o < w->d[0]; o++)
            for (int i = 0; i < oh; i++)
                for (int j = 0; j < ow; j++, y++) {
                    *y = b ? b->v[o] : 0;
                    for (int k = 0; k < w->d[1]; k++)
                        for (int p = 0; p < w->d[2]; p++)
                            for (int q = 0; q < w->d[3]; q++) {
                                int h = i * (int)strides->ints[0] - (int)pads->ints[0] + p;
                                int l = j * (int)strides->ints[1] - (int)pads->ints[1] + q;
                                if (h < 0 || l < 0 || h >= x->d[2] || l >= x->d[3]) continue;
                                int channel = o / each * w->d[1] + k;
                                *y += x->v[((n * x->d[1] + channel) * x->d[2] + h) * x->d[3] + l] *
                                      w->v[((o * w->d[1] + k) * w->d[2] + p) * w->d[3] + q];
                            }
                }
}

void onnx_max_pool(const onnx_call *c) {
    const onnx_array *x = c->in[0];
    const rf_onnx_attr *pads = onnx_attr(c, "pads"), *strides = onnx_attr(c, "strides"),
                       *k = onnx_attr(c, "kernel_shape");
    int s = (int)strides->ints[0], pad = (int)pads->ints[0], size = (int)k->ints[0];
    int oh = (x->d[2] + 2 * pad - size) / s + 1, ow = (x->d[3] + 2 * pad - size) / s + 1;
    onnx_make(c->out, 4, (int[]){x->d[0], x->d[1], oh, ow});
    double *y = c->out->v;
    for (int plane = 0; plane < x->d[0] * x->d[1]; plane++)
        for (int i = 0; i < oh; i++)
            for (int j = 0; j < ow; j++, y++) {
                *y = -INFINITY;
                for (int t = 0; t < size * size; t++) {
                    int h = i * s - pad + t / size, w = j * s - pad + t % size;
                    if (h < 0 || w < 0 || h >= x->d[2] || w >= x->d[3]) continue;
                    *y = fmax(*y, x->v[(plane * x->d[2] + h) * x->d[3] + w]);
                }
            }
}

/* Bilinear, pixel centres at i + 0.5, borders repeated. */
static double linear(const double *plane, int h, int w, double y, double x) {
    int i = (int)floor(y), j = (int)floor(x);
    int rows[2] = {i < 0 ? 0 : i, i + 1 < h ? i + 1 : h - 1}, columns[2] = {j < 0 ? 0 : j, j + 1 < w ? j + 1 : w - 1};
    double sum = 0;
    for (int k = 0; k < 4; k++)
        sum += plane[rows[k / 2] * w + columns[k % 2]] * (k / 2 ? y - i : 1 - y + i) * (k % 2 ? x - j : 1 - x + j);
    return sum;
}

/* Bilinear, 0 outside. */
static double sampled(const double *plane, int h, int w, double y, double x) {
    int i = (int)floor(y), j = (int)floor(x);
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        int p = i + k / 2, q = j + k % 2;
        if (p < 0 || q < 0 || p >= h || q >= w) continue;
        sum += plane[p * w + q] * (k / 2 ? y - i : 1 - y + i) * (k % 2 ? x - j : 1 - x + j);
    }
    return sum;
}

/* One offset group, no groups, no dilation. */
void onnx_deform_conv(const onnx_call *c) {
    const onnx_array *x = c->in[0], *w = c->in[1], *offset = c->in[2], *b = c->in[3];
    const onnx_array *mask = c->node->n_inputs > 4 ? c->in[4] : NULL;
    const rf_onnx_attr *pads = onnx_attr(c, "pads"), *strides = onnx_attr(c, "strides");
    int taps = w->d[2] * w->d[3], oh = offset->d[2], ow = offset->d[3], area = oh * ow;
    assert_true(c->opset >= 19);
    assert_true(onnx_attr(c, "group")->i == 1 && onnx_attr(c, "offset_group")->i == 1);
    assert_int_equal(offset->d[1], 2 * taps);
    if (mask) assert_int_equal(mask->d[1], taps);
    onnx_make(c->out, 4, (int[]){x->d[0], w->d[0], oh, ow});
    double *out = c->out->v;
    for (int n = 0; n < x->d[0]; n++)
        for (int o = 0; o < w->d[0]; o++)
            for (int at = 0; at < area; at++, out++) {
                *out = b ? b->v[o] : 0;
                for (int t = 0; t < taps; t++) {
                    const double *shift = offset->v + (n * 2 * taps + 2 * t) * area + at;
                    double y = at / ow * (int)strides->ints[0] - (int)pads->ints[0] + t / w->d[3] + shift[0];
                    double l = at % ow * (int)strides->ints[1] - (int)pads->ints[1] + t % w->d[3] + shift[area];
                    double m = mask ? mask->v[(n * taps + t) * area + at] : 1;
                    for (int k = 0; k < x->d[1]; k++)
                        *out += m * w->v[(o * x->d[1] + k) * taps + t] *
                                sampled(x->v + (n * x->d[1] + k) * x->d[2] * x->d[3], x->d[2], x->d[3], y, l);
                }
            }
}

/* Nearest, asymmetric, floor, or linear, half_pixel; by scales, or to sizes when the scales are left out or empty. */
void onnx_resize(const onnx_call *c) {
    const onnx_array *x = c->in[0], *scales = c->in[2], *sizes = c->node->n_inputs > 3 ? c->in[3] : NULL;
    bool bilinear = strcmp(onnx_attr(c, "mode")->s, "linear") == 0;
    assert_string_equal(onnx_attr(c, "mode")->s, bilinear ? "linear" : "nearest");
    assert_string_equal(onnx_attr(c, "coordinate_transformation_mode")->s, bilinear ? "half_pixel" : "asymmetric");
    if (!bilinear) assert_string_equal(onnx_attr(c, "nearest_mode")->s, "floor");
    if (c->opset < 13) assert_true(c->in[1] && scales); /* required there */
    int d[4];
    double scale[4];
    for (int i = 0; i < 4; i++) {
        d[i] = sizes ? onnx_whole(sizes, (size_t)i) : (int)floor(x->d[i] * scales->v[i]);
        scale[i] = sizes ? (double)d[i] / x->d[i] : scales->v[i];
    }
    if (sizes) assert_true(!scales || scales->count == 0);
    assert_int_equal(d[0], x->d[0]);
    assert_int_equal(d[1], x->d[1]);
    onnx_make(c->out, 4, d);
    double *y = c->out->v;
    for (int plane = 0; plane < d[0] * d[1]; plane++)
        for (int i = 0; i < d[2]; i++)
            for (int j = 0; j < d[3]; j++) {
                int h = (int)floor(i / scale[2] + 1e-9), w = (int)floor(j / scale[3] + 1e-9);
                const double *from = x->v + plane * x->d[2] * x->d[3];
                *y++ = bilinear ? linear(from, x->d[2], x->d[3], (i + 0.5) / scale[2] - 0.5, (j + 0.5) / scale[3] - 0.5)
                                : from[h * x->d[3] + w];
            }
}
