/* SPDX-License-Identifier: Apache-2.0 */
/* A run's folder tells the truth: what a resumed run may change and what not, who may write, how a run ends, and over
 * how many pictures a figure is. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/lock.h"
#include "core/mem.h"
#include "core/safetensors.h"
#include "tests/run_kit.h"

#define VAL(root, n) root "/val/images/0--Synth/synth_val_00000" n ".jpg"

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    make_set("@/set", 12);
    make_set("@/hurt", 12);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* ---- two writers ---- */

static void a_folder_has_one_writer(void **state) {
    (void)state;
    char holder[64];
    pid_t pid = start(TRAIN ON_SET "--set train.save_steps=1 --out @/busy");
    wait_for("step 3/");
    snprintf(holder, sizeof holder, "in use by a training run (process %ld on ", (long)pid);
    kill(pid, SIGSTOP); /* its output is not the second one's */
    rename(at("@/stdout.txt"), at("@/first.txt"));
    refused(TRAIN ON_SET "--out @/busy --resume", holder);
    assert_int_equal(rename(at("@/busy/last.safetensors"), at("@/busy/hidden")), 0);
    refused(TRAIN ON_SET "--out @/busy", holder); /* a run that has saved nothing yet */
    assert_int_equal(rename(at("@/busy/hidden"), at("@/busy/last.safetensors")), 0);
    rename(at("@/first.txt"), at("@/stdout.txt"));
    kill(pid, SIGKILL);
    assert_int_equal(finish(pid), 1000 + SIGKILL);
    succeeds(TRAIN ON_SET STEPS "4 --out @/busy --resume"); /* the dead leave no lock */
    assert_int_not_equal(access(at("@/busy/.rf-lock"), F_OK), 0);
}

static void a_lock_is_let_go(void **state) {
    (void)state;
    rf_lock *lock = NULL, *second = NULL;
    assert_int_equal(rf_lock_make(at("@/locked/deep"), "a test", &lock), RF_OK);
    assert_true(rf_lock_holds(lock));
    assert_int_equal(rf_lock_take(at("@/locked/deep"), "another", &second), RF_ERR_USER);
    has(rf_error_message(), "@/locked/deep is in use by a test (process ");
    assert_null(second);
    rf_lock_release(lock);
    /* What a dead process left is no lock, whatever it holds. */
    write_text("@/locked/deep/.rf-lock", "\x1b[2J someone");
    assert_int_equal(rf_lock_take(at("@/locked/deep"), "another", &second), RF_OK);
    rf_lock_release(second);
    assert_int_not_equal(access(at("@/locked/deep/.rf-lock"), F_OK), 0);
    assert_int_equal(rf_lock_take(at("@/nowhere"), "a test", &lock), RF_ERR_IO);
    assert_null(lock);
    rf_lock_release(NULL);
}

/* The folders of the other programs: two writers would mix their files. */
static void outputs_have_one_writer(void **state) {
    (void)state;
    static const char *const calls[] = {
        "rf-data synth --train 2 --val 2 --size 96x96 --out @/mine",
        "rf-data show @/set --out @/mine",
        "rf-data convert @/set --from label --out @/mine",
        "rf-detect @/small.safetensors @/set/val/images --out @/mine",
        "rf-eval @/small.safetensors --data @/set --pred-out @/mine",
        "rf-train --compare a=@/log --out @/mine",
    };
    char command[512];
    rf_lock *lock = NULL;
    succeeds(TRAIN ON_SET STEPS "1 --out @/tiny");
    copy("@/tiny/last.safetensors", "@/small.safetensors");
    assert_int_equal(mkdir(at("@/log"), 0777), 0);
    write_text("@/log/train.jsonl", "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":4}\n");
    assert_int_equal(rf_lock_make(at("@/mine"), "a test", &lock), RF_OK);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) refused(calls[i], "@/mine is in use by a test (process ");
    assert_int_equal(count_files("@/mine", ""), 0);
    rf_lock_release(lock);
    write_text("@/mine.jsonl", "of somebody else\n");
    int file = open(at("@/mine.jsonl"), O_WRONLY);
    assert_true(file >= 0 && rf_lock_open_file(file));
    refused("rf-detect @/small.safetensors @/set/val/images --json @/mine.jsonl", "another program is writing it");
    file_has("@/mine.jsonl", "of somebody else");
    close(file);
    succeeds("rf-detect @/small.safetensors @/set/val/images --json @/mine.jsonl");
    /* One folder for two options is one claim, and nothing of it stays. */
    succeeds("rf-eval @/small.safetensors --data @/set --pred-out @/both");
    assert_int_not_equal(access(at("@/both/.rf-lock"), F_OK), 0);
    assert_true(count_files("@/both", ".txt") == 4);
    /* Folders that were made for nothing go. */
    snprintf(command, sizeof command, "rf-detect @/none.safetensors @/set/val/images --out @/made/for/nothing");
    ends_with(command, 2);
    assert_false(rf_dir_exists(at("@/made")));
}

