/* SPDX-License-Identifier: Apache-2.0 */
#include "data/annotation.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 48 };
const double rf_coordinate_max = 1e6;

rf_line_reader rf_lines_begin(const char *path, const char *text, size_t bytes) {
    size_t skip = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    rf_line_reader reader = {.path = path, .next = text + skip, .end = text + bytes};
    return reader;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

bool rf_lines_next(rf_line_reader *reader) {
    while (reader->next < reader->end && reader->number < INT_MAX) {
        size_t left = (size_t)(reader->end - reader->next);
        const char *newline = memchr(reader->next, '\n', left);
        const char *begin = reader->next, *stop = newline ? newline : reader->end;
        reader->next = newline ? newline + 1 : reader->end;
        reader->number++;
        while (begin < stop && is_blank(*begin)) begin++;
        while (stop > begin && is_blank(stop[-1])) stop--;
        if (begin == stop) continue;
        reader->line = begin;
        reader->length = (size_t)(stop - begin);
        return true;
    }
    return false;
}

bool rf_lines_peek(const rf_line_reader *reader, rf_line_reader *ahead) {
    *ahead = *reader;
    return rf_lines_next(ahead);
}

rf_status rf_text_check(const char *path, const char *text, size_t bytes) {
    const char *zero = memchr(text, 0, bytes);
    if (!zero) return RF_OK;
    int line = 1;
    for (const char *p = text; p < zero; p++) line += *p == '\n';
    return rf_fail(RF_ERR_FORMAT, "%s:%d: a zero byte: not a text file, or UTF-16; save it as UTF-8", path, line);
}

/* The next word of [*cursor, end) into `word`, cut to its size; false when there is none. */
static bool next_word(const char **cursor, const char *end, char word[WORD_BYTES]) {
    const char *p = *cursor;
    while (p < end && is_blank(*p)) p++;
    if (p == end) return false;
    size_t n = 0;
    while (p < end && !is_blank(*p)) {
        if (n < WORD_BYTES - 1) word[n++] = *p;
        p++;
    }
    word[n] = 0;
    *cursor = p;
    return true;
}

/* Decimal numbers only: strtod alone would also take "nan", "infinity" and hexadecimal. */
bool rf_number_parse(const char *word, double *out) {
    size_t n = strlen(word);
    if (n >= WORD_BYTES - 1 || strspn(word, "+-.0123456789eE") != n) return false;
    char *stop;
    *out = strtod(word, &stop);
    return *stop == 0 && stop != word && isfinite(*out);
}

bool rf_line_is_numeric(const rf_line_reader *reader) {
    const char *cursor = reader->line, *end = reader->line + reader->length;
    char word[WORD_BYTES];
    double value;
    while (next_word(&cursor, end, word))
        if (!rf_number_parse(word, &value)) return false;
    return true;
}

rf_status rf_line_numbers(const rf_line_reader *reader, double v[RF_ROW_MAX], int *n) {
    const char *cursor = reader->line, *end = reader->line + reader->length;
    char word[WORD_BYTES];
    *n = 0;
    while (next_word(&cursor, end, word)) {
        double value;
        if (!rf_number_parse(word, &value))
            return rf_fail(RF_ERR_FORMAT, "%s:%d: \"%s\" is not a finite number; expected numbers separated by spaces",
                           reader->path, reader->number, word);
        if (fabs(value) > rf_coordinate_max)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: %s is out of range; coordinates lie between -%.0f and %.0f pixels",
                           reader->path, reader->number, word, rf_coordinate_max, rf_coordinate_max);
        if (*n == RF_ROW_MAX)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: more than %d numbers in one line; one face a line is expected",
                           reader->path, reader->number, RF_ROW_MAX);
        v[(*n)++] = value;
    }
    return RF_OK;
}

rf_status rf_line_box(const rf_line_reader *reader, const double v[4], float box[4]) {
    if (v[2] < 0 || v[3] < 0)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: the box has a negative size (w %g, h %g); a face begins x y w h",
                       reader->path, reader->number, v[2], v[3]);
    box[0] = (float)v[0];
    box[1] = (float)v[1];
    box[2] = (float)(v[0] + v[2]);
    box[3] = (float)(v[1] + v[3]);
    return RF_OK;
}
