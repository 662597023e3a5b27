/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/face_store.h"

#include <string.h>

#include "core/mem.h"

enum { FIRST_NUMBERS = 1 << 10, MOST_NUMBERS = 1 << 16 }; /* chunks double from one to the other */

typedef struct rf_face_chunk {
    struct rf_face_chunk *next;
    size_t capacity;
    float numbers[];
} rf_face_chunk;

static rf_face_chunk *new_chunk(const rf_face_chunk *before, size_t n) {
    size_t capacity = before ? 2 * before->capacity : FIRST_NUMBERS;
    if (capacity > MOST_NUMBERS) capacity = MOST_NUMBERS;
    if (capacity < n) capacity = n;
    rf_face_chunk *chunk = rf_alloc(1, sizeof *chunk + capacity * sizeof(float));
    if (chunk) chunk->capacity = capacity;
    return chunk;
}

float *rf_face_store_take(rf_face_store *store, size_t n) {
    rf_face_chunk *chunk = store->current;
    if (chunk && n <= chunk->capacity - store->used) {
        store->used += n;
        return chunk->numbers + (store->used - n);
    }
    rf_face_chunk **next = chunk ? &chunk->next : &store->first;
    if (!*next || (*next)->capacity < n) {
        rf_face_chunk *made = new_chunk(chunk, n);
        if (!made) return NULL;
        made->next = *next;
        *next = made;
    }
    store->current = *next;
    store->used = n;
    return store->current->numbers;
}

void rf_face_store_clear(rf_face_store *store) {
    store->current = NULL;
    store->used = 0;
}

void rf_face_store_free(rf_face_store *store) {
    while (store->first) {
        rf_face_chunk *next = store->first->next;
        rf_free(store->first);
        store->first = next;
    }
    *store = (rf_face_store){0};
}

/* Moves a face's points and other numbers to `to`; returns what follows them. */
static float *move_points(rf_face *face, float *to) {
    size_t n = (size_t)face->n_points;
    if (face->n_extra) {
        memcpy(to, face->extra, face->n_extra * sizeof *to);
        face->extra = to;
        to += face->n_extra;
    }
    if (!n) {
        face->points = face->visible = NULL;
        return to;
    }
    memcpy(to, face->points, 2 * n * sizeof *to);
    face->points = to;
    to += 2 * n;
    if (!face->visible) return to;
    memcpy(to, face->visible, n * sizeof *to);
    face->visible = to;
    return to + n;
}

static size_t numbers_of(const rf_face *face) {
    return face->n_extra + (size_t)face->n_points * (face->visible ? 3 : 2);
}

rf_status rf_face_keep(rf_face_store *store, rf_face *face) {
    float *to = NULL;
    size_t n = numbers_of(face);
    if (n && !(to = rf_face_store_take(store, n))) return RF_ERR_NOMEM;
    move_points(face, to);
    return RF_OK;
}

rf_face *rf_faces_copy(const rf_face *faces, size_t n, const rf_face *others, size_t m) {
    size_t numbers = 0;
    for (size_t i = 0; i < n; i++) numbers += numbers_of(&faces[i]);
    for (size_t i = 0; i < m; i++) numbers += numbers_of(&others[i]);
    /* Faces first: their alignment is the stricter one. */
    rf_face *copy = rf_alloc((n + m) * sizeof *copy + numbers * sizeof(float), 1);
    if (!copy) return NULL;
    if (n) memcpy(copy, faces, n * sizeof *copy);
    if (m) memcpy(copy + n, others, m * sizeof *copy);
    float *to = (float *)(void *)(copy + n + m);
    for (size_t i = 0; i < n + m; i++) to = move_points(&copy[i], to);
    return copy;
}