/* A set that is drawn again and cut short has no list, rather than the list of the set before. */
static void a_cut_set_has_no_old_list(void **state) {
    (void)state;
    succeeds("rf-data synth --train 2 --val 1 --size 96x96 --max-faces 2 --out @/again");
    programs_file_limit = 1000;
    ends_with("rf-data synth --train 2 --val 1 --size 96x96 --max-faces 2 --seed 9 --out @/again", 2);
    programs_file_limit = 0;
    assert_false(rf_file_exists(at("@/again/train/label.txt")));
}

/* ---- how a run ends ---- */

static void every_signal_saves(void **state) {
    (void)state;
    static const struct {
        int number;
        bool twice;
        const char *name;
    } kinds[] = {{SIGTERM, false, "SIGTERM"},
                 {SIGHUP, true, "SIGHUP"},
                 {SIGPIPE, false, "SIGPIPE"},
                 {SIGINT, true, "SIGINT"},
                 {SIGXCPU, false, "SIGXCPU"}};
    char command[512], words[128];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(command, sizeof command, TRAIN ON_SET "--out @/signal%d", (int)i);
        pid_t pid = start(command);
        wait_for("step 2/");
        kill(pid, kinds[i].number);
        if (kinds[i].twice) kill(pid, kinds[i].number); /* as timeout(1) does, and a closing terminal */
        assert_int_equal(finish(pid), 130);
        snprintf(words, sizeof words, "stopped by %s after update", kinds[i].name);
        has(err, words);
        snprintf(words, sizeof words, "saved to @/signal%d/last.safetensors; continue with --resume", (int)i);
        has(err, words);
    }
}

