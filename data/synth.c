/* SPDX-License-Identifier: Apache-2.0 */
/* Composition of a synthetic picture: who stands where, and what of him is seen in the end. */
#include "data/synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/synth_mesh.h"
#include "data/synth_plate.h"
#include "data/synth_scene.h"
#include "detect/face_store.h"

enum { TRIES = 40 };
static const float visible_min = 1 / 3.f; /* less of a face is not asked of anybody */

const char rf_synth_mask_classes[] = "mask,no_mask";

void rf_synth_defaults(rf_synth_options *options) {
    *options = (rf_synth_options){.width = 640,
                                  .height = 480,
                                  .min_face = 8,
                                  .max_face = 400,
                                  .max_faces = 60,
                                  .points = RF_POINTS,
                                  .max_yaw = 75,
                                  .crowds = true,
                                  .occlusion = true,
                                  .accessories = true,
                                  .degradation = true,
                                  .distractors = true};
}

static rf_status check_range(const char *name, int value, int lo, int hi) {
    if (value >= lo && value <= hi) return RF_OK;
    return rf_fail(RF_ERR_USER, "synthetic set: %s is %d; it must lie between %d and %d", name, value, lo, hi);
}

rf_status rf_synth_check(const rf_synth_options *o) {
    RF_TRY(check_range("the picture's width", o->width, 64, 4096));
    RF_TRY(check_range("the picture's height", o->height, 64, 4096));
    int side = o->width < o->height ? o->width : o->height;
    RF_TRY(check_range("the smallest face", o->min_face, 8, side - 8));
    RF_TRY(check_range("the largest face", o->max_face, o->min_face, side - 8));
    RF_TRY(check_range("the number of faces", o->max_faces, 1, 500));
    if (o->points != RF_POINTS && o->points != RF_HEAD_POINTS)
        return rf_fail(RF_ERR_USER, "synthetic set: %d points of a face; %d or %d can be drawn", o->points, RF_POINTS,
                       RF_HEAD_POINTS);
    if (o->mesh && (o->plates || o->points != RF_POINTS))
        return rf_fail(RF_ERR_USER,
                       "synthetic set: faces made of a mesh have five points; leave the mesh or the %s out",
                       o->plates ? "plates" : "68 points");
    if (o->masks && (o->plates || o->mesh))
        return rf_fail(RF_ERR_USER, "synthetic set: nobody wears a mask with %s; leave the masks or them out",
                       o->plates ? "plates" : "faces made of a mesh");
    return check_range("the largest yaw in degrees", o->max_yaw, 0, 75);
}

/* A head with its annotation, before it is drawn. */
typedef struct person {
    rf_head head;
    rf_face face; /* not clipped */
    float points[2 * RF_HEAD_POINTS];
    float extent[4]; /* what the head with hair, and the shoulders, may hide: x1 y1 x2 y2 */
    bool turned_away;
    size_t drawn; /* pixels of the face when it was drawn */
} person;

typedef struct scene {
    const rf_synth_options *options;
    rf_canvas canvas;
    rf_head light; /* only its light is used */
    person *people;
    size_t n_people;
    rf_head_space space;
} scene;

static void pose(scene *s, person *p, float size, rf_rng *rng) {
    rf_head *h = &p->head;
    float most = (float)s->options->max_yaw * 0.01745329f;
    float yaw = rf_rng_uniform(rng) < 0.75f ? 0.45f * rf_rng_normal(rng) : rf_rng_range(rng, -most, most);
    h->yaw = rf_min(rf_max(yaw, -most), most);
    h->pitch = rf_min(rf_max(0.16f * rf_rng_normal(rng), -0.5f), 0.5f);
    h->roll = rf_min(rf_max((rf_rng_uniform(rng) < 0.85f ? 0.12f : 0.45f) * rf_rng_normal(rng), -1.2f), 1.2f);
    memcpy(h->light, s->light.light, sizeof h->light);
    h->ambient = s->light.ambient;
    h->diffuse = s->light.diffuse;
    h->tint = s->light.tint;
    h->cx = h->cy = 0;
    h->scale = 1;
    rf_head_annotate(h, &p->face, p->points); /* at unit scale, to find the scale that gives the box its size */
    h->scale = size / (p->face.box[3] - p->face.box[1]);
}

