/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

/* Absent from what is built without EXTRA; hidden, so that a program which loads the library cannot stand in for it. */
rf_status rf_plugin_init(void) __attribute__((weak, visibility("hidden")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool starting; /* the plugin looks something up itself */
static rf_status started = RF_OK;
static char message[1024];

static void start(void) {
    starting = true;
    started = rf_plugin_init();
    starting = false;
    if (started != RF_OK) snprintf(message, sizeof message, "%s", rf_error_message());
}

rf_status rf_plugin_start(void) {
    if (!rf_plugin_init || starting) return RF_OK;
    pthread_once(&once, start);
    return started == RF_OK ? RF_OK : rf_fail(started, "%s", message);
}
