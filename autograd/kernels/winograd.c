/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/winograd_tiles.h"

#include "autograd/kernels/cpu.h"
#include "core/parallel.h"

enum {
    TILES_MIN = 96,    /* with fewer tiles the transformed weights cost more than they save */
    CHANNELS_MIN = 16, /* and with fewer channels the transformed pictures do */
    OUTPUTS_MIN = 16,
    BLOCK_BYTES = 1 << 19, /* of transformed tiles in a block of the product, where that is several rows of tiles */
    BLOCK_ROWS = 12,       /* tiles of a block at least: they share a panel of the weights */
    BLOCK_MOST = 96,
};

extern const rf_winograd_kernels rf_winograd_kernels_generic;
#if defined(__x86_64__) && !defined(RF_DOUBLE)
extern const rf_winograd_kernels rf_winograd_kernels_avx2, rf_winograd_kernels_avx512;
#endif

const rf_winograd_kernels *rf_winograd_kernels_current(void) {
#if defined(__x86_64__) && !defined(RF_DOUBLE)
    if (rf_isa_current() == RF_ISA_AVX512) return &rf_winograd_kernels_avx512;
    if (rf_isa_current() == RF_ISA_AVX2) return &rf_winograd_kernels_avx2;
#endif
    return &rf_winograd_kernels_generic;
}

bool rf_winograd_pays(const rf_conv_dims *d, rf_conv_pass pass) {
    bool fits = d->groups == 1 && d->kh == 3 && d->kw == 3 && d->stride_h == 1 && d->stride_w == 1 && d->pad_h <= 2 &&
                d->pad_w <= 2;
    if (!fits || d->c < CHANNELS_MIN || d->oc < OUTPUTS_MIN) return false;
    bool data = pass == RF_CONV_BACKWARD_DATA;
    return rf_winograd_tiles(d->n, data ? d->h : d->oh, data ? d->w : d->ow) >= TILES_MIN;
}

/* ---- forward and backward by data: picture x weights -> picture ---- */

typedef struct product {
    const rf_conv_kernels *kernels;
    const rf_winograd_kernels *transforms;
    const rf_real *x;
    int n, h, w, depth; /* of x: [n][h][w][depth] */
    int y0, x0;         /* where the patch of the first tile begins */
    rf_real *y;
    int oh, ow, columns; /* of y: [n][oh][ow][columns] */
    bool add, stream;
    rf_conv_epilogue epilogue;
    rf_fused_read read;
    rf_fused_write write; /* when `writes` */
    bool writes;
    double *parts;          /* [blocks] of rf_fused_part(columns) */
    const rf_real *weights; /* [9][c][oc] of the convolution */
    bool transposed;        /* depth is oc, taps in reverse */
    /* the cut */
    size_t tiles, block, blocks;
    size_t packed; /* elements of one transformed weight matrix */
    size_t v_row, v_product, m_row, m_product, thread_bytes;
    rf_real *u;
    char *scratch;
} product;

/* Of a thread: transformed tiles, their products, sums of the results. */
static size_t value_count(const product *p) {
    return rf_conv_round(RF_WINOGRAD_PRODUCTS * (p->v_product + p->m_product) + 3 * p->m_row);
}

static void plan_product(product *p) {
    size_t mr = (size_t)p->kernels->mr, vl = (size_t)p->kernels->vl;
    p->tiles = rf_winograd_tiles(p->n, p->oh, p->ow);
    p->v_row = rf_winograd_up(p->depth, vl);
    p->m_row = rf_winograd_up(p->columns, vl);
    size_t fit = BLOCK_BYTES / (RF_WINOGRAD_PRODUCTS * (p->v_row + p->m_row) * sizeof(rf_real));
    p->block = fit < BLOCK_ROWS ? rf_winograd_up(BLOCK_ROWS, mr) : rf_conv_least(fit, BLOCK_MOST) / mr * mr;
    p->block = rf_conv_least(p->block, rf_winograd_up(p->tiles, mr));
    p->blocks = rf_conv_ceil(p->tiles, p->block);
    p->packed = rf_conv_round(p->depth * p->m_row);
    p->v_product = p->block * p->v_row + RF_WINOGRAD_GAP;
    p->m_product = p->block * p->m_row + RF_WINOGRAD_GAP;
    p->thread_bytes = value_count(p) * sizeof(rf_real) + rf_winograd_up(p->block * sizeof(void *), 64);
}

static size_t part_bytes(const product *p) {
    return rf_winograd_up(p->blocks * rf_fused_part((size_t)p->columns) * sizeof(double), 64);
}

static size_t product_bytes(const product *p, bool fused) {
    return RF_WINOGRAD_PRODUCTS * p->packed * sizeof(rf_real) + (fused ? part_bytes(p) : 0) +
           p->thread_bytes * rf_get_threads();
}

