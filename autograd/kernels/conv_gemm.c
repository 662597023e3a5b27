/* Forward and backward-data: plans the cut in blocks, packs the weights, and hands blocks to the kernels. */
#include "autograd/kernels/conv_internal.h"
#include "core/parallel.h"

#include <string.h>

enum {
    TASKS = 32, /* blocks wanted at least, so that many threads find work; a number of the shape, not of threads */
    TASK_FLOPS = 4 << 20,   /* below this a block is not worth its start */
    A_BYTES = 384 << 10,    /* pixels of a block and */
    TABLE_BYTES = 32 << 10, /* their pointers and */
    DEPTH = 4096,           /* the rows of a panel in use stay in the second-level cache together */
    TILES_MIN = 8,          /* tiles that share a panel while it is there */
};

/* How a product is cut. Everything follows from the shape and the kernels. */
typedef struct gemm_plan {
    bool runs;            /* a tap is a line of the kernel, see rf_conv_has_runs */
    int taps, k;          /* as the kernels see them */
    int tap_block;        /* taps summed in one pass over y */
    size_t points, tiles; /* grid points, tiles of mr of them */
    int block_tiles;
    size_t blocks;
    int column_tasks, columns; /* column ranges, columns of one */
    size_t packed, zeros;      /* elements */
    size_t table_bytes, thread_bytes;
} gemm_plan;

/* A product to compute: y(grid point) = sum over taps of view * weights. */
typedef struct gemm_job {
    const rf_conv_kernels *kernels;
    rf_conv_view view;
    gemm_plan plan;
    /* Weights: tap (ty,tx) is w[(kh0 + ty*kh_step)*kw + kw0 + tx*kw_step][inner][oc]. */
    const rf_real *w;
    bool transposed; /* columns are the inputs of the weights, depth their outputs */
    int kw, kh0, kw0, kh_step, kw_step, inner, oc;
    int n; /* columns */
    /* Result: grid point (n,i,j) is y[n, i*y_step_h + y_h0, j*y_step_w + y_w0, 0..n). */
    rf_real *y;
    size_t y_pixel;
    int yh, yw, y_h0, y_w0, y_step_h, y_step_w;
    bool add, stream;
    rf_conv_epilogue epilogue;
    rf_real *packed, *zeros;
    char *scratch;
} gemm_job;

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static void plan_blocks(gemm_plan *plan, const rf_conv_view *view, int n, const rf_conv_kernels *kernels) {
    size_t depth = (size_t)plan->taps * plan->k, mr = (size_t)kernels->mr, panels = rf_conv_ceil(n, kernels->nr);
    size_t reach = plan->taps > 1 ? 3 : 1; /* lines of the picture that a line of the grid touches, about */
    size_t tiles = most(TILES_MIN, TASK_FLOPS / (2 * mr * depth * n + 1));
    tiles = rf_conv_least(tiles, A_BYTES / (mr * plan->k * reach * sizeof(rf_real) + 1));
    tiles = rf_conv_least(tiles, TABLE_BYTES / (mr * plan->taps * sizeof(void *) + 1));
    tiles = most(tiles, 1);
    plan->points = (size_t)view->n * view->mh * view->mw;
    plan->tiles = rf_conv_ceil(plan->points, mr);
    while (tiles > 2 && rf_conv_ceil(plan->tiles, tiles) * panels < TASKS) tiles /= 2;
    plan->blocks = rf_conv_ceil(plan->tiles, tiles);
    plan->block_tiles = (int)rf_conv_ceil(plan->tiles, plan->blocks);
    plan->blocks = rf_conv_ceil(plan->tiles, plan->block_tiles);
    size_t ranges = rf_conv_least(panels, rf_conv_ceil(TASKS, plan->blocks));
    plan->columns = (int)(rf_conv_ceil(panels, ranges) * kernels->nr);
    plan->column_tasks = (int)rf_conv_ceil(n, plan->columns);
}

