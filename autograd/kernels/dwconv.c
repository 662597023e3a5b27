/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/dwconv_internal.h"

#include <string.h>

#include "autograd/kernels/isa/norm_isa.h"
#include "autograd/kernels/isa/stream.h"
#include "autograd/kernels/large.h"
#include "core/parallel.h"

enum { MAX_K = RF_DWCONV_MAX_KERNEL, GRAIN = 32768, FUSED_GRAIN = 65536, DW_GRAIN = 65536 };

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

/* The rows of a map as a thread reads them: where they lie, or copies in a ring of the last `slots` rows. */
typedef struct map_rows {
    const rf_real *map;
    size_t pixels, channels; /* of a row */
    const rf_fused_read *read;
    rf_real *ring;
    size_t slots, held[MAX_K + 1]; /* row + 1 that a slot holds */
} map_rows;

static map_rows rows_of_map(const rf_real *map, int pixels, int channels, int slots, const rf_fused_read *read,
                            rf_real *ring) {
    return (map_rows){.map = map,
                      .pixels = (size_t)pixels,
                      .channels = (size_t)channels,
                      .read = rf_fused_reads(read) ? read : NULL,
                      .ring = ring,
                      .slots = (size_t)slots};
}

static const rf_real *row_at(map_rows *r, size_t row) {
    size_t width = r->pixels * r->channels, slot = row % r->slots;
    if (!r->read) return r->map + row * width;
    rf_real *out = r->ring + slot * width;
    if (r->held[slot] == row + 1) return out;
    RF_ISA_PICK(rf_fused_read_rows)
    (r->read, r->map, r->channels, row * r->pixels, r->pixels, 0, r->channels, out, r->channels);
    r->held[slot] = row + 1;
    return out;
}

static size_t rows_of(size_t row_elements, size_t grain) {
    return row_elements >= grain ? 1 : grain / row_elements;
}

static size_t round_up(size_t n) {
    return (n + 15) / 16 * 16;
}

/* Scratch of a thread: rows of x and of dy, and one of the result. */
static size_t x_elements(const rf_dwconv *v) {
    return round_up((size_t)v->kh * (size_t)v->w * (size_t)v->c);
}
static size_t dy_elements(const rf_dwconv *v) {
    return round_up((size_t)(v->kh + 1) * (size_t)v->ow * (size_t)v->c);
}
static size_t result_elements(const rf_dwconv *v) {
    return round_up((size_t)(v->w > v->ow ? v->w : v->ow) * (size_t)v->c);
}
static size_t forward_elements(const rf_dwconv *v) {
    return rf_dw_strips_serve(v) ? rf_dw_strips_elements(v) : x_elements(v) + result_elements(v);
}
/* Without a scale of x the gradients are computed row by row. */
static size_t backward_elements(const rf_dwconv *v) {
    size_t rows = x_elements(v) + dy_elements(v) + result_elements(v), strips = rf_dw_strips_elements(v);
    return rf_dw_strips_serve(v) && strips > rows ? strips : rows;
}

rf_real *rf_dw_scratch(const rf_dw_pass *p) {
    return p->scratch ? p->scratch + p->thread_elements * (size_t)rf_thread_index() : NULL;
}

double *rf_dw_part(const rf_dw_pass *p, size_t chunk) {
    return p->parts ? p->parts + chunk * rf_fused_part((size_t)p->conv->c) : NULL;
}

/* Source rows of x that output row `row` (n*OH + oh) reads. */
static line forward_line(const rf_dwconv *v, map_rows *x, size_t row) {
    line l = {.kw = v->kw, .channels = v->c, .ystep = (size_t)v->c};
    size_t n = row / (size_t)v->oh;
    int top = (int)(row % (size_t)v->oh) * v->stride - v->pad;
    for (int k = 0; k < v->kh; k++)
        if (top + k >= 0 && top + k < v->h) add_row(&l, row_at(x, n * (size_t)v->h + (size_t)(top + k)), k);
    return l;
}

/* Where a row of `count` pixels of the result is computed, and its way out. */
static rf_real *result_row(const rf_dw_pass *p, rf_real *scratch, size_t row, int count) {
    return p->writes ? scratch : p->out + row * (size_t)count * (size_t)p->conv->c;
}

static void write_row(const rf_dw_pass *p, const rf_real *scratch, size_t row, int count, double *part, bool begins) {
    size_t channels = (size_t)p->conv->c, pixels = (size_t)count;
    if (p->writes) RF_ISA_PICK(rf_fused_write_rows)
    (&p->write, scratch, channels, row * pixels, pixels, 0, channels, part, begins);
}