enum { DEPTH_BLOCK = 16, COLUMNS_MOST = 64 };

/* Weights of depth k0.. and columns j0.. with the taps in reverse, as tap[9][DEPTH_BLOCK][COLUMNS_MOST]. */
static void turn_filters(const product *p, int k0, int depth, int j0, int width,
                         rf_real (*out)[DEPTH_BLOCK][COLUMNS_MOST]) {
    for (int t = 0; t < 9; t++)
        for (int j = 0; j < width; j++) {
            const rf_real *from = p->weights + ((size_t)(8 - t) * p->columns + j0 + j) * p->depth + k0;
            for (int k = 0; k < depth; k++) out[t][k][j] = from[k];
        }
}

/* Transforms the weights into panels, as rf_conv_block reads them: item = panel of columns x block of depth. */
static void pack(void *ctx, size_t begin, size_t end) {
    const product *p = ctx;
    int nr = p->kernels->nr, vl = p->kernels->vl;
    size_t depth_blocks = rf_conv_ceil(p->depth, DEPTH_BLOCK);
    rf_real turned[9][DEPTH_BLOCK][COLUMNS_MOST];
    for (size_t item = begin; item < end; item++) {
        int j0 = (int)(item / depth_blocks) * nr, k0 = (int)(item % depth_blocks) * DEPTH_BLOCK;
        int width = (int)rf_conv_least(nr, (size_t)(p->columns - j0)),
            depth = (int)rf_conv_least(DEPTH_BLOCK, (size_t)(p->depth - k0));
        size_t pitch = rf_winograd_up(width, vl);
        if (p->transposed) turn_filters(p, k0, depth, j0, width, turned);
        for (int k = 0; k < depth; k++) {
            const rf_real *taps[9];
            for (int t = 0; t < 9; t++)
                taps[t] = p->transposed ? turned[t][k] : p->weights + ((size_t)t * p->depth + k0 + k) * p->columns + j0;
            p->transforms->filter(taps, width, p->u + (size_t)p->depth * j0 + (k0 + k) * pitch, p->packed);
        }
    }
}

static void transform_block(const product *p, size_t first, size_t count, rf_real *v) {
    for (size_t t = 0; t < count; t++) {
        rf_winograd_tile at = rf_winograd_place_of(first + t, p->oh, p->ow);
        rf_winograd_patch patch = {
            .picture = p->x + (size_t)at.n * p->h * p->w * p->depth,
            .h = p->h,
            .w = p->w,
            .y = at.y + p->y0,
            .x = at.x + p->x0,
            .pixel = (size_t)p->depth,
            .channels = p->depth,
            .read = p->read,
        };
        if (patch.read.y) patch.read.y += patch.picture - p->x;
        rf_winograd_place place = {.v = v + t * p->v_row, .product = p->v_product, .width = (int)p->v_row};
        p->transforms->input(&patch, &place);
    }
}

static void multiply_block(const product *p, size_t count, const rf_real *v, rf_real *m, rf_real **y) {
    size_t mr = (size_t)p->kernels->mr, padded = rf_winograd_up(count, mr);
    rf_conv_block block = {
        .a_pitch = p->v_row,
        .y = y,
        .tiles = (int)(padded / mr),
        .last_rows = (int)(count - (padded - mr)),
        .taps = 1,
        .tap1 = 1,
        .k = p->depth,
        .n1 = p->columns,
        .n = p->columns,
    };
    for (int k = 0; k < RF_WINOGRAD_PRODUCTS; k++) {
        block.a = v + k * p->v_product;
        for (size_t t = 0; t < count; t++) y[t] = m + k * p->m_product + t * p->m_row;
        block.y_base = y[0];
        block.b = p->u + k * p->packed;
        p->kernels->block(&block);
    }
}

static void finish_block(const product *p, size_t first, size_t count, const rf_real *m, rf_real *sums) {
    size_t pixels = 0;
    for (size_t t = 0; t < count; t++) {
        rf_winograd_tile at = rf_winograd_place_of(first + t, p->oh, p->ow);
        rf_fused_write write = p->write;
        size_t picture = (size_t)at.n * p->oh * p->ow * p->columns;
        rf_winograd_result result = {
            .picture = p->y ? p->y + picture : NULL,
            .h = p->oh,
            .w = p->ow,
            .y = at.y,
            .x = at.x,
            .pixel = (size_t)p->columns,
            .channels = p->columns,
            .add = p->add,
            .stream = p->stream,
            .epilogue = p->epilogue,
            .write = p->writes ? &write : NULL,
            .sums = sums,
            .sums_row = p->m_row,
            .begins = t == 0,
        };
        if (write.x) write.x += picture;
        if (result.epilogue.residual) result.epilogue.residual += picture;
        p->transforms->output(m + t * p->m_row, p->m_product, &result);
        pixels += rf_conv_least(RF_WINOGRAD_TILE, (size_t)(p->oh - at.y)) *
                  rf_conv_least(RF_WINOGRAD_TILE, (size_t)(p->ow - at.x));
    }
    if (!p->writes) return;
    double *part = p->parts + first / p->block * rf_fused_part((size_t)p->columns);
    *part++ = (double)pixels;
    for (int k = 0; k < 3; k++)
        for (int c = 0; c < p->columns; c++) *part++ = (double)sums[k * p->m_row + c];
}

