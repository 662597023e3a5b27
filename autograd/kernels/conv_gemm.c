/* SPDX-License-Identifier: Apache-2.0 */
/* Plans the cut in blocks, packs the weights, and hands blocks to the kernels. */
#include "autograd/kernels/conv_gemm.h"

#include "autograd/kernels/bf16.h"
#include "core/parallel.h"

#include <string.h>

enum {
    TASKS = 32, /* blocks wanted at least, so that many threads find work; a number of the shape, not of threads */
    TASK_FLOPS = 4 << 20,   /* below this a block is not worth its start */
    A_BYTES = 384 << 10,    /* pixels of a block and */
    TABLE_BYTES = 32 << 10, /* their pointers and */
    DEPTH = 4096,           /* the rows of a panel in use stay in the second-level cache together */
    TILES_MIN = 8,          /* tiles that share a panel while it is there */
    FUSED_COLUMNS = 256,    /* columns that count as results of a block beside its pixels */
};

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static void plan_blocks(rf_gemm_plan *plan, const rf_conv_view *view, int n, const rf_conv_kernels *kernels,
                        bool fused) {
    size_t depth = (size_t)plan->taps * plan->k, mr = (size_t)kernels->mr, panels = rf_conv_ceil(n, kernels->nr);
    size_t reach = plan->taps > 1 ? 3 : 1; /* lines of the picture that a line of the grid touches, about */
    size_t tiles = most(TILES_MIN, TASK_FLOPS / (2 * mr * depth * n + 1));
    size_t row = plan->k * reach + (fused ? rf_conv_least(n, FUSED_COLUMNS) : 0);
    tiles = rf_conv_least(tiles, A_BYTES / (mr * row * sizeof(rf_real) + 1));
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

size_t rf_gemm_packed(int taps, int k, int n, const rf_conv_kernels *kernels) {
    return rf_conv_round((size_t)taps * k * rf_conv_ceil(n, kernels->vl) * kernels->vl);
}

static rf_gemm_plan make_plan(const rf_conv_view *view, int n, const rf_conv_kernels *kernels, bool fused) {
    rf_gemm_plan plan = {.taps = view->th * view->tw, .k = view->k};
    plan.tap_block = (int)most(1, DEPTH / (size_t)plan.k);
    plan_blocks(&plan, view, n, kernels, fused);
    size_t rows = (size_t)plan.block_tiles * kernels->mr;
    plan.packed = rf_gemm_packed(plan.taps, plan.k, n, kernels);
    plan.zeros = rf_conv_round(plan.k);
    plan.table_bytes = (rows * (plan.taps + 1) * sizeof(void *) + 63) / 64 * 64;
    /* In single precision, and behind it as bf16. */
    size_t pixels = rf_conv_round(rows * rf_conv_pitch(plan.k)) + rf_conv_round(rows * rf_bf16_pitch(plan.k) / 2);
    plan.a_bytes = fused && plan.taps == 1 ? pixels * sizeof(rf_real) : 0;
    size_t results = fused ? rf_conv_round(rows * rf_conv_pitch(plan.columns)) * sizeof(rf_real) : 0;
    plan.thread_bytes = plan.table_bytes + plan.a_bytes + results;
    return plan;
}

static size_t part_bytes(const rf_gemm_plan *plan, int n) {
    return (plan->blocks * rf_fused_part((size_t)n) * sizeof(double) + 63) / 64 * 64;
}

size_t rf_gemm_bytes(const rf_conv_view *view, int n, const rf_conv_kernels *kernels, bool fused) {
    rf_gemm_plan plan = make_plan(view, n, kernels, fused);
    size_t bytes = (plan.packed + plan.zeros) * sizeof(rf_real) + plan.thread_bytes * rf_get_threads();
    if (fused && plan.taps == 1) bytes += rf_conv_round(rf_bf16_packed(plan.k, n)) * sizeof(uint16_t);
    return fused ? most(bytes + part_bytes(&plan, n), rf_gemm_bytes(view, n, kernels, false)) : bytes;
}

/* Packs panels of the weights: item = panel * taps + tap. */
static void pack(void *ctx, size_t begin, size_t end) {
    const rf_gemm_job *job = ctx;
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

void rf_gemm_pack(rf_gemm_job *job) {
    size_t taps = (size_t)job->view.th * job->view.tw;
    rf_parallel_for(rf_conv_ceil(job->n, job->kernels->nr) * taps, 1, pack, job);
}

/* Pointers of one tap for `count` points of a grid line from point p of the block; their factors begin at column x of
 * `line` (NULL: above or below the picture). */
static void tap_line(const rf_gemm_job *job, const rf_real *line, int x, size_t p, int count, const rf_real **rows) {
    const rf_conv_view *view = &job->view;
    size_t mr = (size_t)job->kernels->mr, taps = (size_t)job->plan.taps, r = p % mr;
    rows += p / mr * taps * mr + r;
    for (int i = 0; i < count; i++, x += view->step_w) {
        *rows++ = line && x >= 0 && x < view->w ? line + (size_t)x * view->pixel : job->zeros;
        if (++r < mr) continue;
        r = 0;
        rows += (taps - 1) * mr;
    }
}

/* All taps for `count` points of grid line i of picture n, from column j of the grid and point p of the block. */
static void point_taps(const rf_gemm_job *job, int n, int i, int j, size_t p, int count, const rf_real **rows) {
    const rf_conv_view *view = &job->view;
    int mr = job->kernels->mr, y = i * view->step_h + view->y0;
    const rf_real *picture = view->x + (size_t)n * view->h * view->w * view->pixel;
    for (int ty = 0; ty < view->th; ty++, y += view->tap_h) {
        const rf_real *line = y >= 0 && y < view->h ? picture + (size_t)y * view->w * view->pixel : NULL;
        for (int tx = 0; tx < view->tw; tx++, rows += mr)
            tap_line(job, line, j * view->step_w + view->x0 + tx * view->tap_w, p, count, rows);
    }
}

/* A 1x1 kernel with stride 1 and no padding: the grid points lie one after the other in x and y. */
static bool is_matrix_product(const rf_gemm_job *job) {
    const rf_conv_view *v = &job->view;
    return v->th * v->tw == 1 && v->step_h * v->step_w == 1 && v->y0 == 0 && v->x0 == 0 && v->mh == v->h &&
           v->mw == v->w && job->yh == v->h && job->yw == v->w;
}

/* Pointers of grid points p0.. of a block: result rows, and for each tap where its factors are. */
static void walk_lines(const rf_gemm_job *job, size_t p0, size_t count, const rf_real **rows, rf_real **y) {
    const rf_conv_view *view = &job->view;
    size_t grid = (size_t)view->mh * view->mw, step = job->y_step_w * job->y_pixel;
    int n = (int)(p0 / grid), i = (int)(p0 % grid / view->mw), j = (int)(p0 % view->mw);
    for (size_t p = 0; p < count; j = 0) {
        int length = (int)rf_conv_least(count - p, (size_t)(view->mw - j));
        point_taps(job, n, i, j, p, length, rows);
        size_t line = (size_t)n * job->yh + (size_t)i * job->y_step_h + job->y_h0;
        rf_real *to = job->y + (line * job->yw + job->y_w0) * job->y_pixel + j * step;
        for (int q = 0; q < length; q++) y[p + q] = to + q * step;
        p += length;
        if (++i < view->mh) continue;
        i = 0;
        n++;
    }
}

static void fill_tables(const rf_gemm_job *job, size_t p0, size_t count, const rf_real **rows, rf_real **y) {
    size_t mr = (size_t)job->kernels->mr, taps = (size_t)job->plan.taps;
    if (is_matrix_product(job)) {
        for (size_t p = 0; p < count; p++) rows[p] = job->view.x + (p0 + p) * job->view.pixel;
        for (size_t p = 0; p < count && !job->writes; p++) y[p] = job->y + (p0 + p) * job->y_pixel;
    } else {
        walk_lines(job, p0, count, rows, y);
    }
    for (size_t p = count; p % mr; p++)
        for (size_t t = 0; t < taps; t++) rows[(p / mr * taps + t) * mr + p % mr] = job->zeros;
}

/* The pixels of a block, read as they are wanted. */
static void read_block(const rf_gemm_job *job, size_t p0, size_t count, rf_real *a) {
    size_t k = (size_t)job->view.k, pitch = rf_conv_pitch(k);
    RF_ISA_PICK(rf_fused_read_rows)(job->read, job->view.x, job->view.pixel, p0, count, 0, k, a, pitch);
}

/* The memory that block `number` reads, for the one before to fetch. */
static void look_ahead(const rf_gemm_job *job, size_t number, rf_conv_block *block) {
    size_t mr = (size_t)job->kernels->mr, p0 = number * job->plan.block_tiles * mr;
    const rf_real *const maps[RF_CONV_AHEAD] = {job->view.x, job->read ? job->read->y : NULL,
                                                job->writes ? job->write.x : NULL};
    for (int i = 0; i < RF_CONV_AHEAD; i++) {
        size_t row = i < 2 ? job->view.pixel : job->y_pixel;
        if (!maps[i]) continue;
        block->ahead[i] = (const char *)(maps[i] + p0 * row);
        block->ahead_bytes[i] = mr * row * sizeof(rf_real);
    }
}

/* The pixels of a block are in `pixels`, in single precision, and with room for their bf16 form behind them. */
static void multiply_bf16(const rf_gemm_job *job, size_t p0, size_t count, int n0, int n1, rf_real *pixels,
                          rf_real *results) {
    const rf_gemm_plan *plan = &job->plan;
    size_t rows = (size_t)plan->block_tiles * job->kernels->mr, pitch = rf_bf16_pitch(plan->k), k = (size_t)plan->k;
    uint16_t *a = (uint16_t *)(void *)(pixels + rf_conv_round(rows * rf_conv_pitch(k)));
    rf_bf16_rows(pixels, rf_conv_pitch(k), count, k, a, pitch);
    rf_bf16_product product = {
        .a = a,
        .a_pitch = pitch,
        .rows = (int)count,
        .k = plan->k,
        .n = n1 - n0,
        .b = job->packed16 + (k + 1) / 2 * 2 * (size_t)n0,
        .y = job->writes ? results : job->y + p0 * job->y_pixel + n0,
        .y_pitch = job->writes ? rf_conv_pitch(plan->columns) : job->y_pixel,
        .add = job->add && !job->writes,
    };
    rf_bf16_block(&product);
}

static void multiply_block(const rf_gemm_job *job, rf_conv_block *block) {
    const rf_gemm_plan *plan = &job->plan;
    do {
        block->tap1 = (int)rf_conv_least(plan->taps, (size_t)block->tap0 + plan->tap_block);
        if (block->tap1 == plan->taps) block->epilogue = job->epilogue;
        block->stream = job->stream && block->tap0 == 0 && block->tap1 == plan->taps;
        job->kernels->block(block);
        block->add = true;
        block->tap0 = block->tap1;
    } while (block->tap0 < plan->taps);
}

/* item = block * column_tasks + range. */
static void run_blocks(void *ctx, size_t begin, size_t end) {
    const rf_gemm_job *job = ctx;
    const rf_gemm_plan *plan = &job->plan;
    size_t mr = (size_t)job->kernels->mr, size = plan->block_tiles * mr, pitch = rf_conv_pitch(plan->columns);
    char *scratch = job->scratch + plan->thread_bytes * rf_thread_index();
    rf_real *pixels = (rf_real *)(scratch + plan->table_bytes);
    rf_real *results = (rf_real *)((char *)pixels + plan->a_bytes);
    rf_real **y = (rf_real **)scratch;
    const rf_real **rows = (const rf_real **)(y + size);
    bool matrix = is_matrix_product(job);
    for (size_t item = begin; item < end; item++) {
        size_t number = item / plan->column_tasks, p0 = number * size, count = rf_conv_least(size, plan->points - p0);
        int n0 = (int)(item % plan->column_tasks) * plan->columns;
        int n1 = (int)rf_conv_least(job->n, (size_t)n0 + plan->columns);
        if (!job->read || !job->writes) fill_tables(job, p0, count, rows, y);
        if (job->read) read_block(job, p0, count, pixels);
        for (size_t p = 0; job->writes && p < count; p++) y[p] = results + p * pitch - n0;
        rf_conv_block block = {
            .rows = job->read ? NULL : rows,
            .a = job->read ? pixels
                 : matrix  ? job->view.x + p0 * job->view.pixel
                           : NULL,
            .a_pitch = job->read ? rf_conv_pitch(plan->k) : job->view.pixel,
            .y = y,
            .tiles = (int)rf_conv_ceil(count, mr),
            .taps = plan->taps,
            .k = plan->k,
            .b = job->packed,
            .n0 = n0,
            .n1 = n1,
            .n = job->n,
            .y_base = job->y,
            .add = job->add && !job->writes,
        };
        block.last_rows = (int)(count - (block.tiles - 1) * mr);
        if (matrix && item + 1 < end && (item + 1) / plan->column_tasks != number) look_ahead(job, number + 1, &block);
        if (job->bf16)
            multiply_bf16(job, p0, count, n0, n1, pixels, results);
        else
            multiply_block(job, &block);
        if (!job->writes) continue;
        double *part = job->parts + number * rf_fused_part((size_t)job->n);
        RF_ISA_PICK(rf_fused_write_rows)
        (&job->write, results, pitch, p0, count, (size_t)n0, (size_t)(n1 - n0), part, true);
    }
    if (job->writes) RF_ISA_PICK(rf_fused_write_end)(&job->write);
}

void rf_gemm_run(rf_gemm_job *job, void *work) {
    static const rf_fused_read as_it_is = {.slope = 1};
    if (job->bf16 && !job->read) job->read = &as_it_is; /* it is copied to be rounded */
    bool fused = job->read || job->writes;
    job->plan = make_plan(&job->view, job->n, job->kernels, fused);
    job->packed = work;
    job->zeros = job->packed + job->plan.packed;
    job->parts = (double *)(void *)(job->zeros + job->plan.zeros);
    job->scratch = (char *)job->parts + (fused ? part_bytes(&job->plan, job->n) : 0);
    if (job->bf16) {
        job->packed16 = (uint16_t *)(void *)job->scratch;
        job->scratch += rf_conv_round(rf_bf16_packed(job->plan.k, job->n)) * sizeof(uint16_t);
    }
    memset(job->zeros, 0, job->plan.zeros * sizeof *job->zeros);
    size_t pixels = (size_t)job->view.n * job->yh * job->yw;
    job->stream =
        !job->add && (size_t)job->n == job->y_pixel && rf_conv_streams(job->y, pixels, job->y_pixel, job->kernels->vl);
    job->write.stream = job->stream;
    if (job->writes) job->stream = false;
    rf_gemm_pack(job);
    if (job->bf16) rf_bf16_pack(job->packed, job->plan.k, job->n, job->packed16);
    size_t items = job->plan.blocks * job->plan.column_tasks;
    rf_parallel_for(items, rf_run_grain(items), run_blocks, job);
}
