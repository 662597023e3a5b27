/* SPDX-License-Identifier: Apache-2.0 */
/* The weight gradient by Winograd's way: a sum over tiles for each of the 36 numbers. Where the sums are small, pieces
 * of the pictures have sums of their own, so that a thread reads nothing that another one has written. */
#include "autograd/kernels/winograd_tiles.h"

#include "core/parallel.h"

enum {
    CHUNK_BYTES = 4 << 20, /* of transformed tiles between two sums in the weight gradient */
    CHUNK_LEAST = 96,
    PARTS_MOST = 16,            /* pieces of the weight gradient that threads compute without each other, */
    PARTS_LEAST = 4,            /* fewer are not worth it */
    PARTS_BYTES = 8 << 20,      /* all their sums together */
    PART_TILES = 64,            /* tiles of a piece at least */
    PART_CHUNK_BYTES = 1 << 20, /* of transformed tiles between two sums: they stay in the second-level cache */
    INPUTS = 64,                /* channels of a task of the weight gradient */
};

typedef struct gradient {
    const rf_conv_kernels *kernels;
    const rf_winograd_kernels *transforms;
    const rf_conv_dims *dims;
    const rf_real *x, *dy;
    rf_real *dw;
    bool add;
    /* the cut */
    size_t tiles, chunk, parts; /* 1 part: all threads work on a chunk together */
    int a_width, b_width;       /* of the panels of x and dy */
    size_t a_panel, b_panel, a_product, b_product, u_product;
    rf_real *u;          /* [parts][36] sums */
    rf_real *values;     /* transformed tiles, with several parts of each thread */
    size_t first, count; /* the chunk in work, with one part */
    rf_fused_read x_read, dy_read;
} gradient;

/* Transformed tiles [first, first + count): those of x at a, of dy at b; their products are added to u, or set it. */
typedef struct chunk {
    size_t first, count;
    rf_real *a, *b, *u;
    bool add;
} chunk;

static size_t value_elements(const gradient *g) {
    return RF_WINOGRAD_PRODUCTS * (g->a_product + g->b_product);
}

static size_t part_elements(const gradient *g) {
    return RF_WINOGRAD_PRODUCTS * g->u_product;
}

/* A power of two, for threads to share evenly. It follows from the shape alone. */
static size_t parts_of(const gradient *g) {
    size_t most = rf_conv_least(PARTS_BYTES / (part_elements(g) * sizeof(rf_real)), g->tiles / PART_TILES), parts = 1;
    while (parts < PARTS_MOST && 2 * parts <= most) parts *= 2;
    return parts < PARTS_LEAST ? 1 : parts;
}

static gradient make_gradient(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    gradient g = {.kernels = kernels, .dims = d, .tiles = rf_winograd_tiles(d->n, d->oh, d->ow)};
    size_t vl = (size_t)kernels->vl, most = vl > (size_t)kernels->wr ? vl : (size_t)kernels->wr;
    g.a_width = kernels->wr;
    g.b_width = d->oc <= kernels->vl ? kernels->vl : kernels->nr;
    g.u_product = rf_conv_round((size_t)d->c * d->oc) + RF_WINOGRAD_GAP;
    g.parts = parts_of(&g);
    size_t a_values = rf_winograd_up(d->c, most), b_values = rf_winograd_up(d->oc, g.b_width),
           tiles = rf_conv_ceil(g.tiles, g.parts);
    size_t bytes = g.parts > 1 ? PART_CHUNK_BYTES : CHUNK_BYTES, least = g.parts > 1 ? 1 : CHUNK_LEAST;
    size_t fit = bytes / (RF_WINOGRAD_PRODUCTS * (a_values + b_values) * sizeof(rf_real));
    g.chunk = rf_conv_least(fit < least ? least : fit, tiles);
    g.chunk = rf_conv_ceil(tiles, rf_conv_ceil(tiles, g.chunk));
    g.a_panel = g.chunk * g.a_width;
    g.b_panel = g.chunk * g.b_width;
    g.a_product = a_values / g.a_width * g.a_panel + RF_WINOGRAD_GAP;
    g.b_product = b_values / g.b_width * g.b_panel + RF_WINOGRAD_GAP;
    return g;
}

static void transform_tiles(const gradient *g, const chunk *k, size_t begin, size_t end) {
    const rf_conv_dims *d = g->dims;
    for (size_t t = begin; t < end; t++) {
        rf_winograd_tile at = rf_winograd_place_of(k->first + t, d->oh, d->ow);
        rf_winograd_patch x = {
            .picture = g->x + (size_t)at.n * d->h * d->w * d->c,
            .h = d->h,
            .w = d->w,
            .y = at.y - d->pad_h,
            .x = at.x - d->pad_w,
            .pixel = (size_t)d->c,
            .channels = d->c,
            .read = g->x_read,
        };
        rf_winograd_patch dy = {
            .picture = g->dy + (size_t)at.n * d->oh * d->ow * d->oc,
            .h = d->oh,
            .w = d->ow,
            .y = at.y,
            .x = at.x,
            .pixel = (size_t)d->oc,
            .channels = d->oc,
            .read = g->dy_read,
        };
        if (dy.read.y) dy.read.y += dy.picture - g->dy;
        rf_winograd_place a = {k->a + t * g->a_width, g->a_product, g->a_panel, g->a_width};
        rf_winograd_place b = {k->b + t * g->b_width, g->b_product, g->b_panel, g->b_width};
        g->transforms->input(&x, &a);
        g->transforms->gradient(&dy, &b);
    }
}