static gemm_plan make_plan(const rf_conv_view *view, int n, const rf_conv_kernels *kernels) {
    gemm_plan plan = {.taps = view->th * view->tw, .k = view->k};
    plan.runs = rf_conv_has_runs(view);
    if (plan.runs) {
        plan.k *= view->tw;
        plan.taps = view->th;
    }
    plan.tap_block = (int)most(1, DEPTH / (size_t)plan.k);
    plan_blocks(&plan, view, n, kernels);
    size_t depth = (size_t)plan.taps * plan.k, rows = (size_t)plan.block_tiles * kernels->mr;
    plan.packed = rf_conv_round(depth * rf_conv_ceil(n, kernels->vl) * kernels->vl);
    plan.zeros = rf_conv_round(plan.k);
    plan.table_bytes = (rows * (plan.taps + 1) * sizeof(void *) + 63) / 64 * 64;
    plan.thread_bytes = plan.table_bytes + (plan.runs ? rf_conv_round(rows * depth) * sizeof(rf_real) : 0);
    return plan;
}

static size_t plan_bytes(const gemm_plan *plan) {
    return (plan->packed + plan->zeros) * sizeof(rf_real) + plan->thread_bytes * rf_get_threads();
}

/* Packs panels of the weights: item = panel * taps + tap. */
static void pack(void *ctx, size_t begin, size_t end) {
    const gemm_job *job = ctx;
    int taps = job->view.th * job->view.tw, k = job->view.k, nr = job->kernels->nr, vl = job->kernels->vl;
    for (size_t item = begin; item < end; item++) {
        int column = (int)(item / taps) * nr, t = (int)(item % taps);
        int width = job->n - column < nr ? job->n - column : nr, pitch = (width + vl - 1) / vl * vl;
        int kh = job->kh0 + t / job->view.tw * job->kh_step, kw = job->kw0 + t % job->view.tw * job->kw_step;
        const rf_real *w = job->w + (size_t)(kh * job->kw + kw) * job->inner * job->oc;
        rf_real *out = job->packed + (size_t)taps * k * column + (size_t)t * k * pitch;
        if (!job->transposed) {
            for (int c = 0; c < k; c++, out += pitch) {
                memcpy(out, w + (size_t)c * job->oc + column, (size_t)width * sizeof *out);
                memset(out + width, 0, (size_t)(pitch - width) * sizeof *out);
            }
            continue;
        }
        for (int j = 0; j < pitch; j++) {
            const rf_real *from = w + (size_t)(column + j) * job->oc;
            for (int c = 0; c < k; c++) out[(size_t)c * pitch + j] = j < width ? from[c] : 0;
        }
    }
}

/* A run that crosses the border of the picture, with zeros outside. */
static void copy_run(const rf_conv_view *view, const rf_real *line, int x0, rf_real *out) {
    int left = x0 < 0 ? -x0 : 0, end = view->w - x0 < view->tw ? view->w - x0 : view->tw;
    if (left > view->tw) left = view->tw;
    if (end < left) end = left;
    size_t k = (size_t)view->k;
    memset(out, 0, left * k * sizeof *out);
    memcpy(out + left * k, line + (size_t)(x0 + left) * k, (end - left) * k * sizeof *out);
    memset(out + end * k, 0, (view->tw - end) * k * sizeof *out);
}

/* Pointers of one tap for `count` points of a grid line from point p of the block; their factors begin at column x of
 * `line` (NULL: above or below the picture). `border` takes the runs that need a copy, [points][taps][k]. */
