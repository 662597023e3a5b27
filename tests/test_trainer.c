/* SPDX-License-Identifier: Apache-2.0 */
/* The training run as a whole, on a small synthetic set: the same bits however it is interrupted or threaded, what
 * happens on NaN and lack of memory, and that a network learns a batch by heart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/safetensors.h"
#include "core/signals.h"
#include "tests/trainer_kit.h"

#define OTHER_RULES                                                                                                    \
    "optim.ema=0.9 optim.nesterov=yes optim.clip_norm=5 optim.accumulate=2 train.save_steps=1 match.random_level=yes"
#define OTHER_LAYERS "model.share_heads=yes model.freeze_stages=1 optim.backbone_lr=0.1 optim.decay_bn_bias=no"
#define CASCADE "cascade.stages=2 cascade.body=predictions"
#define LEVELS "match.random_level=yes optim.weight_decay=0 optim.momentum=0"
#define DEFORMABLE "model.context_dcn=v2 model.lateral_dcn=v1"
#define HEADS "model.head_box=yes model.maxout=both"
static const char *const recipes[] = {"",         OTHER_RULES, OTHER_LAYERS " schedule.kind=cosine train.recompute=yes",
                                      DEFORMABLE, CASCADE,     HEADS " optim.accumulate=2 train.save_steps=1"};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static void interrupted_equals_uninterrupted(void **state) {
    (void)state;
    for (size_t r = 0; r < RECIPES; r++) {
        char whole[32], cut[32], log[2][4096];
        snprintf(whole, sizeof whole, "whole%zu", r);
        expect_run(whole, recipes[r], false, NULL);
        log_facts(whole, log[0], sizeof log[0]);
        uint64_t total = strstr(recipes[r], "accumulate") ? STEPS / 2 - 1 : STEPS;
        for (uint64_t at = 1; at < total; at += 3) {
            snprintf(cut, sizeof cut, "cut%zu_%d", r, (int)at);
            watch w = {.stop_at = at};
            expect_failure(run_training(cut, recipes[r], false, false, &w), RF_ERR_INTERRUPTED,
                           "continue with --resume");
            watch again = {0};
            expect_run(cut, recipes[r], true, &again);
            assert_int_equal(again.steps, total - at);
            assert_non_null(strstr(again.notes, "resuming"));
            expect_same_checkpoint(whole, cut);
            log_facts(cut, log[1], sizeof log[1]);
            assert_string_equal(log[0], log[1]);
        }
    }
}

/* A crash: the files are as the last checkpoint by number of updates left them, the log is ahead and torn. */
static void a_crash_loses_what_is_after_the_checkpoint(void **state) {
    (void)state;
    char log[2][4096];
    expect_run("nocrash", "", false, NULL);
    watch w = {.stop_at = 6};
    run_training("crash", "", false, false, &w);
    const char *path = in_dir("%s/train.jsonl", "crash");
    size_t size;
    uint8_t *data = contents(path, &size);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    fprintf(file, "{\"kind\":\"train\",\"step\":7,\"loss\":1}\n{\"kind\":\"eval\",\"step\":6}\n{\"kind\":\"tra");
    fclose(file);
    rf_free(data);
    expect_run("crash", "", true, NULL);
    expect_same_checkpoint("nocrash", "crash");
    log_facts("nocrash", log[0], sizeof log[0]);
    log_facts("crash", log[1], sizeof log[1]);
    assert_string_equal(log[0], log[1]);
}

static void threads_and_workers_do_not_matter(void **state) {
    (void)state;
    static const char *const workers[] = {"data.workers=0", "data.workers=1 data.prefetch=1",  "data.workers=3",
                                          DEFORMABLE,       CASCADE " match.random_level=yes", HEADS};
    /* The settings are part of a checkpoint, so runs of equal text are compared. */
    for (int k = 0; k < 6; k++) {
        char names[3][32];
        for (int threads = 1; threads <= 3; threads++) {
            snprintf(names[threads - 1], sizeof names[0], "t%d_%d", threads, k);
            rf_set_threads(threads);
            expect_run(names[threads - 1], workers[k], false, NULL);
            expect_same_checkpoint(names[0], names[threads - 1]);
        }
    }
    rf_set_threads(0);
    char log[2][4096];
    log_facts("t1_0", log[0], sizeof log[0]);
    for (int k = 1; k < 3; k++) {
        log_facts(k == 1 ? "t2_1" : "t3_2", log[1], sizeof log[1]);
        assert_string_equal(log[0], log[1]);
    }
    expect_run("seed2", "train.seed=2 data.workers=0", false, NULL);
    log_facts("seed2", log[1], sizeof log[1]);
    assert_string_not_equal(log[0], log[1]);
}

/* A head that no later batch trains would stay as the first one leaves it. */
static void levels_take_turns(void **state) {
    (void)state;
    static const char *const heads[] = {"ClassHead.0.conv1x1.bias", "ClassHead.1.conv1x1.bias",
                                        "ClassHead.2.conv1x1.bias"};
    rf_st_file *one, *all;
    expect_run("one", LEVELS " train.max_steps=1", false, NULL);
    expect_run("all", LEVELS, false, NULL);
    assert_int_equal(rf_st_read(in_dir("%s/last.safetensors", "one"), &one), RF_OK);
    assert_int_equal(rf_st_read(in_dir("%s/last.safetensors", "all"), &all), RF_OK);
    for (int l = 0; l < 3; l++)
        assert_memory_not_equal(rf_st_find(one, heads[l])->data, rf_st_find(all, heads[l])->data, 4 * sizeof(float));
    rf_st_free(one);
    rf_st_free(all);
}

