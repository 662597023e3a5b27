/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of rf-bench share: their options, samples and results. */
#ifndef RF_CLI_BENCH_H
#define RF_CLI_BENCH_H

#include "autograd/exec.h"
#include "autograd/kernels/peak.h"
#include "cli/args.h"
#include "cli/output.h"
#include "settings/settings.h"
#include "core/json.h"
#include "data/dataset.h"
#include "detect/spec.h"
#include "layers/params.h"

int rf_bench_ops(int argc, char **argv);
int rf_bench_step(int argc, char **argv);
int rf_bench_infer(int argc, char **argv);
int rf_bench_targets(int argc, char **argv);
int rf_bench_eval(int argc, char **argv);
int rf_bench_load(int argc, char **argv);
int rf_bench_scale(int argc, char **argv);
int rf_bench_info(int argc, char **argv);

typedef struct rf_bench {
    const char *name; /* "rf-bench step", for messages */
    /* options */
    const char *model, *json, *profile;
    rf_output_file file; /* of json */
    rf_text_list sets;
    long batch, iterations, threads; /* batch 0: the configuration's */
    long busy;                       /* also beside 1 to that many busy processes */
    int size[2];                     /* width, height; 0: the command's default */
    /* the configuration of the model, and its weights: random ones when a configuration was given */
    rf_config config;
    rf_params *params;
    rf_json_writer out; /* what --json writes; an object is open */
} rf_bench;

/* Which of the common options a command takes. */
typedef struct rf_bench_command {
    const char *name, *summary, *description, *examples;
    const char *size_doc; /* NULL: no --size */
    bool batch, profile, busy;
    const char *profile_doc; /* NULL: what --profile does for ops */
    long iterations;         /* default */
} rf_bench_command;

/* Parses the call, opens the model. True: run; false: end with *code. rf_bench_end in every case afterwards. */
bool rf_bench_begin(const rf_bench_command *command, int argc, char **argv, rf_bench *bench, int *code);
/* Writes the JSON file when status is RF_OK, frees, and gives the exit code. */
int rf_bench_end(rf_bench *bench, rf_status status);

/* Times of one thing over the iterations, in seconds. */
typedef struct rf_samples {
    double *v; /* rf_free it */
    size_t n;
} rf_samples;
rf_status rf_samples_add(rf_samples *samples, double seconds);
/* 0 when there are none. Sorts the samples. */
double rf_samples_median(rf_samples *samples);

/* Prints "name   12.3 ms (best .. worst)" and adds the median in seconds to the JSON under `key`. */
void rf_bench_tell(rf_bench *bench, const char *key, rf_samples *samples);
/* One measured pass, number `run` (0: to warm up; its work depends on the number only), and its seconds. */
typedef rf_status (*rf_bench_fn)(void *ctx, long run, double *seconds);
enum { RF_BENCH_BUSY = 64 };
/* --busy: the same passes beside one, two ... processes that keep a processor each busy; prints and adds to the JSON
 * the medians and their ratios to `alone`, under `key`_busyN and `key`_busyN_ratio. The processes end with this one. */
rf_status rf_bench_beside_busy(rf_bench *bench, const char *key, double alone, rf_bench_fn fn, void *ctx);

/* img_s and rss_mb, the last lines of every command that handles images. */
void rf_bench_tell_rate(rf_bench *bench, double images_per_second);

/* Median seconds of a training step of `batch` images of size x size, and its anchors; changes the configuration. */
rf_status rf_bench_measure_step(rf_bench *bench, long batch, long size, double *seconds, size_t *anchors);
/* Times of the targets of one image with n faces. */
rf_status rf_bench_measure_match(const rf_detect_spec *spec, const rf_anchor_set *anchors, size_t n, long iterations,
                                 rf_samples *times);

/* Pictures to measure with: those of [data], or, when data.root is empty, a drawn set in a temporary folder, which
 * closing removes (data.root then names it). Close in every case. */
typedef struct rf_bench_set {
    rf_dataset *dataset;
    char temporary[256];
} rf_bench_set;
rf_status rf_bench_set_open(rf_config *config, bool validation, rf_bench_set *out);
void rf_bench_set_close(rf_bench_set *set);

/* ---- per-op profile (bench_profile.c) ---- */

typedef struct rf_profile {
    const rf_graph *graph;
    rf_samples *nodes; /* [node count] */
    int n;
} rf_profile;
rf_status rf_profile_make(const rf_graph *graph, rf_profile *out);
/* Takes the seconds of every node since the last reset, and resets. */
rf_status rf_profile_add(rf_profile *profile, rf_exec *exec);
/* Prints the kinds of ops and the costliest nodes against the machine's peak. With `dir` also writes DIR/ops.csv (all
 * nodes) and DIR/roofline.svg. Adds peak_gflops, peak_gb_s and the kinds to the JSON. */
rf_status rf_profile_report(rf_bench *bench, rf_profile *profile, const char *dir);
void rf_profile_free(rf_profile *profile);

#endif
