#include "autograd/kernels/dwconv.h"

#include <string.h>

#include "autograd/kernels/isa/norm_isa.h"
#include "autograd/kernels/isa/stream.h"
#include "autograd/kernels/large.h"
#include "core/parallel.h"

enum { MAX_K = RF_DWCONV_MAX_KERNEL, GRAIN = 32768, DW_GRAIN = 65536 };

/* One axis: destination index o of a phase reads source o*mult + offset[t] with kernel index k[t], for taps t < n.
 * Forward has one phase with mult = stride; the gradient of x has `stride` phases (o = index / stride) with mult = 1.
 */
typedef struct axis {
    int n, mult, limit; /* sources 0..limit-1 exist */
    int offset[MAX_K], k[MAX_K];
} axis;

static axis forward_axis(int kernel, int stride, int pad, int limit) {
    axis a = {.n = kernel, .mult = stride, .limit = limit};
    for (int t = 0; t < kernel; t++) {
        a.k[t] = t;
        a.offset[t] = t - pad;
    }
    return a;
}

/* Destinations phase, phase + stride, ... of x: input i gets dy[(i + pad - k) / stride] where that divides. */
static axis gradient_axis(int kernel, int stride, int pad, int limit, int phase) {
    axis a = {.mult = 1, .limit = limit};
    for (int t = 0; t < kernel; t++) {
        int at = phase + pad - t;
        if (at % stride != 0) continue;
        a.k[a.n] = t;
        a.offset[a.n++] = at / stride;
    }
    return a;
}

static bool tap_valid(const axis *a, int t, int o) {
    int source = o * a->mult + a->offset[t];
    return source >= 0 && source < a->limit;
}

static bool all_valid(const axis *a, int o) {
    for (int t = 0; t < a->n; t++)
        if (!tap_valid(a, t, o)) return false;
    return true;
}

/* A destination row of pixels and the source rows that contribute to it. */
typedef struct line {
    int n;                        /* contributing source rows */
    const rf_real *source[MAX_K]; /* [limit,C] */
    int k[MAX_K];
    int kw, channels;
    size_t ystep;
} line;

static void add_row(line *l, const rf_real *source, int k) {
    l->source[l->n] = source;
    l->k[l->n++] = k;
}

/* What a line is for: with `w`, weighted sums into y; with `acc`, products with dy into acc. */
typedef struct target {
    const rf_real *w; /* [Kh,Kw,C] */
    rf_real *y;       /* stored, or added to */
    bool add;
    bool large;   /* y as a whole does not fit the caches */
    rf_real *acc; /* [Kh,Kw,columns], always added to */
    const rf_real *dy;
} target;

static void flush(rf_streams *s, const target *to, size_t at, bool *add) {
    if (s->taps == 0) return;
    if (to->w)
        RF_ISA_PICK(rf_stream_sum)(s, to->y + at, *add);
    else
        RF_ISA_PICK(rf_stream_dot)(s, to->dy + at);
    *add = true;
    s->taps = 0;
}

/* Destinations [o, o+count), which share their taps, nine taps at a time. */
static void run_segment(const line *l, const axis *a, const target *to, int o, int count) {
    size_t channels = (size_t)l->channels, columns = rf_stream_columns(channels), at = (size_t)o * l->ystep;
    rf_streams s = {.count = (size_t)count,
                    .channels = channels,
                    .xstep = (size_t)a->mult * channels,
                    .ystep = l->ystep,
                    /* A line of more than nine taps is summed in several rounds. */
                    .past_caches = to->large && l->n * a->n <= RF_STREAM_TAPS};
    bool add = to->add;
    for (int r = 0; r < l->n; r++) {
        for (int t = 0; t < a->n; t++) {
            if (!tap_valid(a, t, o)) continue;
            size_t tap = (size_t)(l->k[r] * l->kw + a->k[t]);
            s.x[s.taps] = l->source[r] + (size_t)(o * a->mult + a->offset[t]) * channels;
            if (to->w) s.w[s.taps] = to->w + tap * channels;
            if (to->acc) s.acc[s.taps] = to->acc + tap * columns;
            if (++s.taps == RF_STREAM_TAPS) flush(&s, to, at, &add);
        }
    }
    flush(&s, to, at, &add);
    if (!add && to->w)
        for (int i = 0; i < count; i++) memset(to->y + at + (size_t)i * l->ystep, 0, channels * sizeof(rf_real));
}

/* Cuts `count` destinations where the set of valid taps changes: borders one by one, the inside in one run. */
static void run_line(const line *l, const axis *a, const target *to, int count) {
    int begin = 0, end = count;
    while (begin < count && !all_valid(a, begin)) begin++;
    while (end > begin && !all_valid(a, end - 1)) end--;
    for (int o = 0; o < begin; o++) run_segment(l, a, to, o, 1);
    if (end > begin) run_segment(l, a, to, begin, end - begin);
    for (int o = end; o < count; o++) run_segment(l, a, to, o, 1);
}

typedef struct pass {
    const rf_dwconv *conv;
    const rf_real *dy;
    rf_real *out;
    bool add, large; /* large: out does not fit the caches */
    rf_real *partials;
} pass;

static size_t rows_of(size_t row_elements, size_t grain) {
    return row_elements >= grain ? 1 : grain / row_elements;
}

