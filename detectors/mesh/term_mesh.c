/* SPDX-License-Identifier: Apache-2.0 */
/* The mesh part of the multi-task loss (RetinaFace, CVPR 2020, section 3.2):
 *   L_mesh = L_vert + l0 L_edge, L_vert = 1/N sum_i |V_i - V*_i|_1, L_edge = 1/(3M) sum_e |E_e - E*_e|_1
 * for N vertices and the 3M edges of M triangles, as a mean over positive anchors whose face has vertices. */
#include "detectors/mesh/term_mesh_state.h"

#include <math.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/mesh_table.h"

enum { OUT_VERTICES = RF_DENSE_TARGETS, OUT_VERTEX_WEIGHT, OUT_EDGES, OUT_EDGE_WEIGHT, OUT_COUNT };

static void release(void *state) {
    rf_dense_loss *loss = state;
    rf_mesh_levels_free(&loss->levels);
    rf_free(loss->edges);
    rf_free(loss->points);
    rf_free(loss->picks);
}

static rf_status make(const rf_config *config, const rf_term_matches *matches, rf_dense_loss *loss) {
    const rf_loss_common *common = matches->common;
    rf_mesh mesh = {0};
    char *path = NULL;
    RF_TRY(rf_open_mesh(config, &mesh, &path));
    rf_free(path);
    rf_status status = RF_ERR_NOMEM;
    *loss = (rf_dense_loss){.anchors = &common->anchors,
                            .codec = common->spec.codec,
                            .matches = matches->matches,
                            .batch = matches->batch,
                            .n = common->n,
                            .rows = (int)config->loss.mesh_anchors,
                            .n_vertices = mesh.n_vertices,
                            .n_edges = 3 * mesh.n_triangles,
                            .vector = config->loss.edge == RF_MESH_EDGE_VECTOR,
                            .weight = config->loss.mesh_weight,
                            .edge_weight = config->loss.edge_weight,
                            .pixels = config->model.mesh_kind == RF_MESH_KIND_PIXELS};
    loss->codec.n_points = 1; /* vertex by vertex */
    if (loss->pixels) RF_TRY_GOTO(rf_pixel_loss_make(config, &mesh, loss));
    status = RF_ERR_NOMEM;
    loss->edges = rf_alloc(2 * loss->n_edges, sizeof *loss->edges);
    loss->picks = rf_alloc((size_t)loss->rows, sizeof *loss->picks);
    if (!loss->edges || !loss->picks) goto fail;
    for (size_t e = 0; e < loss->n_edges; e++) {
        loss->edges[2 * e] = (rf_real)mesh.triangles[e];
        loss->edges[2 * e + 1] = (rf_real)mesh.triangles[e % 3 == 2 ? e - 2 : e + 1];
    }
    status = RF_OK;
fail:
    rf_mesh_free(&mesh);
    return status;
}

const rf_face *rf_dense_loss_face(const rf_dense_loss *loss, size_t image, size_t a) {
    const rf_match *match = &loss->matches[image];
    return match->label[a] > 0 ? &loss->batch->faces[image][match->face[a]] : NULL;
}

/* Whether a mesh is learnt at an anchor: drawing needs no vertices. */
static bool learns(const rf_dense_loss *loss, size_t image, size_t a) {
    const rf_face *face = rf_dense_loss_face(loss, image, a);
    return face && (loss->pixels || face->mesh);
}

/* The anchors that the mesh is learnt at, at most `rows` of them at even distances. */
static void pick_anchors(rf_dense_loss *loss) {
    size_t A = loss->anchors->count, total = A * (size_t)loss->n, found = 0, seen = 0, rows = (size_t)loss->rows;
    for (size_t k = 0; k < total; k++) found += learns(loss, k / A, k % A);
    loss->n_picks = 0;
    for (size_t k = 0; k < total && found; k++) {
        if (!learns(loss, k / A, k % A)) continue;
        if (found <= rows || seen * rows / found == loss->n_picks) loss->picks[loss->n_picks++] = k;
        seen++;
    }
}

