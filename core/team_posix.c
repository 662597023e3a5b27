/* SPDX-License-Identifier: Apache-2.0 */
/* core/team.h with threads of our own.
 *
 * A region is open while there is work to begin. A worker joins it by a compare-and-swap on the gate, which fails once
 * the region is closed; only then may it touch anything of the region. So the caller waits for those who joined, and a
 * worker that the system did not run in time costs nothing: others did its share, and it finds the gate closed.
 *
 * Whoever waits spins for a moment, because the next region mostly comes within microseconds, and then sleeps, because
 * a thread that spins keeps a processor from the thread that it waits for when other processes want processors, too.
 * When that shows (a spinning thread was interrupted, or somebody who had joined did not come back for long), all spin
 * much shorter for a while: what a worker does not burn while it has nothing to do, the system gives it later. */
#define _GNU_SOURCE
#include "core/team.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The gate: number of the region | the caller sleeps | open | workers inside. A number that comes again after 2^19
 * regions harms nobody: who joins, joins the region that is open now. */
const char rf_team_kind[] = "posix";

enum { INSIDE = (1 << 11) - 1, OPEN = 1 << 11, SLEEPS = 1 << 12, NUMBER_SHIFT = 13 };
_Static_assert(RF_MAX_THREADS <= (int)INSIDE, "every worker must find room in the gate");

/* Nanoseconds. Measured on two processors beside none, one and two busy processes (docs/performance.md). */
enum {
    SPIN_IDLE = 100000, /* a worker for the next region */
    SPIN_END = 200000,  /* the caller for the last chunks */
    SPIN_BUSY = 4000,   /* both on a busy machine */
    GAP = 100000,       /* who spins and sees the clock jump that far was interrupted */
    LATE = 2000000,     /* who had joined and kept the caller asleep that long probably was */
    BUSY_FOR = 50000000,
};
enum { POLLS = 16 }; /* between two looks at the clock */

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void mark_busy(rf_team *team, int64_t time) {
    atomic_store_explicit(&team->busy_until, time + BUSY_FOR, memory_order_relaxed);
}

/* Spins until done(team, arg), `limit` nanoseconds at most; false: in vain. */
static bool spin(rf_team *team, int64_t limit, bool (*done)(rf_team *, uint32_t), uint32_t arg) {
    if (done(team, arg)) return true;
    if (team->polite) return false;
    int64_t begin = now(), last = begin;
    if (begin < atomic_load_explicit(&team->busy_until, memory_order_relaxed)) limit = SPIN_BUSY;
    for (;;) {
        for (int i = 0; i < POLLS; i++) {
            if (done(team, arg)) return true;
            relax();
        }
        int64_t time = now();
        if (time - last > GAP) mark_busy(team, time);
        if (time - begin >= limit) return false;
        last = time;
    }
}

/* ---- workers ---- */

static uint32_t number_of(uint32_t gate) {
    return gate >> NUMBER_SHIFT;
}

static bool is_joinable(uint32_t gate, uint32_t seen) {
    return (gate & OPEN) && number_of(gate) != seen;
}

static bool has_work(rf_team *team, uint32_t seen) {
    return is_joinable(atomic_load_explicit(&team->gate, memory_order_relaxed), seen) ||
           atomic_load_explicit(&team->stop, memory_order_relaxed);
}

/* `seen`: the last region that this worker joined; it is not joined twice. */
static bool join(rf_team *team, uint32_t *seen) {
    uint32_t gate = atomic_load_explicit(&team->gate, memory_order_relaxed);
    while (is_joinable(gate, *seen)) {
        if (atomic_compare_exchange_weak_explicit(&team->gate, &gate, gate + 1, memory_order_acquire,
                                                  memory_order_relaxed)) {
            *seen = number_of(gate);
            return true;
        }
    }
    return false;
}

