/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string, for everything that is written as text. Errors are sticky: after one failed growth every later call
 * does nothing, and rf_text_finish tells it. Start from a zeroed struct. Not shared between threads. */
#ifndef RF_CORE_TEXT_H
#define RF_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef struct rf_text {
    char *text; /* NUL-terminated once something was appended, else NULL */
    size_t used, capacity;
    bool failed;
} rf_text;

void rf_text_printf(rf_text *t, const char *fmt, ...) RF_PRINTF(2, 3);
void rf_text_put(rf_text *t, const char *string);
void rf_text_put_bytes(rf_text *t, const char *bytes, size_t n);
/* The shortest of 15 to 17 significant digits that strtod reads back to the same double. */
void rf_text_put_real(rf_text *t, double value);

/* The finished string ("" when nothing was appended), which the caller rf_frees, or RF_ERR_NOMEM. The builder is empty
 * afterwards in both cases. `bytes` (NULL allowed) gets the length. */
rf_status rf_text_finish(rf_text *t, char **text, size_t *bytes);
/* Forgets the contents. */
void rf_text_clear(rf_text *t);

#endif
