/* SPDX-License-Identifier: Apache-2.0 */
/* The programs as a user runs them: results, exit codes, the sentence of every mistake, broken files, signals, full
 * disks. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/safetensors.h"
#include "tests/programs.h"

#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 "                    \
    "--set schedule.epochs=100000 --set train.log_every=1 "
#define ON_SET "--set data.root=@/set "
#define PICTURES "@/set/val/images/0--Synth"

#define out programs_out
#define err programs_err

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

static void link_or_fail(const char *target, const char *path) {
    assert_int_equal(symlink(target, at(path)), 0);
}

static double number_of(const char *json, size_t bytes, const char *key) {
    rf_json *root;
    double value = -1;
    if (rf_json_parse(json, bytes, &root) != RF_OK) fail_msg("%s", rf_error_message());
    if (!rf_json_number(rf_json_get(root, key), &value)) fail_msg("no number %s in %s", key, json);
    rf_json_free(root);
    return value;
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 12 --val 4 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds("rf-data synth --out @/broken --train 6 --val 3 --size 96x96 --max-faces 3");
    write_text("@/broken/train/images/0--Synth/synth_train_000002.jpg", "\xFF\xD8\xFF\xE0 no more");
    assert_int_equal(truncate(at("@/broken/val/images/0--Synth/synth_val_000001.jpg"), 900), 0);
    succeeds(TRAIN ON_SET "-t 1 --set train.max_steps=8 --out @/model");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void help_and_version(void **state) {
    (void)state;
    static const char *const known[][2] = {
        {"rf-train", "set out resume init threads seed plan reference overfit"},
        {"rf-eval",
         "data images list gt protocol pred pred-out scales flip merge iou score paper config set json report threads"},
        {"rf-detect", "out json score exif config set threads"},
        {"rf-export", "to out config set input batch outputs preprocess opset fp16 embed score iou keep"},
        {"rf-data", ""},
        {"rf-data synth", "out train val seed size min-face max-face max-faces max-yaw crowds occlusion accessories "
                          "degradation distractors threads"},
        {"rf-data check", "images format list json quiet threads"},
        {"rf-data show", "out limit images format list"},
        {"rf-data convert",
         "from to out root images part split category left difficult strict verbose formats threads"},
        {"rf-bench", ""},
        {"rf-bench step", "iters threads json set size batch busy profile"},
        {"rf-bench ops", "iters threads json set size batch busy profile"},
        {"rf-bench infer", "iters threads json set size batch busy profile"},
        {"rf-bench targets", "iters threads json set size"},
        {"rf-bench eval", "iters threads json set busy"},
        {"rf-bench load", "iters threads json set size batch"},
        {"rf-bench scale", "iters threads json set size profile"},
        {"rf-bench info", "measure threads json"}};
    static char help[PROGRAMS_TEXT];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char command[256], words[512], line[256];
        snprintf(command, sizeof command, "%s --version", known[i][0]);
        succeeds(command);
        assert_ptr_equal(strstr(out, known[i][0]), out);
        snprintf(command, sizeof command, "%s --help", known[i][0]);
        succeeds(command);
        assert_string_equal(err, "");
        memcpy(help, out, sizeof help);
        snprintf(words, sizeof words, "%s", known[i][1]);
        for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
            snprintf(line, sizeof line, " --%s", word);
            const char *found = strstr(help, line);
            if (!found || !strchr(" \n", found[strlen(line)])) fail_msg("%s does not tell of%s", command, line);
            snprintf(command, sizeof command, "%s%s", known[i][0], line);
            run(command); /* without a value or the rest: but the option is known */
            assert_null(strstr(err, "unknown option"));
        }
    }
}

