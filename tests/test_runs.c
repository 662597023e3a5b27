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
#include "tests/programs.h"

#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini -t 1 --set input.size=64 --set train.batch=4 --set model.channels=16 "               \
    "--set train.log_every=1 --set schedule.epochs=100000 "
#define ON_SET "--set data.root=@/set "
#define VAL(root, n) root "/val/images/0--Synth/synth_val_00000" n ".jpg"

#define out programs_out
#define err programs_err

static char log_text[PROGRAMS_TEXT];

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

static void copy(const char *from, const char *to) {
    uint8_t *data = NULL;
    size_t n = 0;
    if (rf_file_read(at(from), 0, &data, &n) != RF_OK || rf_file_write_atomic(at(to), data, n) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_free(data);
}

/* What was printed to a stream or written to a file holds these words, or does not. */
static void has(const char *text, const char *words) {
    if (!strstr(text, at(words))) fail_msg("expected the words: %s\nin: %s", at(words), text);
}

static void lacks(const char *text, const char *words) {
    if (strstr(text, at(words))) fail_msg("unexpected words: %s\nin: %s", at(words), text);
}

static void file_has(const char *path, const char *words) {
    read_text(path, log_text);
    has(log_text, words);
}

static void file_lacks(const char *path, const char *words) {
    read_text(path, log_text);
    lacks(log_text, words);
}

static void ends_with(const char *command, int code) {
    int found = run(command);
    if (found != code) fail_msg("%s\nended with %d, expected %d: %s", command, found, code, err);
}

static void saved(const char *folder, const char *key, const char *expected) {
    rf_st_file *file;
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (rf_st_read(at(path), &file) != RF_OK) fail_msg("%s", rf_error_message());
    const char *value = rf_st_meta(file, key);
    if (!value || strcmp(value, expected) != 0) fail_msg("%s of %s is %s, expected %s", key, folder, value, expected);
    rf_st_free(file);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    const char *const sets[] = {"@/set", "@/other", "@/hurt"};
    for (int i = 0; i < 3; i++) {
        char command[256];
        snprintf(command, sizeof command,
                 "rf-data synth --out %s --train %d --val 4 --size 96x96 --min-face 16 --max-faces 3 --seed 5", sets[i],
                 i == 1 ? 8 : 12);
        succeeds(command);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* ---- other settings ---- */

static void what_changed_is_listed_and_kept(void **state) {
    (void)state;
#define STEPS "--set train.max_steps="
    succeeds(TRAIN ON_SET STEPS "4 --set optim.lr=0.01 --out @/run");
    assert_int_equal(count_files("@/run", "config"), 1);
    file_lacks("@/run/config.ini", "#");
    succeeds(TRAIN ON_SET STEPS "4 --set optim.lr=0.01 --out @/run --resume"); /* the same: not a word */
    assert_string_equal(err, "");
    file_lacks("@/run/train.jsonl", "settings");
    succeeds(TRAIN ON_SET STEPS "6 --set optim.lr=0.02 --set data.workers=1 --out @/run --resume");
    has(err, "optim.lr: 0.01 -> 0.02");
    has(err, "train.max_steps: 4 -> 6");
    has(err, "data.workers: 2 -> 1");
    lacks(err, "schedule");
    file_has("@/run/train.jsonl",
             "{\"kind\":\"settings\",\"step\":4,\"epoch\":1.33333333,\"revision\":1,\"config_crc32\":");
    file_has("@/run/train.jsonl", "\"changed\":{"
                                  "\"optim.lr\":{\"before\":\"0.01\",\"now\":\"0.02\"}");
    file_has("@/run/config.1.ini", "until update 4");
    file_has("@/run/config.1.ini", "\nlr = 0.01\n");
    file_has("@/run/config.ini", "\nlr = 0.02\n");
    file_has("@/run/config.ini", "config.1.ini");
    /* What is kept reads back as a configuration, and goes on as the run stands. */
    ends_with("rf-train @/run/config.ini -t 1 --out @/run --resume", 0);
    assert_string_equal(err, "");
    assert_int_equal(count_files("@/run", "config"), 2);
    /* Back again: a second change. */
    succeeds("rf-train @/run/config.1.ini -t 1 --set train.max_steps=6 --out @/run --resume");
    has(err, "optim.lr: 0.02 -> 0.01");
    file_has("@/run/config.2.ini", "until update 6");
    file_has("@/run/train.jsonl", "\"revision\":2");
}

/* A crash between the log's line and the checkpoint: the next try, with the old settings, takes the change back. */
static void a_change_that_did_not_come_about_is_forgotten(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "3 --out @/torn");
    FILE *file = fopen(at("@/torn/train.jsonl"), "ab");
    assert_non_null(file);
    fputs("{\"kind\":\"settings\",\"step\":3,\"epoch\":1,\"revision\":1,\"config_crc32\":1,\"changed\":{}}\n", file);
    fclose(file);
    write_text("@/torn/config.1.ini", "[optim]\n");
    write_text("@/torn/config.ini", "[optim]\nlr = 9\n");
    succeeds(TRAIN ON_SET STEPS "3 --out @/torn --resume");
    file_lacks("@/torn/train.jsonl", "settings");
    file_lacks("@/torn/config.ini", "lr = 9");
    assert_int_equal(count_files("@/torn", "config"), 1);
}

static void what_cannot_change_is_refused(void **state) {
    (void)state;
    static const char *const calls[][2] = {
        {"--set model.channels=32", "keeps model.channels = 16, not 32"},
        {"--set model.backbone=resnet18", "keeps model.backbone = mobilenet025, not resnet18"},
        {"--set anchors.sizes=16,32,64,128,256,500", "keeps anchors.sizes = 16,32,64,128,256,512, not"},
        {"--set anchors.variance_size=0.3", "keeps anchors.variance_size = 0.2, not 0.3"},
        {"--set input.mean=1,2,3", "keeps input.mean"},
        {"--set cascade.stages=2", "keeps cascade.stages = 1, not 2"},
        {"--set train.batch=2", "keeps train.batch = 4, not 2"},
        {"--set optim.accumulate=2", "keeps optim.accumulate = 1, not 2"},
        {"--set optim.ema=0.9", "keeps optim.ema = 0, not 0.9"},
        {"--seed 7", "keeps train.seed = 1, not 7"},
        {"--seed 7 --set model.channels=32 --set optim.lr=0.5",
         "keeps model.channels = 16, not 32; train.seed = 1, not 7"},
        {"--seed 7", "start a new run with --init @/fixed/last.safetensors and another --out"},
        {"--overfit", "was begun without --overfit"},
        {"--set data.root=@/other", "the training set has 8 images, the run in @/fixed was begun with 12"},
    };
    succeeds(TRAIN ON_SET STEPS "4 --out @/fixed");
    static const char *const files[] = {"config.ini", "train.jsonl", "last.safetensors"};
    char from[64], to[64], command[512];
    assert_int_equal(mkdir(at("@/before"), 0777), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "@/fixed/%s", files[i]);
        snprintf(to, sizeof to, "@/before/%s", files[i]);
        copy(from, to);
    }
    size_t n = count_files("@/fixed", "");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        snprintf(command, sizeof command, TRAIN ON_SET STEPS "9 --out @/fixed --resume %s", calls[i][0]);
        refused(command, calls[i][1]);
    }
    assert_int_equal(count_files("@/fixed", ""), n);
    for (int i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "@/fixed/%s", files[i]);
        snprintf(to, sizeof to, "@/before/%s", files[i]);
        assert_true(same_bytes(from, to));
    }
    refused(TRAIN ON_SET "--out @/fixed --resume --init @/fixed/last.safetensors", "--init and --resume");
}

