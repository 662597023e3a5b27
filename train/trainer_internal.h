/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's state, shared by its construction (trainer.c), its loop (trainer_run.c) and its log (trainer_log.c). */
#ifndef RF_TRAIN_TRAINER_INTERNAL_H
#define RF_TRAIN_TRAINER_INTERNAL_H

#include "core/lock.h"
#include "data/loader.h"
#include "train/resume.h"
#include "train/train_graph.h"
#include "train/trainer.h"

/* Sums since the last line of the log, or since the epoch began. */
typedef struct rf_train_sums {
    uint64_t updates, micro_batches;
    double total, terms[RF_TERMS_MAX];
    double begin, wait_begin; /* clock and loader wait when the sums were cleared */
} rf_train_sums;

struct rf_trainer {
    rf_config config;
    rf_train_callbacks callbacks;
    char *out_dir, *log_path, *last_path, *best_path;
    rf_lock *lock; /* of out_dir */
    bool overfit;
    rf_changes changes; /* of a resumed run, until its files tell of them */
    char *before;       /* and the text of the settings before them */
    uint64_t revision;  /* changes of the run so far; a number of the log, so that checkpoints do not depend on it */
    rf_params *params;
    rf_optimizer optimizer;
    rf_train_graph net;
    rf_loader *loader;
    const rf_batch *held; /* the batch in use */
    rf_progress progress;
    uint64_t steps_per_epoch, total_steps;
    size_t unmeasured; /* pictures of the last evaluation when not one of them could be read, else 0 */
    rf_train_sums line, epoch;
    double grad_norm, lr;
    size_t skipped_told; /* broken images that were reported */
};

void rf_train_sums_clear(rf_train_sums *sums, const rf_loader *loader);
/* Calls callbacks.note or callbacks.warn with a formatted sentence. */
void rf_trainer_note(const rf_trainer *t, const char *fmt, ...) RF_PRINTF(2, 3);
void rf_trainer_warn(const rf_trainer *t, const char *fmt, ...) RF_PRINTF(2, 3);
/* After an update: the progress callback, and a line of train.jsonl when it is time. */
rf_status rf_trainer_log_step(rf_trainer *t);
rf_status rf_trainer_log_epoch(rf_trainer *t);
/* Figures over fewer pictures than asked say so ("images", "unreadable"). */
rf_status rf_trainer_log_metrics(rf_trainer *t, const rf_eval_result *metrics);
/* Draws loss.svg and metrics.svg from train.jsonl, which survives resuming. */
rf_status rf_trainer_plot(const rf_trainer *t);
/* Drops the lines of train.jsonl that are later than the checkpoint a run resumes from, and a last change of settings
 * that the checkpoint (t->before) does not know: it did not come about. Sets t->revision. */
rf_status rf_trainer_log_rewind(rf_trainer *t);
/* A line with what changed when the run was resumed. */
rf_status rf_trainer_log_changes(const rf_trainer *t, const rf_changes *changes);

/* The run's folder (trainer_folder.c). Claiming takes its lock and refuses a folder that holds a run unless `resume`,
 * and then one that holds none. */
rf_status rf_trainer_claim(rf_trainer *t, bool resume);
/* Writes config.ini and an empty or rewound log; a resumed run whose settings changed keeps the old ones as
 * config.N.ini and tells what changed on every way there is. The last step of opening: nothing is written before it. */
rf_status rf_trainer_begin_files(rf_trainer *t, bool resume);

#endif
