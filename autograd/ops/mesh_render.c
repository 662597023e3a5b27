/* SPDX-License-Identifier: Apache-2.0 */
/* A mesh drawn with a depth buffer, after Genova et al. (google/tf_mesh_renderer): each pixel shows the nearest
 * triangle and blends the colours of its corners by its barycentric coordinates. Gradients reach colours and, through
 * the coordinates, places in the picture; which triangle a pixel shows is a constant, so that nothing flows across the
 * edges of what is hidden. Coordinates are affine in the picture: perspective within a triangle is left out. */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { IN_POINTS, IN_COLOURS, IN_TRIANGLES, OUT_IMAGE = 0, OUT_MASK, OUT_INDEX, ATTR_SIDE = 0 };

static rf_status infer(rf_call *call) {
    const rf_shape *p = &call->in[IN_POINTS].shape, *t = &call->in[IN_TRIANGLES].shape;
    RF_TRY(rf_expect_dims("mesh_render", "points", p, 3));
    RF_TRY(rf_expect_dims("mesh_render", "triangles", t, 2));
    rf_shape three = {3, {p->d[0], p->d[1], 3}}, corners = {2, {t->d[0], 3}};
    RF_TRY(rf_expect_shape("mesh_render", "points", p, &three));
    RF_TRY(rf_expect_shape("mesh_render", "colours", &call->in[IN_COLOURS].shape, &three));
    RF_TRY(rf_expect_shape("mesh_render", "triangles", t, &corners));
    int side = rf_attr_int(call, ATTR_SIDE);
    call->out[OUT_IMAGE].shape = (rf_shape){4, {p->d[0], side, side, 3}};
    call->out[OUT_MASK].shape = call->out[OUT_INDEX].shape = (rf_shape){3, {p->d[0], side, side}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(IN_POINTS) | RF_NEED_IN(IN_COLOURS) | RF_NEED_IN(IN_TRIANGLES) | RF_NEED_OUT(OUT_INDEX);
}

/* Depths. */
static size_t workspace(const rf_call *call, rf_pass pass) {
    return pass == RF_PASS_FORWARD ? rf_shape_count(&call->out[OUT_MASK].shape) * sizeof(double) : 0;
}

typedef struct projected {
    size_t corner[3];
    double x[3], y[3], z[3], area;
} projected;

static bool triangle(const rf_call *call, const rf_real *points, size_t t, projected *out) {
    const rf_real *at = call->in[IN_TRIANGLES].data + 3 * t, n = (rf_real)call->in[IN_POINTS].shape.d[1];
    for (int k = 0; k < 3; k++) {
        if (!(at[k] >= 0 && at[k] < n)) return false;
        out->corner[k] = (size_t)at[k];
        out->x[k] = (double)points[3 * out->corner[k]];
        out->y[k] = (double)points[3 * out->corner[k] + 1];
        out->z[k] = (double)points[3 * out->corner[k] + 2];
    }
    out->area = (out->x[1] - out->x[0]) * (out->y[2] - out->y[0]) - (out->y[1] - out->y[0]) * (out->x[2] - out->x[0]);
    return fabs(out->area) > 1e-12;
}

static double centre(size_t pixel, size_t side) {
    return (2 * (double)pixel + 1) / (double)side - 1;
}

/* Barycentric coordinates of a place; whether it is inside. */
static bool weights_at(const projected *t, double x, double y, double w[3]) {
    for (int k = 0; k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        w[k] = ((t->x[a] - x) * (t->y[b] - y) - (t->y[a] - y) * (t->x[b] - x)) / t->area;
    }
    return w[0] >= 0 && w[1] >= 0 && w[2] >= 0;
}

/* The first and last pixel whose centre lies between the smallest and largest of three coordinates. */
static void span(const double v[3], size_t side, size_t *first, size_t *end) {
    double lo = fmin(fmin(v[0], v[1]), v[2]), hi = fmax(fmax(v[0], v[1]), v[2]), s = 0.5 * (double)side;
    double a = ceil((lo + 1) * s - 0.5), b = floor((hi + 1) * s - 0.5) + 1;
    *first = a > 0 ? (a < (double)side ? (size_t)a : side) : 0;
    *end = b > 0 ? (b < (double)side ? (size_t)b : side) : 0;
}

static void draw(const rf_call *call, size_t m, const projected *t, size_t index, double *depth) {
    size_t side = (size_t)rf_attr_int(call, ATTR_SIDE), x0, x1, y0, y1;
    const rf_real *colours = call->in[IN_COLOURS].data + m * (size_t)call->in[IN_COLOURS].shape.d[1] * 3;
    span(t->x, side, &x0, &x1);
    span(t->y, side, &y0, &y1);
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++) {
            double w[3];
            if (!weights_at(t, centre(x, side), centre(y, side), w)) continue;
            double z = w[0] * t->z[0] + w[1] * t->z[1] + w[2] * t->z[2];
            size_t at = y * side + x, pixel = m * side * side + at;
            if (z >= depth[at]) continue;
            depth[at] = z;
            call->out[OUT_MASK].data[pixel] = 1;
            call->out[OUT_INDEX].data[pixel] = (rf_real)index;
            for (size_t k = 0; k < 3; k++) {
                double sum = 0;
                for (int c = 0; c < 3; c++) sum += w[c] * (double)colours[3 * t->corner[c] + k];
                call->out[OUT_IMAGE].data[3 * pixel + k] = (rf_real)sum;
            }
        }
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t side = (size_t)rf_attr_int(call, ATTR_SIDE), pixels = side * side;
    size_t n = (size_t)call->in[IN_POINTS].shape.d[1], T = (size_t)call->in[IN_TRIANGLES].shape.d[0];
    for (size_t m = begin; m < end; m++) {
        double *depth = (double *)call->work + m * pixels;
        for (size_t i = 0; i < pixels; i++) {
            depth[i] = INFINITY;
            call->out[OUT_MASK].data[m * pixels + i] = 0;
            call->out[OUT_INDEX].data[m * pixels + i] = -1;
            for (size_t k = 0; k < 3; k++) call->out[OUT_IMAGE].data[3 * (m * pixels + i) + k] = 0;
        }
        projected t;
        for (size_t i = 0; i < T; i++)
            if (triangle(call, call->in[IN_POINTS].data + m * n * 3, i, &t)) draw(call, m, &t, i, depth);
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[IN_POINTS].shape.d[0], 1, forward_range, (void *)call);
    return RF_OK;
}

