/* The training run as a whole, on a small synthetic set: the same bits however it is interrupted or threaded, what
 * happens on NaN, signals, lack of memory and a full disk, and that a network learns a batch by heart. */
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
#include "data/synth.h"
#include "tests/scratch.h"
#include "train/trainer.h"

enum { IMAGES = 10, BATCH = 2, STEPS = 10 }; /* two epochs of five updates */

static rf_dataset *dataset;

static const char *in_dir(const char *format, const char *name) {
    char file[96];
    assert_in_range(snprintf(file, sizeof file, format, name), 0, sizeof file - 1);
    return scratch_path(file);
}

static int set_up(void **state) {
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

static int tear_down(void **state) {
    rf_dataset_free(dataset);
    return scratch_remove(state);
}

/* A small MobileNet-0.25 detector; `more` are further settings, separated by spaces. */
static rf_config settings(const char *more) {
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

/* What the callbacks of a run do and see. */
typedef struct watch {
    uint64_t fail_at; /* this allocation fails, 0: none */
    uint64_t stop_at; /* raise SIGTERM in this update, 0: never */
    double values[8]; /* what the evaluations return; below 0: cut off by a signal */
    int n_evaluations;
    uint64_t steps;
    double first_loss, last_loss;
    char notes[2048];
} watch;

static void on_step(void *ctx, const rf_train_line *line) {
    watch *w = ctx;
    if (w->steps++ == 0) w->first_loss = line->total;
    w->last_loss = line->total;
    if (line->step == w->stop_at) rf_signal_raise(SIGTERM);
}

static void on_note(void *ctx, const char *sentence) {
    watch *w = ctx;
    size_t used = strlen(w->notes);
    snprintf(w->notes + used, sizeof w->notes - used, "%s\n", sentence);
}

static rf_status on_evaluate(void *ctx, rf_params *params, const rf_real *weights, rf_eval_result *out) {
    watch *w = ctx;
    assert_non_null(params);
    assert_non_null(weights);
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

static rf_status run(const char *name, const char *more, bool resume, bool overfit, watch *w) {
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

static void expect_run(const char *name, const char *more, bool resume, watch *w) {
    if (run(name, more, resume, false, w) != RF_OK) fail_msg("%s: %s", name, rf_error_message());
}

static void expect_failure(rf_status status, rf_status expected, const char *part) {
    if (status != expected || !strstr(rf_error_message(), part))
        fail_msg("status %d, message '%s', expected %d and '%s'", status, rf_error_message(), expected, part);
}

static uint8_t *contents(const char *path, size_t *size) {
    uint8_t *data = NULL;
    if (rf_file_read(path, 0, &data, size) != RF_OK) fail_msg("%s", rf_error_message());
    return data;
}

static void expect_same_file(const char *a, const char *b) {
    size_t n_a, n_b;
    uint8_t *data_a = contents(a, &n_a), *data_b = contents(b, &n_b);
    if (n_a != n_b || memcmp(data_a, data_b, n_a) != 0) fail_msg("%s and %s differ", a, b);
    rf_free(data_a);
    rf_free(data_b);
}

static void expect_same_checkpoint(const char *a, const char *b) {
    expect_same_file(in_dir("%s/last.safetensors", a), in_dir("%s/last.safetensors", b));
}

/* The log as "kind step loss" a line: without times. */
static void log_facts(const char *name, char *out, size_t bytes) {
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
            expect_failure(run(cut, recipes[r], false, false, &w), RF_ERR_INTERRUPTED, "continue with --resume");
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
    run("crash", "", false, false, &w);
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

/* Loads a checkpoint; rf_checkpoint_read refuses one with NaN or infinity in it. */
static rf_progress read_progress(const char *path, const char *recipe) {
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
    expect_failure(run("nan", "optim.lr=100 optim.momentum=1 train.save_steps=0 train.save_every=0 schedule.epochs=60",
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
    expect_failure(run("finite", recipe, false, false, NULL), RF_ERR_NONFINITE, "nothing was saved");
    assert_true(read_progress(in_dir("%s/last.safetensors", "finite"), recipe).step > 0);
}

static void a_batch_is_learned_by_heart(void **state) {
    (void)state;
    watch w = {0};
    if (run("overfit", "optim.lr=0.01 train.max_steps=250 optim.weight_decay=0 train.log_every=1", false, true, &w) !=
        RF_OK)
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

/* An evaluation that a signal cuts off is made up for, once, and the file becomes the same. */
static void a_cut_evaluation_is_made_up_for(void **state) {
    (void)state;
    char log[2][4096];
    watch whole = {.values = {0.3, 0.6}}, cut = {.values = {-1}}, twice = {.values = {-1}},
          again = {.values = {0.3, -1}}, late = {.values = {-1}}, end = {.values = {0.6}};
    expect_run("evalwhole", "train.eval_every=1", false, &whole);
    expect_failure(run("evalcut", "train.eval_every=1", false, false, &cut), RF_ERR_INTERRUPTED, "after update 5");
    /* A signal while it is made up for, between epochs and at the end of the run. */
    expect_failure(run("evalcut", "train.eval_every=1", true, false, &twice), RF_ERR_INTERRUPTED, "still due");
    assert_int_equal(twice.steps, 0);
    expect_failure(run("evalcut", "train.eval_every=1", true, false, &again), RF_ERR_INTERRUPTED, "after update 10");
    expect_failure(run("evalcut", "train.eval_every=1", true, false, &late), RF_ERR_INTERRUPTED, "still due");
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
        expect_failure(run("early", "", false, false, &w), RF_ERR_INTERRUPTED, names[i]);
        assert_int_equal(w.steps, 0);
        assert_false(rf_file_exists(in_dir("%s/last.safetensors", "early")));
    }
    expect_run("early", "schedule.epochs=1", false, NULL);
    rf_signal_raise(SIGTERM); /* nothing is left to do: done */
    expect_run("early", "schedule.epochs=1", true, NULL);
    rf_signal_raise(SIGTERM);
    watch w = {0};
    expect_failure(run("early", "schedule.epochs=2", true, false, &w), RF_ERR_INTERRUPTED, "after update 5");
    assert_int_equal(w.steps, 0);
}

static void mistakes_are_told(void **state) {
    (void)state;
    expect_failure(run("empty", "", true, false, NULL), RF_ERR_USER, "leave --resume out");
    expect_run("held", "schedule.epochs=1", false, NULL);
    expect_failure(run("held", "schedule.epochs=1", false, false, NULL), RF_ERR_USER, "holds a run already");
    expect_failure(run("held", "train.seed=9", true, false, NULL), RF_ERR_USER, "train.seed = 1, not 9");
    expect_failure(run("held", "model.channels=32", true, false, NULL), RF_ERR_USER,
                   "keeps model.channels = 16, not 32");
    expect_failure(run("few", "train.batch=64", false, false, NULL), RF_ERR_USER, "64");
    expect_failure(run("many", "optim.accumulate=8", false, false, NULL), RF_ERR_USER, "optim.accumulate=8");
    expect_failure(run("noinit", "model.init=/nowhere/w.safetensors", false, false, NULL), RF_ERR_IO, "/nowhere/w");
    /* A longer training continues where the shorter one ended. */
    expect_run("held", "schedule.epochs=2", true, NULL);
}

/* A file-size limit stands for a full disk. */
static void a_full_disk_leaves_the_last_checkpoint(void **state) {
    (void)state;
    watch w = {.stop_at = 2};
    run("full", "train.save_steps=1", false, false, &w);
    size_t before_size, after_size;
    uint8_t *before = contents(in_dir("%s/last.safetensors", "full"), &before_size);
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    rf_status status = run("full", "train.save_steps=1", true, false, NULL);
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

static void running_out_of_memory(void **state) {
    (void)state;
    unsigned long long failures = 0;
    uint64_t n = 1;
    for (;; n += n / 12 + 1) {
        char name[32];
        snprintf(name, sizeof name, "oom%llu", (unsigned long long)n);
        watch w = {.fail_at = n};
        uint64_t before = rf_alloc_count();
        rf_status status = run(name, "train.max_steps=1 data.workers=0", false, false, &w);
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
        cmocka_unit_test(a_cut_evaluation_is_made_up_for),
        cmocka_unit_test(a_signal_at_start_up),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(a_full_disk_leaves_the_last_checkpoint),
        cmocka_unit_test(running_out_of_memory),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
