/* SPDX-License-Identifier: Apache-2.0 */
/* A growable list of faces, and the order of detections by score. */
#ifndef RF_DETECT_FACES_H
#define RF_DETECT_FACES_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "detect/face.h"
#include "detect/face_store.h"

/* Start zeroed; `items`, their points (in `store`) and `vertices` belong to the list. Free with rf_face_list_free,
 * which leaves an empty list. */
typedef struct rf_face_list {
    rf_face *items;
    size_t n, capacity;
    rf_face_store store;
    float *vertices;   /* [rows,n_vertices,2] pixels; items[i].mesh counts its rows from 1. NULL: none */
    size_t n_vertices; /* of one face */
} rf_face_list;

/* Room for n faces in all. On RF_ERR_NOMEM the list is as it was. */
rf_status rf_face_list_reserve(rf_face_list *list, size_t n);
/* Appends a copy of the face, with points of its own. On RF_ERR_NOMEM the list is as it was. */
rf_status rf_face_list_push(rf_face_list *list, const rf_face *face);
/* No faces; the memory is kept for the next. */
void rf_face_list_clear(rf_face_list *list);
void rf_face_list_free(rf_face_list *list);

/* order[] = indices 0..n-1 by descending key; equal keys keep their order, NaN comes last. Linear time (radix sort).
 * RF_ERR_NOMEM. */
rf_status rf_order_descending(const float *keys, size_t n, uint32_t *order);

/* The same for keys in double precision, by merging: as fast where they come in order, n log n else. */
rf_status rf_order_descending_double(const double *keys, size_t n, uint32_t *order);

/* Keeps of the faces from `first` on the n with the highest scores, of equal ones the earlier, in their order.
 * RF_ERR_NOMEM leaves the list as it was. */
rf_status rf_face_list_keep_best(rf_face_list *list, size_t first, size_t n);

/* Sorts by descending score; equal scores keep their order. RF_ERR_NOMEM leaves the list as it was. */
rf_status rf_face_list_sort(rf_face_list *list);

#endif
