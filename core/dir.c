/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"

enum { MAX_DEPTH = 256 }; /* each level keeps a folder open */

rf_status rf_dir_make(const char *path) {
    char *partial = rf_strdup(path);
    if (!partial) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    for (char *end = partial; status == RF_OK && *end;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char kept = *end;
        *end = 0;
        int error = mkdir(partial, 0777) == 0 ? 0 : errno; /* before the next call changes it */
        if (error && !rf_dir_exists(partial))
            status = rf_fail(RF_ERR_IO, "cannot make the folder '%s': %s", partial,
                             error == EEXIST ? "a file of this name is there" : strerror(error));
        *end = kept;
    }
    rf_free(partial);
    return status;
}

char *rf_path_join(const char *a, const char *b) {
    size_t length = strlen(a);
    if (!length || b[0] == '/') return rf_strdup(b);
    size_t rest = strlen(b), slash = a[length - 1] != '/';
    char *path = rf_alloc(length + slash + rest + 1, 1);
    if (!path) return NULL;
    memcpy(path, a, length);
    if (slash) path[length] = '/';
    memcpy(path + length + slash, b, rest);
    return path;
}

const char *rf_path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *rf_path_resuffix(const char *path, const char *suffix) {
    const char *base = rf_path_base(path), *dot = strrchr(base, '.');
    size_t stem = dot && dot != base ? (size_t)(dot - path) : strlen(path), bytes = strlen(suffix) + 1;
    char *out = rf_alloc(stem + bytes, 1);
    if (!out) return NULL;
    memcpy(out, path, stem);
    memcpy(out + stem, suffix, bytes);
    return out;
}

/* A folder, however many names lead to it. */
typedef struct folder_id {
    dev_t device;
    ino_t inode;
} folder_id;

typedef struct name_list {
    const char *root, *suffixes;
    bool recursive, following; /* following: what lies behind links */
    char **names;
    size_t count, capacity;
    char **links; /* folders behind symbolic links, relative, still to be entered */
    size_t n_links, links_capacity;
    folder_id *seen;
    size_t n_seen, seen_capacity;
    rf_dir_fault_fn fault; /* NULL: the first folder that cannot be listed ends it */
    void *ctx;
} name_list;

static bool has_suffix(const char *name, const char *suffixes) {
    if (!suffixes) return true;
    size_t length = strlen(name);
    for (const char *s = suffixes; *s; s += *s == ',') {
        size_t n = strcspn(s, ",");
        if (n && n <= length && strncasecmp(name + length - n, s, n) == 0) return true;
        s += n;
    }
    return false;
}

/* Takes ownership of `name`. */
static rf_status add_to(char ***names, size_t *count, size_t *capacity, char *name) {
    if (*count == *capacity) {
        size_t grown = *capacity ? *capacity * 2 : 64;
        char **array = rf_realloc(*names, *capacity, grown, sizeof *array);
        if (!array) {
            rf_free(name);
            return RF_ERR_NOMEM;
        }
        *names = array;
        *capacity = grown;
    }
    (*names)[(*count)++] = name;
    return RF_OK;
}

/* Remembers the folder; *again: it was entered before, which only links can lead to. */
static rf_status enter(name_list *list, const struct stat *info, bool *again) {
    *again = false;
    for (size_t i = 0; list->following && i < list->n_seen && !*again; i++)
        *again = list->seen[i].device == info->st_dev && list->seen[i].inode == info->st_ino;
    if (*again) return RF_OK;
    if (list->n_seen == list->seen_capacity) {
        size_t grown = list->seen_capacity ? list->seen_capacity * 2 : 64;
        folder_id *seen = rf_realloc(list->seen, list->seen_capacity, grown, sizeof *seen);
        if (!seen) return RF_ERR_NOMEM;
        list->seen = seen;
        list->seen_capacity = grown;
    }
    list->seen[list->n_seen++] = (folder_id){info->st_dev, info->st_ino};
    return RF_OK;
}

static rf_status list_folder(name_list *list, const char *relative, int depth);

