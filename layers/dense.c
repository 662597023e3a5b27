/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dense.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "layers/detector.h"

enum { AFFINE = 8 }; /* x and y as affine functions of the mesh's x, y, z */

static int head_width(const rf_dense *dense) {
    return dense->code + (dense->pixels ? RF_DENSE_POSE : 0);
}

void rf_dense_params(rf_net *net, const rf_config *config, int n_levels, int cell_anchors, rf_dense *out) {
    *out = (rf_dense){.vertices = (int)config->model.mesh_vertices,
                      .code = (int)config->model.mesh_code,
                      .n_levels = n_levels,
                      .cell_anchors = cell_anchors,
                      .channels = (int)config->model.channels,
                      .pixels = config->model.mesh_kind == RF_MESH_KIND_PIXELS,
                      .turned = config->model.mesh_camera == RF_MESH_CAMERA_POSE,
                      .boxed = config->model.mesh_frame == RF_MESH_FRAME_BOX,
                      .variance = config->anchors.variance_centre};
    if (out->vertices == 0) return;
    rf_net_initialiser(net, RF_INIT_NORMAL_001);
    net->part = RF_PARAM_HEAD;
    bool share = config->model.share_heads;
    rf_scope scope = rf_net_enter(net, "MeshHead");
    for (int i = 0; i < n_levels; i++) {
        rf_scope level = rf_net_enter(net, "%d", share ? 0 : i);
        out->head[i] = i > 0 && share
                           ? out->head[0]
                           : rf_conv_bias_params(net, "conv1x1", out->channels, cell_anchors * head_width(out));
        rf_net_leave(net, level);
    }
    rf_net_leave(net, scope);
    scope = rf_net_enter(net, "MeshDecoder");
    if (out->pixels)
        rf_dense_pixel_params(net, config, out);
    else
        out->decoder = rf_conv_bias_params(net, "basis", out->code, 2 * out->vertices);
    rf_net_leave(net, scope);
    net->part = 0;
}

rf_value rf_dense_rows_conv(rf_graph *g, rf_value x, rf_conv_pair pair) {
    if (x == RF_NONE || pair.weight == RF_NONE) return RF_NONE;
    rf_shape s = rf_graph_shape(g, x);
    rf_value image = rf_apply1(g, "reshape", x, "d0=%d d1=1 d2=1 d3=%d", s.d[0], s.d[1]);
    return rf_graph_apply(g, "conv2d", (rf_value[]){image, pair.weight, pair.bias}, 3, "stride=1 pad=0");
}

rf_value rf_dense_code(rf_graph *g, const rf_dense *dense, const rf_value *rows, const rf_value *slots) {
    rf_value code = RF_NONE;
    for (int i = 0; i < dense->n_levels; i++) {
        rf_value all = rf_dense_rows_conv(g, rows[i], dense->head[i]);
        if (all == RF_NONE) return RF_NONE;
        int m = rf_graph_shape(g, all).d[0];
        all = rf_apply1(g, "reshape", all, "d0=%d d1=%d", m * dense->cell_anchors, head_width(dense));
        rf_value own = rf_apply2(g, "gather", all, slots[i], "");
        code = i == 0 ? own : rf_apply2(g, "add", code, own, "");
    }
    return code;
}

rf_value rf_dense_vertices(rf_graph *g, const rf_dense *dense, const rf_value *rows, const rf_value *slots) {
    int former = rf_graph_scope(g, "mesh");
    rf_value y = rf_dense_rows_conv(g, rf_dense_code(g, dense, rows, slots), dense->decoder);
    if (y != RF_NONE) y = rf_apply1(g, "reshape", y, "d0=%d d1=%d", rf_graph_shape(g, y).d[0], 2 * dense->vertices);
    rf_graph_scope_end(g, former);
    return y;
}

/* Column `k` of the decoder in the graph's layout, [code][2 * vertices]. */
static void start_basis(rf_real *weight, int k, const rf_mesh *mesh, double half_of_anchor) {
    float lo[3], hi[3];
    rf_mesh_bounds(mesh, lo, hi);
    size_t n = mesh->n_vertices;
    int axis = k / 2, coordinate = k % 2; /* axis 3: the constant */
    for (size_t i = 0; i < n; i++) {
        double value = 1;
        if (axis < 3) {
            double half = 0.5 * (double)(hi[axis < 2 ? axis : 0] - lo[axis < 2 ? axis : 0]);
            double middle = 0.5 * (double)(lo[axis] + hi[axis]);
            value = ((double)mesh->vertices[3 * i + (size_t)axis] - middle) / half;
        }
        rf_real *row = weight + (size_t)k * 2 * n + 2 * i;
        row[coordinate] = (rf_real)(half_of_anchor * value);
        row[1 - coordinate] = 0;
    }
}

/* Biases first .. first + n - 1 of every anchor's code. */
static void start_heads(rf_params *params, size_t width, size_t first, size_t n, const double *start) {
    for (size_t level = 0;; level++) {
        char name[48];
        snprintf(name, sizeof name, "MeshHead.%zu.conv1x1.bias", level);
        const rf_param *head = rf_params_find(params, name);
        if (!head) return;
        rf_real *values = rf_params_values(params, head);
        for (size_t i = 0; i < head->count; i++)
            if (i % width >= first && i % width < first + n) values[i] = (rf_real)start[i % width - first];
    }
}

