/* SPDX-License-Identifier: Apache-2.0 */
/* The layout that FDDB, MAFA and WIDER FACE share: an image name, a number of faces, one row a face. Internal to data/
 * and the readers of such files. */
#ifndef RF_DATA_COUNTED_H
#define RF_DATA_COUNTED_H

#include "data/annotation.h"

typedef struct rf_counted_reader {
    rf_status (*image)(void *ctx, const char *name, size_t bytes, int line);
    rf_status (*row)(void *ctx, const rf_line_reader *reader, const double *v, int n);
    void *ctx;
    const char *what; /* what the count counts, "faces" */
    /* About what could not be read (this thread's message tells): RF_OK goes on with what follows. `image`: what its
     * rows are is not known either. NULL: the first fault ends the walk. */
    rf_status (*bad)(void *ctx, rf_status status, bool image, int line);
} rf_counted_reader;

/* Walks a text. RF_ERR_FORMAT with file:line for numbers where a name is due, a count that is none and a text that ends
 * early; errors of the callbacks end the walk. */
rf_status rf_counted_read(const rf_counted_reader *call, const char *path, const char *text, size_t bytes);

/* Whether the current line names an image: it is no row of numbers, and a count follows. */
bool rf_counted_at_name(const rf_line_reader *reader);

/* Numbers in the first row of the text, 0 when it is not of this layout (or begins with an image without faces). */
int rf_counted_columns(const char *text, size_t bytes);

#endif
