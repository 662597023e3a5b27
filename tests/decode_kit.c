/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decode_kit.h"

#include <math.h>

#include "core/mem.h"

enum { MOST_TABLES = 32 };

/* A graph and the tables that its constants are, as numbers of the engine. */
typedef struct kit {
    rf_graph *graph;
    rf_real *tables[MOST_TABLES];
    int n_tables;
} kit;

static rf_value constant(kit *k, const float *from, size_t n, int width) {
    if (!from || k->n_tables == MOST_TABLES) return RF_NONE;
    size_t count = n * (size_t)width;
    rf_real *to = rf_alloc(count, sizeof *to);
    if (!to) return RF_NONE;
    for (size_t i = 0; i < count; i++) to[i] = (rf_real)from[i];
    k->tables[k->n_tables++] = to;
    return rf_graph_const(k->graph, "table", (rf_shape){2, {(int)n, width}}, to);
}

static rf_status run(const kit *k, const rf_decoded *decoded, int n_points, rf_face_list *out) {
    RF_TRY(rf_graph_status(k->graph));
    rf_exec *exec = rf_exec_new(k->graph, NULL);
    if (!exec) return RF_ERR_NOMEM;
    rf_status status = rf_exec_forward(exec, false);
    if (status == RF_OK) status = rf_decoded_faces(exec, decoded, n_points, out);
    rf_exec_free(exec);
    return status;
}

rf_status kit_decode_level(const rf_codec *codec, const float *anchors, size_t n, const kit_stage *stages, int n_stages,
                           const rf_level_spec *spec, rf_face_list *out) {
    kit k = {.graph = rf_graph_new()};
    rf_stage_rows rows[8];
    rf_level_spec level = *spec;
    rf_decoded decoded;
    if (!k.graph) return RF_ERR_NOMEM;
    level.first = 0;
    level.count = n;
    rf_value table = constant(&k, anchors, n, 4);
    for (int s = 0; s < n_stages; s++) {
        const kit_stage *from = &stages[s];
        rows[s] =
            (rf_stage_rows){.cls = constant(&k, from->cls, n, 2),
                            .loc = constant(&k, from->loc, n, 4),
                            .points = constant(&k, from->points, n, 2 * codec->n_points),
                            .extra = {constant(&k, from->blur, n, 1), constant(&k, from->visible, n, codec->n_points)}};
    }
    rf_extras extras = {
        {{rf_output_kind_find("blur"), 1, 1, -1}, {rf_output_kind_find("visible"), codec->n_points, 1, -1}}, 2, 0};
    rf_decode_level(k.graph, codec, table, rows, n_stages, &level, &extras, &decoded);
    rf_status status = run(&k, &decoded, codec->n_points, out);
    rf_graph_free(k.graph);
    for (int i = 0; i < k.n_tables; i++) rf_free(k.tables[i]);
    return status;
}

rf_status kit_decode_stages(const rf_codec *codec, const float *anchors, size_t n, const kit_stage *stages,
                            int n_stages, float drop_below, float score, rf_face_list *out) {
    rf_level_spec spec = {.score = score, .drop_below = drop_below, .factor = 1};
    return kit_decode_level(codec, anchors, n, stages, n_stages, &spec, out);
}

rf_status kit_decode_faces(const rf_codec *codec, const float *anchors, size_t n, const float *cls, const float *loc,
                           const float *points, float score, rf_face_list *out) {
    kit_stage stage = {.cls = cls, .loc = loc, .points = points};
    return kit_decode_stages(codec, anchors, n, &stage, 1, -INFINITY, score, out);
}