static void wrong_calls_are_told(void **state) {
    (void)state;
    refused("rf-train", "rf-train: a configuration is needed");
    refused("rf-eval", "rf-eval: a model and --data ROOT are needed");
    refused("rf-detect", "too few arguments: name files");
    refused("rf-data", "rf-data: a command is missing");
    refused("rf-data chek", "unknown command \"chek\", did you mean check");
    refused("rf-data check", "too few arguments");
    refused("rf-data synth", "--out DIR is missing");
    refused("rf-data show @/set", "--out DIR is missing");
    refused("rf-train --resum", "unknown option --resum, did you mean --resume");
    refused("rf-eval --jsn x", "unknown option --jsn, did you mean --json");
    refused("rf-detect --quite", "unknown option --quite");
    refused("rf-data synth --sise 9x9", "unknown option --sise, did you mean --size");
    refused("rf-data synth --out @/no --size 9x9", "--size 9x9: expected WIDTHxHEIGHT from 64 to 4096");
    refused("rf-detect x y --score 2", "--score 2: expected a number from 0 to 1");
    refused("rf-eval x --threads many", "--threads many: expected a whole number from 0 to 1024");
    refused("rf-data check @/none", "@/none: no such file or folder");
    refused("rf-data check @", "looked for train/label.txt");
}

static void wrong_settings_are_told_with_their_place(void **state) {
    (void)state;
    write_text("@/wrong.ini", "# mine\n[train]\nbatchs = 3\n");
    refused("rf-train @/wrong.ini", "@/wrong.ini:3: unknown key 'batchs' in [train]; did you mean 'batch'?");
    write_text("@/wrong.ini", "[train]\nbatch = 0\n");
    refused("rf-train @/wrong.ini", "@/wrong.ini:2: train.batch is '0', expected a whole number from 1 to 4096");
    refused("rf-train @/none.ini", "cannot open '@/none.ini': No such file or directory");
    refused("rf-train configs/mnet025.ini --set train.bach=4", "--set train.bach=4: unknown key 'bach' in [train]");
    refused("rf-train configs/mnet025.ini --set optim.lr=-1", "optim.lr is '-1', expected a number from 0 to 100");
    refused("rf-train configs/mnet025.ini --set nonsense", "expected section.key=value");
    refused("rf-eval @/model/last.safetensors --data @/set --merge best", "eval.merge is 'best', expected one of nms");
    refused("rf-detect @/model/last.safetensors " PICTURES " --set eval.iuo=1", "did you mean 'iou'?");
}

static void missing_and_foreign_files_are_told(void **state) {
    (void)state;
    refused(TRAIN "--set data.root=@/none --out @/x", "annotations in @/none/train/label.txt and images below "
                                                      "@/none/train/images");
    assert_non_null(strstr(err, "make demo"));
    refused(TRAIN ON_SET "--out @/model", "@/model holds a run already: add --resume");
    refused(TRAIN ON_SET "--out @/x --resume", "there is no @/x/last.safetensors");
    write_text("@/text", "These are no weights.");
    refused(TRAIN ON_SET "--out @/x --init @/text", "@/text: this is no safetensors file");
    refused(TRAIN ON_SET "--out @/x --init @/none", "cannot open '@/none'");
    assert_false(rf_file_exists(at("@/x/last.safetensors")));
    refused("rf-eval @/text --data @/set", "@/text: this is no safetensors file");
    refused("rf-eval @/model/last.safetensors --data @/none", "@/none: no such file or folder");
    refused("rf-eval --pred @/x --gt @/none", "cannot open '@/none/wider_face_val.mat': No such file");
    refused("rf-detect @/text " PICTURES, "@/text: this is no safetensors file");
    refused("rf-detect @/model/last.safetensors @/none.jpg", "@/none.jpg: no such file or folder");
    refused("rf-detect @/model/last.safetensors @/model", "@/model holds no .jpg or .png picture");
    refused("rf-detect @/model/last.safetensors " PICTURES " --json @/none/x", "cannot write '@/none/x'");
}