static void tap_line(const gemm_job *job, const rf_real *line, int x, size_t p, int count, const rf_real **rows,
                     rf_real *border) {
    const rf_conv_view *view = &job->view;
    size_t mr = (size_t)job->kernels->mr, taps = (size_t)job->plan.taps, r = p % mr;
    int last = view->w - (job->plan.runs ? view->tw : 1);
    rows += p / mr * taps * mr + r;
    for (int i = 0; i < count; i++, x += view->step_w) {
        if (!line) {
            *rows = job->zeros;
        } else if (x >= 0 && x <= last) {
            *rows = line + (size_t)x * view->pixel;
        } else if (job->plan.runs) {
            rf_real *copy = border + (p + i) * taps * job->plan.k;
            copy_run(view, line, x, copy);
            *rows = copy;
        } else {
            *rows = job->zeros;
        }
        rows++;
        if (++r < mr) continue;
        r = 0;
        rows += (taps - 1) * mr;
    }
}

/* All taps for `count` points of grid line i of picture n, from column j of the grid and point p of the block. */
static void point_taps(const gemm_job *job, int n, int i, int j, size_t p, int count, const rf_real **rows,
                       rf_real *border) {
    const rf_conv_view *view = &job->view;
    int mr = job->kernels->mr, y = i * view->step_h + view->y0, columns = job->plan.runs ? 1 : view->tw;
    const rf_real *picture = view->x + (size_t)n * view->h * view->w * view->pixel;
    for (int ty = 0; ty < view->th; ty++, y += view->tap_h) {
        const rf_real *line = y >= 0 && y < view->h ? picture + (size_t)y * view->w * view->pixel : NULL;
        for (int tx = 0; tx < columns; tx++, rows += mr)
            tap_line(job, line, j * view->step_w + view->x0 + tx * view->tap_w, p, count, rows,
                     border + (size_t)ty * job->plan.k);
    }
}

/* A 1x1 kernel with stride 1 and no padding: the grid points lie one after the other in x and y. */
static bool is_matrix_product(const gemm_job *job) {
    const rf_conv_view *v = &job->view;
    return v->th * v->tw == 1 && v->step_h * v->step_w == 1 && v->y0 == 0 && v->x0 == 0 && v->mh == v->h &&
           v->mw == v->w && job->yh == v->h && job->yw == v->w;
}

/* Pointers of grid points p0.. of a block: result rows, and for each tap where its factors are. */
static void walk_lines(const gemm_job *job, size_t p0, size_t count, const rf_real **rows, rf_real **y,
                       rf_real *border) {
    const rf_conv_view *view = &job->view;
    size_t grid = (size_t)view->mh * view->mw, step = job->y_step_w * job->y_pixel;
    int n = (int)(p0 / grid), i = (int)(p0 % grid / view->mw), j = (int)(p0 % view->mw);
    for (size_t p = 0; p < count; j = 0) {
        int length = (int)rf_conv_least(count - p, (size_t)(view->mw - j));
        point_taps(job, n, i, j, p, length, rows, border);
        size_t line = (size_t)n * job->yh + (size_t)i * job->y_step_h + job->y_h0;
        rf_real *to = job->y + (line * job->yw + job->y_w0) * job->y_pixel + j * step;
        for (int q = 0; q < length; q++) y[p + q] = to + q * step;
        p += length;
        if (++i < view->mh) continue;
        i = 0;
        n++;
    }
}

static void fill_tables(const gemm_job *job, size_t p0, size_t count, const rf_real **rows, rf_real **y,
                        rf_real *border) {
    size_t mr = (size_t)job->kernels->mr, taps = (size_t)job->plan.taps;
    if (is_matrix_product(job)) {
        for (size_t p = 0; p < count; p++) rows[p] = job->view.x + (p0 + p) * job->view.pixel;
        for (size_t p = 0; p < count; p++) y[p] = job->y + (p0 + p) * job->y_pixel;
    } else {
        walk_lines(job, p0, count, rows, y, border);
    }
    for (size_t p = count; p % mr; p++)
        for (size_t t = 0; t < taps; t++) rows[(p / mr * taps + t) * mr + p % mr] = job->zeros;
}

