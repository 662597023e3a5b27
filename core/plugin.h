/* SPDX-License-Identifier: Apache-2.0 */
/* What is built in from a folder of its own, `make EXTRA=DIR` (docs/extending.md). Each source there that registers
 * something defines
 *     rf_status rf_plugin_init(void) { return rf_register_loss(&mine); }
 * The build gives each such function a name of its own and calls them in the order of the files' names. */
#ifndef RF_CORE_PLUGIN_H
#define RF_CORE_PLUGIN_H

#include "core/status.h"

/* Defined by a plugin, called once, by the first thread that looks something up. It registers and does nothing else.
 * A status other than RF_OK ends the program with its message. */
rf_status rf_plugin_init(void);

/* Calls it unless that was done, and returns what it returned, with its message; RF_OK where there is none. Programs
 * call it before anything else. Thread safe. */
rf_status rf_plugin_start(void);

#endif
