/* SPDX-License-Identifier: Apache-2.0 */
/* A row of a YOLO label file. */
#ifndef RF_DATA_YOLO_ROW_H
#define RF_DATA_YOLO_ROW_H

#include <stdbool.h>

#include "data/annotation.h"
#include "data/intake.h"

/* Numbers are shares of the picture's width and height. */
typedef struct rf_yolo_row {
    int kind;
    double box[4];                    /* x y w h */
    double points[3 * RF_POINTS_MAX]; /* x y v each, v as in COCO */
    bool has_points, polygon;
    bool unsure; /* fifteen numbers that were taken for a polygon */
} rf_yolo_row;

/* "class cx cy w h", five times "x y" (yolov5-face, -1 absent) or "x y v" (Ultralytics) behind; or a polygon "class x y
 * x y x y ..." (segments, turned boxes), whose box is the one around it. Fifteen numbers are a polygon when they cannot
 * be landmarks (none is absent and they do not lie in the box), or when there are other `polygons` in the file.
 * With a scheme of n points n times "x y" or "x y v" stand in place of the five. RF_ERR_FORMAT tells file:line. */
rf_status rf_yolo_row_read(const rf_line_reader *reader, const rf_point_scheme *scheme, bool polygons,
                           rf_yolo_row *row);

#endif
