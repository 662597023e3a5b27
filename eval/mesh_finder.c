/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/mesh_finder.h"

#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "detect/box.h"
#include "layers/dense.h"

enum { CHUNK = 32 }; /* faces that the branch runs for at once */

/* A candidate; its feature vector lies beside it. */
typedef struct note {
    float frame[4];  /* cx cy w h of what the vertices are relative to, input pixels */
    int level, slot; /* slot: anchor of the cell */
    float width;     /* of the input when mirrored, else 0 */
    float x, y;      /* of the tile */
    double fx, fy;
} note;

struct rf_mesh_finder {
    rf_graph *graph;
    rf_exec *exec;
    rf_dense_net branch;
    rf_codec codec;
    int32_t *partner;      /* NULL: no mirrored passes */
    rf_mesh_levels levels; /* of model.mesh_kind = pixels */
    note *notes;
    rf_real *features; /* [capacity,channels] */
    size_t n, capacity;
};

/* What of the mesh itself is needed: its symmetry, and its shape to draw it. */
static rf_status read_mesh(rf_mesh_finder *f, const rf_config *config) {
    bool mirror = config->eval.flip || config->eval.schedule == RF_EVAL_SCHEDULE_SRN;
    bool draw = config->model.mesh_kind == RF_MESH_KIND_PIXELS;
    if (!mirror && !draw) return RF_OK;
    if (!*config->data.mesh)
        return rf_fail(
            RF_ERR_USER,
            "meshes in mirrored passes, and drawn ones, need the mesh itself: set data.mesh to its OBJ file, "
            "or eval.flip = no");
    rf_mesh mesh = {0};
    char *path = rf_path_join(config->data.root, config->data.mesh);
    rf_status status = path ? rf_mesh_read(path, &mesh) : RF_ERR_NOMEM;
    if (status == RF_OK && mesh.n_vertices != (size_t)config->model.mesh_vertices)
        status = rf_fail(RF_ERR_USER, "%s has %zu vertices, the network's mesh has %ld", path, mesh.n_vertices,
                         config->model.mesh_vertices);
    if (status == RF_OK && draw) status = rf_mesh_levels_make(&mesh, CHUNK, &f->levels);
    if (status == RF_OK && mirror) {
        f->partner = rf_alloc(mesh.n_vertices, sizeof *f->partner);
        status = f->partner ? rf_mesh_mirror(&mesh, path, f->partner) : RF_ERR_NOMEM;
    }
    rf_mesh_free(&mesh);
    rf_free(path);
    return status;
}

rf_status rf_mesh_finder_open(const rf_config *config, rf_params *params, const rf_codec *codec, rf_mesh_finder **out) {
    *out = NULL;
    if (!config->eval.mesh || config->model.mesh_vertices == 0) return RF_OK;
    rf_mesh_finder *f = rf_alloc(1, sizeof *f);
    rf_status status = RF_ERR_NOMEM;
    if (!f) return status;
    f->codec = *codec;
    f->codec.n_points = 1; /* vertex by vertex */
    f->graph = rf_graph_new();
    if (!f->graph) goto fail;
    RF_TRY_GOTO(read_mesh(f, config));
    RF_TRY_GOTO(rf_dense_build(f->graph, params, config, CHUNK, &f->levels, &f->branch));
    status = RF_ERR_NOMEM;
    f->exec = rf_exec_new(f->graph, NULL);
    if (!f->exec) goto fail;
    *out = f;
    return RF_OK;
fail:
    rf_mesh_finder_close(f);
    return status;
}

void rf_mesh_finder_close(rf_mesh_finder *f) {
    if (!f) return;
    rf_exec_free(f->exec);
    rf_graph_free(f->graph);
    rf_mesh_levels_free(&f->levels);
    rf_free(f->partner);
    rf_free(f->notes);
    rf_free(f->features);
    rf_free(f);
}

void rf_mesh_finder_begin(rf_mesh_finder *f) {
    if (f) f->n = 0;
}

static rf_status reserve(rf_mesh_finder *f) {
    if (f->n < f->capacity) return RF_OK;
    size_t wanted = f->capacity ? 2 * f->capacity : 64, c = (size_t)f->branch.dense.channels;
    note *notes = rf_realloc(f->notes, f->capacity, wanted, sizeof *notes);
    if (notes) f->notes = notes;
    rf_real *features = rf_realloc(f->features, f->capacity * c, wanted * c, sizeof *features);
    if (features) f->features = features;
    if (!notes || !features) return RF_ERR_NOMEM;
    f->capacity = wanted;
    return RF_OK;
}

