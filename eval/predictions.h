/* Predictions in WIDER FACE's text format: folder/<event>/<image>.txt with the image's name, the number of detections
 * and one line "x y w h score" for each, in pixels. */
#ifndef RF_EVAL_PREDICTIONS_H
#define RF_EVAL_PREDICTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"
#include "eval/wider_gt.h"

/* Writes the detections of one image, atomically; the event's folder is made. name: "event/image", ".jpg" is dropped.
 * Numbers have 9 significant digits, so a score reads back unchanged. RF_ERR_IO, RF_ERR_NONFINITE. */
rf_status rf_prediction_write(const char *dir, const char *name, const rf_face *faces, size_t n);

/* Whether every image of a data set has a name that a file below dir can have (core/below.h): RF_ERR_USER with the line
 * of the annotations. To be asked before the work is done. */
rf_status rf_predictions_check(const char *dir, const rf_dataset *dataset);

/* Writes the detections of every image, lists[n_samples]. Images that differ in the suffix only (p.jpg and p.png) have
 * it in the names of their files, p.jpg.txt and p.png.txt. */
rf_status rf_predictions_write(const char *dir, const rf_dataset *dataset, const rf_face_list *lists);

/* Appends the detections of one file to *out (has_points false). RF_ERR_FORMAT with file:line for a wrong count, a line
 * that is not five finite numbers, or a negative width or height; RF_ERR_IO. */
rf_status rf_prediction_read(const char *path, rf_face_list *out);

/* Reads dir/<name>.txt of every image into lists[n_images], which start zeroed; a missing file is no detection and is
 * counted. When not one is found that is RF_ERR_USER. On failure the lists are emptied. Free each with
 * rf_face_list_free. */
rf_status rf_predictions_read_wider(const char *dir, const rf_wider_gt *gt, rf_face_list *lists, size_t *n_missing);

/* The same for the images of any data set, from the files that rf_predictions_write makes. */
rf_status rf_predictions_read(const char *dir, const rf_dataset *dataset, rf_face_list *lists, size_t *n_missing);

#endif
