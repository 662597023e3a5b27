/* SPDX-License-Identifier: Apache-2.0 */
/* RoIAlign (He et al. 2017, arXiv 1703.06870): a box of a map as a small map of fixed size, the mean of bilinear
 * samples in every cell; edges and rounding as in torchvision.ops.roi_align, with and without `aligned`. The maps are
 * levels of a pyramid, each half the scale of the one before. */
#include "autograd/ops/common.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"

enum { ROIS, FIRST_MAP };
enum { ATTR_SIZE, ATTR_SCALE, ATTR_SAMPLES, ATTR_ALIGNED };
enum { ROI_IMAGE, ROI_LEVEL, ROI_BOX, ROI_COLUMNS = 6 };
enum { CHANNELS = 32 }; /* that a chunk of the backward pass handles */

static rf_status infer(rf_call *call) {
    const rf_shape *rois = &call->in[ROIS].shape, *first = &call->in[FIRST_MAP].shape;
    int size = rf_attr_int(call, ATTR_SIZE);
    RF_TRY(rf_expect_dims("roi_align", "rois", rois, 2));
    if (rois->d[1] != ROI_COLUMNS)
        return rf_fail(RF_ERR_USER, "roi_align: rois have %d columns, expected image, level, x1, y1, x2, y2",
                       rois->d[1]);
    for (int i = FIRST_MAP; i < call->n_in; i++) {
        const rf_shape *map = &call->in[i].shape;
        RF_TRY(rf_expect_dims("roi_align", "x", map, 4));
        if (map->d[0] != first->d[0] || map->d[3] != first->d[3])
            return rf_fail(RF_ERR_USER, "roi_align: level %d has %d images of %d channels, the first %d of %d",
                           i - FIRST_MAP, map->d[0], map->d[3], first->d[0], first->d[3]);
    }
    call->out[0].shape = (rf_shape){4, {rois->d[0], size, size, first->d[3]}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(ROIS);
}

/* A box on its map: where cell (0,0) begins and how large cells are, in pixels of the map. */
typedef struct region {
    int map, image, samples_y, samples_x; /* map: index of the input */
    double y, x, cell_h, cell_w;
} region;

/* False for a row whose image or level is not there: its output is zero. */
static bool region_of(const rf_call *call, size_t row, region *r) {
    const rf_real *roi = call->in[ROIS].data + row * ROI_COLUMNS;
    int size = rf_attr_int(call, ATTR_SIZE), samples = rf_attr_int(call, ATTR_SAMPLES);
    bool aligned = rf_attr_int(call, ATTR_ALIGNED);
    if (!(roi[ROI_IMAGE] >= 0 && roi[ROI_IMAGE] < (rf_real)call->in[FIRST_MAP].shape.d[0])) return false;
    if (!(roi[ROI_LEVEL] >= 0 && roi[ROI_LEVEL] < (rf_real)(call->n_in - FIRST_MAP))) return false;
    double scale = call->attr[ATTR_SCALE] / (double)(1 << (int)roi[ROI_LEVEL]), shift = aligned ? 0.5 : 0;
    double x1 = (double)roi[ROI_BOX] * scale - shift, y1 = (double)roi[ROI_BOX + 1] * scale - shift;
    double w = (double)roi[ROI_BOX + 2] * scale - shift - x1, h = (double)roi[ROI_BOX + 3] * scale - shift - y1;
    if (!aligned) w = fmax(w, 1), h = fmax(h, 1);
    *r = (region){.map = FIRST_MAP + (int)roi[ROI_LEVEL],
                  .image = (int)roi[ROI_IMAGE],
                  .samples_y = samples > 0 ? samples : (int)ceil(h / size),
                  .samples_x = samples > 0 ? samples : (int)ceil(w / size),
                  .y = y1,
                  .x = x1,
                  .cell_h = h / size,
                  .cell_w = w / size};
    return true;
}

/* Where a coordinate reads on an axis of `length` pixels: low and high with 1 - part and part; false beyond the edge.
 */
static bool source_of(double at, int length, int *low, int *high, double *part) {
    if (!(at >= -1 && at <= length)) return false;
    at = fmax(at, 0);
    *low = (int)at;
    *high = *low + 1;
    if (*high >= length) {
        *low = *high = length - 1;
        at = *low;
    }
    *part = at - *low;
    return true;
}

/* The four pixels (offsets in the map) and factors of one sample; false when it lies outside. */
static bool sample(const rf_call *call, const region *r, int cell_y, int cell_x, int k, size_t at[4],
                   double factor[4]) {
    const int *d = call->in[r->map].shape.d;
    int y[2], x[2], sy = k / r->samples_x, sx = k % r->samples_x;
    double fy, fx;
    if (!source_of(r->y + (cell_y + (sy + 0.5) / r->samples_y) * r->cell_h, d[1], &y[0], &y[1], &fy)) return false;
    if (!source_of(r->x + (cell_x + (sx + 0.5) / r->samples_x) * r->cell_w, d[2], &x[0], &x[1], &fx)) return false;
    int count = r->samples_y * r->samples_x;
    for (int c = 0; c < 4; c++) {
        at[c] = (((size_t)r->image * (size_t)d[1] + (size_t)y[c / 2]) * (size_t)d[2] + (size_t)x[c % 2]) * (size_t)d[3];
        factor[c] = (c / 2 ? fy : 1 - fy) * (c % 2 ? fx : 1 - fx) / count;
    }
    return true;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    int size = rf_attr_int(call, ATTR_SIZE);
    size_t channels = (size_t)call->out[0].shape.d[3];
    for (size_t row = begin; row < end; row++) {
        region r;
        rf_real *y = call->out[0].data + row * (size_t)(size * size) * channels;
        memset(y, 0, (size_t)(size * size) * channels * sizeof *y);
        if (!region_of(call, row, &r)) continue;
        for (int cell = 0; cell < size * size; cell++, y += channels)
            for (int k = 0; k < r.samples_y * r.samples_x; k++) {
                size_t at[4];
                double factor[4];
                if (!sample(call, &r, cell / size, cell % size, k, at, factor)) continue;
                for (int i = 0; i < 4; i++) {
                    const rf_real *x = call->in[r.map].data + at[i];
                    rf_real f = (rf_real)factor[i];
#pragma omp simd
                    for (size_t c = 0; c < channels; c++) y[c] += f * x[c];
                }
            }
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[ROIS].shape.d[0], 1, forward_range, (void *)call);
    return RF_OK;
}

/* Boxes overlap: a chunk has a few channels of all of them and adds in their order. */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    int size = rf_attr_int(call, ATTR_SIZE);
    size_t channels = (size_t)call->out[0].shape.d[3], rows = (size_t)call->in[ROIS].shape.d[0];
    for (size_t row = 0; row < rows; row++) {
        region r;
        const rf_real *dy = call->dout[0].data + row * (size_t)(size * size) * channels;
        if (!region_of(call, row, &r) || !call->din[r.map].data) continue;
        for (int cell = 0; cell < size * size; cell++, dy += channels)
            for (int k = 0; k < r.samples_y * r.samples_x; k++) {
                size_t at[4];
                double factor[4];
                if (!sample(call, &r, cell / size, cell % size, k, at, factor)) continue;
                for (int i = 0; i < 4; i++) {
                    rf_real *dx = call->din[r.map].data + at[i], f = (rf_real)factor[i];
#pragma omp simd
                    for (size_t c = begin; c < end; c++) dx[c] += f * dy[c];
                }
            }
    }
}