/* item = block * column_tasks + range. */
static void run_blocks(void *ctx, size_t begin, size_t end) {
    const gemm_job *job = ctx;
    const gemm_plan *plan = &job->plan;
    size_t mr = (size_t)job->kernels->mr, size = plan->block_tiles * mr;
    char *scratch = job->scratch + plan->thread_bytes * rf_thread_index();
    rf_real *border = (rf_real *)(scratch + plan->table_bytes);
    rf_real **y = (rf_real **)scratch;
    const rf_real **rows = (const rf_real **)(y + size);
    for (size_t item = begin; item < end; item++) {
        size_t p0 = item / plan->column_tasks * size, count = rf_conv_least(size, plan->points - p0);
        fill_tables(job, p0, count, rows, y, border);
        int n0 = (int)(item % plan->column_tasks) * plan->columns;
        rf_conv_block block = {
            .rows = rows,
            .y = y,
            .tiles = (int)rf_conv_ceil(count, mr),
            .taps = plan->taps,
            .k = plan->k,
            .b = job->packed,
            .n0 = n0,
            .n1 = (int)rf_conv_least(job->n, (size_t)n0 + plan->columns),
            .n = job->n,
            .y_base = job->y,
            .add = job->add,
        };
        block.last_rows = (int)(count - (block.tiles - 1) * mr);
        do {
            block.tap1 = (int)rf_conv_least(plan->taps, (size_t)block.tap0 + plan->tap_block);
            if (block.tap1 == plan->taps) block.epilogue = job->epilogue;
            block.stream = job->stream && block.tap0 == 0 && block.tap1 == plan->taps;
            job->kernels->block(&block);
            block.add = true;
            block.tap0 = block.tap1;
        } while (block.tap0 < plan->taps);
    }
}

static void run(gemm_job *job, void *work) {
    job->plan = make_plan(&job->view, job->n, job->kernels);
    job->packed = work;
    job->zeros = job->packed + job->plan.packed;
    job->scratch = (char *)(job->zeros + job->plan.zeros);
    memset(job->zeros, 0, job->plan.zeros * sizeof *job->zeros);
    size_t taps = (size_t)job->view.th * job->view.tw, pixels = (size_t)job->view.n * job->yh * job->yw;
    job->stream =
        !job->add && (size_t)job->n == job->y_pixel && rf_conv_streams(job->y, pixels, job->y_pixel, job->kernels->vl);
    rf_parallel_for(rf_conv_ceil(job->n, job->kernels->nr) * taps, 1, pack, job);
    rf_parallel_for(job->plan.blocks * job->plan.column_tasks, 1, run_blocks, job);
}

rf_conv_view rf_conv_forward_view(const rf_conv_dims *d, const rf_real *x, int group) {
    return (rf_conv_view){
        .x = x ? x + (size_t)group * (d->c / d->groups) : NULL,
        .n = d->n,
        .h = d->h,
        .w = d->w,
        .pixel = (size_t)d->c,
        .k = d->c / d->groups,
        .mh = d->oh,
        .mw = d->ow,
        .step_h = d->stride_h,
        .step_w = d->stride_w,
        .th = d->kh,
        .tw = d->kw,
        .y0 = -d->pad_h,
        .x0 = -d->pad_w,
        .tap_h = 1,
        .tap_w = 1,
    };
}

void rf_conv_gemm_forward(const rf_conv_dims *d, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                          rf_real *y, void *work) {
    int outputs = d->oc / d->groups;
    for (int g = 0; g < d->groups; g++) {
        size_t first = (size_t)g * outputs;
        gemm_job job = {
            .kernels = rf_conv_kernels_for(outputs),
            .view = rf_conv_forward_view(d, x, g),
            .w = w + first,
            .kw = d->kw,
            .kh_step = 1,
            .kw_step = 1,
            .inner = d->c / d->groups,
            .oc = d->oc,
            .n = outputs,
            .y = y + first,
            .y_pixel = (size_t)d->oc,
            .yh = d->oh,
            .yw = d->ow,
            .y_step_h = 1,
            .y_step_w = 1,
        };
        if (epilogue) {
            job.epilogue = *epilogue;
            if (epilogue->bias) job.epilogue.bias += first;
            if (epilogue->residual) job.epilogue.residual += first;
        }
        run(&job, work);
    }
}

