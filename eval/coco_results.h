/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's results format (cocodataset.org/#format-results): one JSON array of objects with image_id, category_id, bbox
 * [x, y, w, h] and score; other members are passed over. */
#ifndef RF_EVAL_COCO_RESULTS_H
#define RF_EVAL_COCO_RESULTS_H

#include "data/dataset.h"
#include "eval/predictions.h"

/* Whether a file begins as JSON; what is read is an array. */
bool rf_coco_results_sniff(const char *path);

/* Reads the detections of the images of a data set. ids: a COCO annotation file that tells which file an image_id
 * stands for, and which category is the face (the one called so, or the only one), or, where the set has several kinds
 * of objects, those that are called as these; NULL: an image_id is a name of a
 * file, with or without suffix, or the number that the file's name is (7 for 000000000007.jpg), and there is one
 * category. Rows of other images and categories, and rows that lack something, are left out and noted. RF_ERR_FORMAT
 * with file:line for what is no JSON of that form, when ids mean nothing, and when not one row is of an image; *set is
 * then empty. */
rf_status rf_coco_results_read(const char *path, const char *ids, const rf_dataset *dataset, rf_prediction_set *set);

#endif
