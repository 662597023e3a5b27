/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what of an intake goes into the data set: usable images, and to which part. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/rng.h"
#include "data/convert_select.h"

const char *rf_selection_file(const rf_intake *intake, size_t image) {
    return intake->files[intake->images[image].file];
}

static const char *name_of(const rf_intake_image *image) {
    return image->name ? image->name : image->stem;
}

/* A later entry of an image: its faces are taken with those of the first, if it is for the same size. */
static rf_status check_again(rf_selection *s, size_t i) {
    rf_intake_image *m = &s->intake->images[i], *first = &s->intake->images[m->same];
    int w = m->declared_width, h = m->declared_height;
    const char *file = rf_selection_file(s->intake, i);
    first->lost += m->lost;
    s->foreign[i] = true;
    if (!s->usable[m->same]) return RF_OK;
    if (w > 0 && h > 0 && (w != first->width || h != first->height))
        return rf_convert_tell(s->job, RF_CONVERT_SIZE, 1, file, m->line,
                               "%s has %dx%d pixels, the annotation is for %dx%d", name_of(m), first->width,
                               first->height, w, h);
    s->foreign[i] = false;
    if (s->intake->merges) return RF_OK;
    return rf_convert_tell(s->job, RF_CONVERT_DOUBLED, 1, file, m->line,
                           "note: %s is named twice, first in %s:%d; the faces of both are taken", name_of(m),
                           rf_selection_file(s->intake, m->same), first->line);
}

static rf_status check_image(rf_selection *s, size_t i) {
    const rf_intake_image *m = &s->intake->images[i];
    const char *file = rf_selection_file(s->intake, i);
    if (m->refused) s->foreign[i] = true;
    if (m->refused || m->same != i) return RF_OK;
    if (m->missing)
        return rf_convert_tell(s->job, RF_CONVERT_MISSING, 1, file, m->line, "%s%s is not below %s%s%s", name_of(m),
                               m->name ? "" : ".jpg (or .png)", s->intake->root, m->nearly ? "; " : "",
                               m->nearly ? m->nearly : "");
    if (m->fault) return rf_convert_tell(s->job, RF_CONVERT_BROKEN, 1, file, m->line, "%s", m->fault);
    if (m->asked)
        RF_TRY(rf_convert_tell(s->job, RF_CONVERT_RENAMED, 1, file, m->line, "note: %s is taken for %s", m->name,
                               m->asked));
    s->usable[i] = true;
    return RF_OK;
}

/* Sorts the faces by image, keeping their order; an image that is named twice has those of all its entries. */
static rf_status group_faces(rf_selection *s) {
    const rf_intake *in = s->intake;
    s->usable = rf_alloc(in->n_images, sizeof *s->usable);
    s->foreign = rf_alloc(in->n_images, sizeof *s->foreign);
    s->first = rf_alloc(in->n_images + 2, sizeof *s->first);
    s->order = rf_alloc(in->n_faces, sizeof *s->order);
    s->wanted = rf_alloc(in->n_categories, sizeof *s->wanted);
    s->unlisted = rf_alloc(in->n_categories, sizeof *s->unlisted);
    s->label = rf_alloc(in->n_categories, sizeof *s->label);
    s->background = rf_alloc(in->n_categories, sizeof *s->background);
    if (!s->usable || !s->foreign || !s->first || !s->order || !s->wanted || !s->unlisted || !s->label ||
        !s->background)
        return RF_ERR_NOMEM;
    /* first[i + 2] counts, then first[i + 1] is where the next face of image i goes. */
    for (size_t k = 0; k < in->n_faces; k++) s->first[in->images[in->faces[k].image].same + 2]++;
    for (size_t i = 2; i < in->n_images + 2; i++) s->first[i] += s->first[i - 1];
    for (size_t k = 0; k < in->n_faces; k++) s->order[s->first[in->images[in->faces[k].image].same + 1]++] = k;
    return RF_OK;
}

/* In most pictures the eye on the image's left is further left: when "left_eye" mostly is not, it is the person's. */
static void find_left(rf_selection *s) {
    const rf_intake *in = s->intake;
    size_t image_left = 0, person_left = 0;
    for (size_t k = 0; k < in->n_faces; k++) {
        const rf_face *face = &in->faces[k].face;
        if (face->n_points != RF_POINTS || !rf_is_wanted(s, &in->faces[k])) continue;
        image_left += face->points[0] < face->points[2];
        person_left += face->points[0] > face->points[2];
    }
    s->swap =
        in->named_points && (in->left == RF_LEFT_PERSON || (in->left == RF_LEFT_AUTO && person_left > image_left));
    if (s->swap && image_left + person_left) s->job->stats->swapped = true;
}

