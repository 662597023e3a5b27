/* Files that the programs write where a user says: regular files appear complete or not at all; devices and pipes
 * (/dev/stdout, a named pipe) are written to and never replaced; a symbolic link stays one. */
#ifndef RF_CLI_OUTPUT_H
#define RF_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* The whole text. RF_ERR_IO names path and reason; a regular file is then as it was before. */
rf_status rf_output_write(const char *path, const char *text);

/* A file that grows line by line. Start from a zeroed struct; close in every case. */
typedef struct rf_output_lines {
    const char *path; /* borrowed; NULL: not open */
    int file;
    size_t bytes; /* of whole lines */
} rf_output_lines;
rf_status rf_output_open(const char *path, rf_output_lines *out);
/* Adds a line ('\n' comes with it). When that fails the file is cut back to its whole lines. */
rf_status rf_output_line(rf_output_lines *out, const char *line);
void rf_output_close(rf_output_lines *out);

/* Whether both paths lead to one existing file. */
bool rf_output_is_input(const char *output, const char *input);

#endif
