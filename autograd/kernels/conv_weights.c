/* SPDX-License-Identifier: Apache-2.0 */
/* The weight gradient: a product whose reduction runs over pixels. Blocks of x and dy are copied to panels (so that
 * strides that are powers of two do not fall on one cache set), and each tile of dw sums a block of pixels in
 * registers. A task is a range of input channels x a range of output channels x a range of pixels; where the pixels are
 * cut, each range has its own partial dw, and these are added in order. The cut depends on the shape alone. */
#include "autograd/kernels/conv_internal.h"
#include "core/parallel.h"

#include <limits.h>
#include <string.h>

enum {
    TASKS = 32,         /* tasks wanted at least */
    BLOCK_PIXELS = 224, /* a panel of dy and a panel of x stay in the first-level cache together */
    INPUTS = 256,       /* channels of a task at most */
    OUTPUTS = 256,
    INPUTS_MIN = 32, /* and at least: below, the copies weigh too much */
    OUTPUTS_MIN = 64,
    PART_PIXELS = 1024,   /* pixels that a partial dw must stand for to be worth its addition */
    PART_BYTES = 4 << 20, /* all partial dw together */
    READ_PIXELS = 16,     /* that are read at a time where they are changed on the way */
};

typedef struct weights_plan {
    rf_conv_view view; /* of x; as one long line where that is the same */
    bool runs;         /* a tap is a line of the kernel and x keeps its form, see rf_conv_has_runs */
    int taps, inputs, outputs;
    bool every_h, every_w; /* panels of x hold every line / column, not only those that the one tap reads */
    int block_h, block_w, blocks_h, blocks_w;
    int lines, columns;  /* of x in a block */
    size_t units, parts; /* pixel blocks; ranges of them */
    int input_range, output_range, input_ranges, output_ranges;
    int b_width;
    size_t x_line, x_panel, dy_panel; /* elements from a line of x to the next, from a panel to the next */
    size_t x_elements, dy_elements, part_elements;
} weights_plan;

typedef struct weights_job {
    const rf_conv_kernels *kernels;
    weights_plan plan;
    const rf_real *dy; /* first channel of the group */
    size_t oc;
    rf_real *dw;
    bool add;
    const rf_fused_read *x_read, *dy_read; /* matrix products only; NULL: as they are */
    rf_real *parts, *scratch;
} weights_job;

/* Ranges of channels and of pixels: first halve nothing, then cut pixels, then narrow the ranges until there are tasks
 * enough. */
static void plan_tasks(weights_plan *plan, const rf_conv_kernels *kernels) {
    size_t pixels = (size_t)plan->view.n * plan->view.mh * plan->view.mw;
    plan->part_elements = (size_t)plan->taps * plan->inputs * plan->outputs;
    int inputs = INPUTS, outputs = OUTPUTS;
    for (;;) {
        plan->input_range = (int)rf_conv_least(inputs, rf_conv_ceil(plan->inputs, kernels->wr) * kernels->wr);
        plan->output_range = (int)rf_conv_least(outputs, rf_conv_ceil(plan->outputs, kernels->vl) * kernels->vl);
        plan->input_ranges = (int)rf_conv_ceil(plan->inputs, plan->input_range);
        plan->output_ranges = (int)rf_conv_ceil(plan->outputs, plan->output_range);
        size_t ranges = (size_t)plan->input_ranges * plan->output_ranges;
        plan->parts = rf_conv_least(rf_conv_ceil(TASKS, ranges), pixels / PART_PIXELS);
        plan->parts = rf_conv_least(plan->parts, PART_BYTES / (plan->part_elements * sizeof(rf_real)));
        plan->parts = rf_conv_least(plan->parts, plan->units);
        if (plan->parts < 1) plan->parts = 1;
        if (ranges * plan->parts >= TASKS) return;
        if (plan->output_range > OUTPUTS_MIN && plan->output_range >= plan->input_range)
            outputs = (plan->output_range / 2 + kernels->nr - 1) / kernels->nr * kernels->nr;
        else if (plan->input_range > INPUTS_MIN)
            inputs = (plan->input_range / 2 + kernels->wr - 1) / kernels->wr * kernels->wr;
        else
            return;
    }
}

