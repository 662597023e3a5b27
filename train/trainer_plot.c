/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a run: what train.jsonl holds, over epochs. */
#include <math.h>
#include <string.h>

#include "train/run_curves.h"
#include "train/trainer_internal.h"

typedef struct plot {
    const rf_term_list *terms;
    rf_curves losses, metrics;
} plot;

static rf_status add_loss(plot *p, double epoch, const rf_json *line, const char *key) {
    double value;
    if (!rf_json_number(rf_json_get(line, key), &value) || value <= 0) return RF_OK; /* the axis is logarithmic */
    return rf_curves_add(&p->losses, key, epoch, value);
}

static rf_status add_line(void *ctx, const char *kind, double epoch, const rf_json *line) {
    plot *p = ctx;
    if (strcmp(kind, "train") == 0) {
        RF_TRY(add_loss(p, epoch, line, "loss"));
        for (int i = 0; i < p->terms->n; i++)
            if (p->terms->v[i].flags & RF_TERM_PLOT) RF_TRY(add_loss(p, epoch, line, p->terms->v[i].name));
    } else if (strcmp(kind, "eval") == 0) {
        return rf_curves_add_metrics(&p->metrics, epoch, line);
    }
    return RF_OK;
}

rf_status rf_trainer_plot(const rf_trainer *t) {
    plot p = {.terms = &t->net.values.terms,
              .losses = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"loss", INFINITY, -INFINITY, true}},
              .metrics = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"value", 0, 1, false}}};
    rf_status status = rf_run_lines(t->log_path, add_line, &p);
    if (status == RF_OK) status = rf_curves_draw(&p.losses, t->out_dir, "loss.svg", "Training loss", false, true);
    if (status == RF_OK) status = rf_curves_draw(&p.metrics, t->out_dir, "metrics.svg", "Validation", true, false);
    rf_curves_free(&p.losses);
    rf_curves_free(&p.metrics);
    return status;
}
