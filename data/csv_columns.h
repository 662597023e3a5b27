/* SPDX-License-Identifier: Apache-2.0 */
/* Which column of a table of boxes holds what: known by the names alone, never by the place. */
#ifndef RF_DATA_CSV_COLUMNS_H
#define RF_DATA_CSV_COLUMNS_H

#include <stddef.h>

#include "core/status.h"
#include "data/doubts.h"
#include "data/intake.h"

enum { RF_COLUMNS_MAX = 512 };

/* Columns, from 0; -1: there is none. */
typedef struct rf_columns {
    int path, kind;
    int box[4];                    /* as `form` has them */
    int image[2];                  /* width and height of the picture, or maybe of the box: rows tell */
    int points[3 * RF_POINTS_MAX]; /* x y v of each point */
    rf_box_form form;
    bool ambiguous; /* the names allow two readings */
    size_t n, n_unread;
    char unread[256]; /* names of columns that mean nothing here */
} rf_columns;

/* Reads the names of n columns. Case and signs do not matter; bbox_, box_, face_, rect_ in front belong to the box,
 * image_, img_ and the like to the picture. A box is x1 y1 x2 y2 (x0 y0 x1 y1, xmin .., left top right bottom, ..), or
 * x y (or a centre cx cy) with w h; width and height beside corners are the picture's. RF_ERR_FORMAT, beginning with
 * `place`, when a column is missing, or when the names allow two readings. */
rf_status rf_columns_find(const char *const *names, size_t n, const rf_point_scheme *scheme, const char *place,
                          rf_columns *out);

#endif
