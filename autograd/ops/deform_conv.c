/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/deform_conv.h"

#include <math.h>
#include <string.h>

#include "autograd/ops/common.h"
#include "core/parallel.h"

static const size_t columns_bytes = 4u << 20; /* of a band: what the caches of two cores keep */

rf_deform_dims rf_deform_dims_of(const rf_call *call) {
    const int *x = call->in[RF_DEFORM_X].shape.d, *w = call->in[RF_DEFORM_W].shape.d, *y = call->out[0].shape.d;
    return (rf_deform_dims){.n = x[0],
                            .h = x[1],
                            .w = x[2],
                            .c = x[3],
                            .kh = w[0],
                            .kw = w[1],
                            .oh = y[1],
                            .ow = y[2],
                            .oc = w[3],
                            .stride = rf_attr_int(call, RF_DEFORM_STRIDE),
                            .pad = rf_attr_int(call, RF_DEFORM_PAD),
                            .taps = (size_t)w[0] * (size_t)w[1],
                            .pixels = (size_t)y[1] * (size_t)y[2]};
}

rf_status rf_deform_infer(const char *op, rf_call *call) {
    const rf_shape *x = &call->in[RF_DEFORM_X].shape, *w = &call->in[RF_DEFORM_W].shape;
    RF_TRY(rf_expect_dims(op, "x", x, 4));
    RF_TRY(rf_expect_dims(op, "w", w, 4));
    rf_deform_dims d = rf_deform_dims_of(call);
    char text[64], map[64];
    if (w->d[2] != d.c)
        return rf_fail(RF_ERR_USER, "%s: w is %s for an x of %s, expected %d input channels (third number)", op,
                       rf_shape_text(w, text), rf_shape_text(x, map), d.c);
    if (d.h + 2 * d.pad < d.kh || d.w + 2 * d.pad < d.kw)
        return rf_fail(RF_ERR_USER,
                       "%s: the kernel %dx%d is larger than the padded map (%dx%d): use a larger picture or pad", op,
                       d.kh, d.kw, d.h + 2 * d.pad, d.w + 2 * d.pad);
    rf_shape y = {4, {d.n, (d.h + 2 * d.pad - d.kh) / d.stride + 1, (d.w + 2 * d.pad - d.kw) / d.stride + 1, d.oc}};
    rf_shape offset = y, mask = y, bias = {1, {d.oc}};
    offset.d[3] = 2 * d.kh * d.kw;
    mask.d[3] = d.kh * d.kw;
    RF_TRY(rf_expect_shape(op, "offset", &call->in[RF_DEFORM_OFFSET].shape, &offset));
    if (rf_has_input(call, RF_DEFORM_MASK)) RF_TRY(rf_expect_shape(op, "mask", &call->in[RF_DEFORM_MASK].shape, &mask));
    if (rf_has_input(call, RF_DEFORM_B)) RF_TRY(rf_expect_shape(op, "b", &call->in[RF_DEFORM_B].shape, &bias));
    call->out[0].shape = y;
    return RF_OK;
}

double rf_deform_flops(const rf_call *call) {
    rf_deform_dims d = rf_deform_dims_of(call);
    return (double)d.n * (double)d.pixels * (double)d.taps * d.c * (2.0 * d.oc + 7);
}

static int band_rows(const rf_deform_dims *d) {
    size_t row = (size_t)d->ow * d->taps * (size_t)d->c * sizeof(rf_real), rows = columns_bytes / row;
    return rows < 1 ? 1 : rows < (size_t)d->oh ? (int)rows : d->oh;
}

bool rf_deform_next(const rf_deform_dims *d, rf_deform_band *band) {
    int top = band->top + band->rows, rows = band_rows(d);
    bool same = top < d->oh;
    int n = same ? band->n : band->n + 1;
    if (n >= d->n) return false;
    top = same ? top : 0;
    rows = top + rows <= d->oh ? rows : d->oh - top;
    *band = (rf_deform_band){n, top, rows, (size_t)top * (size_t)d->ow, (size_t)rows * (size_t)d->ow};
    return true;
}

rf_conv_dims rf_deform_product(const rf_deform_dims *d, int rows) {
    return (rf_conv_dims){.n = 1,
                          .h = rows,
                          .w = d->ow,
                          .c = (int)d->taps * d->c,
                          .kh = 1,
                          .kw = 1,
                          .stride_h = 1,
                          .stride_w = 1,
                          .groups = 1,
                          .oh = rows,
                          .ow = d->ow,
                          .oc = d->oc};
}

