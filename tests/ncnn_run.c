/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ncnn_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"

static ncnn_blob make(int c, int h, int w) {
    ncnn_blob b = {c, h, w, rf_alloc((size_t)c * (size_t)h * (size_t)w, sizeof(float))};
    assert_non_null(b.data);
    return b;
}

static size_t area(const ncnn_blob *b) {
    return (size_t)b->h * (size_t)b->w;
}

/* Adds w * x at the taps of one kernel element to the sums of an output map. */
static void add_tap(const ncnn_blob *x, int channel, double w, int top, int left, const int stride[2], double *sums,
                    int oh, int ow) {
    const float *from = x->data + (size_t)channel * area(x);
    int first = 0, last = ow; /* columns whose tap lies in the map */
    while (first < ow && first * stride[1] + left < 0) first++;
    while (last > first && (last - 1) * stride[1] + left >= x->w) last--;
    for (int i = 0; i < oh; i++) {
        int y = i * stride[0] + top;
        if (y < 0 || y >= x->h) continue;
        const float *row = from + y * x->w;
        double *to = sums + i * ow;
        if (stride[1] == 1)
            for (int j = first; j < last; j++) to[j] += w * (double)row[j + left];
        else
            for (int j = first; j < last; j++) to[j] += w * (double)row[j * stride[1] + left];
    }
}

static ncnn_blob convolution(const rf_ncnn_layer *l, const ncnn_blob *x) {
    int outs = (int)l->value[0], kw = (int)l->value[1], kh = (int)l->value[11];
    int stride[2] = {(int)l->value[13], (int)l->value[3]}, pad[2] = {(int)l->value[14], (int)l->value[4]};
    int groups = l->type == RF_NCNN_ConvolutionDepthWise ? (int)l->value[7] : 1, ins = x->c / groups;
    ncnn_blob y = make(outs, (x->h + 2 * pad[0] - kh) / stride[0] + 1, (x->w + 2 * pad[1] - kw) / stride[1] + 1);
    double *sums = rf_alloc(area(&y), sizeof *sums);
    assert_non_null(sums);
    for (int o = 0; o < outs; o++) {
        for (size_t p = 0; p < area(&y); p++) sums[p] = l->n_bias ? (double)l->bias[o] : 0;
        for (int i = 0; i < ins; i++)
            for (int t = 0; t < kh * kw; t++)
                add_tap(x, o / (outs / groups) * ins + i, (double)l->weight[(o * ins + i) * kh * kw + t],
                        t / kw - pad[0], t % kw - pad[1], stride, sums, y.h, y.w);
        for (size_t p = 0; p < area(&y); p++) {
            double v = sums[p];
            if (v < 0 && l->value[9] == 1) v = 0;
            if (v < 0 && l->value[9] == 2) v *= l->value[10];
            y.data[(size_t)o * area(&y) + p] = (float)v;
        }
    }
    rf_free(sums);
    return y;
}

static ncnn_blob pooling(const rf_ncnn_layer *l, const ncnn_blob *x) {
    int k = (int)l->value[1], stride = (int)l->value[2], pad = (int)l->value[3];
    ncnn_blob y = make(x->c, (x->h + 2 * pad - k) / stride + 1, (x->w + 2 * pad - k) / stride + 1);
    for (int c = 0; c < y.c; c++)
        for (int i = 0; i < y.h; i++)
            for (int j = 0; j < y.w; j++) {
                float best = -INFINITY;
                for (int t = 0; t < k * k; t++) {
                    int r = i * stride - pad + t / k, s = j * stride - pad + t % k;
                    if (r >= 0 && r < x->h && s >= 0 && s < x->w)
                        best = fmaxf(best, x->data[(size_t)c * area(x) + (size_t)(r * x->w + s)]);
                }
                y.data[(size_t)c * area(&y) + (size_t)(i * y.w + j)] = best;
            }
    return y;
}

/* align_corner 0: pixel centres at i + 0.5, sources from the sizes, the border's value beyond it. */
static ncnn_blob bilinear(const ncnn_blob *x, const ncnn_blob *size) {
    ncnn_blob y = make(x->c, size->h, size->w);
    for (int c = 0; c < y.c; c++)
        for (int i = 0; i < y.h; i++)
            for (int j = 0; j < y.w; j++) {
                const float *plane = x->data + (size_t)c * area(x);
                double row = fmin(fmax((i + 0.5) * x->h / y.h - 0.5, 0), x->h - 1), sum = 0;
                double column = fmin(fmax((j + 0.5) * x->w / y.w - 0.5, 0), x->w - 1);
                for (int r = 0; r < x->h; r++)
                    for (int s = 0; s < x->w; s++)
                        sum += fmax(0, 1 - fabs(row - r)) * fmax(0, 1 - fabs(column - s)) * (double)plane[r * x->w + s];
                y.data[(size_t)c * area(&y) + (size_t)(i * y.w + j)] = (float)sum;
            }
    return y;
}