/* Puts the middle of the face's box at a place. */
static void place(person *p, int n_points, float x, float y) {
    rf_head *h = &p->head;
    h->cx = h->cy = 0;
    rf_head_annotate(h, &p->face, p->points);
    h->cx = x - 0.5f * (p->face.box[0] + p->face.box[2]);
    h->cy = y - 0.5f * (p->face.box[1] + p->face.box[3]);
    rf_head_annotate(h, &p->face, p->points);
    if (n_points == RF_HEAD_POINTS) {
        rf_head_points_68(h, p->points);
        p->face.n_points = RF_HEAD_POINTS;
    }
    if (p->turned_away) h->yaw += 3.14159265f;
    float wide = 1.5f * h->scale;
    p->extent[0] = h->cx - wide;
    p->extent[1] = h->cy - 1.25f * h->scale;
    p->extent[2] = h->cx + wide;
    p->extent[3] = h->cy + 6 * h->scale;
}

/* Share of box a that the region b covers. */
static float hidden_share(const float a[4], const float b[4]) {
    float w = rf_min(a[2], b[2]) - rf_max(a[0], b[0]), h = rf_min(a[3], b[3]) - rf_max(a[1], b[1]);
    return w > 0 && h > 0 ? w * h / ((a[2] - a[0]) * (a[3] - a[1])) : 0;
}

/* What p may hide of a face: its head with hair, and below the chin the shoulders. */
static float hides(const person *p, const float box[4]) {
    const rf_head *h = &p->head;
    float head[4] = {h->cx - 0.95f * h->scale, h->cy - 1.25f * h->scale, h->cx + 0.95f * h->scale,
                     h->cy + 1.2f * h->scale};
    float body[4] = {p->extent[0], h->cy + 1.2f * h->scale, p->extent[2], p->extent[3]};
    return hidden_share(box, head) + hidden_share(box, body);
}

/* Larger people stand in front and are drawn later. */
static bool fits(const scene *s, const person *p) {
    float allowed = s->options->occlusion ? 0.40f : 0.02f;
    for (size_t i = 0; i < s->n_people; i++) {
        const person *q = &s->people[i];
        const person *front = p->head.scale > q->head.scale ? p : q, *back = front == p ? q : p;
        if (hides(front, back->face.box) > allowed) return false;
    }
    return true;
}

/* Enough of the face lies in the picture, and what is left is not smaller than asked for. */
static bool in_view(const scene *s, const person *p) {
    const float *b = p->face.box;
    float w = (float)s->options->width, h = (float)s->options->height;
    float cut_w = rf_min(b[2], w) - rf_max(b[0], 0), cut_h = rf_min(b[3], h) - rf_max(b[1], 0);
    if (cut_w >= b[2] - b[0] && cut_h >= b[3] - b[1]) return true;
    return s->options->occlusion && cut_w > 0.7f * (b[2] - b[0]) && cut_h > 0.7f * (b[3] - b[1]) &&
           cut_h >= (float)s->options->min_face;
}

/* Log-uniform; a hair inside of the limits, so that rounding does not carry a box over them. */
static float random_size(const rf_synth_options *o, rf_rng *rng, float largest) {
    float lo = (float)o->min_face * 1.0005f, hi = rf_min((float)o->max_face * 0.9995f, rf_max(largest, lo));
    return rf_max(lo, expf(rf_rng_range(rng, logf(lo), logf(rf_max(hi, lo)))));
}

static void add_person(scene *s, float size, float x, float y, float jitter, bool away, rf_rng *rng) {
    if (s->n_people == (size_t)s->options->max_faces) return;
    person *p = &s->people[s->n_people];
    *p = (person){.turned_away = away};
    rf_head_random(&p->head, s->options->accessories, rng);
    if (s->options->masks) p->head.mask = rf_rng_uniform(rng) < 0.5f;
    p->head.mesh = s->options->mesh;
    if (p->head.mesh) p->head.mask = false; /* it would hang from a face that is not there */
    pose(s, p, size, rng);
    for (int i = 0; i < TRIES; i++) {
        if (x < 0)
            place(p, s->options->points, rf_rng_uniform(rng) * (float)s->options->width,
                  rf_rng_uniform(rng) * (float)s->options->height);
        else
            place(p, s->options->points, x + rf_rng_range(rng, -jitter, jitter),
                  y + rf_rng_range(rng, -jitter, jitter));
        if (in_view(s, p) && fits(s, p)) {
            s->n_people++;
            return;
        }
        if (away) p->head.yaw -= 3.14159265f; /* place() turned it */
        if (x >= 0 && i > 3) return;
    }
}