/* One pixel with gradient g. A coordinate is w_k = A_k / (A_0 + A_1 + A_2), A_k the double area opposite to corner k.
 */
static void pixel_backward(const rf_call *call, size_t m, const projected *t, double x, double y, const rf_real *g) {
    size_t n = (size_t)call->in[IN_POINTS].shape.d[1];
    const rf_real *colours = call->in[IN_COLOURS].data + m * n * 3;
    rf_real *dcolours = call->din[IN_COLOURS].data, *dpoints = call->din[IN_POINTS].data;
    double w[3], dw[3] = {0}, mean = 0;
    weights_at(t, x, y, w);
    for (int c = 0; c < 3; c++) {
        for (size_t k = 0; k < 3; k++) {
            dw[c] += (double)g[k] * (double)colours[3 * t->corner[c] + k];
            if (dcolours) dcolours[(m * n + t->corner[c]) * 3 + k] += (rf_real)(w[c] * (double)g[k]);
        }
        mean += dw[c] * w[c];
    }
    for (int k = 0; dpoints && k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        double d = (dw[k] - mean) / t->area;
        rf_real *da = dpoints + (m * n + t->corner[a]) * 3, *db = dpoints + (m * n + t->corner[b]) * 3;
        da[0] += (rf_real)(d * (t->y[b] - y));
        da[1] -= (rf_real)(d * (t->x[b] - x));
        db[0] -= (rf_real)(d * (t->y[a] - y));
        db[1] += (rf_real)(d * (t->x[a] - x));
    }
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t side = (size_t)rf_attr_int(call, ATTR_SIDE), pixels = side * side;
    size_t n = (size_t)call->in[IN_POINTS].shape.d[1];
    for (size_t m = begin; m < end; m++) {
        for (int i = IN_POINTS; i <= IN_COLOURS; i++)
            for (size_t k = 0; call->din[i].data && !call->din_add[i] && k < 3 * n; k++)
                call->din[i].data[3 * m * n + k] = 0;
        for (size_t i = 0; i < pixels; i++) {
            rf_real index = call->out[OUT_INDEX].data[m * pixels + i];
            projected t;
            if (index < 0 || !triangle(call, call->in[IN_POINTS].data + m * n * 3, (size_t)index, &t)) continue;
            pixel_backward(call, m, &t, centre(i % side, side), centre(i / side, side),
                           call->dout[OUT_IMAGE].data + 3 * (m * pixels + i));
        }
    }
}

