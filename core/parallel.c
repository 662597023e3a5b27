#define _GNU_SOURCE
#include "core/parallel.h"

#include <omp.h>
#include <sched.h>

static int thread_count;
static _Thread_local int serial_thread;

static int available_processors(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

void rf_set_threads(int threads) {
    thread_count = threads > 0 ? threads : available_processors();
    omp_set_num_threads(thread_count);
    omp_set_dynamic(0);
    omp_set_max_active_levels(1);
}

int rf_get_threads(void) {
    if (thread_count == 0) rf_set_threads(0);
    return thread_count;
}

int rf_thread_index(void) {
    return omp_get_thread_num();
}

void rf_parallel_for(size_t n, size_t grain, rf_range_fn fn, void *ctx) {
    if (n == 0) return;
    if (grain == 0) grain = 1;
    size_t chunks = (n + grain - 1) / grain;
    int threads = rf_get_threads();
    if (chunks == 1 || threads == 1 || serial_thread || omp_in_parallel()) {
        for (size_t c = 0; c < chunks; c++) fn(ctx, c * grain, c + 1 == chunks ? n : (c + 1) * grain);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t c = 0; c < chunks; c++) fn(ctx, c * grain, c + 1 == chunks ? n : (c + 1) * grain);
}

enum { RUNS_A_THREAD = 8 };

size_t rf_run_grain(size_t n) {
    size_t grain = n / ((size_t)rf_get_threads() * RUNS_A_THREAD);
    return grain > 0 ? grain : 1;
}

void rf_parallel_serial(void) {
    serial_thread = 1;
}