static void write_edges(const rf_dense_loss *loss, const rf_real *xy, rf_real *out) {
    for (size_t e = 0; e < loss->n_edges; e++) {
        const rf_real *a = xy + 2 * (size_t)loss->edges[2 * e], *b = xy + 2 * (size_t)loss->edges[2 * e + 1];
        double u = (double)(b[0] - a[0]), v = (double)(b[1] - a[1]);
        if (loss->vector) {
            out[2 * e] = (rf_real)u;
            out[2 * e + 1] = (rf_real)v;
        } else {
            out[e] = (rf_real)sqrt(u * u + v * v);
        }
    }
}

bool rf_dense_loss_place(const rf_dense_loss *loss, size_t m, size_t *image, size_t *a) {
    const rf_anchor_set *anchors = loss->anchors;
    size_t rows = (size_t)loss->rows, per = (size_t)anchors->n_sizes;
    rf_real *index = loss->call->out[RF_DENSE_INDEX].data, *slot = loss->call->out[RF_DENSE_SLOT].data;
    for (int l = 0; l < anchors->n_levels; l++) index[(size_t)l * rows + m] = slot[(size_t)l * rows + m] = -1;
    if (m >= loss->n_picks) return false;
    *image = loss->picks[m] / anchors->count;
    *a = loss->picks[m] % anchors->count;
    int l = rf_anchor_level_of(anchors, *a);
    const rf_anchor_level *level = &anchors->levels[l];
    size_t cells = (size_t)level->rows * (size_t)level->cols, k = *a - level->first;
    index[(size_t)l * rows + m] = (rf_real)(*image * cells + k / per);
    slot[(size_t)l * rows + m] = (rf_real)(m * per + k % per);
    return true;
}

/* Targets of rows begin..end-1; those beyond the picks weigh nothing. */
static void write_rows(void *ctx, size_t begin, size_t end) {
    const rf_dense_loss *loss = ctx;
    const rf_tensor *out = loss->call->out;
    size_t n = loss->n_vertices, columns = loss->n_edges * (loss->vector ? 2 : 1), image, a;
    for (size_t m = begin; m < end; m++) {
        bool used = rf_dense_loss_place(loss, m, &image, &a);
        double share = used ? 1 / (double)loss->n_picks : 0;
        out[OUT_VERTEX_WEIGHT].data[m] = (rf_real)(share / (double)n);
        out[OUT_EDGE_WEIGHT].data[m] = (rf_real)(share / (double)loss->n_edges);
        if (!used) continue;
        const float *anchor = loss->anchors->boxes + 4 * a;
        const rf_face *face = rf_dense_loss_face(loss, image, a);
        rf_real *xy = out[OUT_VERTICES].data + 2 * n * m;
        for (size_t i = 0; i < n; i++) {
            float at[2], row[2];
            rf_mesh_table_vertex(loss->batch->mesh, face->mesh - 1, &loss->batch->placements[image], i, at);
            const rf_face vertex = {.points = at};
            rf_coder_delta_points.encode(&loss->codec, anchor, &vertex, row);
            for (size_t d = 0; d < 2; d++) xy[2 * i + d] = row[d];
        }
        write_edges(loss, xy, out[OUT_EDGES].data + columns * m);
    }
}

rf_status rf_dense_loss_assign(rf_dense_loss *loss, const rf_call *call, void (*write)(void *, size_t, size_t)) {
    loss->call = call;
    pick_anchors(loss);
    rf_parallel_for((size_t)loss->rows, 1, write, loss);
    return RF_OK;
}

/* The host node. in: a value that matching has made. */
static rf_status assign_rows(void *ctx, const rf_call *call) {
    return rf_dense_loss_assign(ctx, call, write_rows);
}

/* Row `level` of [levels,rows] as [rows]. */
static rf_value of_level(rf_graph *g, rf_value all, int level, int rows) {
    return rf_apply1(g, "reshape", rf_apply1(g, "slice", all, "axis=0 start=%d count=1", level), "d0=%d", rows);
}

