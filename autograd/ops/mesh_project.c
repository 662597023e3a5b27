/* SPDX-License-Identifier: Apache-2.0 */
/* The camera of Genova et al.'s renderer (RetinaFace, arXiv 1905.00641v2, section 3.3): seven numbers a row, position,
 * point looked at, focal length. The image is in units of half its side, x to the right, y down; the third output is
 * the distance along the line of sight. A mesh has y up. With turn=1 the middle three numbers are the pose of the mesh
 * instead, angles about x, y and z, and the camera looks along -z: the look-at form knows no roll. */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { CAMERA = 7, ATTR_TURN = 0 };

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    RF_TRY(rf_expect_dims("mesh_project", "x", x, 3));
    if (x->d[2] < 3) return rf_fail(RF_ERR_USER, "mesh_project: x has %d columns, expected x y z first", x->d[2]);
    rf_shape camera = {2, {x->d[0], CAMERA}};
    RF_TRY(rf_expect_shape("mesh_project", "camera", &call->in[1].shape, &camera));
    call->out[0].shape = (rf_shape){3, {x->d[0], x->d[1], 3}};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0) | RF_NEED_IN(1);
}

static void cross(const double a[3], const double b[3], double out[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* The camera's axes: right, down and forward, unit vectors, and the lengths that they were divided by. */
typedef struct view {
    double at[3], axis[3][3], along, across, focal;
} view;

static const double up[3] = {0, 1, 0};

static void look(const rf_real *camera, view *v) {
    double along[3], right[3];
    for (int k = 0; k < 3; k++) {
        v->at[k] = (double)camera[k];
        along[k] = (double)camera[3 + k] - v->at[k];
    }
    v->focal = (double)camera[6];
    v->along = fmax(sqrt(dot(along, along)), 1e-12);
    for (int k = 0; k < 3; k++) v->axis[2][k] = along[k] / v->along;
    cross(v->axis[2], up, right);
    v->across = fmax(sqrt(dot(right, right)), 1e-12);
    for (int k = 0; k < 3; k++) v->axis[0][k] = right[k] / v->across;
    cross(v->axis[2], v->axis[0], v->axis[1]);
}

/* A point in the camera's axes. */
static void see(const view *v, const rf_real *x, double q[3], double out[3]) {
    for (int k = 0; k < 3; k++) q[k] = (double)x[k] - v->at[k];
    for (int k = 0; k < 3; k++) out[k] = dot(v->axis[k], q);
}

static const double nearest = 1e-3; /* points nearer than this are drawn there */

/* ---- the mesh turned: q = R x - position, R = Rz Rx Ry; positive angles turn the face to the right of the picture,
 * down, and clockwise ---- */

/* y = R x, and when `slope` >= 0 the derivative by that angle in its place. */
static void turn(const rf_real *angles, int slope, const double x[3], double out[3]) {
    static const int axes[3][2] = {{2, 0}, {2, 1}, {1, 0}}; /* planes of yaw, pitch, roll: from, to */
    static const int order[3] = {1, 0, 2}, sign[3] = {1, -1, 1};
    double p[3] = {x[0], x[1], x[2]};
    for (int i = 0; i < 3; i++) {
        double a = sign[i] * (double)angles[order[i]], c = cos(a), s = sin(a);
        double from = p[axes[i][0]], to = p[axes[i][1]];
        if (order[i] == slope) {
            double d = c;
            p[0] = p[1] = p[2] = 0;
            c = -s * sign[i];
            s = d * sign[i];
        }
        p[axes[i][0]] = c * from - s * to;
        p[axes[i][1]] = s * from + c * to;
    }
    for (int k = 0; k < 3; k++) out[k] = p[k];
}

static const double axes_of_camera[3] = {1, -1, -1}; /* right, down, forward */

static void see_turned(const rf_real *camera, const rf_real *x, double out[3]) {
    double q[3], at[3] = {(double)x[0], (double)x[1], (double)x[2]};
    turn(camera + 3, -1, at, q);
    for (int k = 0; k < 3; k++) out[k] = axes_of_camera[k] * (q[k] - (double)camera[k]);
}

/* ds: gradient of right, down, forward; adds to dcamera, writes dx. */
static void turned_backward(const rf_real *camera, const rf_real *x, const double ds[3], double dcamera[CAMERA],
                            double dx[3]) {
    double g[3], t[3], at[3] = {(double)x[0], (double)x[1], (double)x[2]};
    for (int k = 0; k < 3; k++) {
        g[k] = axes_of_camera[k] * ds[k];
        dcamera[k] -= g[k];
    }
    for (int k = 0; k < 3; k++) {
        double unit[3] = {k == 0, k == 1, k == 2};
        turn(camera + 3, k, at, t);
        dcamera[3 + k] += dot(t, g);
        turn(camera + 3, -1, unit, t);
        dx[k] = dot(t, g);
    }
}

/* ---- both ---- */

static void forward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n = (size_t)call->in[0].shape.d[1], c = (size_t)call->in[0].shape.d[2];
    for (size_t m = begin; m < end; m++) {
        const rf_real *camera = call->in[1].data + m * CAMERA;
        view v;
        look(camera, &v);
        for (size_t i = 0; i < n; i++) {
            double q[3], s[3];
            if (rf_attr_int(call, ATTR_TURN))
                see_turned(camera, call->in[0].data + (m * n + i) * c, s);
            else
                see(&v, call->in[0].data + (m * n + i) * c, q, s);
            rf_real *y = call->out[0].data + (m * n + i) * 3;
            double z = fmax(s[2], nearest);
            y[0] = (rf_real)(v.focal * s[0] / z);
            y[1] = (rf_real)(v.focal * s[1] / z);
            y[2] = (rf_real)s[2];
        }
    }
}

static rf_status forward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[0].shape.d[0], 1, forward_range, (void *)call);
    return RF_OK;
}

