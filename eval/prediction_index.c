/* SPDX-License-Identifier: Apache-2.0 */
/* Which file of a folder holds the predictions of which image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "eval/predictions.h"

/* A file: "event/image.txt"; names are compared without case and without ".txt" and the suffix of an image before it.
 */
typedef struct entry {
    const char *name;
    size_t bytes; /* of the part that is compared */
    bool used;
} entry;

typedef struct folder {
    const char *path;
    char **names;
    entry *entries; /* [n] sorted */
    size_t n;
} folder;

static void folder_free(folder *f) {
    rf_names_free(f->names, f->n);
    rf_free(f->entries);
}

static int compare_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    int order = strncasecmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_entries(const void *a, const void *b) {
    const entry *p = a, *q = b;
    int order = compare_text(p->name, p->bytes, q->name, q->bytes);
    return order ? order : strcmp(p->name, q->name);
}

static rf_status folder_open(const char *path, folder *f) {
    *f = (folder){.path = path};
    RF_TRY(rf_dir_list(path, ".txt", true, &f->names, &f->n));
    f->entries = rf_alloc(f->n, sizeof *f->entries);
    if (!f->entries) {
        folder_free(f);
        return RF_ERR_NOMEM;
    }
    for (size_t i = 0; i < f->n; i++) {
        size_t bytes = strlen(f->names[i]) - strlen(".txt");
        f->entries[i] = (entry){f->names[i], rf_prediction_stem(f->names[i], bytes), false};
    }
    qsort(f->entries, f->n, sizeof *f->entries, compare_entries);
    return RF_OK;
}

/* The first entry of that name, or n. */
static size_t find(const folder *f, const char *text, size_t bytes) {
    size_t lo = 0, hi = f->n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (compare_text(f->entries[middle].name, f->entries[middle].bytes, text, bytes) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < f->n && compare_text(f->entries[lo].name, f->entries[lo].bytes, text, bytes) == 0 ? lo : f->n;
}

/* Whether an entry is called "NAME.txt" of the image's name, or of its stem. */
static bool is_spelled(const entry *e, const char *name, size_t bytes) {
    return strncmp(e->name, name, bytes) == 0 && strcmp(e->name + bytes, ".txt") == 0;
}

static bool is_whole(const entry *e, const char *name) {
    size_t bytes = strlen(name);
    return compare_text(e->name, strlen(e->name) - strlen(".txt"), name, bytes) == 0;
}

/* The file of an image: of those that only differ in spelling the one that is spelled as the image. `whole`: another
 * image differs in the suffix only, so the file has to have it. */
static entry *file_of(const folder *f, const char *name, bool whole) {
    size_t bytes = strlen(name), stem = rf_prediction_stem(name, bytes), at = find(f, name, stem);
    const char *base = rf_path_base(name);
    if (at == f->n && base != name) at = find(f, base, stem - (size_t)(base - name));
    if (at == f->n) return NULL;
    const entry first = f->entries[at];
    entry *best = NULL;
    for (size_t i = at; i < f->n; i++) {
        entry *e = &f->entries[i];
        if (compare_text(e->name, e->bytes, first.name, first.bytes) != 0) break;
        if (e->used || (whole && !is_whole(e, name))) continue;
        if (is_spelled(e, name, whole ? bytes : stem)) return e;
        if (!best) best = e;
    }
    return best;
}

static rf_status read_image(const folder *f, const char *name, bool whole, rf_prediction_set *set, size_t image) {
    entry *e = file_of(f, name, whole);
    if (!e) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_missing, "%s", name);
        return RF_OK;
    }
    size_t bytes = strlen(name);
    if (!is_spelled(e, name, whole ? bytes : rf_prediction_stem(name, bytes)))
        rf_prediction_notes_add(&set->notes, RF_NOTE_other_name, "%s for %s", e->name, name);
    e->used = true;
    char *path = rf_path_join(f->path, e->name);
    rf_status status = path ? rf_prediction_read(path, e->name, set, image) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

/* Not one file has the name of an image: says where they are, if they are one folder further down. */
static rf_status none_found(const folder *f, const char *const *names, size_t n) {
    int stem = n ? (int)rf_prediction_stem(names[0], strlen(names[0])) : 0;
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < n; k++) {
            const entry *e = &f->entries[i];
            size_t bytes = rf_prediction_stem(names[k], strlen(names[k]));
            if (e->bytes <= bytes || e->name[e->bytes - bytes - 1] != '/') continue;
            size_t inner = e->bytes - bytes - 1;
            if (compare_text(e->name + inner + 1, bytes, names[k], bytes) == 0)
                return rf_fail(RF_ERR_USER, "%s: no prediction file here, but in %s/%.*s: name that folder", f->path,
                               f->path, (int)inner, e->name);
        }
    return rf_fail(RF_ERR_USER, "%s: not one prediction file; expected %s/%.*s.txt and so on", f->path, f->path, stem,
                   n ? names[0] : "");
}

/* whole: NULL, or as rf_predictions_doubled tells. */
static rf_status read_names(const char *dir, const char *const *names, const bool *whole, size_t n, int classes,
                            rf_prediction_set *set) {
    folder f;
    *set = (rf_prediction_set){0};
    if (rf_file_exists(dir) && !rf_dir_exists(dir))
        return rf_fail(RF_ERR_USER, "%s is a file; a folder with a file of predictions for each image is expected",
                       dir);
    RF_TRY(folder_open(dir, &f));
    rf_status status = rf_prediction_set_make(n, set);
    set->classes = classes;
    for (size_t i = 0; i < n && status == RF_OK; i++) status = read_image(&f, names[i], whole && whole[i], set, i);
    if (status == RF_OK && n && set->notes.n[RF_NOTE_missing] == n) status = none_found(&f, names, n);
    if (status == RF_OK && n && !set->notes.files)
        status = rf_fail(RF_ERR_FORMAT, "%s: not one of its prediction files can be read; the first: %s", dir,
                         set->notes.first[RF_NOTE_unreadable]);
    if (status == RF_OK) status = rf_prediction_notes_check(dir, &set->notes);
    for (size_t i = 0; i < f.n && status == RF_OK; i++)
        if (!f.entries[i].used) rf_prediction_notes_add(&set->notes, RF_NOTE_strays, "%s", f.entries[i].name);
    if (status != RF_OK) rf_prediction_set_free(set);
    folder_free(&f);
    return status;
}

rf_status rf_predictions_read_wider(const char *dir, const rf_wider_gt *gt, rf_prediction_set *set) {
    const char **names = rf_alloc(gt->n_images, sizeof(char *));
    if (!names) return RF_ERR_NOMEM;
    for (size_t i = 0; i < gt->n_images; i++) names[i] = gt->images[i].name;
    rf_status status = read_names(dir, names, NULL, gt->n_images, 0, set);
    rf_free(names);
    return status;
}

rf_status rf_predictions_read(const char *dir, const rf_dataset *dataset, rf_prediction_set *set) {
    const char **names = rf_alloc(dataset->n_samples, sizeof(char *));
    if (!names) return RF_ERR_NOMEM;
    for (size_t i = 0; i < dataset->n_samples; i++) names[i] = dataset->samples[i].name;
    bool *whole = NULL;
    rf_status status = rf_predictions_doubled(dataset, &whole);
    if (status == RF_OK) status = read_names(dir, names, whole, dataset->n_samples, dataset->classes.n, set);
    rf_free(names);
    rf_free(whole);
    return status;
}
