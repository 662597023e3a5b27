/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 64, STEPS = 4 /* sizes between two powers of two */, CLASSES = 64 * STEPS, FEWEST = 256 };

/* What a block that is kept holds. */
typedef struct kept {
    struct kept *next;
    uint64_t round; /* in which it was freed */
} kept;

/* A block in use; ptr NULL: an empty place. */
typedef struct used {
    void *ptr;
    int class;
} used;

struct rf_heap {
    kept *kept[CLASSES];
    used *table; /* by address, open addressing */
    size_t capacity, n;
    uint64_t round;
};

static _Thread_local rf_heap *current;

/* Sizes 4, 5, 6, 7 times a power of two: a block is at most a quarter larger than asked for. */
static int class_of(size_t bytes) {
    int power = 63 - __builtin_clzll((unsigned long long)bytes);
    size_t step = (size_t)1 << (power - 2), above = bytes - ((size_t)1 << power);
    return power * STEPS + (int)((above + step - 1) / step);
}

static size_t class_bytes(int class) {
    size_t step = (size_t)1 << (class / STEPS - 2);
    return ((size_t)STEPS + (size_t)(class % STEPS)) * step;
}

static size_t place_of(const rf_heap *heap, const void *ptr) {
    uint64_t hash = (uint64_t)(uintptr_t)ptr / ALIGN * 0x9E3779B97F4A7C15U;
    return (size_t)(hash >> 32) & (heap->capacity - 1);
}

static void insert(rf_heap *heap, used entry) {
    size_t at = place_of(heap, entry.ptr);
    while (heap->table[at].ptr) at = (at + 1) & (heap->capacity - 1);
    heap->table[at] = entry;
    heap->n++;
}

static bool grow(rf_heap *heap) {
    if (2 * (heap->n + 1) <= heap->capacity) return true;
    used *old = heap->table;
    size_t before = heap->capacity, capacity = before ? 2 * before : FEWEST;
    used *table = calloc(capacity, sizeof *table);
    if (!table) return false;
    heap->table = table;
    heap->capacity = capacity;
    heap->n = 0;
    for (size_t i = 0; i < before; i++)
        if (old[i].ptr) insert(heap, old[i]);
    free(old);
    return true;
}

/* Takes an entry out; those behind it move up so that searches still meet them. */
static bool take_out(rf_heap *heap, const void *ptr, int *class) {
    if (!heap->capacity) return false;
    size_t mask = heap->capacity - 1, at = place_of(heap, ptr);
    while (heap->table[at].ptr != ptr) {
        if (!heap->table[at].ptr) return false;
        at = (at + 1) & mask;
    }
    *class = heap->table[at].class;
    heap->n--;
    for (size_t next = (at + 1) & mask; heap->table[next].ptr; next = (next + 1) & mask) {
        size_t home = place_of(heap, heap->table[next].ptr);
        if (((next - home) & mask) < ((next - at) & mask)) continue;
        heap->table[at] = heap->table[next];
        at = next;
    }
    heap->table[at].ptr = NULL;
    return true;
}

/* Gives back what was freed in or before a round. */
static void release(rf_heap *heap, uint64_t round) {
    for (int c = 0; c < CLASSES; c++)
        for (kept **at = &heap->kept[c]; *at;) {
            kept *block = *at;
            if (block->round > round) {
                at = &block->next;
                continue;
            }
            *at = block->next;
            free(block);
        }
}

rf_status rf_heap_create(rf_heap **out) {
    *out = calloc(1, sizeof **out);
    return *out ? RF_OK : rf_fail(RF_ERR_NOMEM, "out of memory: %zu bytes were asked for", sizeof **out);
}

void rf_heap_destroy(rf_heap *heap) {
    if (!heap) return;
    release(heap, UINT64_MAX);
    free(heap->table);
    free(heap);
}

rf_heap *rf_heap_use(rf_heap *heap) {
    rf_heap *before = current;
    current = heap;
    return before;
}

void rf_heap_round(rf_heap *heap) {
    heap->round++;
    if (heap->round > RF_HEAP_ROUNDS) release(heap, heap->round - RF_HEAP_ROUNDS - 1);
}

static void *new_block(rf_heap *heap, size_t bytes) {
    void *ptr = aligned_alloc(ALIGN, bytes);
    if (ptr || !heap) return ptr;
    release(heap, UINT64_MAX);
    return aligned_alloc(ALIGN, bytes);
}

void *rf_heap_take(size_t bytes) {
    rf_heap *heap = current;
    if (!heap || bytes > SIZE_MAX / 4) return aligned_alloc(ALIGN, bytes);
    int class = class_of(bytes);
    if (!grow(heap)) return NULL;
    kept *block = heap->kept[class];
    if (block)
        heap->kept[class] = block->next;
    else
        block = new_block(heap, (class_bytes(class) + ALIGN - 1) / ALIGN * ALIGN);
    if (block) insert(heap, (used){block, class});
    return block;
}

void rf_heap_give(void *ptr) {
    rf_heap *heap = current;
    int class;
    if (!ptr || !heap || !take_out(heap, ptr, &class)) {
        free(ptr);
        return;
    }
    kept *block = ptr;
    *block = (kept){heap->kept[class], heap->round};
    heap->kept[class] = block;
}
