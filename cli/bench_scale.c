/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench scale: whether cost grows in proportion to images, anchors and faces. */
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/say.h"
#include "core/chart.h"
#include "core/file.h"
#include "core/mem.h"

enum { POINTS = 8, MATCHES = 21 };

/* Cost y at x = amount. */
typedef struct sweep {
    const char *key, *what, *unit;
    double x[POINTS], y[POINTS];
    size_t n;
} sweep;

static void add_point(sweep *s, double x, double y) {
    s->x[s->n] = x;
    s->y[s->n++] = y;
}

static rf_status sweep_images(rf_bench *b, sweep *s) {
    static const long batches[] = {1, 2, 4, 8, 16};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        double seconds;
        size_t anchors;
        RF_TRY(rf_bench_measure_step(b, batches[i], b->config.input.size, &seconds, &anchors));
        add_point(s, (double)batches[i], 1e3 * seconds);
    }
    return RF_OK;
}

static rf_status sweep_anchors(rf_bench *b, sweep *s) {
    static const long quarters[] = {2, 3, 4, 6, 8}; /* of the side: 320 to 1280 when it is 640 */
    long side = b->config.input.size;
    for (size_t i = 0; i < sizeof quarters / sizeof *quarters; i++) {
        double seconds;
        size_t anchors;
        RF_TRY(rf_bench_measure_step(b, 1, side * quarters[i] / 4, &seconds, &anchors));
        add_point(s, (double)anchors, 1e3 * seconds);
    }
    b->config.input.size = side;
    return RF_OK;
}

static rf_status sweep_faces(rf_bench *b, sweep *s) {
    static const size_t faces[] = {1, 10, 50, 100, 200, 400, 700, 1000};
    rf_detect_spec spec;
    rf_anchor_set anchors = {0};
    int side = (int)b->config.input.size;
    RF_TRY(rf_detect_spec_from_config(&b->config, &spec));
    rf_status status = rf_anchor_set_make(&spec.anchors, side, side, &anchors);
    for (size_t i = 0; i < sizeof faces / sizeof *faces && status == RF_OK; i++) {
        rf_samples times = {0};
        status = rf_bench_measure_match(&spec, &anchors, faces[i], MATCHES, &times);
        add_point(s, (double)faces[i], 1e3 * rf_samples_median(&times));
        rf_free(times.v);
    }
    rf_anchor_set_free(&anchors);
    return status;
}

static rf_status draw(const sweep *s, const char *dir) {
    char file[64], label[96], title[96];
    snprintf(file, sizeof file, "scale-%s.svg", s->key);
    snprintf(label, sizeof label, "%s (milliseconds)", s->what);
    snprintf(title, sizeof title, "%s against %s", s->what, s->unit);
    /* A straight line from nothing to the last point, for the eye. */
    double x[2] = {0, s->x[s->n - 1]}, y[2] = {0, s->y[s->n - 1]};
    rf_series series[] = {{.name = "measured", .x = s->x, .y = s->y, .n = s->n, .marks = true},
                          {.name = "in proportion", .x = x, .y = y, .n = 2}};
    rf_chart chart = {.title = title,
                      .x = {.label = s->unit},
                      .y = {.label = label},
                      .series = series,
                      .n_series = 2,
                      .legend_right = true};
    chart.x.hi = chart.y.hi = 0;
    for (size_t i = 0; i < s->n; i++) {
        rf_axis_include(&chart.x, s->x[i]);
        rf_axis_include(&chart.y, s->y[i]);
    }
    rf_axis_round(&chart.x);
    rf_axis_round(&chart.y);
    char *path = rf_path_join(dir, file); /* own name */
    rf_status status = path ? rf_chart_write(path, &chart) : RF_ERR_NOMEM;
    if (status == RF_OK) rf_say("written: %s\n", path);
    rf_free(path);
    return status;
}

static void tell(rf_bench *b, const sweep *s) {
    rf_say("\n%-10s %12s %14s\n", s->unit, "ms", "us each");
    rf_json_begin_array(&b->out, s->key);
    for (size_t i = 0; i < s->n; i++) {
        rf_say("%-10.0f %12.3f %14.3f\n", s->x[i], s->y[i], 1e3 * s->y[i] / s->x[i]);
        rf_json_begin_object(&b->out, NULL);
        rf_json_put_number(&b->out, s->unit, s->x[i]);
        rf_json_put_number(&b->out, "seconds", 1e-3 * s->y[i]);
        rf_json_end_object(&b->out);
    }
    rf_json_end_array(&b->out);
    rf_say_flush();
}

int rf_bench_scale(int argc, char **argv) {
    static const rf_bench_command command = {
        .name = "rf-bench scale",
        .summary = "cost against images, anchors and faces",
        .description = "  Training steps with 1 to 16 images, with one image of half to twice the side, and the "
                       "targets of one image\n"
                       "  with 1 to 1000 faces.",
        .examples = "  rf-bench scale configs/mnet025.ini --profile scale",
        .size_doc = "middle side of the training images (input.size)",
        .profile = true,
        .profile_doc = "also draw DIR/scale-images.svg, DIR/scale-anchors.svg and DIR/scale-faces.svg",
        .iterations = 3};
    rf_bench bench;
    int code;
    if (!rf_bench_begin(&command, argc, argv, &bench, &code)) return code;
    if (bench.size[0]) bench.config.input.size = bench.size[0];
    sweep sweeps[] = {{.key = "images", .what = "training step", .unit = "images"},
                      {.key = "anchors", .what = "training step of one image", .unit = "anchors"},
                      {.key = "faces", .what = "targets of one image", .unit = "faces"}};
    static rf_status (*const measure[])(rf_bench *, sweep *) = {sweep_images, sweep_anchors, sweep_faces};
    rf_status status = bench.profile ? rf_dir_make(bench.profile) : RF_OK;
    for (int i = 0; i < 3 && status == RF_OK; i++) {
        status = measure[i](&bench, &sweeps[i]);
        if (status == RF_OK) tell(&bench, &sweeps[i]);
        if (status == RF_OK && bench.profile) status = draw(&sweeps[i], bench.profile);
    }
    return rf_bench_end(&bench, status);
}