/* Through down = forward x right, right = forward x up / across, forward = along / its length. */
static void look_backward(const view *v, double g[3][3], double dcamera[CAMERA]) {
    double t[3], d[3], dright[3];
    cross(v->axis[0], g[1], t); /* d(a x b) = da x b + a x db */
    for (int k = 0; k < 3; k++) g[2][k] += t[k];
    cross(g[1], v->axis[2], t);
    for (int k = 0; k < 3; k++) g[0][k] += t[k];
    double along = dot(g[0], v->axis[0]);
    for (int k = 0; k < 3; k++) dright[k] = (g[0][k] - along * v->axis[0][k]) / v->across;
    cross(up, dright, t);
    for (int k = 0; k < 3; k++) g[2][k] += t[k];
    along = dot(g[2], v->axis[2]);
    for (int k = 0; k < 3; k++) {
        d[k] = (g[2][k] - along * v->axis[2][k]) / v->along;
        dcamera[k] -= d[k];
        dcamera[3 + k] += d[k];
    }
}

static void looked_backward(const view *v, const double q[3], const double ds[3], double daxis[3][3],
                            double dcamera[CAMERA], double dx[3]) {
    for (int k = 0; k < 3; k++) {
        dx[k] = v->axis[0][k] * ds[0] + v->axis[1][k] * ds[1] + v->axis[2][k] * ds[2];
        dcamera[k] -= dx[k];
        for (int a = 0; a < 3; a++) daxis[a][k] += ds[a] * q[k];
    }
}

static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    size_t n = (size_t)call->in[0].shape.d[1], c = (size_t)call->in[0].shape.d[2];
    bool turned = rf_attr_int(call, ATTR_TURN) != 0;
    for (size_t m = begin; m < end; m++) {
        view v;
        double daxis[3][3] = {{0}}, dcamera[CAMERA] = {0};
        const rf_real *camera = call->in[1].data + m * CAMERA;
        look(camera, &v);
        for (size_t i = 0; i < n; i++) {
            double q[3], s[3], ds[3], dx[3];
            const rf_real *x = call->in[0].data + (m * n + i) * c, *dy = call->dout[0].data + (m * n + i) * 3;
            if (turned)
                see_turned(camera, x, s);
            else
                see(&v, x, q, s);
            double z = fmax(s[2], nearest), sum = ((double)dy[0] * s[0] + (double)dy[1] * s[1]) / z;
            ds[0] = v.focal / z * (double)dy[0];
            ds[1] = v.focal / z * (double)dy[1];
            ds[2] = (double)dy[2] - (s[2] > nearest ? v.focal * sum / z : 0);
            dcamera[6] += sum;
            if (turned)
                turned_backward(camera, x, ds, dcamera, dx);
            else
                looked_backward(&v, q, ds, daxis, dcamera, dx);
            for (size_t k = 0; call->din[0].data && k < c; k++)
                rf_put(call->din[0].data + (m * n + i) * c + k, call->din_add[0], k < 3 ? (rf_real)dx[k] : 0);
        }
        if (!turned) look_backward(&v, daxis, dcamera);
        for (size_t k = 0; call->din[1].data && k < CAMERA; k++)
            rf_put(call->din[1].data + m * CAMERA + k, call->din_add[1], (rf_real)dcamera[k]);
    }
}

