/* SPDX-License-Identifier: Apache-2.0 */
#include "data/yaml_names.h"

#include <stdlib.h>
#include <string.h>

#include "data/annotation.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One "face", "'face'" or "0: face"; a number in front must be the next. */
static rf_status add_name(rf_intake *intake, const char *path, int line, const char *text, size_t n) {
    while (n && is_blank(*text)) {
        text++;
        n--;
    }
    char *stop;
    unsigned long number = strtoul(text, &stop, 10);
    size_t digits = (size_t)(stop - text);
    if (digits && digits < n && *stop == ':') {
        if (number != intake->n_class_names)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: class %lu where class %zu was expected in \"names\"", path, line,
                           number, intake->n_class_names);
        text = stop + 1;
        n -= digits + 1;
    }
    while (n && is_blank(*text)) {
        text++;
        n--;
    }
    if (n && *text != '"' && *text != '\'')
        for (size_t i = 1; i < n; i++)
            if (text[i] == '#' && is_blank(text[i - 1])) n = i; /* a comment */
    while (n && is_blank(text[n - 1])) n--;
    bool quoted = n >= 2 && (*text == '"' || *text == '\'') && text[n - 1] == *text;
    return n ? rf_intake_class_name(intake, text + quoted, n - 2 * quoted) : RF_OK;
}

/* Behind "[" or "{", up to the bracket that closes it. */
static rf_status read_flow(const rf_source *source, const char *at, char closing, int line, rf_intake *intake) {
    const char *end = source->text + source->bytes, *begin = at;
    for (char quote = 0; at < end; at++) {
        if (quote || *at == '"' || *at == '\'') {
            quote = !quote ? *at : *at == quote ? 0 : quote;
            continue;
        }
        if (*at != ',' && *at != closing) continue;
        RF_TRY(add_name(intake, source->path, line, begin, (size_t)(at - begin)));
        if (*at == closing) return RF_OK;
        begin = at + 1;
    }
    return rf_fail(RF_ERR_FORMAT, "%s:%d: the list of names has no end", source->path, line);
}

rf_status rf_yaml_names(const rf_source *source, rf_intake *intake) {
    static const char key[] = "names:";
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    bool inside = false;
    while (rf_lines_next(&reader)) {
        const char *line = reader.line;
        bool indented = line > source->text && (line[-1] == ' ' || line[-1] == '\t');
        if (*line == '#') continue;
        if (inside) {
            bool item = *line == '-' && reader.length > 1 && is_blank(line[1]);
            if (!item && !indented) return RF_OK;
            RF_TRY(add_name(intake, source->path, reader.number, line + item, reader.length - item));
            continue;
        }
        if (indented || reader.length < sizeof key - 1 || memcmp(line, key, sizeof key - 1) != 0) continue;
        const char *at = line + sizeof key - 1, *end = line + reader.length;
        while (at < end && is_blank(*at)) at++;
        if (at < end && (*at == '[' || *at == '{'))
            return read_flow(source, at + 1, *at == '[' ? ']' : '}', reader.number, intake);
        inside = true;
    }
    return RF_OK;
}
