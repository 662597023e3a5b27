/* SPDX-License-Identifier: Apache-2.0 */
#include "data/exif_rule.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/annotation.h"

static const size_t max_bytes = 65536;
static const char suffix[] = ".set.ini";

static bool find_rule(const char *word, size_t n, rf_exif_rule *rule) {
    static const char *const words[] = {RF_EXIF_WORDS(RF_WORD)};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) != n || memcmp(words[i], word, n) != 0) continue;
        *rule = (rf_exif_rule)i;
        return true;
    }
    return false;
}

rf_status rf_exif_rule_parse(const char *what, const char *word, rf_exif_rule *rule) {
    if (find_rule(word, strlen(word), rule)) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s is \"%s\", expected auto, yes (boxes belong to pictures turned by EXIF) or no",
                   what, word);
}

char *rf_exif_rule_path(const char *annotation_path) {
    return rf_path_resuffix(annotation_path, suffix);
}

static bool is_line(const rf_line_reader *reader, const char *text) {
    return reader->length == strlen(text) && memcmp(reader->line, text, reader->length) == 0;
}

/* The value of "key = value" with any blanks; NULL when the line is another one. */
static const char *value_of(const rf_line_reader *reader, const char *key) {
    const char *c = reader->line, *end = reader->line + reader->length;
    size_t n = strlen(key);
    if (reader->length < n || memcmp(c, key, n) != 0) return NULL;
    for (c += n; c < end && (*c == ' ' || *c == '\t'); c++) continue;
    if (c == end || *c++ != '=') return NULL;
    while (c < end && (*c == ' ' || *c == '\t')) c++;
    return c;
}

static rf_status parse_line(const char *path, const rf_line_reader *reader, rf_set_note *note) {
    const char *end = reader->line + reader->length, *exif = value_of(reader, "exif"),
               *classes = value_of(reader, "classes");
    char text[RF_CLASSES_TEXT], what[256];
    if (exif && find_rule(exif, (size_t)(end - exif), &note->exif)) return RF_OK;
    if (!classes)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: \"%.*s\", expected exif = yes, no or auto below [pictures], or classes = names of the "
                       "kinds of objects below [objects]",
                       path, reader->number, (int)(reader->length < 80 ? reader->length : 80), reader->line);
    snprintf(what, sizeof what, "%.200s:%d: classes", path, reader->number);
    snprintf(text, sizeof text, "%.*s", (int)(end - classes), classes);
    return rf_classes_parse(what, text, &note->classes) == RF_OK ? RF_OK : RF_ERR_FORMAT;
}

rf_status rf_set_note_read(const char *annotation_path, rf_set_note *note) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    *note = (rf_set_note){.exif = RF_EXIF_UNTOLD};
    char *path = rf_exif_rule_path(annotation_path);
    if (!path) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    if (!rf_file_exists(path)) goto fail;
    RF_TRY_GOTO(rf_file_read(path, max_bytes, &text, &bytes));
    RF_TRY_GOTO(rf_text_check(path, (const char *)text, bytes));
    rf_line_reader reader = rf_lines_begin(path, (const char *)text, bytes);
    while (rf_lines_next(&reader)) {
        bool comment = reader.line[0] == '#' || reader.line[0] == ';';
        if (comment || is_line(&reader, "[pictures]") || is_line(&reader, "[objects]")) continue;
        RF_TRY_GOTO(parse_line(path, &reader, note));
    }
fail:
    rf_free(text);
    rf_free(path);
    return status;
}

rf_status rf_set_note_write(const char *annotation_path, const rf_set_note *note) {
    rf_exif_rule rule = note->exif;
    char text[2 * RF_CLASSES_TEXT], names[RF_CLASSES_TEXT];
    char *path = rf_exif_rule_path(annotation_path);
    if (!path) return RF_ERR_NOMEM;
    snprintf(text, sizeof text,
             "# How the pictures of this data set are to be read. exif: whether its boxes belong to pictures\n"
             "# turned by their EXIF orientation (yes) or to pictures as the files hold them (no).\n"
             "[pictures]\nexif = %s\n",
             rule == RF_EXIF_TURNED   ? "yes"
             : rule == RF_EXIF_STORED ? "no"
                                      : "auto");
    size_t used = strlen(text);
    if (note->classes.n)
        snprintf(text + used, sizeof text - used,
                 "# The kinds of objects. Where there are several, the number of its kind, from 0, ends each row.\n"
                 "[objects]\nclasses = %s\n",
                 rf_classes_text(&note->classes, names));
    rf_status status = rf_file_write_atomic(path, text, strlen(text));
    rf_free(path);
    return status;
}
