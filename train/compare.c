/* SPDX-License-Identifier: Apache-2.0 */
#include "train/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/show.h"
#include "core/text.h"
#include "train/run_curves.h"

enum { PICTURES = RF_CHART_SERIES, COLUMNS = 8 };

/* One quantity: a curve for every group that has it. */
typedef struct picture {
    char name[RF_CURVE_NAME];
    rf_curves means;                /* curves named as the groups */
    double spread[RF_CHART_SERIES]; /* of means.curves[i]: largest less smallest run at its last epoch */
} picture;

typedef struct comparison {
    picture pictures[PICTURES];
    size_t n;
} comparison;

rf_status rf_run_group_parse(const char *text, rf_run_group *out) {
    memset(out, 0, sizeof *out);
    const char *equals = strchr(text, '=');
    size_t name = equals ? (size_t)(equals - text) : 0;
    if (name == 0 || name >= sizeof out->name || !equals[1])
        return rf_fail(RF_ERR_USER,
                       "'%s': expected NAME=RUN[,RUN...], a name of at most %zu characters and folders of "
                       "finished runs",
                       text, sizeof out->name - 1);
    memcpy(out->name, text, name);
    for (const char *run = equals + 1; *run;) {
        size_t bytes = strcspn(run, ",");
        if (out->n == RF_COMPARE_RUNS) return rf_fail(RF_ERR_USER, "'%s': more than %d runs", text, RF_COMPARE_RUNS);
        char *path = bytes ? rf_alloc(bytes + 1, 1) : NULL;
        if (!bytes) return rf_fail(RF_ERR_USER, "'%s': a folder's name is empty", text);
        if (!path) return RF_ERR_NOMEM;
        memcpy(path, run, bytes);
        out->runs[out->n++] = path;
        run += bytes + (run[bytes] == ',');
    }
    return RF_OK;
}

void rf_run_group_free(rf_run_group *group) {
    for (size_t i = 0; i < group->n; i++) rf_free(group->runs[i]);
    group->n = 0;
}

static rf_status add_line(void *ctx, const char *kind, double epoch, const rf_json *line) {
    rf_curves *run = ctx;
    double value;
    if (strcmp(kind, "epoch") == 0 && rf_json_number(rf_json_get(line, "loss"), &value))
        return rf_curves_add(run, "loss", epoch, value);
    return strcmp(kind, "eval") == 0 ? rf_curves_add_metrics(run, epoch, line) : RF_OK;
}

static rf_status read_run(const char *dir, rf_curves *run) {
    char *path = rf_path_join(dir, "train.jsonl");
    rf_status status = path ? rf_run_lines(path, add_line, run) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

/* The value at an epoch; NaN where the curve has none. */
static double value_at(const rf_curve *curve, double epoch) {
    for (size_t i = 0; curve && i < curve->n; i++)
        if (fabs(curve->x[i] - epoch) < 1e-6) return curve->y[i];
    return NAN;
}

static picture *picture_named(comparison *all, const char *name) {
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->pictures[i].name, name) == 0) return &all->pictures[i];
    if (all->n == PICTURES) return NULL;
    picture *p = &all->pictures[all->n++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->means.x = (rf_axis){"epoch", INFINITY, -INFINITY, false};
    p->means.y = (rf_axis){p->name, INFINITY, -INFINITY, false};
    return p;
}

/* Adds the means of one quantity over a group's runs. */
static rf_status add_means(comparison *all, const char *group, const rf_curves *runs, size_t n, const rf_curve *first) {
    picture *p = picture_named(all, first->name);
    if (!p) return RF_OK;
    for (size_t i = 0; i < first->n; i++) {
        double sum = 0, least = INFINITY, most = -INFINITY;
        for (size_t r = 0; r < n; r++) {
            double value = value_at(rf_curves_find(&runs[r], first->name), first->x[i]);
            sum += value;
            least = fmin(least, value);
            most = fmax(most, value);
        }
        if (!isfinite(sum)) continue; /* not in every run */
        RF_TRY(rf_curves_add(&p->means, group, first->x[i], sum / (double)n));
        p->spread[p->means.n - 1] = most - least;
    }
    return RF_OK;
}

