/* SPDX-License-Identifier: Apache-2.0 */
/* Cascades: matching of refined boxes, decoding in stages, the network's stages and their losses. Gradients:
 * tests/double/test_cascade_grad.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/mem.h"
#include "detect/box.h"
#include "tests/decode_kit.h"
#include "detect/spec.h"
#include "layers/detector.h"
#include "tests/match_naive.h"
#include "tests/scratch.h"

/* ---- matching ---- */

static const rf_anchor_spec paper = {
    .n_levels = 5,
    .n_sizes = 3,
    .strides = {4, 8, 16, 32, 64},
    .sizes = {16, 20.16f, 25.4f, 32, 40.32f, 50.8f, 64, 80.63f, 101.59f, 128, 161.27f, 203.19f, 256, 322.54f, 406.37f},
    .aspects = {1, 1, 1},
    .centre_offset = -1};

/* The boxes of a network that learns: anchors moved and resized, some of them absurd. */
static void move_anchors(const rf_anchor_set *set, rf_rng *rng, float spread, float *boxes) {
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = RF_POINTS};
    for (size_t a = 0; a < set->count; a++) {
        float loc[4];
        for (int k = 0; k < 4; k++) loc[k] = spread * rf_rng_normal(rng);
        if (rf_rng_below(rng, 50) == 0) loc[rf_rng_below(rng, 4)] *= 1e4f;
        rf_codec_move_anchor(&codec, set->boxes + 4 * a, loc, boxes + 4 * a);
        if (rf_rng_below(rng, 200) == 0) boxes[4 * a + rf_rng_below(rng, 4)] = NAN;
    }
}

static void matching_of_boxes_equals_naive(void **state) {
    (void)state;
    static const rf_match_spec rules[5] = {{0.5f, 0.4f, false, 0, 0.5f},
                                           {0.5f, 0.4f, true, 0, 1}, /* forcing does not apply */
                                           {0.35f, 0.35f, false, 0, 0.9f},
                                           {0.7f, 0.05f, false, 0, 0.1f},
                                           {0.35f, 0, false, 0, 0}};
    rf_rng rng = rf_rng_make(31, 0, 0, RF_STREAM_TEST);
    rf_face faces[40];
    size_t count[3] = {0};
    for (int round = 0; round < 300; round++) {
        int height = 1 + (int)rf_rng_below(&rng, 300), width = 1 + (int)rf_rng_below(&rng, 300);
        bool plus_one = rf_rng_below(&rng, 2);
        size_t n = match_random_faces(&rng, faces, round % 4 == 3 ? 40 : 5, (float)width + 1, (float)height + 1);
        rf_anchor_set set;
        rf_match match;
        rf_box_bins bins;
        assert_int_equal(rf_anchor_set_make(&paper, height, width, &set), RF_OK);
        assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
        assert_int_equal(rf_box_bins_alloc(set.count, &bins), RF_OK);
        float *boxes = rf_alloc(set.count, 4 * sizeof *boxes);
        int8_t *label = rf_alloc(set.count, sizeof *label);
        int32_t *owner = rf_alloc(set.count, sizeof *owner);
        move_anchors(&set, &rng, 1.5f, boxes);
        rf_match_boxes(boxes, height, width, plus_one, &rules[round % 5], faces, n, &bins, &match);
        /* What overlaps nothing, for a loop that knows no NaN. */
        for (size_t a = 0; a < set.count; a++)
            for (int k = 0; k < 4; k++)
                if (!isfinite(boxes[4 * a + (size_t)k])) memset(boxes + 4 * a, 0, 4 * sizeof *boxes);
        rf_match_spec rule = rules[round % 5];
        rule.force_best = false;
        match_naively(boxes, set.count, plus_one, &rule, faces, n, label, owner);
        assert_memory_equal(match.label, label, set.count);
        assert_memory_equal(match.face, owner, set.count * sizeof *owner);
        for (size_t a = 0; a < set.count; a++) {
            count[label[a] + 1]++;
            if (label[a] == 1)
                assert_float_equal(match.iou[a], rf_anchor_iou(boxes + 4 * a, faces[owner[a]].box, plus_one), 0);
        }
        rf_free(owner);
        rf_free(label);
        rf_free(boxes);
        rf_box_bins_free(&bins);
        rf_match_free(&match);
        rf_anchor_set_free(&set);
    }
    print_message("%zu positives, %zu ignored, %zu negatives compared\n", count[2], count[0], count[1]);
    assert_true(count[2] > 1000 && count[0] > 10000 && count[1] > 100000);
}

