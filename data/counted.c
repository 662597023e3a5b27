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

rf_status rf_counted_read(const rf_counted_reader *call, const char *path, const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin(path, text, bytes);
    while (rf_lines_next(&reader)) {
        int line = reader.number;
        long count = 0;
        if (looks_like_row(&reader))
            return rf_fail(RF_ERR_FORMAT,
                           "%s:%d: numbers where an image name was expected; is the count before too small?", path,
                           line);
        RF_TRY(call->image(call->ctx, reader.line, reader.length, line));
        if (!rf_lines_next(&reader))
            return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after an image name; expected its number of %s", path,
                           line, call->what);
        if (!read_count(&reader, &count))
            return rf_fail(RF_ERR_FORMAT,
                           "%s:%d: \"%.*s\" is not a number of %s; expected it in the line after the name", path,
                           reader.number, (int)(reader.length < 60 ? reader.length : 60), reader.line, call->what);
        for (long i = 0; i < count; i++) {
            double v[RF_ROW_MAX];
            int n;
            if (!rf_lines_next(&reader))
                return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after %ld of the %ld %s of this image", path, line,
                               i, count, call->what);
            RF_TRY(rf_line_numbers(&reader, v, &n));
            RF_TRY(call->row(call->ctx, &reader, v, n));
        }
    }
    return RF_OK;
}
