/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads, atomic writes, folders, checksums. */
#ifndef RF_CORE_FILE_H
#define RF_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

/* Reads a whole file, or for "-" the standard input (which may be asked for again), into *data (rf_free it; one extra 0
 * byte follows the `size` bytes). Files over max_bytes are refused (0 = 16 GB). RF_ERR_IO names the path and the
 * system's reason. */
rf_status rf_file_read(const char *path, size_t max_bytes, uint8_t **data, size_t *size);

/* A file that appears only when it is complete: written under a temporary name in the same folder, flushed, synced and
 * renamed by rf_atomic_commit. rf_atomic_abort (NULL allowed) removes the temporary; commit frees the handle in every
 * case. Write errors (disk full) are remembered and returned by commit. */
typedef struct rf_atomic_file rf_atomic_file;
rf_status rf_atomic_open(const char *path, rf_atomic_file **out);
FILE *rf_atomic_stream(rf_atomic_file *file);
rf_status rf_atomic_write(rf_atomic_file *file, const void *data, size_t bytes);
rf_status rf_atomic_commit(rf_atomic_file *file);
void rf_atomic_abort(rf_atomic_file *file);
/* Removes the temporaries that writers of `path` left behind when they were killed; those of running processes stay. */
void rf_atomic_sweep(const char *path);
/* The same in one call. */
rf_status rf_file_write_atomic(const char *path, const void *data, size_t bytes);

/* Appends one line (a '\n' is added) with a single write, for *.jsonl logs. One that fits only in part is taken back.
 */
rf_status rf_file_append_line(const char *path, const char *line);

/* Creates a folder and its parents. Existing folders are fine. */
rf_status rf_dir_make(const char *path);
/* RF_OK when something is there, RF_ERR_USER "PATH: no such file or folder", or RF_ERR_IO when the system does not let
 * us look (no permission, a loop of links). */
rf_status rf_path_check(const char *path);
/* RF_ERR_IO when a folder above it does not let us look, else RF_OK: to be asked before something that the two below do
 * not find is called missing. */
rf_status rf_path_hidden(const char *path);
bool rf_file_exists(const char *path);
bool rf_dir_exists(const char *path);
/* Sorted (byte order) names in a folder that end in one of the comma-separated suffixes (case-insensitive; NULL = all),
 * without
 * "." names; subfolders are entered when `recursive`, giving relative paths, each once: one to which several names lead
 * through symbolic links goes by its own, or else by the first. Free with rf_names_free. */
rf_status rf_dir_list(const char *path, const char *suffixes, bool recursive, char ***names, size_t *count);
/* The same, but a subfolder that cannot be listed is told as a sentence and left out. */
typedef void (*rf_dir_fault_fn)(void *ctx, const char *sentence);
rf_status rf_dir_list_most(const char *path, const char *suffixes, bool recursive, rf_dir_fault_fn fault, void *ctx,
                           char ***names, size_t *count);
void rf_names_free(char **names, size_t count);

/* "a/b" from "a" and "b" (b alone when b is absolute or a empty); rf_free it. NULL when memory is out. */
char *rf_path_join(const char *a, const char *b);
/* "a/b.own" from "a/b.txt" and ".own" (a path without a suffix keeps all of its name); rf_free it. NULL when memory is
 * out. */
char *rf_path_resuffix(const char *path, const char *suffix);
/* Last component of a path; points into it. */
const char *rf_path_base(const char *path);

/* CRC-32 (zlib's) of data, continued from `crc` (0 to start). */
uint32_t rf_crc32(uint32_t crc, const void *data, size_t bytes);

#endif
