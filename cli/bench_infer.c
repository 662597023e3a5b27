/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench infer and eval: from a picture to its faces. */
#include <stdio.h>
#include <string.h>

#include "autograd/exec.h"
#include "cli/bench.h"
#include "cli/model.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/sample.h"
#include "data/synth.h"
#include "eval/finder.h"
#include "layers/detector.h"

/* ---- the network alone ---- */

static rf_status forward_once(void *exec, long run, double *seconds) {
    (void)run;
    rf_exec_reset_times(exec);
    double start = rf_clock_seconds();
    RF_TRY(rf_exec_forward(exec, false));
    *seconds = rf_clock_seconds() - start;
    return RF_OK;
}

static rf_status run_network(rf_bench *b, rf_graph *graph) {
    rf_detector detector;
    rf_exec *exec = NULL;
    rf_profile profile = {0};
    rf_samples forward = {0};
    int n = b->batch ? (int)b->batch : rf_text_list_sets(&b->sets, "train.batch") ? (int)b->config.train.batch : 1;
    double begin = rf_clock_seconds();
    rf_status status;
    RF_TRY_GOTO(rf_detector_build(graph, b->params, &b->config, n, b->size[1], b->size[0], RF_EVAL, &detector));
    exec = rf_exec_new(graph, NULL);
    status = exec ? rf_profile_make(graph, &profile) : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    double built = rf_clock_seconds() - begin;
    rf_say("%d of %dx%d, %zu anchors; graph, plan and memory in %.1f ms\n", n, b->size[0], b->size[1], detector.anchors,
           1e3 * built);
    rf_json_put_number(&b->out, "build", built);
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    rf_real *input = rf_exec_data(exec, detector.input);
    for (size_t i = 0; i < (size_t)n * (size_t)b->size[0] * (size_t)b->size[1] * 3; i++)
        input[i] = rf_rng_range(&rng, -100, 100);
    for (long i = 0; i <= b->iterations; i++) {
        double seconds;
        RF_TRY_GOTO(forward_once(exec, i, &seconds));
        if (i == 0) continue;
        RF_TRY_GOTO(rf_samples_add(&forward, seconds));
        RF_TRY_GOTO(rf_profile_add(&profile, exec));
    }
    rf_bench_tell(b, "fwd", &forward);
    RF_TRY_GOTO(rf_bench_beside_busy(b, "fwd", rf_samples_median(&forward), forward_once, exec));
    rf_bench_tell_rate(b, n / rf_samples_median(&forward));
    if (b->profile) RF_TRY_GOTO(rf_profile_report(b, &profile, b->profile));
fail:
    rf_profile_free(&profile);
    rf_exec_free(exec);
    rf_free(forward.v);
    return status;
}

int rf_bench_infer(int argc, char **argv) {
    static const rf_bench_command command = {
        "rf-bench infer",
        "time the network in evaluation form",
        "  Runs the forward pass on random numbers: batch normalisation folded, "
        "no gradients. rf-bench eval times what\n"
        "  comes before and after it.",
        "  rf-bench infer runs/mnet/best.safetensors --size 1024x768",
        "width and height of the images (input.size where --set gives it, else 640x640)",
        true,
        true,
        true,
        NULL,
        21};
    rf_bench bench;
    int code;
    if (!rf_bench_begin(&command, argc, argv, &bench, &code)) return code;
    bool set = rf_text_list_sets(&bench.sets, "input.size");
    if (!bench.size[0]) bench.size[0] = bench.size[1] = set ? (int)bench.config.input.size : 640;
    rf_graph *graph = rf_graph_new();
    rf_status status = graph ? run_network(&bench, graph) : RF_ERR_NOMEM;
    rf_graph_free(graph);
    return rf_bench_end(&bench, status);
}

/* ---- whole pictures ---- */

typedef struct parts {
    rf_samples decode, resize, network, boxes, merge, total;
} parts;

static rf_status add_parts(parts *p, double decode, double total, const rf_finder_stats *a, const rf_finder_stats *b) {
    RF_TRY(rf_samples_add(&p->decode, decode));
    RF_TRY(rf_samples_add(&p->resize, b->resize - a->resize));
    RF_TRY(rf_samples_add(&p->network, b->network - a->network));
    RF_TRY(rf_samples_add(&p->boxes, b->decode - a->decode));
    RF_TRY(rf_samples_add(&p->merge, b->merge - a->merge));
    return rf_samples_add(&p->total, total - (b->build - a->build));
}

