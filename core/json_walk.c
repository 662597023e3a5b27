/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json_walk.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64, NUMBER_BYTES = 128 };

rf_json_walk rf_walk_begin(const char *path, const char *text, size_t bytes) {
    size_t skip = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return (rf_json_walk){.path = path, .at = text + skip, .end = text + bytes, .line = 1, .first = true};
}

rf_status rf_walk_expected(const rf_json_walk *walk, const char *what) {
    if (walk->at == walk->end)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends too early; expected %s", walk->path, walk->line, what);
    size_t left = (size_t)(walk->end - walk->at), n = 0;
    while (n < left && n < 20 && walk->at[n] > ' ' && walk->at[n] < 127) n++;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: wrong JSON at \"%.*s\"; expected %s", walk->path, walk->line, (int)n,
                   walk->at, what);
}

static void skip_blanks(rf_json_walk *walk) {
    for (; walk->at < walk->end; walk->at++) {
        if (*walk->at == '\n')
            walk->line += walk->line < INT_MAX;
        else if (*walk->at != ' ' && *walk->at != '\t' && *walk->at != '\r')
            break;
    }
}

/* The next byte that is not blank, 0 at the end. */
static char peek(rf_json_walk *walk) {
    skip_blanks(walk);
    return walk->at < walk->end ? *walk->at : 0;
}

char rf_walk_kind(rf_json_walk *walk) {
    char c = peek(walk);
    if (c == '-' || (c >= '0' && c <= '9')) return '0';
    if (c == 'f') return 't';
    return c == '{' || c == '[' || c == '"' || c == 't' || c == 'n' ? c : 0;
}

rf_status rf_walk_enter(rf_json_walk *walk, char bracket) {
    if (peek(walk) != bracket) return rf_walk_expected(walk, bracket == '{' ? "an object, {...}" : "an array, [...]");
    if (walk->depth == MAX_DEPTH)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: JSON more than %d levels deep", walk->path, walk->line, MAX_DEPTH);
    walk->at++;
    walk->depth++;
    walk->first = true;
    return RF_OK;
}

/* Before a member or element: passes the comma, or the closing bracket. */
static rf_status advance(rf_json_walk *walk, char closing, bool *more) {
    char c = peek(walk);
    *more = c != closing;
    if (!*more) {
        walk->at++;
        walk->depth--;
        walk->first = false;
        return RF_OK;
    }
    if (walk->first) return RF_OK;
    if (c != ',') return rf_walk_expected(walk, closing == '}' ? "a comma or }" : "a comma or ]");
    walk->at++;
    return RF_OK;
}

static bool read_hex4(rf_json_walk *walk, unsigned *out) {
    *out = 0;
    if (walk->end - walk->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        char c = *walk->at++;
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 32) - 'a' + 10;
        if (digit > 15) return false;
        *out = *out << 4 | digit;
    }
    return true;
}

/* The character of \uXXXX, whose u was read, as UTF-8; 0 bytes when it is wrong. Half a surrogate pair is wrong. */
static size_t read_unicode(rf_json_walk *walk, char out[4]) {
    unsigned code, low;
    if (!read_hex4(walk, &code) || code == 0 || (code >= 0xDC00 && code < 0xE000)) return 0;
    if (code >= 0xD800 && code < 0xDC00) {
        if (walk->end - walk->at < 2 || walk->at[0] != '\\' || walk->at[1] != 'u') return 0;
        walk->at += 2;
        if (!read_hex4(walk, &low) || low < 0xDC00 || low >= 0xE000) return 0;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[n] | code);
    return n;
}

/* One character of a string into out[4]; 0 when it is wrong. */
static size_t read_character(rf_json_walk *walk, char out[4]) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = *walk->at++;
    if ((unsigned char)c < 0x20) return 0;
    *out = c;
    if (c != '\\') return 1;
    if (walk->at == walk->end) return 0;
    c = *walk->at++;
    if (c == 'u') return read_unicode(walk, out);
    const char *found = c ? strchr(names, c) : NULL;
    if (!found) return 0;
    *out = values[found - names];
    return 1;
}

/* out may be NULL. *length is that of the whole string, also when `room` is too small for it. */
static rf_status read_string(rf_json_walk *walk, char *out, size_t room, size_t *length) {
    *length = 0;
    if (peek(walk) != '"') return rf_walk_expected(walk, "a string");
    walk->at++;
    while (walk->at < walk->end && *walk->at != '"') {
        char bytes[4];
        size_t n = read_character(walk, bytes);
        if (!n)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a string with a wrong escape or a control character", walk->path,
                           walk->line);
        for (size_t i = 0; i < n; i++, ++*length)
            if (*length < room) out[*length] = bytes[i];
    }
    if (walk->at == walk->end) return rf_walk_expected(walk, "the end of a string");
    walk->at++;
    walk->first = false;
    return RF_OK;
}

rf_status rf_walk_string(rf_json_walk *walk, char *out, size_t bytes) {
    size_t n;
    RF_TRY(read_string(walk, out, bytes - 1, &n));
    if (n >= bytes)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a string of %zu bytes; at most %zu are accepted here", walk->path,
                       walk->line, n, bytes - 1);
    out[n] = 0;
    return RF_OK;
}

