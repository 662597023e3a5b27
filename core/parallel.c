/* SPDX-License-Identifier: Apache-2.0 */
#include "core/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "core/mem.h"
#include "core/processors.h"
#include "core/team.h"

/* ---- regions: the chunks of one loop ---- */

/* The chunks that are left of a thread's share: begin << 32 | end. On a cache line of its own. */
typedef struct share {
    _Alignas(64) _Atomic uint64_t left;
} share;

enum { SHARES = 64 }; /* more threads than that take from one share together */

typedef struct region {
    size_t n, grain, chunks;
    rf_range_fn fn;
    void *ctx;
    int n_shares;
    share shares[SHARES];
} region;

static _Thread_local struct {
    rf_pool *pool; /* NULL: the process's */
    int index;     /* inside a loop */
    bool inside, serial;
} self;

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

static void run_chunk(const region *r, size_t chunk) {
    r->fn(r->ctx, chunk * r->grain, chunk + 1 == r->chunks ? r->n : (chunk + 1) * r->grain);
}

/* ---- pools ---- */

struct rf_pool {
    _Atomic int threads; /* 0: not settled yet (the process's pool only) */
    bool asked;          /* somebody gave the number */
    _Atomic bool busy;   /* a loop runs */
    rf_processors processors;
    rf_pool *next;
    region region;
    rf_team team;
};

static rf_pool process_pool;

/* All pools, so that a child process can forget the workers that it does not have. The lock also settles the process's
 * pool. */
static rf_pool *pools = &process_pool;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void after_fork(void) {
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void) {
    for (rf_pool *p = pools; p; p = p->next) {
        rf_team_forget(&p->team);
        atomic_store(&p->busy, false);
    }
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void) {
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static void set_threads(rf_pool *pool, int threads) {
    pthread_once(&fork_once, watch_forks);
    pool->processors = rf_processors_find("");
    pool->asked = threads > 0;
    if (threads <= 0) threads = pool->processors.count;
    if (threads > RF_MAX_THREADS) threads = RF_MAX_THREADS;
    rf_team_init(&pool->team, threads, threads > pool->processors.count);
    atomic_store(&pool->threads, threads);
}

/* The process's pool, settled by whoever asks first. */
static void settle(void) {
    pthread_mutex_lock(&lock);
    if (atomic_load(&process_pool.threads) == 0) set_threads(&process_pool, 0);
    pthread_mutex_unlock(&lock);
}

static rf_pool *current_pool(void) {
    rf_pool *pool = self.pool ? self.pool : &process_pool;
    if (atomic_load_explicit(&pool->threads, memory_order_acquire) == 0) settle();
    return pool;
}

void rf_set_threads(int threads) {
    rf_team_stop(&process_pool.team);
    set_threads(&process_pool, threads);
}

rf_status rf_pool_create(int threads, rf_pool **out) {
    rf_pool *pool = rf_alloc(1, sizeof *pool);
    *out = pool;
    if (!pool) return RF_ERR_NOMEM;
    set_threads(pool, threads);
    pthread_mutex_lock(&lock);
    pool->next = pools;
    pools = pool;
    pthread_mutex_unlock(&lock);
    return RF_OK;
}

void rf_pool_destroy(rf_pool *pool) {
    if (!pool) return;
    rf_team_stop(&pool->team);
    pthread_mutex_lock(&lock);
    rf_pool **at = &pools;
    while (*at != pool) at = &(*at)->next;
    *at = pool->next;
    pthread_mutex_unlock(&lock);
    rf_free(pool);
}

rf_pool *rf_pool_use(rf_pool *pool) {
    rf_pool *before = self.pool;
    self.pool = pool;
    return before;
}

/* Nobody may run in this code once it is unloaded. A loop that is still going on in another thread is left alone. */
__attribute__((destructor)) static void end_process_pool(void) {
    if (atomic_exchange(&process_pool.busy, true)) return;
    rf_team_stop(&process_pool.team);
    atomic_store(&process_pool.busy, false);
}

int rf_get_threads(void) {
    return atomic_load_explicit(&current_pool()->threads, memory_order_relaxed);
}

const char *rf_threads_text(char *text, size_t size) {
    const rf_pool *pool = current_pool();
    const rf_processors *p = &pool->processors;
    int n = rf_get_threads();
    const char *unit = n == 1 ? "thread" : "threads";
    if (pool->asked)
        snprintf(text, size, "%d %s (as asked)", n, unit);
    else if (p->count < p->mask || (p->quota > 0 && p->quota < p->mask))
        snprintf(text, size, "%d %s (CPU quota of %.3g processor%s)", n, unit, p->quota, p->quota == 1 ? "" : "s");
    else
        snprintf(text, size, "%d %s (%s)", n, unit, p->all ? "all processors" : "affinity mask");
    return text;
}

/* ---- loops ---- */

int rf_thread_index(void) {
    return self.index;
}

/* What every thread of a team does in a region. Workers see the pool that they work for as theirs. */
static void work(void *ctx, int index) {
    rf_pool *pool = ctx;
    region *r = &pool->region;
    share *own = &r->shares[index % r->n_shares];
    size_t chunk;
    if (index > 0) self.pool = pool;
    self.inside = true;
    self.index = index;
    while (take(own, false, &chunk) || steal(r->shares, r->n_shares, &chunk)) run_chunk(r, chunk);
    self.inside = false;
    self.index = 0;
}

void rf_parallel_for(size_t n, size_t grain, rf_range_fn fn, void *ctx) {
    if (n == 0) return;
    if (grain == 0) grain = 1;
    size_t chunks = (n + grain - 1) / grain;
    rf_pool *pool = self.inside || self.serial || chunks == 1 ? NULL : current_pool();
    size_t threads = pool ? (size_t)rf_get_threads() : 1;
    if (threads == 1 || chunks > UINT32_MAX || atomic_exchange_explicit(&pool->busy, true, memory_order_acquire)) {
        const region alone = {.n = n, .grain = grain, .chunks = chunks, .fn = fn, .ctx = ctx};
        for (size_t c = 0; c < chunks; c++) run_chunk(&alone, c);
        return;
    }
    region *r = &pool->region;
    r->n = n;
    r->grain = grain;
    r->chunks = chunks;
    r->fn = fn;
    r->ctx = ctx;
    /* Every thread begins with a run of its own, the same in every call of one size: it finds in its caches what it
     * wrote there before, which matters where threads do not share the last level. */
    r->n_shares = (int)(threads < SHARES ? threads : SHARES);
    for (size_t i = 0; i < (size_t)r->n_shares; i++)
        atomic_store_explicit(&r->shares[i].left,
                              pack(chunks * i / (size_t)r->n_shares, chunks * (i + 1) / (size_t)r->n_shares),
                              memory_order_relaxed);
    rf_team_run(&pool->team, (int)(chunks < threads ? chunks : threads) - 1, work, pool);
    atomic_store_explicit(&pool->busy, false, memory_order_release);
}

enum { RUNS_A_THREAD = 8 };

size_t rf_run_grain(size_t n) {
    size_t grain = n / ((size_t)rf_get_threads() * RUNS_A_THREAD);
    return grain > 0 ? grain : 1;
}

void rf_parallel_serial(void) {
    self.serial = true;
}

bool rf_parallel_alone(bool alone) {
    bool before = self.serial;
    self.serial = alone;
    return before;
}
