/* SPDX-License-Identifier: Apache-2.0 */
/* Precision-recall curves as a picture and as a table. */
#ifndef RF_EVAL_REPORT_H
#define RF_EVAL_REPORT_H

#include <stddef.h>

#include "core/status.h"

typedef struct rf_curve {
    const char *name;                 /* for the legend: "hard" */
    const double *recall, *precision; /* [n], 0..1, recall does not fall */
    size_t n;
    double ap; /* NaN: not shown */
} rf_curve;

enum { RF_REPORT_CURVES = 8 };

/* An SVG 1.1 drawing with axes, grid and a legend with the APs. At most RF_REPORT_CURVES curves (RF_ERR_USER). The
 * curves are thinned to what a screen shows. Written atomically; the same input gives the same bytes. */
rf_status rf_report_svg(const char *path, const char *title, const rf_curve *curves, size_t n);

/* Lines curve,point,recall,precision after a header line; every point. Written atomically. */
rf_status rf_report_csv(const char *path, const rf_curve *curves, size_t n);

#endif
