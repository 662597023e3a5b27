/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that stand in an image folder and in no annotation, and pictures that stand in two parts. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/convert_impl.h"

/* What makes two names one file, whatever links lead to it. */
typedef struct file_id {
    dev_t device;
    ino_t number;
    size_t part, sample; /* of whom; unused in a set of annotated pictures */
} file_id;

typedef struct file_ids {
    file_id *v;
    size_t n;
} file_ids;

static rf_status add_id(file_ids *ids, const char *root, const char *name, size_t part, size_t sample) {
    struct stat info;
    char *path = rf_path_join(root, name);
    if (!path) return RF_ERR_NOMEM;
    bool found = stat(path, &info) == 0;
    rf_free(path);
    if (!found) return RF_OK;
    size_t n = ids->n;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        file_id *grown = rf_realloc(ids->v, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        ids->v = grown;
    }
    ids->v[ids->n++] = (file_id){info.st_dev, info.st_ino, part, sample};
    return RF_OK;
}

static int same_file(const file_id *a, const file_id *b) {
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static int by_file(const void *a, const void *b) {
    return same_file(a, b);
}

static int by_file_and_part(const void *a, const void *b) {
    const file_id *p = a, *q = b;
    int order = same_file(p, q);
    if (order) return order;
    return p->part != q->part ? (p->part < q->part ? -1 : 1) : (p->sample > q->sample) - (p->sample < q->sample);
}

static void sort_ids(file_ids *ids, int (*order)(const void *, const void *)) {
    if (ids->n) qsort(ids->v, ids->n, sizeof *ids->v, order);
}

/* The pictures that any of the intakes names. */
static rf_status collect_named(const rf_intake *intakes, size_t n, file_ids *ids) {
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < intakes[k].n_images; i++) {
            const rf_intake_image *m = &intakes[k].images[i];
            if (m->same == i && !m->missing && m->name) RF_TRY(add_id(ids, intakes[k].root, m->name, 0, 0));
        }
    sort_ids(ids, by_file);
    return RF_OK;
}

/* Whether the file at root/name is one that no annotation names, nor one below the output folder. */
static rf_status is_unnamed(const char *root, const char *name, const char *out, const file_ids *named, bool *unnamed) {
    struct stat info;
    char *path = rf_path_join(root, name);
    if (!path) return RF_ERR_NOMEM;
    char *real = realpath(path, NULL);
    size_t n = out ? strlen(out) : 0;
    bool found = real && stat(path, &info) == 0, inside = n && real && strncmp(real, out, n) == 0 && real[n] == '/';
    free(real);
    rf_free(path);
    *unnamed = found && !inside;
    if (!*unnamed) return RF_OK;
    file_id key = {.device = info.st_dev, .number = info.st_ino};
    *unnamed = !named->n || !bsearch(&key, named->v, named->n, sizeof *named->v, by_file);
    return RF_OK;
}

typedef struct unnamed {
    rf_convert_job *job;
    const file_ids *named;
    char *out; /* the output folder, without links; NULL: it does not exist */
} unnamed;

/* Those of one folder: negatives, where the format has it so, or told. */
static rf_status take_folder(const unnamed *u, rf_intake *intake, bool negative) {
    char **files;
    size_t n, before = intake->n_images, count = 0, first = 0;
    rf_status status = rf_dir_list(intake->root, ".jpg,.jpeg,.png", true, &files, &n);
    if (status != RF_OK)
        return status == RF_ERR_NOMEM
                   ? status
                   : rf_convert_tell(u->job, RF_CONVERT_UNNAMED, 1, intake->root, 0,
                                     "note: pictures without annotation were not looked for: %s", rf_error_message());
    if (negative) RF_TRY_GOTO(rf_intake_file(intake, intake->root));
    for (size_t i = 0; i < n; i++) {
        bool is;
        RF_TRY_GOTO(is_unnamed(intake->root, files[i], u->out, u->named, &is));
        if (!is) continue;
        if (count++ == 0) first = i;
        if (negative)
            RF_TRY_GOTO(rf_intake_skip(intake, rf_intake_add_image(intake, files[i], strlen(files[i]), NULL, 0, 0),
                                       RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, 0));
    }
    if (count && negative)
        status = rf_convert_tell(u->job, RF_CONVERT_NEGATIVE, count, intake->root, 0,
                                 "note: %zu pictures have no annotation file and are taken as negatives, first %s",
                                 count, files[first]);
    else if (count)
        status = rf_convert_tell(u->job, RF_CONVERT_UNNAMED, count, intake->root, 0,
                                 "note: %zu pictures stand in no annotation and are not taken, first %s", count,
                                 files[first]);
    if (status == RF_OK && intake->n_images > before) status = rf_convert_measure(u->job, intake, before);
fail:
    rf_names_free(files, n);
    return status;
}

rf_status rf_convert_unnamed(rf_convert_job *job, rf_intake *intakes, const rf_convert_input *inputs, size_t n,
                             const char *out) {
    file_ids named = {0};
    unnamed u = {.job = job, .named = &named, .out = realpath(out, NULL)};
    rf_status status;
    RF_TRY_GOTO(collect_named(intakes, n, &named));
    for (size_t i = 0; i < n; i++) {
        size_t earlier = 0, sharing = 0;
        for (size_t k = 0; k < n; k++) {
            bool shared = strcmp(intakes[k].root, intakes[i].root) == 0;
            sharing += shared;
            earlier += shared && k < i;
        }
        if (earlier) continue;
        /* Whose negatives are they, where parts share a folder, or where only some files of a folder were given? */
        bool negative = intakes[i].unnamed_negative && sharing == 1 && inputs[i].folder;
        RF_TRY_GOTO(take_folder(&u, &intakes[i], negative));
    }
    status = RF_OK;
fail:
    rf_free(named.v);
    free(u.out);
    return status;
}

rf_status rf_convert_leaks(rf_convert_job *job) {
    file_ids ids = {0};
    rf_status status = RF_OK;
    for (size_t p = 0; job->n_parts > 1 && p < job->n_parts; p++) {
        const rf_dataset *d = job->parts[p].set.dataset;
        for (size_t i = 0; i < d->n_samples; i++)
            RF_TRY_GOTO(add_id(&ids, job->parts[p].root, d->samples[i].name, p, i));
    }
    sort_ids(&ids, by_file_and_part);
    for (size_t i = 1; i < ids.n; i++) {
        const file_id *a = &ids.v[i - 1], *b = &ids.v[i];
        const rf_convert_part *p = &job->parts[a->part], *q = &job->parts[b->part];
        if (same_file(a, b) != 0 || a->part == b->part) continue;
        RF_TRY_GOTO(rf_convert_tell(job, RF_CONVERT_LEAK, 1, p->root, 0,
                                    "note: %s of %s is the same picture as %s of %s: what is trained on is measured",
                                    p->set.dataset->samples[a->sample].name, p->name,
                                    q->set.dataset->samples[b->sample].name, q->name));
    }
fail:
    rf_free(ids.v);
    return status;
}
