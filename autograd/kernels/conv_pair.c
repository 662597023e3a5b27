/* SPDX-License-Identifier: Apache-2.0 */
/* Both gradients of a 1x1 convolution in one pass. A block of pixels is read once, dy and x as they should be, and
 * multiplied twice while it is in the cache: dy with the weights to dx, x with dy to dw. Pixels are cut in parts, whose
 * number follows from the shape; each has its own partial dw, and these are added in order. */
#include "autograd/kernels/bf16.h"
#include "autograd/kernels/conv_gemm.h"
#include "core/parallel.h"

#include <string.h>

enum {
    PARTS = 32,           /* as many, or as fit */
    PARTS_LEAST = 8,      /* with fewer the weights are too large for this */
    PART_BYTES = 4 << 20, /* of all partial dw */
    BLOCK_PIXELS = 144,   /* of a block at least: a panel of dy and some channels of x stay in the first-level cache */
    BLOCK_MOST = 480,
    BLOCK_BYTES = 48 << 10, /* of scratch memory, where that is more pixels */
    PART_PIXELS = 2 * BLOCK_PIXELS,
};

typedef struct pair_plan {
    int c, oc;
    size_t pixels, block, blocks, parts;
    size_t dy_pitch, x_pitch, dx_pitch; /* elements between pixels in scratch memory */
    size_t packed, part_elements;
    size_t dy_elements, x_elements, dx_elements, table_bytes, thread_bytes;
    size_t sum_bytes;
    /* As bf16: elements of the packed weights, and of a thread dy in rows, dy and x in pairs of rows. */
    size_t packed16, dy16, dy_pairs, x_pairs;
} pair_plan;

typedef struct pair_job {
    const rf_conv_kernels *wide, *kernels; /* for dw; for dx */
    pair_plan plan;
    const rf_real *x, *dy;
    const rf_fused_read *x_read, *dy_read;
    rf_fused_write write;
    bool wants_dx, writes;
    rf_real *dx, *dw;
    bool dx_add, dw_add;
    rf_real *packed, *parts;
    double *sums;
    bool bf16;
    uint16_t *packed16;
    char *scratch;
} pair_job;

static size_t part_count(const rf_conv_dims *d) {
    size_t fit = PART_BYTES / ((size_t)d->c * d->oc * sizeof(rf_real));
    size_t pixels = (size_t)d->n * d->oh * d->ow / PART_PIXELS;
    size_t parts = rf_conv_least(PARTS, rf_conv_least(fit, pixels));
    return parts < 1 ? 1 : parts;
}

bool rf_conv_pairs(const rf_conv_dims *d) {
    return rf_conv_is_matrix(d) && (size_t)d->c * d->oc * sizeof(rf_real) * PARTS_LEAST <= PART_BYTES;
}

/* Elements between two pairs of rows of n numbers as bf16. */
static size_t pair_pitch(int n) {
    return 2 * (((size_t)n + 15) / 16 * 16) + 32;
}