static weights_plan make_plan(const rf_conv_dims *d, const rf_real *x, int group, const rf_conv_kernels *kernels) {
    weights_plan plan = {.view = rf_conv_forward_view(d, x, group), .outputs = d->oc / d->groups};
    rf_conv_view *view = &plan.view;
    bool same = d->kh * d->kw == 1 && d->stride_h * d->stride_w == 1 && d->pad_h + d->pad_w == 0 &&
                (size_t)d->n * d->oh * d->ow <= INT_MAX;
    plan.runs = rf_conv_has_runs(view);
    plan.taps = plan.runs ? d->kh : d->kh * d->kw;
    plan.inputs = plan.runs ? view->k * d->kw : view->k;
    if (same) { /* rows and pictures follow each other: one long line */
        view->w = view->mw = d->n * d->oh * d->ow;
        view->n = view->h = view->mh = 1;
    }
    plan.blocks_w = (int)rf_conv_ceil(view->mw, BLOCK_PIXELS);
    plan.block_w = (int)rf_conv_ceil(view->mw, plan.blocks_w);
    plan.blocks_w = (int)rf_conv_ceil(view->mw, plan.block_w);
    int lines = BLOCK_PIXELS / plan.block_w;
    plan.blocks_h = (int)rf_conv_ceil(view->mh, lines);
    plan.block_h = (int)rf_conv_ceil(view->mh, plan.blocks_h);
    plan.blocks_h = (int)rf_conv_ceil(view->mh, plan.block_h);
    plan.units = (size_t)view->n * plan.blocks_h * plan.blocks_w;
    plan.every_h = d->kh > 1;
    plan.every_w = d->kw > 1;
    plan.lines = plan.every_h ? (plan.block_h - 1) * d->stride_h + d->kh : plan.block_h;
    plan.columns = plan.every_w ? (plan.block_w - 1) * d->stride_w + d->kw : plan.block_w;
    plan_tasks(&plan, kernels);
    plan.b_width = plan.output_range <= kernels->vl ? kernels->vl : kernels->nr;
    size_t pixels = (size_t)plan.block_h * plan.block_w;
    plan.x_line = (size_t)plan.columns * (plan.runs ? view->k : kernels->wr);
    plan.x_panel = plan.runs ? (size_t)kernels->wr : plan.lines * plan.x_line;
    plan.dy_panel = pixels * plan.b_width;
    /* A tile at the end of a run may read up to a tile's row more, and drops what comes of it. */
    plan.x_elements = rf_conv_round(plan.runs ? plan.lines * plan.x_line + kernels->wr
                                              : plan.x_panel * rf_conv_ceil(plan.input_range, kernels->wr));
    plan.dy_elements = rf_conv_round(plan.dy_panel * rf_conv_ceil(plan.output_range, plan.b_width));
    return plan;
}

static size_t thread_elements(const weights_plan *plan) {
    return plan->x_elements + plan->dy_elements;
}

size_t rf_conv_weights_workspace(const rf_conv_dims *dims, const rf_conv_kernels *kernels) {
    weights_plan plan = make_plan(dims, NULL, 0, kernels);
    size_t parts = plan.parts > 1 ? rf_conv_round(plan.parts * plan.part_elements) : 0;
    return (parts + thread_elements(&plan) * rf_get_threads()) * sizeof(rf_real);
}

/* A block of pixels and the channels of a task. */
typedef struct unit {
    int n, i0, j0, rows, cols;
    int ci, inputs, co, outputs;
} unit;

