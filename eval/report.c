/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/report.h"

#include <math.h>
#include <stdio.h>

#include "core/chart.h"
#include "core/file.h"

rf_status rf_report_svg(const char *path, const char *title, const rf_curve *curves, size_t n) {
    if (n > RF_REPORT_CURVES)
        return rf_fail(RF_ERR_USER, "%s: %zu curves in one picture; at most %d", path, n, RF_REPORT_CURVES);
    rf_series series[RF_REPORT_CURVES] = {{0}};
    char names[RF_REPORT_CURVES][80];
    for (size_t i = 0; i < n; i++) {
        if (isnan(curves[i].ap))
            snprintf(names[i], sizeof names[i], "%s", curves[i].name);
        else
            snprintf(names[i], sizeof names[i], "%s  AP %.4f", curves[i].name, curves[i].ap);
        series[i] = (rf_series){names[i], curves[i].recall, curves[i].precision, curves[i].n, false, false};
    }
    rf_chart chart = {title, {"Recall", 0, 1, false}, {"Precision", 0, 1, false}, series, n, false, false};
    return rf_chart_write(path, &chart);
}

/* A CSV field: in quotes, quotes doubled. */
static void put_field(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

rf_status rf_report_csv(const char *path, const rf_curve *curves, size_t n) {
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    FILE *out = rf_atomic_stream(file);
    fputs("curve,point,recall,precision\n", out);
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < curves[c].n; i++) {
            put_field(out, curves[c].name);
            fprintf(out, ",%zu,%.9g,%.9g\n", i, curves[c].recall[i], curves[c].precision[i]);
        }
    return rf_atomic_commit(file);
}