/* As many images with other boxes: epochs mean what they meant, and what changed is told. */
static void other_annotations_are_told(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "3 --out @/notes");
    copy("@/set/train/label.txt", "@/label.txt");
    read_text("@/set/train/label.txt", log_text);
    char *digit = strpbrk(strchr(log_text, '\n'), "123456789");
    *digit = *digit == '1' ? '2' : (char)(*digit - 1);
    write_text("@/set/train/label.txt", log_text);
    succeeds(TRAIN ON_SET STEPS "6 --out @/notes --resume");
    copy("@/label.txt", "@/set/train/label.txt");
    has(err, "training set: 12 images");
    has(err, "other names or annotations");
    file_has("@/notes/train.jsonl", "\"training set\":{\"before\":\"12 images");
}

/* Weights that a run starts from are one of its settings; a resumed run has its own. */
static void the_first_weights_are_a_setting(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "2 --out @/first");
    succeeds(TRAIN ON_SET STEPS "2 --init @/first/last.safetensors --out @/second");
    file_has("@/second/config.ini", "init = @/first/last.safetensors");
    succeeds(TRAIN ON_SET STEPS "3 --out @/second --resume");
    lacks(err, "model.init");
    file_has("@/second/config.ini", "init = @/first/last.safetensors");
    succeeds(TRAIN ON_SET STEPS "3 --set model.init=@/elsewhere --out @/second --resume");
    has(err, "model.init");
    has(err, "without effect");
    file_has("@/second/config.ini", "init = @/first/last.safetensors");
}

