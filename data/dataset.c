/* SPDX-License-Identifier: Apache-2.0 */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"
#include "data/annotation.h"
#include "data/doubts.h"
#include "data/mesh_table.h"
#include "data/sniff.h"

#define RF_DATASET(name) extern const rf_dataset_format rf_dataset_format_##name;
#include "data/datasets.def"
#undef RF_DATASET

const rf_dataset_format *const rf_dataset_formats[RF_DATASET_COUNT] = {
#define RF_DATASET(name) &rf_dataset_format_##name,
#include "data/datasets.def"
#undef RF_DATASET
};

static const size_t annotation_max_bytes = (size_t)1 << 30;

void rf_dataset_free(rf_dataset *dataset) {
    if (!dataset) return;
    for (size_t i = 0; i < dataset->n_samples; i++) rf_free(dataset->samples[i].path);
    rf_free(dataset->samples);
    rf_free(dataset->faces);
    rf_face_store_free(&dataset->points);
    rf_free(dataset->face_lines);
    rf_free(dataset->ellipses);
    for (size_t i = 0; i < dataset->n_remarks; i++) rf_free(dataset->remarks[i].text);
    rf_free(dataset->remarks);
    rf_mesh_table_free(dataset->mesh);
    rf_free(dataset->annotation_path);
    rf_free(dataset->image_dir);
    rf_free(dataset);
}

/* The arrays grow by doubling, and their capacity follows from their length: no room is left at 0, 16, 32, 64, ...
 * elements. */
static bool is_full(size_t n) {
    return n == 0 || (n >= 16 && (n & (n - 1)) == 0);
}

static void *grow(void *array, size_t n, size_t size) {
    return rf_realloc(array, n, n == 0 ? 16 : 2 * n, size);
}

/* A name as Windows writes it gets slashes, unless there is such a file. Without an image folder it stays. */
static rf_status mend_backslashes(const rf_dataset *dataset, char *name) {
    if (!strchr(name, '\\') || !*dataset->image_dir) return RF_OK;
    char *path = rf_path_join(dataset->image_dir, name); /* reads */
    if (!path) return RF_ERR_NOMEM;
    bool exists = rf_file_exists(path);
    rf_free(path);
    for (char *p = name; *p && !exists; p++)
        if (*p == '\\') *p = '/';
    return RF_OK;
}

