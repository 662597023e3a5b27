/* SPDX-License-Identifier: Apache-2.0 */
/* Which pictures the boxes of an intake belong to: as stored, or as turned by EXIF. One rule holds for all of them and
 * is recorded with the set that is written. */
#include "data/convert_impl.h"
#include "data/doubts.h"

/* What speaks for either rule among the pictures that EXIF turns. */
typedef struct votes {
    size_t pictures;
    size_t declared[3]; /* [rf_exif_rule] by the size in the annotation */
    size_t fits[3];     /* by boxes that fit only the one picture */
    size_t shares;      /* no size is needed there; the tools that write shares turn pictures */
} votes;

static bool fits(const rf_intake *in, const rf_face_span *span, int width, int height) {
    for (size_t k = span->first; k < span->end; k++)
        if (!rf_box_fits(in->faces[span->order[k]].face.box, width, height)) return false;
    return true;
}

static void vote(const rf_intake *in, const rf_intake_image *m, const rf_face_span *span, votes *v) {
    if (m->orientation <= 1) return;
    v->pictures++;
    bool shares = span->first < span->end && in->faces[span->order[span->first]].shares;
    v->shares += shares;
    if (m->orientation < 5 || m->width == m->height) return;
    int w = m->declared_width, h = m->declared_height;
    if (w > 0 && h > 0) {
        v->declared[RF_EXIF_STORED] += w == m->width && h == m->height;
        v->declared[RF_EXIF_TURNED] += w == m->height && h == m->width;
    } else if (!shares) {
        bool stored = fits(in, span, m->width, m->height), turned = fits(in, span, m->height, m->width);
        v->fits[RF_EXIF_STORED] += stored && !turned;
        v->fits[RF_EXIF_TURNED] += turned && !stored;
    }
}

/* Sizes decide; where there are none, boxes do when they are more than a few mistakes. */
static rf_exif_rule elect(const votes *v) {
    const size_t *d = v->declared, *f = v->fits;
    if (d[RF_EXIF_TURNED] + d[RF_EXIF_STORED])
        return d[RF_EXIF_TURNED] > d[RF_EXIF_STORED] ? RF_EXIF_TURNED : RF_EXIF_STORED;
    rf_exif_rule more = f[RF_EXIF_TURNED] > f[RF_EXIF_STORED] ? RF_EXIF_TURNED : RF_EXIF_STORED;
    size_t least = v->pictures / 20 + 1, fewer = f[RF_EXIF_TURNED] + f[RF_EXIF_STORED] - f[more];
    if (f[more] >= least && f[more] >= 2 * fewer) return more;
    return v->shares ? RF_EXIF_TURNED : RF_EXIF_UNTOLD;
}

/* What the user says, or else a file beside the annotations. */
static rf_status told_rule(const rf_convert_job *job, const rf_intake *in, rf_exif_rule *rule) {
    *rule = job->options->exif;
    for (size_t i = 0; i < in->n_files && *rule == RF_EXIF_UNTOLD; i++) {
        rf_set_note note;
        RF_TRY(rf_set_note_read(in->files[i], &note));
        *rule = note.exif;
    }
    return RF_OK;
}

static rf_status check_size(rf_convert_job *job, rf_intake *in, size_t i, rf_exif_rule rule, bool *usable) {
    rf_intake_image *m = &in->images[i];
    const char *file = in->files[m->file];
    if (rule == RF_EXIF_TURNED && m->orientation >= 5) {
        int width = m->width;
        m->width = m->height;
        m->height = width;
    }
    int w = m->declared_width, h = m->declared_height;
    bool declared = w > 0 && h > 0, same = w == m->width && h == m->height;
    if (rule == RF_EXIF_TURNED && m->orientation > 1 && (!declared || same))
        return rf_convert_tell(job, RF_CONVERT_TURNED, 1, file, m->line,
                               "note: the boxes of %s belong to the picture turned by its EXIF orientation %d", m->name,
                               m->orientation);
    if (!declared || same) return RF_OK;
    *usable = false;
    if (m->orientation >= 5 && w == m->height && h == m->width)
        return rf_convert_tell(job, RF_CONVERT_MIXED, 1, file, m->line,
                               "the boxes of %s belong to the picture %s by its EXIF orientation %d (%dx%d), "
                               "those of the others to pictures %s: convert it by itself with --exif %s",
                               m->name, rule == RF_EXIF_TURNED ? "not turned" : "turned", m->orientation, w, h,
                               rule == RF_EXIF_TURNED ? "that are turned" : "as they are stored",
                               rule == RF_EXIF_TURNED ? "no" : "yes");
    return rf_convert_tell(job, RF_CONVERT_SIZE, 1, file, m->line, "%s has %dx%d pixels, the annotation is for %dx%d",
                           m->name, m->width, m->height, w, h);
}

rf_status rf_convert_exif(rf_convert_job *job, rf_intake *in, const size_t *order, const size_t *first, bool *usable,
                          rf_exif_rule *rule) {
    votes v = {0};
    for (size_t i = 0; i < in->n_images; i++) {
        rf_face_span span = {order, first[i], first[i + 1]};
        if (usable[i]) vote(in, &in->images[i], &span, &v);
    }
    RF_TRY(told_rule(job, in, rule));
    if (*rule == RF_EXIF_UNTOLD) *rule = elect(&v);
    for (size_t i = 0; i < in->n_images; i++)
        if (usable[i]) RF_TRY(check_size(job, in, i, *rule, &usable[i]));
    if (*rule != RF_EXIF_UNTOLD || v.pictures == 0) return RF_OK;
    return rf_convert_tell(job, RF_CONVERT_UNSURE, v.pictures, in->files[0], 0,
                           "note: %zu pictures have an EXIF orientation and nothing tells whether boxes belong to the "
                           "turned ones: taken as stored; with --exif yes as turned",
                           v.pictures);
}
