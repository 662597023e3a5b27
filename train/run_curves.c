/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_curves.h"

#include <stdio.h>
#include <string.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"

void rf_curves_free(rf_curves *curves) {
    for (size_t i = 0; i < curves->n; i++) {
        rf_free(curves->curves[i].x);
        rf_free(curves->curves[i].y);
    }
    curves->n = 0;
}

const rf_curve *rf_curves_find(const rf_curves *curves, const char *name) {
    for (size_t i = 0; i < curves->n; i++)
        if (strcmp(curves->curves[i].name, name) == 0) return &curves->curves[i];
    return NULL;
}

static rf_curve *curve_of(rf_curves *curves, const char *name) {
    const rf_curve *found = rf_curves_find(curves, name);
    if (found) return &curves->curves[found - curves->curves];
    if (curves->n == RF_CHART_SERIES) return NULL;
    rf_curve *c = &curves->curves[curves->n++];
    snprintf(c->name, sizeof c->name, "%.*s", RF_CURVE_NAME - 1, name);
    return c;
}

rf_status rf_curves_add(rf_curves *curves, const char *name, double x, double y) {
    rf_curve *c = curve_of(curves, name);
    if (!c) return RF_OK;
    if (c->n == c->capacity) {
        size_t wanted = c->capacity ? 2 * c->capacity : 64;
        double *grown_x = rf_realloc(c->x, c->capacity, wanted, sizeof *c->x);
        if (!grown_x) return RF_ERR_NOMEM;
        c->x = grown_x;
        double *grown_y = rf_realloc(c->y, c->capacity, wanted, sizeof *c->y);
        if (!grown_y) return RF_ERR_NOMEM;
        c->y = grown_y;
        c->capacity = wanted;
    }
    c->x[c->n] = x;
    c->y[c->n++] = y;
    rf_axis_include(&curves->x, x);
    rf_axis_include(&curves->y, y);
    return RF_OK;
}

/* Numbers of an "eval" line that are no metrics. */
static bool is_fact(const char *key) {
    static const char *const facts[] = {"step", "epoch", "images", "unreadable", "shrunk", "missing"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strcmp(key, facts[i]) == 0) return true;
    return false;
}

rf_status rf_curves_add_metrics(rf_curves *curves, double epoch, const rf_json *line) {
    for (const rf_json *node = rf_json_first(line); node; node = rf_json_next(node)) {
        const char *key = rf_json_key(node);
        double value;
        if (!is_fact(key) && rf_json_number(node, &value)) RF_TRY(rf_curves_add(curves, key, epoch, value));
    }
    return RF_OK;
}

rf_status rf_run_lines(const char *path, rf_run_line_fn fn, void *ctx) {
    uint8_t *data = NULL;
    size_t size = 0;
    RF_TRY(rf_file_read(path, 0, &data, &size));
    rf_status status = RF_OK;
    int number = 1;
    for (const char *line = (const char *)data; *line && status == RF_OK; number++) {
        size_t bytes = strcspn(line, "\n");
        rf_json *root = NULL;
        if (bytes) status = rf_json_parse(line, bytes, &root);
        if (status == RF_ERR_FORMAT && !line[bytes]) { /* torn by a crash, or being written */
            status = RF_OK;
            break;
        }
        if (status != RF_OK) status = rf_fail_context(status, "%s:%d", path, number);
        const char *kind = "";
        double epoch;
        if (status == RF_OK && root) rf_json_string(rf_json_get(root, "kind"), &kind);
        if (status == RF_OK && root && rf_json_number(rf_json_get(root, "epoch"), &epoch))
            status = fn(ctx, kind, epoch, root);
        rf_json_free(root);
        line += bytes + (line[bytes] == '\n');
    }
    rf_free(data);
    return status;
}

rf_status rf_curves_draw(const rf_curves *curves, const char *dir, const char *file, const char *title, bool marks,
                         bool legend_top) {
    if (curves->n == 0) return RF_OK;
    rf_series series[RF_CHART_SERIES];
    for (size_t i = 0; i < curves->n; i++) {
        const rf_curve *c = &curves->curves[i];
        series[i] = (rf_series){c->name, c->x, c->y, c->n, marks, false};
    }
    rf_axis x = curves->x, y = curves->y;
    rf_axis_include(&x, 0);
    rf_axis_round(&x);
    rf_axis_round(&y);
    rf_chart chart = {title, x, y, series, curves->n, legend_top, !legend_top};
    char *path = NULL;
    rf_status status = rf_below_make(dir, file, &path);
    if (status == RF_OK) status = rf_chart_write(path, &chart);
    rf_free(path);
    return status;
}