static void data_sets_are_checked_and_shown(void **state) {
    (void)state;
    succeeds("rf-data check @/set --json @/check.json");
    assert_non_null(strstr(out, "images          12, 0 of them unusable"));
    succeeds("rf-data show @/set --out @/look --limit 3");
    assert_int_equal(count_files("@/look", ".jpg"), 6);
    assert_int_equal(run("rf-data check @/broken --json @/check.json"), 1);
    assert_non_null(strstr(out, at("@/broken/train/label.txt:")));
    assert_non_null(strstr(out, "error: "));
    read_text("@/check.json", out);
    rf_json *root;
    assert_int_equal(rf_json_parse(out, strlen(out), &root), RF_OK);
    const rf_json *finding = rf_json_at(rf_json_get(rf_json_at(root, 0), "findings"), 0);
    const char *file;
    double line;
    assert_true(rf_json_string(rf_json_get(finding, "file"), &file) &&
                strcmp(file, at("@/broken/train/label.txt")) == 0);
    assert_true(rf_json_number(rf_json_get(finding, "line"), &line) && line > 1);
    rf_json_free(root);
    refused("rf-data show @/set/val/label.txt --out /dev/null/x", "cannot make the folder");
}

static void faces_are_found_drawn_and_listed(void **state) {
    (void)state;
    succeeds("rf-detect @/model/last.safetensors " PICTURES " --out @/found --json @/found.jsonl --score 0.01 -t 1");
    assert_int_equal(count_files("@/found", ".jpg"), 4);
    assert_non_null(strstr(out, "4 images, "));
    static char lines[PROGRAMS_TEXT];
    read_text("@/found.jsonl", lines);
    int images = 0;
    for (char *save, *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save), images++) {
        rf_json *root;
        double score;
        assert_int_equal(rf_json_parse(line, strlen(line), &root), RF_OK);
        const rf_json *faces = rf_json_get(root, "faces");
        assert_int_equal(number_of(line, strlen(line), "width"), 96);
        assert_true(rf_json_size(faces) > 0);
        for (const rf_json *face = rf_json_first(faces); face; face = rf_json_next(face)) {
            assert_true(rf_json_number(rf_json_get(face, "score"), &score) && score >= 0.01 && score <= 1);
            assert_int_equal(rf_json_size(rf_json_get(face, "box")), 4);
            assert_int_equal(rf_json_size(rf_json_get(face, "points")), 10);
        }
        rf_json_free(root);
    }
    assert_int_equal(images, 4);
    succeeds("rf-eval @/model/last.safetensors --data @/set --json @/eval.json --pred-out @/predictions -t 1");
    assert_int_equal(count_files("@/predictions", ".txt"), 4);
    read_text("@/eval.json", out);
    assert_int_equal(number_of(out, strlen(out), "images"), 4);
    assert_true(number_of(out, strlen(out), "detections") > 0);
    double ap = number_of(out, strlen(out), "voc_ap50");
    assert_true(ap >= number_of(out, strlen(out), "voc_ap50_95") && ap <= 1);
}

static void originals_are_not_overwritten(void **state) {
    (void)state;
    succeeds("rf-data synth --out @/own --train 0 --val 1 --size 96x96 -t 1");
    assert_int_equal(rename(at("@/own/val/images/0--Synth/synth_val_000000.jpg"), at("@/own/photo.jpg")), 0);
    assert_int_equal(link(at("@/own/photo.jpg"), at("@/own/bare")), 0);
    refused("rf-detect @/model/last.safetensors @/own/photo.jpg --out @/own", "would overwrite @/own/photo.jpg");
    succeeds("rf-detect @/model/last.safetensors @/own/bare --out @/bare -t 1");
    assert_int_equal(count_files("@/bare", "bare.jpg"), 1);
    write_text("@/own/label.txt", "# photo.jpg\n1 1 9 9\n");
    refused("rf-data show @/own/label.txt --out @/own", "choose another --out");
}