static rf_status list_entry(name_list *list, const char *relative, const char *name, int depth) {
    rf_status status = RF_OK;
    struct stat info;
    char *inner = rf_path_join(relative, name);
    char *full = inner ? rf_path_join(list->root, inner) : NULL;
    if (!full) {
        status = RF_ERR_NOMEM;
        goto fail;
    }
    if (rf_dir_exists(full)) {
        if (!list->recursive) goto fail;
        /* Links wait until all real folders were seen, so that a folder goes by its own name. */
        if (lstat(full, &info) == 0 && S_ISLNK(info.st_mode)) {
            status = add_to(&list->links, &list->n_links, &list->links_capacity, inner);
            inner = NULL;
        } else {
            status = list_folder(list, inner, depth + 1);
        }
    } else if (has_suffix(name, list->suffixes)) {
        status = add_to(&list->names, &list->count, &list->capacity, inner);
        inner = NULL;
    }
fail:
    rf_free(inner);
    rf_free(full);
    return status;
}

/* A folder below the first that cannot be listed is left out and told, when somebody listens. */
static rf_status pass_over(const name_list *list, const char *relative, rf_status status) {
    if (status != RF_ERR_IO || !list->fault || !*relative) return status;
    list->fault(list->ctx, rf_error_message());
    return RF_OK;
}

static rf_status open_folder(name_list *list, const char *full, int depth, DIR **dir) {
    struct stat info;
    bool again;
    *dir = NULL;
    if (depth > MAX_DEPTH) return rf_fail(RF_ERR_IO, "'%s' lies more than %d folders deep", full, MAX_DEPTH);
    if (stat(full, &info) == 0) {
        RF_TRY(enter(list, &info, &again));
        if (again) return RF_OK;
    }
    *dir = opendir(full);
    return *dir ? RF_OK : rf_fail(RF_ERR_IO, "cannot list the folder '%s': %s", full, strerror(errno));
}

static rf_status list_folder(name_list *list, const char *relative, int depth) {
    char *full = *relative ? rf_path_join(list->root, relative) : rf_strdup(list->root);
    if (!full) return RF_ERR_NOMEM;
    DIR *dir;
    rf_status status = open_folder(list, full, depth, &dir);
    while (dir && status == RF_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno) status = rf_fail(RF_ERR_IO, "cannot list the folder '%s': %s", full, strerror(errno));
        if (!entry) break;
        if (entry->d_name[0] != '.') status = list_entry(list, relative, entry->d_name, depth);
    }
    if (dir) closedir(dir);
    rf_free(full);
    return pass_over(list, relative, status);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folders behind links, in the order of their names, whatever order the system lists them in. */
static rf_status follow_links(name_list *list) {
    list->following = true;
    for (size_t first = 0; first < list->n_links;) {
        size_t end = list->n_links;
        qsort(list->links + first, end - first, sizeof *list->links, compare_names);
        for (; first < end; first++) RF_TRY(list_folder(list, list->links[first], 0));
    }
    return RF_OK;
}

rf_status rf_dir_list_most(const char *path, const char *suffixes, bool recursive, rf_dir_fault_fn fault, void *ctx,
                           char ***names, size_t *count) {
    name_list list = {.root = path, .suffixes = suffixes, .recursive = recursive, .fault = fault, .ctx = ctx};
    rf_status status = list_folder(&list, "", 0);
    if (status == RF_OK) status = follow_links(&list);
    rf_names_free(list.links, list.n_links);
    rf_free(list.seen);
    if (status != RF_OK) {
        rf_names_free(list.names, list.count);
        return status;
    }
    if (list.count) qsort(list.names, list.count, sizeof *list.names, compare_names);
    *names = list.names;
    *count = list.count;
    return RF_OK;
}

rf_status rf_dir_list(const char *path, const char *suffixes, bool recursive, char ***names, size_t *count) {
    return rf_dir_list_most(path, suffixes, recursive, NULL, NULL, names, count);
}

void rf_names_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) rf_free(names[i]);
    rf_free(names);
}
