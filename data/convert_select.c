/* Decides what of an intake goes into the data set: usable images, faces of the wanted kind, boxes that lie in their
 * picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/name.h"
#include "core/rng.h"
#include "data/convert_impl.h"

typedef struct selection {
    rf_convert_job *job;
    rf_intake *intake;
    bool *usable;  /* [n_images] */
    size_t *order; /* [n_faces] face numbers, image by image */
    size_t *first; /* [n_images + 1] in `order` */
    bool *wanted;  /* [n_categories] */
    rf_exif_rule exif;
    bool swap; /* "left" meant the person's left */
} selection;

static const char *file_of(const rf_intake *intake, size_t image) {
    return intake->files[intake->images[image].file];
}

static const char *name_of(const rf_intake_image *image) {
    return image->name ? image->name : image->stem;
}

static rf_status check_image(selection *s, size_t i) {
    const rf_intake_image *m = &s->intake->images[i];
    const char *file = file_of(s->intake, i);
    if (m->same != i) {
        if (s->intake->merges) return RF_OK;
        const rf_intake_image *earlier = &s->intake->images[m->same];
        return rf_convert_tell(s->job, RF_CONVERT_DOUBLED, "%s:%d: %s is named twice, first in %s:%d", file, m->line,
                               name_of(m), file_of(s->intake, m->same), earlier->line);
    }
    if (m->missing)
        return rf_convert_tell(s->job, RF_CONVERT_MISSING, "%s:%d: %s%s is not below %s%s%s", file, m->line, name_of(m),
                               m->name ? "" : ".jpg (or .png)", s->intake->root, m->nearly ? "; " : "",
                               m->nearly ? m->nearly : "");
    if (m->fault) return rf_convert_tell(s->job, RF_CONVERT_BROKEN, "%s:%d: %s", file, m->line, m->fault);
    s->usable[i] = true;
    if (m->asked)
        RF_TRY(rf_convert_tell(s->job, RF_CONVERT_RENAMED, "%s:%d: note: %s is taken for %s", file, m->line, m->name,
                               m->asked));
    return RF_OK;
}

/* Sorts the faces by image, keeping their order. */
static rf_status group_faces(selection *s) {
    const rf_intake *in = s->intake;
    s->usable = rf_alloc(in->n_images, sizeof *s->usable);
    s->first = rf_alloc(in->n_images + 2, sizeof *s->first);
    s->order = rf_alloc(in->n_faces, sizeof *s->order);
    s->wanted = rf_alloc(in->n_categories, sizeof *s->wanted);
    if (!s->usable || !s->first || !s->order || !s->wanted) return RF_ERR_NOMEM;
    /* first[i + 2] counts, then first[i + 1] is where the next face of image i goes. */
    for (size_t k = 0; k < in->n_faces; k++) {
        size_t image = in->faces[k].image;
        s->first[(in->merges ? in->images[image].same : image) + 2]++;
    }
    for (size_t i = 2; i < in->n_images + 2; i++) s->first[i] += s->first[i - 1];
    for (size_t k = 0; k < in->n_faces; k++) {
        size_t image = in->faces[k].image;
        s->order[s->first[(in->merges ? in->images[image].same : image) + 1]++] = k;
    }
    return RF_OK;
}

/* What a category is called: a class number's name when a file told it. */
static const char *category_name(const rf_intake *in, size_t i) {
    char *stop;
    const char *name = in->categories[i];
    size_t number = strtoul(name, &stop, 10);
    return *name >= '0' && *name <= '9' && *stop == 0 && number < in->n_class_names ? in->class_names[number] : name;
}

