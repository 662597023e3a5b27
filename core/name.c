#include "core/name.h"

#include <string.h>

#include "core/mem.h"
#include "core/text.h"

enum { NAME_BYTES = 64 };

/* Levenshtein distance, one row at a time; -1 when a word is too long to be a name. */
static int edit_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    int row[NAME_BYTES];
    if (n >= NAME_BYTES || m >= NAME_BYTES) return -1;
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *rf_nearest_name(const char *word, const char *const *names, size_t n) {
    int best = 1 + (int)(strlen(word) / 3) + 1;
    const char *near = NULL;
    for (size_t i = 0; i < n; i++) {
        int distance = edit_distance(word, names[i]);
        if (distance >= 0 && distance < best) {
            best = distance;
            near = names[i];
        }
    }
    return near;
}

int rf_name_find(const char *what, const char *name, const char *const *names, size_t n) {
    rf_text all = {0};
    char *list = NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return (int)i;
    for (size_t i = 0; i < n; i++) rf_text_printf(&all, "%s%s", i ? ", " : "", names[i]);
    if (rf_text_finish(&all, &list, NULL) != RF_OK) return -1;
    const char *near = rf_nearest_name(name, names, n);
    if (near)
        rf_fail(RF_ERR_USER, "no %s is called \"%s\"; did you mean \"%s\"? There are: %s", what, name, near, list);
    else
        rf_fail(RF_ERR_USER, "no %s is called \"%s\"; there are: %s", what, name, list);
    rf_free(list);
    return -1;
}
