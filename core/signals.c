#define _GNU_SOURCE
#include "core/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may only touch lock-free atomics");

static atomic_int pending;

static void on_signal(int signal_number) {
    atomic_store(&pending, signal_number);
}

rf_status rf_signals_install(void) {
    /* SA_RESETHAND brings the default action back, so the second signal of a kind kills a program that hangs.
     * SA_RESTART keeps files and pipes of a program that winds down working. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
        return rf_fail(RF_ERR_IO, "cannot install signal handlers: %s", strerror(errno));
    return RF_OK;
}

int rf_signal_pending(void) {
    return atomic_load_explicit(&pending, memory_order_relaxed);
}

void rf_signal_raise(int signal_number) {
    on_signal(signal_number);
}

void rf_signal_clear(void) {
    atomic_store(&pending, 0);
}
