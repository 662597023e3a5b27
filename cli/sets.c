/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sets.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/dataset.h"
#include "data/sniff.h"

typedef struct layout {
    const char *annotation, *images;
} layout;

static const layout layouts[] = {
    {"train/label.txt", "train/images"},
    {"val/label.txt", "val/images"},
    {"test/label.txt", "test/images"},
    {"label.txt", "images"},
    {"wider_face_split/wider_face_train_bbx_gt.txt", "WIDER_train/images"},
    {"wider_face_split/wider_face_val_bbx_gt.txt", "WIDER_val/images"},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };
_Static_assert(sizeof layouts / sizeof *layouts <= RF_SETS_MAX, "rf_set_list is too short");

void rf_sets_free(rf_set_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        rf_free(list->v[i].annotation);
        rf_free(list->v[i].images);
    }
    *list = (rf_set_list){0};
}

/* Appends a set; takes the strings over in every case. */
static rf_status append(rf_set_list *list, char *annotation, char *images) {
    if (!annotation || !images) {
        rf_free(annotation);
        rf_free(images);
        return RF_ERR_NOMEM;
    }
    list->v[list->n++] = (rf_set_paths){annotation, images};
    return RF_OK;
}

/* `folder` joined with `name` when that is a folder, else NULL. */
static char *existing_folder(const char *folder, const char *name) {
    char *path = rf_path_join(folder, name);
    if (path && rf_dir_exists(path)) return path;
    rf_free(path);
    return NULL;
}

static bool has_folds(const char *dir) {
    char **names = NULL;
    size_t n = 0;
    bool has = rf_dir_exists(dir) && rf_dataset_folds(dir, &names, &n) == RF_OK && n > 0;
    rf_names_free(names, n);
    return has;
}

/* The pictures of FDDB's ellipse lists in a folder: originalPics in it or beside it, or what these unpack to, 2002. */
static char *fold_images(const char *folds) {
    static const char *const places[][2] = {
        {"originalPics", "originalPics"}, {"../originalPics", "../originalPics"}, {"2002", "."}, {"../2002", ".."}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *seen = existing_folder(folds, places[i][0]), *images = seen ? rf_path_join(folds, places[i][1]) : NULL;
        rf_free(seen);
        if (images) return images;
    }
    return rf_strdup(folds);
}

/* FDDB's folder of ellipse lists, given itself or as what it lies in; NULL: there is none. */
static char *fold_folder(const char *path) {
    if (has_folds(path)) return rf_strdup(path);
    char *inner = existing_folder(path, "FDDB-folds");
    if (inner && has_folds(inner)) return inner;
    rf_free(inner);
    return NULL;
}

char *rf_sets_guess_images(const char *annotation) {
    size_t length = (size_t)(rf_path_base(annotation) - annotation);
    char *folder = length ? rf_strndup(annotation, length) : rf_strdup("."), *images;
    if (!folder) return NULL;
    const char *base = rf_path_base(annotation);
    images = existing_folder(folder, "images");
    if (!images && strstr(base, "ellipseList")) images = fold_images(folder);
    if (!images && strstr(base, "_train_")) images = existing_folder(folder, "../WIDER_train/images");
    if (!images && strstr(base, "_val_")) images = existing_folder(folder, "../WIDER_val/images");
    if (images) rf_free(folder);
    return images ? images : folder;
}

/* A folder may look empty because it cannot be entered. */
static rf_status hidden_layout(const char *path) {
    rf_status status = RF_OK;
    for (size_t i = 0; i < LAYOUTS && status == RF_OK; i++) {
        char *annotation = rf_path_join(path, layouts[i].annotation);
        status = annotation ? rf_path_hidden(annotation) : RF_ERR_NOMEM;
        rf_free(annotation);
    }
    return status;
}

rf_status rf_sets_find(const char *path, const char *images, rf_set_list *out) {
    *out = (rf_set_list){0};
    if (!rf_dir_exists(path)) {
        RF_TRY(rf_path_check(path));
        return append(out, rf_strdup(path), images ? rf_strdup(images) : rf_sets_guess_images(path));
    }
    for (size_t i = 0; i < LAYOUTS; i++) {
        char *annotation = rf_path_join(path, layouts[i].annotation);
        if (!annotation || !rf_file_exists(annotation)) {
            rf_free(annotation);
            continue;
        }
        char *folder = images ? rf_strdup(images) : existing_folder(path, layouts[i].images);
        rf_status status = append(out, annotation, folder ? folder : rf_strdup(path));
        if (status != RF_OK) {
            rf_sets_free(out);
            return status;
        }
    }
    char *folds = out->n ? NULL : fold_folder(path);
    if (folds) return append(out, folds, images ? rf_strdup(images) : fold_images(folds));
    if (out->n) return RF_OK;
    RF_TRY(hidden_layout(path));
    rf_sniffed sniffed;
    RF_TRY(rf_sniff_path(path, &sniffed));
    RF_TRY(rf_sniff_refuse(path, &sniffed));
    return rf_fail(
        RF_ERR_USER,
        "%s: no annotations found; looked for train/label.txt, val/label.txt, label.txt, "
        "wider_face_split/wider_face_*_bbx_gt.txt and FDDB-folds/*ellipseList.txt; name the annotation file itself",
        path);
}
