/* SIGINT and SIGTERM as a flag that long loops look at, so that a run ends with a checkpoint instead of a torn file. */
#ifndef RF_CORE_SIGNALS_H
#define RF_CORE_SIGNALS_H

#include "core/status.h"

/* Installs the handlers: a first SIGINT or SIGTERM sets the flag, a second one of the same kind ends the process at
 * once (the system's default action). Call once, from the main thread. */
rf_status rf_signals_install(void);

/* The signal that arrived since the last rf_signal_clear, or 0. Thread safe; costs one load. */
int rf_signal_pending(void);

/* Sets the flag without a signal, as a handler would: for tests and for stopping a run from another thread. */
void rf_signal_raise(int signal_number);
void rf_signal_clear(void);

#endif
