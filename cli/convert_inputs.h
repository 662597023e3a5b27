/* SPDX-License-Identifier: Apache-2.0 */
/* Which annotation files, image folders and parts a user of rf-data convert means. */
#ifndef RF_CLI_CONVERT_INPUTS_H
#define RF_CLI_CONVERT_INPUTS_H

#include "data/convert.h"

enum { RF_CONVERT_INPUTS = 16 };

typedef struct rf_convert_inputs {
    rf_convert_input v[RF_CONVERT_INPUTS];
    size_t n;
} rf_convert_inputs;

/* paths: files, or folders that are laid out as from->layouts says, or any folder with files of from->suffix. Files and
 * folders of the last kind become one part: `part`, NULL: "train"; of layouts only that part is taken, NULL: all. root
 * (NULL: guessed) is the image folder. RF_ERR_USER tells what was looked for. Free with rf_convert_inputs_free in every
 * case. */
rf_status rf_convert_inputs_find(const rf_converter *from, const char *const *paths, size_t n, const char *part,
                                 const char *root, rf_convert_inputs *out);
void rf_convert_inputs_free(rf_convert_inputs *inputs);

#endif
