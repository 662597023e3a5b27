/* SPDX-License-Identifier: Apache-2.0 */
/* Rasterises a head into a supersampled buffer of surface samples, paints them and blends the result into the canvas.
 */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "data/synth_mesh.h"

typedef struct vertex {
    float x, y, z;    /* samples of the buffer; z to the viewer */
    float u, v, w;    /* undeformed head */
    float longitude;  /* -pi in the first column, pi in the last */
    float nx, ny, nz; /* unit normal, picture axes */
} vertex;

typedef struct grid {
    int across, down;
    vertex *v; /* [down][across]; the columns close a circle: the first and the last coincide */
} grid;

typedef struct buffer {
    rf_head_sample *samples; /* [height][width] */
    int width, height;
    int x0, y0, factor; /* canvas pixel of the upper left corner, samples a pixel along an axis */
} buffer;

/* Which surface a grid stands for. */
typedef enum shell { SHELL_SKIN, SHELL_HAIR, SHELL_HAT, SHELL_BRIM } shell;

void rf_head_space_free(rf_head_space *space) {
    rf_free(space->samples);
    rf_free(space->vertices);
    *space = (rf_head_space){0};
}

static rf_status reserve(void **memory, size_t *have, size_t want, size_t size) {
    if (want <= *have) return RF_OK;
    rf_free(*memory);
    *have = 0;
    *memory = rf_alloc(want, size);
    if (!*memory) return RF_ERR_NOMEM;
    *have = want;
    return RF_OK;
}

static float smooth(float lo, float hi, float x) {
    float t = rf_min(rf_max((x - lo) / (hi - lo), 0), 1);
    return t * t * (3 - 2 * t);
}

/* Pushes a surface position outwards: hair has a thickness that varies, hats sit on top. */
static void apply_shell(const rf_head *head, shell which, float longitude, const float uvw[3], float p[3]) {
    if (which == SHELL_HAIR) {
        float rough = rf_noise(longitude * 3 + 20, uvw[1] * 4 + 20, head->seed);
        float thick = head->style == RF_HAIR_CURLY ? 0.26f + 0.14f * rf_noise(longitude * 7, uvw[1] * 9, head->seed + 1)
                      : head->style == RF_HAIR_LONG ? 0.15f + 0.05f * rough
                                                    : 0.07f + 0.07f * rough;
        float upper = smooth(0.9f, -0.3f, uvw[1]);
        thick *= head->style == RF_HAIR_LONG ? 1 : 0.25f + 0.75f * upper;
        /* ears would bulge through short hair; take the undeformed side there */
        p[0] = uvw[0] * (1 + thick);
        p[1] *= 1 + thick;
        p[2] = uvw[2] > 0 ? p[2] * (1 + thick * 0.8f) : uvw[2] * (1 + thick);
    } else if (which == SHELL_HAT) {
        float puff = head->hat == RF_HAT_BEANIE ? 0.17f : 0.13f;
        if (head->style == RF_HAIR_CURLY || head->style == RF_HAIR_LONG) puff += 0.07f;
        p[0] = uvw[0] * (1 + puff);
        p[1] = uvw[1] * (1 + puff + (head->hat == RF_HAT_BRIM ? 0.12f * smooth(-0.5f, -0.9f, uvw[1]) : 0));
        p[2] = uvw[2] * (1 + puff);
    }
}

/* The head behind a mesh: small enough not to come through it. */
static void sink(float p[3]) {
    p[0] *= 0.93f;
    p[1] *= 0.95f;
    if (p[2] > 0) p[2] *= 0.70f;
}

/* A flat ring around the head at the hat's rim: everywhere (hat with a brim) or in front only (cap). */
static void brim_position(const rf_head *head, float longitude, float outward, float uvw[3], float p[3]) {
    float rim = -0.50f, around = cosf(asinf(rim)), reach = 1.02f + 0.72f * outward;
    if (head->hat == RF_HAT_CAP) reach = 1.02f + 0.80f * outward * smooth(1.15f, 0.35f, fabsf(longitude));
    uvw[0] = head->half_width * around * sinf(longitude);
    uvw[1] = -0.7f;
    uvw[2] = head->half_depth * around * cosf(longitude);
    p[0] = uvw[0] * reach;
    p[1] = rim * 1.12f + (head->hat == RF_HAT_CAP ? 0.20f : 0.06f) * outward;
    p[2] = uvw[2] * reach;
}

