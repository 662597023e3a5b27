/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/convert_roots.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/image_name.h"

enum { ENTRIES_MAX = 100000, NAME_BYTES = 256 };

static _Thread_local int entries_seen;

static int look_at(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)place;
    if ((kind == FTW_F || kind == FTW_SL) && rf_image_suffix(path, strlen(path))) return 1;
    return ++entries_seen > ENTRIES_MAX ? 2 : 0;
}

/* Whether a picture lies in the folder or below; not more than so many entries are looked at. */
static bool holds_pictures(const char *folder) {
    entries_seen = 0;
    return rf_dir_exists(folder) && nftw(folder, look_at, 16, FTW_PHYS) == 1;
}

/* The path with the last component "labels" made "images", NULL when it has none; rf_free it. */
static char *images_for_labels(const char *folder) {
    char *path = rf_strdup(folder), *last = NULL;
    for (char *p = path; p && (p = strstr(p, "labels")); p++)
        if ((p == path || p[-1] == '/') && (p[6] == 0 || p[6] == '/')) last = p;
    if (last) {
        memcpy(last, "images", 6);
        return path;
    }
    rf_free(path);
    return NULL;
}

/* "train2017" of "instances_train2017.json". */
static void part_of(const char *file, char out[NAME_BYTES]) {
    static const char *const fronts[] = {"instances_", "person_keypoints_", "annotations_", "coco_", "via_"};
    const char *base = rf_path_base(file), *dot = strrchr(base, '.');
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
        if (strncmp(base, fronts[i], strlen(fronts[i])) == 0) base += strlen(fronts[i]);
    snprintf(out, NAME_BYTES, "%.*s", dot && dot > base ? (int)(dot - base) : 200, base);
}

/* The first of the folders, `folder`/form with %s for `part`, that holds pictures; NULL: none. *failed: out of memory.
 */
static char *first_of(const char *folder, const char *const *forms, size_t n, const char *part, bool *failed) {
    for (size_t i = 0; i < n; i++) {
        char name[NAME_BYTES + 32];
        const char *hole = strstr(forms[i], "PART");
        if (hole && !*part) continue;
        snprintf(name, sizeof name, "%.*s%s", hole ? (int)(hole - forms[i]) : (int)strlen(forms[i]), forms[i],
                 hole ? part : "");
        char *path = *name ? rf_path_join(folder, name) : rf_strdup(folder);
        if (!path) {
            *failed = true;
            return NULL;
        }
        if (holds_pictures(path)) return path;
        rf_free(path);
    }
    return NULL;
}

char *rf_convert_guess_root(const char *path) {
    static const char *const forms[] = {"images/PART", "../images/PART", "PART", "../PART", "images",
                                        "../images",   "../JPEGImages",  "",     ".."};
    char part[NAME_BYTES] = "";
    bool folder = rf_dir_exists(path), failed = false;
    size_t length = folder ? strlen(path) : (size_t)(rf_path_base(path) - path);
    while (length > 1 && path[length - 1] == '/') length--;
    char *own = length ? rf_strndup(path, length) : rf_strdup(".");
    if (!own) return NULL;
    if (!folder) part_of(path, part);
    char *found = images_for_labels(own);
    if (found && !rf_dir_exists(found)) {
        rf_free(found);
        found = NULL;
    }
    if (!found) found = first_of(own, forms, sizeof forms / sizeof *forms, part, &failed);
    if (found || failed) {
        rf_free(own);
        return found;
    }
    return own;
}
