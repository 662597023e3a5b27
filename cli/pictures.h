/* SPDX-License-Identifier: Apache-2.0 */
/* Faces of one picture after the other, where a picture that cannot be served ends nothing but itself. */
#ifndef RF_CLI_PICTURES_H
#define RF_CLI_PICTURES_H

#include "data/dataset.h"
#include "data/image.h"
#include "eval/finder.h"

/* Whether a failure is the picture's own (unreadable, gone, too large, out of memory): it is then passed over, named
 * and counted. A stop by a signal and broken weights are not. */
bool rf_picture_is_to_blame(rf_status status);

/* Loads a picture and finds its faces. *image is rf_image_free'd by the caller and empty after a failure, whose message
 * names the picture. decode_seconds (NULL: not wanted) is added to. */
rf_status rf_picture_faces(rf_finder *finder, const char *path, const rf_decode_options *options, rf_image *image,
                           rf_face_list *faces, double *decode_seconds);

/* A picture that was passed over, and why. */
typedef struct rf_passed_over {
    size_t sample; /* in the data set */
    char *reason;
} rf_passed_over;

/* A picture that was looked at in a smaller size than [eval] asks for: `scale` pixels of input a pixel of the picture.
 */
typedef struct rf_small_look {
    size_t sample;
    double scale;
} rf_small_look;

/* Faces of every image of a data set; pictures that cannot be served have none, are told on stderr and recorded.
 * Progress goes to stderr on a terminal. lists[n_samples] start zeroed. rf_find_all_free in every case. */
typedef struct rf_find_all {
    size_t images, detections, unreadable; /* unreadable: passed over, for whatever reason */
    double seconds, decode_seconds;
    rf_passed_over *passed_over; /* [unreadable] in the order of the data set */
    rf_small_look *small_looks;  /* [shrunk] the same */
    size_t shrunk;               /* pictures that eval.max_pixels made smaller */
} rf_find_all;
rf_status rf_find_faces(rf_finder *finder, const rf_dataset *dataset, rf_face_list *lists, rf_find_all *out);
void rf_find_all_free(rf_find_all *found);

/* What is said of `n` pictures that were looked at in a smaller size, at least 1; smallest: the least of their scales.
 */
double rf_smallest_look(const rf_find_all *found); /* 1 when none was made smaller */
void rf_say_shrunk(size_t n, double smallest, const rf_config *config);

#endif
