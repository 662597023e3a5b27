/* SPDX-License-Identifier: Apache-2.0 */
#include "data/synth_mesh.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

/* Where the mesh's box comes to lie in the head: its width, hairline, chin and the tip of the nose. */
static const float fit_half_width = 0.68f, fit_top = -0.60f, fit_bottom = 0.97f, fit_front = 1.0f;

void rf_synth_mesh_free(rf_synth_mesh *mesh) {
    if (!mesh) return;
    rf_mesh_free(&mesh->mesh);
    rf_free(mesh->fitted);
    rf_free(mesh->triangles);
    rf_free(mesh);
}

/* Turns all triangles round when most of their area is seen from behind. */
static void face_front(rf_synth_mesh *m) {
    double area = 0;
    for (size_t t = 0; t < m->mesh.n_triangles; t++) {
        const int32_t *corner = m->triangles + 3 * t;
        const float *a = m->fitted + 3 * corner[0], *b = m->fitted + 3 * corner[1], *c = m->fitted + 3 * corner[2];
        area += (double)((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
    }
    for (size_t t = 0; t < m->mesh.n_triangles && area < 0; t++) {
        int32_t *corner = m->triangles + 3 * t, second = corner[1];
        corner[1] = corner[2];
        corner[2] = second;
    }
}

rf_status rf_synth_mesh_make(const char *path, rf_mesh *mesh, rf_synth_mesh **out) {
    rf_synth_mesh *m = rf_alloc(1, sizeof *m);
    rf_status status = RF_ERR_NOMEM;
    float lo[3], hi[3], scale[3], shift[3];
    if (!m) {
        rf_mesh_free(mesh);
        return RF_ERR_NOMEM;
    }
    m->mesh = *mesh;
    *mesh = (rf_mesh){0};
    size_t n = m->mesh.n_vertices, corners = 3 * m->mesh.n_triangles;
    m->fitted = rf_alloc(3 * n, sizeof *m->fitted);
    m->triangles = rf_alloc(corners, sizeof *m->triangles);
    if (!m->fitted || !m->triangles) goto fail;
    rf_mesh_bounds(&m->mesh, lo, hi);
    if (!(hi[0] - lo[0] > 0 && hi[1] - lo[1] > 0)) {
        status = rf_fail(RF_ERR_FORMAT, "%s: the mesh has no width or no height; x is across, y up", path);
        goto fail;
    }
    scale[0] = 2 * fit_half_width / (hi[0] - lo[0]);
    scale[1] = -(fit_bottom - fit_top) / (hi[1] - lo[1]);
    scale[2] = 0.5f * (scale[0] - scale[1]);
    shift[0] = -0.5f * (lo[0] + hi[0]) * scale[0];
    shift[1] = fit_top - hi[1] * scale[1];
    shift[2] = fit_front - hi[2] * scale[2];
    for (size_t i = 0; i < 3 * n; i++) m->fitted[i] = m->mesh.vertices[i] * scale[i % 3] + shift[i % 3];
    memcpy(m->triangles, m->mesh.triangles, corners * sizeof *m->triangles);
    face_front(m);
    *out = m;
    return RF_OK;
fail:
    rf_synth_mesh_free(m);
    return status;
}

static float smooth(float lo, float hi, float x) {
    float t = rf_min(rf_max((x - lo) / (hi - lo), 0), 1);
    return t * t * (3 - 2 * t);
}

/* From a place of the fitted mesh to the head's own: faces differ in width, depth, jaw, chin and nose. */
static void shape(const rf_head *head, const float at[3], float out[3]) {
    float x = at[0] / 0.14f, y = (at[1] - 0.25f) / 0.25f, nose = expf(-rf_min(x * x + y * y, 30));
    out[0] = at[0] * head->half_width / 0.70f * (1 + 0.5f * (head->jaw - 0.26f) * smooth(0.15f, 1, at[1]));
    out[1] = at[1] + (head->chin - 0.07f) * smooth(0.5f, 0.95f, at[1]);
    out[2] = at[2] * head->half_depth / 0.84f + 1.5f * (head->nose_height - 0.21f) * nose;
}

static void project(const rf_head *head, const float at[3], float out[3]) {
    float position[3];
    shape(head, at, position);
    rf_head_to_picture(head, position, out);
}

void rf_synth_mesh_project(const rf_head *head, size_t i, float out[3]) {
    project(head, head->mesh->fitted + 3 * i, out);
}

/* The foremost point of the fitted mesh at (u,v); beside the mesh or in a hole: the nearest vertex. */
static void surface_at(const rf_synth_mesh *m, float u, float v, float out[3]) {
    float best = INFINITY, front = -INFINITY;
    for (size_t i = 0; i < m->mesh.n_vertices; i++) {
        const float *p = m->fitted + 3 * i;
        float d = (p[0] - u) * (p[0] - u) + (p[1] - v) * (p[1] - v);
        if (d >= best) continue;
        best = d;
        memcpy(out, p, 3 * sizeof *p);
    }
    for (size_t t = 0; t < m->mesh.n_triangles; t++) {
        const int32_t *corner = m->triangles + 3 * t;
        const float *a = m->fitted + 3 * corner[0], *b = m->fitted + 3 * corner[1], *c = m->fitted + 3 * corner[2];
        float area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if (area <= 0) continue;
        float wa = ((b[0] - u) * (c[1] - v) - (b[1] - v) * (c[0] - u)) / area;
        float wb = ((c[0] - u) * (a[1] - v) - (c[1] - v) * (a[0] - u)) / area, wc = 1 - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        float z = wa * a[2] + wb * b[2] + wc * c[2];
        if (z <= front) continue;
        front = z;
        out[0] = u;
        out[1] = v;
        out[2] = z;
    }
}

void rf_synth_mesh_annotate(const rf_head *head, rf_face *face, float points[2 * RF_POINTS]) {
    const float corner = head->mouth_y - 0.06f * head->smile;
    const float places[RF_POINTS][2] = {{-head->eye_x, head->eye_y},
                                        {head->eye_x, head->eye_y},
                                        {0, head->eye_y + head->nose_length},
                                        {-head->mouth_half, corner},
                                        {head->mouth_half, corner}};
    *face = (rf_face){.box = {1e9f, 1e9f, -1e9f, -1e9f}, .score = 1};
    face->points = points;
    face->n_points = RF_POINTS;
    float at[3], out[3];
    for (size_t i = 0; i < head->mesh->mesh.n_vertices; i++) {
        rf_synth_mesh_project(head, i, out);
        for (int d = 0; d < 2; d++) {
            face->box[d] = rf_min(face->box[d], out[d]);
            face->box[2 + d] = rf_max(face->box[2 + d], out[d]);
        }
    }
    for (int k = 0; k < RF_POINTS; k++) {
        surface_at(head->mesh, places[k][0], places[k][1], at);
        project(head, at, out);
        face->points[2 * k] = out[0];
        face->points[2 * k + 1] = out[1];
    }
}

/* The mean colour of the skin between a vertex of the grid and its neighbours, under plain white light. The right half
 * of the face serves both. */
static void paint(const rf_head *head, float longitude, float latitude, const float step[2], float out[3]) {
    enum { SAMPLES = 5 };
    rf_rgb sum = {0, 0, 0};
    for (int k = 0; k < SAMPLES * SAMPLES; k++) {
        float uvw[3], at[3], dx = ((float)(k % SAMPLES) + 0.5f) / SAMPLES - 0.5f;
        float dy = ((float)k / SAMPLES + 0.5f) / SAMPLES - 0.5f;
        rf_head_surface(head, fabsf(fabsf(longitude) + dx * step[0]), latitude + dy * step[1], uvw, at);
        rf_head_sample s = {.u = uvw[0], .v = uvw[1], .w = uvw[2], .nz = 1, .material = RF_SKIN};
        rf_rgb c = rf_head_colour(head, &s, 0.02f);
        sum = (rf_rgb){sum.r + c.r, sum.g + c.g, sum.b + c.b};
    }
    const float rgb[3] = {sum.r, sum.g, sum.b};
    for (int k = 0; k < 3; k++) out[k] = rf_min(rf_max(rgb[k] / (SAMPLES * SAMPLES), 0), 1);
}

static const rf_head average = {.half_width = 0.70f,
                                .half_depth = 0.84f,
                                .jaw = 0.26f,
                                .chin = 0.07f,
                                .nose_length = 0.36f,
                                .nose_height = 0.21f,
                                .nose_width = 0.115f,
                                .eye_x = 0.285f,
                                .brow_y = -0.18f,
                                .mouth_y = 0.61f,
                                .mouth_half = 0.225f,
                                .eye_size = 1,
                                .eye_open = 1,
                                .brow_thick = 0.03f,
                                .skin = {0.70f, 0.52f, 0.43f},
                                .hair = {0.16f, 0.11f, 0.08f},
                                .iris = {0.25f, 0.18f, 0.12f},
                                .ambient = 1,
                                .tint = {1, 1, 1}};
static const float grid_top = -0.6435f, grid_bottom = 1.36f, grid_side = 1.25f; /* radians */

void rf_synth_mesh_landmarks(int across, int down, int vertex[RF_POINTS]) {
    const float places[RF_POINTS][2] = {{-average.eye_x, average.eye_y},
                                        {average.eye_x, average.eye_y},
                                        {0, average.eye_y + average.nose_length},
                                        {-average.mouth_half, average.mouth_y},
                                        {average.mouth_half, average.mouth_y}};
    for (int l = 0; l < RF_POINTS; l++) {
        float best = INFINITY;
        for (int i = 0; i < across * down; i++) {
            float uvw[3], p[3],
                latitude = grid_top + (grid_bottom - grid_top) * (float)(i / across) / (float)(down - 1);
            rf_head_surface(&average, grid_side * (float)(i % across - across / 2) / (float)(across / 2), latitude, uvw,
                            p);
            float x = uvw[0] - places[l][0], y = uvw[1] - places[l][1];
            if (x * x + y * y >= best) continue;
            best = x * x + y * y;
            vertex[l] = i;
        }
    }
}

rf_status rf_synth_mesh_grid(int across, int down, rf_mesh *out) {
    const float top = grid_top, bottom = grid_bottom, side = grid_side;
    size_t n = (size_t)across * (size_t)down, cells = (size_t)(across - 1) * (size_t)(down - 1);
    *out = (rf_mesh){.n_vertices = n, .n_triangles = 2 * cells};
    out->vertices = rf_alloc(3 * n, sizeof *out->vertices);
    out->triangles = rf_alloc(6 * cells, sizeof *out->triangles);
    out->colours = rf_alloc(3 * n, sizeof *out->colours);
    if (!out->vertices || !out->triangles || !out->colours) {
        rf_mesh_free(out);
        return RF_ERR_NOMEM;
    }
    const float step[2] = {side / (float)(across / 2), (bottom - top) / (float)(down - 1)};
    int32_t *t = out->triangles;
    for (int i = 0; i < down; i++)
        for (int k = 0; k < across; k++) {
            float uvw[3], *p = out->vertices + 3 * (i * across + k);
            int from_middle = k - across / 2; /* the same product left and right: exact mirror images */
            float longitude = side * (float)from_middle / (float)(across / 2);
            float latitude = top + (bottom - top) * (float)i / (float)(down - 1);
            rf_head_surface(&average, longitude, latitude, uvw, p);
            p[1] = -p[1];
            paint(&average, longitude, latitude, step, out->colours + 3 * (i * across + k));
            if (i + 1 == down || k + 1 == across) continue;
            int32_t a = i * across + k, b = a + 1, c = a + across, d = c + 1;
            /* the diagonal mirrors too */
            const int32_t left[6] = {a, c, d, a, d, b}, right[6] = {a, c, b, b, c, d};
            memcpy(t, k < across / 2 ? left : right, sizeof left);
            t += 6;
        }
    return RF_OK;
}
