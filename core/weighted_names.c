/* SPDX-License-Identifier: Apache-2.0 */
#include "core/weighted_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

enum { WEIGHT_MAX = 1000 };

static void cut_blanks_at_end(char *text) {
    for (char *c = text + strlen(text); c > text && strchr(" \t", c[-1]);) *--c = 0;
}

/* "name" or "name:weight", without blanks around it. */
static rf_status read_one(const char *key, char *item, rf_weighted_name_fn *fn, void *ctx) {
    char *colon = strchr(item, ':'), *end;
    double weight = 1;
    if (colon) {
        *colon = 0;
        cut_blanks_at_end(item);
        const char *text = colon + 1 + strspn(colon + 1, " \t");
        weight = strtod(text, &end);
        if (!*text || *end || strspn(text, "0123456789+-.eE") != strlen(text) || !(weight >= 0 && weight <= WEIGHT_MAX))
            return rf_fail(RF_ERR_USER, "%s: the weight of '%s' is '%s', expected a number from 0 to %d", key, item,
                           text, WEIGHT_MAX);
    }
    return fn(ctx, item, weight);
}

rf_status rf_weighted_names_read(const char *key, const char *value, rf_weighted_name_fn *fn, void *ctx) {
    char text[RF_TEXT_BYTES], *item = text;
    snprintf(text, sizeof text, "%s", value);
    for (int number = 1; *text; number++) {
        char *comma = strchr(item, ',');
        if (comma) *comma = 0;
        item += strspn(item, " \t");
        cut_blanks_at_end(item);
        if (!*item || *item == ':')
            return rf_fail(RF_ERR_USER, "%s is '%s': item %d has no name, expected name:weight, ...", key, value,
                           number);
        RF_TRY(read_one(key, item, fn, ctx));
        if (!comma) break;
        item = comma + 1;
    }
    return RF_OK;
}