/* split for pixels first.. of a map that is changed on the way. */
static void split_read(const weights_job *job, const rf_fused_read *read, const rf_real *map, size_t channels,
                       size_t first, int count, int c0, int n, int width, rf_real *out, size_t panel) {
    rf_real rows[READ_PIXELS * (INPUTS > OUTPUTS ? INPUTS : OUTPUTS)];
    if (n == width) { /* one panel: no copy of the copy */
        RF_ISA_PICK(rf_fused_read_rows)
        (read, map, channels, first, (size_t)count, (size_t)c0, (size_t)n, out, (size_t)n);
        return;
    }
    for (int p = 0; p < count; p += READ_PIXELS) {
        int pixels = count - p < READ_PIXELS ? count - p : READ_PIXELS;
        RF_ISA_PICK(rf_fused_read_rows)
        (read, map, channels, first + (size_t)p, (size_t)pixels, (size_t)c0, (size_t)n, rows, (size_t)n);
        job->kernels->split(rows, (size_t)n, pixels, n, width, out + (size_t)p * width, panel);
    }
}

static void split_dy(const weights_job *job, const unit *u, rf_real *out) {
    const weights_plan *plan = &job->plan;
    for (int r = 0; r < u->rows; r++) {
        size_t pixel = ((size_t)u->n * plan->view.mh + u->i0 + r) * plan->view.mw + u->j0;
        rf_real *to = out + (size_t)r * u->cols * plan->b_width;
        if (job->dy_read)
            split_read(job, job->dy_read, job->dy, job->oc, pixel, u->cols, u->co, u->outputs, plan->b_width, to,
                       plan->dy_panel);
        else
            job->kernels->split(job->dy + pixel * job->oc + u->co, job->oc, u->cols, u->outputs, plan->b_width, to,
                                plan->dy_panel);
    }
}

/* `count` pixels of a line from x (NULL: zeros), `step` pixels apart. */
static void split_pixels(const weights_job *job, const unit *u, const rf_real *x, int step, int count, rf_real *out) {
    const weights_plan *plan = &job->plan;
    if (x && job->x_read)
        split_read(job, job->x_read, plan->view.x, plan->view.pixel, (size_t)(x - plan->view.x) / plan->view.pixel,
                   count, u->ci, u->inputs, job->kernels->wr, out, plan->x_panel);
    else
        job->kernels->split(x ? x + u->ci : NULL, step * plan->view.pixel, count, u->inputs, job->kernels->wr, out,
                            plan->x_panel);
}

/* One line of x, with zeros left and right of the picture. */
static void split_line(const weights_job *job, const unit *u, int y, rf_real *out) {
    const weights_plan *plan = &job->plan;
    const rf_conv_view *view = &plan->view;
    int step = plan->every_w ? 1 : view->step_w, x = u->j0 * view->step_w + view->x0;
    int columns = plan->every_w ? (u->cols - 1) * view->step_w + view->tw : u->cols;
    if (plan->runs) {
        rf_conv_copy_line(view, u->n, y, x, columns, out);
        return;
    }
    size_t pixel = plan->x_line / plan->columns;
    int left = x < 0 ? (-x + step - 1) / step : 0, end = view->w > x ? (view->w - x + step - 1) / step : 0;
    if (y < 0 || y >= view->h) end = 0;
    if (left > columns) left = columns;
    if (end > columns) end = columns;
    if (end < left) end = left;
    split_pixels(job, u, NULL, 0, left, out);
    if (end > left) {
        size_t first = ((size_t)u->n * view->h + y) * view->w + (size_t)(x + left * step);
        split_pixels(job, u, view->x + first * view->pixel, step, end - left, out + left * pixel);
    }
    split_pixels(job, u, NULL, 0, columns - end, out + end * pixel);
}

static void split_x(const weights_job *job, const unit *u, rf_real *out) {
    const weights_plan *plan = &job->plan;
    const rf_conv_view *view = &plan->view;
    int lines = plan->every_h ? (u->rows - 1) * view->step_h + view->th : u->rows;
    for (int r = 0; r < lines; r++) {
        int y = u->i0 * view->step_h + view->y0 + r * (plan->every_h ? 1 : view->step_h);
        split_line(job, u, y, out + r * plan->x_line);
    }
}

