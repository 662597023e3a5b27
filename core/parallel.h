/* One thread pool (OpenMP). Work is cut into chunks whose number and borders depend only on the problem, never on the
 * thread count, so results have the same bits on any number of threads. */
#ifndef RF_CORE_PARALLEL_H
#define RF_CORE_PARALLEL_H

#include <stddef.h>

/* Sets the number of threads; 0 = all processors this process may use. Call from the main thread, outside parallel
 * work. */
void rf_set_threads(int threads);
int rf_get_threads(void);

/* Index of the calling thread inside rf_parallel_for (0 outside): for per-thread scratch memory only, never for
 * results. */
int rf_thread_index(void);

/* Calls fn(ctx, begin, end) for consecutive ranges of `grain` items that cover [0,n); ranges run on any thread in any
 * order. fn must not depend on order. Returns when all are done. Nested calls run serially. */
typedef void (*rf_range_fn)(void *ctx, size_t begin, size_t end);
void rf_parallel_for(size_t n, size_t grain, rf_range_fn fn, void *ctx);

/* Items that a thread may take in one go when it should meet neighbours one after the other: a few runs for each
 * thread, and at least 1. Only for the order of work, never for results. */
size_t rf_run_grain(size_t n);

/* Makes every later rf_parallel_for of the calling thread run serially: for threads that do not belong to the pool. */
void rf_parallel_serial(void);

#endif
