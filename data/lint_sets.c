/* SPDX-License-Identifier: Apache-2.0 */
/* What a linter knows beyond one annotation file: pictures of other sets, pictures that no annotation names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/lint.h"

typedef struct rf_seen_picture picture;

void rf_lint_seen_clear(rf_lint_seen *seen) {
    for (size_t i = 0; i < seen->n; i++) rf_free(seen->v[i].name);
    rf_free(seen->v);
    *seen = (rf_lint_seen){0};
}

static int by_content(const void *a, const void *b) {
    const picture *p = a, *q = b;
    if (p->crc != q->crc) return p->crc < q->crc ? -1 : 1;
    return (p->bytes > q->bytes) - (p->bytes < q->bytes);
}

const picture *rf_lint_seen_find(const rf_lint_seen *seen, uint32_t crc, size_t bytes) {
    picture key = {.crc = crc, .bytes = bytes};
    return seen && seen->n ? bsearch(&key, seen->v, seen->n, sizeof *seen->v, by_content) : NULL;
}

rf_status rf_lint_seen_add(rf_lint_seen *seen, uint32_t crc, size_t bytes, const char *name, const char *set) {
    char text[1024];
    size_t n = seen->n;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        picture *grown = rf_realloc(seen->v, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        seen->v = grown;
    }
    snprintf(text, sizeof text, "%.500s of %.500s", name, set);
    seen->v[n] = (picture){crc, bytes, rf_strdup(text)};
    if (!seen->v[n].name) return RF_ERR_NOMEM;
    seen->n++;
    return RF_OK;
}

void rf_lint_seen_sort(rf_lint_seen *seen) {
    if (seen->n) qsort(seen->v, seen->n, sizeof *seen->v, by_content);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

rf_status rf_lint_unnamed(const rf_dataset *dataset, rf_lint_stats *stats) {
    char **files;
    size_t n, n_named = dataset->n_samples;
    stats->unnamed = 0;
    stats->first_unnamed[0] = 0;
    rf_status status = rf_dir_list(dataset->image_dir, ".jpg,.jpeg,.png", true, &files, &n);
    if (status != RF_OK) return status == RF_ERR_NOMEM ? status : RF_OK;
    const char **named = rf_alloc(n_named, sizeof(const char *));
    for (size_t i = 0; named && i < n_named; i++) named[i] = dataset->samples[i].name;
    if (named && n_named) qsort(named, n_named, sizeof *named, by_name);
    for (size_t i = 0; named && i < n; i++) {
        if (n_named && bsearch(&files[i], named, n_named, sizeof *named, by_name)) continue;
        if (stats->unnamed++ == 0) snprintf(stats->first_unnamed, sizeof stats->first_unnamed, "%s", files[i]);
    }
    status = named ? RF_OK : RF_ERR_NOMEM;
    rf_free(named);
    rf_names_free(files, n);
    return status;
}