static void fill_positions(const rf_head *head, shell which, const buffer *out, grid *g) {
    for (int i = 0; i < g->down; i++) {
        float latitude = 1.5707963f * (2.f * (float)i / (float)(g->down - 1) - 1);
        for (int k = 0; k < g->across; k++) {
            /* columns are denser towards the face, where the detail is */
            float t = 2.f * (float)k / (float)(g->across - 1) - 1, longitude = 3.14159265f * t * (0.5f + 0.5f * t * t);
            float uvw[3], p[3], at[3];
            if (which == SHELL_BRIM) {
                brim_position(head, longitude, (float)i / (float)(g->down - 1), uvw, p);
            } else {
                rf_head_surface(head, longitude, latitude, uvw, p);
                if (which == SHELL_SKIN && head->mesh) sink(p);
                apply_shell(head, which, longitude, uvw, p);
            }
            rf_head_to_picture(head, p, at);
            float f = (float)out->factor;
            g->v[i * g->across + k] = (vertex){.x = (at[0] - (float)out->x0) * f,
                                               .y = (at[1] - (float)out->y0) * f,
                                               .z = at[2] * f,
                                               .u = uvw[0],
                                               .v = uvw[1],
                                               .w = uvw[2],
                                               .longitude = longitude};
        }
    }
}

static void fill_normals(grid *g) {
    for (int i = 0; i < g->down; i++) {
        int up = i > 0 ? i - 1 : i, dn = i + 1 < g->down ? i + 1 : i;
        for (int k = 0; k < g->across; k++) {
            int left = k > 0 ? k - 1 : g->across - 2, right = k + 1 < g->across ? k + 1 : 1;
            const vertex *a = &g->v[i * g->across + left], *b = &g->v[i * g->across + right];
            const vertex *c = &g->v[up * g->across + k], *d = &g->v[dn * g->across + k];
            float ax = b->x - a->x, ay = b->y - a->y, az = b->z - a->z;
            float dx = d->x - c->x, dy = d->y - c->y, dz = d->z - c->z;
            /* rows are points at the poles: there the normal is the vertical axis, left to the fallback below */
            float nx = ay * dz - az * dy, ny = az * dx - ax * dz, nz = ax * dy - ay * dx;
            float length = sqrtf(nx * nx + ny * ny + nz * nz);
            vertex *v = &g->v[i * g->across + k];
            if (length < 1e-9f) {
                v->nx = v->nz = 0;
                v->ny = i == 0 ? -1 : 1;
            } else {
                v->nx = nx / length;
                v->ny = ny / length;
                v->nz = nz / length;
            }
        }
    }
}

/* Whether a surface sample of a shell exists: hair and hats cover a part of their sphere only. */
static rf_material material_at(const rf_head *head, shell which, const rf_head_sample *s) {
    if (which == SHELL_SKIN) return RF_SKIN;
    if (which == SHELL_BRIM) return RF_CLOTH;
    if (which == SHELL_HAT) {
        float rim = head->hat == RF_HAT_BEANIE ? -0.37f - 0.10f * s->w / head->half_depth : -0.45f;
        return s->v < rim ? RF_CLOTH : RF_NOTHING;
    }
    if (head->hat != RF_HAT_NONE && s->v < -0.5f) return RF_NOTHING;
    float ragged = 0.10f * (rf_noise(s->longitude * 14, s->v * 2, head->seed + 5) - 0.5f);
    return s->v < rf_head_hairline(head, s->longitude) + ragged ? RF_HAIR : RF_NOTHING;
}

/* The sample at barycentric weights wa, wb, wc replaces *s when it is nearer and its shell exists there. */
static void put_sample(const rf_head *head, shell which, const vertex *const corner[3], const float weight[3],
                       float side, rf_head_sample *s) {
#define MIX(m) (weight[0] * corner[0]->m + weight[1] * corner[1]->m + weight[2] * corner[2]->m)
    float z = MIX(z);
    if (s->material != RF_NOTHING && s->z >= z) return;
    rf_head_sample made = {.z = z, .u = MIX(u), .v = MIX(v), .w = MIX(w), .longitude = MIX(longitude)};
    made.material = material_at(head, which, &made);
    if (made.material == RF_NOTHING) return;
    made.nx = side * MIX(nx);
    made.ny = side * MIX(ny);
    made.nz = side * MIX(nz);
    *s = made;
#undef MIX
}

