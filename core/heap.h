/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is kept for the next time: while a thread uses a heap, what it frees stays in the heap and serves its
 * later allocations of about that size, so that work that repeats itself asks the system for nothing. Blocks may be
 * freed by the thread that uses the heap they came from, under the same heap, only; others are not the heap's matter.
 */
#ifndef RF_CORE_HEAP_H
#define RF_CORE_HEAP_H

#include <stddef.h>

#include "core/status.h"

typedef struct rf_heap rf_heap;

/* RF_ERR_NOMEM. */
rf_status rf_heap_create(rf_heap **out);
/* Frees what the heap keeps. Blocks that are still in use are lost; NULL is allowed. No thread may be using it. */
void rf_heap_destroy(rf_heap *heap);
/* Makes rf_alloc and rf_free of the calling thread use it (NULL: none), and gives the one before. One thread at a time.
 */
rf_heap *rf_heap_use(rf_heap *heap);
/* The end of a round of work: blocks that served nobody for RF_HEAP_ROUNDS rounds go back to the system. */
enum { RF_HEAP_ROUNDS = 32 };
void rf_heap_round(rf_heap *heap);

/* For core/mem.c: bytes, a multiple of 64 and at least 64, aligned to 64, not zeroed; NULL when memory is out. */
void *rf_heap_take(size_t bytes);
void rf_heap_give(void *ptr);

#endif
