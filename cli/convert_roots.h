/* SPDX-License-Identifier: Apache-2.0 */
/* Where the pictures of other people's annotations lie when nobody says. */
#ifndef RF_CLI_CONVERT_ROOTS_H
#define RF_CLI_CONVERT_ROOTS_H

/* The image folder of an annotation file or of a folder of them, by the habits of the tools: "images" for "labels",
 * "train2017" for "annotations/instances_train2017.json", "JPEGImages" for "Annotations", "images" inside or beside,
 * the folder itself, the one above; the first that holds a picture. rf_free it; NULL when memory is out. */
char *rf_convert_guess_root(const char *path);

#endif
