/* Pictures of a run: what train.jsonl holds, over epochs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/chart.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "train/trainer_internal.h"

enum { NAME_BYTES = 24 };

/* One curve that grows. */
typedef struct curve {
    char name[NAME_BYTES];
    double *x, *y;
    size_t n, capacity;
} curve;

typedef struct plot {
    curve curves[RF_CHART_SERIES];
    size_t n;
    rf_axis x, y;
} plot;

static void plot_free(plot *p) {
    for (size_t i = 0; i < p->n; i++) {
        rf_free(p->curves[i].x);
        rf_free(p->curves[i].y);
    }
}

/* The curve of a name, begun when it is new; NULL when there are too many. */
static curve *find_curve(plot *p, const char *name) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->curves[i].name, name) == 0) return &p->curves[i];
    if (p->n == RF_CHART_SERIES) return NULL;
    curve *c = &p->curves[p->n++];
    snprintf(c->name, sizeof c->name, "%.*s", NAME_BYTES - 1, name);
    return c;
}

static rf_status add_point(plot *p, const char *name, double x, double y) {
    curve *c = find_curve(p, name);
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
    rf_axis_include(&p->x, x);
    rf_axis_include(&p->y, y);
    return RF_OK;
}

static rf_status add_object(plot *losses, plot *metrics, const rf_json *root) {
    const char *kind = "";
    double epoch;
    rf_json_string(rf_json_get(root, "kind"), &kind);
    if (!rf_json_number(rf_json_get(root, "epoch"), &epoch)) return RF_OK;
    if (strcmp(kind, "train") == 0) {
        static const char *const parts[] = {"loss", "cls", "box", "points", "mesh", "edge", "head_cls", "head_box"};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            double value;
            if (rf_json_number(rf_json_get(root, parts[i]), &value) && value > 0)
                RF_TRY(add_point(losses, parts[i], epoch, value));
        }
    } else if (strcmp(kind, "eval") == 0) {
        for (const rf_json *node = rf_json_first(root); node; node = rf_json_next(node)) {
            const char *key = rf_json_key(node);
            double value;
            if (strcmp(key, "step") != 0 && strcmp(key, "epoch") != 0 && rf_json_number(node, &value))
                RF_TRY(add_point(metrics, key, epoch, value));
        }
    }
    return RF_OK;
}

static rf_status read_log(const char *path, plot *losses, plot *metrics) {
    uint8_t *data = NULL;
    size_t size = 0;
    RF_TRY(rf_file_read(path, 0, &data, &size));
    rf_status status = RF_OK;
    for (const char *line = (const char *)data; *line && status == RF_OK;) {
        size_t bytes = strcspn(line, "\n");
        rf_json *root = NULL;
        if (bytes) status = rf_json_parse(line, bytes, &root);
        if (status == RF_OK && root) status = add_object(losses, metrics, root);
        rf_json_free(root);
        line += bytes + (line[bytes] == '\n');
    }
    rf_free(data);
    return status;
}

static rf_status draw(const char *dir, const char *file, const char *title, plot *p, bool marks, bool legend_top) {
    if (p->n == 0) return RF_OK;
    rf_series series[RF_CHART_SERIES];
    for (size_t i = 0; i < p->n; i++)
        series[i] = (rf_series){p->curves[i].name, p->curves[i].x, p->curves[i].y, p->curves[i].n, marks, false};
    rf_axis_include(&p->x, 0);
    rf_axis_round(&p->x);
    rf_axis_round(&p->y);
    rf_chart chart = {title, p->x, p->y, series, p->n, legend_top, false};
    char *path = rf_path_join(dir, file);
    rf_status status = path ? rf_chart_write(path, &chart) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

rf_status rf_trainer_plot(const rf_trainer *t) {
    plot losses = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"loss", INFINITY, -INFINITY, true}};
    plot metrics = {.x = {"epoch", INFINITY, -INFINITY, false}, .y = {"value", 0, 1, false}};
    rf_status status = read_log(t->log_path, &losses, &metrics);
    if (status == RF_OK) status = draw(t->out_dir, "loss.svg", "Training loss", &losses, false, true);
    if (status == RF_OK) status = draw(t->out_dir, "metrics.svg", "Validation", &metrics, true, false);
    plot_free(&losses);
    plot_free(&metrics);
    return status;
}