static pair_plan make_plan(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    pair_plan p = {.c = d->c, .oc = d->oc, .pixels = (size_t)d->n * d->oh * d->ow, .parts = part_count(d)};
    size_t mr = (size_t)kernels->mr;
    size_t fit = BLOCK_BYTES / ((size_t)(d->oc + 2 * d->c) * sizeof(rf_real));
    p.block = (fit < BLOCK_PIXELS ? BLOCK_PIXELS : rf_conv_least(fit, BLOCK_MOST)) / mr * mr;
    p.blocks = rf_conv_ceil(p.pixels, p.block);
    p.parts = rf_conv_least(p.parts, p.blocks);
    p.dy_pitch = rf_conv_pitch((size_t)d->oc);
    p.x_pitch = p.dx_pitch = rf_conv_pitch((size_t)d->c);
    p.packed = rf_gemm_packed(1, d->oc, d->c, kernels);
    p.part_elements = rf_conv_round((size_t)d->c * d->oc);
    /* Tiles of dw read whole vectors, whose ends they drop. */
    size_t slack = (size_t)kernels->nr + (size_t)kernels->wr;
    p.dy_elements = rf_conv_round(p.block * p.dy_pitch + slack);
    p.x_elements = rf_conv_round(p.block * p.x_pitch + slack);
    p.dx_elements = rf_conv_round(p.block * p.dx_pitch);
    p.table_bytes = (p.block * sizeof(void *) + 63) / 64 * 64;
    p.thread_bytes = p.table_bytes + (p.dy_elements + p.x_elements + p.dx_elements) * sizeof(rf_real);
    p.packed16 = rf_conv_round(rf_bf16_packed(d->oc, d->c)) * 2;
    p.dy16 = rf_conv_round(p.block * rf_bf16_pitch((size_t)d->oc));
    p.dy_pairs = rf_conv_round(p.block / 2 * pair_pitch(d->oc) + 2 * RF_BF16_COLUMNS);
    p.x_pairs = rf_conv_round(p.block / 2 * pair_pitch(d->c) + 2 * RF_BF16_COLUMNS);
    p.thread_bytes += (p.dy16 + p.dy_pairs + p.x_pairs) * 2 * sizeof(uint16_t);
    p.sum_bytes = (p.parts * rf_fused_part((size_t)d->c) * sizeof(double) + 63) / 64 * 64;
    return p;
}

size_t rf_conv_pair_bytes(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    pair_plan p = make_plan(d, kernels);
    size_t elements = p.packed + p.parts * p.part_elements;
    return elements * sizeof(rf_real) + p.packed16 * sizeof(uint16_t) + p.sum_bytes + p.thread_bytes * rf_get_threads();
}

/* Scratch memory of a thread. */
typedef struct room {
    rf_real **out;
    rf_real *dy, *x, *dx;
    uint16_t *dy16, *dy_pairs, *x_pairs;
} room;

static room room_of(const pair_job *job) {
    const pair_plan *p = &job->plan;
    char *at = job->scratch + p->thread_bytes * rf_thread_index();
    room r = {.out = (rf_real **)(void *)at};
    r.dy = (rf_real *)(at + p->table_bytes);
    r.x = r.dy + p->dy_elements;
    r.dx = r.x + p->x_elements;
    r.dy16 = (uint16_t *)(void *)(r.dx + p->dx_elements);
    r.dy_pairs = r.dy16 + 2 * p->dy16;
    r.x_pairs = r.dy_pairs + 2 * p->dy_pairs;
    return r;
}

static void look_ahead(const pair_job *job, size_t p0, rf_conv_block *block) {
    const pair_plan *p = &job->plan;
    const rf_real *const maps[RF_CONV_AHEAD] = {job->dy, job->dy_read ? job->dy_read->y : NULL, job->x};
    for (int i = 0; i < RF_CONV_AHEAD; i++) {
        size_t row = (size_t)(i < 2 ? p->oc : p->c);
        if (!maps[i]) continue;
        block->ahead[i] = (const char *)(maps[i] + p0 * row);
        block->ahead_bytes[i] = (size_t)job->kernels->mr * row * sizeof(rf_real);
    }
}

/* Both products of a block with bf16 factors; dx goes to r->dx or its place. */
static void multiply_bf16(const pair_job *job, const room *r, size_t p0, size_t count, rf_real *dw, bool begins) {
    const pair_plan *p = &job->plan;
    size_t c = (size_t)p->c, oc = (size_t)p->oc;
    if (job->dw) {
        rf_bf16_pairs(r->dy, p->dy_pitch, count, oc, r->dy_pairs, pair_pitch(p->oc));
        rf_bf16_pairs(r->x, p->x_pitch, count, c, r->x_pairs, pair_pitch(p->c));
        rf_bf16_gradient gradient = {.x = r->x_pairs,
                                     .dy = r->dy_pairs,
                                     .x_pitch = pair_pitch(p->c),
                                     .dy_pitch = pair_pitch(p->oc),
                                     .pairs = (count + 1) / 2,
                                     .inputs = p->c,
                                     .outputs = p->oc,
                                     .dw = dw,
                                     .add = !begins};
        rf_bf16_weights(&gradient);
    }
    if (!job->wants_dx) return;
    rf_bf16_rows(r->dy, p->dy_pitch, count, oc, r->dy16, rf_bf16_pitch(oc));
    rf_bf16_product product = {.a = r->dy16,
                               .a_pitch = rf_bf16_pitch(oc),
                               .rows = (int)count,
                               .k = p->oc,
                               .n = p->c,
                               .b = job->packed16,
                               .y = job->writes ? r->dx : job->dx + p0 * c,
                               .y_pitch = job->writes ? p->dx_pitch : c,
                               .add = job->dx_add && !job->writes};
    rf_bf16_block(&product);
}

