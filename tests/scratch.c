/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

char scratch[64];

int scratch_make(void **state) {
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/rf_test_XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    return remove(path);
}

int scratch_remove(void **state) {
    (void)state;
    return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name) {
    static char paths[8][1024];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

void scratch_clear(const char *name) {
    nftw(scratch_path(name), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool scratch_timed(void) {
    return !getenv("RF_RUNNER");
}
