/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mem.h"
#include "layers/weights.h"

enum { SHOWN = 6 }; /* names of a list; the counts are always there */

void rf_weights_report_free(rf_weights_report *report) {
    if (!report) return;
    for (size_t i = 0; i < report->n_missing; i++) rf_free(report->missing[i]);
    for (size_t i = 0; i < report->n_unused; i++) rf_free(report->unused[i]);
    rf_free(report->missing);
    rf_free(report->unused);
    *report = (rf_weights_report){0};
}

static void put_names(rf_text *t, char *const *names, size_t n) {
    for (size_t i = 0; i < n && i < SHOWN; i++) rf_text_printf(t, "%s%s", i ? ", " : " (", names[i]);
    if (n > SHOWN) rf_text_printf(t, " and %zu more", n - SHOWN);
    if (n) rf_text_put(t, ")");
}

void rf_weights_report_text(const rf_weights_report *report, rf_text *t) {
    rf_text_printf(t, "%zu of the network's %zu arrays filled, %zu missing", report->matched,
                   report->matched + report->n_missing, report->n_missing);
    put_names(t, report->missing, report->n_missing);
    rf_text_printf(t, ", %zu of the file left over", report->n_unused);
    put_names(t, report->unused, report->n_unused);
    if (report->absorbed) rf_text_printf(t, ", %zu biases subtracted from running means", report->absorbed);
    if (report->widened) rf_text_printf(t, ", %zu of 16-bit numbers read as float32", report->widened);
    if (report->ignored) rf_text_printf(t, ", %zu never needed", report->ignored);
    if (report->note) rf_text_printf(t, "; %s", report->note);
}
