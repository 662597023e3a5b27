/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/faces.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

rf_status rf_face_list_reserve(rf_face_list *list, size_t n) {
    if (n <= list->capacity) return RF_OK;
    size_t capacity = list->capacity < 16 ? 16 : list->capacity;
    while (capacity < n)
        if (!rf_size_mul(capacity, 2, &capacity)) return rf_fail(RF_ERR_NOMEM, "out of memory: a list of %zu faces", n);
    rf_face *grown = rf_realloc(list->items, list->n, capacity, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    list->items = grown;
    list->capacity = capacity;
    return RF_OK;
}

rf_status rf_face_list_push(rf_face_list *list, const rf_face *face) {
    RF_TRY(rf_face_list_reserve(list, list->n + 1));
    list->items[list->n] = *face;
    if (face->n_points || face->n_extra) RF_TRY(rf_face_keep(&list->store, &list->items[list->n]));
    list->n++;
    return RF_OK;
}

void rf_face_list_clear(rf_face_list *list) {
    list->n = 0;
    rf_face_store_clear(&list->store);
}

void rf_face_list_free(rf_face_list *list) {
    if (!list) return;
    rf_free(list->items);
    rf_free(list->vertices);
    rf_face_store_free(&list->store);
    memset(list, 0, sizeof *list);
}

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 };

/* Unsigned number that grows as the key falls. */
static uint32_t falling(float key) {
    if (isnan(key)) return UINT32_MAX;
    float value = key + 0.0f; /* -0 becomes +0: they are equal keys */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? bits : bits ^ 0x7fffffffu;
}

rf_status rf_order_descending(const float *keys, size_t n, uint32_t *order) {
    if (n > UINT32_MAX) return rf_fail(RF_ERR_USER, "%zu detections are too many to sort", n);
    uint64_t *from = rf_alloc(n, 2 * sizeof *from); /* key in the upper half, index in the lower */
    if (!from) return RF_ERR_NOMEM;
    uint64_t *buffer = from, *to = from + n;
    for (size_t i = 0; i < n; i++) from[i] = (uint64_t)falling(keys[i]) << 32 | i;
    for (int pass = 0; pass < PASSES; pass++) {
        int shift = 32 + pass * DIGIT_BITS;
        size_t start[DIGITS] = {0};
        for (size_t i = 0; i < n; i++) start[from[i] >> shift & (DIGITS - 1)]++;
        size_t sum = 0;
        for (int d = 0; d < DIGITS; d++) {
            size_t here = start[d];
            start[d] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++) to[start[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)from[i];
    rf_free(buffer);
    return RF_OK;
}

/* Whether a may stay in front of b. */
static bool in_order(double a, double b) {
    return a >= b || isnan(b);
}

/* Merges order[begin, middle) and order[middle, end), each in order, into `to`. */
static void merge_runs(const double *keys, const uint32_t *order, size_t begin, size_t middle, size_t end,
                       uint32_t *to) {
    size_t a = begin, b = middle;
    for (size_t i = begin; i < end; i++) {
        bool left = b == end || (a < middle && in_order(keys[order[a]], keys[order[b]]));
        to[i] = left ? order[a++] : order[b++];
    }
}

rf_status rf_order_descending_double(const double *keys, size_t n, uint32_t *order) {
    if (n > UINT32_MAX) return rf_fail(RF_ERR_USER, "%zu detections are too many to sort", n);
    bool sorted = true;
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
        sorted &= i == 0 || in_order(keys[i - 1], keys[i]);
    }
    if (sorted) return RF_OK;
    uint32_t *buffer = rf_alloc(n, sizeof *buffer), *from = order, *to = buffer;
    if (!buffer) return RF_ERR_NOMEM;
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * run) {
            size_t middle = begin + run < n ? begin + run : n, end = middle + run < n ? middle + run : n;
            merge_runs(keys, from, begin, middle, end, to);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, n * sizeof *order);
    rf_free(buffer);
    return RF_OK;
}

rf_status rf_face_list_keep_best(rf_face_list *list, size_t first, size_t n) {
    size_t count = list->n - first, kept = first;
    if (count <= n) return RF_OK;
    rf_status status = RF_ERR_NOMEM;
    float *keys = rf_alloc(count, sizeof *keys);
    uint32_t *order = rf_alloc(count, sizeof *order);
    bool *best = rf_alloc(count, sizeof *best);
    if (!keys || !order || !best) goto fail;
    for (size_t i = 0; i < count; i++) keys[i] = list->items[first + i].score;
    RF_TRY_GOTO(rf_order_descending(keys, count, order));
    for (size_t i = 0; i < n; i++) best[order[i]] = true;
    for (size_t i = 0; i < count; i++)
        if (best[i]) list->items[kept++] = list->items[first + i];
    list->n = kept;
fail:
    rf_free(best);
    rf_free(order);
    rf_free(keys);
    return status;
}

rf_status rf_face_list_sort(rf_face_list *list) {
    size_t i = 1;
    while (i < list->n && list->items[i - 1].score >= list->items[i].score) i++;
    if (i >= list->n) return RF_OK;
    rf_status status = RF_ERR_NOMEM;
    float *keys = rf_alloc(list->n, sizeof *keys);
    uint32_t *order = rf_alloc(list->n, sizeof *order);
    rf_face *sorted = rf_alloc(list->n, sizeof *sorted);
    if (!keys || !order || !sorted) goto fail;
    for (i = 0; i < list->n; i++) keys[i] = list->items[i].score;
    RF_TRY_GOTO(rf_order_descending(keys, list->n, order));
    for (i = 0; i < list->n; i++) sorted[i] = list->items[order[i]];
    memcpy(list->items, sorted, list->n * sizeof *sorted);
fail:
    rf_free(sorted);
    rf_free(order);
    rf_free(keys);
    return status;
}