static void raster_triangle(const rf_head *head, shell which, buffer *out, const vertex *const corner[3]) {
    const vertex *a = corner[0], *b = corner[1], *c = corner[2];
    float area = (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
    if (which == SHELL_SKIN && area <= 0) return; /* seen from behind; hair and hats are open shells with an inside */
    if (fabsf(area) < 1e-12f) return;
    int x0 = (int)ceilf(rf_max(rf_min(rf_min(a->x, b->x), c->x) - 0.5f, 0));
    int y0 = (int)ceilf(rf_max(rf_min(rf_min(a->y, b->y), c->y) - 0.5f, 0));
    int x1 = (int)floorf(rf_min(rf_max(rf_max(a->x, b->x), c->x) - 0.5f, (float)(out->width - 1)));
    int y1 = (int)floorf(rf_min(rf_max(rf_max(a->y, b->y), c->y) - 0.5f, (float)(out->height - 1)));
    float inverse = 1 / area, step_a = (b->y - c->y) * inverse, step_b = (c->y - a->y) * inverse;
    for (int y = y0; y <= y1; y++) {
        float px = (float)x0 + 0.5f, py = (float)y + 0.5f;
        float wa = ((b->x - px) * (c->y - py) - (b->y - py) * (c->x - px)) * inverse;
        float wb = ((c->x - px) * (a->y - py) - (c->y - py) * (a->x - px)) * inverse;
        rf_head_sample *s = &out->samples[(size_t)y * (size_t)out->width + (size_t)x0];
        for (int x = x0; x <= x1; x++, s++, wa += step_a, wb += step_b) {
            float wc = 1 - wa - wb;
            if (wa >= -1e-5f && wb >= -1e-5f && wc >= -1e-5f) /* no holes between neighbours */
                put_sample(head, which, corner, (const float[3]){wa, wb, wc}, area > 0 ? 1.f : -1.f, s);
        }
    }
}

static void raster_shell(const rf_head *head, shell which, buffer *out, grid *g) {
    fill_positions(head, which, out, g);
    fill_normals(g);
    for (int i = 0; i + 1 < g->down; i++) {
        for (int k = 0; k + 1 < g->across; k++) {
            const vertex *a = &g->v[i * g->across + k], *b = a + 1, *c = a + g->across, *d = c + 1;
            raster_triangle(head, which, out, (const vertex *const[3]){a, b, d});
            raster_triangle(head, which, out, (const vertex *const[3]){a, d, c});
        }
    }
}

static void fill_mesh(const rf_head *head, const buffer *out, vertex *v) {
    const rf_synth_mesh *m = head->mesh;
    float f = (float)out->factor, least = 0.1f * head->half_depth; /* all of it is face */
    for (size_t i = 0; i < m->mesh.n_vertices; i++) {
        const float *uvw = m->fitted + 3 * i;
        float at[3];
        rf_synth_mesh_project(head, i, at);
        v[i] = (vertex){.x = (at[0] - (float)out->x0) * f,
                        .y = (at[1] - (float)out->y0) * f,
                        .z = at[2] * f,
                        .u = uvw[0],
                        .v = uvw[1],
                        .w = rf_max(uvw[2], least)};
    }
    for (size_t t = 0; t < m->mesh.n_triangles; t++) {
        vertex *a = &v[m->triangles[3 * t]], *b = &v[m->triangles[3 * t + 1]], *c = &v[m->triangles[3 * t + 2]];
        float ax = b->x - a->x, ay = b->y - a->y, az = b->z - a->z, dx = c->x - a->x, dy = c->y - a->y;
        float dz = c->z - a->z, nx = ay * dz - az * dy, ny = az * dx - ax * dz, nz = ax * dy - ay * dx;
        vertex *const corner[3] = {a, b, c};
        for (int k = 0; k < 3; k++) { /* by area */
            corner[k]->nx += nx;
            corner[k]->ny += ny;
            corner[k]->nz += nz;
        }
    }
    for (size_t i = 0; i < m->mesh.n_vertices; i++) {
        float length = sqrtf(v[i].nx * v[i].nx + v[i].ny * v[i].ny + v[i].nz * v[i].nz);
        if (length < 1e-12f) continue;
        v[i].nx /= length;
        v[i].ny /= length;
        v[i].nz /= length;
    }
}

static void raster_mesh(const rf_head *head, buffer *out, vertex *v) {
    const rf_synth_mesh *m = head->mesh;
    fill_mesh(head, out, v);
    for (size_t t = 0; t < m->mesh.n_triangles; t++) {
        const int32_t *corner = m->triangles + 3 * t;
        raster_triangle(head, SHELL_SKIN, out, (const vertex *const[3]){&v[corner[0]], &v[corner[1]], &v[corner[2]]});
    }
}

/* Paints and averages the samples of each pixel. */
static void resolve(rf_canvas *canvas, const rf_head *head, const buffer *in, uint16_t owner, size_t *shown) {
    int f = in->factor;
    float share = 1 / (float)(f * f), footprint = 1 / (head->scale * (float)f);
    for (int y = 0; y < in->height / f; y++) {
        for (int x = 0; x < in->width / f; x++) {
            rf_rgb sum = {0, 0, 0};
            int covered = 0, face = 0;
            for (int k = 0; k < f * f; k++) {
                const rf_head_sample *s =
                    &in->samples[(size_t)(y * f + k / f) * (size_t)in->width + (size_t)(x * f + k % f)];
                if (s->material == RF_NOTHING) continue;
                rf_rgb colour = rf_head_colour(head, s, footprint);
                sum.r += colour.r;
                sum.g += colour.g;
                sum.b += colour.b;
                covered++;
                face += s->material == RF_SKIN && rf_head_in_face(head, s->v, s->w);
            }
            if (!covered) continue;
            size_t at = (size_t)(y + in->y0) * (size_t)canvas->width + (size_t)(x + in->x0);
            float keep = 1 - (float)covered * share, *rgb = canvas->rgb + 3 * at;
            rgb[0] = rgb[0] * keep + sum.r * share;
            rgb[1] = rgb[1] * keep + sum.g * share;
            rgb[2] = rgb[2] * keep + sum.b * share;
            bool is_face = owner && 2 * face > f * f;
            if (is_face || 2 * covered > f * f) canvas->owner[at] = is_face ? owner : 0;
            *shown += is_face;
        }
    }
}

rf_status rf_head_draw(rf_canvas *canvas, const rf_head *head, uint16_t owner, rf_head_space *space, size_t *shown) {
    float reach = head->style == RF_HAIR_CURLY ? 1.55f : 1.32f; /* around the middle of the head, head units */
    if (head->hat != RF_HAT_NONE) reach = head->hat == RF_HAT_BEANIE ? 1.55f : 1.8f;
    reach *= head->scale;
    int x0 = (int)rf_max(0, floorf(head->cx - reach)), x1 = (int)rf_min((float)canvas->width, ceilf(head->cx + reach));
    int y0 = (int)rf_max(0, floorf(head->cy - reach)), y1 = (int)rf_min((float)canvas->height, ceilf(head->cy + reach));
    *shown = 0;
    if (x1 <= x0 || y1 <= y0) return RF_OK;
    bool small = head->scale < 18, medium = head->scale < 60;
    buffer out = {.x0 = x0, .y0 = y0, .factor = small ? 3 : head->scale < 110 ? 2 : 1};
    grid g = {.across = small ? 29 : medium ? 45 : 81, .down = small ? 21 : medium ? 37 : 65};
    out.width = (x1 - x0) * out.factor;
    out.height = (y1 - y0) * out.factor;
    size_t n = (size_t)out.width * (size_t)out.height;
    RF_TRY(reserve(&space->samples, &space->n_samples, n, sizeof(rf_head_sample)));
    size_t cells = (size_t)(g.across * g.down), corners = head->mesh ? head->mesh->mesh.n_vertices : 0;
    RF_TRY(reserve(&space->vertices, &space->n_vertices, cells > corners ? cells : corners, sizeof(vertex)));
    out.samples = space->samples;
    g.v = space->vertices;
    memset(out.samples, 0, n * sizeof *out.samples);
    if (head->mesh) raster_mesh(head, &out, g.v);
    raster_shell(head, SHELL_SKIN, &out, &g);
    if (head->style != RF_HAIR_BALD) raster_shell(head, SHELL_HAIR, &out, &g);
    if (head->hat != RF_HAT_NONE) raster_shell(head, SHELL_HAT, &out, &g);
    if (head->hat == RF_HAT_CAP || head->hat == RF_HAT_BRIM) {
        g.down = 5;
        raster_shell(head, SHELL_BRIM, &out, &g);
    }
    resolve(canvas, head, &out, owner, shown);
    return RF_OK;
}
