/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values after RFC 4180: quoted fields with "" and line ends inside, LF or CRLF, a UTF-8 byte order
 * mark; semicolons, tabs and bars serve as well as commas, whichever the first row has most of, or a first line "sep=;"
 * tells; any number of blanks, when it has none of these. */
#ifndef RF_DATA_CSV_H
#define RF_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"

enum { RF_CSV_FIELDS = 256 };

typedef struct rf_csv {
    const char *path; /* for messages; borrowed, like the text */
    const char *at, *end;
    int line;     /* of what comes next */
    int row_line; /* where the current row begins */
    const char *row_at;
    char separator;
    size_t n;                         /* fields of the current row */
    const char *field[RF_CSV_FIELDS]; /* 0-terminated, without quotes; valid until the next row */
    rf_text row;
} rf_csv;

/* Starts before the first row. Free with rf_csv_end. */
void rf_csv_begin(rf_csv *csv, const char *path, const char *text, size_t bytes);
/* The next row that is not blank; *more is false at the end. RF_ERR_FORMAT tells file:line. */
rf_status rf_csv_next(rf_csv *csv, bool *more);
/* After a row that could not be read: goes on in the line after the one that it began in. */
void rf_csv_resume(rf_csv *csv);
void rf_csv_end(rf_csv *csv);

#endif
