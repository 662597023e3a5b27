/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mesh.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"

static const size_t max_bytes = (size_t)64 << 20;

void rf_mesh_free(rf_mesh *mesh) {
    if (!mesh) return;
    rf_free(mesh->vertices);
    rf_free(mesh->triangles);
    rf_free(mesh->colours);
    *mesh = (rf_mesh){0};
}

/* A file under way. */
typedef struct reader {
    const char *path;
    int line;
    size_t vertex_room, triangle_room, colour_room;
    bool plain; /* a vertex without colours was seen */
    rf_mesh mesh;
} reader;

/* `array` of `count` triples with room for another one, moved when it was full; NULL: memory is out, the array stays.
 */
static void *with_room(void *array, size_t count, size_t *room, size_t element) {
    if (count < *room) return array;
    size_t more = *room ? 2 * *room : 256;
    void *grown = rf_realloc(array, 3 * count, 3 * more, element);
    if (grown) *room = more;
    return grown;
}

/* Colours of the vertex that was added last; a file in which some vertices have none has none. */
static rf_status add_colours(reader *r, const char *text) {
    float rgb[3];
    rf_mesh *m = &r->mesh;
    for (int k = 0; k < 3 && !r->plain; k++) {
        char *stop;
        rgb[k] = strtof(text, &stop);
        r->plain = stop == text || !(rgb[k] >= 0 && rgb[k] <= 1);
        text = stop;
    }
    if (r->plain) return RF_OK;
    float *colours = with_room(m->colours, m->n_vertices - 1, &r->colour_room, sizeof *colours);
    if (!colours) return RF_ERR_NOMEM;
    m->colours = colours;
    memcpy(m->colours + 3 * (m->n_vertices - 1), rgb, sizeof rgb);
    return RF_OK;
}

static rf_status add_vertex(reader *r, const float at[3]) {
    rf_mesh *m = &r->mesh;
    if (m->n_vertices == RF_MESH_VERTICES_MAX)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: more than %d vertices; reduce the mesh", r->path, r->line,
                       RF_MESH_VERTICES_MAX);
    float *vertices = with_room(m->vertices, m->n_vertices, &r->vertex_room, sizeof *vertices);
    if (!vertices) return RF_ERR_NOMEM;
    m->vertices = vertices;
    memcpy(m->vertices + 3 * m->n_vertices++, at, 3 * sizeof *at);
    return RF_OK;
}

static rf_status add_triangle(reader *r, int a, int b, int c) {
    rf_mesh *m = &r->mesh;
    if (m->n_triangles == RF_MESH_TRIANGLES_MAX)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: more than %d triangles; reduce the mesh", r->path, r->line,
                       RF_MESH_TRIANGLES_MAX);
    int32_t *triangles = with_room(m->triangles, m->n_triangles, &r->triangle_room, sizeof *triangles);
    if (!triangles) return RF_ERR_NOMEM;
    m->triangles = triangles;
    int32_t *to = m->triangles + 3 * m->n_triangles++;
    to[0] = a;
    to[1] = b;
    to[2] = c;
    return RF_OK;
}

static rf_status read_vertex(reader *r, const char *text) {
    float at[3];
    for (int k = 0; k < 3; k++) {
        char *stop;
        at[k] = strtof(text, &stop);
        if (stop == text || !isfinite(at[k]) || fabsf(at[k]) > 1e6f)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a vertex is \"v x y z\", three numbers between -1e6 and 1e6", r->path,
                           r->line);
        text = stop;
    }
    RF_TRY(add_vertex(r, at));
    return add_colours(r, text);
}

static rf_status read_face(reader *r, const char *text) {
    long corner[3] = {0}, n = (long)r->mesh.n_vertices;
    int count = 0;
    while (*text) {
        char *stop;
        long v = strtol(text, &stop, 10);
        if (stop == text) break;
        v = v < 0 ? n + v : v - 1;
        if (v < 0 || v >= n)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a face names a vertex that the %ld above do not include", r->path,
                           r->line, n);
        corner[count < 3 ? count : 2] = v;
        if (++count >= 3) {
            RF_TRY(add_triangle(r, (int)corner[0], (int)corner[1], (int)corner[2]));
            corner[1] = corner[2];
        }
        text = stop + strcspn(stop, " \t\r"); /* past /texture/normal */
        text += strspn(text, " \t\r");
    }
    if (count >= 3 && *text == 0) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: a face is \"f\" and at least three vertex numbers", r->path, r->line);
}

static rf_status read_line(reader *r, char *line) {
    line += strspn(line, " \t");
    line[strcspn(line, "\r#")] = 0;
    if (line[0] == 'v' && (line[1] == ' ' || line[1] == '\t')) return read_vertex(r, line + 2);
    if (line[0] != 'f' || (line[1] != ' ' && line[1] != '\t')) return RF_OK;
    line += 2;
    return read_face(r, line + strspn(line, " \t"));
}