rf_status rf_dataset_add_sample(rf_dataset *dataset, const char *name, size_t name_bytes, int line) {
    size_t n = dataset->n_samples;
    if (is_full(n)) {
        rf_sample *grown = grow(dataset->samples, n, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        dataset->samples = grown;
    }
    char *copy = rf_strndup(name, name_bytes);
    if (copy && mend_backslashes(dataset, copy) != RF_OK) {
        rf_free(copy);
        return RF_ERR_NOMEM;
    }
    char *path = copy ? rf_path_join(dataset->image_dir, copy) : NULL; /* reads */
    size_t length = copy ? strlen(copy) : 0;
    rf_free(copy);
    if (!path) return RF_ERR_NOMEM;
    dataset->samples[n] =
        (rf_sample){.path = path, .name = path + strlen(path) - length, .first_face = dataset->n_faces, .line = line};
    dataset->n_samples++;
    return RF_OK;
}

rf_status rf_dataset_expect_points(rf_dataset *dataset, int n, int line) {
    if (!dataset->n_points) {
        dataset->n_points = n;
        dataset->points_line = line;
    }
    if (dataset->n_points == n) return RF_OK;
    return rf_fail(RF_ERR_FORMAT,
                   "%s:%d: a face with %d points, but line %d has one with %d; all faces of a set have as many",
                   dataset->annotation_path, line, n, dataset->points_line, dataset->n_points);
}

static void count_face(rf_dataset *dataset, const rf_face *face) {
    dataset->n_ignored += face->ignore;
    dataset->n_with_points += face->n_points > 0;
}

rf_status rf_dataset_add_face(rf_dataset *dataset, const rf_face *face, int line) {
    size_t n = dataset->n_faces;
    if (dataset->n_samples == 0) return rf_fail(RF_ERR_USER, "line %d: a face was added before the first image", line);
    if (face->n_points) RF_TRY(rf_dataset_expect_points(dataset, face->n_points, line));
    if (is_full(n)) {
        rf_face *faces = grow(dataset->faces, n, sizeof *faces);
        if (!faces) return RF_ERR_NOMEM;
        dataset->faces = faces;
        int *lines = grow(dataset->face_lines, n, sizeof *lines);
        if (!lines) return RF_ERR_NOMEM;
        dataset->face_lines = lines;
    }
    dataset->faces[n] = *face;
    RF_TRY(rf_face_keep(&dataset->points, &dataset->faces[n]));
    dataset->face_lines[n] = line;
    dataset->n_faces++;
    dataset->samples[dataset->n_samples - 1].n_faces++;
    count_face(dataset, face);
    return RF_OK;
}

rf_status rf_dataset_add_ellipse(rf_dataset *dataset, const rf_ellipse *ellipse, int line) {
    size_t n = dataset->n_faces;
    rf_face face = {.score = 1, .ignore = !(ellipse->major > 0 && ellipse->minor > 0)};
    double box[4];
    rf_ellipse_box(ellipse, box);
    for (int k = 0; k < 4; k++) face.box[k] = (float)box[k];
    if (is_full(n)) {
        rf_ellipse *grown = grow(dataset->ellipses, n, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        dataset->ellipses = grown;
    }
    dataset->ellipses[n] = *ellipse;
    return rf_dataset_add_face(dataset, &face, line);
}

static bool is_automatic(const char *format) {
    return !format || !*format || strcmp(format, "auto") == 0;
}

/* Says what a folder holds that was named instead of an annotation file. */
static rf_status refuse_folder(const char *path) {
    rf_sniffed sniffed;
    RF_TRY(rf_sniff_path(path, &sniffed));
    RF_TRY(rf_sniff_refuse(path, &sniffed));
    return rf_fail(RF_ERR_USER, "%s is a folder; name the annotation file%s%s", path, *sniffed.file ? ": " : "",
                   sniffed.file);
}

static rf_status find_format(const char *wanted, const char *path, const char *text, size_t bytes,
                             const rf_dataset_format **out) {
    const char *names[RF_DATASET_COUNT + 1] = {"auto"};
    bool automatic = is_automatic(wanted);
    for (int i = 0; i < RF_DATASET_COUNT; i++) {
        const rf_dataset_format *format = rf_dataset_formats[i];
        names[i + 1] = format->name;
        if (automatic ? format->sniff(text, bytes) : strcmp(wanted, format->name) == 0) {
            *out = format;
            return RF_OK;
        }
    }
    char list[128] = "";
    for (int i = 1; automatic && i <= RF_DATASET_COUNT; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", names[i]);
    if (automatic && strspn(text, " \t\r\n") == bytes)
        return rf_fail(RF_ERR_FORMAT, "%s is empty; expected annotations: the names of images and their faces", path);
    if (automatic)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:1: neither of the known annotation formats (%s); the first line names an image", path, list);
    rf_name_find("annotation format", wanted, names, RF_DATASET_COUNT + 1);
    return RF_ERR_USER;
}

static int compare_samples(const void *a, const void *b) {
    const rf_sample *p = *(const rf_sample *const *)a, *q = *(const rf_sample *const *)b;
    int order = strcmp(p->name, q->name);
    return order ? order : (p->line > q->line) - (p->line < q->line);
}

static bool has_image_suffix(const char *name, size_t n) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t len = strlen(suffixes[i]);
        if (n > len && memcmp(name + n - len, suffixes[i], len) == 0) return true;
    }
    return false;
}

rf_status rf_dataset_add_stem(rf_dataset *dataset, const char *name, size_t name_bytes, int line) {
    static const char suffix[] = ".jpg";
    if (has_image_suffix(name, name_bytes)) return rf_dataset_add_sample(dataset, name, name_bytes, line);
    char *full = rf_alloc(name_bytes + sizeof suffix, 1);
    if (!full) return RF_ERR_NOMEM;
    memcpy(full, name, name_bytes);
    memcpy(full + name_bytes, suffix, sizeof suffix);
    rf_status status = rf_dataset_add_sample(dataset, full, name_bytes + sizeof suffix - 1, line);
    rf_free(full);
    return status;
}

/* The first sample of that name in a list of pointers sorted by compare_samples, or NULL. */
static rf_sample *find_sample(rf_sample **sorted, size_t n, const char *name) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(sorted[mid]->name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && strcmp(sorted[lo]->name, name) == 0 ? sorted[lo] : NULL;
}

/* Appends the sample that one line of a list file names, with its faces, to `out`. */
static rf_status take_listed(const rf_dataset *all, rf_sample **sorted, const rf_line_reader *reader, rf_dataset *out) {
    const char *name = reader->line;
    size_t n = reader->length;
    while (n > 1 && (*name == '/' || *name == '\\' || (*name == '.' && (name[1] == '/' || name[1] == '\\')))) {
        size_t skip = *name == '.' ? 2 : 1;
        if (n <= skip) break;
        name += skip;
        n -= skip;
    }
    char full[4096];
    int length = snprintf(full, sizeof full, "%.*s%s", (int)(n < 4000 ? n : 4000), name,
                          has_image_suffix(name, n) ? "" : ".jpg");
    rf_sample *sample = find_sample(sorted, all->n_samples, full);
    for (char *p = full; !sample && *p; p++)
        if (*p == '\\') *p = '/';
    if (!sample) sample = find_sample(sorted, all->n_samples, full);
    if (!sample)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %s is not annotated in %s", reader->path, reader->number, full,
                       all->annotation_path);
    RF_TRY(rf_dataset_add_sample(out, full, (size_t)length, sample->line));
    for (size_t i = 0; i < sample->n_faces; i++) {
        size_t f = sample->first_face + i;
        if (all->ellipses)
            RF_TRY(rf_dataset_add_ellipse(out, &all->ellipses[f], all->face_lines[f]));
        else
            RF_TRY(rf_dataset_add_face(out, &all->faces[f], all->face_lines[f]));
    }
    return RF_OK;
}

