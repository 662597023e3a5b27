#include "train/loss_dense.h"

#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/mesh_table.h"

enum { OUT_INDEX, OUT_SLOT, OUT_VERTICES, OUT_VERTEX_WEIGHT, OUT_EDGES, OUT_EDGE_WEIGHT, OUT_COUNT };

struct rf_dense_loss {
    const rf_anchor_set *anchors;
    rf_codec codec;
    const rf_match *matches; /* [n] */
    rf_loss_batch batch;
    int n, rows; /* images, loss.mesh_anchors */
    size_t n_vertices, n_edges;
    bool vector;
    double weight, edge_weight;
    rf_real *edges;  /* [n_edges,2] */
    uint64_t *picks; /* [rows] image * A + anchor */
    size_t n_picks;
    const rf_call *call; /* while the node runs */
};

void rf_dense_loss_free(rf_dense_loss *loss) {
    if (!loss) return;
    rf_free(loss->edges);
    rf_free(loss->picks);
    rf_free(loss);
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

rf_status rf_dense_loss_make(const rf_config *config, int n, const rf_anchor_set *anchors, const rf_codec *codec,
                             rf_dense_loss **out) {
    *out = NULL;
    if (config->model.mesh_vertices == 0) return RF_OK;
    rf_mesh mesh = {0};
    char *path = NULL;
    RF_TRY(rf_open_mesh(config, &mesh, &path));
    rf_free(path);
    rf_status status = RF_ERR_NOMEM;
    rf_dense_loss *loss = rf_alloc(1, sizeof *loss);
    if (!loss) goto fail;
    *loss = (rf_dense_loss){.anchors = anchors,
                            .codec = *codec,
                            .n = n,
                            .rows = (int)config->loss.mesh_anchors,
                            .n_vertices = mesh.n_vertices,
                            .n_edges = 3 * mesh.n_triangles,
                            .vector = strcmp(config->loss.edge, "vector") == 0,
                            .weight = config->loss.mesh_weight,
                            .edge_weight = config->loss.edge_weight};
    loss->edges = rf_alloc(2 * loss->n_edges, sizeof *loss->edges);
    loss->picks = rf_alloc((size_t)loss->rows, sizeof *loss->picks);
    if (!loss->edges || !loss->picks) goto fail;
    for (size_t e = 0; e < loss->n_edges; e++) {
        loss->edges[2 * e] = (rf_real)mesh.triangles[e];
        loss->edges[2 * e + 1] = (rf_real)mesh.triangles[e % 3 == 2 ? e - 2 : e + 1];
    }
    *out = loss;
    loss = NULL;
    status = RF_OK;
fail:
    rf_dense_loss_free(loss);
    rf_mesh_free(&mesh);
    return status;
}

static const rf_face *face_of(const rf_dense_loss *loss, size_t image, size_t a) {
    const rf_match *match = &loss->matches[image];
    return match->label[a] > 0 ? &loss->batch.faces[image][match->face[a]] : NULL;
}

/* The positive anchors whose face has vertices, at most `rows` of them at even distances. */
static void pick_anchors(rf_dense_loss *loss) {
    size_t A = loss->anchors->count, total = A * (size_t)loss->n, found = 0, seen = 0, rows = (size_t)loss->rows;
    for (size_t k = 0; k < total; k++) {
        const rf_face *face = face_of(loss, k / A, k % A);
        found += face && face->mesh;
    }
    loss->n_picks = 0;
    for (size_t k = 0; k < total && found; k++) {
        const rf_face *face = face_of(loss, k / A, k % A);
        if (!face || !face->mesh) continue;
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

/* Targets of rows begin..end-1; those beyond the picks weigh nothing. */
static void write_rows(void *ctx, size_t begin, size_t end) {
    const rf_dense_loss *loss = ctx;
    const rf_tensor *out = loss->call->out;
    const rf_anchor_set *anchors = loss->anchors;
    size_t rows = (size_t)loss->rows, n = loss->n_vertices, columns = loss->n_edges * (loss->vector ? 2 : 1);
    for (size_t m = begin; m < end; m++) {
        bool used = m < loss->n_picks;
        double share = used ? 1 / (double)loss->n_picks : 0;
        out[OUT_VERTEX_WEIGHT].data[m] = (rf_real)(share / (double)n);
        out[OUT_EDGE_WEIGHT].data[m] = (rf_real)(share / (double)loss->n_edges);
        for (int l = 0; l < anchors->n_levels; l++)
            out[OUT_INDEX].data[(size_t)l * rows + m] = out[OUT_SLOT].data[(size_t)l * rows + m] = -1;
        if (!used) continue;
        size_t image = loss->picks[m] / anchors->count, a = loss->picks[m] % anchors->count;
        int l = rf_anchor_level_of(anchors, a);
        const rf_anchor_level *level = &anchors->levels[l];
        size_t cells = (size_t)level->rows * (size_t)level->cols, k = a - level->first, per = (size_t)anchors->n_sizes;
        out[OUT_INDEX].data[(size_t)l * rows + m] = (rf_real)(image * cells + k / per);
        out[OUT_SLOT].data[(size_t)l * rows + m] = (rf_real)(m * per + k % per);
        const float *anchor = anchors->boxes + 4 * a;
        const rf_face *face = face_of(loss, image, a);
        rf_real *xy = out[OUT_VERTICES].data + 2 * n * m;
        for (size_t i = 0; i < n; i++) {
            float at[2];
            rf_mesh_table_vertex(loss->batch.mesh, face->mesh - 1, &loss->batch.placements[image], i, at);
            for (int d = 0; d < 2; d++)
                xy[2 * i + (size_t)d] = (rf_real)((at[d] - anchor[d]) / (anchor[2 + d] * loss->codec.variance_centre));
        }
        write_edges(loss, xy, out[OUT_EDGES].data + columns * m);
    }
}

/* The host node. in: a value that matching has made. */
static rf_status assign_rows(void *ctx, const rf_call *call) {
    rf_dense_loss *loss = ctx;
    loss->call = call;
    pick_anchors(loss);
    rf_parallel_for((size_t)loss->rows, 1, write_rows, loss);
    return RF_OK;
}

/* Row `level` of [levels,rows] as [rows]. */
static rf_value of_level(rf_graph *g, rf_value all, int level, int rows) {
    return rf_apply1(g, "reshape", rf_apply1(g, "slice", all, "axis=0 start=%d count=1", level), "d0=%d", rows);
}

rf_value rf_dense_loss_build(rf_dense_loss *loss, rf_graph *g, const rf_detector *detector, rf_value after,
                             const rf_match *matches, rf_value *vert, rf_value *edge) {
    int M = loss->rows, L = detector->n_levels, V = 2 * (int)loss->n_vertices;
    int E = (int)loss->n_edges * (loss->vector ? 2 : 1);
    rf_shape levels = {2, {L, M}}, row = {1, {M}};
    rf_shape shapes[OUT_COUNT] = {levels, levels, {2, {M, V}}, row, {2, {M, E}}, row};
    rf_value rows[RF_DENSE_LEVELS], slots[RF_DENSE_LEVELS];
    loss->matches = matches;
    *vert = *edge = RF_NONE;
    rf_value t = rf_graph_host(g, "mesh_targets", assign_rows, loss, &after, 1, shapes, OUT_COUNT);
    if (t == RF_NONE) return RF_NONE;
    for (int l = 0; l < L; l++) {
        rf_shape map = rf_graph_shape(g, detector->features[l]);
        rf_value cells =
            rf_apply1(g, "reshape", detector->features[l], "d0=%d d1=%d", map.d[0] * map.d[1] * map.d[2], map.d[3]);
        rows[l] = rf_apply2(g, "gather", cells, of_level(g, t + OUT_INDEX, l, M), "");
        slots[l] = of_level(g, t + OUT_SLOT, l, M);
    }
    rf_value xy = rf_dense_vertices(g, &detector->dense, rows, slots);
    rf_value ends = rf_graph_param(g, "mesh_ends", (rf_shape){2, {(int)loss->n_edges, 2}}, loss->edges, NULL);
    rf_value lines = rf_apply2(g, "mesh_edges", xy, ends, "vector=%d", loss->vector);
    *vert = rf_graph_apply(g, "smooth_l1", (rf_value[]){xy, t + OUT_VERTICES, t + OUT_VERTEX_WEIGHT}, 3, "beta=0");
    *edge = rf_graph_apply(g, "smooth_l1", (rf_value[]){lines, t + OUT_EDGES, t + OUT_EDGE_WEIGHT}, 3, "beta=0");
    rf_graph_keep(g, *vert);
    rf_graph_keep(g, *edge);
    return rf_apply2(g, "add", rf_apply1(g, "scale", *vert, "factor=%.17g", loss->weight),
                     rf_apply1(g, "scale", *edge, "factor=%.17g", loss->weight * loss->edge_weight), "");
}

void rf_dense_loss_set_batch(rf_dense_loss *loss, const rf_loss_batch *batch) {
    if (loss) loss->batch = *batch;
}
