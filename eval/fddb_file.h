/* SPDX-License-Identifier: Apache-2.0 */
/* Files of FDDB: detections in the layout of its evaluation program, for each image its name, the number of detections
 * and a row for each, "x y w h score" or an ellipse, "major minor angle x y score"; and a list of the pictures' sizes.
 */
#ifndef RF_EVAL_FDDB_FILE_H
#define RF_EVAL_FDDB_FILE_H

#include "data/dataset.h"
#include "eval/predictions.h"

/* Reads detections of the images of a data set, found by name (with or without suffix). path: a file, or a folder with
 * several (fold-01-out.txt ..): its .txt files that begin with a name and a number, but for ellipse lists. What is odd
 * is noted and left out, not refused; a row of negative width or height is the box between its corners, as the official
 * program draws it. RF_ERR_FORMAT when not one image is named, RF_ERR_IO; *set is then empty. */
rf_status rf_fddb_read(const char *path, const rf_dataset *dataset, rf_prediction_set *set);

/* Reads lines "name width height" (blanks or tabs) into sizes[n_samples], where 0 0 stands for an unknown one. Names of
 * no image are passed over. *known: how many images have a size now. RF_ERR_FORMAT tells file:line. */
rf_status rf_fddb_read_sizes(const char *path, const rf_dataset *dataset, int (*sizes)[2], size_t *known);

#endif