void rf_dense_loss_gather(const rf_dense_loss *loss, rf_graph *g, const rf_detector *detector, rf_value targets,
                          rf_value *rows, rf_value *slots) {
    for (int l = 0; l < detector->n_levels; l++) {
        rf_shape map = rf_graph_shape(g, detector->features[l]);
        rf_value cells =
            rf_apply1(g, "reshape", detector->features[l], "d0=%d d1=%d", map.d[0] * map.d[1] * map.d[2], map.d[3]);
        rows[l] = rf_apply2(g, "gather", cells, of_level(g, targets + RF_DENSE_INDEX, l, loss->rows), "");
        slots[l] = of_level(g, targets + RF_DENSE_SLOT, l, loss->rows);
    }
}

static rf_value build_vertices(rf_dense_loss *loss, rf_graph *g, const rf_detector *detector, rf_value after,
                               rf_value *vert, rf_value *edge) {
    int M = loss->rows, L = detector->n_levels, V = 2 * (int)loss->n_vertices;
    int E = (int)loss->n_edges * (loss->vector ? 2 : 1);
    rf_shape levels = {2, {L, M}}, row = {1, {M}};
    rf_shape shapes[OUT_COUNT] = {levels, levels, {2, {M, V}}, row, {2, {M, E}}, row};
    rf_value rows[RF_DENSE_LEVELS], slots[RF_DENSE_LEVELS];
    rf_value t = rf_graph_host(g, "mesh_targets", assign_rows, loss, &after, 1, shapes, OUT_COUNT);
    if (t == RF_NONE) return RF_NONE;
    rf_dense_loss_gather(loss, g, detector, t, rows, slots);
    rf_value xy = rf_dense_vertices(g, rf_detector_branch(detector, "mesh"), rows, slots);
    rf_value ends = rf_graph_param(g, "mesh_ends", (rf_shape){2, {(int)loss->n_edges, 2}}, loss->edges, NULL);
    rf_value lines = rf_apply2(g, "mesh_edges", xy, ends, "vector=%d", loss->vector);
    *vert = rf_graph_apply(g, "smooth_l1", (rf_value[]){xy, t + OUT_VERTICES, t + OUT_VERTEX_WEIGHT}, 3, "beta=0");
    *edge = rf_graph_apply(g, "smooth_l1", (rf_value[]){lines, t + OUT_EDGES, t + OUT_EDGE_WEIGHT}, 3, "beta=0");
    return rf_apply2(g, "add", rf_apply1(g, "scale", *vert, "factor=%.17g", loss->weight),
                     rf_apply1(g, "scale", *edge, "factor=%.17g", loss->weight * loss->edge_weight), "");
}

static bool on(const rf_config *config) {
    return config->model.mesh_vertices != 0;
}

static rf_status build(const rf_term_context *context, void *state) {
    rf_dense_loss *loss = state;
    rf_graph *g = context->graph;
    rf_value mesh = RF_NONE, edge = RF_NONE;
    const rf_term_matches *grid = rf_term_first_step(context->matches);
    RF_TRY(make(context->config, grid, loss));
    rf_value sum =
        (loss->pixels ? rf_pixel_loss_build : build_vertices)(loss, g, context->detector, grid->targets, &mesh, &edge);
    RF_TRY(rf_graph_status(g));
    double second = loss->weight * (loss->pixels ? loss->points_weight : loss->edge_weight);
    RF_TRY(rf_terms_add(context->terms, g, "mesh_sum", sum, 1, RF_TERM_SUM, 0));
    RF_TRY(rf_terms_add(context->terms, g, "mesh", mesh, loss->weight, RF_TERM_REPORT, 0));
    return rf_terms_add(context->terms, g, "edge", edge, second, RF_TERM_REPORT, 0);
}

const rf_term_kind rf_term_mesh = {
    .name = "mesh",
    .doc = "the face mesh: annotated vertices and edges, or what is drawn of it against the picture",
    .state_bytes = sizeof(rf_dense_loss),
    .build = build,
    .free = release,
    .key = "model.mesh_vertices",
    .on = on,
};
