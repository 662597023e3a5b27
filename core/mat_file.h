/* SPDX-License-Identifier: Apache-2.0 */
/* MATLAB files of level 5, which `save -v6` and `save -v7` write: cell arrays, numbers and text, compressed or not, of
 * either byte order. Source: MathWorks, "MAT-File Format", chapter 1 (level 5). Files are untrusted: no number in them
 * is believed before the bytes that it speaks of are there. */
#ifndef RF_CORE_MAT_FILE_H
#define RF_CORE_MAT_FILE_H

#include <stddef.h>

#include "core/status.h"

typedef enum rf_mat_kind {
    RF_MAT_CELLS,
    RF_MAT_NUMBERS, /* real, of any class */
    RF_MAT_TEXT,
    RF_MAT_OTHER, /* structures, objects, sparse and complex arrays: their contents are skipped */
} rf_mat_kind;

/* An array of any rank; n is the product of its dimensions, elements come column by column. */
typedef struct rf_mat_array {
    rf_mat_kind kind;
    size_t n, rows, columns;    /* columns: the product of all dimensions but the first */
    struct rf_mat_array *cells; /* [n] of CELLS */
    double *numbers;            /* [n] of NUMBERS */
    char *text;                 /* n characters and a 0 of TEXT; NULL when one of them is not printable ASCII */
} rf_mat_array;

typedef struct rf_mat_file rf_mat_file;

/* Reads a file into memory. RF_ERR_IO names the path and the reason; RF_ERR_FORMAT tells what the file is instead (also
 * for version 7.3, which is HDF5) or that its end is missing. rf_mat_close (NULL allowed) frees it. */
rf_status rf_mat_open(const char *path, rf_mat_file **out);
void rf_mat_close(rf_mat_file *file);

/* Reads a variable. RF_ERR_FORMAT when there is none of that name or its bytes are damaged; *out is NULL on failure.
 * Free with rf_mat_free (NULL allowed). */
rf_status rf_mat_read(const rf_mat_file *file, const char *name, rf_mat_array **out);
void rf_mat_free(rf_mat_array *array);

#endif