static rf_status new_part(rf_convert_job *job, const char *name, const char *root, rf_convert_part **out) {
    for (size_t i = 0; i < job->n_parts; i++)
        if (strcmp(job->parts[i].name, name) == 0)
            return rf_fail(RF_ERR_USER, "two inputs make the part \"%s\"; convert them one by one with --part", name);
    if (job->n_parts == RF_CONVERT_PARTS) return rf_fail(RF_ERR_USER, "more than %d parts", RF_CONVERT_PARTS);
    rf_convert_part *p = &job->parts[job->n_parts++];
    *p = (rf_convert_part){.name = name, .root = rf_strdup(root), .set.dataset = rf_alloc(1, sizeof(rf_dataset))};
    if (p->set.dataset) p->set.dataset->image_dir = rf_strdup("");
    *out = p;
    return p->root && p->set.dataset && p->set.dataset->image_dir ? RF_OK : RF_ERR_NOMEM;
}

/* 0..1 from the name alone, so that an image stays in its part when others are added. FNV's bits are mixed further,
 * since its upper ones hardly depend on the last letters (splitmix64's finish, Steele et al. 2014). */
static double share_of(const char *name) {
    uint64_t z = rf_hash_name(name);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* The share below which images go to val: that of the user, or the next one that gives both parts an image. */
static double find_threshold(const rf_selection *s, size_t usable) {
    double split = s->job->options->split, lowest = 2, highest = -1;
    size_t below = 0;
    for (size_t i = 0; i < s->intake->n_images; i++) {
        if (!s->usable[i]) continue;
        double share = share_of(s->intake->images[i].name);
        below += share < split;
        if (share < lowest) lowest = share;
        if (share > highest) highest = share;
    }
    if (below == 0) return nextafter(lowest, 2);
    return below == usable ? highest : split;
}

static rf_status none_usable(const rf_selection *s) {
    const rf_convert_job *job = s->job;
    bool entry = job->first_reason >= RF_CONVERT_WRONG_FILE && job->first_reason <= RF_CONVERT_WRONG_KIND;
    if (job->first && entry)
        return rf_fail(RF_ERR_FORMAT, "%s; none of the %zu images can be used", job->first, s->intake->n_images);
    return rf_fail(RF_ERR_USER,
                   "none of the %zu images can be used (%s); if they lie elsewhere than in %s, name "
                   "their folder with --root",
                   s->intake->n_images, job->first ? job->first : "?", s->intake->root);
}

static rf_status take_images(rf_selection *s, const char *name) {
    const rf_convert_job *job = s->job;
    rf_convert_part *part, *val = NULL;
    size_t usable = 0;
    for (size_t i = 0; i < s->intake->n_images; i++) usable += s->usable[i];
    if (usable == 0) return none_usable(s);
    bool split = job->options->split > 0;
    if (split && usable == 1)
        return rf_fail(RF_ERR_USER, "--split %g of a single image leaves a part without any", job->options->split);
    double threshold = split ? find_threshold(s, usable) : 0;
    RF_TRY(new_part(s->job, split ? "train" : name, s->intake->root, &part));
    if (split) RF_TRY(new_part(s->job, "val", s->intake->root, &val));
    part->exif = s->exif;
    if (val) val->exif = s->exif;
    for (size_t i = 0; i < s->intake->n_images; i++) {
        if (!s->usable[i]) continue;
        RF_TRY(rf_take_image(s, i, val && share_of(s->intake->images[i].name) < threshold ? val : part));
    }
    RF_TRY(rf_check_form(s));
    size_t taken = part->set.dataset->n_samples + (val ? val->set.dataset->n_samples : 0);
    if (taken == 0)
        return rf_fail(RF_ERR_FORMAT, "%s; nothing else can be used of the %zu images", job->first ? job->first : "?",
                       s->intake->n_images);
    return rf_tell_background(s, part->set.dataset->n_faces + (val ? val->set.dataset->n_faces : 0));
}

static rf_status tell_dangling(rf_convert_job *job, const rf_intake *intake) {
    if (!intake->n_dangling) return RF_OK;
    return rf_convert_tell(job, RF_CONVERT_DANGLING, intake->n_dangling, intake->files[0], 0,
                           "%zu annotations belong to images that are not listed", intake->n_dangling);
}

rf_status rf_convert_select(rf_convert_job *job, rf_intake *intake, const char *part) {
    rf_selection s = {.job = job, .intake = intake};
    rf_status status;
    RF_TRY_GOTO(group_faces(&s));
    for (size_t i = 0; i < intake->n_images; i++) RF_TRY_GOTO(check_image(&s, i));
    RF_TRY_GOTO(rf_convert_exif(job, intake, s.order, s.first, s.usable, &s.exif));
    for (size_t i = 0; i < intake->n_images; i++)
        if (intake->images[i].same != i && !intake->images[i].refused) RF_TRY_GOTO(check_again(&s, i));
    RF_TRY_GOTO(tell_dangling(job, intake));
    RF_TRY_GOTO(rf_select_kinds(&s));
    RF_TRY_GOTO(rf_select_reading(&s));
    find_left(&s);
    status = take_images(&s, part);
fail:
    rf_free(s.usable);
    rf_free(s.foreign);
    rf_free(s.order);
    rf_free(s.first);
    rf_free(s.wanted);
    rf_free(s.unlisted);
    rf_free(s.label);
    rf_free(s.background);
    return status;
}
