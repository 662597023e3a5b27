/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/mesh_levels.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

enum { NEAR = 3, REDUCTION = 4 };

int rf_mesh_level_size(int n, int level) {
    for (; level < RF_MESH_LEVELS - 1; level++) n = (n + REDUCTION - 1) / REDUCTION;
    return n;
}

static void matrix_free(rf_mesh_matrix *m) {
    rf_free(m->at);
    rf_free(m->value);
}

void rf_mesh_levels_free(rf_mesh_levels *levels) {
    if (!levels) return;
    for (int l = 0; l < RF_MESH_LEVELS; l++) matrix_free(&levels->laplace[l]);
    for (int l = 0; l + 1 < RF_MESH_LEVELS; l++) matrix_free(&levels->finer[l]);
    rf_free(levels->start);
    rf_free(levels->triangles);
    memset(levels, 0, sizeof *levels);
}

static rf_status matrix_alloc(int rows, size_t n, rf_mesh_matrix *m) {
    *m = (rf_mesh_matrix){rows, (int)n, rf_alloc(2 * n, sizeof *m->at), rf_alloc(n, sizeof *m->value)};
    return m->at && m->value ? RF_OK : RF_ERR_NOMEM;
}

static double distance(const float *a, const float *b) {
    double x = (double)(a[0] - b[0]), y = (double)(a[1] - b[1]), z = (double)(a[2] - b[2]);
    return sqrt(x * x + y * y + z * z);
}

/* The first `count` vertices, each as far from those before it as can be; the first is vertex 0. */
static rf_status choose(const rf_mesh *mesh, int count, int32_t *chosen) {
    double *far = rf_alloc(mesh->n_vertices, sizeof *far);
    if (!far) return RF_ERR_NOMEM;
    for (size_t i = 0; i < mesh->n_vertices; i++) far[i] = INFINITY;
    chosen[0] = 0;
    for (int k = 1; k <= count; k++) {
        size_t best = 0;
        for (size_t i = 0; i < mesh->n_vertices; i++) {
            double d = distance(mesh->vertices + 3 * i, mesh->vertices + 3 * chosen[k - 1]);
            if (d < far[i]) far[i] = d;
            if (far[i] > far[best]) best = i;
        }
        if (k < count) chosen[k] = (int32_t)best;
    }
    rf_free(far);
    return RF_OK;
}

/* Weights of the nearest chosen ones for the vertices of `fine`. */
static rf_status interpolate(const rf_mesh *mesh, const int32_t *fine, int n_fine, const int32_t *coarse, int n_coarse,
                             rf_mesh_matrix *out) {
    int near = n_coarse < NEAR ? n_coarse : NEAR;
    RF_TRY(matrix_alloc(n_fine, (size_t)(n_fine * near), out));
    for (int i = 0; i < n_fine; i++) {
        double best[NEAR], sum = 0;
        int which[NEAR];
        for (int k = 0; k < near; k++) best[k] = INFINITY, which[k] = 0;
        for (int c = 0; c < n_coarse; c++) {
            double d = distance(mesh->vertices + 3 * fine[i], mesh->vertices + 3 * coarse[c]);
            for (int k = 0; k < near; k++)
                if (d < best[k]) {
                    memmove(best + k + 1, best + k, (size_t)(near - k - 1) * sizeof *best);
                    memmove(which + k + 1, which + k, (size_t)(near - k - 1) * sizeof *which);
                    best[k] = d;
                    which[k] = c;
                    break;
                }
        }
        for (int k = 0; k < near; k++) sum += 1 / (best[k] + 1e-6);
        for (int k = 0; k < near; k++) {
            out->at[2 * (i * near + k)] = (rf_real)i;
            out->at[2 * (i * near + k) + 1] = (rf_real)which[k];
            out->value[i * near + k] = (rf_real)(1 / (best[k] + 1e-6) / sum);
        }
    }
    return RF_OK;
}