/* The source as several versions of ncnn compute it: from the scale, not from the sizes. */
static ncnn_blob interp(const rf_ncnn_layer *l, const ncnn_blob *x, const ncnn_blob *size) {
    ncnn_blob y = make(x->c, size->h, size->w);
    float hs = 1 / (float)l->value[1], ws = 1 / (float)l->value[2];
    for (int c = 0; c < y.c; c++)
        for (int i = 0; i < y.h; i++)
            for (int j = 0; j < y.w; j++) {
                int r = (int)((float)i * hs), s = (int)((float)j * ws);
                r = r < x->h - 1 ? r : x->h - 1;
                s = s < x->w - 1 ? s : x->w - 1;
                /* And as the others do: from the sizes. Both must agree. */
                assert_int_equal(r, i * x->h / y.h);
                assert_int_equal(s, j * x->w / y.w);
                y.data[(size_t)c * area(&y) + (size_t)(i * y.w + j)] =
                    x->data[(size_t)c * area(x) + (size_t)(r * x->w + s)];
            }
    return y;
}

static ncnn_blob copy(const ncnn_blob *x) {
    ncnn_blob y = make(x->c, x->h, x->w);
    memcpy(y.data, x->data, (size_t)x->c * area(x) * sizeof *x->data);
    return y;
}

static ncnn_blob reshape(const rf_ncnn_layer *l, const ncnn_blob *x) {
    ncnn_blob y = copy(x);
    y.c = (int)l->value[2];
    assert_int_equal(x->c * x->h % y.c, 0);
    y.h = x->c * x->h / y.c; /* w 0: as the input; h -1: what is left */
    return y;
}

static ncnn_blob softmax(const ncnn_blob *x) {
    ncnn_blob y = copy(x);
    for (size_t p = 0; p < area(x); p++) {
        double most = -INFINITY, sum = 0;
        for (int c = 0; c < x->c; c++) most = fmax(most, (double)x->data[(size_t)c * area(x) + p]);
        for (int c = 0; c < x->c; c++) sum += exp((double)x->data[(size_t)c * area(x) + p] - most);
        for (int c = 0; c < x->c; c++)
            y.data[(size_t)c * area(x) + p] = (float)(exp((double)x->data[(size_t)c * area(x) + p] - most) / sum);
    }
    return y;
}

static ncnn_blob concat(const ncnn_run *run, const rf_ncnn_layer *l) {
    const ncnn_blob *first = &run->blobs[l->in[0]];
    int c = 0;
    for (int i = 0; i < l->n_in; i++) c += run->blobs[l->in[i]].c;
    ncnn_blob y = make(c, first->h, first->w);
    float *to = y.data;
    for (int i = 0; i < l->n_in; i++) {
        const ncnn_blob *x = &run->blobs[l->in[i]];
        assert_true(x->h == y.h && x->w == y.w);
        memcpy(to, x->data, (size_t)x->c * area(x) * sizeof *to);
        to += (size_t)x->c * area(x);
    }
    return y;
}

static ncnn_blob elementwise(const rf_ncnn_layer *l, const ncnn_blob *a, const ncnn_blob *b) {
    ncnn_blob y = copy(a);
    for (size_t i = 0; i < (size_t)a->c * area(a); i++) {
        size_t c = i / area(a);
        if (l->type == RF_NCNN_BinaryOp)
            y.data[i] = l->value[0] == 4 ? fmaxf(y.data[i], b->data[i]) : y.data[i] + b->data[i];
        if (l->type == RF_NCNN_ReLU && y.data[i] < 0) y.data[i] *= (float)l->value[0];
        if (l->type == RF_NCNN_Clip) y.data[i] = fminf(fmaxf(y.data[i], (float)l->value[0]), (float)l->value[1]);
        if (l->type == RF_NCNN_Scale) y.data[i] = y.data[i] * l->weight[c] + (l->n_bias ? l->bias[c] : 0);
    }
    return y;
}

static void run_layer(ncnn_run *run, const rf_ncnn_layer *l) {
    const ncnn_blob *a = l->n_in > 0 ? &run->blobs[l->in[0]] : NULL, *b = l->n_in > 1 ? &run->blobs[l->in[1]] : NULL;
    ncnn_blob *y = &run->blobs[l->out[0]];
    if (l->type == RF_NCNN_BinaryOp) assert_true(a->c == b->c && a->h == b->h && a->w == b->w);
    switch (l->type) {
    case RF_NCNN_Input:
        break;
    case RF_NCNN_Split:
        for (int i = 0; i < l->n_out; i++) run->blobs[l->out[i]] = copy(a);
        break;
    case RF_NCNN_Convolution:
    case RF_NCNN_ConvolutionDepthWise:
        *y = convolution(l, a);
        break;
    case RF_NCNN_Pooling:
        *y = pooling(l, a);
        break;
    case RF_NCNN_Interp:
        *y = l->value[0] == 2 ? bilinear(a, b) : interp(l, a, b);
        break;
    case RF_NCNN_Concat:
        *y = concat(run, l);
        break;
    case RF_NCNN_Reshape:
        *y = reshape(l, a);
        break;
    case RF_NCNN_Softmax:
        *y = softmax(a);
        break;
    default:
        *y = elementwise(l, a, b);
        break;
    }
}

