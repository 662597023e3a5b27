/* SPDX-License-Identifier: Apache-2.0 */
/* Forward for few input channels, as a picture has: the pixels under a line of the kernel lie side by side in x, so a
 * tap is a line of the kernel, tw*k elements long, and those of the next pixel are a step further on. Lines of x are
 * copied to scratch memory with the zeros left and right of the picture, a block of lines at a time. */
#include "autograd/kernels/conv_gemm.h"
#include "core/parallel.h"

#include <string.h>

enum {
    BLOCK_BYTES = 64 << 10, /* of lines of x and results in scratch memory, where that is several lines */
    BLOCKS = 32,            /* wanted at least; a number of the shape, not of threads */
};

typedef struct lines_plan {
    size_t line;    /* elements of a line of x with its zeros */
    int lines;      /* of the grid in a block */
    size_t blocks;  /* of a picture */
    size_t y_pitch; /* elements between results in scratch memory */
    size_t packed;  /* elements of the weights */
    size_t x_elements, y_elements, thread_bytes, part_bytes;
} lines_plan;

typedef struct lines_job {
    const rf_conv_kernels *kernels;
    lines_plan plan;
    rf_conv_view view;
    int n; /* columns */
    rf_real *y;
    const rf_conv_epilogue *epilogue;
    bool writes, stream;
    rf_fused_write write;
    rf_real *packed;
    double *parts;
    char *scratch;
} lines_job;

static size_t source_lines(const rf_conv_view *view, int lines) {
    return (size_t)(lines - 1) * view->step_h + view->th;
}

static lines_plan make_plan(const rf_conv_view *view, int n, const rf_conv_kernels *kernels) {
    lines_plan p = {.line = ((size_t)(view->mw - 1) * view->step_w + view->tw) * view->k, .y_pitch = rf_conv_pitch(n)};
    size_t results = (size_t)view->mw * p.y_pitch;
    p.lines = view->mh;
    while (p.lines > 1 && (source_lines(view, p.lines) * p.line + p.lines * results) * sizeof(rf_real) > BLOCK_BYTES)
        p.lines--;
    while (p.lines > 1 && view->n * rf_conv_ceil(view->mh, p.lines) < BLOCKS) p.lines--;
    p.blocks = rf_conv_ceil(view->mh, p.lines);
    p.packed = rf_gemm_packed(view->th * view->tw, view->k, n, kernels);
    /* Tiles at the end of a line read on. */
    size_t slack = ((size_t)2 * kernels->mr * view->step_w + view->tw) * view->k;
    p.x_elements = rf_conv_round(source_lines(view, p.lines) * p.line + slack);
    p.y_elements = rf_conv_round(p.lines * results);
    size_t table = rf_conv_round((size_t)view->mw * sizeof(rf_real *) / sizeof(rf_real) + 1);
    p.thread_bytes = (p.x_elements + p.y_elements + table) * sizeof(rf_real);
    p.part_bytes = (view->n * p.blocks * rf_fused_part((size_t)n) * sizeof(double) + 63) / 64 * 64;
    return p;
}

size_t rf_conv_lines_workspace(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    rf_conv_view view = rf_conv_forward_view(d, NULL, 0);
    lines_plan p = make_plan(&view, d->oc, kernels);
    return p.packed * sizeof(rf_real) + p.part_bytes + p.thread_bytes * rf_get_threads();
}

void rf_conv_copy_line(const rf_conv_view *view, int n, int y, int x, int columns, rf_real *out) {
    int left = x < 0 ? -x : 0, end = view->w - x < columns ? view->w - x : columns;
    if (y < 0 || y >= view->h) end = 0;
    if (left > columns) left = columns;
    if (end < left) end = left;
    size_t k = (size_t)view->k;
    memset(out, 0, left * k * sizeof *out);
    if (end > left)
        memcpy(out + left * k, view->x + (((size_t)n * view->h + y) * view->w + (size_t)(x + left)) * k,
               (size_t)(end - left) * k * sizeof *out);
    memset(out + end * k, 0, (size_t)(columns - end) * k * sizeof *out);
}

