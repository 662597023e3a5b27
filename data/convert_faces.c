/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the faces of an image: in pixels, of the wanted kinds, with a box in the picture, each once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/convert_select.h"
#include "detect/point_flip.h"

static const char *file_of(const rf_selection *s, const rf_intake_face *face) {
    return rf_selection_file(s->intake, face->image);
}

/* Brings box and landmarks to pixels and to the order of label.txt. */
static void finish_face(const rf_selection *s, rf_intake_face *from, const rf_intake_image *image) {
    rf_face *face = &from->face;
    float size[2] = {(float)image->width, (float)image->height};
    bool shares = from->shares || s->shares;
    if (s->form != s->intake->form) {
        float box[4];
        rf_box_reread(face->box, s->intake->form, s->form, box);
        memcpy(face->box, box, sizeof box);
    }
    for (int k = 0; shares && k < 4; k++) face->box[k] *= size[k & 1];
    for (int k = 0; shares && k < 2 * face->n_points; k++) face->points[k] *= size[k & 1];
    if (s->swap && face->n_points == RF_POINTS) rf_points_swap(&rf_five_flip, face);
}

typedef struct doubtful {
    rf_selection *s;
    const rf_intake_face *face;
    rf_status status;
} doubtful;

static void tell_doubt(void *ctx, rf_doubt kind, const char *text) {
    static const rf_convert_reason reasons[] = {[RF_DOUBT_REACHES] = RF_CONVERT_REACHES,
                                                [RF_DOUBT_FAR_POINT] = RF_CONVERT_FAR_POINT,
                                                [RF_DOUBT_MIRRORED] = RF_CONVERT_MIRRORED};
    doubtful *d = ctx;
    if (d->status == RF_OK)
        d->status =
            rf_convert_tell(d->s->job, reasons[kind], 1, file_of(d->s, d->face), d->face->line, "note: %s", text);
}

/* What is to be said of a face that is taken. */
static rf_status tell_notes(rf_selection *s, const rf_intake_face *face, const rf_intake_image *image) {
    const float *b = face->face.box;
    rf_convert_job *job = s->job;
    doubtful d = {s, face, RF_OK};
    char called[24] = "five landmarks";
    if (s->intake->scheme.n) snprintf(called, sizeof called, "%d points", s->intake->scheme.n);
    if (face->no_points)
        RF_TRY(rf_convert_tell(job, RF_CONVERT_NO_POINTS, 1, file_of(s, face), face->line,
                               "note: the %s are all at one place; the face is taken as without", called));
    if (face->partial)
        RF_TRY(rf_convert_tell(job, RF_CONVERT_PARTIAL, 1, file_of(s, face), face->line,
                               "note: some of the %s are missing; the face is taken as without", called));
    if (!face->shares && !s->shares && rf_box_in_shares(b) && b[2] - b[0] < 1 && b[3] - b[1] < 1)
        RF_TRY(rf_convert_tell(job, RF_CONVERT_SHARES, 1, file_of(s, face), face->line,
                               "note: a box of less than a pixel, (%g, %g)-(%g, %g): is it in shares of the size?",
                               b[0], b[1], b[2], b[3]));
    rf_face_doubts(&face->face, image->width, image->height, tell_doubt, &d);
    return d.status;
}

/* Whether the face goes into the set; what is wrong with it is told. */
static rf_status check_face(rf_selection *s, const rf_intake_face *from, const rf_intake_image *m, bool *good) {
    const float *b = from->face.box;
    *good = b[2] > b[0] && b[3] > b[1];
    if (!*good)
        return rf_convert_tell(s->job, RF_CONVERT_NO_AREA, 1, file_of(s, from), from->line,
                               "the box has no area (%g x %g pixels)%s", b[2] - b[0], b[3] - b[1],
                               b[2] < b[0] || b[3] < b[1] ? "; are its corners swapped?" : "");
    *good = b[0] < (float)m->width && b[1] < (float)m->height && b[2] > 0 && b[3] > 0;
    if (*good) return tell_notes(s, from, m);
    return rf_convert_tell(s->job, RF_CONVERT_OUTSIDE, 1, file_of(s, from), from->line,
                           "the box (%g, %g)-(%g, %g) lies outside of %s, which has %dx%d pixels", b[0], b[1], b[2],
                           b[3], m->name, m->width, m->height);
}

/* The faces of one image that are taken, and what happened to the others. */
typedef struct taken {
    rf_face *faces;
    const rf_intake_face **from;
    size_t n, lost; /* lost: unreadable, inverted or outside */
} taken;

