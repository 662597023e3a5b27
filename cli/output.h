/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders that the programs write where a user says. One that cannot be written is found before the work;
 * regular files appear complete or not at all; what was open already ("-", /dev/stdout,
 * /dev/fd/N, /proc/self/fd/N, and the file that stdout or stderr is redirected to) is written to where it stands and
 * never truncated; devices and pipes are never replaced; a symbolic link stays one. */
#ifndef RF_CLI_OUTPUT_H
#define RF_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef struct rf_output_file {
    const char *option, *path; /* borrowed; path NULL: not asked for, and every call is RF_OK and does nothing */
    char *target;              /* a regular file: itself, behind links */
    bool stream;
    int file;     /* -1: none */
    size_t bytes; /* of whole lines */
} rf_output_file;

/* To be called before the work. option: "--json", for messages. Writes nothing yet; opens a device or pipe (which may
 * wait for its reader), and when it is stdout makes rf_say print on stderr. RF_ERR_USER, RF_ERR_IO. rf_output_close in
 * every case. */
rf_status rf_output_open(const char *option, const char *path, rf_output_file *out);

/* The whole text. A regular file is as it was before when that fails. */
rf_status rf_output_write(rf_output_file *out, const char *text);

/* Or line by line: start makes or empties the file, line adds one ('\n' comes with it). When that fails the file is cut
 * back to its whole lines. */
rf_status rf_output_start(rf_output_file *out);
rf_status rf_output_line(rf_output_file *out, const char *line);
/* Bytes as they are, between start and close. */
rf_status rf_output_bytes(rf_output_file *out, const void *bytes, size_t n);
void rf_output_close(rf_output_file *out);

/* Whether files can be made below a folder, which may have to be made itself: RF_ERR_USER, RF_ERR_IO. Makes nothing.
 * path NULL: RF_OK. */
rf_status rf_output_check_folder(const char *option, const char *path);
/* The same, and makes the folder and keeps it for this program until it ends: two that write into one would mix their
 * files. `purpose` says what writes ("predictions"). RF_ERR_USER names who has it. NULL is no folder; several options
 * may name one. At the end folders that were made and stayed empty are removed. */
rf_status rf_output_claim_folder(const char *option, const char *path, const char *purpose);
/* The same for a file that a library will write under this name, which cannot be a stream. Its folder is made by
 * rf_output_make_parent. */
rf_status rf_output_check_file(const char *option, const char *path);
rf_status rf_output_make_parent(const char *path);

/* RF_ERR_USER when both paths, of which each may be NULL, lead to one existing file or folder; what: "the model". */
rf_status rf_output_not_input(const char *option, const char *output, const char *what, const char *input);
bool rf_output_is_input(const char *output, const char *input);

#endif