void ncnn_run_make(ncnn_run *run, const rf_ncnn_net *net, const float *input, int h, int w) {
    run->net = net;
    run->blobs = rf_alloc((size_t)net->n_blobs, sizeof *run->blobs);
    assert_non_null(run->blobs);
    assert_int_equal(net->layers[0].type, RF_NCNN_Input);
    assert_string_equal(net->blobs[net->layers[0].out[0]], "data");
    ncnn_blob data = {3, h, w, (float *)input};
    run->blobs[net->layers[0].out[0]] = copy(&data);
    for (int i = 0; i < net->n_layers; i++) run_layer(run, &net->layers[i]);
}

void ncnn_run_free(ncnn_run *run) {
    for (int i = 0; i < run->net->n_blobs; i++) rf_free(run->blobs[i].data);
    rf_free(run->blobs);
    memset(run, 0, sizeof *run);
}

const ncnn_blob *ncnn_output(const ncnn_run *run, const char *part, int stride, int stage) {
    char name[80], suffix[24] = "";
    if (stage) snprintf(suffix, sizeof suffix, "_stage%d", stage + 1);
    snprintf(name, sizeof name, "face_rpn_%s_stride%d%s", part, stride, suffix);
    int blob = rf_ncnn_blob_find(run->net, name);
    return blob < 0 ? NULL : &run->blobs[blob];
}

int ncnn_stages(const ncnn_run *run, int stride, ncnn_heads stages[4]) {
    int n = 0;
    for (int k = 0; k < 4; k++) {
        stages[k] =
            (ncnn_heads){ncnn_output(run, "cls_prob_reshape", stride, k), ncnn_output(run, "bbox_pred", stride, k),
                         ncnn_output(run, "landmark_pred", stride, k)};
        if (stages[k].score || stages[k].box) n = k + 1;
    }
    if (n == 0) fail_msg("no blobs of stride %d", stride);
    return n;
}

/* Anchor q of cell `at`, whose centre, width and height come as `box`. */
static void decode_one(const ncnn_heads *stages, int n_stages, int q, int n_scales, size_t at, float box[4],
                       ncnn_face *face) {
    float one = 1; /* the sample's landmarks are in units of the anchor's side + 1 */
    int scores = 0;
    face->sure = 0;
    for (int k = 0; k < n_stages; k++) {
        const ncnn_heads *s = &stages[k];
        if (s->score) {
            if (scores++) face->sure = fmaxf(face->sure, 1 - face->prob);
            face->prob = s->score->data[(size_t)(n_scales + q) * area(s->score) + at];
        }
        for (int i = 0; s->points && i < 10; i++)
            face->points[i] =
                box[i % 2] + (box[2 + i % 2] + one) * s->points->data[(size_t)(10 * q + i) * area(s->points) + at];
        if (!s->box) continue;
        const float *d = s->box->data + (size_t)(4 * q) * area(s->box) + at;
        for (size_t i = 0; i < 2; i++) {
            box[i] += box[2 + i] * d[i * area(s->box)];
            box[2 + i] *= expf(d[(2 + i) * area(s->box)]);
        }
        one = 0;
    }
}

void ncnn_decode(const ncnn_heads *stages, int n_stages, int stride, const float *scales, int n_scales,
                 ncnn_face *faces) {
    const ncnn_blob *any = NULL;
    for (int k = 0; k < n_stages; k++) {
        assert_true(!stages[k].score || stages[k].score->c == 2 * n_scales);
        assert_true(!stages[k].box || stages[k].box->c == 4 * n_scales);
        assert_true(!stages[k].points || stages[k].points->c == 10 * n_scales);
        any = stages[k].score ? stages[k].score : any;
    }
    assert_non_null(any);
    for (int q = 0; q < n_scales; q++) {
        float side = 16 * scales[q], corner = 8 - side / 2;
        for (int i = 0; i < any->h; i++)
            for (int j = 0; j < any->w; j++, faces++) {
                float box[4] = {corner + (float)(j * stride) + side / 2, corner + (float)(i * stride) + side / 2, side,
                                side};
                decode_one(stages, n_stages, q, n_scales, (size_t)(i * any->w + j), box, faces);
                for (int k = 0; k < 2; k++) {
                    float low = box[k] - box[2 + k] / 2, high = box[k] + box[2 + k] / 2;
                    faces->rect[k] = low;
                    faces->rect[2 + k] = high - low + 1;
                }
            }
    }
}