static rf_status collect(rf_selection *s, size_t i, taken *t) {
    const rf_intake_image *m = &s->intake->images[i];
    for (size_t k = s->first[i]; k < s->first[i + 1]; k++) {
        rf_intake_face *from = &s->intake->faces[s->order[k]];
        bool good;
        if (s->foreign[from->image]) continue;
        if (from->category >= 0 && s->unlisted[from->category]) {
            t->lost++;
            RF_TRY(rf_convert_tell(s->job, RF_CONVERT_WRONG_FACE, 1, file_of(s, from), from->line,
                                   "class %s has no name: the file of names has %zu, numbered from 0",
                                   s->intake->categories[from->category], s->intake->n_class_names));
            continue;
        }
        if (!rf_is_wanted(s, from)) {
            s->background[from->category]++;
            continue;
        }
        finish_face(s, from, m);
        RF_TRY(check_face(s, from, m, &good));
        const float *b = from->face.box;
        if (!good) t->lost += b[2] != b[0] && b[3] != b[1]; /* no area at all is how some say "nothing" */
        if (!good) continue;
        t->faces[t->n] = from->face;
        t->faces[t->n].label = from->category >= 0 ? s->label[from->category] : 0;
        t->from[t->n++] = from;
    }
    return RF_OK;
}

/* Drops faces with the box of an earlier one, which gets their landmarks if it has none. */
static rf_status drop_repeats(rf_selection *s, taken *t) {
    size_t *first = rf_alloc(t->n, sizeof *first), kept = 0;
    rf_status status = first ? rf_faces_first_same(t->faces, t->n, first) : RF_ERR_NOMEM;
    for (size_t k = 0; status == RF_OK && k < t->n; k++) {
        const rf_intake_face *from = t->from[k], *earlier = t->from[first[k]];
        if (first[k] == k) continue;
        if (!t->faces[first[k]].n_points) t->faces[first[k]] = t->faces[k];
        status = rf_convert_tell(s->job, RF_CONVERT_REPEATED, 1, file_of(s, from), from->line,
                                 "note: the same box as in %s:%d; the face is taken once", file_of(s, earlier),
                                 earlier->line);
    }
    for (size_t k = 0; status == RF_OK && k < t->n; k++) {
        if (first[k] != k) continue;
        t->faces[kept] = t->faces[k];
        t->from[kept++] = t->from[k];
    }
    if (status == RF_OK) t->n = kept;
    rf_free(first);
    return status;
}

static rf_status add_sample(rf_selection *s, rf_convert_part *part, const rf_intake_image *m, const taken *t) {
    rf_dataset *d = part->set.dataset;
    size_t n = d->n_samples;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) {
        void *grown = rf_realloc(part->set.sizes, n, n ? 2 * n : 16, sizeof *part->set.sizes);
        if (!grown) return RF_ERR_NOMEM;
        part->set.sizes = grown;
    }
    RF_TRY(rf_dataset_add_sample(d, m->name, strlen(m->name), m->line));
    part->set.sizes[n][0] = m->width;
    part->set.sizes[n][1] = m->height;
    for (size_t k = 0; k < t->n; k++) {
        rf_face face = t->faces[k];
        if (face.n_points && d->n_points && face.n_points != d->n_points) {
            RF_TRY(rf_convert_tell(s->job, RF_CONVERT_PARTIAL, 1, file_of(s, t->from[k]), t->from[k]->line,
                                   "note: a face with %d points, but those before it have %d; it is taken as without",
                                   face.n_points, d->n_points));
            face.n_points = 0;
        }
        RF_TRY(rf_dataset_add_face(d, &face, t->from[k]->line));
    }
    return RF_OK;
}

rf_status rf_take_image(rf_selection *s, size_t i, rf_convert_part *part) {
    const rf_intake_image *m = &s->intake->images[i];
    size_t n = s->first[i + 1] - s->first[i];
    taken t = {.faces = rf_alloc(n, sizeof *t.faces), .from = rf_alloc(n, sizeof(rf_intake_face *)), .lost = m->lost};
    rf_status status = t.faces && t.from ? RF_OK : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(collect(s, i, &t));
    RF_TRY_GOTO(drop_repeats(s, &t));
    if (t.n == 0 && t.lost)
        status = rf_convert_tell(s->job, RF_CONVERT_NO_FACE_LEFT, 1, rf_selection_file(s->intake, i), m->line,
                                 "%s is left out: it has faces, but none that can be used", m->name);
    else
        status = add_sample(s, part, m, &t);
fail:
    rf_free(t.faces);
    rf_free(t.from);
    return status;
}
