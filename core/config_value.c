/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_impl.h"
#include "core/name.h"

enum { NAME_BYTES = 64 };

/* Plain decimal numbers only: strtod also takes hexadecimal, "nan" and "inf". */
static bool parse_real(const char *text, size_t length, double *out) {
    char copy[NAME_BYTES], *end;
    if (!length || length >= sizeof copy) return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (strspn(copy, "0123456789+-.eE") != length) return false;
    *out = strtod(copy, &end);
    return end == copy + length;
}

static rf_status set_int(long *out, const rf_key *key, const char *value, const char *place) {
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    bool whole = *value && strspn(value, "0123456789+-") == strlen(value) && !*end;
    if (!whole || errno || !((double)v >= key->lo && (double)v <= key->hi))
        return rf_fail(RF_ERR_USER, "%s: %s.%s is '%s', expected a whole number from %.15g to %.15g", place,
                       key->section, key->name, value, key->lo, key->hi);
    *out = v;
    return RF_OK;
}

static rf_status set_real(double *out, const rf_key *key, const char *value, const char *place) {
    double v;
    if (!parse_real(value, strlen(value), &v) || !(v >= key->lo && v <= key->hi))
        return rf_fail(RF_ERR_USER, "%s: %s.%s is '%s', expected a number from %.15g to %.15g", place, key->section,
                       key->name, value, key->lo, key->hi);
    *out = v;
    return RF_OK;
}

static rf_status set_bool(bool *out, const rf_key *key, const char *value, const char *place) {
    static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 4; i++) {
            if (strcmp(value, words[truth][i]) == 0) {
                *out = truth;
                return RF_OK;
            }
        }
    }
    return rf_fail(RF_ERR_USER, "%s: %s.%s is '%s', expected yes or no", place, key->section, key->name, value);
}

/* A text must survive an INI file: no control characters, no blanks at its ends, nothing that starts a comment. */
static bool fits_ini(const char *value) {
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) return false;
        if (value[i] == ';' && (i == 0 || value[i - 1] == ' ')) return false;
    }
    return !length || (value[0] != ' ' && value[length - 1] != ' ');
}

bool rf_config_holds_text(const char *value) {
    return strlen(value) < RF_TEXT_BYTES && fits_ini(value);
}

static rf_status set_text(char *out, const rf_key *key, const char *value, const char *place) {
    size_t length = strlen(value);
    if (length >= RF_TEXT_BYTES)
        return rf_fail(RF_ERR_USER, "%s: %s.%s has %zu bytes, expected at most %d", place, key->section, key->name,
                       length, RF_TEXT_BYTES - 1);
    if (!fits_ini(value))
        return rf_fail(RF_ERR_USER, "%s: %s.%s must not have control characters or a ';' that starts a comment", place,
                       key->section, key->name);
    memset(out, 0, RF_TEXT_BYTES);
    memcpy(out, value, length);
    return RF_OK;
}

static bool has_word(const rf_key *key, const char *word) {
    const char *known;
    for (int i = 0; (known = rf_config_word(key, i)); i++)
        if (strcmp(known, word) == 0) return true;
    return false;
}

/* A choice between yes, no and more takes their synonyms, like a plain yes or no. */
static const char *plain_word(const rf_key *key, const char *value) {
    bool truth = false;
    if (!has_word(key, "yes") || !has_word(key, "no") || set_bool(&truth, key, value, "") != RF_OK) return value;
    return truth ? "yes" : "no";
}

