/* SPDX-License-Identifier: Apache-2.0 */
/* Light on a mesh (RetinaFace, arXiv 1905.00641v2, section 3.3): nine numbers a row, place of a point light, its
 * colour, the ambient colour. Lambert's law at the vertices; normals are those of the triangles around, weighted by
 * area. */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { LIGHTS = 9, IN_X = 0, IN_TRIANGLES, IN_LIGHTS };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[IN_X].shape, *t = &call->in[IN_TRIANGLES].shape;
    RF_TRY(rf_expect_dims("mesh_shade", "x", x, 3));
    RF_TRY(rf_expect_dims("mesh_shade", "triangles", t, 2));
    rf_shape corners = {2, {t->d[0], 3}}, lights = {2, {x->d[0], LIGHTS}};
    if (x->d[2] != 6) return rf_fail(RF_ERR_USER, "mesh_shade: x has %d columns, expected x y z r g b", x->d[2]);
    RF_TRY(rf_expect_shape("mesh_shade", "triangles", t, &corners));
    RF_TRY(rf_expect_shape("mesh_shade", "lights", &call->in[IN_LIGHTS].shape, &lights));
    call->out[0].shape = (rf_shape){3, {x->d[0], x->d[1], 3}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(IN_X) | RF_NEED_IN(IN_TRIANGLES) | RF_NEED_IN(IN_LIGHTS);
}

/* Normals, and in backward their gradients, of all rows. */
static size_t workspace(const rf_call *call, rf_pass pass) {
    size_t count = (size_t)call->in[IN_X].shape.d[0] * (size_t)call->in[IN_X].shape.d[1] * 3;
    return count * sizeof(double) * (pass == RF_PASS_BACKWARD ? 2 : 1);
}

