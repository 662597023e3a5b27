/* SPDX-License-Identifier: Apache-2.0 */
/* The training run: batches -> graph -> loss -> update -> checkpoint and log. */
#ifndef RF_TRAIN_TRAINER_H
#define RF_TRAIN_TRAINER_H

#include "autograd/exec.h"
#include "data/dataset.h"
#include "train/checkpoint.h"
#include "detect/loss/loss.h"

/* Results of an evaluation; the first is the leading one, which `best` follows (greater is better). */
typedef struct rf_eval_result {
    size_t asked, read; /* pictures of the validation set, and those of them that the figures are over */
    size_t shrunk;      /* of those read, looked at in a smaller size than asked for (eval.max_pixels) */
    int n;              /* 0: there is nothing to measure on */
    struct {
        char name[RF_METRIC_BYTES];
        double value;
    } item[RF_METRIC_MAX];
} rf_eval_result;

/* One update, for progress lines. */
typedef struct rf_train_line {
    uint64_t step, total_steps, steps_per_epoch;
    double epoch; /* fractional, after the update */
    /* Losses: means since the last line of the log. */
    double total;
    const rf_term_list *terms;   /* of the run */
    double values[RF_TERMS_MAX]; /* unweighted, of terms->v[i] */
    double parts[RF_TERM_PARTS]; /* weighted sum of each part that terms belong to */
    int n_parts;
    double lr, grad_norm;
    double images_per_second, data_wait; /* since the last line of the log; data_wait: share of the time, 0..1 */
    double eta_seconds;
    bool logged; /* this update was written to train.jsonl */
} rf_train_line;

/* How the trainer speaks to its caller. Any may be NULL. */
typedef struct rf_train_callbacks {
    void *ctx;
    void (*step)(void *ctx, const rf_train_line *line);
    void (*note)(void *ctx, const char *sentence);
    void (*warn)(void *ctx, const char *sentence); /* what a user should know of: settings that changed, figures */
    /* Evaluates `values` in place of those of params. RF_ERR_INTERRUPTED when a signal cut it off: the evaluation is
     * then still due. */
    rf_status (*evaluate)(void *ctx, rf_params *params, const rf_param_values *values, rf_eval_result *out);
} rf_train_callbacks;

typedef struct rf_train_options {
    const rf_config *config;   /* resolved; copied */
    const rf_dataset *dataset; /* borrowed */
    const char *out_dir;       /* folder of the run, created */
    const char *init;          /* weights to start from, NULL or "": model.init, else random */
    bool resume;               /* continue from OUT/last.safetensors */
    bool overfit;              /* repeat the first batch: can this model learn at all? */
    rf_train_callbacks callbacks;
} rf_train_options;

typedef struct rf_trainer rf_trainer;

/* Builds graph, plan and loader, loads weights or the checkpoint. Refuses a folder that holds a run unless `resume`,
 * one that another process trains in (RF_ERR_USER names it), and settings that a resumed run cannot change
 * (train/resume.h); others are listed by callbacks.warn and in train.jsonl, and the old ones are kept as config.N.ini.
 * Until the trainer is closed nobody else can open the folder. */
rf_status rf_trainer_open(const rf_train_options *options, rf_trainer **out);
void rf_trainer_close(rf_trainer *trainer);

/* Trains to the end. RF_ERR_INTERRUPTED after a signal (core/signals.h) while an update or an evaluation is left to do:
 * the step is finished and saved; a cut evaluation is made up for on resuming. RF_ERR_NONFINITE when
 * the loss or a gradient is NaN or infinite: the message names the first bad node and the images; nothing is
 * overwritten. */
rf_status rf_trainer_run(rf_trainer *trainer);

/* Facts for tables, valid while the trainer is open. */
const rf_exec *rf_trainer_exec(const rf_trainer *trainer);
const rf_params *rf_trainer_params(const rf_trainer *trainer);

/* What a configuration would need, without data: bytes of parameters and optimiser, and the arena's plan. */
typedef struct rf_train_plan {
    rf_plan_report arena;
    size_t parameter_bytes; /* weights, gradients, momenta, averages, statistics */
    size_t loader_bytes;
    size_t learnable, anchors; /* numbers, not bytes */
    double gflops_per_image;   /* forward */
} rf_train_plan;
rf_status rf_train_make_plan(const rf_config *config, rf_train_plan *out);

#endif