rf_status rf_mesh_parse(const char *path, const char *text, size_t bytes, rf_mesh *out) {
    reader r = {.path = path};
    rf_status status = RF_OK;
    *out = (rf_mesh){0};
    for (size_t at = 0; at < bytes && status == RF_OK;) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end ? (size_t)(end - text) - at : bytes - at;
        char line[1024];
        size_t n = length < sizeof line - 1 ? length : sizeof line - 1;
        memcpy(line, text + at, n);
        line[n] = 0;
        r.line++;
        if (n < length && (line[0] == 'v' || line[0] == 'f'))
            status = rf_fail(RF_ERR_FORMAT, "%s:%d: the line is longer than %zu characters", path, r.line, n);
        else
            status = read_line(&r, line);
        at += length + 1;
    }
    if (status == RF_OK && (r.mesh.n_vertices < 3 || r.mesh.n_triangles == 0))
        status =
            rf_fail(RF_ERR_FORMAT, "%s: no mesh: expected an OBJ file with lines \"v x y z\" and \"f a b c\"", path);
    if (r.plain) {
        rf_free(r.mesh.colours);
        r.mesh.colours = NULL;
    }
    if (status == RF_OK)
        *out = r.mesh;
    else
        rf_mesh_free(&r.mesh);
    return status;
}

rf_status rf_mesh_read(const char *path, rf_mesh *out) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    *out = (rf_mesh){0};
    RF_TRY(rf_file_read(path, max_bytes, &data, &bytes));
    rf_status status = rf_mesh_parse(path, (const char *)data, bytes, out);
    rf_free(data);
    return status;
}

rf_status rf_mesh_text(const rf_mesh *mesh, char **text) {
    rf_text t = {0};
    for (size_t i = 0; i < mesh->n_vertices; i++) {
        const float *v = mesh->vertices + 3 * i;
        rf_text_printf(&t, "v %.7g %.7g %.7g", (double)v[0], (double)v[1], (double)v[2]);
        for (size_t k = 0; mesh->colours && k < 3; k++) rf_text_printf(&t, " %.4g", (double)mesh->colours[3 * i + k]);
        rf_text_put(&t, "\n");
    }
    for (size_t i = 0; i < mesh->n_triangles; i++) {
        const int32_t *v = mesh->triangles + 3 * i;
        rf_text_printf(&t, "f %d %d %d\n", v[0] + 1, v[1] + 1, v[2] + 1);
    }
    return rf_text_finish(&t, text, NULL);
}

rf_status rf_mesh_write(const char *path, const rf_mesh *mesh) {
    char *text;
    RF_TRY(rf_mesh_text(mesh, &text));
    rf_status status = rf_file_write_atomic(path, text, strlen(text));
    rf_free(text);
    return status;
}

void rf_mesh_bounds(const rf_mesh *mesh, float lo[3], float hi[3]) {
    for (int k = 0; k < 3; k++) lo[k] = hi[k] = mesh->vertices[k];
    for (size_t i = 3; i < 3 * mesh->n_vertices; i++) {
        lo[i % 3] = fminf(lo[i % 3], mesh->vertices[i]);
        hi[i % 3] = fmaxf(hi[i % 3], mesh->vertices[i]);
    }
}

rf_status rf_mesh_mirror(const rf_mesh *mesh, const char *path, int32_t *partner) {
    float lo[3], hi[3];
    rf_mesh_bounds(mesh, lo, hi);
    float limit = 0.02f * (hi[0] - lo[0]);
    for (size_t i = 0; i < mesh->n_vertices; i++) {
        const float *a = mesh->vertices + 3 * i;
        float x = lo[0] + hi[0] - a[0], best = INFINITY;
        for (size_t k = 0; k < mesh->n_vertices; k++) {
            const float *b = mesh->vertices + 3 * k;
            float dx = b[0] - x, dy = b[1] - a[1], dz = b[2] - a[2], d = dx * dx + dy * dy + dz * dz;
            if (d >= best) continue;
            best = d;
            partner[i] = (int32_t)k;
        }
        if (!(best <= limit * limit))
            return rf_fail(RF_ERR_FORMAT,
                           "%s: vertex %zu has no mirror image within %g: a mesh that is not symmetric in x needs "
                           "augment.flip = 0",
                           path, i + 1, (double)limit);
    }
    for (size_t i = 0; i < mesh->n_vertices; i++)
        if (partner[partner[i]] != (int32_t)i)
            return rf_fail(RF_ERR_FORMAT,
                           "%s: vertices %zu and %d are mirror images of the same vertex %d: the mesh is not symmetric "
                           "in x; set augment.flip = 0",
                           path, i + 1, partner[partner[i]] + 1, partner[i] + 1);
    return RF_OK;
}
