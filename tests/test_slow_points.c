/* SPDX-License-Identifier: Apache-2.0 */
/* Number plates with four corners and faces of 68 points, drawn, trained, found and labelled for the next training. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "tests/programs.h"

#define RECIPE                                                                                                         \
    " --set input.size=160 --set train.batch=4 --set train.seed=1 --set schedule.warmup_epochs=1 "                     \
    "--set schedule.warmup_lr=0.0014 --set optim.lr=0.014 --set optim.clip_norm=20 --set optim.decay_bn_bias=no "      \
    "--set schedule.kind=cosine --set schedule.min_lr=0.01 --set augment.crop_set=0.6,0.8,1 "                          \
    "--set loss.landmark_weight=0.5 --set train.log_every=50"
#define FOUR " --set data.points=4 --set data.flip_points=0-1,2-3"
#define IBUG                                                                                                           \
    " --set data.points=68 --set "                                                                                     \
    "data.flip_points=0-16,1-15,2-14,3-13,4-12,5-11,6-10,7-9,17-26,18-25,19-24,20-23,21-22,31-35,32-34,36-45,37-44,"   \
    "38-43,39-42,40-47,41-46,48-54,49-53,50-52,55-59,56-58,60-64,61-63,65-67"

static int begin(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int end(void **state) {
    (void)state;
    return programs_tear_down();
}

/* A number of the last validation that the output tells. */
static double last(const char *name) {
    char key[40];
    const char *found = NULL;
    snprintf(key, sizeof key, "%s ", name);
    for (const char *p = programs_out; (p = strstr(p, key)); p++) found = p;
    if (!found) fail_msg("no %s in %s", name, programs_out);
    return strtod(found + strlen(key), NULL);
}

/* Each face of the list has n points, which lie near its box. */
static size_t check_json(const char *path, size_t n) {
    static char text[PROGRAMS_TEXT];
    size_t faces = 0;
    read_text(path, text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        rf_json *doc;
        assert_int_equal(rf_json_parse(line, strlen(line), &doc), 0);
        const rf_json *list = rf_json_get(doc, "faces");
        for (const rf_json *face = rf_json_first(list); face; face = rf_json_next(face), faces++) {
            double box[4], at;
            for (size_t k = 0; k < 4; k++) rf_json_number(rf_json_at(rf_json_get(face, "box"), k), &box[k]);
            assert_int_equal(rf_json_size(rf_json_get(face, "points")), 2 * n);
            for (size_t k = 0; k < 2 * n; k++) {
                assert_true(rf_json_number(rf_json_at(rf_json_get(face, "points"), k), &at));
                double side = box[2 + k % 2] - box[k % 2];
                assert_true(at > box[k % 2] - side && at < box[2 + k % 2] + side);
            }
        }
        rf_json_free(doc);
    }
    return faces;
}

static void plates_are_learnt(void **state) {
    (void)state;
    succeeds("rf-data synth --out @/plates --plates --train 240 --val 40 --size 160x160 --min-face 16 --max-face 48 "
             "--max-faces 3 --no-degradation");
    succeeds("rf-data check @/plates");
    succeeds("rf-train --set data.root=@/plates --out @/short --set schedule.epochs=1" FOUR RECIPE);
    assert_true(last("voc_ap50") < 0.3);
    succeeds("rf-train --set data.root=@/plates --out @/run --set schedule.epochs=6" FOUR RECIPE);
    assert_true(last("voc_ap50") > 0.7);
    assert_true(last("nme") < 0.25);
    succeeds("rf-detect @/run/best.safetensors @/plates/val/images --score 0.6 --json @/found.jsonl --label @/again "
             "--draw --out @/drawn");
    assert_true(check_json("@/found.jsonl", 4) > 20);
    assert_int_equal(count_files("@/drawn", ".jpg"), 40);
    /* mirrored passes agree with those as it is: the corners change places */
    succeeds("rf-eval @/run/best.safetensors --data @/plates");
    double plain = last("nme");
    succeeds("rf-eval @/run/best.safetensors --data @/plates --flip");
    assert_true(fabs(last("nme") - plain) < 0.05);
}

/* What was found is a set to train with, and to draw. */
static void found_ones_are_trained_again(void **state) {
    (void)state;
    succeeds("rf-data show @/again --out @/look");
    assert_int_equal(count_files("@/look", ".jpg"), 20);
    succeeds(
        "rf-train --set data.root=@/again --set data.train=label.txt --set data.train_images=images --set data.val= "
        "--out @/second --set schedule.epochs=1" FOUR RECIPE);
    refused(
        "rf-train --set data.root=@/again --set data.train=label.txt --set data.train_images=images --set data.val= "
        "--out @/third",
        "set data.points=4");
    refused("rf-export @/run/best.safetensors --out @/x.param", "data.points is 4");
    refused("rf-export @/run/best.safetensors --out @/x.wts", "data.points is 4");
    succeeds("rf-export @/run/best.safetensors --out @/x.onnx --outputs faces");
    succeeds("rf-export @/run/best.safetensors --out @/x.c");
}

static void many_points_are_learnt(void **state) {
    (void)state;
    succeeds("rf-data synth --out @/faces --points 68 --train 160 --val 30 --size 160x160 --min-face 40 --max-face 110 "
             "--max-faces 2 --no-degradation --no-crowds --no-accessories --max-yaw 30");
    succeeds("rf-train --set data.root=@/faces --out @/many --set schedule.epochs=6" IBUG RECIPE);
    assert_true(last("voc_ap50") > 0.1);
    assert_true(last("nme") < 0.4); /* 0.65 after two of them */
    succeeds("rf-detect @/many/best.safetensors @/faces/val/images --score 0.4 --json @/many.jsonl");
    assert_true(check_json("@/many.jsonl", 68) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plates_are_learnt),
        cmocka_unit_test(found_ones_are_trained_again),
        cmocka_unit_test(many_points_are_learnt),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
