/* SPDX-License-Identifier: Apache-2.0 */
/* Checked allocation. All memory of the library comes from here, so that a test can make the N-th allocation fail and
 * can prove that a training step allocates nothing. */
#ifndef RF_CORE_MEM_H
#define RF_CORE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Zeroed array of `count` elements of `size` bytes, 64-byte aligned; NULL with RF_ERR_NOMEM's message set when the
 * product overflows or memory is out. Free with rf_free. A count or size of 0 gives a valid pointer. Thread safe. */
void *rf_alloc(size_t count, size_t size);

/* Grows or shrinks an rf_alloc array from `old_count` to `new_count` elements, zeroing what is new. On failure returns
 * NULL and leaves `ptr` as it was (the caller still owns it). ptr may be NULL with old_count 0. */
void *rf_realloc(void *ptr, size_t old_count, size_t new_count, size_t size);

/* Releases rf_alloc memory; NULL is allowed. */
void rf_free(void *ptr);

/* Copy of a string (rf_free it), or NULL when memory is out. rf_strndup copies at most n bytes. */
char *rf_strdup(const char *text);
char *rf_strndup(const char *text, size_t n);

/* *out = a*b or a+b; false (and *out untouched) on overflow. */
bool rf_size_mul(size_t a, size_t b, size_t *out);
bool rf_size_add(size_t a, size_t b, size_t *out);

/* Number of rf_alloc/rf_realloc/rf_strdup calls so far, over all threads. */
uint64_t rf_alloc_count(void);

/* Test hook: the n-th allocation from now (1 = the next) fails; 0 switches the fault off. */
void rf_alloc_fail_at(uint64_t n);

/* Large page-backed block for arenas: untouched pages cost no memory. NULL with a message on failure. Zeroed. */
void *rf_block_alloc(size_t bytes);
void rf_block_free(void *block, size_t bytes);

/* Peak resident set of this process in bytes (getrusage). */
size_t rf_peak_rss(void);

#endif