static void matching_of_boxes_is_fast(void **state) {
    (void)state;
    static rf_face faces[100];
    rf_rng rng = rf_rng_make(32, 0, 0, RF_STREAM_TEST);
    rf_anchor_set set;
    rf_match match;
    rf_box_bins bins;
    assert_int_equal(rf_anchor_set_make(&paper, 640, 640, &set), RF_OK);
    assert_int_equal(set.count, 102300);
    assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
    assert_int_equal(rf_box_bins_alloc(set.count, &bins), RF_OK);
    float *boxes = rf_alloc(set.count, 4 * sizeof *boxes);
    move_anchors(&set, &rng, 1, boxes);
    for (int i = 0; i < 100; i++) faces[i] = match_random_face(&rng, 640, 640);
    uint64_t before = rf_alloc_count();
    double best = 1e9;
    for (int run = 0; run < 7; run++) {
        double start = rf_clock_seconds();
        rf_match_boxes(boxes, 640, 640, false, &(rf_match_spec){0.5f, 0.4f, false, 0, 0.5f}, faces, 100, &bins, &match);
        best = fmin(best, rf_clock_seconds() - start);
    }
    print_message("measured matching of %zu refined boxes to 100 faces: %.2f ms\n", set.count, best * 1e3);
    assert_int_equal(rf_alloc_count(), before);
    assert_true(!scratch_timed() || best < 0.1);
    rf_free(boxes);
    rf_box_bins_free(&bins);
    rf_match_free(&match);
    rf_anchor_set_free(&set);
}

/* ---- decoding ---- */

static void expect_near(const float *got, const float *want, size_t n, float tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= tolerance))
            fail_msg("number %zu: %.7g, expected %.7g", i, (double)got[i], (double)want[i]);
}

/* An anchor of 20 x 40 at (100,50). The first stage moves it by (1 * 0.1 * 20, -1 * 0.1 * 40) = (2,-4) and makes it
 * twice as wide: 40 x 40 at (102,46). The second moves it by (0.5 * 0.1 * 40, 0) = (2,0) and halves its height: 40 x 20
 * at (104,46), corners 84 36 124 56. A third without boxes leaves it there. */
static void boxes_are_refined_by_hand(void **state) {
    (void)state;
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = RF_POINTS};
    const float anchor[4] = {100, 50, 20, 40}, two = logf(2) / 0.2f;
    const float loc1[4] = {1, -1, two, 0}, loc2[4] = {0.5f, 0, 0, -two};
    const float cls1[2] = {0, 4}, cls2[2] = {0, -1}, cls3[2] = {1, 3};
    float points1[10], points2[10];
    for (int k = 0; k < 10; k++) points1[k] = 1, points2[k] = (float)k;
    kit_stage stages[3] = {
        {.cls = cls1, .loc = loc1, .points = points1}, {.cls = cls2, .loc = loc2, .points = points2}, {.cls = cls3}};
    rf_face_list list = {0};
    float moved[4];
    rf_codec_move_anchor(&codec, anchor, loc1, moved);
    expect_near(moved, (const float[]){102, 46, 40, 40}, 4, 1e-4f);

    /* Two stages: the score is the second's, landmarks are 0.1 * 40 * k from its anchor's centre. */
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 2, -INFINITY, 0.01f, &list), RF_OK);
    assert_int_equal(list.n, 1);
    assert_float_equal(list.items[0].score, 1 / (1 + exp(1)), 1e-6);
    expect_near(list.items[0].box, (const float[]){84, 36, 124, 56}, 4, 1e-4f);
    expect_near(list.items[0].points, (const float[]){102, 50, 110, 58, 118, 66, 126, 74, 134, 82}, 10, 1e-4f);

    /* The second stage's score alone decides. */
    rf_face_list_clear(&list);
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 2, -INFINITY, 0.5f, &list), RF_OK);
    assert_int_equal(list.n, 0);

    /* Three: score of the third, box and landmarks of the second. */
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 3, -INFINITY, 0.5f, &list), RF_OK);
    assert_float_equal(list.items[0].score, 1 / (1 + exp(-2)), 1e-6);
    expect_near(list.items[0].box, (const float[]){84, 36, 124, 56}, 4, 1e-4f);
    assert_float_equal(list.items[0].points[2], 110, 1e-4);

    /* A second stage of boxes alone: the first's score, and its landmarks from the anchor. */
    stages[1] = (kit_stage){.loc = loc2};
    rf_face_list_clear(&list);
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 2, -INFINITY, 0.5f, &list), RF_OK);
    assert_float_equal(list.items[0].score, 1 / (1 + exp(-4)), 1e-6);
    expect_near(list.items[0].box, (const float[]){84, 36, 124, 56}, 4, 1e-4f);
    expect_near(list.items[0].points, (const float[]){102, 54, 102, 54}, 4, 1e-4f);

    /* Inclusive widths: the same boxes in centre form, corners one pixel closer. */
    const rf_codec inclusive = {
        .variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = true, .n_points = RF_POINTS};
    rf_face_list_clear(&list);
    assert_int_equal(kit_decode_stages(&inclusive, anchor, 1, stages, 2, -INFINITY, 0.5f, &list), RF_OK);
    expect_near(list.items[0].box, (const float[]){84.5f, 36.5f, 123.5f, 55.5f}, 4, 1e-4f);
    rf_face_list_free(&list);
}

