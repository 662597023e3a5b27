/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/below.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"

static rf_status refuse(const char *name, const char *dir, const char *why) {
    return rf_fail(RF_ERR_USER, "the name '%s' %s, and files below '%s' are named after it: rename it in the data",
                   name, why, dir);
}

/* The name without "." and doubled slashes; rf_free it. */
static char *plain_name(const char *name) {
    char *plain = rf_alloc(strlen(name) + 1, 1), *to = plain;
    for (const char *from = name; plain && *from;) {
        size_t n = strcspn(from, "/");
        bool skipped = n == 0 || (n == 1 && *from == '.');
        if (!skipped) {
            if (to > plain) *to++ = '/';
            for (size_t i = 0; i < n; i++) *to++ = from[i] == '\\' ? '_' : from[i];
        }
        from += n;
        from += strspn(from, "/");
    }
    return plain;
}

static bool goes_up(const char *name) {
    for (; *name; name += strspn(name, "/")) {
        size_t n = strcspn(name, "/");
        if (n == 2 && memcmp(name, "..", 2) == 0) return true;
        name += n;
    }
    return false;
}

rf_status rf_below_path(const char *dir, const char *name, char **path) {
    *path = NULL;
    if (*name == '/') return refuse(name, dir, "begins with a slash");
    if (goes_up(name)) return refuse(name, dir, "leads to a folder above (..)");
    size_t length = strlen(name);
    if (length && name[length - 1] == '/') return refuse(name, dir, "ends in a slash");
    char *plain = plain_name(name);
    if (!plain) return RF_ERR_NOMEM;
    rf_status status = *plain ? RF_OK : refuse(name, dir, "names no file");
    if (status == RF_OK && !(*path = rf_path_join(*dir ? dir : ".", plain))) status = RF_ERR_NOMEM;
    rf_free(plain);
    return status;
}

/* Whether real path `inner` is `outer` or lies below it. */
static bool is_below(const char *outer, const char *inner) {
    size_t n = strlen(outer);
    while (n && outer[n - 1] == '/') n--; /* "/" is above everything */
    return strncmp(outer, inner, n) == 0 && (inner[n] == 0 || inner[n] == '/');
}

/* Walks down from dir to the file's folder, whose name ends at `end`, and stops at what is not there yet: it will be a
 * folder of our own. */
static rf_status check_links(const char *dir, char *path, size_t below) {
    rf_status status = RF_OK;
    struct stat info;
    char *outer = NULL;
    for (char *slash = path + below; status == RF_OK && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        bool there = lstat(path, &info) == 0;
        if (there && S_ISLNK(info.st_mode)) {
            char *inner = realpath(path, NULL);
            if (!outer) outer = realpath(dir, NULL);
            if (!inner || !outer)
                status = rf_fail(RF_ERR_IO, "cannot follow the link '%s': %s", path, strerror(errno));
            else if (!is_below(outer, inner))
                status = rf_fail(RF_ERR_USER, "'%s' is a link that leads out of '%s': remove it or name another folder",
                                 path, dir);
            free(inner);
        }
        *slash = '/';
        if (!there) break;
    }
    free(outer);
    return status;
}

rf_status rf_below_make(const char *dir, const char *name, char **path) {
    RF_TRY(rf_below_path(dir, name, path));
    if (!*dir) dir = ".";
    size_t below = strlen(dir);
    below += dir[below - 1] != '/';
    rf_status status = check_links(dir, *path, below);
    if (status == RF_OK) {
        char *slash = strrchr(*path + below, '/');
        if (slash) *slash = 0;
        const char *folder = slash ? *path : dir;
        if (!rf_dir_exists(folder)) status = rf_dir_make(folder);
        if (slash) *slash = '/';
    }
    if (status != RF_OK) {
        rf_free(*path);
        *path = NULL;
    }
    return status;
}

char *rf_below_leaf(const char *text) {
    char *leaf = rf_strdup(*text ? text : "_");
    for (char *p = leaf; p && *p; p++)
        if (*p == '/' || *p == '\\' || (unsigned char)*p < 0x20 || *p == 0x7F || (p == leaf && *p == '.')) *p = '_';
    return leaf;
}