static void cross(const double a[3], const double b[3], double out[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Corners of triangle t, or false, and its edges from the first corner. */
static bool triangle(const rf_call *call, const rf_real *x, size_t t, size_t corner[3], double e1[3], double e2[3]) {
    const rf_real *at = call->in[IN_TRIANGLES].data + 3 * t, n = (rf_real)call->in[IN_X].shape.d[1];
    for (int k = 0; k < 3; k++) {
        if (!(at[k] >= 0 && at[k] < n)) return false;
        corner[k] = (size_t)at[k];
    }
    for (int k = 0; k < 3; k++) {
        e1[k] = (double)x[6 * corner[1] + (size_t)k] - (double)x[6 * corner[0] + (size_t)k];
        e2[k] = (double)x[6 * corner[2] + (size_t)k] - (double)x[6 * corner[0] + (size_t)k];
    }
    return true;
}

static void add_normals(const rf_call *call, const rf_real *x, double *normals) {
    size_t n = (size_t)call->in[IN_X].shape.d[1], T = (size_t)call->in[IN_TRIANGLES].shape.d[0], corner[3];
    double e1[3], e2[3], normal[3];
    for (size_t i = 0; i < 3 * n; i++) normals[i] = 0;
    for (size_t t = 0; t < T; t++) {
        if (!triangle(call, x, t, corner, e1, e2)) continue;
        cross(e1, e2, normal);
        for (int c = 0; c < 3; c++)
            for (size_t k = 0; k < 3; k++) normals[3 * corner[c] + k] += normal[k];
    }
}

/* At one vertex: unit normal, unit direction to the light, their lengths before, and the cosine, at least 0. */
typedef struct lit {
    double n[3], l[3], n_length, l_length, cosine;
} lit;

static lit light_at(const rf_real *x, const double *normal, const rf_real *lights) {
    lit v;
    for (int k = 0; k < 3; k++) v.l[k] = (double)lights[k] - (double)x[k];
    v.l_length = fmax(sqrt(dot(v.l, v.l)), 1e-12);
    v.n_length = fmax(sqrt(dot(normal, normal)), 1e-12);
    for (int k = 0; k < 3; k++) {
        v.l[k] /= v.l_length;
        v.n[k] = normal[k] / v.n_length;
    }
    v.cosine = fmax(dot(v.n, v.l), 0);
    return v;
}

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n = (size_t)call->in[IN_X].shape.d[1];
    for (size_t m = begin; m < end; m++) {
        const rf_real *x = call->in[IN_X].data + m * n * 6, *lights = call->in[IN_LIGHTS].data + m * LIGHTS;
        double *normals = (double *)call->work + m * n * 3;
        add_normals(call, x, normals);
        for (size_t i = 0; i < n; i++) {
            lit v = light_at(x + 6 * i, normals + 3 * i, lights);
            for (int k = 0; k < 3; k++)
                call->out[0].data[(m * n + i) * 3 + (size_t)k] =
                    (rf_real)((double)x[6 * i + 3 + (size_t)k] *
                              ((double)lights[6 + k] + (double)lights[3 + k] * v.cosine));
        }
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[IN_X].shape.d[0], 1, forward_range, (void *)call);
    return RF_OK;
}

static void put3(rf_real *to, const double g[3]) {
    for (int k = 0; k < 3; k++) to[k] += (rf_real)g[k];
}

/* The gradient g of the normals' sums reaches the corners of their triangles. */
static void normals_backward(const rf_call *call, const rf_real *x, const double *dnormals, rf_real *dx) {
    size_t T = (size_t)call->in[IN_TRIANGLES].shape.d[0], corner[3];
    double e1[3], e2[3], g[3], d1[3], d2[3], d0[3];
    for (size_t t = 0; t < T; t++) {
        if (!triangle(call, x, t, corner, e1, e2)) continue;
        for (size_t k = 0; k < 3; k++)
            g[k] = dnormals[3 * corner[0] + k] + dnormals[3 * corner[1] + k] + dnormals[3 * corner[2] + k];
        cross(e2, g, d1);
        cross(g, e1, d2);
        for (int k = 0; k < 3; k++) d0[k] = -d1[k] - d2[k];
        put3(dx + 6 * corner[0], d0);
        put3(dx + 6 * corner[1], d1);
        put3(dx + 6 * corner[2], d2);
    }
}

/* One vertex: what reaches its colour and place, its normal's sum and the lights. */
static void vertex_backward(const lit *v, const rf_real *x, const rf_real *lights, const rf_real *dy, rf_real *dx,
                            double *dnormal, double *dlights) {
    double dcosine = 0, along_n = 0, along_l = 0;
    for (int k = 0; k < 3; k++) {
        double g = (double)dy[k], albedo = (double)x[3 + k];
        if (dx) dx[3 + k] += (rf_real)(g * ((double)lights[6 + k] + (double)lights[3 + k] * v->cosine));
        dlights[3 + k] += g * albedo * v->cosine;
        dlights[6 + k] += g * albedo;
        dcosine += g * albedo * (double)lights[3 + k];
    }
    if (v->cosine <= 0) dcosine = 0;
    for (int k = 0; k < 3; k++) {
        along_n += dcosine * v->l[k] * v->n[k];
        along_l += dcosine * v->n[k] * v->l[k];
    }
    for (int k = 0; k < 3; k++) {
        double d = (dcosine * v->n[k] - along_l * v->l[k]) / v->l_length;
        dnormal[k] = (dcosine * v->l[k] - along_n * v->n[k]) / v->n_length;
        dlights[k] += d;
        if (dx) dx[k] -= (rf_real)d;
    }
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n = (size_t)call->in[IN_X].shape.d[1], M = (size_t)call->in[IN_X].shape.d[0];
    for (size_t m = begin; m < end; m++) {
        const rf_real *x = call->in[IN_X].data + m * n * 6, *lights = call->in[IN_LIGHTS].data + m * LIGHTS;
        rf_real *dx = call->din[IN_X].data ? call->din[IN_X].data + m * n * 6 : NULL;
        double *normals = (double *)call->work + m * n * 3, *dnormals = normals + M * n * 3, dlights[LIGHTS] = {0};
        add_normals(call, x, normals);
        for (size_t i = 0; dx && !call->din_add[IN_X] && i < 6 * n; i++) dx[i] = 0;
        for (size_t i = 0; i < n; i++) {
            lit v = light_at(x + 6 * i, normals + 3 * i, lights);
            vertex_backward(&v, x + 6 * i, lights, call->dout[0].data + (m * n + i) * 3, dx ? dx + 6 * i : NULL,
                            dnormals + 3 * i, dlights);
        }
        if (dx) normals_backward(call, x, dnormals, dx);
        for (size_t k = 0; call->din[IN_LIGHTS].data && k < LIGHTS; k++)
            rf_put(call->din[IN_LIGHTS].data + m * LIGHTS + k, call->din_add[IN_LIGHTS], (rf_real)dlights[k]);
    }
}

static void backward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[IN_X].shape.d[0], 1, backward_range, (void *)call);
}

