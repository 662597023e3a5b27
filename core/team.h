/* SPDX-License-Identifier: Apache-2.0 */
/* The threads behind core/parallel.h: a caller and its workers, which run one function together. Two implementations:
 * team_posix.c, threads of our own, and team_openmp.c (make THREADS=openmp). */
#ifndef RF_CORE_TEAM_H
#define RF_CORE_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/parallel.h"

/* Called by the caller with index 0 and by each worker that joins with its own index, 1 to threads-1. It returns when
 * nothing is left to begin, whoever did it: a worker may never come. */
typedef void (*rf_team_fn)(void *ctx, int index);

struct rf_team;

typedef struct rf_team_seat {
    struct rf_team *team;
    pthread_t thread;
    int index;
} rf_team_seat;

typedef struct rf_team {
    int threads;   /* with the caller */
    bool polite;   /* more threads than processors may run: whoever waits sleeps at once */
    int n_workers; /* that were started */
    rf_team_fn fn; /* what the open region does */
    void *ctx;
    /* Written by all threads, so on lines of their own. team_posix.c says what they mean. */
    _Alignas(64) _Atomic uint32_t gate;
    _Alignas(64) _Atomic uint32_t bell;
    _Atomic uint32_t sleepers;
    _Atomic bool stop;
    _Atomic int64_t busy_until;
    rf_team_seat seats[RF_MAX_THREADS];
} rf_team;

/* Sets the number of threads, 1 to RF_MAX_THREADS; they start with the first run. The team is zeroed memory or stopped.
 */
void rf_team_init(rf_team *team, int threads, bool polite);

/* Runs fn in the calling thread and in the workers that come before it is done, `helpers` of which are woken. Returns
 * when the caller and all that joined have returned. One call at a time. Never fails: workers that the system does not
 * give are done without. */
void rf_team_run(rf_team *team, int helpers, rf_team_fn fn, void *ctx);

/* The name of the implementation, "posix" or "openmp". */
extern const char rf_team_kind[];

/* Ends the workers. Not while a run is going on. */
void rf_team_stop(rf_team *team);

/* In the child of a fork, which has no workers; they start anew with the next run. */
void rf_team_forget(rf_team *team);

#endif
