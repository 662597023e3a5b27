/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that begin with the name of a picture, which may hold blanks. */
#ifndef RF_DATA_IMAGE_LINE_H
#define RF_DATA_IMAGE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/annotation.h"

/* Length of the name at the line's begin: up to the first blank (or separator of `others`) behind a picture's suffix.
 * 0: there is none. */
size_t rf_line_image(const rf_line_reader *reader, const char *others);
/* The next word, of bytes other than blanks and `others`, as a number; *at moves behind it and the separators. */
bool rf_word_number(const char **at, const char *end, const char *others, double *out);

#endif
