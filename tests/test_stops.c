/* SPDX-License-Identifier: Apache-2.0 */
/* How a training run stops: signals at every moment, a full disk, a log that cannot be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "tests/trainer_kit.h"

/* An evaluation that a signal cuts off is made up for, once, and the file becomes the same. */
static void a_cut_evaluation_is_made_up_for(void **state) {
    (void)state;
    char log[2][4096];
    watch whole = {.values = {0.3, 0.6}}, cut = {.values = {-1}}, twice = {.values = {-1}},
          again = {.values = {0.3, -1}}, late = {.values = {-1}}, end = {.values = {0.6}};
    expect_run("evalwhole", "train.eval_every=1", false, &whole);
    expect_failure(run_training("evalcut", "train.eval_every=1", false, false, &cut), RF_ERR_INTERRUPTED,
                   "after update 5");
    /* A signal while it is made up for, between epochs and at the end of the run. */
    expect_failure(run_training("evalcut", "train.eval_every=1", true, false, &twice), RF_ERR_INTERRUPTED, "still due");
    assert_int_equal(twice.steps, 0);
    expect_failure(run_training("evalcut", "train.eval_every=1", true, false, &again), RF_ERR_INTERRUPTED,
                   "after update 10");
    expect_failure(run_training("evalcut", "train.eval_every=1", true, false, &late), RF_ERR_INTERRUPTED, "still due");
    assert_int_equal(late.n_evaluations, 1);
    expect_run("evalcut", "train.eval_every=1", true, &end);
    assert_int_equal(end.n_evaluations, 1);
    assert_int_equal(end.steps, 0);
    expect_same_checkpoint("evalwhole", "evalcut");
    expect_same_file(in_dir("%s/best.safetensors", "evalwhole"), in_dir("%s/best.safetensors", "evalcut"));
    log_facts("evalwhole", log[0], sizeof log[0]);
    log_facts("evalcut", log[1], sizeof log[1]);
    assert_string_equal(log[0], log[1]);
}

/* Before the first update there is nothing to save, and nothing in the folder that a new start would stumble over. */
static void a_signal_at_start_up(void **state) {
    (void)state;
    static const int kinds[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU};
    static const char *const names[] = {"SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGXCPU"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        rf_signal_raise(kinds[i]);
        watch w = {0};
        expect_failure(run_training("early", "", false, false, &w), RF_ERR_INTERRUPTED, names[i]);
        assert_int_equal(w.steps, 0);
        assert_false(rf_file_exists(in_dir("%s/last.safetensors", "early")));
    }
    expect_run("early", "schedule.epochs=1", false, NULL);
    rf_signal_raise(SIGTERM); /* nothing is left to do: done */
    expect_run("early", "schedule.epochs=1", true, NULL);
    rf_signal_raise(SIGTERM);
    watch w = {0};
    expect_failure(run_training("early", "schedule.epochs=2", true, false, &w), RF_ERR_INTERRUPTED, "after update 5");
    assert_int_equal(w.steps, 0);
}

/* A file-size limit stands for a full disk. */
static void a_full_disk_leaves_the_last_checkpoint(void **state) {
    (void)state;
    watch w = {.stop_at = 2};
    run_training("full", "train.save_steps=1", false, false, &w);
    size_t before_size, after_size;
    uint8_t *before = contents(in_dir("%s/last.safetensors", "full"), &before_size);
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    rf_status status = run_training("full", "train.save_steps=1", true, false, NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    expect_failure(status, RF_ERR_IO, "last.safetensors");
    uint8_t *after = contents(in_dir("%s/last.safetensors", "full"), &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    rf_free(before);
    rf_free(after);
    expect_run("full", "train.save_steps=1", true, NULL);
    expect_run("notfull", "train.save_steps=1", false, NULL);
    expect_same_checkpoint("full", "notfull");
}

/* What was learnt is saved all the same, and the run goes on to the same bits. */
static void a_log_that_cannot_be_written_loses_no_update(void **state) {
    (void)state;
    watch w = {.stop_at = 7, .break_log = "nolog"};
    expect_failure(run_training("nolog", "train.save_steps=0", false, false, &w), RF_ERR_IO, "update 8 was saved to");
    assert_int_equal(read_progress(in_dir("%s/last.safetensors", "nolog"), "").step, 8);
    assert_int_equal(rmdir(in_dir("%s/train.jsonl", "nolog")), 0);
    expect_run("nolog", "train.save_steps=0", true, NULL);
    expect_run("withlog", "train.save_steps=0", false, NULL);
    expect_same_checkpoint("nolog", "withlog");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_evaluation_is_made_up_for),
        cmocka_unit_test(a_signal_at_start_up),
        cmocka_unit_test(a_full_disk_leaves_the_last_checkpoint),
        cmocka_unit_test(a_log_that_cannot_be_written_loses_no_update),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, trainer_set_up, trainer_tear_down);
}