static rf_status new_dataset(const char *annotation_path, const char *image_dir, rf_dataset **out) {
    rf_dataset *dataset = rf_alloc(1, sizeof *dataset);
    if (!dataset) return RF_ERR_NOMEM;
    dataset->annotation_path = rf_strdup(annotation_path);
    dataset->image_dir = rf_strdup(image_dir ? image_dir : "");
    if (!dataset->annotation_path || !dataset->image_dir) {
        rf_dataset_free(dataset);
        return RF_ERR_NOMEM;
    }
    *out = dataset;
    return RF_OK;
}

/* Replaces *dataset by the part that list_path names. On failure *dataset is as it was. */
static rf_status keep_listed(rf_dataset **dataset, const char *list_path) {
    rf_status status;
    rf_dataset *all = *dataset, *kept = NULL;
    uint8_t *text = NULL;
    size_t bytes = 0;
    rf_sample **sorted = NULL;
    RF_TRY_GOTO(rf_file_read(list_path, annotation_max_bytes, &text, &bytes));
    RF_TRY_GOTO(rf_text_check(list_path, (const char *)text, bytes));
    RF_TRY_GOTO(new_dataset(all->annotation_path, all->image_dir, &kept));
    status = RF_ERR_NOMEM;
    sorted = rf_alloc(all->n_samples, sizeof(rf_sample *));
    if (!sorted) goto fail;
    for (size_t i = 0; i < all->n_samples; i++) sorted[i] = &all->samples[i];
    qsort(sorted, all->n_samples, sizeof *sorted, compare_samples);
    rf_line_reader reader = rf_lines_begin(list_path, (const char *)text, bytes);
    while (rf_lines_next(&reader)) RF_TRY_GOTO(take_listed(all, sorted, &reader, kept));
    status = RF_OK;
    kept->n_points = all->n_points;
    kept->exif = all->exif;
    kept->turned = all->turned;
    kept->classes = all->classes;
    kept->points_line = all->points_line;
    kept->remarks = all->remarks;
    kept->n_remarks = all->n_remarks;
    all->remarks = NULL;
    all->n_remarks = 0;
    *dataset = kept;
    kept = all;
fail:
    rf_dataset_free(kept);
    rf_free(sorted);
    rf_free(text);
    return status;
}

/* Reads one of FDDB's ellipse lists into the set. */
static rf_status add_fold(const char *path, rf_dataset *dataset) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    RF_TRY(rf_file_read(path, annotation_max_bytes, &text, &bytes));
    rf_status status = rf_text_check(path, (const char *)text, bytes);
    if (status == RF_OK) status = rf_dataset_format_fddb.parse(path, (const char *)text, bytes, dataset);
    rf_free(text);
    return status;
}

