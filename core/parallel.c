#define _GNU_SOURCE
#include "core/parallel.h"

#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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

/* The chunks that are left of a thread's share: begin << 32 | end. On a cache line of its own. */
typedef struct share {
    _Alignas(64) _Atomic uint64_t left;
} share;

enum { SHARES = 64 }; /* more threads than that take from one share together */

static uint64_t pack(uint64_t begin, uint64_t end) {
    return begin << 32 | end;
}

static uint64_t count_of(uint64_t left) {
    uint64_t begin = left >> 32, end = left & UINT32_MAX;
    return end > begin ? end - begin : 0;
}

/* The first chunk of a share, or the last one for a thread that it does not belong to. */
static bool take(share *s, bool last, size_t *chunk) {
    uint64_t left = atomic_load_explicit(&s->left, memory_order_relaxed), rest;
    do {
        uint64_t begin = left >> 32, end = left & UINT32_MAX;
        if (begin >= end) return false;
        *chunk = last ? end - 1 : begin;
        rest = last ? pack(begin, end - 1) : pack(begin + 1, end);
    } while (!atomic_compare_exchange_weak_explicit(&s->left, &left, rest, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* From the fullest share. */
static bool steal(share *shares, int n, size_t *chunk) {
    for (;;) {
        int fullest = 0;
        uint64_t most = 0;
        for (int i = 0; i < n; i++) {
            uint64_t left = count_of(atomic_load_explicit(&shares[i].left, memory_order_relaxed));
            if (left > most) {
                most = left;
                fullest = i;
            }
        }
        if (most == 0) return false;
        if (take(&shares[fullest], true, chunk)) return true;
    }
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
    /* Every thread begins with a run of its own, the same in every call of one size: it finds in its caches what it
     * wrote there before, which matters where threads do not share the last level. */
    share shares[SHARES];
    int n_shares = threads < SHARES ? threads : SHARES;
    for (size_t i = 0; i < (size_t)n_shares; i++)
        atomic_init(&shares[i].left, pack(chunks * i / (size_t)n_shares, chunks * (i + 1) / (size_t)n_shares));
#pragma omp parallel num_threads(threads)
    {
        share *own = &shares[omp_get_thread_num() % n_shares];
        size_t c;
        while (take(own, false, &c) || steal(shares, n_shares, &c))
            fn(ctx, c * grain, c + 1 == chunks ? n : (c + 1) * grain);
    }
}

enum { RUNS_A_THREAD = 8 };

size_t rf_run_grain(size_t n) {
    size_t grain = n / ((size_t)rf_get_threads() * RUNS_A_THREAD);
    return grain > 0 ? grain : 1;
}

void rf_parallel_serial(void) {
    serial_thread = 1;
}