static void broken_images_are_skipped_named_and_counted(void **state) {
    (void)state;
    succeeds(TRAIN "--set data.root=@/broken -t 1 --set train.max_steps=6 --out @/skipping");
    assert_non_null(strstr(out, "skipped 0--Synth/synth_train_000002.jpg (1 so far): "));
    assert_true(rf_file_exists(at("@/skipping/last.safetensors")));
    assert_non_null(strstr(err, "synth_val_000001.jpg"));
    assert_int_equal(run("rf-eval @/model/last.safetensors --data @/broken --json @/eval.json -t 1"), 1);
    assert_non_null(strstr(err, "synth_val_000001.jpg: damaged or incomplete JPEG"));
    assert_non_null(strstr(out, "1 of 3 images could not be used"));
    read_text("@/eval.json", out);
    assert_int_equal(number_of(out, strlen(out), "skipped"), 1);
    assert_non_null(strstr(out, "\"image\":\"0--Synth/synth_val_000001.jpg\""));
    assert_int_equal(run("rf-detect @/model/last.safetensors @/broken/val/images -t 1"), 1);
    assert_non_null(strstr(err, "synth_val_000001.jpg: damaged or incomplete JPEG"));
    assert_non_null(strstr(out, "2 images, "));
    assert_non_null(strstr(out, "1 skipped"));
    const char *alone = "rf-detect @/model/last.safetensors @/broken/val/images/0--Synth/synth_val_000001.jpg";
    assert_int_equal(run(alone), 2);
    assert_non_null(strstr(err, "not one picture could be used"));
    write_text("@/alone.txt", "0--Synth/synth_val_000001.jpg\n");
    assert_int_equal(run("rf-eval @/model/last.safetensors --data @/broken --list @/alone.txt"), 2);
    assert_non_null(strstr(err, "none of its 1 images can be used"));
}

static void threads_and_time_do_not_change_a_bit(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET "-t 2 --set train.max_steps=8 --out @/two");
    assert_true(same_bytes("@/model/last.safetensors", "@/two/last.safetensors"));
    succeeds(TRAIN ON_SET "-t 1 --set train.max_steps=8 --out @/again");
    assert_true(same_bytes("@/model/last.safetensors", "@/again/last.safetensors"));
    succeeds(TRAIN ON_SET "-t 1 --set train.max_steps=8 --out @/other --seed 2");
    assert_false(same_bytes("@/model/last.safetensors", "@/other/last.safetensors"));
    refused(TRAIN ON_SET "--out @/other --resume --seed 3", "keeps train.seed = 2, not 3");
}

/* The update after which a run was saved. */
static long saved_step(const char *folder) {
    rf_st_file *file;
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", at(folder));
    if (rf_st_read(path, &file) != RF_OK) fail_msg("%s", rf_error_message());
    long step = atol(rf_st_meta(file, "rf.step"));
    rf_st_free(file);
    return step;
}

static void an_interrupted_run_continues(void **state) {
    (void)state;
    char command[1024];
    pid_t pid = start(TRAIN ON_SET "-t 1 --out @/stopped");
    wait_for("step 3/");
    kill(pid, SIGINT);
    assert_int_equal(finish(pid), 130);
    assert_non_null(strstr(err, at("saved to @/stopped/last.safetensors; continue with --resume")));
    long step = saved_step("@/stopped");
    assert_true(step >= 3);
    snprintf(command, sizeof command, TRAIN ON_SET "-t 1 --set train.max_steps=%ld --out @/stopped --resume", step + 2);
    succeeds(command);
    assert_int_equal(saved_step("@/stopped"), step + 2);
}

static void a_killed_run_ends_with_the_same_bits(void **state) {
    (void)state;
    char command[1024];
    const char *const run_on = TRAIN ON_SET "-t 1 --set train.save_steps=1 --out @/killed";
    long step = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "%s%s", run_on, i ? " --resume" : "");
        pid_t pid = start(command);
        snprintf(command, sizeof command, "step %ld/", step + 3);
        wait_for(command);
        wait_milliseconds(5 * i); /* any moment will do */
        kill(pid, SIGKILL);
        assert_int_equal(finish(pid), 1000 + SIGKILL);
        assert_true(saved_step("@/killed") >= step + 2);
        step = saved_step("@/killed");
    }
    snprintf(command, sizeof command, "%s --set train.max_steps=%ld --resume", run_on, step + 3);
    succeeds(command);
    snprintf(command, sizeof command,
             TRAIN ON_SET "-t 1 --set train.save_steps=1 --set train.max_steps=%ld --out @/whole", step + 3);
    succeeds(command);
    assert_true(same_bytes("@/killed/last.safetensors", "@/whole/last.safetensors"));
}