/* FDDB's own folder: its ten ellipse lists are one set. Every other folder is refused. */
static rf_status open_folds(const char *format, const char *path, const char *image_dir, const char *list_path,
                            bool tolerant, rf_dataset **out) {
    char **names = NULL;
    size_t n = 0;
    rf_dataset *dataset = NULL;
    RF_TRY(rf_dataset_folds(path, &names, &n));
    bool wanted = is_automatic(format) || strcmp(format, "fddb") == 0;
    rf_status status = n && wanted ? new_dataset(path, image_dir, &dataset) : refuse_folder(path);
    if (status == RF_OK) dataset->tolerant = tolerant;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *file = rf_path_join(path, names[i]); /* reads */
        status = file ? add_fold(file, dataset) : RF_ERR_NOMEM;
        rf_free(file);
    }
    if (status == RF_OK && list_path && *list_path) status = keep_listed(&dataset, list_path);
    if (status == RF_OK && dataset->n_samples == 0) status = rf_fail(RF_ERR_FORMAT, "%s: no image is listed", path);
    if (status == RF_OK)
        *out = dataset;
    else
        rf_dataset_free(dataset);
    rf_names_free(names, n);
    return status;
}

rf_status rf_dataset_folds(const char *dir, char ***names, size_t *n) {
    return rf_dir_list(dir, "ellipseList.txt", false, names, n);
}

/* Shares of the picture's size where pixels are expected: nothing could be learnt from such a set, or measured. */
static rf_status refuse_shares(const rf_dataset *d) {
    rf_box_tally tally = {0};
    for (size_t i = 0; i < d->n_faces; i++) rf_box_tally_add(&tally, d->faces[i].box, RF_BOX_OWN, 0, 0);
    if (d->tolerant || d->ellipses || !rf_box_tally_shares(&tally)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT,
                   "%s:%d: all %zu boxes lie within 0 and 1: they are shares of the image's size, but pixels are "
                   "expected; rf-data convert reads them",
                   d->annotation_path, d->face_lines[0], tally.n);
}

static rf_status open_dataset(const char *format, const char *annotation_path, const char *image_dir,
                              const char *list_path, bool tolerant, rf_dataset **out) {
    rf_status status;
    rf_dataset *dataset = NULL;
    uint8_t *text = NULL;
    size_t bytes = 0;
    const rf_dataset_format *chosen = NULL;
    *out = NULL;
    if (rf_dir_exists(annotation_path)) return open_folds(format, annotation_path, image_dir, list_path, tolerant, out);
    RF_TRY_GOTO(rf_file_read(annotation_path, annotation_max_bytes, &text, &bytes));
    if (is_automatic(format)) {
        rf_sniffed sniffed = rf_sniff_text((const char *)text, bytes);
        RF_TRY_GOTO(rf_sniff_refuse(annotation_path, &sniffed));
    }
    RF_TRY_GOTO(rf_text_check(annotation_path, (const char *)text, bytes));
    RF_TRY_GOTO(find_format(format, annotation_path, (const char *)text, bytes, &chosen));
    RF_TRY_GOTO(new_dataset(annotation_path, image_dir, &dataset));
    dataset->tolerant = tolerant;
    rf_set_note note;
    RF_TRY_GOTO(rf_set_note_read(annotation_path, &note));
    dataset->exif = note.exif;
    dataset->turned = dataset->exif == RF_EXIF_TURNED;
    if (chosen == &rf_dataset_format_label) dataset->classes = note.classes;
    RF_TRY_GOTO(chosen->parse(annotation_path, (const char *)text, bytes, dataset));
    RF_TRY_GOTO(refuse_shares(dataset));
    if (list_path && *list_path) RF_TRY_GOTO(keep_listed(&dataset, list_path));
    if (dataset->n_samples == 0 && dataset->n_remarks) {
        status = rf_fail(RF_ERR_FORMAT, "%s:%d: %s; nothing else can be read", annotation_path,
                         dataset->remarks[0].line, dataset->remarks[0].text);
        goto fail;
    }
    if (dataset->n_samples == 0) {
        status =
            rf_fail(RF_ERR_FORMAT, "%s: no image is listed", list_path && *list_path ? list_path : annotation_path);
        goto fail;
    }
    rf_free(text);
    *out = dataset;
    return RF_OK;
fail:
    rf_dataset_free(dataset);
    rf_free(text);
    return status;
}

rf_status rf_dataset_open(const char *format, const char *annotation_path, const char *image_dir, const char *list_path,
                          rf_dataset **out) {
    return open_dataset(format, annotation_path, image_dir, list_path, false, out);
}

rf_status rf_dataset_open_tolerant(const char *format, const char *annotation_path, const char *image_dir,
                                   const char *list_path, rf_dataset **out) {
    return open_dataset(format, annotation_path, image_dir, list_path, true, out);
}