rf_status rf_mesh_finder_note(rf_mesh_finder *f, const rf_mesh_pass *pass, rf_face *face) {
    RF_TRY(reserve(f));
    const rf_anchor_set *anchors = pass->anchors;
    size_t a = face->mesh - 1, c = (size_t)f->branch.dense.channels, per = (size_t)anchors->n_sizes;
    int level = rf_anchor_level_of(anchors, a);
    size_t within = a - anchors->levels[level].first;
    note *to = &f->notes[f->n];
    *to = (note){.level = level,
                 .slot = (int)(within % per),
                 .width = pass->flipped ? (float)pass->width - (f->codec.plus_one ? 1 : 0) : 0,
                 .x = (float)pass->x,
                 .y = (float)pass->y,
                 .fx = pass->fx,
                 .fy = pass->fy};
    memcpy(to->frame, anchors->boxes + 4 * a, sizeof to->frame);
    if (f->branch.dense.pixels && f->branch.dense.boxed) rf_box_square(face->box, to->frame);
    const rf_real *map = rf_exec_data(pass->exec, pass->detector->features[level]);
    memcpy(f->features + f->n * c, map + within / per * c, c * sizeof *map);
    face->mesh = (uint32_t)++f->n;
    return RF_OK;
}

static void fill_inputs(rf_mesh_finder *f, const rf_face *faces, size_t n) {
    size_t c = (size_t)f->branch.dense.channels;
    for (int l = 0; l < f->branch.dense.n_levels; l++) {
        rf_real *rows = rf_exec_data(f->exec, f->branch.rows[l]), *slots = rf_exec_data(f->exec, f->branch.slots[l]);
        for (size_t m = 0; m < CHUNK; m++) {
            const note *from = m < n ? &f->notes[faces[m].mesh - 1] : NULL;
            bool own = from && from->level == l;
            slots[m] = own ? (rf_real)(m * (size_t)f->branch.dense.cell_anchors + (size_t)from->slot) : -1;
            if (own)
                memcpy(rows + m * c, f->features + (faces[m].mesh - 1) * c, c * sizeof *rows);
            else
                memset(rows + m * c, 0, c * sizeof *rows);
        }
    }
}

static void decode(const rf_mesh_finder *f, const note *from, const rf_real *encoded, float *out) {
    size_t n = (size_t)f->branch.dense.vertices;
    for (size_t i = 0; i < n; i++) {
        size_t k = from->width > 0 ? (size_t)f->partner[i] : i;
        const float row[2] = {(float)encoded[2 * k], (float)encoded[2 * k + 1]};
        float at[2];
        rf_coder_delta_points.place(&f->codec, from->frame, row, at);
        if (from->width > 0) at[0] = from->width - at[0];
        out[2 * i] = (float)((at[0] + from->x) * from->fx);
        out[2 * i + 1] = (float)((at[1] + from->y) * from->fy);
    }
}

rf_status rf_mesh_finder_end(rf_mesh_finder *f, rf_face_list *faces) {
    if (!f || faces->n == 0) return RF_OK;
    size_t n = (size_t)f->branch.dense.vertices;
    faces->vertices = rf_alloc(2 * n * faces->n, sizeof *faces->vertices);
    if (!faces->vertices) return RF_ERR_NOMEM;
    faces->n_vertices = n;
    for (size_t first = 0; first < faces->n; first += CHUNK) {
        size_t count = faces->n - first < CHUNK ? faces->n - first : CHUNK;
        fill_inputs(f, faces->items + first, count);
        RF_TRY(rf_exec_forward(f->exec, false));
        const rf_real *encoded = rf_exec_data(f->exec, f->branch.vertices);
        for (size_t m = 0; m < count; m++) {
            rf_face *face = &faces->items[first + m];
            float *out = faces->vertices + 2 * n * (first + m);
            decode(f, &f->notes[face->mesh - 1], encoded + 2 * n * m, out);
            for (size_t i = 0; i < 2 * n; i++)
                if (!isfinite(out[i]))
                    return rf_fail(RF_ERR_NONFINITE,
                                   "the network's mesh of a face is not finite; the weights are broken");
            face->mesh = (uint32_t)(first + m + 1);
        }
    }
    return RF_OK;
}
