/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's train.jsonl tells over epochs, as curves and as pictures. */
#ifndef RF_TRAIN_RUN_CURVES_H
#define RF_TRAIN_RUN_CURVES_H

#include <stddef.h>

#include "core/chart.h"
#include "core/json.h"

enum { RF_CURVE_NAME = 48 };

/* One curve that grows. */
typedef struct rf_curve {
    char name[RF_CURVE_NAME];
    double *x, *y; /* [n], owned */
    size_t n, capacity;
} rf_curve;

typedef struct rf_curves {
    rf_curve curves[RF_CHART_SERIES];
    size_t n;
    rf_axis x, y; /* hold every point; label, lo and hi are set before the first one (core/chart.h) */
} rf_curves;

/* Adds a point to the curve of a name, begun when it is new. Of more than RF_CHART_SERIES curves the last are left out.
 */
rf_status rf_curves_add(rf_curves *curves, const char *name, double x, double y);
/* Adds every metric of a line of kind "eval" at its epoch: a curve each. */
rf_status rf_curves_add_metrics(rf_curves *curves, double epoch, const rf_json *line);
/* The curve of a name, or NULL. */
const rf_curve *rf_curves_find(const rf_curves *curves, const char *name);
void rf_curves_free(rf_curves *curves);

/* Calls fn for every line of a train.jsonl that has an epoch; kind is "train", "epoch", "eval" or "settings".
 * RF_ERR_IO: no such file; RF_ERR_FORMAT: a line that is not JSON. A last line without its end is left out: a crash
 * tore it, or a run is writing it. */
typedef rf_status (*rf_run_line_fn)(void *ctx, const char *kind, double epoch, const rf_json *line);
rf_status rf_run_lines(const char *path, rf_run_line_fn fn, void *ctx);

/* Writes dir/file (SVG); nothing when there is no curve. The x axis begins at 0. The legend stands where curves that
 * fall (legend_top: the upper right corner) or rise (the lower right one) leave room. */
rf_status rf_curves_draw(const rf_curves *curves, const char *dir, const char *file, const char *title, bool marks,
                         bool legend_top);

#endif