static rf_status check_names(const rf_run_group *groups, size_t n) {
    if (n < 1 || n > RF_CHART_SERIES)
        return rf_fail(RF_ERR_USER, "%zu groups of runs; a picture holds 1 to %d", n, RF_CHART_SERIES);
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(groups[i].name, groups[k].name) == 0)
                return rf_fail(RF_ERR_USER, "two groups of runs are called '%s'; give each a name of its own",
                               groups[i].name);
    return RF_OK;
}

static rf_status add_group(comparison *all, const rf_run_group *group) {
    rf_curves *runs = rf_alloc(RF_COMPARE_RUNS, sizeof *runs);
    rf_status status = runs ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < group->n && status == RF_OK; i++) status = read_run(group->runs[i], &runs[i]);
    for (size_t c = 0; status == RF_OK && c < runs[0].n; c++)
        status = add_means(all, group->name, runs, group->n, &runs[0].curves[c]);
    for (size_t i = 0; runs && i < group->n; i++) rf_curves_free(&runs[i]);
    rf_free(runs);
    return status;
}

/* Columns are epochs of the longest curve, its last one among them. The picture has a curve. */
static void write_table(rf_text *t, const picture *p) {
    const rf_curve *longest = &p->means.curves[0];
    for (size_t i = 1; i < p->means.n; i++)
        if (p->means.curves[i].n > longest->n) longest = &p->means.curves[i];
    size_t step = (longest->n + COLUMNS - 1) / COLUMNS, begin = (longest->n - 1) % step;
    rf_text_put(t, "\n| ");
    rf_show_put(t, p->name);
    rf_text_put(t, ", epoch");
    for (size_t i = begin; i < longest->n; i += step) rf_text_printf(t, " | %.4g", longest->x[i]);
    rf_text_put(t, " | spread |\n|---|");
    for (size_t i = begin; i < longest->n; i += step) rf_text_put(t, "---|");
    rf_text_put(t, "---|\n");
    for (size_t k = 0; k < p->means.n; k++) {
        const rf_curve *c = &p->means.curves[k];
        rf_text_put(t, "| ");
        rf_show_put(t, c->name);
        for (size_t i = begin; i < longest->n; i += step) {
            double value = value_at(c, longest->x[i]);
            if (isnan(value))
                rf_text_put(t, " | -");
            else
                rf_text_printf(t, " | %.3f", value);
        }
        rf_text_printf(t, " | %.3f |\n", p->spread[k]);
    }
}

/* A metric's name is whatever the run's log says. */
static rf_status write_picture(const picture *p, const char *dir, rf_distinct *files) {
    char file[RF_CURVE_NAME + 8];
    bool loss = strcmp(p->name, "loss") == 0;
    char *leaf = rf_below_leaf(p->name), *taken = NULL;
    snprintf(file, sizeof file, "%s.svg", leaf ? leaf : "");
    rf_status status = leaf ? rf_distinct_take(files, file, &taken, NULL) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_curves_draw(&p->means, dir, taken, loss ? "Training loss" : p->name, !loss, loss);
    rf_free(leaf);
    rf_free(taken);
    return status;
}

rf_status rf_compare_runs(const rf_run_group *groups, size_t n, const char *dir, char **table) {
    *table = NULL;
    RF_TRY(check_names(groups, n));
    comparison *all = rf_alloc(1, sizeof *all);
    rf_text text = {0};
    rf_distinct *files = rf_distinct_new();
    rf_status status = all && files ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < n && status == RF_OK; i++) status = add_group(all, &groups[i]);
    size_t curves = 0;
    for (size_t i = 0; status == RF_OK && i < all->n; i++) curves += all->pictures[i].means.n;
    if (status == RF_OK && curves == 0)
        status = rf_fail(RF_ERR_USER, "%s/train.jsonl: no whole epoch; compare runs that have finished one",
                         groups[0].runs[0]);
    if (status == RF_OK) status = rf_dir_make(dir);
    for (size_t i = 0; status == RF_OK && i < all->n; i++) {
        if (all->pictures[i].means.n == 0) continue; /* at no epoch in every run */
        write_table(&text, &all->pictures[i]);
        status = write_picture(&all->pictures[i], dir, files);
    }
    if (status == RF_OK)
        status = rf_text_finish(&text, table, NULL);
    else
        rf_text_clear(&text);
    for (size_t i = 0; all && i < all->n; i++) rf_curves_free(&all->pictures[i].means);
    rf_free(all);
    rf_distinct_free(files);
    return status;
}