/* Source rows of x that output row `row` (n*OH + oh) reads. */
static line forward_line(const rf_dwconv *v, size_t row) {
    line l = {.kw = v->kw, .channels = v->c, .ystep = (size_t)v->c};
    size_t n = row / (size_t)v->oh, width = (size_t)v->w * (size_t)v->c;
    int top = (int)(row % (size_t)v->oh) * v->stride - v->pad;
    for (int k = 0; k < v->kh; k++)
        if (top + k >= 0 && top + k < v->h) add_row(&l, v->x + (n * (size_t)v->h + (size_t)(top + k)) * width, k);
    return l;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    const rf_dwconv *v = p->conv;
    axis a = forward_axis(v->kw, v->stride, v->pad, v->w);
    for (size_t row = begin; row < end; row++) {
        line l = forward_line(v, row);
        target to = {.w = v->weight, .y = p->out + row * (size_t)v->ow * (size_t)v->c, .large = p->large};
        run_line(&l, &a, &to, v->ow);
    }
    rf_norm finish = {.channels = (size_t)v->c, .beta = v->bias, .slope = v->slope};
    size_t width = (size_t)v->ow;
    if (v->bias) RF_ISA_PICK(rf_norm_chunk_bias)(&finish, p->out, begin * width, end * width);
}

static bool is_large(int n, int h, int w, int c) {
    return rf_is_large((size_t)n * (size_t)h * (size_t)w * (size_t)c);
}

void rf_dwconv_forward(const rf_dwconv *conv, rf_real *y) {
    pass p = {.conv = conv, .out = y, .large = is_large(conv->n, conv->oh, conv->ow, conv->c)};
    if (conv->bias) p.large = false; /* it is read again */
    size_t rows = (size_t)conv->n * (size_t)conv->oh;
    rf_parallel_for(rows, rows_of((size_t)conv->ow * (size_t)conv->c, GRAIN), forward_range, &p);
}

static void backward_x_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    const rf_dwconv *v = p->conv;
    size_t channels = (size_t)v->c, width = (size_t)v->ow * channels;
    for (size_t row = begin; row < end; row++) {
        int i = (int)(row % (size_t)v->h), o = i / v->stride;
        const rf_real *image = p->dy + row / (size_t)v->h * (size_t)v->oh * width;
        axis down = gradient_axis(v->kh, v->stride, v->pad, v->oh, i % v->stride);
        line l = {.kw = v->kw, .channels = v->c, .ystep = (size_t)v->stride * channels};
        for (int t = 0; t < down.n; t++)
            if (tap_valid(&down, t, o)) add_row(&l, image + (size_t)(o + down.offset[t]) * width, down.k[t]);
        for (int phase = 0; phase < v->stride && phase < v->w; phase++) {
            axis a = gradient_axis(v->kw, v->stride, v->pad, v->ow, phase);
            target to = {.w = v->weight,
                         .y = p->out + (row * (size_t)v->w + (size_t)phase) * channels,
                         .add = p->add,
                         .large = p->large};
            run_line(&l, &a, &to, (v->w - phase + v->stride - 1) / v->stride);
        }
    }
}

static size_t partial_count(const rf_dwconv *v) {
    return (size_t)v->kh * (size_t)v->kw * rf_stream_columns((size_t)v->c);
}

static size_t dw_rows(const rf_dwconv *v) {
    return rows_of((size_t)v->ow * (size_t)v->c, DW_GRAIN);
}

size_t rf_dwconv_work_bytes(const rf_dwconv *conv) {
    size_t rows = (size_t)conv->n * (size_t)conv->oh, step = dw_rows(conv);
    return (rows + step - 1) / step * partial_count(conv) * sizeof(rf_real);
}

/* Partial sums of dw over output rows [begin, end). */
static void backward_w_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    const rf_dwconv *v = p->conv;
    axis a = forward_axis(v->kw, v->stride, v->pad, v->w);
    rf_real *acc = p->partials + begin / dw_rows(v) * partial_count(v);
    memset(acc, 0, partial_count(v) * sizeof *acc);
    for (size_t row = begin; row < end; row++) {
        line l = forward_line(v, row);
        target to = {.acc = acc, .dy = p->dy + row * (size_t)v->ow * (size_t)v->c};
        run_line(&l, &a, &to, v->ow);
    }
}

/* The input rows that belong to output rows [0, row). */
static size_t input_rows(const rf_dwconv *v, size_t row) {
    size_t oh = (size_t)v->oh, h = (size_t)v->h, inside = row % oh * (size_t)v->stride;
    return row / oh * h + (inside < h ? inside : h);
}

/* Both gradients of a group of rows, one after the other: the second finds dy in the cache. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const pass *p = ctx;
    if (p->partials) backward_w_range(ctx, begin, end);
    if (p->out) backward_x_range(ctx, input_rows(p->conv, begin), input_rows(p->conv, end));
}

static void merge_partials(const rf_dwconv *conv, const rf_real *partials, size_t chunks, rf_real *dw, bool add) {
    size_t channels = (size_t)conv->c, columns = rf_stream_columns(channels), size = partial_count(conv);
    for (size_t tap = 0; tap < (size_t)conv->kh * (size_t)conv->kw; tap++) {
        for (size_t c = 0; c < channels; c++) {
            double sum = 0;
            for (size_t chunk = 0; chunk < chunks; chunk++)
                for (size_t j = c; j < columns; j += channels)
                    sum += (double)partials[chunk * size + tap * columns + j];
            rf_real *to = &dw[tap * channels + c];
            *to = add ? *to + (rf_real)sum : (rf_real)sum;
        }
    }
}

void rf_dwconv_backward(const rf_dwconv *conv, const rf_real *dy, rf_real *dx, bool dx_add, rf_real *dw, bool dw_add,
                        void *work) {
    pass p = {.conv = conv, .dy = dy, .out = dx, .add = dx_add, .partials = dw ? work : NULL};
    p.large = is_large(conv->n, conv->h, conv->w, conv->c);
    size_t rows = (size_t)conv->n * (size_t)conv->oh, step = dw_rows(conv);
    rf_parallel_for(rows, step, backward_range, &p);
    if (dw) merge_partials(conv, work, (rows + step - 1) / step, dw, dw_add);
}