static void backward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[IN_POINTS].shape.d[0], 1, backward_range, (void *)call);
}

/* Pixel by pixel over all triangles. */
static void reference(const rf_call *call) {
    int M = call->in[0].shape.d[0], n = call->in[0].shape.d[1], T = call->in[2].shape.d[0];
    int side = rf_attr_int(call, ATTR_SIDE);
    for (int i = 0; i < M * side * side; i++) {
        int m = i / (side * side), best = -1;
        double x = (2.0 * (i % side) + 1) / side - 1, y = (2.0 * (i / side % side) + 1) / side - 1, near = 1e300;
        double rgb[3] = {0};
        for (int t = 0; t < T; t++) {
            const rf_real *at = call->in[2].data + 3 * t, *c[3], *p[3];
            for (int k = 0; k < 3; k++) {
                p[k] = call->in[0].data + (m * n + (int)at[k]) * 3;
                c[k] = call->in[1].data + (m * n + (int)at[k]) * 3;
            }
            /* p0 + u (p1 - p0) + v (p2 - p0) = (x, y) */
            double ax = (double)(p[1][0] - p[0][0]), ay = (double)(p[1][1] - p[0][1]);
            double bx = (double)(p[2][0] - p[0][0]), by = (double)(p[2][1] - p[0][1]), det = ax * by - ay * bx;
            double qx = x - (double)p[0][0], qy = y - (double)p[0][1];
            double u = (qx * by - qy * bx) / det, v = (ax * qy - ay * qx) / det;
            if (!(u >= 0 && v >= 0 && u + v <= 1)) continue;
            double z = (1 - u - v) * (double)p[0][2] + u * (double)p[1][2] + v * (double)p[2][2];
            if (z >= near) continue;
            near = z;
            best = t;
            for (int k = 0; k < 3; k++)
                rgb[k] = (1 - u - v) * (double)c[0][k] + u * (double)c[1][k] + v * (double)c[2][k];
        }
        for (int k = 0; k < 3; k++) call->out[OUT_IMAGE].data[3 * i + k] = (rf_real)rgb[k];
        call->out[OUT_MASK].data[i] = best >= 0;
        call->out[OUT_INDEX].data[i] = (rf_real)best;
    }
}

/* Triangles of any three neighbouring corners; depths far enough apart. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    int n = call->in[IN_POINTS].shape.d[1];
    for (int t = 0; input == IN_TRIANGLES && t < call->in[IN_TRIANGLES].shape.d[0]; t++)
        for (int k = 0; k < 3; k++) data[3 * t + k] = (rf_real)((t + k) % n);
    for (int i = 0; input == IN_POINTS && i < call->in[IN_POINTS].shape.d[0] * n; i++)
        data[3 * i + 2] += (rf_real)(5 * (i % n));
}

static const rf_case cases[] = {
    {"2x5x3 2x5x3 4x3", "side=9"}, {"1x3x3 1x3x3 1x3", "side=6"}, {"1x7x3 1x7x3 6x3", "side=12"}, {NULL, NULL}};

const rf_op rf_op_mesh_render = {
    .name = "mesh_render",
    .formula = "image = barycentric blend of the nearest triangle's colours; mask 1 where there is one; its index, -1",
    .in_names = {"points", "colours", "triangles"},
    .out_names = {"image", "mask", "index"},
    .attrs = {{"side", RF_ATTR_INT, 32, 1, 1024, "pixels of the square picture, which shows -1..1 in x and y"}},
    .differentiable = 1 << IN_POINTS | 1 << IN_COLOURS,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