/* Where the next block of pixels lies, to be fetched while this one is multiplied. Only whole rows of channels: of a
 * range, another task's part would come along. */
typedef struct ahead {
    const char *begin[2]; /* of dy, of x */
    size_t bytes[2];
} ahead;

static ahead look_ahead(const weights_job *job, const unit *next) {
    const weights_plan *plan = &job->plan;
    const rf_conv_view *view = &plan->view;
    ahead a = {.bytes = {0}};
    size_t pixels = (size_t)(next->rows - 1) * view->mw + next->cols;
    if (plan->output_ranges == 1 && (size_t)plan->outputs == job->oc) {
        size_t first = ((size_t)next->n * view->mh + next->i0) * view->mw + next->j0;
        a.begin[0] = (const char *)(job->dy + first * job->oc);
        a.bytes[0] = pixels * job->oc * sizeof(rf_real);
    }
    if (plan->input_ranges == 1 && (size_t)view->k == view->pixel && view->step_h * view->step_w == 1) {
        size_t first = ((size_t)next->n * view->h + next->i0) * view->w + next->j0;
        a.begin[1] = (const char *)(view->x + first * view->pixel);
        a.bytes[1] = pixels * view->pixel * sizeof(rf_real);
    }
    return a;
}

/* The share of tile `index` of `tiles`. */
static void share_ahead(const ahead *a, size_t index, size_t tiles, rf_conv_wtile *tile) {
    size_t share = (a->bytes[0] + a->bytes[1]) / tiles, at = index * share;
    int part = at >= a->bytes[0];
    tile->ahead_step = share / ((size_t)tile->rows * tile->cols);
    tile->ahead = a->begin[part] ? a->begin[part] + (part ? at - a->bytes[0] : at) : NULL;
    if (!tile->ahead) tile->ahead_step = 0;
}

/* All tiles of dw of a task for one block of pixels. */
static void multiply(const weights_job *job, const unit *u, const ahead *next, const rf_real *x, const rf_real *dy,
                     rf_real *dw, size_t dw_row, bool add) {
    const weights_plan *plan = &job->plan;
    int wr = job->kernels->wr, tw = plan->runs ? 1 : plan->view.tw;
    size_t pixel = plan->x_line / plan->columns;
    if (plan->runs) x += u->ci; /* the copy holds all channels */
    rf_conv_wtile tile = {
        .a_step = (plan->every_w ? plan->view.step_w : 1) * pixel,
        .a_row = (plan->every_h ? plan->view.step_h : 1) * plan->x_line,
        .b_step = (size_t)plan->b_width,
        .rows = u->rows,
        .cols = u->cols,
        .dw_row = dw_row,
        .add = add,
    };
    size_t index = 0, tiles = rf_conv_ceil(u->outputs, plan->b_width) * rf_conv_ceil(u->inputs, wr) * plan->taps;
    for (int co = 0; co < u->outputs; co += plan->b_width, dy += plan->dy_panel) {
        tile.b = dy;
        tile.n = (int)rf_conv_least(plan->b_width, (size_t)(u->outputs - co));
        for (int ci = 0; ci < u->inputs; ci += wr) {
            tile.m = (int)rf_conv_least(wr, (size_t)(u->inputs - ci));
            for (int t = 0; t < plan->taps; t++) {
                tile.a = x + (size_t)(ci / wr) * plan->x_panel + t / tw * plan->x_line + t % tw * pixel;
                tile.dw = dw + ((size_t)t * plan->inputs + u->ci + ci) * dw_row + u->co + co;
                share_ahead(next, index++, tiles, &tile);
                job->kernels->wtile(&tile);
            }
        }
    }
}