static rf_status refuse_word(const rf_key *key, const char *value, const char *place) {
    enum { MOST = 64 };
    const char *names[MOST], *near;
    char all[1024] = "";
    size_t n = 0, used = 0;
    for (; n < MOST && (names[n] = rf_config_word(key, (int)n)); n++)
        if (used < sizeof all) used += (size_t)snprintf(all + used, sizeof all - used, n ? "|%s" : "%s", names[n]);
    near = rf_nearest_name(value, names, n);
    return rf_fail(RF_ERR_USER, "%s: %s.%s is '%s', expected one of %s%s%s%s", place, key->section, key->name, value,
                   all, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static rf_status set_enum(int *out, const rf_key *key, const char *value, const char *place) {
    const char *word;
    value = plain_word(key, value);
    for (int i = 0; (word = rf_config_word(key, i)); i++) {
        if (strcmp(word, value) != 0) continue;
        *out = i;
        return RF_OK;
    }
    return refuse_word(key, value, place);
}

static rf_status set_list(rf_real_list *out, const rf_key *key, const char *value, const char *place) {
    rf_real_list list = {0};
    for (const char *c = value; *value;) {
        size_t length = strcspn(c, ","), skip = strspn(c, " \t"), used = length;
        while (used > skip && strchr(" \t", c[used - 1])) used--;
        if (list.n == RF_LIST_MAX)
            return rf_fail(RF_ERR_USER, "%s: %s.%s has too many numbers, expected at most %d", place, key->section,
                           key->name, RF_LIST_MAX);
        double v;
        if (skip > used || !parse_real(c + skip, used - skip, &v) || !(v >= key->lo && v <= key->hi))
            return rf_fail(RF_ERR_USER, "%s: number %d of %s.%s is '%.*s', expected a number from %.15g to %.15g",
                           place, list.n + 1, key->section, key->name, (int)length, c, key->lo, key->hi);
        list.v[list.n++] = v;
        c += length;
        if (!*c) break;
        c++;
    }
    *out = list;
    return RF_OK;
}

rf_status rf_config_set_value(void *member, const rf_key *key, const char *value, const char *place) {
    switch (key->type) {
    case RF_TYPE_INT:
        return set_int(member, key, value, place);
    case RF_TYPE_REAL:
        return set_real(member, key, value, place);
    case RF_TYPE_BOOL:
        return set_bool(member, key, value, place);
    case RF_TYPE_TEXT:
        return set_text(member, key, value, place);
    case RF_TYPE_ENUM:
        return set_enum(member, key, value, place);
    case RF_TYPE_LIST:
        return set_list(member, key, value, place);
    }
    return RF_OK;
}

rf_status rf_config_set(rf_config *config, const rf_key *key, const char *value, const char *place) {
    return rf_config_set_value(rf_config_member(config, key), key, value, place);
}

static rf_status put_value(rf_text *out, const void *member, const rf_key *key) {
    switch (key->type) {
    case RF_TYPE_INT:
        rf_text_printf(out, "%ld", *(const long *)member);
        break;
    case RF_TYPE_REAL:
        rf_text_put_real(out, *(const double *)member);
        break;
    case RF_TYPE_BOOL:
        rf_text_put(out, *(const bool *)member ? "yes" : "no");
        break;
    case RF_TYPE_ENUM:
        rf_text_put(out, rf_config_word(key, *(const int *)member));
        break;
    case RF_TYPE_TEXT:
        if (!fits_ini(member))
            return rf_fail(RF_ERR_USER, "%s.%s cannot be written in an INI file", key->section, key->name);
        rf_text_put(out, member);
        break;
    case RF_TYPE_LIST: {
        const rf_real_list *list = member;
        for (int i = 0; i < list->n; i++) {
            if (i) rf_text_put(out, ",");
            rf_text_put_real(out, list->v[i]);
        }
        break;
    }
    }
    return RF_OK;
}

rf_status rf_config_put_value(rf_text *out, const rf_config *config, const rf_key *key) {
    return put_value(out, rf_config_member((rf_config *)config, key), key);
}

static rf_status member_text(const void *member, const rf_key *key, char **text) {
    rf_text out = {0};
    rf_status status = put_value(&out, member, key);
    if (status == RF_OK) return rf_text_finish(&out, text, NULL);
    rf_text_clear(&out);
    return status;
}

rf_status rf_config_value_text(const rf_config *config, const rf_key *key, char **text) {
    return member_text(rf_config_member((rf_config *)config, key), key, text);
}

rf_status rf_config_default_text(const rf_key *key, char **text) {
    union {
        long whole;
        double real;
        bool truth;
        int word;
        char text[RF_TEXT_BYTES];
        rf_real_list list;
    } value;
    RF_TRY(rf_config_set_value(&value, key, key->initial, "default"));
    return member_text(&value, key, text);
}