/* The Laplacian of the graph whose vertices are `chosen` and whose edges join the cells of joined vertices. */
static rf_status laplacian(const rf_mesh *mesh, const int32_t *chosen, int n, rf_mesh_matrix *out) {
    rf_status status = RF_ERR_NOMEM;
    size_t N = mesh->n_vertices, count = (size_t)n, square = count * count;
    int32_t *cell = rf_alloc(N, sizeof *cell);
    uint8_t *joined = rf_alloc(square, 1);
    int *degree = rf_alloc(count, sizeof *degree), most = 1;
    if (!cell || !joined || !degree) goto fail;
    for (size_t i = 0; i < N; i++) {
        double best = INFINITY;
        for (int c = 0; c < n; c++) {
            double d = distance(mesh->vertices + 3 * i, mesh->vertices + 3 * chosen[c]);
            if (d < best) best = d, cell[i] = c;
        }
    }
    size_t entries = count;
    for (size_t e = 0; e < 3 * mesh->n_triangles; e++) {
        int32_t a = cell[mesh->triangles[e]], b = cell[mesh->triangles[e % 3 == 2 ? e - 2 : e + 1]];
        if (a == b || joined[a * n + b]) continue;
        joined[a * n + b] = joined[b * n + a] = 1;
        degree[a]++;
        degree[b]++;
        entries += 2;
    }
    for (int i = 0; i < n; i++) most = degree[i] > most ? degree[i] : most;
    RF_TRY_GOTO(matrix_alloc(n, entries, out));
    size_t k = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            if (i != j && !joined[i * n + j]) continue;
            out->at[2 * k] = (rf_real)i;
            out->at[2 * k + 1] = (rf_real)j;
            out->value[k++] = (rf_real)(i == j ? (double)degree[i] / most - 1 : -1.0 / most);
        }
    status = RF_OK;
fail:
    rf_free(cell);
    rf_free(joined);
    rf_free(degree);
    return status;
}

/* A coordinate of the mesh between -1 and 1, or a colour: the file's, or grey. */
static double rest_value(const rf_mesh *mesh, size_t i, size_t k, double middle, double half) {
    if (k < 3) return ((double)mesh->vertices[3 * i + k] - middle) / half;
    return mesh->colours ? (double)mesh->colours[3 * i + k - 3] : 0.6;
}

/* The mesh at rest and its triangles as numbers. */
static rf_status rest(const rf_mesh *mesh, int copies, rf_mesh_levels *out) {
    float lo[3], hi[3];
    size_t n = mesh->n_vertices;
    rf_mesh_bounds(mesh, lo, hi);
    double half = 0.5 * fmax((double)(hi[0] - lo[0]), (double)(hi[1] - lo[1]));
    out->start = rf_alloc((size_t)copies * n * 6, sizeof *out->start);
    out->triangles = rf_alloc(3 * mesh->n_triangles, sizeof *out->triangles);
    if (!out->start || !out->triangles) return RF_ERR_NOMEM;
    for (size_t i = 0; i < (size_t)copies * n; i++)
        for (size_t k = 0; k < 6; k++)
            out->start[6 * i + k] = (rf_real)rest_value(mesh, i % n, k, 0.5 * (double)(lo[k % 3] + hi[k % 3]), half);
    for (size_t t = 0; t < 3 * mesh->n_triangles; t++) out->triangles[t] = (rf_real)mesh->triangles[t];
    out->copies = copies;
    out->n_triangles = (int)mesh->n_triangles;
    return RF_OK;
}

rf_status rf_mesh_levels_make(const rf_mesh *mesh, int copies, rf_mesh_levels *out) {
    rf_status status;
    int32_t *chosen[RF_MESH_LEVELS] = {0};
    int n = (int)mesh->n_vertices;
    memset(out, 0, sizeof *out);
    for (int l = 0; l < RF_MESH_LEVELS; l++) {
        out->vertices[l] = rf_mesh_level_size(n, l);
        chosen[l] = rf_alloc((size_t)out->vertices[l], sizeof *chosen[l]);
        if (!chosen[l]) {
            status = RF_ERR_NOMEM;
            goto fail;
        }
        if (l + 1 < RF_MESH_LEVELS)
            RF_TRY_GOTO(choose(mesh, out->vertices[l], chosen[l]));
        else
            for (int i = 0; i < n; i++) chosen[l][i] = i;
        RF_TRY_GOTO(laplacian(mesh, chosen[l], out->vertices[l], &out->laplace[l]));
        if (l > 0)
            RF_TRY_GOTO(interpolate(mesh, chosen[l], out->vertices[l], chosen[l - 1], out->vertices[l - 1],
                                    &out->finer[l - 1]));
    }
    RF_TRY_GOTO(rest(mesh, copies, out));
fail:
    for (int l = 0; l < RF_MESH_LEVELS; l++) rf_free(chosen[l]);
    if (status != RF_OK) rf_mesh_levels_free(out);
    return status;
}