rf_status rf_dense_start(rf_params *params, const rf_config *config, const rf_mesh *mesh, const char *path) {
    if ((long)mesh->n_vertices != config->model.mesh_vertices)
        return rf_fail(RF_ERR_USER, "%s has %zu vertices, model.mesh_vertices is %ld: set it to the mesh's number",
                       path, mesh->n_vertices, config->model.mesh_vertices);
    size_t code = (size_t)config->model.mesh_code;
    if (config->model.mesh_kind == RF_MESH_KIND_PIXELS) {
        double rest[RF_DENSE_POSE];
        rf_dense_rest(config->model.mesh_camera == RF_MESH_CAMERA_POSE, config->model.mesh_frame == RF_MESH_FRAME_BOX,
                      rest);
        start_heads(params, code + RF_DENSE_POSE, code, RF_DENSE_POSE, rest);
        return RF_OK;
    }
    const rf_param *basis = rf_params_find(params, "MeshDecoder.basis.weight");
    const rf_param *shift = rf_params_find(params, "MeshDecoder.basis.bias");
    if (!basis || !shift) return rf_fail(RF_ERR_USER, "the network has no mesh decoder");
    double half = 0.5 / config->anchors.variance_centre;
    for (int k = 0; k < AFFINE; k++) start_basis(rf_params_values(params, basis), k, mesh, half);
    rf_real *bias = rf_params_values(params, shift);
    for (size_t i = 0; i < shift->count; i++) bias[i] = 0;
    /* x goes to x and y, which points up in the mesh, to -y */
    const double frontal[AFFINE] = {1, 0, 0, -1};
    start_heads(params, code, 0, AFFINE, frontal);
    return RF_OK;
}

rf_status rf_open_mesh(const rf_config *config, rf_mesh *mesh, char **path) {
    *path = NULL;
    if (!*config->data.mesh)
        return rf_fail(RF_ERR_USER, "model.mesh_vertices = %ld needs data.mesh, the OBJ file of the annotated mesh",
                       config->model.mesh_vertices);
    *path = rf_path_join(config->data.root, config->data.mesh);
    if (!*path) return RF_ERR_NOMEM;
    rf_status status = rf_mesh_read(*path, mesh);
    if (status == RF_OK && (long)mesh->n_vertices != config->model.mesh_vertices) {
        status = rf_fail(RF_ERR_USER, "%s has %zu vertices, model.mesh_vertices is %ld: set it to the mesh's number",
                         *path, mesh->n_vertices, config->model.mesh_vertices);
        rf_mesh_free(mesh);
    }
    if (status == RF_OK) return RF_OK;
    rf_free(*path);
    *path = NULL;
    return status;
}

static rf_status start(rf_params *params, const rf_config *config) {
    rf_mesh mesh = {0};
    char *path = NULL;
    RF_TRY(rf_open_mesh(config, &mesh, &path));
    rf_status status = rf_dense_start(params, config, &mesh, path);
    rf_free(path);
    rf_mesh_free(&mesh);
    return status;
}

/* ---- the branch ---- */

static bool on(const rf_config *config) {
    return config->model.mesh_vertices > 0;
}

/* Whoever finds meshes reads the features beside the outputs. */
static rf_status build(rf_net *net, const rf_config *config, rf_detector *detector, void *state) {
    rf_dense_params(net, config, detector->n_levels, detector->cell_anchors, state);
    for (int i = 0; i < detector->n_levels && net->mode == RF_EVAL && config->eval.mesh; i++)
        rf_graph_keep(net->graph, detector->features[i]);
    return RF_OK;
}

const rf_branch rf_branch_mesh = {
    .name = "mesh",
    .doc = "vertices of a face mesh (RetinaFace's dense regression)",
    .bytes = sizeof(rf_dense),
    .on = on,
    .build = build,
    .start = start,
};

rf_status rf_dense_build(rf_graph *graph, rf_params *params, const rf_config *config, int m,
                         const rf_mesh_levels *levels, rf_dense_net *out) {
    const int n_levels = config->model.strides.n, cell_anchors = rf_config_cell_anchors(config);
    char name[32];
    memset(out, 0, sizeof *out);
    if (config->model.mesh_vertices == 0)
        return rf_fail(RF_ERR_USER, "the network predicts no mesh: model.mesh_vertices is 0");
    rf_net net = rf_detector_net(graph, params, config, RF_EVAL);
    rf_dense_params(&net, config, n_levels, cell_anchors, &out->dense);
    RF_TRY(rf_net_status(&net));
    for (int i = 0; i < n_levels; i++) {
        snprintf(name, sizeof name, "rows%d", i);
        out->rows[i] = rf_graph_input(graph, name, (rf_shape){2, {m, out->dense.channels}});
        snprintf(name, sizeof name, "slots%d", i);
        out->slots[i] = rf_graph_input(graph, name, (rf_shape){1, {m}});
    }
    out->vertices = out->dense.pixels ? rf_dense_draw(graph, &out->dense, levels, out->rows, out->slots, 0).vertices
                                      : rf_dense_vertices(graph, &out->dense, out->rows, out->slots);
    rf_graph_keep(graph, out->vertices);
    return rf_graph_status(graph);
}
