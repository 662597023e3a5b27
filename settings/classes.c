/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/classes.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

/* Names stand in configurations, in lists, as keys of JSON and in names of metrics. */
static bool is_plain(const char *name, size_t n) {
    static const char others[] = "-_. ";
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (!letter && !strchr(others, c)) return false;
    }
    return true;
}

rf_status rf_classes_add(rf_classes *classes, const char *what, const char *name, size_t n, int *label) {
    char text[RF_CLASS_BYTES] = {0};
    if (n == 0)
        return rf_fail(RF_ERR_USER, "%s: a name is empty; expected names with commas between them, as mask,no_mask",
                       what);
    if (n >= sizeof text)
        return rf_fail(RF_ERR_USER, "%s: the name \"%.*s\" is too long, expected at most %d bytes", what, (int)n, name,
                       RF_CLASS_BYTES - 1);
    snprintf(text, sizeof text, "%.*s", (int)n, name);
    if (!is_plain(text, n) || !rf_json_is_utf8(text))
        return rf_fail(RF_ERR_USER, "%s: the name \"%s\" has other characters than letters, digits, - _ . and blanks",
                       what, text);
    *label = rf_classes_find(classes, text);
    if (*label >= 0) return RF_OK;
    if (classes->n == RF_CLASSES_MAX)
        return rf_fail(RF_ERR_USER, "%s: more than %d kinds of objects", what, RF_CLASSES_MAX);
    *label = classes->n;
    memcpy(classes->name[classes->n++], text, sizeof text);
    return RF_OK;
}

rf_status rf_classes_parse(const char *what, const char *text, rf_classes *out) {
    static const char blanks[] = " \t\r\n";
    memset(out, 0, sizeof *out);
    if (text[strspn(text, blanks)] == 0) return RF_OK;
    for (const char *p = text;; p++) {
        const char *begin = p + strspn(p, blanks), *end = begin + strcspn(begin, ",");
        int label, before = out->n;
        p = end;
        while (end > begin && strchr(blanks, end[-1])) end--;
        RF_TRY(rf_classes_add(out, what, begin, (size_t)(end - begin), &label));
        if (label < before)
            return rf_fail(RF_ERR_USER, "%s: the name \"%s\" comes twice; each kind of object has one name", what,
                           out->name[label]);
        if (!*p) return RF_OK;
    }
}

rf_status rf_classes_of(const rf_config *config, rf_classes *out) {
    RF_TRY(rf_classes_parse("data.classes", config->data.classes, out));
    if (out->n == 0) {
        out->n = 1;
        strcpy(out->name[0], "face");
    }
    return RF_OK;
}

int rf_classes_count(const rf_config *config) {
    int n = 1;
    for (const char *p = config->data.classes; *p; p++) n += *p == ',';
    return n;
}

int rf_classes_find(const rf_classes *classes, const char *name) {
    for (int i = 0; i < classes->n; i++)
        if (strcmp(classes->name[i], name) == 0) return i;
    return -1;
}

const char *rf_classes_text(const rf_classes *classes, char text[RF_CLASSES_TEXT]) {
    size_t used = 0;
    *text = 0;
    for (int i = 0; i < classes->n && used < RF_CLASSES_TEXT; i++)
        used += (size_t)snprintf(text + used, RF_CLASSES_TEXT - used, i ? ",%s" : "%s", classes->name[i]);
    return text;
}
