/* SPDX-License-Identifier: Apache-2.0 */
#include "data/mesh_table.h"

#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/safetensors.h"

static const char suffix[] = ".mesh.safetensors";

void rf_mesh_table_free(rf_mesh_table *table) {
    if (!table) return;
    rf_free(table->xy);
    rf_free(table->partner);
    rf_free(table);
}

char *rf_mesh_table_path(const char *annotation_path) {
    return rf_path_resuffix(annotation_path, suffix);
}

static rf_status check_arrays(const char *path, const rf_st_tensor *xy, const rf_st_tensor *line, size_t n_vertices) {
    if (!xy || !line || xy->dtype != RF_F32 || line->dtype != RF_I32 || xy->n_dims != 3 || line->n_dims != 1 ||
        xy->dims[2] != 2 || xy->dims[0] != line->dims[0] || xy->dims[1] == 0)
        return rf_fail(RF_ERR_FORMAT,
                       "%s: expected the arrays \"vertices\", F32 [faces, vertices, 2], and \"line\", I32 "
                       "[faces]",
                       path);
    if (n_vertices && xy->dims[1] != n_vertices)
        return rf_fail(RF_ERR_FORMAT, "%s: faces of %zu vertices, expected %zu (model.mesh_vertices)", path,
                       xy->dims[1], n_vertices);
    for (size_t i = 0; i < xy->bytes / sizeof(float); i++) {
        float value;
        memcpy(&value, (const char *)xy->data + i * sizeof value, sizeof value);
        if (!isfinite(value) || fabsf(value) > 1e6f)
            return rf_fail(RF_ERR_FORMAT, "%s: face %zu has a vertex that is not finite or beyond 1e6 pixels", path,
                           i / (2 * xy->dims[1]));
    }
    return RF_OK;
}

/* row_of[line]: 1 + the row of the face in that line; 0 none. */
static rf_status number_lines(const char *path, const rf_st_tensor *line, const rf_dataset *dataset, uint32_t *row_of,
                              size_t n_lines) {
    uint8_t *is_face = rf_alloc(n_lines, 1);
    if (!is_face) return RF_ERR_NOMEM;
    for (size_t f = 0; f < dataset->n_faces; f++) is_face[dataset->face_lines[f]] = 1;
    rf_status status = RF_OK;
    for (size_t r = 0; r < line->dims[0] && status == RF_OK; r++) {
        int32_t at;
        memcpy(&at, (const char *)line->data + r * sizeof at, sizeof at);
        if (at < 1)
            status = rf_fail(RF_ERR_FORMAT, "%s: row %zu is for line %d; lines are counted from 1", path, r, at);
        else if ((size_t)at < n_lines && row_of[at])
            status = rf_fail(RF_ERR_FORMAT, "%s: two rows are for line %d of %s", path, at, dataset->annotation_path);
        else if ((size_t)at < n_lines && is_face[at])
            row_of[at] = (uint32_t)r + 1;
    }
    rf_free(is_face);
    return status;
}

static rf_status attach(const char *path, const rf_st_file *file, size_t n_vertices, rf_dataset *dataset) {
    const rf_st_tensor *xy = rf_st_find(file, "vertices"), *line = rf_st_find(file, "line");
    RF_TRY(check_arrays(path, xy, line, n_vertices));
    size_t n_lines = 1, found = 0;
    for (size_t f = 0; f < dataset->n_faces; f++)
        if ((size_t)dataset->face_lines[f] >= n_lines) n_lines = (size_t)dataset->face_lines[f] + 1;
    rf_status status = RF_ERR_NOMEM;
    uint32_t *row_of = rf_alloc(n_lines, sizeof *row_of);
    rf_mesh_table *table = rf_alloc(1, sizeof *table);
    if (!row_of || !table) goto fail;
    *table = (rf_mesh_table){.n_rows = xy->dims[0], .n_vertices = xy->dims[1]};
    table->xy = rf_alloc(xy->bytes / sizeof(float), sizeof *table->xy);
    if (!table->xy) goto fail;
    memcpy(table->xy, xy->data, xy->bytes);
    RF_TRY_GOTO(number_lines(path, line, dataset, row_of, n_lines));
    for (size_t f = 0; f < dataset->n_faces; f++) found += row_of[dataset->face_lines[f]] > 0;
    if (found == 0 && dataset->n_faces > 0) {
        status = rf_fail(RF_ERR_FORMAT, "%s: none of its lines holds a face of %s", path, dataset->annotation_path);
        goto fail;
    }
    for (size_t f = 0; f < dataset->n_faces; f++) dataset->faces[f].mesh = row_of[dataset->face_lines[f]];
    rf_mesh_table_free(dataset->mesh);
    dataset->mesh = table;
    table = NULL;
    status = RF_OK;
fail:
    rf_mesh_table_free(table);
    rf_free(row_of);
    return status;
}

rf_status rf_dataset_read_mesh(rf_dataset *dataset, size_t n_vertices) {
    rf_st_file *file = NULL;
    char *path = rf_mesh_table_path(dataset->annotation_path);
    rf_status status = path ? rf_st_read(path, &file) : RF_ERR_NOMEM;
    if (status == RF_OK) status = attach(path, file, n_vertices, dataset);
    rf_st_free(file);
    rf_free(path);
    return status;
}

rf_status rf_mesh_table_mirror(rf_mesh_table *table, const rf_mesh *mesh, const char *path) {
    if (mesh->n_vertices != table->n_vertices)
        return rf_fail(RF_ERR_FORMAT, "%s has %zu vertices, the annotated faces have %zu", path, mesh->n_vertices,
                       table->n_vertices);
    int32_t *partner = rf_alloc(table->n_vertices, sizeof *partner);
    if (!partner) return RF_ERR_NOMEM;
    rf_status status = rf_mesh_mirror(mesh, path, partner);
    if (status == RF_OK) {
        rf_free(table->partner);
        table->partner = partner;
    } else {
        rf_free(partner);
    }
    return status;
}

rf_status rf_mesh_table_write(const char *path, const int32_t *lines, const float *xy, size_t n_rows,
                              size_t n_vertices) {
    char names[2][16] = {"vertices", "line"};
    rf_st_tensor arrays[2] = {
        {names[0], RF_F32, 3, {n_rows, n_vertices, 2}, xy, n_rows * n_vertices * 2 * sizeof *xy},
        {names[1], RF_I32, 1, {n_rows}, lines, n_rows * sizeof *lines},
    };
    return rf_st_write(path, arrays, 2, NULL, NULL, 0);
}
