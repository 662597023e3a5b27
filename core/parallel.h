/* SPDX-License-Identifier: Apache-2.0 */
/* Parallel loops, the only door to threads that compute. Work is cut into chunks whose number and borders depend only
 * on the problem, never on the number of threads, so results have the same bits on any number of threads.
 *
 * A pool is a number of threads that run loops together: the thread that calls and workers, which start with the first
 * loop and sleep between loops. A busy machine does not stop a loop: threads take chunks from each other, and a worker
 * that the system does not run is not waited for unless it stands in the middle of a chunk (core/team.h). */
#ifndef RF_CORE_PARALLEL_H
#define RF_CORE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { RF_MAX_THREADS = 1024 };

/* Calls fn(ctx, begin, end) for consecutive ranges of `grain` items that cover [0,n); ranges run on any thread in any
 * order. fn must not depend on order. Returns when all are done. Nested calls run serially, and so do calls while the
 * pool serves another thread. Never fails: threads that the system does not give are done without. */
typedef void (*rf_range_fn)(void *ctx, size_t begin, size_t end);
void rf_parallel_for(size_t n, size_t grain, rf_range_fn fn, void *ctx);

/* Index of the calling thread inside rf_parallel_for, below rf_get_threads() (0 outside): for per-thread scratch memory
 * only, never for results. */
int rf_thread_index(void);

/* Items that a thread may take in one go when it should meet neighbours one after the other: a few runs for each
 * thread, and at least 1. Only for the order of work, never for results. */
size_t rf_run_grain(size_t n);

/* Makes every later rf_parallel_for of the calling thread run serially: for threads that do not belong to the pool. */
void rf_parallel_serial(void);
/* The same for a while: whether loops of the calling thread run serially from now on. Gives what held before. */
bool rf_parallel_alone(bool alone);

/* ---- the pool of the process, which threads use unless they chose another ---- */

/* Sets its number of threads, at most RF_MAX_THREADS; 0 = what the process may use (core/processors.h). Call from the
 * main thread, outside parallel work. */
void rf_set_threads(int threads);

/* ---- pools of one's own ---- */

/* So that several threads may run loops at once, each with a pool of its own. */
typedef struct rf_pool rf_pool;

/* RF_ERR_NOMEM. threads as above. The threads start with the first loop. */
rf_status rf_pool_create(int threads, rf_pool **out);
/* Ends its threads; NULL is allowed. No thread may be using it, nor have it as its current pool. */
void rf_pool_destroy(rf_pool *pool);
/* Makes it the current pool of the calling thread, whose loops use it from now on; NULL: the pool of the process. Gives
 * the one before. Outside parallel work. */
rf_pool *rf_pool_use(rf_pool *pool);

/* Threads of the calling thread's current pool. Plans of graphs are made for that many (autograd/plan.h). */
int rf_get_threads(void);

enum { RF_THREADS_TEXT = 80 }; /* bytes for rf_threads_text */
/* "2 threads (all processors)": that number, and in words where it comes from: asked for, all processors, the affinity
 * mask, or a CPU quota. Writes at most `size` bytes and gives `text`. */
const char *rf_threads_text(char *text, size_t size);

#endif
