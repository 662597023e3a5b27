/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench step and ops: training steps on random pictures with twelve faces each, without reading any file, as the
 * PyTorch reference does it. */
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/rng.h"
#include "train/optimizer.h"
#include "train/train_graph.h"

enum { FACES = 12 };

typedef struct stepper {
    rf_bench *bench;
    rf_train_graph net;
    rf_optimizer optimizer;
    rf_face *faces; /* [batch][FACES] */
    float *points;  /* [batch][FACES][data.points][2] */
    rf_face **lists;
    size_t *counts;
    rf_samples forward, backward, update, step;
    rf_profile profile;
} stepper;

/* Boxes of 2 to 22 % of the side anywhere, landmarks inside. */
static void draw_face(rf_rng *rng, float side, float *points, int n_points, rf_face *face) {
    float size = side * rf_rng_range(rng, 0.02f, 0.22f);
    float x = rf_rng_range(rng, 0, side - size), y = rf_rng_range(rng, 0, side - size);
    *face = (rf_face){.box = {x, y, x + size, y + size}, .score = 1, .n_points = n_points, .points = points};
    for (int k = 0; k < n_points; k++) {
        face->points[2 * k] = x + size * rf_rng_uniform(rng);
        face->points[2 * k + 1] = y + size * rf_rng_uniform(rng);
    }
}

static rf_status fill_batch(stepper *s) {
    const rf_config *config = &s->bench->config;
    size_t batch = (size_t)config->train.batch, n_points = (size_t)config->data.points;
    s->faces = rf_alloc(batch * FACES, sizeof *s->faces);
    s->points = rf_alloc(batch * FACES, 2 * n_points * sizeof *s->points);
    s->lists = rf_alloc(batch, sizeof *s->lists);
    s->counts = rf_alloc(batch, sizeof *s->counts);
    if (!s->faces || !s->points || !s->lists || !s->counts) return RF_ERR_NOMEM;
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < batch; i++) {
        s->lists[i] = s->faces + i * FACES;
        s->counts[i] = FACES;
        for (size_t k = 0; k < FACES; k++)
            draw_face(&rng, (float)config->input.size, s->points + 2 * n_points * (i * FACES + k), (int)n_points,
                      &s->lists[i][k]);
    }
    rf_real *input = rf_exec_data(s->net.exec, s->net.detector.input);
    size_t values = batch * (size_t)config->input.size * (size_t)config->input.size * 3;
    for (size_t i = 0; i < values; i++) input[i] = rf_rng_range(&rng, -100, 100);
    rf_loss_batch faces = {.faces = s->lists, .n_faces = s->counts};
    return rf_loss_set_batch(s->net.loss, &faces);
}

static rf_status build(stepper *s) {
    const rf_config *config = &s->bench->config;
    RF_TRY(rf_optimizer_init(&s->optimizer, config, s->bench->params));
    RF_TRY(rf_train_graph_make(config, s->bench->params, &s->net));
    RF_TRY(rf_train_graph_plan(config, &s->net));
    return rf_profile_make(s->net.graph, &s->profile);
}

static rf_status prepare(stepper *s) {
    rf_config *config = &s->bench->config;
    if (s->bench->batch) config->train.batch = s->bench->batch;
    if (s->bench->size[0] != s->bench->size[1])
        return rf_fail(RF_ERR_USER, "--size %dx%d: training images are squares", s->bench->size[0], s->bench->size[1]);
    if (s->bench->size[0]) config->input.size = s->bench->size[0];
    double begin = rf_clock_seconds();
    RF_TRY(build(s));
    double built = rf_clock_seconds() - begin;
    rf_say("batch %ld of %ldx%ld, %zu anchors; graph, plan and memory in %.1f ms\n", config->train.batch,
           config->input.size, config->input.size, s->net.detector.anchors, 1e3 * built);
    rf_json_put_int(&s->bench->out, "batch", config->train.batch);
    rf_json_put_int(&s->bench->out, "size", config->input.size);
    rf_json_put_int(&s->bench->out, "anchors", (long long)s->net.detector.anchors);
    rf_json_put_number(&s->bench->out, "build", built);
    return fill_batch(s);
}

