/* SPDX-License-Identifier: Apache-2.0 */
/* The self-supervised form: a code for shape and colours, a camera and a light are decoded into a coloured mesh, which
 * is drawn. */
#include "layers/dense.h"

enum { CAMERA = 7, LIGHTS = 9, FEATURES = 6 };

/* How far a number of the head moves its vertices' places and colours. */
static const double mesh_step = 0.1;

/* The same for its light. Until brightness and colour fit, the pixels' differences turn a face away from the viewer,
 * where less of it is seen: light must be faster than the angles. */
static double light_step(bool turned) {
    return turned ? 0.6 : 0.2;
}

/* The same for the camera's place, what it looks at or the face's angles, and the focal length. Around a face's box
 * place and size are known already: what they could explain is left to the angles. */
static void camera_steps(bool turned, bool boxed, double step[3]) {
    step[1] = 0.2;
    step[0] = step[2] = turned && boxed ? 0.02 : step[1];
}

/* At rest the camera stands in front at this distance, and the mesh's larger side fills this share of the anchor, or
 * of the square around the face's box. */
static const double distance = 4, filled_anchor = 0.9, filled_box = 1;

void rf_dense_rest(bool turned, bool boxed, double out[RF_DENSE_POSE]) {
    const double filled = boxed ? filled_box : filled_anchor;
    const double rest[RF_DENSE_POSE] = {0,
                                        0,
                                        distance,
                                        0,
                                        0,
                                        0,
                                        filled * distance, /* place, looked at or angles, focal */
                                        turned ? 0 : 0.5,
                                        1,
                                        4,
                                        0.5,
                                        0.5,
                                        0.5,
                                        0.5,
                                        0.5,
                                        0.5}; /* light (a mirror image's must not differ), its colour, ambient */
    double step[3];
    camera_steps(turned, boxed, step);
    for (int i = 0; i < RF_DENSE_POSE; i++) out[i] = rest[i] / (i < CAMERA ? step[i / 3] : light_step(turned));
}

void rf_dense_pixel_params(rf_net *net, const rf_config *config, rf_dense *out) {
    int n = rf_mesh_level_size(out->vertices, 0), c = (int)config->model.mesh_channels;
    out->order = (int)config->model.mesh_order;
    out->width = c;
    bool frozen = net->frozen;
    net->frozen = config->model.mesh_frozen;
    rf_net_initialiser(net, RF_INIT_XAVIER_UNIFORM);
    out->coarse = rf_conv_bias_params(net, "coarse", out->code, n * c);
    for (int i = 0; i < RF_DENSE_GRAPH_CONVS; i++) {
        static const char *const names[RF_DENSE_GRAPH_CONVS] = {"cheb0", "cheb1", "cheb2", "cheb3"};
        bool last = i + 1 == RF_DENSE_GRAPH_CONVS;
        out->cheb[i] = rf_conv_bias_params(net, names[i], out->order * c, last ? FEATURES : c);
    }
    net->frozen = frozen;
}

static rf_value matrix(rf_graph *g, const rf_mesh_matrix *m, rf_value x) {
    rf_value at = rf_graph_param(g, "at", (rf_shape){2, {m->n, 2}}, m->at, NULL);
    rf_value value = rf_graph_param(g, "value", (rf_shape){1, {m->n}}, m->value, NULL);
    return rf_graph_apply(g, "mesh_mix", (rf_value[]){x, at, value}, 3, "rows=%d", m->rows);
}

/* y = sum_k T_k(L~) x theta_k, T_0 x = x, T_1 x = L~ x, T_k x = 2 L~ T_k-1 x - T_k-2 x. */
static rf_value chebyshev(rf_graph *g, const rf_dense *dense, const rf_mesh_levels *levels, int level, rf_value x,
                          rf_conv_pair pair) {
    rf_value terms[RF_MAX_INPUTS] = {x};
    for (int k = 1; k < dense->order; k++) {
        rf_value next = matrix(g, &levels->laplace[level], terms[k - 1]);
        if (k > 1)
            next = rf_apply2(g, "add", rf_apply1(g, "scale", next, "factor=2"),
                             rf_apply1(g, "scale", terms[k - 2], "factor=-1"), "");
        terms[k] = next;
    }
    rf_value all = dense->order > 1 ? rf_graph_apply(g, "concat", terms, dense->order, "axis=2") : x;
    if (all == RF_NONE || pair.weight == RF_NONE) return RF_NONE;
    rf_shape s = rf_graph_shape(g, all);
    rf_value image = rf_apply1(g, "reshape", all, "d0=%d d1=%d d2=1 d3=%d", s.d[0], s.d[1], s.d[2]);
    rf_value y = rf_graph_apply(g, "conv2d", (rf_value[]){image, pair.weight, pair.bias}, 3, "stride=1 pad=0");
    if (y == RF_NONE) return RF_NONE;
    return rf_apply1(g, "reshape", y, "d0=%d d1=%d d2=%d", s.d[0], s.d[1], rf_graph_shape(g, y).d[3]);
}

