/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a run: what train.jsonl holds, over epochs. */
#include <math.h>
#include <string.h>

#include "train/run_curves.h"
#include "train/trainer_internal.h"

typedef struct plot {
    rf_curves losses, metrics;
} plot;

static rf_status add_line(void *ctx, const char *kind, double epoch, const rf_json *line) {
    plot *p = ctx;
    double value;
    if (strcmp(kind, "train") == 0) {
        static const char *const parts[] = {"loss", "cls", "box", "points", "mesh", "edge", "head_cls", "head_box"};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (rf_json_number(rf_json_get(line, parts[i]), &value) && value > 0)
                RF_TRY(rf_curves_add(&p->losses, parts[i], epoch, value));
    } else if (strcmp(kind, "eval") == 0) {
        return rf_curves_add_metrics(&p->metrics, epoch, line);
    }
    return RF_OK;
}

rf_status rf_trainer_plot(const rf_trainer *t) {
    plot p = {.losses = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"loss", INFINITY, -INFINITY, true}},
              .metrics = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"value", 0, 1, false}}};
    rf_status status = rf_run_lines(t->log_path, add_line, &p);
    if (status == RF_OK) status = rf_curves_draw(&p.losses, t->out_dir, "loss.svg", "Training loss", false, true);
    if (status == RF_OK) status = rf_curves_draw(&p.metrics, t->out_dir, "metrics.svg", "Validation", true, false);
    rf_curves_free(&p.losses);
    rf_curves_free(&p.metrics);
    return status;
}
