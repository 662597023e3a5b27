/* SPDX-License-Identifier: Apache-2.0 */
/* Line and scatter charts as SVG 1.1: precision-recall curves, losses and metrics over time, rooflines. */
#ifndef RF_CORE_CHART_H
#define RF_CORE_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { RF_CHART_SERIES = 8 };

typedef struct rf_series {
    const char *name;    /* in the legend */
    const double *x, *y; /* [n]; points that are not finite or outside the axes are left out */
    size_t n;
    bool marks;   /* a dot on every point: for few points */
    bool no_line; /* dots alone: a scatter plot */
} rf_series;

typedef struct rf_axis {
    const char *label;
    double lo, hi; /* lo < hi */
    bool log;      /* logarithmic: 0 < lo */
} rf_axis;

typedef struct rf_chart {
    const char *title;
    rf_axis x, y;
    const rf_series *series;
    size_t n_series;   /* at most RF_CHART_SERIES (RF_ERR_USER) */
    bool legend_top;   /* the legend in the upper right corner instead of the lower left */
    bool legend_right; /* in the lower right one */
} rf_chart;

/* Axes with a grid, the curves thinned to what a screen shows, and a legend. Written atomically; the same input gives
 * the same bytes. */
rf_status rf_chart_write(const char *path, const rf_chart *chart);

/* Makes an axis hold v (NaN and, on a logarithmic one, v <= 0 change nothing). Start from lo = INFINITY, hi =
 * -INFINITY.
 */
void rf_axis_include(rf_axis *axis, double v);
/* Widens an axis to its next round numbers; one that holds no number or a single one becomes a valid axis too. */
void rf_axis_round(rf_axis *axis);

#endif