/* dx of a block: from dy in scratch memory. */
static void multiply_dx(const pair_job *job, const room *r, size_t p0, size_t count, bool more) {
    const pair_plan *p = &job->plan;
    size_t mr = (size_t)job->kernels->mr, c = (size_t)p->c;
    for (size_t i = 0; i < count; i++) r->out[i] = job->writes ? r->dx + i * p->dx_pitch : job->dx + (p0 + i) * c;
    rf_conv_block block = {
        .a = r->dy,
        .a_pitch = p->dy_pitch,
        .y = r->out,
        .tiles = (int)rf_conv_ceil(count, mr),
        .taps = 1,
        .tap1 = 1,
        .k = p->oc,
        .b = job->packed,
        .n1 = p->c,
        .n = p->c,
        .y_base = job->dx,
        .add = job->dx_add && !job->writes,
        .stream = job->write.stream && !job->writes,
    };
    block.last_rows = (int)(count - (block.tiles - 1) * mr);
    if (more) look_ahead(job, p0 + count, &block);
    job->kernels->block(&block);
}

/* dw += x' dy of a block. */
static void multiply_dw(const pair_job *job, const room *r, size_t count, rf_real *dw, bool begins) {
    const pair_plan *p = &job->plan;
    int wr = job->wide->wr, nr = p->oc <= job->wide->vl ? job->wide->vl : job->wide->nr;
    rf_conv_wtile tile = {
        .a_step = p->x_pitch,
        .b_step = p->dy_pitch,
        .rows = 1,
        .cols = (int)count,
        .dw_row = (size_t)p->oc,
        .add = !begins,
    };
    for (int co = 0; co < p->oc; co += nr) {
        tile.b = r->dy + co;
        tile.n = (int)rf_conv_least(nr, (size_t)(p->oc - co));
        for (int ci = 0; ci < p->c; ci += wr) {
            tile.m = (int)rf_conv_least(wr, (size_t)(p->c - ci));
            tile.a = r->x + ci;
            tile.dw = dw + (size_t)ci * p->oc + co;
            job->wide->wtile(&tile);
        }
    }
}

static void run_parts(void *ctx, size_t begin, size_t end) {
    const pair_job *job = ctx;
    const pair_plan *p = &job->plan;
    static const rf_fused_read as_it_is = {.slope = 1};
    room r = room_of(job);
    for (size_t part = begin; part < end; part++) {
        size_t first = p->blocks * part / p->parts, last = p->blocks * (part + 1) / p->parts;
        double *sums = job->sums + part * rf_fused_part((size_t)p->c);
        for (size_t b = first; b < last; b++) {
            size_t p0 = b * p->block, count = rf_conv_least(p->block, p->pixels - p0), oc = (size_t)p->oc;
            RF_ISA_PICK(rf_fused_read_rows)
            (job->dy_read ? job->dy_read : &as_it_is, job->dy, oc, p0, count, 0, oc, r.dy, p->dy_pitch);
            if (job->dw) RF_ISA_PICK(rf_fused_read_rows)
            (job->x_read ? job->x_read : &as_it_is, job->x, (size_t)p->c, p0, count, 0, (size_t)p->c, r.x, p->x_pitch);
            rf_real *dw = job->parts + part * p->part_elements;
            if (job->bf16) multiply_bf16(job, &r, p0, count, dw, b == first);
            if (!job->bf16 && job->dw) multiply_dw(job, &r, count, dw, b == first);
            if (!job->bf16 && job->wants_dx) multiply_dx(job, &r, p0, count, b + 1 < last);
            if (job->wants_dx && job->writes) RF_ISA_PICK(rf_fused_write_rows)
            (&job->write, r.dx, p->dx_pitch, p0, count, 0, (size_t)p->c, sums, b == first);
        }
        if (job->writes) RF_ISA_PICK(rf_fused_write_end)(&job->write);
    }
}