/* Weights that say "a million times as large" three times give a finite box, and NaN is told. */
static void bad_weights_give_no_infinity(void **state) {
    (void)state;
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = RF_POINTS};
    const float anchor[4] = {100, 50, 512, 512}, cls[2] = {0, 4}, loc[4] = {3, 3, 1e30f, 1e30f}, nan[4] = {NAN};
    kit_stage stages[4] = {
        {.cls = cls, .loc = loc}, {.cls = cls, .loc = loc}, {.cls = cls, .loc = loc}, {.cls = cls, .loc = loc}};
    rf_face_list list = {0};
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 4, -INFINITY, 0.5f, &list), RF_OK);
    for (int k = 0; k < 4; k++) assert_true(isfinite(list.items[0].box[k]));
    assert_float_equal(list.items[0].box[2] - list.items[0].box[0], 512e12, 1e9);
    stages[1].loc = nan;
    assert_int_equal(kit_decode_stages(&codec, anchor, 1, stages, 4, -INFINITY, 0.5f, &list), RF_ERR_NONFINITE);
    rf_face_list_free(&list);
}

/* ---- the network ---- */

static rf_status make_params(const char *path, const char *const *sets, size_t n, rf_params **params) {
    static rf_config config;
    rf_detect_spec spec;
    *params = NULL;
    RF_TRY(rf_config_load(path, sets, n, &config));
    RF_TRY(rf_detector_params(&config, params));
    return rf_detect_spec_from_config(&config, &spec);
}

/* Names in files do not change, and one stage is the same network with or without the section. */
static void parameters_have_stable_names(void **state) {
    (void)state;
    static const char *const names[] = {"ssh1.conv3X3.0.weight",
                                        "stage2.ssh1.conv3X3.0.weight",
                                        "stage2.ssh5.conv7x7_3.1.bias",
                                        "BboxHead.0.conv1x1.weight",
                                        "stage2.BboxHead.4.conv1x1.weight",
                                        "stage2.ClassHead.0.conv1x1.bias",
                                        "stage2.LandmarkHead.2.conv1x1.bias"};
    const char *const off[] = {"cascade.stages=1"};
    rf_params *params, *base;
    assert_int_equal(make_params("configs/cascade_r50.ini", NULL, 0, &params), RF_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!rf_params_find(params, names[i])) fail_msg("there is no parameter %s", names[i]);
    assert_int_equal(make_params("configs/cascade_r50.ini", off, 1, &base), RF_OK);
    size_t whole = rf_params_learnable(params), one = rf_params_learnable(base);
    rf_params_free(base);
    assert_int_equal(make_params("configs/r50.ini", NULL, 0, &base), RF_OK);
    assert_int_equal(rf_params_learnable(base), one);
    /* Five SSH modules of 256 channels, and heads of three anchors. */
    size_t ssh = 9 * (256 * 128 + 256 * 64 + 3 * 64 * 64) + 2 * (128 + 4 * 64), heads = 257 * 3 * (2 + 4 + 10);
    assert_int_equal(whole, one + 5 * (ssh + heads));
    rf_params_free(base);
    rf_params_free(params);
}

static void expect_mistake(const char *a, const char *b, const char *words) {
    const char *const sets[] = {"cascade.stages=2", a, b};
    rf_params *params;
    assert_int_equal(make_params(NULL, sets, 3, &params), RF_ERR_USER);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' lacks '%s'", rf_error_message(), words);
    rf_params_free(params);
}

static void mistakes_are_told(void **state) {
    (void)state;
    expect_mistake("cascade.strides_cls=4", "cascade.weights=1", "cascade.strides_cls: 4 is no stride");
    expect_mistake("cascade.strides_box=", "cascade.strides_cls=", "nothing is refined");
    expect_mistake("cascade.positive_iou=0.2", "cascade.weights=1", "cascade.negative_iou 0.3 of stage 1 is above");
    expect_mistake("cascade.positive_iou=", "cascade.weights=1", "0 numbers in cascade.positive_iou");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_of_boxes_equals_naive), cmocka_unit_test(matching_of_boxes_is_fast),
        cmocka_unit_test(boxes_are_refined_by_hand),      cmocka_unit_test(bad_weights_give_no_infinity),
        cmocka_unit_test(parameters_have_stable_names),   cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