typedef struct pictures {
    const rf_dataset *dataset;
    rf_finder *finder;
    rf_face_list faces; /* of the last picture */
    parts *parts;       /* NULL: not wanted */
} pictures;

/* The picture of this turn, or the next one that can be read; *begin: when it was begun. */
static rf_status load_next(const pictures *p, long run, rf_image *image, double *begin) {
    const rf_face *truth;
    size_t n_truth, n = p->dataset->n_samples;
    rf_status status = RF_OK;
    for (size_t k = 0; k < n; k++) {
        *begin = rf_clock_seconds();
        status = rf_sample_load(p->dataset, ((size_t)run + k) % n, image, &truth, &n_truth);
        if (!rf_picture_is_to_blame(status)) return status;
        if ((size_t)run < n) rf_note("skipped: %s\n", rf_error_message());
    }
    return status;
}

static rf_status find_once(void *ctx, long run, double *seconds) {
    pictures *p = ctx;
    rf_image image = {0};
    rf_finder_stats before = rf_finder_get_stats(p->finder);
    double begin = 0;
    RF_TRY(load_next(p, run, &image, &begin));
    double decoded = rf_clock_seconds();
    rf_status status = rf_finder_run(p->finder, &image, &p->faces);
    double end = rf_clock_seconds();
    rf_image_free(&image);
    if (status != RF_OK) return status;
    rf_finder_stats after = rf_finder_get_stats(p->finder);
    *seconds = end - begin - (after.build - before.build);
    return p->parts && run > 0 ? add_parts(p->parts, decoded - begin, end - begin, &before, &after) : RF_OK;
}

static rf_status run_pictures(rf_bench *b, const rf_dataset *dataset) {
    parts p = {0};
    pictures all = {.dataset = dataset, .parts = &p};
    size_t found = 0;
    rf_status status;
    RF_TRY_GOTO(rf_params_fold(b->params, NULL));
    RF_TRY_GOTO(rf_finder_open(&b->config, b->params, &all.finder));
    for (long i = 0; i <= b->iterations; i++) {
        double seconds;
        RF_TRY_GOTO(find_once(&all, i, &seconds));
        if (i > 0) found += all.faces.n;
    }
    rf_say("%.1f faces an image above eval.score=%g\n", (double)found / (double)b->iterations, b->config.eval.score);
    rf_bench_tell(b, "decode", &p.decode);
    rf_bench_tell(b, "resize", &p.resize);
    rf_bench_tell(b, "network", &p.network);
    rf_bench_tell(b, "boxes", &p.boxes);
    rf_bench_tell(b, "merge", &p.merge);
    rf_bench_tell(b, "total", &p.total);
    all.parts = NULL;
    RF_TRY_GOTO(rf_bench_beside_busy(b, "total", rf_samples_median(&p.total), find_once, &all));
    rf_bench_tell_rate(b, 1 / rf_samples_median(&p.total));
fail:
    rf_finder_close(all.finder);
    rf_face_list_free(&all.faces);
    rf_samples *lists[] = {&p.decode, &p.resize, &p.network, &p.boxes, &p.merge, &p.total};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) rf_free(lists[i]->v);
    return status;
}

int rf_bench_eval(int argc, char **argv) {
    static const rf_bench_command command = {
        "rf-bench eval",
        "time the way from a picture file to its faces",
        "  Reads validation pictures of [data] (--set data.root=DIR), else a drawn set in a temporary folder, and "
        "finds\n"
        "  their faces as [eval] says. Building the graph of a new picture size is not counted.",
        "  rf-bench eval runs/mnet/best.safetensors --set data.root=/data/faces --iters 100",
        NULL,
        false,
        false,
        true,
        NULL,
        30};
    rf_bench bench;
    int code;
    if (!rf_bench_begin(&command, argc, argv, &bench, &code)) return code;
    rf_bench_set set;
    rf_status status = rf_bench_set_open(&bench.config, true, &set);
    if (status == RF_OK) status = run_pictures(&bench, set.dataset);
    rf_bench_set_close(&set);
    return rf_bench_end(&bench, status);
}
