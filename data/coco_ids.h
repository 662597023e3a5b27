/* SPDX-License-Identifier: Apache-2.0 */
/* What COCO files number their images and categories by: numbers, which some programs (VIA) write as text, "7" beside
 * 7, or words. */
#ifndef RF_DATA_COCO_IDS_H
#define RF_DATA_COCO_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json_walk.h"
#include "core/status.h"

enum { RF_COCO_ID_BYTES = 256 };

typedef struct rf_coco_id {
    double number;
    char text[RF_COCO_ID_BYTES]; /* "" for numbers */
} rf_coco_id;

/* The next value of a walk. */
rf_status rf_coco_id_read(rf_json_walk *walk, rf_coco_id *id);
bool rf_coco_id_same(const rf_coco_id *a, const rf_coco_id *b);
/* As a message says it; `out` is used for numbers. */
const char *rf_coco_id_text(const rf_coco_id *id, char out[RF_COCO_ID_BYTES]);

/* Image numbers by id; start from zeros. */
typedef struct rf_coco_ids {
    struct rf_coco_entry {
        double number;
        char *text; /* NULL for numbers */
        size_t index;
    } * v; /* sorted by rf_coco_ids_sort */
    size_t n;
} rf_coco_ids;

rf_status rf_coco_ids_add(rf_coco_ids *ids, const rf_coco_id *id, size_t index);
/* Once all are in; must precede rf_coco_ids_find. Returns false when two have one id: the indices of these, first[0]
 * the earlier, and the id as text. */
bool rf_coco_ids_sort(rf_coco_ids *ids, size_t first[2], char text[RF_COCO_ID_BYTES]);
/* Behind the last entry that has the id of entry `at`, once they are sorted. */
size_t rf_coco_ids_group(const rf_coco_ids *ids, size_t at);
bool rf_coco_ids_find(const rf_coco_ids *ids, const rf_coco_id *id, size_t *index);
void rf_coco_ids_free(rf_coco_ids *ids);

#endif
