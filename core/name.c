/* SPDX-License-Identifier: Apache-2.0 */
#include "core/name.h"

#include <string.h>

#include "core/mem.h"
#include "core/text.h"

enum { NAME_BYTES = 64, SHORTEST_BEGINNING = 3 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Letters to change, add, drop or exchange with their neighbour (optimal string alignment), three rows at a time; -1
 * when a word is too long to be a name. */
static int edit_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    int rows[3][NAME_BYTES], *before = rows[0], *last = rows[1], *row = rows[2];
    if (n >= NAME_BYTES || m >= NAME_BYTES) return -1;
    for (size_t j = 0; j <= m; j++) row[j] = before[j] = last[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *free_row = before;
        before = last;
        last = row;
        row = free_row;
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = smaller(last[j - 1] + (a[i - 1] != b[j - 1]), smaller(row[j - 1], last[j]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return row[m];
}

/* The one name that begins with `word`, or NULL. */
static const char *completion(const char *word, const char *const *names, size_t n) {
    const char *found = NULL;
    size_t length = strlen(word);
    for (size_t i = 0; length >= SHORTEST_BEGINNING && i < n; i++) {
        if (strncmp(names[i], word, length) != 0) continue;
        if (found) return NULL;
        found = names[i];
    }
    return found;
}

const char *rf_nearest_name(const char *word, const char *const *names, size_t n) {
    int length = (int)strlen(word), best = 1 + (length < 6 ? 1 : smaller(length / 3, 3));
    const char *near = completion(word, names, n);
    if (near) return near;
    for (size_t i = 0; i < n; i++) {
        int distance = edit_distance(word, names[i]);
        if (distance >= 0 && distance < best && distance < length) {
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