static size_t forward_rows(const rf_dwconv *v, bool fused) {
    return rows_of((size_t)v->ow * (size_t)v->c, fused ? FUSED_GRAIN : GRAIN);
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_dw_pass *p = ctx;
    const rf_dwconv *v = p->conv;
    axis a = forward_axis(v->kw, v->stride, v->pad, v->w);
    rf_real *ring = rf_dw_scratch(p), *result = ring ? ring + x_elements(v) : NULL;
    map_rows x = rows_of_map(v->x, v->w, v->c, v->kh, p->fusion ? &p->fusion->x : NULL, ring);
    double *part = rf_dw_part(p, begin / p->grain);
    for (size_t row = begin; row < end; row++) {
        line l = forward_line(v, &x, row);
        target to = {.w = v->weight, .y = result_row(p, result, row, v->ow), .large = p->large && !p->writes};
        run_line(&l, &a, &to, v->ow);
        write_row(p, result, row, v->ow, part, row == begin);
    }
    if (p->writes) RF_ISA_PICK(rf_fused_write_end)(&p->write);
    rf_norm finish = {.channels = (size_t)v->c, .beta = v->bias, .slope = v->slope};
    size_t width = (size_t)v->ow;
    if (v->bias) RF_ISA_PICK(rf_norm_chunk_bias)(&finish, p->out, begin * width, end * width);
}

static bool is_large(int n, int h, int w, int c) {
    return rf_is_large((size_t)n * (size_t)h * (size_t)w * (size_t)c);
}

static size_t chunks_of(size_t rows, size_t step) {
    return (rows + step - 1) / step;
}

/* Bytes of the sums of `chunks` chunks. */
static size_t part_bytes(size_t chunks, int channels) {
    return (chunks * rf_fused_part((size_t)channels) * sizeof(double) + 63) / 64 * 64;
}

size_t rf_dwconv_forward_bytes(const rf_dwconv *v, bool fused) {
    if (!fused) return 0;
    size_t chunks = chunks_of((size_t)v->n * (size_t)v->oh, forward_rows(v, true));
    return part_bytes(chunks, v->c) + forward_elements(v) * sizeof(rf_real) * (size_t)rf_get_threads();
}

void rf_dwconv_forward(const rf_dwconv *conv, rf_real *y, const rf_fusion *fusion, void *work) {
    rf_dw_pass p = {.conv = conv, .out = y, .large = is_large(conv->n, conv->oh, conv->ow, conv->c), .fusion = fusion};
    if (conv->bias) p.large = false; /* it is read again */
    size_t rows = (size_t)conv->n * (size_t)conv->oh, step = forward_rows(conv, fusion), chunks = chunks_of(rows, step);
    if (fusion) {
        p.writes = fusion->moments;
        p.write = (rf_fused_write){.y = y, .channels = (size_t)conv->c, .stream = p.large};
        p.parts = work;
        p.scratch = (rf_real *)(void *)((char *)work + part_bytes(chunks, conv->c));
        p.thread_elements = forward_elements(conv);
    }
    p.grain = step;
    rf_parallel_for(rows, step, fusion && rf_dw_strips_serve(conv) ? rf_dw_strips_forward : forward_range, &p);
    if (p.writes) rf_fused_merge_moments(p.parts, chunks, (size_t)conv->c, fusion->moments);
}

/* One row of dx. */
static void backward_x_row(const rf_dw_pass *p, map_rows *dy, size_t row, rf_real *out) {
    const rf_dwconv *v = p->conv;
    size_t channels = (size_t)v->c, image = row / (size_t)v->h * (size_t)v->oh;
    int i = (int)(row % (size_t)v->h), o = i / v->stride;
    axis down = gradient_axis(v->kh, v->stride, v->pad, v->oh, i % v->stride);
    line l = {.kw = v->kw, .channels = v->c, .ystep = (size_t)v->stride * channels};
    for (int t = 0; t < down.n; t++)
        if (tap_valid(&down, t, o)) add_row(&l, row_at(dy, image + (size_t)(o + down.offset[t])), down.k[t]);
    for (int phase = 0; phase < v->stride && phase < v->w; phase++) {
        axis a = gradient_axis(v->kw, v->stride, v->pad, v->ow, phase);
        target to = {.w = v->weight,
                     .y = out + (size_t)phase * channels,
                     .add = p->add && !p->writes,
                     .large = p->large && !p->writes};
        run_line(&l, &a, &to, (v->w - phase + v->stride - 1) / v->stride);
    }
}

size_t rf_dw_partial_count(const rf_dwconv *v) {
    return (size_t)v->kh * (size_t)v->kw * rf_stream_columns((size_t)v->c);
}

static size_t dw_rows(const rf_dwconv *v) {
    return rows_of((size_t)v->ow * (size_t)v->c, DW_GRAIN);
}