/* Every command measures something, tells it and writes it; how fast is no matter here. */
static void benchmarks_measure(void **state) {
    (void)state;
    static const char *const calls[][2] = {
        {"step configs/mnet025.ini --size 64x64 --batch 2", "fwd bwd opt step img_s rss_mb arena_mb anchors"},
        {"ops @/model/last.safetensors --size 64x64 --batch 1 --profile @/profile",
         "step peak_gflops peak_gb_s gflops"},
        {"infer @/model/last.safetensors --size 96x64", "fwd img_s rss_mb build"},
        {"infer @/model/last.safetensors --size 96x64 --busy 2",
         "fwd fwd_busy1 fwd_busy1_ratio fwd_busy2 fwd_busy2_ratio"},
        {"step configs/mnet025.ini --size 64x64 --batch 1 --busy 1", "step step_busy1 step_busy1_ratio"},
        {"eval @/model/last.safetensors --set data.root=@/set --busy 1", "total total_busy1 total_busy1_ratio"},
        {"targets configs/mnet025.ini --size 128x128", "match12 match700 nms vote anchors"},
        {"eval @/model/last.safetensors --set data.root=@/set", "decode network boxes merge total img_s"},
        {"load configs/mnet025.ini --size 64x64 --batch 4 --set data.root=@/set", "batch img_s"},
        {"scale @/model/last.safetensors --size 64x64 --profile @/profile", "threads"}};
    static char text[PROGRAMS_TEXT];
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char command[256], words[128];
        snprintf(command, sizeof command, "rf-bench %s --iters 2 -t 2 --json @/bench.json", calls[i][0]);
        succeeds(command);
        assert_non_null(strstr(out, "2 threads (as asked)"));
        read_text("@/bench.json", text);
        snprintf(words, sizeof words, "%s", calls[i][1]);
        for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
            if (!(number_of(text, strlen(text), word) > 0))
                fail_msg("%s: %s is not above 0 in %s", command, word, text);
    }
    read_text("@/profile/ops.csv", text);
    assert_non_null(strstr(text, "conv2d,backward"));
    read_text("@/profile/roofline.svg", text);
    assert_non_null(strstr(text, "</svg>"));
    assert_int_equal(count_files("@/profile", "scale-"), 3);
    refused("rf-bench", "rf-bench: a command is missing");
    refused("rf-bench step configs/mnet025.ini --size 64x96", "training images are squares");
    refused("rf-bench eval @/none.safetensors", "@/none.safetensors");
    refused("rf-bench load configs/mnet025.ini --set data.root=@/none", "no training data");
}

/* Where the work is summed up, with the reason; the reason itself is of tests/test_processors.c. */
static void programs_say_how_many_threads(void **state) {
    (void)state;
    static const char *const calls[] = {
        "rf-train configs/mnet025.ini --plan", "rf-eval @/model/last.safetensors --data @/set",
        ("rf-detect @/model/last.safetensors " PICTURES), "rf-data synth --out @/few --train 2 --val 1 --size 64x64",
        "rf-data check @/set"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char command[256];
        for (int threads = 1; threads <= 2; threads++) {
            snprintf(command, sizeof command, "%s -t %d", calls[i], threads);
            succeeds(command);
            assert_non_null(strstr(out, threads == 1 ? "1 thread (as asked)" : "2 threads (as asked)"));
        }
        succeeds(calls[i]);
        assert_true(strstr(out, "(all processors)") || strstr(out, "(affinity mask)") || strstr(out, "(CPU quota of"));
    }
    succeeds("rf-data convert @/set --from label --to coco --out @/converted -t 2");
    assert_non_null(strstr(out, "2 threads (as asked)"));
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    link_or_fail("/dev/full", "@/full");
    refused("rf-eval @/model/last.safetensors --data @/set --json @/full", "cannot write '@/full': No space left");
    refused("rf-detect @/model/last.safetensors " PICTURES " --json @/full", "cannot write '@/full': No space left");
    refused("rf-data check @/set --json @/full", "cannot write '@/full': No space left");
    char target[64];
    assert_int_equal(readlink(at("@/full"), target, sizeof target), strlen("/dev/full")); /* not replaced by a file */
    programs_stdout = "/dev/full";
    refused("rf-detect --help", "cannot write to the standard output");
    refused("rf-train --reference", "cannot write to the standard output");
    programs_stdout = "@/stdout.txt";
}