static void backward(const rf_call *call) {
    rf_parallel_for((size_t)call->in[0].shape.d[0], 1, backward_range, (void *)call);
}

static double flops(const rf_call *call) {
    return 24.0 * call->in[0].shape.d[0] * call->in[0].shape.d[1];
}

/* A product of three matrices. */
static void reference_turned(const rf_call *call) {
    size_t M = (size_t)call->in[0].shape.d[0], n = (size_t)call->in[0].shape.d[1], c = (size_t)call->in[0].shape.d[2];
    for (size_t m = 0; m < M; m++) {
        const rf_real *p = call->in[1].data + m * CAMERA;
        double sp = sin((double)p[3]), cp = cos((double)p[3]), sy = sin((double)p[4]), cy = cos((double)p[4]);
        double sr = sin((double)p[5]), cr = cos((double)p[5]);
        const double R[3][3] = {{cr * cy + sr * sp * sy, sr * cp, cr * sy - sr * sp * cy},
                                {cr * sp * sy - sr * cy, cr * cp, -sr * sy - cr * sp * cy},
                                {-cp * sy, sp, cp * cy}};
        for (size_t i = 0; i < n; i++) {
            const rf_real *x = call->in[0].data + (m * n + i) * c;
            double q[3];
            for (int k = 0; k < 3; k++)
                q[k] = R[k][0] * (double)x[0] + R[k][1] * (double)x[1] + R[k][2] * (double)x[2] - (double)p[k];
            rf_real *y = call->out[0].data + (m * n + i) * 3;
            y[0] = (rf_real)((double)p[6] * q[0] / -q[2]);
            y[1] = (rf_real)((double)p[6] * q[1] / q[2]);
            y[2] = (rf_real)-q[2];
        }
    }
}

/* By angles: turn the point about y, then about x, until the line of sight is the z axis. */
static void reference(const rf_call *call) {
    if (rf_attr_int(call, ATTR_TURN)) {
        reference_turned(call);
        return;
    }
    int M = call->in[0].shape.d[0], n = call->in[0].shape.d[1], c = call->in[0].shape.d[2];
    for (int m = 0; m < M; m++) {
        const rf_real *p = call->in[1].data + m * CAMERA;
        double dx = (double)(p[3] - p[0]), dy = (double)(p[4] - p[1]), dz = (double)(p[5] - p[2]);
        double flat = hypot(dx, dz), length = hypot(flat, dy);
        for (int i = 0; i < n; i++) {
            const rf_real *x = call->in[0].data + (m * n + i) * c;
            rf_real *y = call->out[0].data + (m * n + i) * 3;
            double qx = (double)(x[0] - p[0]), qy = (double)(x[1] - p[1]), qz = (double)(x[2] - p[2]);
            double right = (dx * qz - dz * qx) / flat, level = (dx * qx + dz * qz) / flat;
            double forth = (flat * level + dy * qy) / length, down = (dy * level - flat * qy) / length;
            y[0] = (rf_real)((double)p[6] * right / forth);
            y[1] = (rf_real)((double)p[6] * down / forth);
            y[2] = (rf_real)forth;
        }
    }
}

/* A camera that stands well off and looks about the middle. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    static const rf_real start[CAMERA] = {0.5, -0.4, 12, 0.2, 0.1, -0.3, 2};
    (void)seed;
    if (input != 1) return;
    for (int i = 0; i < call->in[0].shape.d[0] * CAMERA; i++) data[i] = start[i % CAMERA] + (rf_real)0.1 * data[i];
}

static const rf_case cases[] = {{"2x5x3 2x7", ""},       {"1x1x6 1x7", ""},       {"3x4x4 3x7", ""},
                                {"2x5x6 2x7", "turn=1"}, {"1x3x3 1x7", "turn=1"}, {NULL, NULL}};

const rf_op rf_op_mesh_project = {
    .name = "mesh_project",
    .formula = "y = (f r.q / w.q, f d.q / w.q, w.q), q = x - camera, r d w: right, down, forward of the camera",
    .in_names = {"x", "camera"},
    .out_names = {"y"},
    .attrs = {{"turn", RF_ATTR_INT, 0, 0, 1, "1: camera is place, angles of the mesh about x y z, focal length"}},
    .differentiable = 3,
    .infer = infer,
    .backward_needs = needs,
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
