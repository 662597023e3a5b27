/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that a program writes into: its own until it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/lock.h"
#include "core/mem.h"

enum { CLAIMS = 4 };

typedef struct claim {
    rf_lock *lock;
    char *path;
    size_t there; /* bytes of the path that was there before */
    dev_t device;
    ino_t inode;
} claim;

static claim claims[CLAIMS];
static size_t n_claims;

/* Removes the folders that the program made, as far as nothing was written into them. */
static void remove_empty(claim *c) {
    size_t n = strlen(c->path);
    while (n > c->there && rmdir(c->path) == 0) {
        while (n > c->there && c->path[n - 1] == '/') n--;
        while (n > c->there && c->path[n - 1] != '/') n--;
        while (n > c->there && c->path[n - 1] == '/') n--;
        c->path[n] = 0;
    }
}

static void release_all(void) {
    while (n_claims) {
        claim *c = &claims[--n_claims];
        rf_lock_release(c->lock);
        remove_empty(c);
        rf_free(c->path);
    }
}

/* How much of a path leads to a folder. */
static size_t existing(const char *path) {
    size_t n = strlen(path);
    char *at = rf_strdup(path);
    while (at && n && !rf_dir_exists(at)) {
        while (n && at[n - 1] == '/') n--;
        while (n && at[n - 1] != '/') n--;
        at[n] = 0;
    }
    rf_free(at);
    return n;
}

static bool is_claimed(const struct stat *info) {
    for (size_t i = 0; i < n_claims; i++)
        if (claims[i].device == info->st_dev && claims[i].inode == info->st_ino) return true;
    return false;
}

rf_status rf_output_claim_folder(const char *option, const char *path, const char *purpose) {
    RF_TRY(rf_output_check_folder(option, path));
    struct stat info;
    if (!path || n_claims == CLAIMS || (stat(path, &info) == 0 && is_claimed(&info))) return RF_OK;
    if (n_claims == 0 && atexit(release_all) != 0) return RF_ERR_NOMEM;
    claim c = {.there = existing(path), .path = rf_strdup(path)};
    if (!c.path) return RF_ERR_NOMEM;
    rf_status status = rf_lock_make(path, purpose, &c.lock);
    if (status == RF_OK && stat(path, &info) == 0) {
        c.device = info.st_dev;
        c.inode = info.st_ino;
        if (!rf_lock_holds(c.lock))
            rf_note("%s %s: its file system knows no locks: nothing keeps a second program out of it\n", option, path);
        claims[n_claims++] = c;
        return RF_OK;
    }
    if (status == RF_OK) status = rf_fail(RF_ERR_IO, "%s: the folder '%s' vanished", option, path);
    rf_lock_release(c.lock);
    rf_free(c.path);
    return rf_fail_context(status, "%s", option);
}