/* The part of one axis that belongs to phase p of a stride: points p, p+s, ... of dx, taps r, r+s, ... of the kernel.
 */
typedef struct phase {
    int points, taps, tap0, origin;
} phase;

static phase axis_phase(int p, int size, int kernel, int stride, int pad) {
    phase out = {.tap0 = (p + pad) % stride};
    out.points = size > p ? (size - p + stride - 1) / stride : 0;
    out.taps = kernel > out.tap0 ? (kernel - out.tap0 + stride - 1) / stride : 0;
    out.origin = (p + pad - out.tap0) / stride;
    return out;
}

static rf_conv_view phase_view(const rf_conv_dims *d, const rf_real *dy, int group, phase v, phase h) {
    int outputs = d->oc / d->groups;
    return (rf_conv_view){
        .x = dy ? dy + (size_t)group * outputs : NULL,
        .n = d->n,
        .h = d->oh,
        .w = d->ow,
        .pixel = (size_t)d->oc,
        .k = outputs,
        .mh = v.points,
        .mw = h.points,
        .step_h = 1,
        .step_w = 1,
        .th = v.taps,
        .tw = h.taps,
        .y0 = v.origin,
        .x0 = h.origin,
        .tap_h = -1,
        .tap_w = -1,
    };
}

void rf_conv_gemm_backward_data(const rf_conv_dims *d, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                                void *work) {
    int inputs = d->c / d->groups, outputs = d->oc / d->groups, phases = d->stride_h * d->stride_w;
    for (int i = 0; i < d->groups * phases; i++) {
        int g = i / phases, ph = i % phases / d->stride_w, pw = i % d->stride_w;
        phase v = axis_phase(ph, d->h, d->kh, d->stride_h, d->pad_h);
        phase h = axis_phase(pw, d->w, d->kw, d->stride_w, d->pad_w);
        bool empty = v.taps == 0 || h.taps == 0; /* no tap reaches these points: their gradient is zero */
        if (v.points == 0 || h.points == 0 || (empty && add)) continue;
        gemm_job job = {
            .kernels = rf_conv_kernels_for(inputs),
            .view = phase_view(d, dy, g, v, h),
            .w = w + (size_t)g * outputs,
            .transposed = true,
            .kw = d->kw,
            .kh0 = v.tap0,
            .kw0 = h.tap0,
            .kh_step = d->stride_h,
            .kw_step = d->stride_w,
            .inner = inputs,
            .oc = d->oc,
            .n = inputs,
            .y = dx + (size_t)g * inputs,
            .y_pixel = (size_t)d->c,
            .yh = d->h,
            .yw = d->w,
            .y_h0 = ph,
            .y_w0 = pw,
            .y_step_h = d->stride_h,
            .y_step_w = d->stride_w,
            .add = add,
        };
        run(&job, work);
    }
}

size_t rf_conv_gemm_workspace(const rf_conv_dims *d, const rf_conv_kernels *kernels, bool transposed) {
    if (!transposed) {
        rf_conv_view view = rf_conv_forward_view(d, NULL, 0);
        gemm_plan plan = make_plan(&view, d->oc / d->groups, kernels);
        return plan_bytes(&plan);
    }
    size_t bytes = 0;
    for (int i = 0; i < d->stride_h * d->stride_w; i++) {
        phase v = axis_phase(i / d->stride_w, d->h, d->kh, d->stride_h, d->pad_h);
        phase h = axis_phase(i % d->stride_w, d->w, d->kw, d->stride_w, d->pad_w);
        if (v.points == 0 || h.points == 0) continue;
        rf_conv_view view = phase_view(d, NULL, 0, v, h);
        gemm_plan plan = make_plan(&view, d->c / d->groups, kernels);
        bytes = most(bytes, plan_bytes(&plan));
    }
    return bytes;
}
