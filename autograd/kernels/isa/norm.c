/* SPDX-License-Identifier: Apache-2.0 */
/* Rows [P,C] are read as wider rows of `fold` pixels, so that the inner loops are long and start on vector borders even
 * when C is 1 or 8; column j of such a row belongs to channel j % C. Columns are cut in panels that fit the stack. */
#include "autograd/kernels/isa/norm_isa.h"
#include "autograd/kernels/isa/vec.h"

#include <string.h>

enum { PANEL = 1024, NARROW = 128, LANES = 16 };

#define ALIGNED __attribute__((aligned(64)))
#define INLINE ALWAYS_INLINE

/* Pixels of a wide row: at least NARROW columns, a multiple of LANES columns when that fits a panel. */
static size_t fold_of(size_t channels) {
    size_t fold = 1;
    while (fold * channels % LANES != 0) fold *= 2;
    if (fold * channels > PANEL) fold = 1;
    size_t wide = fold;
    while (wide * channels < NARROW) wide += fold;
    return wide;
}

/* dst[j] = the parameter of column j, for `width` columns that begin at column `first` of a wide row. */
static void tile(rf_real *dst, const rf_real *src, size_t first, size_t width, size_t channels) {
    if (!src) return;
    size_t c = first % channels;
    for (size_t j = 0; j < width; c = 0) {
        size_t n = channels - c < width - j ? channels - c : width - j;
        memcpy(dst + j, src + c, n * sizeof *dst);
        j += n;
    }
}

static void fold_into(double *dst, const rf_real *sums, size_t first, size_t width, size_t channels) {
    size_t c = first % channels;
    for (size_t j = 0; j < width; j++) {
        dst[c] += (double)sums[j];
        if (++c == channels) c = 0;
    }
}

/* A block of wide rows: `rows` rows of `width` columns, `stride` elements apart. */
typedef struct block {
    size_t at, stride, rows, width; /* `at`: element of its first column */
    size_t first;                   /* that column's place in the wide row */
} block;

typedef void (*block_fn)(void *ctx, const block *b);

/* Cuts pixels [begin,end) in blocks: panels of full wide rows, then the pixels that do not fill one. */
INLINE void for_blocks(size_t begin, size_t end, size_t channels, block_fn fn, void *ctx) {
    size_t fold = fold_of(channels), stride = fold * channels, rows = (end - begin) / fold;
    for (size_t first = 0; first < stride && rows > 0; first += PANEL) {
        size_t width = stride - first < PANEL ? stride - first : PANEL;
        fn(ctx, &(block){begin * channels + first, stride, rows, width, first});
    }
    size_t rest = (end - begin) % fold;
    if (rest > 0) fn(ctx, &(block){(begin + rows * fold) * channels, stride, 1, rest * channels, 0});
}

typedef struct moments {
    const rf_real *x;
    size_t channels;
    double *sum, *square;
} moments;

