/* SPDX-License-Identifier: Apache-2.0 */
#include "data/counted.h"

#include <math.h>

enum { COUNT_MAX = 1000000, NAME_BYTES = 12 };

/* A name may consist of digits; a row of numbers is longer or has blanks. */
static bool looks_like_row(const rf_line_reader *reader) {
    if (!rf_line_is_numeric(reader)) return false;
    for (size_t i = 0; i < reader->length; i++)
        if (reader->line[i] == ' ' || reader->line[i] == '\t') return true;
    return reader->length > NAME_BYTES;
}

static bool read_count(const rf_line_reader *reader, long *count) {
    double v[RF_ROW_MAX];
    int n;
    if (!rf_line_is_numeric(reader) || rf_line_numbers(reader, v, &n) != RF_OK) return false;
    if (n != 1 || v[0] < 0 || v[0] > COUNT_MAX || v[0] != floor(v[0])) return false;
    *count = (long)v[0];
    return true;
}

int rf_counted_columns(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    long count;
    double v[RF_ROW_MAX];
    int n;
    if (!rf_lines_next(&reader) || reader.line[0] == '#' || looks_like_row(&reader)) return 0;
    if (!rf_lines_next(&reader) || !read_count(&reader, &count) || count == 0) return 0;
    if (!rf_lines_next(&reader) || !rf_line_is_numeric(&reader)) return 0;
    return rf_line_numbers(&reader, v, &n) == RF_OK ? n : 0;
}

bool rf_counted_at_name(const rf_line_reader *reader) {
    rf_line_reader ahead;
    long count;
    return !rf_line_is_numeric(reader) && rf_lines_peek(reader, &ahead) && read_count(&ahead, &count);
}

static rf_status tolerate(const rf_counted_reader *call, rf_status status, bool image, int line) {
    return status == RF_ERR_FORMAT && call->bad ? call->bad(call->ctx, status, image, line) : status;
}

static rf_status read_row(const rf_counted_reader *call, const rf_line_reader *reader) {
    double v[RF_ROW_MAX];
    int n;
    RF_TRY(rf_line_numbers(reader, v, &n));
    return call->row(call->ctx, reader, v, n);
}

/* The rows of an image that stands in line `line`. */
static rf_status read_rows(const rf_counted_reader *call, rf_line_reader *reader, int line, long count) {
    for (long i = 0; i < count; i++) {
        rf_line_reader before = *reader;
        if (!rf_lines_next(reader))
            return tolerate(call,
                            rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after %ld of the %ld %s of this image",
                                    reader->path, line, i, count, call->what),
                            false, line);
        if (call->bad && rf_counted_at_name(reader)) {
            rf_fail(RF_ERR_FORMAT, "%s:%d: the next image begins after %ld of the %ld %s of line %d; correct the count",
                    reader->path, reader->number, i, count, call->what, line);
            RF_TRY(tolerate(call, RF_ERR_FORMAT, false, reader->number));
            *reader = before;
            return RF_OK;
        }
        RF_TRY(tolerate(call, read_row(call, reader), false, reader->number));
    }
    return RF_OK;
}

/* The count of the image that was named last, 0 where it cannot be read. */
static rf_status find_count(const rf_counted_reader *call, rf_line_reader *reader, int line, long *count) {
    rf_line_reader before = *reader;
    *count = 0;
    if (!rf_lines_next(reader))
        return tolerate(call,
                        rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after an image name; expected its number of %s",
                                reader->path, line, call->what),
                        true, line);
    if (read_count(reader, count)) return RF_OK;
    rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.*s\" is not a number of %s; expected it in the line after the name",
            reader->path, reader->number, (int)(reader->length < 60 ? reader->length : 60), reader->line, call->what);
    rf_status status = tolerate(call, RF_ERR_FORMAT, true, reader->number);
    if (!rf_line_is_numeric(reader)) *reader = before; /* it may be the next name */
    return status;
}

rf_status rf_counted_read(const rf_counted_reader *call, const char *path, const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin(path, text, bytes);
    while (rf_lines_next(&reader)) {
        int line = reader.number;
        long count;
        if (looks_like_row(&reader)) {
            rf_fail(RF_ERR_FORMAT, "%s:%d: numbers where an image name was expected; is the count before too small?",
                    path, line);
            RF_TRY(tolerate(call, RF_ERR_FORMAT, false, line));
            continue;
        }
        rf_status named = call->image(call->ctx, reader.line, reader.length, line);
        RF_TRY(tolerate(call, named, true, line));
        RF_TRY(find_count(call, &reader, line, &count));
        RF_TRY(read_rows(call, &reader, line, count));
    }
    return RF_OK;
}