static double flops(const rf_call *call) {
    return call->in[IN_X].shape.d[0] * (40.0 * call->in[IN_X].shape.d[1] + 24.0 * call->in[IN_TRIANGLES].shape.d[0]);
}

/* Vertex by vertex, looking for its triangles. */
static void reference(const rf_call *call) {
    int M = call->in[0].shape.d[0], n = call->in[0].shape.d[1], T = call->in[1].shape.d[0];
    for (int m = 0; m < M; m++)
        for (int i = 0; i < n; i++) {
            const rf_real *all = call->in[0].data + m * n * 6, *x = all + 6 * i, *s = call->in[2].data + m * LIGHTS;
            double sum[3] = {0};
            for (int t = 0; t < T; t++) {
                const rf_real *at = call->in[1].data + 3 * t;
                if ((int)at[0] != i && (int)at[1] != i && (int)at[2] != i) continue;
                const rf_real *a = all + 6 * (int)at[0], *b = all + 6 * (int)at[1], *c = all + 6 * (int)at[2];
                for (int k = 0; k < 3; k++) {
                    int p = (k + 1) % 3, q = (k + 2) % 3;
                    sum[k] += (double)((b[p] - a[p]) * (c[q] - a[q]) - (b[q] - a[q]) * (c[p] - a[p]));
                }
            }
            double along = 0, far = 0;
            for (int k = 0; k < 3; k++) {
                along += sum[k] * (double)(s[k] - x[k]);
                far += (double)((s[k] - x[k]) * (s[k] - x[k]));
            }
            double size = sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
            double cosine = size > 0 ? along / size / sqrt(far) : 0;
            for (int k = 0; k < 3; k++)
                call->out[0].data[(m * n + i) * 3 + k] =
                    (rf_real)((double)x[3 + k] * ((double)s[6 + k] + (double)s[3 + k] * (cosine > 0 ? cosine : 0)));
        }
}

/* A fan of triangles, a light well above it. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    (void)seed;
    int n = call->in[IN_X].shape.d[1];
    for (int t = 0; input == IN_TRIANGLES && t < call->in[IN_TRIANGLES].shape.d[0]; t++) {
        data[3 * t] = 0;
        data[3 * t + 1] = (rf_real)(1 + t % (n - 1));
        data[3 * t + 2] = (rf_real)(1 + (t + 1) % (n - 1));
    }
    for (int m = 0; input == IN_LIGHTS && m < call->in[IN_X].shape.d[0]; m++) data[m * LIGHTS + 2] += 6;
}

static const rf_case cases[] = {{"2x5x6 4x3 2x9", ""}, {"1x4x6 3x3 1x9", ""}, {"3x7x6 5x3 3x9", ""}, {NULL, NULL}};

const rf_op rf_op_mesh_shade = {
    .name = "mesh_shade",
    .formula = "y = rgb * (ambient + light * max(0, n.l)), n the vertex normal, l towards the light",
    .in_names = {"x", "triangles", "lights"},
    .out_names = {"y"},
    .differentiable = 1 << IN_X | 1 << IN_LIGHTS,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
