/* SPDX-License-Identifier: Apache-2.0 */
#include "core/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

enum { FIRST_CAPACITY = 256 };

/* Room for `extra` more bytes and the final NUL. */
static bool reserve(rf_text *t, size_t extra) {
    size_t need;
    if (t->failed) return false;
    if (!rf_size_add(t->used, extra, &need) || !rf_size_add(need, 1, &need)) {
        t->failed = true;
        return false;
    }
    if (need <= t->capacity) return true;
    size_t grown = t->capacity ? t->capacity : FIRST_CAPACITY;
    while (grown < need) grown = grown > SIZE_MAX / 2 ? need : grown * 2;
    char *text = rf_realloc(t->text, t->capacity, grown, 1);
    if (!text) {
        t->failed = true;
        return false;
    }
    t->text = text;
    t->capacity = grown;
    return true;
}

void rf_text_put_bytes(rf_text *t, const char *bytes, size_t n) {
    if (!reserve(t, n)) return;
    memcpy(t->text + t->used, bytes, n);
    t->used += n;
    t->text[t->used] = 0;
}

void rf_text_put(rf_text *t, const char *string) {
    rf_text_put_bytes(t, string, strlen(string));
}

void rf_text_printf(rf_text *t, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) t->failed = true;
    if (n >= 0 && reserve(t, (size_t)n)) {
        vsnprintf(t->text + t->used, (size_t)n + 1, fmt, again);
        t->used += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void rf_text_put_real(rf_text *t, double value) {
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    rf_text_put(t, digits);
}

rf_status rf_text_finish(rf_text *t, char **text, size_t *bytes) {
    reserve(t, 0);
    if (t->failed) {
        rf_text_clear(t);
        return rf_fail(RF_ERR_NOMEM, "out of memory while building a text");
    }
    *text = t->text;
    if (bytes) *bytes = t->used;
    *t = (rf_text){0};
    return RF_OK;
}

void rf_text_clear(rf_text *t) {
    rf_free(t->text);
    *t = (rf_text){0};
}
