/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the points of many faces: numbers stay where they are until all of them are given up at once, so faces
 * that point to them may be moved. A list and a data set have one each. */
#ifndef RF_DETECT_FACE_STORE_H
#define RF_DETECT_FACE_STORE_H

#include <stddef.h>

#include "core/status.h"
#include "detect/face.h"

/* Start zeroed. Not thread safe. */
typedef struct rf_face_store {
    struct rf_face_chunk *first, *current; /* chunks in the order of their use; those behind the current one are free */
    size_t used;                           /* numbers taken of the current one */
} rf_face_store;

/* n numbers, not set; NULL when memory is out. */
float *rf_face_store_take(rf_face_store *store, size_t n);
/* Gives all numbers up and keeps the memory for what is taken next. */
void rf_face_store_clear(rf_face_store *store);
/* Frees the memory; the store is as at first. */
void rf_face_store_free(rf_face_store *store);

/* Copies the points that a face refers to into the store and lets it refer to those. RF_ERR_NOMEM: it is as it was. */
rf_status rf_face_keep(rf_face_store *store, rf_face *face);

/* Copies n faces with their points, and m others behind them, in one block: rf_free it. NULL when memory is out. */
rf_face *rf_faces_copy(const rf_face *faces, size_t n, const rf_face *others, size_t m);

#endif