/* Sums of number `number` for input channels [c0, c1). */
static void multiply_tiles(const gradient *g, const chunk *k, size_t number, int c0, int c1) {
    int oc = g->dims->oc, wr = g->kernels->wr;
    rf_conv_wtile tile = {
        .a_step = (size_t)g->a_width,
        .b_step = (size_t)g->b_width,
        .rows = 1,
        .cols = (int)k->count,
        .dw_row = (size_t)oc,
        .add = k->add,
    };
    for (int co = 0; co < oc; co += g->b_width) {
        tile.b = k->b + number * g->b_product + (size_t)(co / g->b_width) * g->b_panel;
        tile.n = (int)rf_conv_least(g->b_width, (size_t)(oc - co));
        for (int ci = c0; ci < c1; ci += wr) {
            tile.m = (int)rf_conv_least(wr, (size_t)(c1 - ci));
            tile.a = k->a + number * g->a_product + (size_t)(ci / wr) * g->a_panel;
            tile.dw = k->u + number * g->u_product + (size_t)ci * oc + co;
            g->kernels->wtile(&tile);
        }
    }
}

static chunk chunk_of(const gradient *g, rf_real *values) {
    return (chunk){.a = values, .b = values + RF_WINOGRAD_PRODUCTS * g->a_product, .u = g->u};
}

static chunk common_chunk(const gradient *g) {
    chunk k = chunk_of(g, g->values);
    k.first = g->first;
    k.count = g->count;
    k.add = g->first > 0;
    return k;
}

static void transform_range(void *ctx, size_t begin, size_t end) {
    const gradient *g = ctx;
    chunk k = common_chunk(g);
    transform_tiles(g, &k, begin, end);
}

/* item = number * ranges + range of input channels. */
static void multiply_range(void *ctx, size_t begin, size_t end) {
    const gradient *g = ctx;
    chunk k = common_chunk(g);
    int c = g->dims->c;
    size_t ranges = rf_conv_ceil(c, INPUTS);
    for (size_t item = begin; item < end; item++) {
        int c0 = (int)(item % ranges) * INPUTS;
        multiply_tiles(g, &k, item / ranges, c0, c0 + INPUTS < c ? c0 + INPUTS : c);
    }
}

static void part_range(void *ctx, size_t begin, size_t end) {
    const gradient *g = ctx;
    chunk k = chunk_of(g, g->values + value_elements(g) * (size_t)rf_thread_index());
    for (size_t part = begin; part < end; part++) {
        size_t first = g->tiles * part / g->parts, last = g->tiles * (part + 1) / g->parts;
        k.u = g->u + part * part_elements(g);
        for (k.first = first; k.first < last; k.first += k.count) {
            k.count = rf_conv_least(g->chunk, last - k.first);
            k.add = k.first > first;
            transform_tiles(g, &k, 0, k.count);
            for (size_t number = 0; number < RF_WINOGRAD_PRODUCTS; number++)
                multiply_tiles(g, &k, number, 0, g->dims->c);
        }
    }
}

static void finish_filters(void *ctx, size_t begin, size_t end) {
    const gradient *g = ctx;
    size_t oc = (size_t)g->dims->oc;
    for (size_t ci = begin; ci < end; ci++)
        for (size_t part = 0; part < g->parts; part++)
            g->transforms->filter_gradient(g->u + part * part_elements(g) + ci * oc, g->u_product, (int)oc,
                                           g->dw + ci * oc, g->dims->c * oc, g->add || part > 0);
}

void rf_winograd_backward_weights(const rf_conv_dims *d, const rf_real *x, const rf_real *dy, rf_real *dw, bool add,
                                  const rf_fusion *fusion, void *work) {
    gradient g = make_gradient(d, rf_conv_kernels_current());
    g.transforms = rf_winograd_kernels_current();
    g.x = x;
    g.dy = dy;
    g.dw = dw;
    g.add = add;
    if (fusion) g.x_read = fusion->x;
    if (fusion) g.dy_read = fusion->dy;
    g.u = work;
    g.values = g.u + g.parts * part_elements(&g);
    if (g.parts > 1) rf_parallel_for(g.parts, 1, part_range, &g);
    for (; g.parts == 1 && g.first < g.tiles; g.first += g.count) {
        g.count = rf_conv_least(g.chunk, g.tiles - g.first);
        rf_parallel_for(g.count, 4, transform_range, &g);
        rf_parallel_for(RF_WINOGRAD_PRODUCTS * rf_conv_ceil(d->c, INPUTS), 1, multiply_range, &g);
    }
    rf_parallel_for((size_t)d->c, 8, finish_filters, &g);
}

size_t rf_winograd_weights_workspace(const rf_conv_dims *d, const rf_conv_kernels *kernels) {
    gradient g = make_gradient(d, kernels);
    size_t threads = g.parts > 1 ? (size_t)rf_get_threads() : 1;
    return (g.parts * part_elements(&g) + threads * value_elements(&g)) * sizeof(rf_real);
}
