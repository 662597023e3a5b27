/* SPDX-License-Identifier: Apache-2.0 */
/* Ground truth of the WIDER FACE evaluation: the four official MATLAB files, in memory. */
#ifndef RF_EVAL_WIDER_GT_H
#define RF_EVAL_WIDER_GT_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum rf_wider_subset { RF_WIDER_EASY, RF_WIDER_MEDIUM, RF_WIDER_HARD, RF_WIDER_SUBSETS } rf_wider_subset;
extern const char *const rf_wider_subset_names[RF_WIDER_SUBSETS];

typedef struct rf_wider_image {
    char *name;                /* "0--Parade/0_Parade_Parade_0_102": event, image without suffix */
    size_t first_box, n_boxes; /* in rf_wider_gt.boxes */
} rf_wider_image;

typedef struct rf_wider_gt {
    rf_wider_image *images;
    size_t n_images;
    uint32_t *by_name; /* [n_images] indices in byte order of the names */
    float (*boxes)[4]; /* [n_boxes] pixels, x y w h */
    uint8_t *subsets;  /* [n_boxes] bit s: counted in subset s; else the box is ignored there */
    size_t n_boxes;
} rf_wider_gt;

/* Reads wider_face_val.mat and wider_{easy,medium,hard}_val.mat of a folder. RF_ERR_IO for a missing file;
 * RF_ERR_FORMAT tells file, variable, event and image. *out is NULL on failure; free with rf_wider_gt_free. */
rf_status rf_wider_gt_read(const char *dir, rf_wider_gt **out);
void rf_wider_gt_free(rf_wider_gt *gt);

/* For builders: makes by_name from the images' names; RF_ERR_FORMAT when two are equal, RF_ERR_NOMEM. */
rf_status rf_wider_gt_index(rf_wider_gt *gt);

/* Index of an image ("event/image", with or without ".jpg", "./" or "/" in front), or n_images when there is none. */
size_t rf_wider_gt_find(const rf_wider_gt *gt, const char *name);

/* Keeps only the images that a file lists, one name a line (empty lines and '#' comments are skipped), in the order of
 * the list. RF_ERR_FORMAT with file:line for an unknown or doubled name; the ground truth is then unchanged. */
rf_status rf_wider_gt_restrict(rf_wider_gt *gt, const char *list_path);

#endif
