/* SPDX-License-Identifier: Apache-2.0 */
#include "core/show.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum { ESCAPE = 4, NUMBER = 512 };

size_t rf_utf8_length(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
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

uint32_t rf_utf8_code(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    static const unsigned char lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = s[0] & lead[n];
    for (size_t i = 1; i < n; i++) code = code << 6 | (s[i] & 0x3F);
    return code;
}

/* What steers a terminal or a reader's eye instead of being read. */
bool rf_show_hides(uint32_t c) {
    static const uint32_t ranges[][2] = {{0x00, 0x1F},      {0x7F, 0x9F},     {0xAD, 0xAD},     {0x061C, 0x061C},
                                         {0x180E, 0x180E},  {0x200B, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202E},
                                         {0x2060, 0x206F},  {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF},
                                         {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

/* The character at s as it is shown, at most four escapes; *n: bytes it takes in the text. */
static size_t show_one(const char *s, size_t *n, char out[4 * ESCAPE + 1]) {
    const unsigned char *u = (const unsigned char *)s;
    *n = rf_utf8_length(s);
    bool plain = *n > 0 && !rf_show_hides(rf_utf8_code(s, *n));
    if (*n == 0) *n = 1;
    if (plain) {
        memcpy(out, s, *n);
        return *n;
    }
    for (size_t i = 0; i < *n; i++) snprintf(out + ESCAPE * i, ESCAPE + 1, "\\x%02x", u[i]);
    return ESCAPE * *n;
}

size_t rf_show_into(char *out, size_t bytes, const char *text) {
    size_t used = 0, n;
    char one[4 * ESCAPE + 1];
    for (; *text && bytes; text += n) {
        size_t length = show_one(text, &n, one);
        if (used + length >= bytes) break;
        memcpy(out + used, one, length);
        used += length;
    }
    if (bytes) out[used] = 0;
    return used;
}

void rf_show_put(rf_text *t, const char *text) {
    char one[4 * ESCAPE + 1];
    for (size_t n; *text; text += n) rf_text_put_bytes(t, one, show_one(text, &n, one));
}

void rf_show_put_utf8(rf_text *t, const char *text) {
    for (size_t n; *text; text += n) {
        n = rf_utf8_length(text);
        if (n)
            rf_text_put_bytes(t, text, n);
        else
            rf_text_printf(t, "\\x%02x", (unsigned char)*text);
        n += n == 0;
    }
}

static void pad(rf_text *t, long n) {
    for (; n > 0; n--) rf_text_put(t, " ");
}

/* One conversion of a format. */
typedef struct spec {
    char flags[8], size[3], kind;
    int width, precision; /* -1: none */
} spec;

/* A string at most `precision` bytes long, padded to `width` characters, since what is seen is what lines up. */
static void put_string(rf_text *t, const spec *s, const char *value) {
    rf_text shown = {0};
    char *cut = NULL;
    if (!value) value = "(none)";
    if (s->precision >= 0 && !(cut = rf_strndup(value, strnlen(value, (size_t)s->precision)))) t->failed = true;
    rf_show_put(&shown, cut ? cut : value);
    long fill = s->width;
    for (size_t i = 0; i < shown.used; i++) fill -= ((unsigned char)shown.text[i] & 0xC0) != 0x80;
    bool left = strchr(s->flags, '-') != NULL;
    if (!left) pad(t, fill);
    if (shown.used) rf_text_put_bytes(t, shown.text, shown.used);
    if (left) pad(t, fill);
    t->failed |= shown.failed;
    rf_text_clear(&shown);
    rf_free(cut);
}

static void put_integer(rf_text *t, const spec *s, intmax_t value) {
    char fmt[32], out[NUMBER];
    snprintf(fmt, sizeof fmt, s->precision >= 0 ? "%%%s*.*j%c" : "%%%s*j%c", s->flags, s->kind);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (s->precision >= 0)
        snprintf(out, sizeof out, fmt, s->width, s->precision, value);
    else
        snprintf(out, sizeof out, fmt, s->width, value);
#pragma GCC diagnostic pop
    rf_text_put(t, out);
}

static void put_real(rf_text *t, const spec *s, double value) {
    char fmt[32], out[NUMBER];
    snprintf(fmt, sizeof fmt, "%%%s*.*%c", s->flags, s->kind);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, sizeof out, fmt, s->width, s->precision, value);
#pragma GCC diagnostic pop
    rf_text_put(t, out);
}

/* va_list as a struct, so that functions can take from it through a pointer. */
typedef struct arguments {
    va_list list;
} arguments;

static intmax_t take_integer(arguments *a, const spec *s) {
    bool is_signed = s->kind == 'd' || s->kind == 'i';
    switch (s->size[0]) {
    case 'l':
        if (s->size[1] == 'l') return va_arg(a->list, long long);
        return is_signed ? (intmax_t)va_arg(a->list, long) : (intmax_t)va_arg(a->list, unsigned long);
    case 'j':
        return va_arg(a->list, intmax_t);
    case 'z':
        return (intmax_t)va_arg(a->list, size_t);
    case 't':
        return (intmax_t)va_arg(a->list, ptrdiff_t);
    default:
        return is_signed ? (intmax_t)va_arg(a->list, int) : (intmax_t)va_arg(a->list, unsigned);
    }
}

static int read_number(const char **f, arguments *a) {
    int n = 0;
    if (**f == '*') {
        ++*f;
        return va_arg(a->list, int);
    }
    for (; **f >= '0' && **f <= '9'; ++*f) n = n * 10 + (**f - '0');
    return n;
}

/* Reads the conversion behind a '%'. */
static const char *read_spec(const char *f, arguments *a, spec *s) {
    size_t flags = strspn(f, "-+ #0"), size;
    *s = (spec){.precision = -1};
    memcpy(s->flags, f, flags < sizeof s->flags - 1 ? flags : sizeof s->flags - 2);
    f += flags;
    s->width = read_number(&f, a);
    if (s->width < 0) { /* as printf has it: a negative width is the flag - */
        s->width = -s->width;
        s->flags[strlen(s->flags)] = '-';
    }
    if (*f == '.') {
        f++;
        s->precision = read_number(&f, a);
    }
    size = strspn(f, "hljztL");
    memcpy(s->size, f, size < sizeof s->size ? size : sizeof s->size - 1);
    f += size;
    s->kind = *f;
    return *f ? f + 1 : f;
}

static void put_one(rf_text *t, const spec *s, arguments *a) {
    char one[2] = "";
    switch (s->kind) {
    case 's':
        put_string(t, s, va_arg(a->list, const char *));
        break;
    case 'c':
        one[0] = (char)va_arg(a->list, int);
        put_string(t, s, one);
        break;
    case '%':
        rf_text_put(t, "%");
        break;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_integer(t, s, take_integer(a, s));
        break;
    default:
        put_real(t, s, s->size[0] == 'L' ? (double)va_arg(a->list, long double) : va_arg(a->list, double));
    }
}

void rf_show_vprintf(rf_text *t, const char *fmt, va_list list) {
    arguments a;
    va_copy(a.list, list);
    while (*fmt) {
        size_t plain = strcspn(fmt, "%");
        rf_text_put_bytes(t, fmt, plain);
        fmt += plain;
        if (!*fmt) break;
        spec s;
        fmt = read_spec(fmt + 1, &a, &s);
        put_one(t, &s, &a);
    }
    va_end(a.list);
}