static void nan_names_node_and_images(void **state) {
    (void)state;
    expect_failure(
        run_training("nan", "optim.lr=100 optim.momentum=1 train.save_steps=0 train.save_every=0 schedule.epochs=60",
                     false, false, NULL),
        RF_ERR_NONFINITE, "nothing was saved");
    const char *message = rf_error_message();
    assert_non_null(strstr(message, "update "));
    puts(message);
    assert_non_null(strstr(message, "0--Synth/"));
    assert_non_null(strstr(message, "optim.lr"));
    assert_int_equal(rf_exit_code(RF_ERR_NONFINITE), 4);
}

/* Running statistics overflow before the loss does: the last checkpoint must be one that training can go on from. */
static void a_checkpoint_is_always_finite(void **state) {
    (void)state;
    static const char recipe[] = "optim.lr=100 optim.momentum=1 train.save_steps=1 schedule.epochs=60";
    expect_failure(run_training("finite", recipe, false, false, NULL), RF_ERR_NONFINITE, "nothing was saved");
    assert_true(read_progress(in_dir("%s/last.safetensors", "finite"), recipe).step > 0);
}

static void a_batch_is_learned_by_heart(void **state) {
    (void)state;
    watch w = {0};
    if (run_training("overfit", "optim.lr=0.01 train.max_steps=250 optim.weight_decay=0 train.log_every=1", false, true,
                     &w) != RF_OK)
        fail_msg("%s", rf_error_message());
    printf("measured one batch by heart: loss %.3f -> %.4f\n", w.first_loss, w.last_loss);
    assert_true(w.last_loss < 0.01 * w.first_loss);
}

static void best_and_numbered_checkpoints(void **state) {
    (void)state;
    watch w = {.values = {0.2, 0.5, 0.4}};
    expect_run("best", "schedule.epochs=3 train.eval_every=1 train.keep_every=2", false, &w);
    assert_int_equal(w.n_evaluations, 3);
    rf_progress best = read_progress(in_dir("%s/best.safetensors", "best"), "");
    rf_progress last = read_progress(in_dir("%s/last.safetensors", "best"), "");
    assert_int_equal(best.step, 10);
    assert_int_equal(last.step, 15);
    assert_true(last.best == 0.5 && last.best_step == 10 && last.evaluated == 15);
    size_t size;
    char *svg = (char *)contents(in_dir("%s/metrics.svg", "best"), &size);
    assert_non_null(strstr(svg, ">AP<"));
    rf_free(svg);
    svg = (char *)contents(in_dir("%s/loss.svg", "best"), &size);
    assert_true(strstr(svg, ">cls<") && strstr(svg, ">box<") && strstr(svg, ">points<") && strstr(svg, "<polyline"));
    rf_free(svg);
    assert_true(rf_file_exists(in_dir("%s/epoch-0002.safetensors", "best")));
    assert_false(rf_file_exists(in_dir("%s/epoch-0003.safetensors", "best")));
}

static void mistakes_are_told(void **state) {
    (void)state;
    expect_failure(run_training("empty", "", true, false, NULL), RF_ERR_USER, "leave --resume out");
    expect_run("held", "schedule.epochs=1", false, NULL);
    expect_failure(run_training("held", "schedule.epochs=1", false, false, NULL), RF_ERR_USER, "holds a run already");
    expect_failure(run_training("held", "train.seed=9", true, false, NULL), RF_ERR_USER, "train.seed = 1, not 9");
    expect_failure(run_training("held", "model.channels=32", true, false, NULL), RF_ERR_USER,
                   "keeps model.channels = 16, not 32");
    expect_failure(run_training("few", "train.batch=64", false, false, NULL), RF_ERR_USER, "64");
    expect_failure(run_training("many", "optim.accumulate=8", false, false, NULL), RF_ERR_USER, "optim.accumulate=8");
    expect_failure(run_training("noinit", "model.init=/nowhere/w.safetensors", false, false, NULL), RF_ERR_IO,
                   "/nowhere/w");
    /* A longer training continues where the shorter one ended. */
    expect_run("held", "schedule.epochs=2", true, NULL);
}

static void running_out_of_memory(void **state) {
    (void)state;
    unsigned long long failures = 0;
    uint64_t n = 1;
    for (;; n += n / 12 + 1) {
        char name[32];
        snprintf(name, sizeof name, "oom%llu", (unsigned long long)n);
        watch w = {.fail_at = n};
        uint64_t before = rf_alloc_count();
        rf_status status = run_training(name, "train.max_steps=1 data.workers=0", false, false, &w);
        if (rf_alloc_count() - before < n) break;
        if (status == RF_OK) continue; /* a picture that could not be decoded was skipped */
        if (status != RF_ERR_NOMEM) fail_msg("allocation %d: status %d, %s", (int)n, status, rf_error_message());
        failures++;
    }
    assert_true(failures > 20);
    printf("measured %llu allocations of a run, %llu places failed\n", (unsigned long long)n, failures);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_equals_uninterrupted),
        cmocka_unit_test(a_crash_loses_what_is_after_the_checkpoint),
        cmocka_unit_test(threads_and_workers_do_not_matter),
        cmocka_unit_test(levels_take_turns),
        cmocka_unit_test(nan_names_node_and_images),
        cmocka_unit_test(a_checkpoint_is_always_finite),
        cmocka_unit_test(a_batch_is_learned_by_heart),
        cmocka_unit_test(best_and_numbered_checkpoints),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(running_out_of_memory),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, trainer_set_up, trainer_tear_down);
}