static void place_unit(const weights_plan *plan, size_t k, unit *u) {
    u->n = (int)(k / plan->blocks_w / plan->blocks_h);
    u->i0 = (int)(k / plan->blocks_w % plan->blocks_h) * plan->block_h;
    u->j0 = (int)(k % plan->blocks_w) * plan->block_w;
    u->rows = (int)rf_conv_least(plan->block_h, (size_t)(plan->view.mh - u->i0));
    u->cols = (int)rf_conv_least(plan->block_w, (size_t)(plan->view.mw - u->j0));
}

/* item = (part * input_ranges + input range) * output_ranges + output range. */
static void run_tasks(void *ctx, size_t begin, size_t end) {
    const weights_job *job = ctx;
    const weights_plan *plan = &job->plan;
    rf_real *x = job->scratch + thread_elements(plan) * rf_thread_index();
    rf_real *dy = x + plan->x_elements;
    for (size_t item = begin; item < end; item++) {
        size_t part = item / plan->output_ranges / plan->input_ranges;
        unit u = {.ci = (int)(item / plan->output_ranges % plan->input_ranges) * plan->input_range,
                  .co = (int)(item % plan->output_ranges) * plan->output_range};
        u.inputs = (int)rf_conv_least(plan->input_range, (size_t)(plan->inputs - u.ci));
        u.outputs = (int)rf_conv_least(plan->output_range, (size_t)(plan->outputs - u.co));
        bool partial = plan->parts > 1, add = !partial && job->add;
        rf_real *dw = partial ? job->parts + part * plan->part_elements : job->dw;
        size_t last = plan->units * (part + 1) / plan->parts;
        for (size_t k = plan->units * part / plan->parts; k < last; k++) {
            place_unit(plan, k, &u);
            split_dy(job, &u, dy);
            split_x(job, &u, x);
            ahead next = {.bytes = {0}};
            if (k + 1 < last) {
                unit after = u;
                place_unit(plan, k + 1, &after);
                next = look_ahead(job, &after);
            }
            multiply(job, &u, &next, x, dy, dw, partial ? (size_t)plan->outputs : job->oc, add);
            add = true;
        }
    }
}

static void add_parts(void *ctx, size_t begin, size_t end) {
    const weights_job *job = ctx;
    const weights_plan *plan = &job->plan;
    size_t outputs = (size_t)plan->outputs;
    for (size_t row = begin; row < end; row++) {
        rf_real *dw = job->dw + row * job->oc;
        for (size_t part = 0; part < plan->parts; part++) {
            const rf_real *from = job->parts + part * plan->part_elements + row * outputs;
            if (part == 0 && !job->add)
                for (size_t c = 0; c < outputs; c++) dw[c] = from[c];
            else
                for (size_t c = 0; c < outputs; c++) dw[c] += from[c];
        }
    }
}

void rf_conv_gemm_backward_weights(const rf_conv_dims *d, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                                   const rf_fusion *fusion, void *work) {
    for (int g = 0; g < d->groups; g++) {
        size_t first = (size_t)g * (d->oc / d->groups);
        weights_job job = {
            .kernels = rf_conv_kernels_for(d->oc / d->groups),
            .dy = dy + first,
            .oc = (size_t)d->oc,
            .dw = dw + first,
            .add = add,
            .x_read = fusion && rf_fused_reads(&fusion->x) ? &fusion->x : NULL,
            .dy_read = fusion && rf_fused_reads(&fusion->dy) ? &fusion->dy : NULL,
        };
        job.plan = make_plan(d, x, g, job.kernels);
        job.parts = work;
        job.scratch = job.parts + (job.plan.parts > 1 ? rf_conv_round(job.plan.parts * job.plan.part_elements) : 0);
        rf_parallel_for(job.plan.parts * job.plan.input_ranges * job.plan.output_ranges, 1, run_tasks, &job);
        if (job.plan.parts > 1) rf_parallel_for((size_t)job.plan.taps * job.plan.inputs, 8, add_parts, &job);
    }
}
