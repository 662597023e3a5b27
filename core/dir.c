#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"

enum { MAX_DEPTH = 32 };

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

typedef struct name_list {
    const char *root, *suffixes;
    bool recursive;
    char **names;
    size_t count, capacity;
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
static rf_status add_name(name_list *list, char *name) {
    if (list->count == list->capacity) {
        size_t grown = list->capacity ? list->capacity * 2 : 64;
        char **names = rf_realloc(list->names, list->capacity, grown, sizeof *names);
        if (!names) {
            rf_free(name);
            return RF_ERR_NOMEM;
        }
        list->names = names;
        list->capacity = grown;
    }
    list->names[list->count++] = name;
    return RF_OK;
}

static rf_status list_folder(name_list *list, const char *relative, int depth);

static rf_status list_entry(name_list *list, const char *relative, const char *name, int depth) {
    rf_status status = RF_OK;
    char *inner = rf_path_join(relative, name);
    char *full = inner ? rf_path_join(list->root, inner) : NULL;
    if (!full) {
        status = RF_ERR_NOMEM;
        goto fail;
    }
    if (rf_dir_exists(full)) {
        if (list->recursive) RF_TRY_GOTO(list_folder(list, inner, depth + 1));
    } else if (has_suffix(name, list->suffixes)) {
        status = add_name(list, inner);
        inner = NULL;
    }
fail:
    rf_free(inner);
    rf_free(full);
    return status;
}

static rf_status list_folder(name_list *list, const char *relative, int depth) {
    char *full = *relative ? rf_path_join(list->root, relative) : rf_strdup(list->root);
    if (!full) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    DIR *dir = NULL;
    if (depth > MAX_DEPTH) {
        status =
            rf_fail(RF_ERR_IO, "'%s' lies more than %d folders deep; does a symbolic link point to its own parent?",
                    full, MAX_DEPTH);
        goto fail;
    }
    dir = opendir(full);
    if (!dir) {
        status = rf_fail(RF_ERR_IO, "cannot list the folder '%s': %s", full, strerror(errno));
        goto fail;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) break;
        if (entry->d_name[0] != '.') RF_TRY_GOTO(list_entry(list, relative, entry->d_name, depth));
    }
    if (errno) status = rf_fail(RF_ERR_IO, "cannot list the folder '%s': %s", full, strerror(errno));
fail:
    if (dir) closedir(dir);
    rf_free(full);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

rf_status rf_dir_list(const char *path, const char *suffixes, bool recursive, char ***names, size_t *count) {
    name_list list = {.root = path, .suffixes = suffixes, .recursive = recursive};
    rf_status status = list_folder(&list, "", 0);
    if (status != RF_OK) {
        rf_names_free(list.names, list.count);
        return status;
    }
    if (list.count) qsort(list.names, list.count, sizeof *list.names, compare_names);
    *names = list.names;
    *count = list.count;
    return RF_OK;
}

void rf_names_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) rf_free(names[i]);
    rf_free(names);
}
