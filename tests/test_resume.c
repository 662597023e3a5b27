/* SPDX-License-Identifier: Apache-2.0 */
/* Resuming a run: what may change is listed and kept, what cannot is refused, and a run's folder tells no lies. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/kernels/cpu.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/run_kit.h"

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    make_set("@/set", 12);
    make_set("@/other", 8);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* ---- other settings ---- */

static void what_changed_is_listed_and_kept(void **state) {
    (void)state;
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

/* Another instruction set gives other bits: said, and in the log. */
static void another_instruction_set_is_told(void **state) {
    (void)state;
    if (rf_isa_current() == RF_ISA_GENERIC) {
        puts("skip: this machine has one instruction set");
        return;
    }
    setenv("RF_ISA", "generic", 1);
    succeeds(TRAIN ON_SET STEPS "2 --out @/other_isa");
    unsetenv("RF_ISA");
    succeeds(TRAIN ON_SET STEPS "2 --out @/other_isa --resume");
    has(err, "instruction set: generic -> ");
    file_has("@/other_isa/train.jsonl", "\"instruction set\":{\"before\":\"generic\"");
    succeeds(TRAIN ON_SET STEPS "2 --out @/other_isa --resume");
    assert_string_equal(err, "");
}

/* A preset is the values that it gives. */
static void another_name_for_the_same_values_is_no_change(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "2 --out @/preset");
    succeeds("rf-train @/preset/config.ini -t 1 --set model.preset=paper --out @/preset --resume");
    assert_string_equal(err, "");
}

static void one_batch_by_heart_goes_on_with_that_batch(void **state) {
    (void)state;
    succeeds(TRAIN ON_SET STEPS "6 --overfit --out @/heart");
    succeeds(TRAIN ON_SET STEPS "3 --overfit --out @/half");
    succeeds(TRAIN ON_SET STEPS "6 --overfit --out @/half --resume");
    assert_true(same_bytes("@/heart/last.safetensors", "@/half/last.safetensors"));
    refused(TRAIN ON_SET STEPS "9 --out @/half --resume", "was begun with --overfit");
}

/* Rewrites a checkpoint as one of an earlier version, which knows nothing of its data set and program. */
static void make_old(const char *path) {
    static const char *const later[] = {"rf.isa",        "rf.real",    "rf.images",     "rf.faces",
                                        "rf.data_crc32", "rf.overfit", "rf.best_asked", "rf.best_read"};
    rf_st_file *file;
    const char *keys[32], *values[32];
    size_t n = 0;
    if (rf_st_read(at(path), &file) != RF_OK) fail_msg("%s", rf_error_message());
    for (size_t i = 0; i < file->meta_count; i++) {
        bool keep = true;
        for (size_t k = 0; k < sizeof later / sizeof *later; k++) keep &= strcmp(file->meta_keys[i], later[k]) != 0;
        if (!keep) continue;
        keys[n] = file->meta_keys[i];
        values[n++] = file->meta_values[i];
    }
    assert_int_equal(file->meta_count - n, sizeof later / sizeof *later);
    assert_int_equal(rf_st_write(at(path), file->tensors, file->count, keys, values, n), RF_OK);
    rf_st_free(file);
}

static void an_older_checkpoint_is_held_by_its_place(void **state) {
    (void)state;
#define NO_EVAL "--set data.val= "
    succeeds(TRAIN ON_SET NO_EVAL STEPS "4 --out @/old");
    succeeds(TRAIN ON_SET NO_EVAL STEPS "6 --out @/new");
    make_old("@/old/last.safetensors");
    refused(TRAIN NO_EVAL STEPS "6 --set data.root=@/other --out @/old --resume", "the data set changed");
    succeeds(TRAIN ON_SET NO_EVAL STEPS "6 --out @/old --resume");
    assert_true(same_bytes("@/old/last.safetensors", "@/new/last.safetensors"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_listed_and_kept),
        cmocka_unit_test(a_change_that_did_not_come_about_is_forgotten),
        cmocka_unit_test(what_cannot_change_is_refused),
        cmocka_unit_test(other_annotations_are_told),
        cmocka_unit_test(the_first_weights_are_a_setting),
        cmocka_unit_test(another_way_to_measure_begins_best_anew),
        cmocka_unit_test(a_change_that_cannot_be_written_leaves_the_run),
        cmocka_unit_test(another_instruction_set_is_told),
        cmocka_unit_test(another_name_for_the_same_values_is_no_change),
        cmocka_unit_test(one_batch_by_heart_goes_on_with_that_batch),
        cmocka_unit_test(an_older_checkpoint_is_held_by_its_place),
    };
    if (getenv("ONLY")) cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