/* Figures that are measured otherwise are not compared with those before. */
static void another_way_to_measure_begins_best_anew(void **state) {
    (void)state;
#define EVAL "--set train.eval_every=1 "
    succeeds(TRAIN ON_SET EVAL STEPS "3 --out @/best");
    assert_true(rf_file_exists(at("@/best/best.safetensors")));
    copy("@/best/best.safetensors", "@/best.safetensors");
    succeeds(TRAIN ON_SET EVAL STEPS "3 --set eval.iou=0.6 --out @/best --resume");
    has(err, "kept as @/best/best.1.safetensors");
    assert_true(same_bytes("@/best.safetensors", "@/best/best.1.safetensors"));
    saved("@/best", "rf.best", "-1");
    assert_false(rf_file_exists(at("@/best/best.safetensors")));
    succeeds(TRAIN ON_SET EVAL STEPS "6 --set eval.iou=0.6 --out @/best --resume");
    saved("@/best", "rf.best_step", "6");
}

/* A disk that fills up at the change: the run stands as it did. */
static void a_change_that_cannot_be_written_leaves_the_run(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "3 --out @/small");
    copy("@/small/config.ini", "@/config.ini");
    copy("@/small/train.jsonl", "@/log.jsonl");
    programs_file_limit = 30000;
    int code = run(TRAIN ON_SET STEPS "6 --out @/small --resume");
    programs_file_limit = 0;
    assert_int_equal(code, 2);
    has(err, "the file is as it was before");
    assert_true(same_bytes("@/small/config.ini", "@/config.ini"));
    assert_true(same_bytes("@/small/train.jsonl", "@/log.jsonl"));
    assert_int_equal(count_files("@/small", "config"), 1);
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
        cmocka_unit_test(what_changed_is_listed_and_kept),
        cmocka_unit_test(a_change_that_did_not_come_about_is_forgotten),
        cmocka_unit_test(a_change_that_cannot_be_written_leaves_the_run),
        cmocka_unit_test(what_cannot_change_is_refused),
        cmocka_unit_test(other_annotations_are_told),
        cmocka_unit_test(the_first_weights_are_a_setting),
        cmocka_unit_test(another_way_to_measure_begins_best_anew),
        cmocka_unit_test(a_folder_has_one_writer),
        cmocka_unit_test(a_lock_is_let_go),
        cmocka_unit_test(outputs_have_one_writer),
        cmocka_unit_test(a_cut_set_has_no_old_list),
        cmocka_unit_test(every_signal_saves),
        cmocka_unit_test(a_reader_that_leaves_ends_the_run),
        cmocka_unit_test(closed_streams_stay_out_of_files),
        cmocka_unit_test(the_log_has_whole_lines),
        cmocka_unit_test(a_figure_over_fewer_pictures_says_so),
        cmocka_unit_test(without_pictures_there_is_no_figure),
        cmocka_unit_test(the_ground_truth_is_of_the_pictures),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
