/* SPDX-License-Identifier: Apache-2.0 */
#include "data/coco_ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/annotation.h"

typedef struct rf_coco_entry entry;

rf_status rf_coco_id_read(rf_json_walk *walk, rf_coco_id *id) {
    char plain[RF_COCO_ID_BYTES];
    *id = (rf_coco_id){0};
    if (rf_walk_kind(walk) != '"') return rf_walk_number(walk, &id->number);
    RF_TRY(rf_walk_string(walk, id->text, sizeof id->text));
    if (!rf_number_parse(id->text, &id->number)) {
        id->number = 0;
        return RF_OK;
    }
    snprintf(plain, sizeof plain, "%.15g", id->number);
    if (strcmp(plain, id->text) == 0)
        *id->text = 0;
    else
        id->number = 0; /* "007" is a word */
    return RF_OK;
}

bool rf_coco_id_same(const rf_coco_id *a, const rf_coco_id *b) {
    return a->number == b->number && strcmp(a->text, b->text) == 0;
}

const char *rf_coco_id_text(const rf_coco_id *id, char out[RF_COCO_ID_BYTES]) {
    if (*id->text) return id->text;
    snprintf(out, RF_COCO_ID_BYTES, "%.15g", id->number);
    return out;
}

rf_status rf_coco_ids_add(rf_coco_ids *ids, const rf_coco_id *id, size_t index) {
    size_t n = ids->n;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        entry *grown = rf_realloc(ids->v, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        ids->v = grown;
    }
    char *text = *id->text ? rf_strdup(id->text) : NULL;
    if (*id->text && !text) return RF_ERR_NOMEM;
    ids->v[ids->n++] = (entry){id->number, text, index};
    return RF_OK;
}

/* Words go behind numbers. */
static int compare(const entry *p, const entry *q) {
    if (p->text || q->text) return p->text && q->text ? strcmp(p->text, q->text) : p->text ? 1 : -1;
    return (p->number > q->number) - (p->number < q->number);
}

static int by_id(const void *a, const void *b) {
    const entry *p = a, *q = b;
    int order = compare(p, q);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

bool rf_coco_ids_sort(rf_coco_ids *ids, size_t first[2], char text[RF_COCO_ID_BYTES]) {
    if (ids->n) qsort(ids->v, ids->n, sizeof *ids->v, by_id);
    for (size_t i = 1; i < ids->n; i++) {
        if (compare(&ids->v[i], &ids->v[i - 1]) != 0) continue;
        first[0] = ids->v[i - 1].index;
        first[1] = ids->v[i].index;
        if (ids->v[i].text)
            snprintf(text, RF_COCO_ID_BYTES, "%s", ids->v[i].text);
        else
            snprintf(text, RF_COCO_ID_BYTES, "%.15g", ids->v[i].number);
        return false;
    }
    return true;
}

size_t rf_coco_ids_group(const rf_coco_ids *ids, size_t at) {
    size_t end = at + 1;
    while (end < ids->n && compare(&ids->v[end], &ids->v[at]) == 0) end++;
    return end;
}

bool rf_coco_ids_find(const rf_coco_ids *ids, const rf_coco_id *id, size_t *index) {
    char word[RF_COCO_ID_BYTES];
    snprintf(word, sizeof word, "%s", id->text);
    entry want = {.number = id->number, .text = *word ? word : NULL};
    size_t lo = 0, hi = ids->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare(&ids->v[mid], &want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == ids->n || compare(&ids->v[lo], &want) != 0) return false;
    *index = ids->v[lo].index;
    return true;
}

void rf_coco_ids_free(rf_coco_ids *ids) {
    for (size_t i = 0; i < ids->n; i++) rf_free(ids->v[i].text);
    rf_free(ids->v);
    *ids = (rf_coco_ids){0};
}
