/* SPDX-License-Identifier: Apache-2.0 */
/* Names of picture files. */
#ifndef RF_DATA_IMAGE_NAME_H
#define RF_DATA_IMAGE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Suffixes of pictures, for rf_dir_list: those that are read, and those of other kinds, which are refused by name. */
extern const char rf_image_suffixes[];

/* The length of the suffix of a picture (any letter case, read or not) that the n bytes of `name` end with, its dot
 * included; 0: none. */
size_t rf_image_suffix(const char *name, size_t n);

#endif
