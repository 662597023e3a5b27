#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"

/* Bytes of the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), 0 when there is
 * none. The text's final NUL stops a cut character, since it is no continuation byte. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    size_t n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    unsigned char lo = 0x80, hi = 0xBF; /* bounds of the second byte */
    if (s[0] == 0xE0) lo = 0xA0;
    if (s[0] == 0xED) hi = 0x9F;
    if (s[0] == 0xF0) lo = 0x90;
    if (s[0] == 0xF4) hi = 0x8F;
    if (s[1] < lo || s[1] > hi) return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xBF) return 0;
    return n;
}

bool rf_json_is_utf8(const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_length(s);
        if (n == 0) return false;
        s += n;
    }
    return true;
}

static void put_string(rf_text *out, const char *value) {
    rf_text_put(out, "\"");
    for (const unsigned char *s = (const unsigned char *)value; *s;) {
        size_t n = utf8_length(s);
        if (n == 0) {
            rf_text_put(out, "\\ufffd");
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            rf_text_printf(out, "\\%c", *s);
        } else if (*s < 0x20) {
            rf_text_printf(out, "\\u%04x", *s);
        } else {
            rf_text_put_bytes(out, (const char *)s, n);
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
