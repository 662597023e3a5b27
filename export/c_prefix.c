/* SPDX-License-Identifier: Apache-2.0 */
#include "export/c_prefix.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

enum { LONGEST = 32 };

/* What follows rf_ or RF_ in names that are replaced; one that ends in _ stands for all that begin so. */
static const char *const names[] = {"face", "detector", "memory", "open",       "detect",      "close",
                                    "ERR_", "POINTS",   "KINDS",  "KIND_NAMES", "RETINAFACE_H"};

static bool is_part(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

rf_status rf_c_prefix_check(const char *prefix) {
    if (!prefix) return RF_OK;
    size_t n = strlen(prefix);
    bool fits = n >= 1 && n <= LONGEST && isalpha((unsigned char)*prefix);
    for (size_t i = 0; i < n; i++) fits = fits && is_part(prefix[i]);
    if (fits) return RF_OK;
    return rf_fail(
        RF_ERR_USER,
        "--prefix %s: expected the beginning of a C name: a letter, then letters, digits or _, at most %d of "
        "them, for example door",
        prefix, LONGEST);
}

/* Whether `word` begins a name to replace, after its rf_ or RF_. */
static bool is_name(const char *word) {
    size_t n = 0;
    while (is_part(word[n])) n++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t m = strlen(names[i]);
        bool family = names[i][m - 1] == '_';
        if (strncmp(word, names[i], m) == 0 && (family ? n >= m : n == m)) return true;
    }
    return false;
}

rf_status rf_c_prefix_apply(const char *prefix, char **text) {
    if (!prefix || strcmp(prefix, "rf") == 0) return RF_OK;
    rf_text t = {0};
    char *done = NULL;
    const char *kept = *text; /* copied up to here */
    for (const char *p = *text; (p = strpbrk(p, "rR")); p++) {
        bool capitals = strncmp(p, "RF_", 3) == 0;
        if ((!capitals && strncmp(p, "rf_", 3) != 0) || (p > *text && is_part(p[-1])) || !is_name(p + 3)) continue;
        rf_text_put_bytes(&t, kept, (size_t)(p - kept));
        for (const char *c = prefix; *c; c++) rf_text_printf(&t, "%c", capitals ? toupper((unsigned char)*c) : *c);
        kept = p + 2;
    }
    rf_text_put(&t, kept);
    RF_TRY(rf_text_finish(&t, &done, NULL));
    rf_free(*text);
    *text = done;
    return RF_OK;
}
