/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that ask a program to end, as a flag that long loops look at, so that a run ends with a checkpoint
 * instead of a torn file: SIGINT, SIGTERM, SIGHUP (the terminal is gone), SIGPIPE (the reader of the output is gone)
 * and SIGXCPU (the time that the system grants is used up). */
#ifndef RF_CORE_SIGNALS_H
#define RF_CORE_SIGNALS_H

#include "core/status.h"

/* Installs the handlers: the first signal sets the flag. A second SIGINT or SIGTERM that comes RF_SIGNAL_PATIENCE
 * seconds or more after the first of its kind ends the process at once (the system's default action); one that comes
 * earlier is the same request twice, as timeout(1) sends it. The others never end a process that is saving. SIGHUP
 * stays ignored where nohup(1) made it so. SIGXFSZ is ignored: a write beyond the limit then fails as on a full disk.
 * Call once, from the main thread. */
#define RF_SIGNAL_PATIENCE 0.5
rf_status rf_signals_install(void);

/* The signal that arrived since the last rf_signal_clear, or 0. Thread safe; costs one load. */
int rf_signal_pending(void);
/* "SIGTERM" and so on, for messages; "a signal" for 0 and numbers that are none of the above. */
const char *rf_signal_name(int signal_number);

/* Sets the flag without a signal, as a handler would: for tests and for stopping a run from another thread. */
void rf_signal_raise(int signal_number);
void rf_signal_clear(void);

#endif