static rf_status unknown_category(const rf_intake *in, const char *wanted) {
    const char *names[64] = {0};
    char list[256] = "";
    size_t n = 0;
    for (; n < in->n_categories && n < 64; n++) {
        size_t used = strlen(list);
        names[n] = category_name(in, n);
        if (n < 8) snprintf(list + used, sizeof list - used, "%s%.24s", n ? ", " : "", names[n]);
    }
    if (!wanted)
        return rf_fail(RF_ERR_USER, "%s: %zu kinds of objects and none is called face; choose one by --category: %s%s",
                       in->files[0], in->n_categories, list, n > 8 ? ", ..." : "");
    const char *near = rf_nearest_name(wanted, names, n);
    return rf_fail(RF_ERR_USER, "%s: no object is called \"%s\"%s%s%s; there are: %s%s", in->files[0], wanted,
                   near ? ", did you mean " : "", near ? near : "", near ? "?" : "", list, n > 8 ? ", ..." : "");
}

/* The kind that the user names, or the only one that has objects, or "face". */
static rf_status choose_category(selection *s) {
    rf_intake *in = s->intake;
    size_t used = 0, chosen = 0, matches = 0;
    for (size_t k = 0; k < in->n_faces; k++) {
        int category = in->faces[k].category;
        if (category < 0 || s->wanted[category]) continue;
        s->wanted[category] = true; /* for now: has objects */
        chosen = (size_t)category;
        used++;
    }
    bool only = used <= 1 && !in->category;
    for (size_t i = 0; !only && i < in->n_categories; i++) {
        const char *name = category_name(in, i);
        bool match = in->category ? strcmp(name, in->category) == 0 || strcmp(in->categories[i], in->category) == 0
                                  : s->wanted[i] && strcasecmp(name, "face") == 0;
        if (!match) continue;
        chosen = i;
        matches++;
    }
    if (!only && matches == 0 && (in->n_categories > 0 || !in->category)) return unknown_category(in, in->category);
    for (size_t i = 0; i < in->n_categories; i++) s->wanted[i] = i == chosen;
    return RF_OK;
}

static bool is_wanted(const selection *s, const rf_intake_face *face) {
    return face->category < 0 || s->wanted[face->category];
}

/* In most pictures the eye on the image's left is further left: when "left_eye" mostly is not, it is the person's. */
static void find_left(selection *s) {
    const rf_intake *in = s->intake;
    size_t image_left = 0, person_left = 0;
    for (size_t k = 0; k < in->n_faces; k++) {
        const rf_face *face = &in->faces[k].face;
        if (!face->has_points || !is_wanted(s, &in->faces[k])) continue;
        image_left += face->points[0] < face->points[2];
        person_left += face->points[0] > face->points[2];
    }
    s->swap =
        in->named_points && (in->left == RF_LEFT_PERSON || (in->left == RF_LEFT_AUTO && person_left > image_left));
    if (s->swap && image_left + person_left) s->job->stats->swapped = true;
}

static void swap_points(rf_face *face, int a, int b) {
    for (int k = 0; k < 2; k++) {
        float saved = face->points[2 * a + k];
        face->points[2 * a + k] = face->points[2 * b + k];
        face->points[2 * b + k] = saved;
    }
    int differ = (face->hidden >> a ^ face->hidden >> b) & 1;
    face->hidden = (uint8_t)(face->hidden ^ (differ << a | differ << b));
}

static void finish_points(const selection *s, rf_intake_face *from, const rf_intake_image *image) {
    rf_face *face = &from->face;
    float size[2] = {(float)image->width, (float)image->height};
    for (int k = 0; from->shares && k < 4; k++) face->box[k] *= size[k & 1];
    for (int k = 0; from->shares && k < 2 * RF_POINTS; k++) face->points[k] *= size[k & 1];
    from->shares = false;
    if (!s->swap || !face->has_points) return;
    swap_points(face, 0, 1);
    swap_points(face, 3, 4);
}

