/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/train_list.h"

#include <stdlib.h>
#include <string.h>

#include "cli/find.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/mem.h"
#include "layers/detector.h"

enum { SIDE = 640, MAX_BYTES = 1 << 20 };

/* The text of the line "#: ..."; NULL when there is none. free() it. */
static char *known_of(const char *path) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    if (rf_file_read(path, MAX_BYTES, &text, &bytes) != RF_OK) return NULL;
    char *known = NULL, *copy = strndup((const char *)text, bytes);
    char *line = copy ? strstr(copy, "\n#: ") : NULL;
    if (line) known = strndup(line + 4, strcspn(line + 4, "\r\n"));
    free(copy);
    rf_free(text);
    return known;
}

static rf_status list_one(void *ctx, const char *name, const char *path) {
    (void)ctx;
    rf_layer_row *rows = NULL;
    size_t n = 0, params = 0;
    double mflops = 0;
    rf_config *config = rf_alloc(1, sizeof *config);
    rf_status status = config ? rf_config_load(path, NULL, 0, config) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_detector_table(config, SIDE, SIDE, &rows, &n);
    for (size_t i = 0; i < n; i++) {
        params += rows[i].params;
        mflops += rows[i].mflops;
    }
    if (status == RF_OK) {
        char *known = known_of(path);
        rf_say("%-22s %8.2f M %8.2f G   %s\n", name, (double)params / 1e6, mflops / 2e3, known ? known : "");
        free(known);
    } else if (status != RF_ERR_NOMEM) {
        rf_note("%s: %s\n", path, rf_error_message());
    }
    rf_free(rows);
    rf_free(config);
    return status == RF_ERR_NOMEM ? status : RF_OK;
}

rf_status rf_train_list(void) {
    rf_say("%-22s %10s %10s   %s\n", "configuration", "parameters", "mult-adds",
           "known: AP on 323 pictures of WIDER val (easy, medium, hard); a picture of 640x640 on two AVX-512 cores");
    return rf_find_configs(list_one, NULL);
}
