/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/trainer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/signals.h"
#include "data/synth.h"
#include "tests/scratch.h"

static rf_dataset *dataset;

const char *in_dir(const char *format, const char *name) {
    char file[96];
    assert_in_range(snprintf(file, sizeof file, format, name), 0, sizeof file - 1);
    return scratch_path(file);
}

int trainer_set_up(void **state) {
    rf_synth_options options;
    rf_synth_defaults(&options);
    options.width = options.height = 96;
    options.min_face = 16;
    options.max_face = 70;
    options.max_faces = 3;
    options.crowds = false;
    if (scratch_make(state) != 0 || rf_synth_write(scratch, IMAGES, 1, 5, &options, NULL, NULL) != RF_OK ||
        rf_dataset_open("label", in_dir("train/label.txt", ""), in_dir("train/images", ""), NULL, &dataset) != RF_OK) {
        fprintf(stderr, "%s\n", rf_error_message());
        return -1;
    }
    return 0;
}

int trainer_tear_down(void **state) {
    rf_dataset_free(dataset);
    return scratch_remove(state);
}

/* A small MobileNet-0.25 detector; `more` are further settings, separated by spaces. */
rf_config settings(const char *more) {
    const char *overrides[32] = {"model.preset=biubug6", "model.channels=16",  "input.size=64",
                                 "train.batch=2",        "train.log_every=1",  "optim.lr=0.002",
                                 "schedule.epochs=2",    "train.save_steps=3", "schedule.warmup_epochs=0"};
    size_t n = 9;
    char text[512];
    snprintf(text, sizeof text, "%s", more);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) overrides[n++] = word;
    rf_config config;
    if (rf_config_load(NULL, overrides, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static void on_step(void *ctx, const rf_train_line *line) {
    watch *w = ctx;
    if (w->steps++ == 0) w->first_loss = line->total;
    w->last_loss = line->total;
    if (line->step != w->stop_at) return;
    if (w->break_log)
        assert_true(rename(in_dir("%s/train.jsonl", w->break_log), in_dir("%s/kept.jsonl", w->break_log)) == 0 &&
                    mkdir(in_dir("%s/train.jsonl", w->break_log), 0777) == 0);
    else
        rf_signal_raise(SIGTERM);
}

static void on_note(void *ctx, const char *sentence) {
    watch *w = ctx;
    size_t used = strlen(w->notes);
    snprintf(w->notes + used, sizeof w->notes - used, "%s\n", sentence);
}

static rf_status on_evaluate(void *ctx, rf_params *params, const rf_param_values *values, rf_eval_result *out) {
    watch *w = ctx;
    assert_non_null(params);
    assert_true(values && values->data && values->state);
    double value = w->values[w->n_evaluations++];
    if (value < 0) {
        rf_signal_raise(SIGINT);
        return rf_fail(RF_ERR_INTERRUPTED, "stopped by a signal after 0 images");
    }
    out->n = 1;
    strcpy(out->item[0].name, "AP");
    out->item[0].value = value;
    return RF_OK;
}

rf_status run_training(const char *name, const char *more, bool resume, bool overfit, watch *w) {
    static const watch none;
    watch unwatched = none;
    if (!w) w = &unwatched;
    uint64_t fail_at = w->fail_at;
    rf_config config = settings(more);
    rf_alloc_fail_at(fail_at);
    rf_trainer *trainer = NULL;
    rf_train_options options = {
        .config = &config,
        .dataset = dataset,
        .out_dir = in_dir("%s", name),
        .resume = resume,
        .overfit = overfit,
        .callbacks = {w, on_step, on_note, on_note, w->values[0] != 0 ? on_evaluate : NULL},
    };
    rf_status status = rf_trainer_open(&options, &trainer);
    if (status == RF_OK) status = rf_trainer_run(trainer);
    rf_trainer_close(trainer);
    rf_alloc_fail_at(0);
    rf_signal_clear();
    return status;
}

void expect_run(const char *name, const char *more, bool resume, watch *w) {
    if (run_training(name, more, resume, false, w) != RF_OK) fail_msg("%s: %s", name, rf_error_message());
}

void expect_failure(rf_status status, rf_status expected, const char *part) {
    if (status != expected || !strstr(rf_error_message(), part))
        fail_msg("status %d, message '%s', expected %d and '%s'", status, rf_error_message(), expected, part);
}

uint8_t *contents(const char *path, size_t *size) {
    uint8_t *data = NULL;
    if (rf_file_read(path, 0, &data, size) != RF_OK) fail_msg("%s", rf_error_message());
    return data;
}

void expect_same_file(const char *a, const char *b) {
    size_t n_a, n_b;
    uint8_t *data_a = contents(a, &n_a), *data_b = contents(b, &n_b);
    if (n_a != n_b || memcmp(data_a, data_b, n_a) != 0) fail_msg("%s and %s differ", a, b);
    rf_free(data_a);
    rf_free(data_b);
}

void expect_same_checkpoint(const char *a, const char *b) {
    expect_same_file(in_dir("%s/last.safetensors", a), in_dir("%s/last.safetensors", b));
}

/* The log as "kind step loss" a line: without times. */
void log_facts(const char *name, char *out, size_t bytes) {
    size_t size, used = 0;
    char *data = (char *)contents(in_dir("%s/train.jsonl", name), &size), *rest = NULL;
    for (char *line = strtok_r(data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        rf_json *root = NULL;
        const char *kind = NULL;
        double step = -1, loss = -1;
        assert_int_equal(rf_json_parse(line, strlen(line), &root), RF_OK);
        assert_true(rf_json_string(rf_json_get(root, "kind"), &kind));
        assert_true(rf_json_number(rf_json_get(root, "step"), &step));
        rf_json_number(rf_json_get(root, "loss"), &loss);
        if (strcmp(kind, "epoch") != 0) /* an epoch's means begin again with a resumed run */
            used += (size_t)snprintf(out + used, bytes - used, "%s %g %.17g\n", kind, step, loss);
        assert_true(used < bytes);
        rf_json_free(root);
    }
    rf_free(data);
}

/* Loads a checkpoint; rf_checkpoint_read refuses one with NaN or infinity in it. */
rf_progress read_progress(const char *path, const char *recipe) {
    rf_config config = settings(recipe);
    rf_params *params;
    rf_optimizer optimizer;
    rf_progress progress;
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    assert_int_equal(rf_optimizer_init(&optimizer, &config, params), RF_OK);
    if (rf_checkpoint_read(path, &optimizer, &progress) != RF_OK) fail_msg("%s", rf_error_message());
    rf_optimizer_free(&optimizer);
    rf_params_free(params);
    return progress;
}
