/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. `make fuzz` builds and runs each fuzz_NAME.c with clang's libFuzzer. A target ends the
 * process (assert, sanitizer) when a parser does anything but read or refuse its input with a message. */
#ifndef RF_TESTS_FUZZ_HARNESS_H
#define RF_TESTS_FUZZ_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* The target's entry points, which libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A file with these contents, in memory; valid until the next call with the same slot (0 to 3). */
const char *harness_file(int slot, const void *data, size_t size);

/* Before a call that may fail: forgets the last message. After it: a failure must have left one. */
void harness_begin(void);
void harness_end(rf_status status);

/* Feeds a reader of data/converters.def and checks what it hands over: names stay below the image folder, numbers are
 * finite. */
void harness_convert(const char *format, const uint8_t *data, size_t size);

/* A copy of exactly `size` bytes from rf_alloc, so that a sanitizer sees what reads past the end. */
uint8_t *harness_copy(const uint8_t *data, size_t size);

/* Reads every byte, so that a sanitizer sees memory that is not there. */
void harness_touch(const void *data, size_t size);

#endif