static size_t backward_chunks(const rf_dwconv *v) {
    return chunks_of((size_t)v->n * (size_t)v->oh, dw_rows(v));
}

/* Partial sums of dw, a multiple of 64 bytes. */
static size_t partial_elements(const rf_dwconv *v) {
    return round_up(backward_chunks(v) * rf_dw_partial_count(v));
}

size_t rf_dwconv_backward_bytes(const rf_dwconv *v, bool fused) {
    size_t bytes = partial_elements(v) * sizeof(rf_real);
    if (!fused) return bytes;
    return bytes + part_bytes(backward_chunks(v), v->c) +
           backward_elements(v) * sizeof(rf_real) * (size_t)rf_get_threads();
}

size_t rf_dw_input_rows(const rf_dwconv *v, size_t row) {
    size_t oh = (size_t)v->oh, h = (size_t)v->h, inside = row % oh * (size_t)v->stride;
    return row / oh * h + (inside < h ? inside : h);
}

/* Both gradients, row by row: the second finds dy in the cache. Sums of dw are partial, one for each chunk. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_dw_pass *p = ctx;
    const rf_dwconv *v = p->conv;
    size_t chunk = begin / p->grain, first = rf_dw_input_rows(v, begin);
    axis a = forward_axis(v->kw, v->stride, v->pad, v->w);
    rf_real *ring = rf_dw_scratch(p), *dy_ring = ring ? ring + x_elements(v) : NULL;
    rf_real *result = ring ? dy_ring + dy_elements(v) : NULL;
    map_rows x = rows_of_map(v->x, v->w, v->c, v->kh, p->fusion ? &p->fusion->x : NULL, ring);
    map_rows dy = rows_of_map(p->dy, v->ow, v->c, v->kh + 1, p->fusion ? &p->fusion->dy : NULL, dy_ring);
    rf_real *acc = p->partials ? p->partials + chunk * rf_dw_partial_count(v) : NULL;
    double *part = rf_dw_part(p, chunk);
    if (acc) memset(acc, 0, rf_dw_partial_count(v) * sizeof *acc);
    for (size_t row = begin; row < end; row++) {
        if (acc) {
            line l = forward_line(v, &x, row);
            target to = {.acc = acc, .dy = row_at(&dy, row)};
            run_line(&l, &a, &to, v->ow);
        }
        for (size_t i = rf_dw_input_rows(v, row); (p->out || p->writes) && i < rf_dw_input_rows(v, row + 1); i++) {
            backward_x_row(p, &dy, i, result_row(p, result, i, v->w));
            write_row(p, result, i, v->w, part, i == first);
        }
    }
    if (p->writes) RF_ISA_PICK(rf_fused_write_end)(&p->write);
}

static void merge_partials(const rf_dwconv *conv, const rf_real *partials, size_t chunks, rf_real *dw, bool add) {
    size_t channels = (size_t)conv->c, columns = rf_stream_columns(channels), size = rf_dw_partial_count(conv);
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
                        const rf_fusion *fusion, void *work) {
    rf_dw_pass p = {.conv = conv, .dy = dy, .out = dx, .add = dx_add, .partials = dw ? work : NULL, .fusion = fusion};
    size_t rows = (size_t)conv->n * (size_t)conv->oh, chunks = backward_chunks(conv), channels = (size_t)conv->c;
    p.large = is_large(conv->n, conv->h, conv->w, conv->c);
    if (fusion) {
        p.writes = fusion->x.scale && (dx || fusion->dscale);
        p.write = (rf_fused_write){.y = dx,
                                   .channels = channels,
                                   .add = dx_add,
                                   .stream = p.large && !dx_add,
                                   .x = fusion->map,
                                   .scale = fusion->x.scale,
                                   .slope = fusion->x.slope};
        p.parts = (double *)(void *)((rf_real *)work + partial_elements(conv));
        p.scratch = (rf_real *)(void *)((char *)p.parts + part_bytes(chunks, conv->c));
        p.thread_elements = backward_elements(conv);
        /* Chunks that no row of dx belongs to have no sums. */
        memset(p.parts, 0, part_bytes(chunks, conv->c));
    }
    p.grain = dw_rows(conv);
    bool strips = fusion && fusion->x.scale && rf_dw_strips_serve(conv);
    rf_parallel_for(rows, p.grain, strips ? rf_dw_strips_backward : backward_range, &p);
    if (dw) merge_partials(conv, work, chunks, dw, dw_add);
    if (p.writes)
        rf_fused_merge_gradient(p.parts, chunks, channels, fusion->x.scale, fusion->dscale, fusion->dscale_add);
}