/* Line i of the grid of picture n; its factors begin at x. */
static void multiply_line(const lines_job *job, int n, int i, const rf_real *x, rf_real *results, rf_real **y) {
    const rf_conv_view *view = &job->view;
    int mr = job->kernels->mr;
    rf_real *line = job->y + ((size_t)n * view->mh + i) * view->mw * job->n;
    for (int j = 0; j < view->mw; j++) y[j] = job->writes ? results + j * job->plan.y_pitch : line + (size_t)j * job->n;
    rf_conv_block block = {
        .a = x,
        .a_pitch = (size_t)view->step_w * view->k,
        .a_tap = job->plan.line,
        .y = y,
        .tiles = (int)rf_conv_ceil(view->mw, mr),
        .taps = view->th,
        .tap1 = view->th,
        .k = view->tw * view->k,
        .b = job->packed,
        .n1 = job->n,
        .n = job->n,
        .stream = job->stream && !job->writes,
        .y_base = job->y,
    };
    block.last_rows = view->mw - (block.tiles - 1) * mr;
    if (job->epilogue) block.epilogue = *job->epilogue;
    job->kernels->block(&block);
}

/* item = picture * blocks + block of lines. */
static void run_blocks(void *ctx, size_t begin, size_t end) {
    const lines_job *job = ctx;
    const lines_plan *p = &job->plan;
    const rf_conv_view *view = &job->view;
    rf_real *x = (rf_real *)(void *)(job->scratch + p->thread_bytes * rf_thread_index());
    rf_real *results = x + p->x_elements, **y = (rf_real **)(void *)(results + p->y_elements);
    int columns = (int)(p->line / view->k);
    for (size_t item = begin; item < end; item++) {
        int n = (int)(item / p->blocks), i0 = (int)(item % p->blocks) * p->lines;
        int lines = (int)rf_conv_least(p->lines, (size_t)(view->mh - i0));
        for (size_t r = 0; r < source_lines(view, lines); r++)
            rf_conv_copy_line(view, n, i0 * view->step_h + view->y0 + (int)r, view->x0, columns, x + r * p->line);
        for (int r = 0; r < lines; r++)
            multiply_line(job, n, i0 + r, x + (size_t)r * view->step_h * p->line,
                          results + (size_t)r * view->mw * p->y_pitch, y);
        if (!job->writes) continue;
        size_t first = ((size_t)n * view->mh + i0) * view->mw, count = (size_t)lines * view->mw;
        RF_ISA_PICK(rf_fused_write_rows)
        (&job->write, results, p->y_pitch, first, count, 0, (size_t)job->n,
         job->parts + item * rf_fused_part((size_t)job->n), true);
    }
    if (job->writes) RF_ISA_PICK(rf_fused_write_end)(&job->write);
}

void rf_conv_lines_forward(const rf_conv_dims *d, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                           rf_real *y, const rf_fusion *fusion, void *work) {
    lines_job job = {
        .kernels = rf_conv_kernels_for(d->oc),
        .view = rf_conv_forward_view(d, x, 0),
        .n = d->oc,
        .y = y,
        .epilogue = epilogue,
        .writes = fusion && fusion->moments,
        .packed = work,
    };
    job.plan = make_plan(&job.view, d->oc, job.kernels);
    job.parts = (double *)(void *)(job.packed + job.plan.packed);
    job.scratch = (char *)job.parts + job.plan.part_bytes;
    size_t pixels = (size_t)d->n * d->oh * d->ow, items = d->n * job.plan.blocks;
    job.stream = rf_conv_streams(y, pixels, (size_t)d->oc, job.kernels->vl);
    job.write = (rf_fused_write){.y = y, .channels = (size_t)d->oc, .stream = job.stream};
    rf_gemm_job pack = {
        .kernels = job.kernels,
        .view = job.view,
        .w = w,
        .kw = d->kw,
        .kh_step = 1,
        .kw_step = 1,
        .inner = d->c,
        .oc = d->oc,
        .n = d->oc,
        .packed = job.packed,
    };
    rf_gemm_pack(&pack);
    rf_parallel_for(items, rf_run_grain(items), run_blocks, &job);
    if (job.writes) rf_fused_merge_moments(job.parts, items, (size_t)d->oc, fusion->moments);
}
