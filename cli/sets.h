/* SPDX-License-Identifier: Apache-2.0 */
/* Which annotation files and image folders a user means by one path. */
#ifndef RF_CLI_SETS_H
#define RF_CLI_SETS_H

#include <stddef.h>

#include "core/status.h"

enum { RF_SETS_MAX = 8 };

typedef struct rf_set_paths {
    char *annotation, *images;
} rf_set_paths;

typedef struct rf_set_list {
    rf_set_paths v[RF_SETS_MAX];
    size_t n;
} rf_set_list;

/* path: an annotation file, or a folder with train/label.txt, val/label.txt, label.txt, or WIDER FACE's
 * wider_face_split/. images (NULL: guessed) names the image folder of an annotation file: "images" beside it,
 * WIDER_train/images or WIDER_val/images beside wider_face_split, else the file's own folder. RF_ERR_USER tells what
 * was looked for. Free with rf_sets_free. */
rf_status rf_sets_find(const char *path, const char *images, rf_set_list *out);
/* The image folder of an annotation file, by the same rules; rf_free it. NULL when memory is out. */
char *rf_sets_guess_images(const char *annotation);
void rf_sets_free(rf_set_list *list);

#endif
