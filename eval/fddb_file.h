/* Detections in the layout of FDDB's evaluation program: for each image its name, the number of detections and a row
 * for each: "x y w h score" or an ellipse, "major minor angle x y score". */
#ifndef RF_EVAL_FDDB_FILE_H
#define RF_EVAL_FDDB_FILE_H

#include "data/dataset.h"
#include "detect/faces.h"

/* Reads detections of the images of a data set, found by name (with or without suffix), into lists [n_samples] and
 * ellipses [n_samples], both zeroed; the caller frees both in every case. ellipses[i] stays NULL for an image with
 * boxes. Images that the file does not name are counted. RF_ERR_FORMAT tells file:line. */
rf_status rf_fddb_read(const char *path, const rf_dataset *dataset, rf_face_list *lists, rf_ellipse **ellipses,
                       size_t *n_missing);

#endif