static void run_blocks(void *ctx, size_t begin, size_t end) {
    const product *p = ctx;
    char *scratch = p->scratch + p->thread_bytes * rf_thread_index();
    rf_real *v = (rf_real *)scratch, *m = v + RF_WINOGRAD_PRODUCTS * p->v_product;
    rf_real *sums = m + RF_WINOGRAD_PRODUCTS * p->m_product;
    rf_real **y = (rf_real **)(void *)(v + value_count(p));
    for (size_t b = begin; b < end; b++) {
        size_t first = b * p->block, count = rf_conv_least(p->block, p->tiles - first);
        transform_block(p, first, count, v);
        multiply_block(p, count, v, m, y);
        finish_block(p, first, count, m, sums);
    }
}

static product forward_product(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    product p = {.kernels = kernels, .n = d->n, .h = d->h, .w = d->w, .depth = d->c, .y0 = -d->pad_h, .x0 = -d->pad_w};
    p.oh = d->oh;
    p.ow = d->ow;
    p.columns = d->oc;
    plan_product(&p);
    return p;
}

/* The gradient of a convolution by its picture is one with the turned filter and the padding that is left of 2. */
static product backward_product(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    product p = {.kernels = kernels, .n = d->n, .h = d->oh, .w = d->ow, .depth = d->oc, .transposed = true};
    p.y0 = d->pad_h - 2;
    p.x0 = d->pad_w - 2;
    p.oh = d->h;
    p.ow = d->w;
    p.columns = d->c;
    plan_product(&p);
    return p;
}

static void run_product(product *p, void *work) {
    p->transforms = rf_winograd_kernels_current();
    p->stream = !p->add && rf_conv_streams(p->y, (size_t)p->n * p->oh * p->ow, (size_t)p->columns, p->kernels->vl);
    p->u = work;
    p->parts = (double *)(void *)(p->u + RF_WINOGRAD_PRODUCTS * p->packed);
    p->scratch = (char *)p->parts + (p->writes ? part_bytes(p) : 0);
    rf_parallel_for(rf_conv_ceil(p->columns, p->kernels->nr) * rf_conv_ceil(p->depth, DEPTH_BLOCK), 1, pack, p);
    rf_parallel_for(p->blocks, rf_run_grain(p->blocks), run_blocks, p);
}

void rf_winograd_forward(const rf_conv_dims *d, const rf_real *x, const rf_real *w, const rf_conv_epilogue *epilogue,
                         rf_real *y, const rf_fusion *fusion, void *work) {
    product p = forward_product(d, rf_conv_kernels_current());
    p.x = x;
    p.weights = w;
    p.y = y;
    if (epilogue) p.epilogue = *epilogue;
    if (fusion) p.read = fusion->x;
    p.writes = fusion && fusion->moments;
    run_product(&p, work);
    if (p.writes) rf_fused_merge_moments(p.parts, p.blocks, (size_t)p.columns, fusion->moments);
}

void rf_winograd_backward_data(const rf_conv_dims *d, const rf_real *dy, const rf_real *w, rf_real *dx, bool add,
                               const rf_fusion *fusion, void *work) {
    product p = backward_product(d, rf_conv_kernels_current());
    p.x = dy;
    p.weights = w;
    p.y = dx;
    p.add = add;
    if (fusion) p.read = fusion->dy;
    p.writes = fusion && fusion->x.scale;
    if (p.writes) p.write = (rf_fused_write){.x = fusion->map, .scale = fusion->x.scale, .slope = fusion->x.slope};
    run_product(&p, work);
    if (p.writes)
        rf_fused_merge_gradient(p.parts, p.blocks, (size_t)p.columns, fusion->x.scale, fusion->dscale,
                                fusion->dscale_add);
}

size_t rf_winograd_workspace(const rf_conv_dims *d, rf_conv_pass pass, const rf_conv_kernels *kernels, bool fused) {
    if (pass == RF_CONV_BACKWARD_WEIGHTS) return rf_winograd_weights_workspace(d, kernels);
    product p = pass == RF_CONV_FORWARD ? forward_product(d, kernels) : backward_product(d, kernels);
    return product_bytes(&p, fused);
}