/* Nothing is left to begin, so the gate closes behind whoever leaves first. */
static void leave(rf_team *team) {
    uint32_t gate = atomic_load_explicit(&team->gate, memory_order_relaxed), left;
    do {
        left = (gate & ~(uint32_t)OPEN) - 1;
    } while (
        !atomic_compare_exchange_weak_explicit(&team->gate, &gate, left, memory_order_acq_rel, memory_order_relaxed));
    if ((left & INSIDE) == 0 && (left & SLEEPS)) futex_wake(&team->gate, 1);
}

/* The bell is read before the gate and rung after the gate opens: a region that opens in between ends the sleep before
 * it begins. */
static void *worker_main(void *arg) {
    const rf_team_seat *seat = arg;
    rf_team *team = seat->team;
    uint32_t seen = UINT32_MAX;
    while (!atomic_load_explicit(&team->stop, memory_order_acquire)) {
        uint32_t bell = atomic_load_explicit(&team->bell, memory_order_acquire);
        if (join(team, &seen)) {
            team->fn(team->ctx, seat->index);
            leave(team);
        } else if (!spin(team, SPIN_IDLE, has_work, seen)) {
            atomic_fetch_add(&team->sleepers, 1);
            futex_wait(&team->bell, bell);
            atomic_fetch_sub(&team->sleepers, 1);
        }
    }
    return NULL;
}

/* Signals are for the main thread; those of a fault go to who is at fault. */
static void start_workers(rf_team *team) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    while (team->n_workers + 1 < team->threads) {
        rf_team_seat *seat = &team->seats[team->n_workers];
        seat->team = team;
        seat->index = team->n_workers + 1;
        if (pthread_create(&seat->thread, NULL, worker_main, seat) != 0) break;
        team->n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (team->n_workers + 1 < team->threads) team->threads = team->n_workers + 1; /* do not ask again each time */
}

/* ---- the caller ---- */

static bool is_empty(rf_team *team, uint32_t unused) {
    (void)unused;
    return (atomic_load_explicit(&team->gate, memory_order_acquire) & INSIDE) == 0;
}

static void wait_for_joined(rf_team *team) {
    uint32_t gate = atomic_fetch_and_explicit(&team->gate, ~(uint32_t)OPEN, memory_order_acq_rel);
    if ((gate & INSIDE) == 0 || spin(team, SPIN_END, is_empty, 0)) return;
    int64_t begin = now();
    gate = atomic_fetch_or_explicit(&team->gate, SLEEPS, memory_order_acq_rel) | SLEEPS;
    while (gate & INSIDE) {
        futex_wait(&team->gate, gate);
        gate = atomic_load_explicit(&team->gate, memory_order_acquire);
    }
    int64_t time = now();
    if (time - begin > LATE) mark_busy(team, time);
}

void rf_team_init(rf_team *team, int threads, bool polite) {
    team->threads = threads;
    team->polite = polite;
}

void rf_team_run(rf_team *team, int helpers, rf_team_fn fn, void *ctx) {
    if (team->n_workers + 1 < team->threads) start_workers(team);
    team->fn = fn;
    team->ctx = ctx;
    uint32_t number = number_of(atomic_load_explicit(&team->gate, memory_order_relaxed)) + 1;
    atomic_store_explicit(&team->gate, number << NUMBER_SHIFT | OPEN, memory_order_release);
    atomic_fetch_add(&team->bell, 1);
    if (atomic_load(&team->sleepers) > 0) futex_wake(&team->bell, helpers);
    fn(ctx, 0);
    wait_for_joined(team);
}

void rf_team_stop(rf_team *team) {
    atomic_store(&team->stop, true);
    atomic_fetch_add(&team->bell, 1);
    futex_wake(&team->bell, INT_MAX);
    for (int i = 0; i < team->n_workers; i++) pthread_join(team->seats[i].thread, NULL);
    team->n_workers = 0;
    atomic_store(&team->stop, false);
}

void rf_team_forget(rf_team *team) {
    team->n_workers = 0;
    atomic_store(&team->gate, 0);
    atomic_store(&team->sleepers, 0);
}
