/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/show.h"

/* Of the text before it is shown, which never makes it shorter: what is cut from it would not have fitted either. */
enum { MESSAGE_BYTES = 1024, TEXT_BYTES = 2048 };

static _Thread_local char message[MESSAGE_BYTES];

rf_status rf_fail(rf_status code, const char *fmt, ...) {
    char text[TEXT_BYTES]; /* a separate buffer, since an argument may be the old message */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    rf_show_into(message, sizeof message, text);
    return code;
}

rf_status rf_fail_context(rf_status code, const char *fmt, ...) {
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t used = strlen(text);
    size_t room = sizeof text - used;
    snprintf(text + used, room, ": %.*s", (int)(room > 3 ? room - 3 : 0), message);
    rf_show_into(message, sizeof message, text);
    return code;
}

const char *rf_error_message(void) {
    return message;
}

int rf_exit_code(rf_status status) {
    switch (status) {
    case RF_OK:
        return 0;
    case RF_ERR_NOMEM:
        return 3;
    case RF_ERR_NONFINITE:
        return 4;
    case RF_ERR_INTERRUPTED:
        return 130;
    default:
        return 2;
    }
}
