/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and annotation files in the scratch folder, and conversions there. Failures fail the cmocka test. */
#ifndef RF_TESTS_CONVERT_KIT_H
#define RF_TESTS_CONVERT_KIT_H

#include <stddef.h>

#include "data/convert.h"
#include "tests/scratch.h"

enum { KIT_TEXT = 1 << 16 };
/* Findings of the last conversion, a line each; without that of pictures that no annotation names. */
extern char kit_found[KIT_TEXT];
extern rf_convert_stats kit_stats;

void kit_write(const char *name, const void *data, size_t bytes);
void kit_write_text(const char *name, const char *text);
/* A picture of noise; the suffix chooses JPEG or PNG. */
void kit_picture(const char *name, int width, int height);
/* The contents of a file, valid until the next call. */
const char *kit_read(const char *name);
/* Files and links below a folder, or -1 when it is not there. */
int kit_count(const char *name);

/* Converts one file, or all files of a folder with the format's suffix, from `from` to OUT/train; images below
 * "pictures". options may be NULL. */
rf_status kit_convert(const char *from, const char *to, const char *input, const char *out,
                      const rf_convert_options *options);
/* The same from a text to label.txt, which is returned; valid until the next call. The output is removed again. */
const char *kit_labels(const char *from, const char *file, const char *text, const rf_convert_options *options);

#endif