static void moments_block(void *ctx, const block *b) {
    const moments *m = ctx;
    rf_real shift[PANEL] ALIGNED, s1[PANEL] ALIGNED, s2[PANEL] ALIGNED;
    tile(shift, m->x, b->first, b->width, m->channels);
    memset(s1, 0, b->width * sizeof *s1);
    memset(s2, 0, b->width * sizeof *s2);
    const rf_real *x0 = m->x + b->at;
    size_t r = 0;
    for (; r + 4 <= b->rows; r += 4, x0 += 4 * b->stride) {
        const rf_real *x1 = x0 + b->stride, *x2 = x1 + b->stride, *x3 = x2 + b->stride;
#pragma omp simd
        for (size_t j = 0; j < b->width; j++) {
            rf_real k = shift[j], d0 = x0[j] - k, d1 = x1[j] - k, d2 = x2[j] - k, d3 = x3[j] - k;
            s1[j] += (d0 + d1) + (d2 + d3);
            s2[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    }
    for (; r < b->rows; r++, x0 += b->stride) {
#pragma omp simd
        for (size_t j = 0; j < b->width; j++) {
            rf_real d = x0[j] - shift[j];
            s1[j] += d;
            s2[j] += d * d;
        }
    }
    fold_into(m->sum, s1, b->first, b->width, m->channels);
    fold_into(m->square, s2, b->first, b->width, m->channels);
}

void RF_ISA_NAME(rf_norm_chunk_moments)(const rf_real *x, size_t rows, size_t channels, double *mean, double *m2) {
    for (size_t c = 0; c < channels; c++) mean[c] = m2[c] = 0;
    moments m = {x, channels, mean, m2};
    for_blocks(0, rows, channels, moments_block, &m);
    for (size_t c = 0; c < channels; c++) {
        double distance = mean[c] / (double)rows;
        double rest = m2[c] - distance * mean[c];
        m2[c] = rest > 0 ? rest : 0;
        mean[c] = (double)x[c] + distance;
    }
}

typedef struct apply {
    const rf_norm *norm;
    rf_real *y;
} apply;

/* One row; `stream`: past the caches, where y is at a vector border. */
INLINE void apply_row(const rf_norm *norm, const rf_real *mean, const rf_real *gain, const rf_real *beta,
                      const rf_real *x, const rf_real *z, rf_real *y, size_t width, bool activation, bool stream) {
    rf_real slope = norm->slope;
    size_t j = 0;
    for (; j + VL <= width; j += VL) {
        vec v = (vec_load(x + j) - vec_load(mean + j)) * vec_load(gain + j) + vec_load(beta + j);
        if (z) v += vec_load(z + j);
        if (activation) v = vec_leaky(v, slope);
        if (stream)
            vec_stream(y + j, v);
        else
            vec_store(y + j, v);
    }
    for (; j < width; j++) {
        rf_real v = (x[j] - mean[j]) * gain[j] + beta[j];
        if (z) v += z[j];
        y[j] = activation ? (v > 0 ? v : slope * v) : v;
    }
}

INLINE void apply_rows(const apply *a, const block *b, bool residual, bool activation) {
    rf_real mean[PANEL] ALIGNED, gain[PANEL] ALIGNED, beta[PANEL] ALIGNED;
    const rf_norm *norm = a->norm;
    tile(mean, norm->mean, b->first, b->width, norm->channels);
    tile(gain, norm->gain, b->first, b->width, norm->channels);
    tile(beta, norm->beta, b->first, b->width, norm->channels);
    for (size_t r = 0; r < b->rows; r++) {
        size_t at = b->at + r * b->stride;
        const rf_real *z = residual ? norm->residual + at : NULL;
        if (norm->stream && vec_at_border(a->y + at))
            apply_row(norm, mean, gain, beta, norm->x + at, z, a->y + at, b->width, activation, true);
        else
            apply_row(norm, mean, gain, beta, norm->x + at, z, a->y + at, b->width, activation, false);
    }
}

static void apply_block(void *ctx, const block *b) {
    const apply *a = ctx;
    bool activation = a->norm->slope != 1;
    if (a->norm->residual && activation)
        apply_rows(a, b, true, true);
    else if (a->norm->residual)
        apply_rows(a, b, true, false);
    else if (activation)
        apply_rows(a, b, false, true);
    else
        apply_rows(a, b, false, false);
}

void RF_ISA_NAME(rf_norm_chunk_apply)(const rf_norm *norm, rf_real *y, size_t begin, size_t end) {
    apply a = {norm, y};
    for_blocks(begin, end, norm->channels, apply_block, &a);
    if (norm->stream) vec_stream_end();
}

static void bias_block(void *ctx, const block *b) {
    const apply *a = ctx;
    rf_real beta[PANEL] ALIGNED, slope = a->norm->slope;
    tile(beta, a->norm->beta, b->first, b->width, a->norm->channels);
    for (size_t r = 0; r < b->rows; r++) {
        rf_real *y = a->y + b->at + r * b->stride;
        size_t j = 0;
        for (; j + VL <= b->width; j += VL) vec_store(y + j, vec_leaky(vec_load(y + j) + vec_load(beta + j), slope));
        for (; j < b->width; j++) {
            rf_real v = y[j] + beta[j];
            y[j] = v > 0 ? v : slope * v;
        }
    }
}

void RF_ISA_NAME(rf_norm_chunk_bias)(const rf_norm *norm, rf_real *y, size_t begin, size_t end) {
    apply a = {norm, y};
    for_blocks(begin, end, norm->channels, bias_block, &a);
}

/* The gradient at the activation's input, from the gradient g at its output; v is computed as forward did. */
INLINE rf_real masked(rf_norm_mask mask, rf_real slope, rf_real g, rf_real centred, rf_real gain, rf_real beta,
                      rf_real y) {
    if (mask == RF_MASK_NONE) return g;
    rf_real sign = mask == RF_MASK_X ? centred * gain + beta : y;
    return sign > 0 ? g : slope * g;
}

typedef struct sums {
    const rf_norm_grad *grad;
    double *g, *gx;
} sums;

/* Adds rows x, x + stride, ... (`group` of them, a constant) to the column sums. */
INLINE void sums_group(const rf_norm_grad *q, rf_norm_mask mask, size_t at, size_t stride, size_t width, int group,
                       const rf_real *mean, const rf_real *gain, const rf_real *beta, rf_real *sg, rf_real *sx) {
    const rf_real *x = q->norm.x + at, *dy = q->dy + at, *y = mask == RF_MASK_Y ? q->y + at : NULL;
    rf_real slope = q->norm.slope;
#pragma omp simd
    for (size_t j = 0; j < width; j++) {
        rf_real k = mean[j], a = mask == RF_MASK_X ? gain[j] : 0, b = mask == RF_MASK_X ? beta[j] : 0, tg = 0, tx = 0;
        for (int r = 0; r < group; r++) {
            size_t i = (size_t)r * stride + j;
            rf_real d = x[i] - k, g = masked(mask, slope, dy[i], d, a, b, mask == RF_MASK_Y ? y[i] : 0);
            tg += g;
            tx += g * d;
        }
        sg[j] += tg;
        sx[j] += tx;
    }
}

INLINE void sums_rows(const sums *s, const block *b, rf_norm_mask mask) {
    rf_real mean[PANEL] ALIGNED, gain[PANEL] ALIGNED, beta[PANEL] ALIGNED, sg[PANEL] ALIGNED, sx[PANEL] ALIGNED;
    const rf_norm_grad *q = s->grad;
    size_t channels = q->norm.channels, r = 0;
    tile(mean, q->norm.mean, b->first, b->width, channels);
    if (mask == RF_MASK_X) {
        tile(gain, q->norm.gain, b->first, b->width, channels);
        tile(beta, q->norm.beta, b->first, b->width, channels);
    }
    memset(sg, 0, b->width * sizeof *sg);
    memset(sx, 0, b->width * sizeof *sx);
    for (; r + 4 <= b->rows; r += 4)
        sums_group(q, mask, b->at + r * b->stride, b->stride, b->width, 4, mean, gain, beta, sg, sx);
    for (; r < b->rows; r++)
        sums_group(q, mask, b->at + r * b->stride, b->stride, b->width, 1, mean, gain, beta, sg, sx);
    fold_into(s->g, sg, b->first, b->width, channels);
    fold_into(s->gx, sx, b->first, b->width, channels);
}

static void sums_block(void *ctx, const block *b) {
    const sums *s = ctx;
    switch (s->grad->mask) {
    case RF_MASK_NONE:
        sums_rows(s, b, RF_MASK_NONE);
        return;
    case RF_MASK_X:
        sums_rows(s, b, RF_MASK_X);
        return;
    case RF_MASK_Y:
        sums_rows(s, b, RF_MASK_Y);
        return;
    }
}

void RF_ISA_NAME(rf_norm_chunk_sums)(const rf_norm_grad *grad, size_t begin, size_t end, double *sum_g,
                                     double *sum_gx) {
    for (size_t c = 0; c < grad->norm.channels; c++) sum_g[c] = sum_gx[c] = 0;
    sums s = {grad, sum_g, sum_gx};
    for_blocks(begin, end, grad->norm.channels, sums_block, &s);
}

/* Per-column parameters of one block in the gradient pass. */
typedef struct columns {
    rf_real mean[PANEL] ALIGNED, gain[PANEL] ALIGNED, beta[PANEL] ALIGNED, offset[PANEL] ALIGNED, tilt[PANEL] ALIGNED;
} columns;

INLINE void gradient_row(const rf_norm_grad *q, const columns *p, rf_norm_mask mask, bool add, bool stream, size_t at,
                         size_t width) {
    const rf_real *x = q->norm.x + at, *dy = q->dy + at, *y = mask == RF_MASK_Y ? q->y + at : NULL;
    rf_real *dx = q->dx + at, slope = q->norm.slope;
    size_t j = 0;
    for (; j + VL <= width; j += VL) {
        vec d = vec_load(x + j) - vec_load(p->mean + j), gain = vec_load(p->gain + j), g = vec_load(dy + j);
        if (mask == RF_MASK_X) g = vec_where_positive(d * gain + vec_load(p->beta + j), g, slope);
        if (mask == RF_MASK_Y) g = vec_where_positive(vec_load(y + j), g, slope);
        vec v = gain * g - vec_load(p->offset + j) - d * vec_load(p->tilt + j);
        if (add) v += vec_load(dx + j);
        if (stream)
            vec_stream(dx + j, v);
        else
            vec_store(dx + j, v);
    }
    for (; j < width; j++) {
        rf_real d = x[j] - p->mean[j];
        rf_real b = mask == RF_MASK_X ? p->beta[j] : 0, sign = mask == RF_MASK_Y ? y[j] : 0;
        rf_real g = masked(mask, slope, dy[j], d, p->gain[j], b, sign);
        rf_real v = p->gain[j] * g - p->offset[j] - d * p->tilt[j];
        dx[j] = add ? dx[j] + v : v;
    }
}

INLINE void residual_row(const rf_norm_grad *q, rf_norm_mask mask, bool add, size_t at, size_t width) {
    const rf_real *dy = q->dy + at, *y = mask == RF_MASK_Y ? q->y + at : NULL;
    rf_real *dz = q->dresidual + at, slope = q->norm.slope;
#pragma omp simd
    for (size_t j = 0; j < width; j++) {
        rf_real g = masked(mask, slope, dy[j], 0, 0, 0, mask == RF_MASK_Y ? y[j] : 0);
        dz[j] = add ? dz[j] + g : g;
    }
}

INLINE void gradient_rows(const rf_norm_grad *q, const block *b, const columns *p, rf_norm_mask mask) {
    for (size_t r = 0; r < b->rows; r++) {
        size_t at = b->at + r * b->stride;
        if (q->dx && q->dx_add)
            gradient_row(q, p, mask, true, false, at, b->width);
        else if (q->dx && q->norm.stream && vec_at_border(q->dx + at))
            gradient_row(q, p, mask, false, true, at, b->width);
        else if (q->dx)
            gradient_row(q, p, mask, false, false, at, b->width);
        if (q->dresidual && mask != RF_MASK_X) residual_row(q, mask, q->dresidual_add, at, b->width);
    }
}

static void gradient_block(void *ctx, const block *b) {
    const rf_norm_grad *q = ctx;
    columns p;
    if (q->dx) {
        tile(p.mean, q->norm.mean, b->first, b->width, q->norm.channels);
        tile(p.gain, q->norm.gain, b->first, b->width, q->norm.channels);
        tile(p.offset, q->offset, b->first, b->width, q->norm.channels);
        tile(p.tilt, q->tilt, b->first, b->width, q->norm.channels);
        if (q->mask == RF_MASK_X) tile(p.beta, q->norm.beta, b->first, b->width, q->norm.channels);
    }
    switch (q->mask) {
    case RF_MASK_NONE:
        gradient_rows(q, b, &p, RF_MASK_NONE);
        return;
    case RF_MASK_X:
        gradient_rows(q, b, &p, RF_MASK_X);
        return;
    case RF_MASK_Y:
        gradient_rows(q, b, &p, RF_MASK_Y);
        return;
    }
}

void RF_ISA_NAME(rf_norm_chunk_gradient)(const rf_norm_grad *grad, size_t begin, size_t end) {
    rf_norm_grad copy = *grad;
    for_blocks(begin, end, grad->norm.channels, gradient_block, &copy);
    if (copy.norm.stream) vec_stream_end();
}

typedef struct through {
    const rf_norm_grad *grad;
    double *g, *gx;
} through;

/* One row: dx, dresidual and its share in the column sums sg, sx. */
INLINE void through_row(const rf_norm_grad *q, const columns *p, rf_norm_mask mask, bool stream, size_t at,
                        size_t width, rf_real *sg, rf_real *sx) {
    const rf_real *x = q->norm.x + at, *dy = q->dy + at, *y = mask == RF_MASK_Y ? q->y + at : NULL;
    rf_real *dx = q->dx ? q->dx + at : NULL, *dz = q->dresidual ? q->dresidual + at : NULL, slope = q->norm.slope;
    size_t j = 0;
    for (; j + VL <= width; j += VL) {
        vec d = vec_load(x + j) - vec_load(p->mean + j), gain = vec_load(p->gain + j), g = vec_load(dy + j);
        if (mask == RF_MASK_X) g = vec_where_positive(d * gain + vec_load(p->beta + j), g, slope);
        if (mask == RF_MASK_Y) g = vec_where_positive(vec_load(y + j), g, slope);
        if (stream)
            vec_stream(dx + j, gain * g);
        else if (dx)
            vec_store(dx + j, q->dx_add ? vec_load(dx + j) + gain * g : gain * g);
        if (dz) vec_store(dz + j, q->dresidual_add ? vec_load(dz + j) + g : g);
        vec_store(sg + j, vec_load(sg + j) + g);
        vec_store(sx + j, vec_load(sx + j) + g * d);
    }
    for (; j < width; j++) {
        rf_real d = x[j] - p->mean[j], b = mask == RF_MASK_X ? p->beta[j] : 0, sign = mask == RF_MASK_Y ? y[j] : 0;
        rf_real g = masked(mask, slope, dy[j], d, p->gain[j], b, sign), v = p->gain[j] * g;
        if (dx) dx[j] = q->dx_add ? dx[j] + v : v;
        if (dz) dz[j] = q->dresidual_add ? dz[j] + g : g;
        sg[j] += g;
        sx[j] += g * d;
    }
}

INLINE void through_rows(const through *t, const block *b, const columns *p, rf_norm_mask mask) {
    rf_real sg[PANEL] ALIGNED, sx[PANEL] ALIGNED;
    const rf_norm_grad *q = t->grad;
    memset(sg, 0, b->width * sizeof *sg);
    memset(sx, 0, b->width * sizeof *sx);
    for (size_t r = 0; r < b->rows; r++) {
        size_t at = b->at + r * b->stride;
        if (q->dx && !q->dx_add && q->norm.stream && vec_at_border(q->dx + at))
            through_row(q, p, mask, true, at, b->width, sg, sx);
        else
            through_row(q, p, mask, false, at, b->width, sg, sx);
    }
    fold_into(t->g, sg, b->first, b->width, q->norm.channels);
    fold_into(t->gx, sx, b->first, b->width, q->norm.channels);
}

static void through_block(void *ctx, const block *b) {
    const through *t = ctx;
    const rf_norm_grad *q = t->grad;
    columns p;
    tile(p.mean, q->norm.mean, b->first, b->width, q->norm.channels);
    tile(p.gain, q->norm.gain, b->first, b->width, q->norm.channels);
    if (q->mask == RF_MASK_X) tile(p.beta, q->norm.beta, b->first, b->width, q->norm.channels);
    if (q->mask == RF_MASK_NONE)
        through_rows(t, b, &p, RF_MASK_NONE);
    else if (q->mask == RF_MASK_X)
        through_rows(t, b, &p, RF_MASK_X);
    else
        through_rows(t, b, &p, RF_MASK_Y);
}

void RF_ISA_NAME(rf_norm_chunk_through)(const rf_norm_grad *grad, size_t begin, size_t end, double *sum_g,
                                        double *sum_gx) {
    for (size_t c = 0; c < grad->norm.channels; c++) sum_g[c] = sum_gx[c] = 0;
    through t = {grad, sum_g, sum_gx};
    for_blocks(begin, end, grad->norm.channels, through_block, &t);
    if (grad->norm.stream) vec_stream_end();
}
