/* SPDX-License-Identifier: Apache-2.0 */
/* Training runs on a small synthetic set, for tests of the trainer. Every failure fails the cmocka test. */
#ifndef RF_TESTS_TRAINER_KIT_H
#define RF_TESTS_TRAINER_KIT_H

#include "train/trainer.h"

enum { IMAGES = 10, BATCH = 2, STEPS = 10 }; /* two epochs of five updates */

/* What the callbacks of a run do and see. */
typedef struct watch {
    uint64_t fail_at; /* this allocation fails, 0: none */
    uint64_t stop_at; /* raise SIGTERM in this update, 0: never */
    double values[8]; /* what the evaluations return; below 0: cut off by a signal */
    int n_evaluations;
    const char *break_log; /* in the update stop_at this run's log becomes a folder, instead of the signal */
    uint64_t steps;
    double first_loss, last_loss;
    char notes[2048];
} watch;

int trainer_set_up(void **state);
int trainer_tear_down(void **state);

/* The path that a format with one name gives below the test's folder. */
const char *in_dir(const char *format, const char *name);
/* A small MobileNet-0.25 detector; `more` are further settings, separated by spaces. */
rf_config settings(const char *more);
/* Trains into the folder `name`; w NULL: nobody watches. */
rf_status run_training(const char *name, const char *more, bool resume, bool overfit, watch *w);
void expect_run(const char *name, const char *more, bool resume, watch *w);
void expect_failure(rf_status status, rf_status expected, const char *part);
/* rf_free it. */
uint8_t *contents(const char *path, size_t *size);
void expect_same_file(const char *a, const char *b);
void expect_same_checkpoint(const char *a, const char *b);
/* The log as "kind step loss" a line: without times. */
void log_facts(const char *name, char *out, size_t bytes);
rf_progress read_progress(const char *path, const char *recipe);

#endif