static size_t round_up(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

size_t rf_deform_taps_bytes(const rf_deform_dims *d) {
    return round_up((size_t)band_rows(d) * (size_t)d->ow * d->taps * sizeof(rf_deform_tap));
}

size_t rf_deform_columns_bytes(const rf_deform_dims *d) {
    return round_up((size_t)band_rows(d) * (size_t)d->ow * d->taps * (size_t)d->c * sizeof(rf_real));
}

size_t rf_deform_workspace(const rf_deform_dims *d, rf_conv_pass pass) {
    int rows = band_rows(d), rest = d->oh % rows;
    rf_conv_dims whole = rf_deform_product(d, rows), last = rf_deform_product(d, rest ? rest : rows);
    size_t a = rf_conv_workspace(&whole, pass, false), b = rf_conv_workspace(&last, pass, false);
    return rf_deform_taps_bytes(d) + rf_deform_columns_bytes(d) + (a > b ? a : b);
}

typedef struct image_pass {
    const rf_call *call;
    const rf_deform_dims *d;
    const rf_deform_band *band;
    rf_deform_tap *taps;
    const rf_deform_tap *from;
    rf_real *columns;
} image_pass;

/* A position that is NaN gives NaN: a broken offset must not look like the outside of the map. */
static rf_deform_tap tap_at(const rf_deform_dims *d, rf_real y, rf_real x) {
    rf_deform_tap tap = {{-1, -1, -1, -1}, 0, 0};
    if (isnan(y) || isnan(x)) return (rf_deform_tap){{0, 0, 0, 0}, y + x, y + x};
    if (!(y >= -1 && y < (rf_real)d->h && x >= -1 && x < (rf_real)d->w)) return tap;
    int top = (int)floor((double)y), left = (int)floor((double)x);
    tap.fy = y - (rf_real)top;
    tap.fx = x - (rf_real)left;
    for (int k = 0; k < 4; k++) {
        int i = top + k / 2, j = left + k % 2;
        if (i >= 0 && i < d->h && j >= 0 && j < d->w) tap.corner[k] = i * d->w + j;
    }
    return tap;
}

static void locate_range(void *ctx, size_t begin, size_t end) {
    const image_pass *p = ctx;
    const rf_deform_dims *d = p->d;
    size_t first = (size_t)p->band->n * d->pixels + p->band->first;
    const rf_real *offset = p->call->in[RF_DEFORM_OFFSET].data + first * d->taps * 2;
    for (size_t i = begin * d->taps; i < end * d->taps; i++) {
        int pixel = (int)(p->band->first + i / d->taps), t = (int)(i % d->taps);
        int top = pixel / d->ow * d->stride - d->pad + t / d->kw, left = pixel % d->ow * d->stride - d->pad + t % d->kw;
        p->taps[i] = tap_at(d, (rf_real)top + offset[2 * i], (rf_real)left + offset[2 * i + 1]);
    }
}

void rf_deform_locate(const rf_call *call, const rf_deform_dims *d, const rf_deform_band *band, rf_deform_tap *taps) {
    image_pass p = {.call = call, .d = d, .band = band, .taps = taps};
    rf_parallel_for(band->pixels, rf_row_grain(16 * d->taps), locate_range, &p);
}

void rf_deform_weights(const rf_deform_tap *tap, rf_real weights[4]) {
    rf_real y = tap->fy, x = tap->fx;
    weights[0] = (1 - y) * (1 - x);
    weights[1] = (1 - y) * x;
    weights[2] = y * (1 - x);
    weights[3] = y * x;
}

/* to = weighted sum of the corners that are inside. */
static void sample(const rf_real *image, const rf_deform_tap *tap, const rf_real w[4], size_t channels, rf_real *to) {
    const int *corner = tap->corner;
    if (corner[0] >= 0 && corner[3] >= 0) {
        const rf_real *a = image + (size_t)corner[0] * channels, *b = image + (size_t)corner[1] * channels,
                      *c = image + (size_t)corner[2] * channels, *e = image + (size_t)corner[3] * channels;
#pragma omp simd
        for (size_t i = 0; i < channels; i++) to[i] = w[0] * a[i] + w[1] * b[i] + w[2] * c[i] + w[3] * e[i];
        return;
    }
    memset(to, 0, channels * sizeof *to);
    for (int k = 0; k < 4; k++) {
        if (corner[k] < 0) continue;
        const rf_real *a = image + (size_t)corner[k] * channels;
#pragma omp simd
        for (size_t i = 0; i < channels; i++) to[i] += w[k] * a[i];
    }
}

static void sample_range(void *ctx, size_t begin, size_t end) {
    const image_pass *p = ctx;
    const rf_deform_dims *d = p->d;
    size_t channels = (size_t)d->c;
    const rf_real *image = p->call->in[RF_DEFORM_X].data + (size_t)p->band->n * (size_t)(d->h * d->w) * channels;
    size_t first = (size_t)p->band->n * d->pixels + p->band->first;
    const rf_real *mask =
        rf_has_input(p->call, RF_DEFORM_MASK) ? p->call->in[RF_DEFORM_MASK].data + first * d->taps : NULL;
    for (size_t i = begin * d->taps; i < end * d->taps; i++) {
        rf_real w[4];
        rf_deform_weights(&p->from[i], w);
        for (int k = 0; mask && k < 4; k++) w[k] *= mask[i];
        sample(image, &p->from[i], w, channels, p->columns + i * channels);
    }
}

void rf_deform_sample(const rf_call *call, const rf_deform_dims *d, const rf_deform_band *band,
                      const rf_deform_tap *taps, rf_real *columns) {
    image_pass p = {.call = call, .d = d, .band = band, .from = taps, .columns = columns};
    rf_parallel_for(band->pixels, rf_row_grain(4 * d->taps * (size_t)d->c), sample_range, &p);
}

void rf_deform_forward(const rf_call *call, const rf_conv_epilogue *epilogue) {
    rf_deform_dims d = rf_deform_dims_of(call);
    rf_deform_band band = {0};
    char *work = call->work;
    rf_deform_tap *taps = (rf_deform_tap *)work;
    rf_real *columns = (rf_real *)(work + rf_deform_taps_bytes(&d));
    void *rest = (char *)columns + rf_deform_columns_bytes(&d);
    while (rf_deform_next(&d, &band)) {
        rf_conv_dims product = rf_deform_product(&d, band.rows);
        rf_deform_locate(call, &d, &band, taps);
        rf_deform_sample(call, &d, &band, taps, columns);
        rf_conv_forward(&product, columns, call->in[RF_DEFORM_W].data, epilogue,
                        call->out[0].data + ((size_t)band.n * d.pixels + band.first) * (size_t)d.oc, NULL, rest);
    }
}

/* Pixel (i, j) of channel c of image n, 0 outside. */
static double pixel(const rf_call *call, const rf_deform_dims *d, int n, int i, int j, int c) {
    if (i < 0 || i >= d->h || j < 0 || j >= d->w) return 0;
    return (double)call->in[RF_DEFORM_X].data[((n * d->h + i) * d->w + j) * d->c + c];
}

static double reference_at(const rf_call *call, const rf_deform_dims *d, int n, int i, int j, int o) {
    int taps = d->kh * d->kw, at = (n * d->oh + i) * d->ow + j;
    double sum = 0;
    for (int t = 0; t < taps; t++) {
        const rf_real *offset = call->in[RF_DEFORM_OFFSET].data + (at * taps + t) * 2;
        double y = (double)((rf_real)(i * d->stride - d->pad + t / d->kw) + offset[0]);
        double x = (double)((rf_real)(j * d->stride - d->pad + t % d->kw) + offset[1]);
        double mask = rf_has_input(call, RF_DEFORM_MASK) ? (double)call->in[RF_DEFORM_MASK].data[at * taps + t] : 1;
        int top = (int)floor(y), left = (int)floor(x);
        double fy = y - top, fx = x - left;
        for (int c = 0; c < d->c; c++) {
            double upper = pixel(call, d, n, top, left, c) * (1 - fx) + pixel(call, d, n, top, left + 1, c) * fx;
            double lower =
                pixel(call, d, n, top + 1, left, c) * (1 - fx) + pixel(call, d, n, top + 1, left + 1, c) * fx;
            sum +=
                mask * (upper * (1 - fy) + lower * fy) * (double)call->in[RF_DEFORM_W].data[(t * d->c + c) * d->oc + o];
        }
    }
    return sum;
}

void rf_deform_reference(const rf_call *call) {
    rf_deform_dims d = rf_deform_dims_of(call);
    rf_real *y = call->out[0].data;
    for (int n = 0; n < d.n; n++)
        for (int i = 0; i < d.oh; i++)
            for (int j = 0; j < d.ow; j++)
                for (int o = 0; o < d.oc; o++) {
                    double bias = rf_has_input(call, RF_DEFORM_B) ? (double)call->in[RF_DEFORM_B].data[o] : 0;
                    *y++ = (rf_real)(reference_at(call, &d, n, i, j, o) + bias);
                }
}

void rf_deform_fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    size_t n = rf_shape_count(&call->in[input].shape);
    if (input != RF_DEFORM_OFFSET) return;
    for (size_t i = 0; i < n; i++) {
        double whole = floor((double)data[i]);
        data[i] = (rf_real)(whole + 0.2 + 0.6 * ((double)data[i] - whole));
    }
}