static void backward(const rf_call *call) {
    for (int i = FIRST_MAP; i < call->n_in; i++)
        if (call->din[i].data && !call->din_add[i])
            memset(call->din[i].data, 0, rf_shape_count(&call->in[i].shape) * sizeof(rf_real));
    rf_parallel_for((size_t)call->out[0].shape.d[3], CHANNELS, backward_range, (void *)call);
}

/* Bilinear value at (y, x), the map continued for a pixel around. */
static double value_at(const rf_call *call, const region *r, double y, double x, int c) {
    const int *d = call->in[r->map].shape.d;
    if (y < -1 || y > d[1] || x < -1 || x > d[2]) return 0;
    y = fmin(fmax(y, 0), d[1] - 1);
    x = fmin(fmax(x, 0), d[2] - 1);
    double sum = 0;
    for (int i = 0; i < d[1]; i++)
        for (int j = 0; j < d[2]; j++) {
            double weight = fmax(0, 1 - fabs(y - i)) * fmax(0, 1 - fabs(x - j));
            sum += weight * (double)call->in[r->map].data[((r->image * d[1] + i) * d[2] + j) * d[3] + c];
        }
    return sum;
}

static void reference(const rf_call *call) {
    const int *out = call->out[0].shape.d;
    size_t count = rf_shape_count(&call->out[0].shape);
    for (size_t e = 0; e < count; e++) {
        int c = (int)(e % (size_t)out[3]), cell = (int)(e / (size_t)out[3]) % (out[1] * out[2]);
        region r;
        double sum = 0;
        bool there = region_of(call, e / (size_t)(out[1] * out[2] * out[3]), &r);
        for (int i = 0; there && i < r.samples_y; i++)
            for (int j = 0; j < r.samples_x; j++) {
                double y = r.y + r.cell_h * (cell / out[2] + (i + 0.5) / r.samples_y);
                double x = r.x + r.cell_w * (cell % out[2] + (j + 0.5) / r.samples_x);
                sum += value_at(call, &r, y, x, c);
            }
        call->out[0].data[e] = (rf_real)(there && sum != 0 ? sum / (r.samples_y * r.samples_x) : 0);
    }
}

