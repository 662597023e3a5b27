/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
               "a signal handler may only touch lock-free atomics");

typedef struct caught {
    int number;
    const char *name;
    bool kills; /* when it comes again */
} caught;

static const caught signals[] = {{SIGINT, "SIGINT", true},
                                 {SIGTERM, "SIGTERM", true},
                                 {SIGHUP, "SIGHUP", false},
                                 {SIGPIPE, "SIGPIPE", false},
                                 {SIGXCPU, "SIGXCPU", false}};
enum { SIGNALS = sizeof signals / sizeof *signals };

static atomic_int pending;
static atomic_llong first_at[SIGNALS]; /* milliseconds of the monotonic clock, 0: has not come */

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1;
}

static void on_signal(int signal_number) {
    int before = errno;
    atomic_store(&pending, signal_number);
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i].number != signal_number || !signals[i].kills) continue;
        long long first = 0, time = now();
        if (atomic_compare_exchange_strong(&first_at[i], &first, time)) continue;
        if (time - first < (long long)(RF_SIGNAL_PATIENCE * 1000)) continue;
        signal(signal_number, SIG_DFL);
        raise(signal_number); /* delivered when this handler returns */
    }
    errno = before;
}

rf_status rf_signals_install(void) {
    /* SA_RESTART keeps files and pipes of a program that winds down working. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        int number = signals[i].number;
        atomic_store(&first_at[i], 0);
        bool failed = sigaction(number, &action, &before) != 0;
        if (!failed && number == SIGHUP && before.sa_handler == SIG_IGN) failed = sigaction(number, &before, NULL) != 0;
        if (failed) return rf_fail(RF_ERR_IO, "cannot install signal handlers: %s", strerror(errno));
    }
    signal(SIGXFSZ, SIG_IGN);
    return RF_OK;
}

int rf_signal_pending(void) {
    return atomic_load_explicit(&pending, memory_order_relaxed);
}

const char *rf_signal_name(int signal_number) {
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i].number == signal_number) return signals[i].name;
    return "a signal";
}

void rf_signal_raise(int signal_number) {
    atomic_store(&pending, signal_number);
}

void rf_signal_clear(void) {
    atomic_store(&pending, 0);
}