/* Whether the face goes into the set; what is wrong with it is told. */
static rf_status check_face(selection *s, size_t i, const rf_intake_face *from, bool *good) {
    const rf_intake_image *m = &s->intake->images[i];
    const float *b = from->face.box;
    const char *file = file_of(s->intake, from->image);
    *good = b[2] > b[0] && b[3] > b[1];
    if (!*good)
        return rf_convert_tell(s->job, RF_CONVERT_NO_AREA, "%s:%d: the box has no area (%g x %g pixels)", file,
                               from->line, b[2] - b[0], b[3] - b[1]);
    *good = b[0] < (float)m->width && b[1] < (float)m->height && b[2] > 0 && b[3] > 0;
    if (*good) return RF_OK;
    return rf_convert_tell(s->job, RF_CONVERT_OUTSIDE,
                           "%s:%d: the box (%g, %g)-(%g, %g) lies outside of %s, which has %dx%d pixels", file,
                           from->line, b[0], b[1], b[2], b[3], m->name, m->width, m->height);
}

static rf_status take_image(selection *s, size_t i, rf_convert_part *part) {
    const rf_intake_image *m = &s->intake->images[i];
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
    for (size_t k = s->first[i]; k < s->first[i + 1]; k++) {
        rf_intake_face *from = &s->intake->faces[s->order[k]];
        bool good;
        if (!is_wanted(s, from)) {
            s->job->stats->other_categories++;
            continue;
        }
        finish_points(s, from, m);
        RF_TRY(check_face(s, i, from, &good));
        if (!good) continue;
        RF_TRY(rf_dataset_add_face(d, &from->face, from->line));
        s->job->stats->partial_points += from->partial;
    }
    return RF_OK;
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

static rf_status take_images(selection *s, const char *name) {
    double split = s->job->options->split;
    rf_convert_part *part, *val = NULL;
    size_t usable = 0;
    for (size_t i = 0; i < s->intake->n_images; i++) usable += s->usable[i];
    if (usable == 0)
        return rf_fail(RF_ERR_USER,
                       "none of the %zu images can be used (%s); if they lie elsewhere than in %s, name "
                       "their folder with --root",
                       s->intake->n_images, s->job->first ? s->job->first : "?", s->intake->root);
    RF_TRY(new_part(s->job, split > 0 ? "train" : name, s->intake->root, &part));
    if (split > 0) RF_TRY(new_part(s->job, "val", s->intake->root, &val));
    part->exif = s->exif;
    if (val) val->exif = s->exif;
    for (size_t i = 0; i < s->intake->n_images; i++) {
        if (!s->usable[i]) continue;
        bool to_val = val && share_of(s->intake->images[i].name) < split;
        RF_TRY(take_image(s, i, to_val ? val : part));
    }
    if (val && (val->set.dataset->n_samples == 0 || part->set.dataset->n_samples == 0))
        return rf_fail(RF_ERR_USER, "--split %g of %zu images leaves a part without any; choose another share", split,
                       usable);
    return RF_OK;
}

rf_status rf_convert_select(rf_convert_job *job, rf_intake *intake, const char *part) {
    selection s = {.job = job, .intake = intake};
    rf_status status;
    RF_TRY_GOTO(group_faces(&s));
    for (size_t i = 0; i < intake->n_images; i++) RF_TRY_GOTO(check_image(&s, i));
    RF_TRY_GOTO(rf_convert_exif(job, intake, s.order, s.first, s.usable, &s.exif));
    if (intake->n_dangling) {
        RF_TRY_GOTO(rf_convert_tell(job, RF_CONVERT_DANGLING,
                                    "%s: %zu annotations belong to images that are not listed", intake->files[0],
                                    intake->n_dangling));
        job->stats->left_out[RF_CONVERT_DANGLING] += intake->n_dangling - 1;
    }
    RF_TRY_GOTO(choose_category(&s));
    find_left(&s);
    status = take_images(&s, part);
fail:
    rf_free(s.usable);
    rf_free(s.order);
    rf_free(s.first);
    rf_free(s.wanted);
    return status;
}