/* Rows of people who get smaller to the back. */
static void add_crowd(scene *s, rf_rng *rng) {
    const rf_synth_options *o = s->options;
    float w = (float)o->width, h = (float)o->height;
    float size = random_size(o, rng, rf_min(w, h) * 0.14f), shrink = rf_rng_range(rng, 0.72f, 1.0f);
    float gap = rf_rng_range(rng, 1.5f, 2.6f), y = h * rf_rng_range(rng, 0.5f, 0.95f),
          left = rf_rng_uniform(rng) * w * 0.6f - w * 0.2f;
    float right = left + w * rf_rng_range(rng, 0.4f, 1.2f);
    int rows = 2 + (int)rf_rng_below(rng, 6);
    for (int row = 0; row < rows && y > size; row++) {
        float from = left + ((row & 1) ? 0.5f * gap * size : 0);
        for (float x = from; x < right; x += gap * size) {
            float own = rf_max(size * rf_rng_range(rng, 0.88f, 1.12f), (float)o->min_face * 1.0005f);
            own = rf_min(own, (float)o->max_face * 0.9995f);
            if (x > 0 && x < w && rf_rng_uniform(rng) < 0.9f)
                add_person(s, own, x, y, 0.2f * size, rf_rng_uniform(rng) < 0.06f, rng);
        }
        y -= size * rf_rng_range(rng, 1.3f, 2.0f);
        size = rf_max(size * shrink, (float)o->min_face);
    }
}

static void add_people(scene *s, rf_rng *rng) {
    const rf_synth_options *o = s->options;
    float kind = rf_rng_uniform(rng), away = o->distractors ? 0.10f : 0;
    if (kind < 0.07f) return; /* nobody */
    if (o->crowds && kind > 0.88f) add_crowd(s, rng);
    int n = kind < 0.30f ? 1 : kind < 0.65f ? 2 + (int)rf_rng_below(rng, 3) : 4 + (int)rf_rng_below(rng, 7);
    if (o->crowds && kind > 0.88f) n = (int)rf_rng_below(rng, 3);
    float side = (float)(o->width < o->height ? o->width : o->height),
          largest = side / sqrtf((float)(n > 0 ? n : 1)) * 0.95f;
    for (int i = 0; i < n; i++) add_person(s, random_size(o, rng, largest), -1, -1, 0, rf_rng_uniform(rng) < away, rng);
}

static int by_scale(const void *a, const void *b) {
    const person *p = a, *q = b;
    if (p->head.scale != q->head.scale) return p->head.scale < q->head.scale ? -1 : 1;
    return (p->head.seed > q->head.seed) - (p->head.seed < q->head.seed);
}

static void draw_distractors(scene *s, rf_rng *rng) {
    int n = (int)rf_rng_below(rng, 7);
    for (int i = 0; i < n; i++)
        rf_scene_distractor(&s->canvas, rf_rng_uniform(rng) * (float)s->options->width,
                            rf_rng_uniform(rng) * (float)s->options->height,
                            random_size(s->options, rng, (float)s->options->height * 0.4f) * 1.2f, rng);
}

static rf_status draw_people(scene *s, rf_rng *rng) {
    qsort(s->people, s->n_people, sizeof *s->people, by_scale);
    for (size_t i = 0; i < s->n_people; i++) {
        person *p = &s->people[i];
        rf_scene_body(&s->canvas, &p->head, rng);
        rf_scene_back_hair(&s->canvas, &p->head);
        RF_TRY(rf_head_draw(&s->canvas, &p->head, p->turned_away ? 0 : (uint16_t)(i + 1), &s->space, &p->drawn));
        if (s->options->occlusion && !p->turned_away && rf_rng_uniform(rng) < 0.10f)
            rf_scene_occluder(&s->canvas, p->face.box, rng);
    }
    return RF_OK;
}

