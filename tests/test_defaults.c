/* SPDX-License-Identifier: Apache-2.0 */
/* A default that stands in a program gives way to the configuration, to --set and to an option, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/programs.h"

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

/* The run's configuration with more lines at its end. */
static void write_config(const char *path, const char *lines) {
    static char text[PROGRAMS_TEXT];
    read_text("@/run.ini", text);
    strcat(text, lines);
    write_text(path, text);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 2 --size 96x96 --min-face 16 --max-faces 2 --seed 5");
    write_text("@/run.ini", "[model]\nbackbone = mobilenet025\nchannels = 16\n[input]\nsize = 64\n"
                            "[train]\nbatch = 4\nmax_steps = 1\n");
    write_config("@/none.ini", "[eval]\nscore = 1\niou = 0.25\nkeep = 9\n");
    succeeds("rf-train @/run.ini --data @/set --set data.val= -t 1 --out @/run");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

typedef struct row {
    const char *options, *words;
} row;

/* Each call prints its words, or has them in the file `written`. */
static void all_say(const char *command, const char *written, const row *rows, size_t n) {
    static char text[PROGRAMS_TEXT];
    for (size_t i = 0; i < n; i++) {
        char line[512];
        snprintf(line, sizeof line, "%s%s", command, rows[i].options);
        succeeds(line);
        if (written) read_text(written, text);
        const char *seen = written ? text : programs_out;
        if (!strstr(seen, rows[i].words)) fail_msg("%s: expected %s in:\n%.2000s", line, rows[i].words, seen);
    }
}
#define ALL_SAY(command, written, rows) all_say(command, written, rows, sizeof rows / sizeof *rows)

static void test_export(void **state) {
    (void)state;
    static const row rows[] = {{"", "\"score\":0.5,"},
                               {" --set eval.score=0.25", "\"score\":0.25,"},
                               {" --eval.score 0", "\"score\":0,"},
                               {" --config @/none.ini", "\"score\":1,"},
                               {" --config @/none.ini --set eval.score=0.25", "\"score\":0.25,"},
                               {" --set eval.score=0.25 --score 0", "\"score\":0,"},
                               {" --config @/none.ini", "\"iou\":0.25,"},
                               {" --config @/none.ini --iou 0", "\"iou\":0,"},
                               {" --set eval.iou=0.75", "\"iou\":0.75,"},
                               {" --config @/none.ini", "\"keep\":9,"},
                               {" --config @/none.ini --set eval.keep=8", "\"keep\":8,"},
                               {" --set eval.keep=8 --keep 7", "\"keep\":7,"},
                               {"", "\"shape\":[1,3,64,64]"},
                               {" --set input.size=96", "\"shape\":[1,3,96,96]"},
                               {" --set input.size=96 --input 32x64", "\"shape\":[1,3,32,64]"}};
    ALL_SAY("rf-export @/run -o @/x.onnx --outputs faces", "@/x.onnx.json", rows);
}

static void test_bench(void **state) {
    (void)state;
    static const row infer[] = {{"", "1 of 640x640,"},
                                {" --set input.size=96", "1 of 96x96,"},
                                {" --set input.size=96 --size 64x32", "1 of 64x32,"},
                                {" --size 64x64 --set train.batch=2", "2 of 64x64,"},
                                {" --size 64x64 --train.batch 2 --batch 3", "3 of 64x64,"}};
    static const row step[] = {{"", "batch 4 of 64x64,"},
                               {" --set input.size=96 --set train.batch=2", "batch 2 of 96x96,"},
                               {" --set train.batch=2 --batch 1 --size 32x32", "batch 1 of 32x32,"}};
    ALL_SAY("rf-bench infer @/run --iters 1", NULL, infer);
    ALL_SAY("rf-bench step @/run.ini --iters 1", NULL, step);
}

/* The number after "detections": of an evaluation. */
static long detections(const char *options) {
    static char text[PROGRAMS_TEXT];
    char line[512];
    snprintf(line, sizeof line, "rf-eval @/run --data @/set --json @/e.json %s", options);
    succeeds(line);
    read_text("@/e.json", text);
    const char *found = strstr(text, "\"detections\":");
    assert_non_null(found);
    return atol(found + strlen("\"detections\":"));
}

static void test_eval(void **state) {
    (void)state;
    assert_true(detections("") > 0);
    assert_int_equal(detections("--set eval.score=1"), 0);
    assert_int_equal(detections("--config @/none.ini"), 0);
    assert_true(detections("--config @/none.ini --set eval.score=0 --set eval.keep=5000") > 0);
    assert_true(detections("--set eval.score=1 --score 0") > 0);
    /* What --paper stands for is weaker than what is set beside it. */
    long alone = detections("--scales 64 --set eval.score=0");
    assert_int_equal(detections("--paper --scales 64 --no-flip --merge nms --eval.long_edge 0 --set eval.score=0"),
                     alone);
    assert_int_equal(detections("--paper --set eval.scales=64 --set eval.flip=no --set eval.merge=nms "
                                "--set eval.long_edge=0 --set eval.score=0"),
                     alone);
}

static void test_detect(void **state) {
    (void)state;
    static const row rows[] = {{" --set eval.score=1", "2 images, 0 faces"},
                               {" --config @/none.ini", "2 images, 0 faces"},
                               {" --set eval.score=0 --set eval.keep=3", "2 images, 6 faces"},
                               {" --config @/none.ini --set eval.score=0", "2 images, 18 faces"},
                               {" --config @/none.ini --score 0", "2 images, 18 faces"},
                               {" --set eval.score=0 --set eval.keep=3 --score 1", "2 images, 0 faces"}};
    ALL_SAY("rf-detect @/run @/set/val/images", NULL, rows);
}

/* Blanks around a setting do not hide it. */
static void test_blanks(void **state) {
    (void)state;
    succeeds("rf-bench infer @/run --iters 1 --set=input.size\t=\t96");
    assert_non_null(strstr(programs_out, "1 of 96x96,"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_export), cmocka_unit_test(test_bench),
                                       cmocka_unit_test(test_eval), cmocka_unit_test(test_detect),
                                       cmocka_unit_test(test_blanks)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