/* Boxes over the maps and past their edges; the last row has no image. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    if (input != ROIS) return;
    int rows = call->in[ROIS].shape.d[0], images = call->in[FIRST_MAP].shape.d[0], levels = call->n_in - FIRST_MAP;
    for (int m = 0; m < rows; m++, data += ROI_COLUMNS) {
        double x = -3.3 + 2.7 * m, y = 5.1 - 1.9 * m + 0.1 * (double)(seed % 7), side = 4.3 + 3.1 * m;
        data[ROI_IMAGE] = (rf_real)(m + 1 == rows && rows > 1 ? -1 : m % images);
        data[ROI_LEVEL] = (rf_real)(m % levels);
        data[ROI_BOX] = (rf_real)x;
        data[ROI_BOX + 1] = (rf_real)y;
        data[ROI_BOX + 2] = (rf_real)(x + side);
        data[ROI_BOX + 3] = (rf_real)(y + 1.3 * side);
    }
}

static const rf_case cases[] = {{"5x6 2x7x9x3", "size=3 scale=0.5"},
                                {"6x6 1x8x6x2 1x4x3x2", "size=2 scale=0.5 samples=0"},
                                {"4x6 1x5x6x3 1x3x3x3 1x2x2x3", "size=3 scale=1 samples=0 aligned=0"},
                                {"2x6 1x4x4x40", "size=2 scale=0.25 aligned=0"},
                                {NULL, NULL}};

const rf_op rf_op_roi_align = {
    .name = "roi_align",
    .formula =
        "y[r,i,j] = mean of bilinear samples of x[level_r] in cell (i,j) of a size x size grid over box r; rois: "
        "image, level, x1, y1, x2, y2",
    .in_names = {"rois", "x"},
    .out_names = {"y"},
    .attrs = {{"size", RF_ATTR_INT, 7, 1, 64, "rows and columns of the result"},
              {"scale", RF_ATTR_FLOAT, 1, 1e-6, 1, "of box coordinates to the first map; each next map has half of it"},
              {"samples", RF_ATTR_INT, 2, 0, 16, "samples of a cell on each axis; 0: one a pixel of the map"},
              {"aligned", RF_ATTR_INT, 1, 0, 1, "pixel centres at i + 0.5"}},
    .differentiable = 0xfe,
    .variadic = 1,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
