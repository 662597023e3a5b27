/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/show.h"

bool rf_json_is_utf8(const char *text) {
    for (const char *s = text; *s;) {
        size_t n = rf_utf8_length(s);
        if (n == 0) return false;
        s += n;
    }
    return true;
}

/* A character above U+FFFF takes two escapes. */
static void put_escape(rf_text *out, uint32_t code) {
    if (code >= 0x10000) {
        rf_text_printf(out, "\\u%04x", 0xD800 + ((code - 0x10000) >> 10));
        code = 0xDC00 + ((code - 0x10000) & 0x3FF);
    }
    rf_text_printf(out, "\\u%04x", code);
}

static void put_string(rf_text *out, const char *value) {
    rf_text_put(out, "\"");
    for (const char *s = value; *s;) {
        size_t n = rf_utf8_length(s);
        if (n == 0) {
            rf_text_printf(out, "\\\\x%02x", (unsigned char)*s);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            rf_text_printf(out, "\\%c", *s);
        } else if (rf_show_hides(rf_utf8_code(s, n))) {
            put_escape(out, rf_utf8_code(s, n));
        } else {
            rf_text_put_bytes(out, s, n);
        }
        s += n;
    }
    rf_text_put(out, "\"");
}

static void begin_element(rf_json_writer *w, const char *key) {
    if (w->comma) rf_text_put(&w->out, ",");
    if (key) {
        put_string(&w->out, key);
        rf_text_put(&w->out, ":");
    }
    w->comma = true;
}

static void open_container(rf_json_writer *w, const char *key, const char *bracket) {
    begin_element(w, key);
    rf_text_put(&w->out, bracket);
    w->comma = false;
    w->depth++;
}

static void close_container(rf_json_writer *w, const char *bracket) {
    assert(w->depth > 0);
    rf_text_put(&w->out, bracket);
    w->comma = true;
    w->depth--;
}

void rf_json_begin_object(rf_json_writer *w, const char *key) {
    open_container(w, key, "{");
}

void rf_json_end_object(rf_json_writer *w) {
    close_container(w, "}");
}

void rf_json_begin_array(rf_json_writer *w, const char *key) {
    open_container(w, key, "[");
}

void rf_json_end_array(rf_json_writer *w) {
    close_container(w, "]");
}

void rf_json_put_number(rf_json_writer *w, const char *key, double value) {
    begin_element(w, key);
    if (isfinite(value))
        rf_text_printf(&w->out, "%.9g", value);
    else
        rf_text_put(&w->out, "null");
}

void rf_json_put_int(rf_json_writer *w, const char *key, long long value) {
    begin_element(w, key);
    rf_text_printf(&w->out, "%lld", value);
}

void rf_json_put_string(rf_json_writer *w, const char *key, const char *value) {
    begin_element(w, key);
    put_string(&w->out, value);
}

void rf_json_put_bool(rf_json_writer *w, const char *key, bool value) {
    begin_element(w, key);
    rf_text_put(&w->out, value ? "true" : "false");
}

rf_status rf_json_finish(rf_json_writer *w, char **text) {
    assert(w->depth == 0);
    rf_text out = w->out;
    *w = (rf_json_writer){0};
    return rf_text_finish(&out, text, NULL);
}