static rf_status run_once(stepper *s, bool measured) {
    double t0 = rf_clock_seconds();
    RF_TRY(rf_exec_forward(s->net.exec, true));
    double t1 = rf_clock_seconds();
    RF_TRY(rf_exec_backward(s->net.exec, false));
    double t2 = rf_clock_seconds();
    rf_optimizer_step(&s->optimizer, 1e-4, 1);
    double t3 = rf_clock_seconds();
    if (!measured) {
        rf_exec_reset_times(s->net.exec);
        return RF_OK;
    }
    RF_TRY(rf_samples_add(&s->forward, t1 - t0));
    RF_TRY(rf_samples_add(&s->backward, t2 - t1));
    RF_TRY(rf_samples_add(&s->update, t3 - t2));
    RF_TRY(rf_samples_add(&s->step, t3 - t0));
    return rf_profile_add(&s->profile, s->net.exec);
}

static rf_status step_once(void *ctx, long run, double *seconds) {
    (void)run;
    stepper *s = ctx;
    double begin = rf_clock_seconds();
    RF_TRY(rf_exec_forward(s->net.exec, true));
    RF_TRY(rf_exec_backward(s->net.exec, false));
    rf_optimizer_step(&s->optimizer, 1e-4, 1);
    *seconds = rf_clock_seconds() - begin;
    return RF_OK;
}

static void tell(stepper *s) {
    rf_bench *b = s->bench;
    rf_bench_tell(b, "fwd", &s->forward);
    rf_bench_tell(b, "bwd", &s->backward);
    rf_bench_tell(b, "opt", &s->update);
    rf_bench_tell(b, "step", &s->step);
    rf_plan_report plan = rf_exec_report(s->net.exec);
    rf_say("%-10s %10.0f MB   (at least %.0f MB are alive at once)\n", "arena", (double)plan.arena_bytes / 1e6,
           (double)plan.peak_live_bytes / 1e6);
    rf_json_put_number(&b->out, "arena_mb", (double)plan.arena_bytes / 1e6);
    rf_bench_tell_rate(b, (double)b->config.train.batch / rf_samples_median(&s->step));
}

static void free_stepper(stepper *s) {
    rf_profile_free(&s->profile);
    rf_optimizer_free(&s->optimizer);
    rf_train_graph_free(&s->net);
    rf_free(s->faces);
    rf_free(s->lists);
    rf_free(s->points);
    rf_free(s->counts);
    rf_free(s->forward.v);
    rf_free(s->backward.v);
    rf_free(s->update.v);
    rf_free(s->step.v);
}

rf_status rf_bench_measure_step(rf_bench *bench, long batch, long size, double *seconds, size_t *anchors) {
    bench->config.train.batch = batch;
    bench->config.input.size = size;
    stepper s = {.bench = bench};
    rf_status status = build(&s);
    if (status == RF_OK) status = fill_batch(&s);
    for (long i = 0; i <= bench->iterations && status == RF_OK; i++) status = run_once(&s, i > 0);
    *seconds = rf_samples_median(&s.step);
    *anchors = s.net.detector.anchors;
    free_stepper(&s);
    return status;
}

static int run(rf_bench *bench, bool profile) {
    stepper s = {.bench = bench};
    rf_status status;
    RF_TRY_GOTO(prepare(&s));
    for (long i = 0; i <= bench->iterations; i++) RF_TRY_GOTO(run_once(&s, i > 0));
    tell(&s);
    RF_TRY_GOTO(rf_bench_beside_busy(bench, "step", rf_samples_median(&s.step), step_once, &s));
    if (profile) RF_TRY_GOTO(rf_profile_report(bench, &s.profile, bench->profile));
fail:
    free_stepper(&s);
    return rf_bench_end(bench, status);
}

static const char description[] =
    "  Runs training steps on random pictures with twelve faces each; no file is read. fwd holds the targets and the\n"
    "  loss. arena is the planned memory of the graph, rss_mb the peak of the whole process.";

int rf_bench_step(int argc, char **argv) {
    static const rf_bench_command command = {"rf-bench step",
                                             "time a training step",
                                             description,
                                             "  rf-bench step configs/r50.ini --batch 2 --size 640x640",
                                             "side of the training images (input.size)",
                                             true,
                                             true,
                                             true,
                                             NULL,
                                             5};
    rf_bench bench;
    int code;
    return rf_bench_begin(&command, argc, argv, &bench, &code) ? run(&bench, bench.profile != NULL) : code;
}

int rf_bench_ops(int argc, char **argv) {
    static const rf_bench_command command = {"rf-bench ops",
                                             "time every op of a training step",
                                             description,
                                             "  rf-bench ops configs/mnet025.ini --batch 8 --profile profile",
                                             "side of the training images (input.size)",
                                             true,
                                             true,
                                             true,
                                             NULL,
                                             5};
    rf_bench bench;
    int code;
    return rf_bench_begin(&command, argc, argv, &bench, &code) ? run(&bench, true) : code;
}