/* As with "| head -1": who reads the output goes away. */
static void a_reader_that_leaves_ends_the_run(void **state) {
    (void)state;
    char fifo[512], byte;
    snprintf(fifo, sizeof fifo, "%s", at("@/fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    programs_stdout = fifo;
    pid_t pid = start(TRAIN ON_SET "--out @/piped");
    int end = open(fifo, O_RDONLY);
    assert_true(end >= 0 && read(end, &byte, 1) == 1);
    close(end);
    int code = finish(pid);
    programs_stdout = "@/stdout.txt";
    assert_int_equal(code, 130);
    has(err, "stopped by SIGPIPE");
    lacks(err, "cannot write to the standard output");
}

/* A descriptor that the caller closed must not be given to a file of the run. */
static void closed_streams_stay_out_of_files(void **state) {
    (void)state;
    char program[512], command[2048];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(n > 0);
    program[n] = 0;
    for (int i = 0; i < 2; i++) *strrchr(program, '/') = 0;
    snprintf(command, sizeof command, "%s/%s >&- 2>&- <&-", program, at(TRAIN ON_SET STEPS "3 --out @/closed"));
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s", TRAIN ON_SET STEPS "3 --out @/open");
    succeeds(command);
    assert_true(same_bytes("@/closed/last.safetensors", "@/open/last.safetensors"));
    assert_true(same_bytes("@/closed/config.ini", "@/open/config.ini"));
}

/* A line that does not fit is taken back, so that the log has whole lines; what a crash tore is passed over. */
static void the_log_has_whole_lines(void **state) {
    (void)state;
    struct rlimit old, limit;
    write_text("@/lines.jsonl", "{\"a\":1}\n");
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 12;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    rf_status status = rf_file_append_line(at("@/lines.jsonl"), "{\"b\":2}");
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, RF_ERR_IO);
    read_text("@/lines.jsonl", log_text);
    assert_string_equal(log_text, "{\"a\":1}\n");
    assert_int_equal(mkdir(at("@/killed"), 0777), 0);
    write_text("@/killed/train.jsonl", "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":4}\n{\"kind\":\"ep");
    succeeds("rf-train --compare a=@/killed --out @/compared");
    has(out, "| a | 4.000 |");
    write_text("@/killed/train.jsonl", "{\"kind\":\"ep\n{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":4}\n");
    refused("rf-train --compare a=@/killed --out @/compared", "train.jsonl:1");
}

/* ---- figures over fewer pictures ---- */

static void hurt(const char *number) {
    char path[128];
    snprintf(path, sizeof path, VAL("@/hurt", "%s"), number);
    assert_int_equal(truncate(at(path), 300), 0);
}

static void heal(const char *number) {
    char from[128], to[128];
    snprintf(from, sizeof from, VAL("@/set", "%s"), number);
    snprintf(to, sizeof to, VAL("@/hurt", "%s"), number);
    copy(from, to);
}

#define ON_HURT "--set data.root=@/hurt " EVAL
static void a_figure_over_fewer_pictures_says_so(void **state) {
    (void)state;
    hurt("1");
    succeeds(TRAIN ON_HURT STEPS "3 --out @/fewer");
    has(out, "over 3 of 4 pictures");
    has(err, "validation after update 3 is over 3 of 4 pictures: 1 could not be read");
    file_has("@/fewer/train.jsonl", "\"images\":3,\"unreadable\":1}");
    file_lacks("@/fewer/metrics.svg", ">unreadable<");
    saved("@/fewer", "rf.best_step", "3");
    heal("1");
    succeeds(TRAIN ON_HURT STEPS "6 --out @/fewer --resume");
    lacks(err, "could not be read");
    has(err, "best follows the figure over more pictures");
    file_has("@/fewer/train.jsonl", "\"images\":4,\"unreadable\":0}");
    saved("@/fewer", "rf.best_step", "6");
    hurt("2");
    succeeds(TRAIN ON_HURT STEPS "9 --out @/fewer --resume");
    has(err, "best stays with the figure over more pictures");
    saved("@/fewer", "rf.best_step", "6");
    heal("2");
}

static void a_figure_of_smaller_pictures_says_so(void **state) {
    (void)state;
    succeeds(TRAIN "--set data.root=@/set " EVAL STEPS
                   "3 --out @/smaller --set eval.scales=600 --set eval.max_pixels=0.1");
    has(out, "4 pictures were made smaller than asked for (eval.max_pixels=0.1;");
    file_has("@/smaller/train.jsonl", "\"images\":4,\"unreadable\":0,\"shrunk\":4}");
    file_lacks("@/smaller/metrics.svg", ">shrunk<");
}

static void without_pictures_there_is_no_figure(void **state) {
    (void)state;
    static const char *const all[] = {"0", "1", "2", "3"};
    for (int i = 0; i < 4; i++) hurt(all[i]);
    ends_with(TRAIN ON_HURT STEPS "3 --out @/none", 2);
    has(err, "not one of 4 validation pictures could be read");
    lacks(out, "done:");
    lacks(out, "0.0000");
    file_has("@/none/train.jsonl", "\"images\":0,\"unreadable\":4}");
    file_lacks("@/none/train.jsonl", "\"ap");
    assert_false(rf_file_exists(at("@/none/best.safetensors")));
    saved("@/none", "rf.step", "3");
    for (int i = 0; i < 4; i++) heal(all[i]);
    succeeds(TRAIN ON_HURT STEPS "3 --out @/none --resume"); /* made up for */
    has(out, "done: @/none/last.safetensors, best.safetensors");
    file_has("@/none/train.jsonl", "\"images\":4,\"unreadable\":0}");
    saved("@/none", "rf.evaluated", "3");
}

/* Another set's ground truth gives no figure of 0. */
static void the_ground_truth_is_of_the_pictures(void **state) {
    (void)state;
#define GROUND_TRUTH "../shared/data/wider/ground_truth"
    if (!rf_dir_exists(GROUND_TRUTH)) {
        puts("skip: no " GROUND_TRUTH);
        return;
    }
    succeeds(TRAIN ON_SET STEPS "1 --out @/truth");
    refused("rf-eval @/truth/last.safetensors --data @/set --gt " GROUND_TRUTH, "none of the 4 images of");
    char folder[1024], *real = realpath(GROUND_TRUTH, NULL), command[2048];
    snprintf(folder, sizeof folder, "%s", real);
    free(real);
    snprintf(command, sizeof command, TRAIN ON_SET STEPS "1 --set data.val_gt=%s --out @/falsely", folder);
    refused(command, "none of the 4 images of");
    assert_false(rf_dir_exists(at("@/falsely")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_has_one_writer),
        cmocka_unit_test(a_lock_is_let_go),
        cmocka_unit_test(outputs_have_one_writer),
        cmocka_unit_test(a_cut_set_has_no_old_list),
        cmocka_unit_test(every_signal_saves),
        cmocka_unit_test(a_reader_that_leaves_ends_the_run),
        cmocka_unit_test(closed_streams_stay_out_of_files),
        cmocka_unit_test(the_log_has_whole_lines),
        cmocka_unit_test(a_figure_over_fewer_pictures_says_so),
        cmocka_unit_test(a_figure_of_smaller_pictures_says_so),
        cmocka_unit_test(without_pictures_there_is_no_figure),
        cmocka_unit_test(the_ground_truth_is_of_the_pictures),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
