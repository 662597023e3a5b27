/* SPDX-License-Identifier: Apache-2.0 */
/* Line-wise reading of annotation texts, shared by the data/dataset_NAME.c files. */
#ifndef RF_DATA_ANNOTATION_H
#define RF_DATA_ANNOTATION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { RF_ROW_MAX = 304 }; /* a box, 98 points of three numbers and a few more */

/* A cursor over a text that the caller owns. Lines end in LF, CRLF or CR LF-less at the end of the text. */
typedef struct rf_line_reader {
    const char *path; /* for messages */
    const char *next, *end;
    const char *line; /* the current line, without leading and trailing white space; not 0-terminated */
    size_t length;
    int number; /* of the current line, from 1; 0 before the first */
} rf_line_reader;

/* A 0 byte means that this is no text (or UTF-16): RF_ERR_FORMAT says so with file:line, instead of complaining about a
 * word. */
rf_status rf_text_check(const char *path, const char *text, size_t bytes);

/* Starts before the first line; a UTF-8 byte order mark is skipped. */
rf_line_reader rf_lines_begin(const char *path, const char *text, size_t bytes);
/* Moves to the next line that is not blank; false at the end. */
bool rf_lines_next(rf_line_reader *reader);
/* The line after the current one that is not blank, without moving. */
bool rf_lines_peek(const rf_line_reader *reader, rf_line_reader *ahead);

/* A finite decimal number; "nan", "infinity" and hexadecimal are none. */
bool rf_number_parse(const char *word, double *out);
/* Coordinates in pixels beyond this are refused: no picture that is accepted is so large. */
extern const double rf_coordinate_max;

/* The current line as at most RF_ROW_MAX finite numbers between -1e6 and 1e6 into v, their number into *n.
 * RF_ERR_FORMAT tells file:line and the offending word. */
rf_status rf_line_numbers(const rf_line_reader *reader, double v[RF_ROW_MAX], int *n);
/* Whether every word of the current line is a plain decimal number. */
bool rf_line_is_numeric(const rf_line_reader *reader);

/* Fills box with x1 y1 x2 y2 from a row that begins x y w h; RF_ERR_FORMAT for negative sizes. */
rf_status rf_line_box(const rf_line_reader *reader, const double v[4], float box[4]);

#endif