/* In the order of the parts for every element, a run of elements at a time. */
static void add_parts(void *ctx, size_t begin, size_t end) {
    const pair_job *job = ctx;
    rf_real *dw = job->dw + begin;
    size_t count = end - begin;
    for (size_t part = 0; part < job->plan.parts; part++) {
        const rf_real *from = job->parts + part * job->plan.part_elements + begin;
        if (part == 0 && !job->dw_add)
            memcpy(dw, from, count * sizeof *dw);
        else
#pragma omp simd
            for (size_t i = 0; i < count; i++) dw[i] += from[i];
    }
}

static void pack_weights(const pair_job *job, const rf_conv_dims *d, const rf_real *w) {
    rf_gemm_job pack = {
        .kernels = job->kernels,
        .view = {.k = d->oc, .th = 1, .tw = 1},
        .w = w,
        .transposed = true,
        .kw = 1,
        .inner = d->c,
        .oc = d->oc,
        .n = d->c,
        .packed = job->packed,
    };
    rf_gemm_pack(&pack);
}

void rf_conv_backward_pair(const rf_conv_dims *d, const rf_real *x, const rf_real *dy, const rf_real *w, rf_real *dx,
                           bool dx_add, rf_real *dw, bool dw_add, const rf_fusion *fusion, void *work) {
    pair_job job = {
        .wide = rf_conv_kernels_current(),
        .bf16 = fusion && fusion->bf16,
        .x = x,
        .dy = dy,
        .dx = dx,
        .dw = dw,
        .dx_add = dx_add,
        .dw_add = dw_add,
        .x_read = fusion && rf_fused_reads(&fusion->x) ? &fusion->x : NULL,
        .dy_read = fusion && rf_fused_reads(&fusion->dy) ? &fusion->dy : NULL,
        .writes = fusion && fusion->x.scale,
    };
    job.kernels = job.bf16 ? job.wide : rf_conv_kernels_for(d->c);
    job.plan = make_plan(d, job.kernels);
    const pair_plan *p = &job.plan;
    job.wants_dx = dx || (job.writes && fusion->dscale);
    job.packed = work;
    job.parts = job.packed + p->packed;
    job.sums = (double *)(void *)(job.parts + p->parts * p->part_elements);
    job.packed16 = (uint16_t *)(void *)((char *)job.sums + p->sum_bytes);
    job.scratch = (char *)(job.packed16 + p->packed16);
    job.write.stream = !dx_add && rf_conv_streams(dx, p->pixels, (size_t)d->c, job.wide->vl);
    if (job.writes) {
        job.write.y = dx;
        job.write.channels = (size_t)d->c;
        job.write.add = dx_add;
        job.write.x = fusion->map;
        job.write.scale = fusion->x.scale;
        job.write.slope = fusion->x.slope;
    }
    if (job.wants_dx) pack_weights(&job, d, w);
    if (job.wants_dx && job.bf16) rf_bf16_pack(job.packed, d->oc, d->c, job.packed16);
    rf_parallel_for(p->parts, 1, run_parts, &job);
    if (dw) rf_parallel_for((size_t)d->c * d->oc, 4096, add_parts, &job);
    if (job.writes)
        rf_fused_merge_gradient(job.sums, p->parts, (size_t)d->c, fusion->x.scale, fusion->dscale, fusion->dscale_add);
}