static void nothing_is_left_half_written(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET "-t 1 --set train.max_steps=2 --out @/full_run");
    succeeds("rf-detect @/model/last.safetensors " PICTURES " --json @/lines.jsonl -t 1 --score 0.01");
    assert_int_equal(link(at("@/full_run/last.safetensors"), at("@/before")), 0);
    static char whole[PROGRAMS_TEXT], cut[PROGRAMS_TEXT];
    read_text("@/lines.jsonl", whole);
    programs_file_limit = strlen(whole) * 5 / 8;
    refused("rf-detect @/model/last.safetensors " PICTURES " --json @/lines.jsonl -t 1 --score 0.01", "File too large");
    refused(TRAIN ON_SET "-t 1 --set train.max_steps=4 --out @/full_run --resume", "the file is as it was before");
    refused(TRAIN ON_SET "-t 1 --set train.max_steps=2 --out @/full_new", "@/full_new/last.safetensors");
    programs_file_limit = 1000;
    refused("rf-data synth --out @/full_set --train 2 --val 2 --size 96x96", "cannot write");
    refused("rf-data show @/set --out @/full_look", "cannot write");
    programs_file_limit = 0;
    read_text("@/lines.jsonl", cut);
    size_t n = strlen(cut);
    assert_true(n > 0 && n < strlen(whole) && cut[n - 1] == '\n' && memcmp(cut, whole, n) == 0);
    assert_true(same_bytes("@/before", "@/full_run/last.safetensors"));
    assert_int_equal(count_files("@/full_run", ".tmp") + count_files("@/full_new", ".safetensors"), 0);
    assert_int_equal(count_files("@/full_set", "jpg") + count_files("@/full_set", "tmp"), 0);
    assert_false(rf_dir_exists(at("@/full_look")));
}

static void overfitting_lowers_the_loss(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET "-t 1 --set train.max_steps=40 --set optim.lr=0.01 --out @/overfit --overfit");
    read_text("@/overfit/train.jsonl", out);
    const char *last = out;
    for (const char *next; (next = strchr(last, '\n')) && next[1];) last = next + 1;
    double first_loss = number_of(out, strcspn(out, "\n"), "loss"),
           last_loss = number_of(last, strcspn(last, "\n"), "loss");
    if (!(last_loss < first_loss / 2)) fail_msg("from %g to %g", first_loss, last_loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(wrong_calls_are_told),
        cmocka_unit_test(wrong_settings_are_told_with_their_place),
        cmocka_unit_test(missing_and_foreign_files_are_told),
        cmocka_unit_test(data_sets_are_checked_and_shown),
        cmocka_unit_test(faces_are_found_drawn_and_listed),
        cmocka_unit_test(originals_are_not_overwritten),
        cmocka_unit_test(broken_images_are_skipped_named_and_counted),
        cmocka_unit_test(threads_and_time_do_not_change_a_bit),
        cmocka_unit_test(an_interrupted_run_continues),
        cmocka_unit_test(a_killed_run_ends_with_the_same_bits),
        cmocka_unit_test(benchmarks_measure),
        cmocka_unit_test(programs_say_how_many_threads),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(nothing_is_left_half_written),
        cmocka_unit_test(overfitting_lowers_the_loss),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
