/* SPDX-License-Identifier: Apache-2.0 */
/* Where a setting comes from, in every program: a default never beats what somebody set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "tests/programs.h"

#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 --set "              \
    "data.root=@/set --set train.max_steps=2 -t 1 "
#define PICTURES " @/set/val/images/0--Synth "

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 3 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds(TRAIN "--out @/plain");
    succeeds(TRAIN "--set eval.score=0.01 --set eval.flip=yes --out @/scored");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static double score_of(const char *text, const char *const *overrides, size_t n) {
    rf_config config;
    if (rf_config_parse("x.ini", text, overrides, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config.eval.score;
}

static void weak_overrides_stand_in_only(void **state) {
    (void)state;
    static const char *const weak[] = {"?eval.score=0.5"}, *const both[] = {"eval.score=0.3", "?eval.score=0.5"},
                             *const swapped[] = {"?eval.score=0.5", "eval.score=0.02"};
    assert_float_equal(score_of("", weak, 1), 0.5, 0);
    assert_float_equal(score_of("[model]\npreset = insightface\n", weak, 1), 0.5, 0);
    assert_float_equal(score_of("[eval]\nscore = 0.02\n", weak, 1), 0.02, 0); /* said, though it is the default */
    assert_float_equal(score_of("[eval]\nscore = 0.1\n", weak, 1), 0.1, 0);
    assert_float_equal(score_of("[eval]\nscore = 0.1\n", both, 2), 0.3, 0);
    assert_float_equal(score_of("", swapped, 2), 0.02, 0);
    rf_config config;
    char *text;
    rf_config_defaults(&config); /* as a checkpoint carries it, every key spelled out */
    assert_int_equal(rf_config_text(&config, &text), RF_OK);
    assert_float_equal(score_of(text, weak, 1), 0.5, 0);
    assert_float_equal(score_of(text, swapped, 2), 0.02, 0);
    char *line = strstr(text, "\nterms = "); /* as an earlier version wrote it, without a later key */
    assert_non_null(line);
    memmove(line, strchr(line + 1, '\n'), strlen(strchr(line + 1, '\n')) + 1);
    assert_float_equal(score_of(text, weak, 1), 0.5, 0);
    rf_free(text);
    config.eval.score = 0.25;
    assert_int_equal(rf_config_text(&config, &text), RF_OK);
    assert_float_equal(score_of(text, weak, 1), 0.25, 0);
    rf_free(text);
    static const char *const wrong[] = {"?eval.scor=1"};
    assert_int_equal(rf_config_parse("x", "", wrong, 1, &config), RF_ERR_USER);
}

/* Faces that rf-detect finds. */
static long faces(const char *model, const char *options) {
    char command[512];
    snprintf(command, sizeof command, "rf-detect %s" PICTURES "%s -t 1", model, options);
    succeeds(command);
    const char *sum = strstr(programs_out, " images, ");
    assert_non_null(sum);
    return strtol(sum + strlen(" images, "), NULL, 10);
}

static void the_score_of_rf_detect(void **state) {
    (void)state;
    static const char plain[] = "@/plain/last.safetensors", scored[] = "@/scored/last.safetensors";
    FILE *file = fopen(at("@/low.ini"), "w");
    assert_true(file && fputs("[model]\nchannels = 16\n[eval]\nscore = 0.02\n", file) >= 0 && fclose(file) == 0);
    long all = faces(plain, "--score 0.01"), few = faces(plain, "");
    assert_true(all > few);
    assert_int_equal(faces(plain, "--score 0.5"), few);
    assert_int_equal(faces(plain, "--set eval.score=0.01"), all);
    assert_int_equal(faces(plain, "--set eval.score=0.01 --score 0.5"), few);
    assert_int_equal(faces(plain, "--score 0.5 --set eval.score=0.01"), few);
    assert_int_equal(faces(plain, "-c @/low.ini"), faces(plain, "--score 0.02"));
    long own = faces(scored, "");
    assert_int_equal(own, faces(scored, "--score 0.01"));
    assert_true(own > faces(scored, "--score 0.5"));
}

/* Forward passes an image that rf-eval makes, as the JSON's detections show: with other settings they differ. */
static long detections(const char *options) {
    char command[512];
    rf_json *root;
    double n = -1;
    snprintf(command, sizeof command, "rf-eval @/scored/last.safetensors --data @/set -t 1 --json @/eval.json %s",
             options);
    succeeds(command);
    static char text[PROGRAMS_TEXT];
    read_text("@/eval.json", text);
    assert_int_equal(rf_json_parse(text, strlen(text), &root), RF_OK);
    assert_true(rf_json_number(rf_json_get(root, "detections"), &n));
    rf_json_free(root);
    return (long)n;
}

static void the_settings_of_rf_eval(void **state) {
    (void)state;
    long flipped = detections(""), straight = detections("--set eval.flip=no");
    assert_true(flipped != straight);
    assert_int_equal(detections("--no-flip"), straight);
    assert_int_equal(detections("--set eval.flip=no --flip"), flipped);
    long paper = detections("--paper"), small = detections("--paper --scales 64 --merge nms");
    assert_true(paper != small);
    assert_int_equal(detections("--paper --set eval.scales=64 --set eval.merge=nms"), small);
    assert_int_equal(detections("--paper --no-flip --scales 64 --merge nms --set eval.long_edge=0"),
                     detections("--no-flip --scales 64 --merge nms"));
}

static void the_score_of_an_export(void **state) {
    (void)state;
    static const struct {
        const char *model, *options;
        double score;
    } cases[] = {{"plain", "", 0.5},
                 {"plain", "--set eval.score=0.25", 0.25},
                 {"plain", "--score 0.75", 0.75},
                 {"plain", "--set eval.score=0.25 --score 0.75", 0.75},
                 {"scored", "", 0.01}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[512];
        static char text[PROGRAMS_TEXT];
        rf_json *root;
        double score;
        snprintf(command, sizeof command, "rf-export @/%s/last.safetensors -o @/%zu/new/face.onnx --outputs faces %s",
                 cases[i].model, i, cases[i].options);
        succeeds(command);
        snprintf(command, sizeof command, "@/%zu/new/face.onnx.json", i);
        read_text(command, text);
        const char *found = strstr(text, "\"score\":");
        assert_non_null(found);
        score = strtod(found + strlen("\"score\":"), NULL);
        assert_float_equal(score, cases[i].score, 1e-9);
        assert_int_equal(rf_json_parse(text, strlen(text), &root), RF_OK);
        rf_json_free(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_overrides_stand_in_only),
        cmocka_unit_test(the_score_of_rf_detect),
        cmocka_unit_test(the_settings_of_rf_eval),
        cmocka_unit_test(the_score_of_an_export),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