/* Places and colours [m,vertices,6] of a code. */
static rf_value decode(rf_graph *g, const rf_dense *dense, const rf_mesh_levels *levels, rf_value code, int m) {
    rf_value x = rf_dense_rows_conv(g, code, dense->coarse);
    if (x == RF_NONE) return RF_NONE;
    x = rf_apply1(g, "reshape", x, "d0=%d d1=%d d2=%d", m, levels->vertices[0], dense->width);
    for (int i = 0; i < RF_DENSE_GRAPH_CONVS; i++) {
        int level = i < RF_MESH_LEVELS ? i : RF_MESH_LEVELS - 1;
        x = chebyshev(g, dense, levels, level, x, dense->cheb[i]);
        if (x == RF_NONE) return RF_NONE;
        if (i + 1 < RF_DENSE_GRAPH_CONVS) x = rf_apply1(g, "leaky_relu", x, "slope=0.1");
        if (level + 1 < RF_MESH_LEVELS) x = matrix(g, &levels->finer[level], x);
    }
    rf_value start =
        rf_graph_param(g, "mesh_start", (rf_shape){3, {m, dense->vertices, FEATURES}}, levels->start, NULL);
    return rf_apply2(g, "add", rf_apply1(g, "scale", x, "factor=%.17g", mesh_step), start, "");
}

static rf_value part(rf_graph *g, rf_value code, int start, int count, double factor) {
    rf_value x = rf_apply1(g, "slice", code, "axis=1 start=%d count=%d", start, count);
    return factor == 1 ? x : rf_apply1(g, "scale", x, "factor=%.17g", factor);
}

static rf_value camera_of(rf_graph *g, const rf_dense *dense, rf_value code) {
    double step[3];
    camera_steps(dense->turned, dense->boxed, step);
    if (!dense->turned) return part(g, code, dense->code, CAMERA, step[0]);
    rf_value parts[3];
    for (int i = 0; i < 3; i++) parts[i] = part(g, code, dense->code + 3 * i, i < 2 ? 3 : 1, step[i]);
    return rf_graph_apply(g, "concat", parts, 3, "axis=1");
}

rf_drawn rf_dense_draw(rf_graph *g, const rf_dense *dense, const rf_mesh_levels *levels, const rf_value *rows,
                       const rf_value *slots, int side) {
    rf_drawn out = {RF_NONE, RF_NONE, RF_NONE, RF_NONE};
    int former = rf_graph_scope(g, "mesh");
    rf_value code = rf_dense_code(g, dense, rows, slots);
    if (code == RF_NONE) return out;
    int m = rf_graph_shape(g, code).d[0], T = levels->n_triangles;
    rf_value camera = camera_of(g, dense, code);
    rf_value lights = part(g, code, dense->code + CAMERA, LIGHTS, light_step(dense->turned));
    rf_value mesh = decode(g, dense, levels, part(g, code, 0, dense->code, 1), m);
    rf_value triangles = rf_graph_param(g, "mesh_triangles", (rf_shape){2, {T, 3}}, levels->triangles, NULL);
    rf_value seen = rf_apply2(g, "mesh_project", mesh, camera, "turn=%d", dense->turned);
    out.camera = camera;
    if (side > 0) {
        rf_value lit = rf_graph_apply(g, "mesh_shade", (rf_value[]){mesh, triangles, lights}, 3, "");
        out.image = rf_graph_apply(g, "mesh_render", (rf_value[]){seen, lit, triangles}, 3, "side=%d", side);
        out.mask = out.image == RF_NONE ? RF_NONE : out.image + 1;
    }
    /* from halves of the box to the codec's units */
    rf_value xy = rf_apply1(g, "scale", rf_apply1(g, "slice", seen, "axis=2 start=0 count=2"), "factor=%.17g",
                            0.5 / dense->variance);
    out.vertices = rf_apply1(g, "reshape", xy, "d0=%d d1=%d", m, 2 * dense->vertices);
    rf_graph_scope_end(g, former);
    return out;
}