/* Clips a face to the picture; points outside make it a face without points. */
static void clip_face(rf_face *face, float w, float h) {
    face->box[0] = rf_max(face->box[0], 0);
    face->box[1] = rf_max(face->box[1], 0);
    face->box[2] = rf_min(face->box[2], w);
    face->box[3] = rf_min(face->box[3], h);
    for (int k = 0, n = face->n_points; k < n; k++) {
        float x = face->points[2 * k], y = face->points[2 * k + 1];
        if (x < 0 || y < 0 || x >= w || y >= h) face->n_points = 0;
    }
}

static rf_status collect_vertices(const scene *s, float **vertices) {
    const rf_synth_mesh *mesh = s->options->mesh;
    if (!mesh) return RF_OK;
    size_t n = mesh->mesh.n_vertices;
    float *out = *vertices = rf_alloc(2 * n * s->n_people, sizeof *out);
    if (!out) return RF_ERR_NOMEM;
    for (size_t i = 0; i < s->n_people; i++) {
        if (s->people[i].turned_away) continue;
        for (size_t k = 0; k < n; k++, out += 2) {
            float at[3];
            rf_synth_mesh_project(&s->people[i].head, k, at);
            memcpy(out, at, 2 * sizeof *out);
        }
    }
    return RF_OK;
}

static rf_status collect_faces(const scene *s, rf_face **faces, size_t *n_faces) {
    size_t pixels = (size_t)s->canvas.width * (size_t)s->canvas.height, n = 0;
    size_t *seen = rf_alloc(s->n_people + 1, sizeof *seen);
    rf_face *out = rf_alloc(s->n_people, sizeof *out);
    if (!seen || !out) goto fail;
    for (size_t i = 0; i < pixels; i++) seen[s->canvas.owner[i]]++;
    for (size_t i = 0; i < s->n_people; i++) {
        const person *p = &s->people[i];
        if (p->turned_away) continue;
        out[n] = p->face;
        out[n].points = (float *)(uintptr_t)p->points;
        out[n].label = s->options->masks && !p->head.mask;
        clip_face(&out[n], (float)s->canvas.width, (float)s->canvas.height);
        out[n].ignore = (float)seen[i + 1] < visible_min * (float)p->drawn;
        n++;
    }
    *faces = rf_faces_copy(out, n, NULL, 0); /* with the points, which people have else */
    *n_faces = n;
fail:
    rf_free(seen);
    rf_free(out);
    return *faces ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_synth_image(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                         rf_face **faces, size_t *n_faces) {
    float *vertices;
    RF_TRY(rf_synth_image_mesh(seed, index, options, image, faces, n_faces, &vertices));
    rf_free(vertices);
    return RF_OK;
}

rf_status rf_synth_image_mesh(uint64_t seed, uint64_t index, const rf_synth_options *options, rf_image *image,
                              rf_face **faces, size_t *n_faces, float **vertices) {
    rf_status status;
    scene s = {.options = options};
    rf_rng rng = rf_rng_make(seed, 0, index, RF_STREAM_SYNTH);
    *image = (rf_image){0};
    *faces = NULL;
    *n_faces = 0;
    *vertices = NULL;
    RF_TRY(rf_synth_check(options));
    if (options->plates) return rf_synth_plates(seed, index, options, image, faces, n_faces);
    RF_TRY_GOTO(rf_canvas_alloc(&s.canvas, options->width, options->height));
    s.people = rf_alloc((size_t)options->max_faces, sizeof *s.people);
    status = RF_ERR_NOMEM;
    if (!s.people) goto fail;
    RF_TRY_GOTO(rf_image_alloc(image, options->width, options->height));
    rf_head_random_light(&s.light, &rng);
    rf_scene_background(&s.canvas, &rng);
    if (options->distractors) draw_distractors(&s, &rng);
    add_people(&s, &rng);
    RF_TRY_GOTO(draw_people(&s, &rng));
    rf_canvas_degrade(&s.canvas, options->degradation, &rng);
    rf_canvas_to_image(&s.canvas, image);
    RF_TRY_GOTO(collect_vertices(&s, vertices));
    RF_TRY_GOTO(collect_faces(&s, faces, n_faces));
fail:
    rf_canvas_free(&s.canvas);
    rf_head_space_free(&s.space);
    rf_free(s.people);
    if (status == RF_OK) return RF_OK;
    rf_image_free(image);
    rf_free(*vertices);
    *vertices = NULL;
    return status;
}