rf_status rf_walk_member(rf_json_walk *walk, char *key, size_t key_bytes, bool *more) {
    size_t n;
    RF_TRY(advance(walk, '}', more));
    if (!*more) return RF_OK;
    RF_TRY(read_string(walk, key, key_bytes - 1, &n));
    key[n < key_bytes ? n : key_bytes - 1] = 0;
    if (peek(walk) != ':') return rf_walk_expected(walk, "a colon");
    walk->at++;
    return RF_OK;
}

rf_status rf_walk_item(rf_json_walk *walk, bool *more) {
    return advance(walk, ']', more);
}

static const char *pass_digits(const char *p, const char *end) {
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* The end of a number, -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, that begins at p; NULL when it is none. */
static const char *number_end(const char *p, const char *end) {
    const char *begin;
    p += p < end && *p == '-';
    begin = p;
    p = pass_digits(p, end);
    if (p == begin || (*begin == '0' && p - begin > 1)) return NULL;
    if (p < end && *p == '.') {
        begin = ++p;
        p = pass_digits(p, end);
        if (p == begin) return NULL;
    }
    if (p == end || (*p != 'e' && *p != 'E')) return p;
    p++;
    p += p < end && (*p == '+' || *p == '-');
    begin = p;
    p = pass_digits(p, end);
    return p == begin ? NULL : p;
}

static rf_status skip_number(rf_json_walk *walk, const char **begin) {
    if (rf_walk_kind(walk) != '0') return rf_walk_expected(walk, "a number");
    *begin = walk->at;
    const char *stop = number_end(walk->at, walk->end);
    if (!stop || stop - walk->at >= NUMBER_BYTES) return rf_walk_expected(walk, "a decimal number");
    walk->at = stop;
    walk->first = false;
    return RF_OK;
}

rf_status rf_walk_number(rf_json_walk *walk, double *out) {
    char word[NUMBER_BYTES];
    const char *begin = NULL;
    RF_TRY(skip_number(walk, &begin));
    size_t n = (size_t)(walk->at - begin);
    memcpy(word, begin, n);
    word[n] = 0;
    *out = strtod(word, NULL);
    if (isfinite(*out)) return RF_OK;
    walk->at = begin;
    return rf_walk_expected(walk, "a number that a double can hold");
}

static rf_status read_word(rf_json_walk *walk, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(walk->end - walk->at) < n || memcmp(walk->at, word, n) != 0)
        return rf_walk_expected(walk, "true, false or null");
    walk->at += n;
    walk->first = false;
    return RF_OK;
}

rf_status rf_walk_flag(rf_json_walk *walk, bool *out) {
    double number;
    char c = peek(walk);
    *out = c == 't';
    if (c == 't') return read_word(walk, "true");
    if (c == 'f') return read_word(walk, "false");
    if (c == 'n') return read_word(walk, "null");
    if (rf_walk_kind(walk) != '0') return rf_walk_expected(walk, "true, false, 0 or 1");
    RF_TRY(rf_walk_number(walk, &number));
    *out = number != 0;
    return RF_OK;
}

rf_status rf_walk_skip(rf_json_walk *walk) {
    const char *begin;
    size_t length;
    bool more = true, flag;
    char kind = rf_walk_kind(walk), key[1];
    switch (kind) {
    case '"':
        return read_string(walk, NULL, 0, &length);
    case '0':
        return skip_number(walk, &begin);
    case 't':
    case 'n':
        return rf_walk_flag(walk, &flag);
    case '{':
    case '[':
        break;
    default:
        return rf_walk_expected(walk, "a value");
    }
    RF_TRY(rf_walk_enter(walk, kind));
    for (;;) {
        RF_TRY(kind == '{' ? rf_walk_member(walk, key, sizeof key, &more) : rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(rf_walk_skip(walk));
    }
}

/* Behind the quote that closes a string that begins at `at`, or `end`. */
static const char *behind_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

rf_status rf_walk_skip_broken(rf_json_walk *walk) {
    int depth = 0;
    skip_blanks(walk);
    const char *at = walk->at;
    while (at < walk->end) {
        const char *next = *at == '"' ? behind_string(at, walk->end) : at + 1;
        bool opens = *at == '{' || *at == '[', closes = *at == '}' || *at == ']';
        if (depth == 0 && (closes || *at == ',')) break;
        for (const char *p = at; p < next; p++) walk->line += *p == '\n' && walk->line < INT_MAX;
        depth += opens - closes;
        at = next;
        if (depth == 0 && (closes || next[-1] == '"')) break;
    }
    walk->at = at;
    walk->first = false;
    return at < walk->end ? RF_OK : rf_walk_expected(walk, "the end of an entry that begins earlier");
}

rf_status rf_walk_finish(rf_json_walk *walk) {
    skip_blanks(walk);
    return walk->at == walk->end ? RF_OK : rf_walk_expected(walk, "the end of the file");
}
