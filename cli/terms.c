/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/say.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/safetensors.h"
#include "core/text.h"
#include "layers/weights.h"

rf_status rf_terms_inherit(const char *weights, rf_config *config) {
    rf_st_file *file = NULL;
    RF_TRY(rf_weights_read(weights, &file));
    const char *text = rf_st_meta(file, "rf.config");
    rf_config *theirs = text ? rf_alloc(1, sizeof *theirs) : NULL;
    rf_status status = text && !theirs ? RF_ERR_NOMEM : RF_OK;
    if (theirs) status = rf_config_parse(weights, text, NULL, 0, theirs);
    char *own = config->data.terms;
    if (status == RF_OK && theirs && *theirs->data.terms && !strstr(own, theirs->data.terms)) {
        size_t n = strlen(own), more = strlen(theirs->data.terms) + 2 * (n > 0);
        if (n + more >= sizeof config->data.terms)
            status = rf_fail(RF_ERR_USER,
                             "the terms of %s and data.terms are longer than %zu letters together: put both into a "
                             "shorter data.terms, \"%s\" among them",
                             weights, sizeof config->data.terms - 1, theirs->data.terms);
        else {
            memcpy(own + n, "; ", 2 * (n > 0));
            memcpy(own + n + 2 * (n > 0), theirs->data.terms, strlen(theirs->data.terms) + 1);
        }
    }
    rf_free(theirs);
    rf_st_free(file);
    return status;
}

/* The file that remembers; NULL when there is no place for it. */
static char *memory_of(const char *terms) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool own = state && *state == '/';
    char *path = NULL;
    rf_text t = {0};
    if (!own && !(home && *home == '/')) return NULL;
    rf_text_printf(&t, "%s%s/rf/terms-%08" PRIx32, own ? state : home, own ? "" : "/.local/state",
                   rf_crc32(0, terms, strlen(terms)));
    return rf_text_finish(&t, &path, NULL) == RF_OK ? path : NULL;
}

/* Every folder of a path, and the empty file. Where it cannot be made nothing is lost. */
static void remember(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return;
    }
    FILE *file = fopen(path, "w");
    if (file) fclose(file);
}

void rf_terms_say(const char *model, const rf_config *config) {
    if (!*config->data.terms) return;
    char *path = memory_of(config->data.terms);
    if (!path || !rf_file_exists(path)) {
        rf_note("note: %s was trained on pictures with terms: %s\n", model, config->data.terms);
        if (path) remember(path);
    }
    rf_free(path);
}
