/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors, codec, matching and their configuration against hand-made numbers and naive loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "detect/box.h"
#include "detect/spec.h"
#include "tests/decode_kit.h"
#include "tests/faces_kit.h"
#include "tests/match_naive.h"
#include "tests/scratch.h"

static const rf_anchor_spec biubug6 = {.n_levels = 3,
                                       .n_sizes = 2,
                                       .strides = {8, 16, 32},
                                       .sizes = {16, 32, 64, 128, 256, 512},
                                       .aspects = {1, 1},
                                       .centre_offset = -1};

static rf_anchor_spec paper_spec(void) {
    rf_anchor_spec spec = {
        .n_levels = 5, .n_sizes = 3, .strides = {4, 8, 16, 32, 64}, .aspects = {1, 1, 1}, .centre_offset = -1};
    for (int i = 0; i < 15; i++) spec.sizes[i] = 16 * powf(2, (float)i / 3);
    return spec;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void anchor_counts(void **state) {
    (void)state;
    rf_anchor_spec paper = paper_spec();
    rf_anchor_spec srn = {.n_levels = 6,
                          .n_sizes = 2,
                          .strides = {4, 8, 16, 32, 64, 128},
                          .aspects = {1.25f, 1.25f},
                          .centre_offset = -1};
    for (int i = 0; i < 12; i++) srn.sizes[i] = 8 * powf(2, (float)i / 2);
    assert_int_equal(rf_anchor_count(&paper, 640, 640), 102300);
    assert_int_equal(rf_anchor_count(&biubug6, 640, 640), 16800);
    assert_int_equal(rf_anchor_count(&biubug6, 840, 840), 29126);
    assert_int_equal(rf_anchor_count(&srn, 1024, 1024), 174720);
    assert_int_equal(rf_anchor_count(&biubug6, 1, 9), 2 * (1 * 2 + 1 + 1));
    assert_int_equal(rf_anchor_count(&biubug6, 0, 640), 0);
}

static void anchor_places(void **state) {
    (void)state;
    rf_anchor_set set;
    assert_int_equal(rf_anchor_set_make(&biubug6, 65, 33, &set), RF_OK);
    assert_int_equal(set.levels[0].rows, 9);
    assert_int_equal(set.levels[0].cols, 5);
    const float want0[4] = {4, 4, 16, 16}, want1[4] = {4, 4, 32, 32}, want2[4] = {12, 4, 16, 16};
    const float want_row[4] = {4, 12, 16, 16}, want_level[4] = {8, 8, 64, 64}, want_last[4] = {48, 80, 512, 512};
    assert_memory_equal(set.boxes, want0, sizeof want0);
    assert_memory_equal(set.boxes + 4, want1, sizeof want1);
    assert_memory_equal(set.boxes + 8, want2, sizeof want2);
    assert_memory_equal(set.boxes + 4 * 10, want_row, sizeof want_row);
    assert_memory_equal(set.boxes + 4 * set.levels[1].first, want_level, sizeof want_level);
    assert_memory_equal(set.boxes + 4 * (set.count - 1), want_last, sizeof want_last);
    rf_anchor_set_free(&set);

    /* insightface: centre 7.5 at every level, larger size first; SRN: 8 x 10 at stride 4. */
    rf_anchor_spec spec = {
        .n_levels = 1, .n_sizes = 2, .strides = {16}, .sizes = {128, 64}, .aspects = {1, 1}, .centre_offset = 7.5f};
    assert_int_equal(rf_anchor_set_make(&spec, 32, 32, &set), RF_OK);
    const float want_insight[4] = {23.5f, 7.5f, 128, 128};
    assert_memory_equal(set.boxes + 8, want_insight, sizeof want_insight);
    rf_anchor_set_free(&set);
    spec = (rf_anchor_spec){
        .n_levels = 1, .n_sizes = 1, .strides = {4}, .sizes = {8.9442719f}, .aspects = {1.25f}, .centre_offset = -1};
    assert_int_equal(rf_anchor_set_make(&spec, 8, 8, &set), RF_OK);
    assert_float_equal(set.boxes[2], 8, 1e-5);
    assert_float_equal(set.boxes[3], 10, 1e-5);
    rf_anchor_set_free(&set);
}

static void anchor_refusals(void **state) {
    (void)state;
    rf_anchor_set set;
    rf_anchor_spec spec = biubug6;
    spec.strides[1] = 8;
    assert_int_equal(rf_anchor_set_make(&spec, 64, 64, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "stride 8 of level 1"));
    assert_null(set.boxes);
    spec = biubug6;
    spec.sizes[3] = NAN;
    assert_int_equal(rf_anchor_set_make(&spec, 64, 64, &set), RF_ERR_USER);
    spec = biubug6;
    spec = biubug6;
    spec.aspects[1] = 0;
    assert_int_equal(rf_anchor_set_make(&spec, 64, 64, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "aspect 0;"));
    spec.aspects[1] = 10;
    spec.windows[0] = 1;
    assert_int_equal(rf_anchor_set_make(&spec, 64, 64, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "aspect 10 rounds a window of 1 pixels to nothing"));
    spec = biubug6;
    spec.n_sizes = 11;
    assert_int_equal(rf_anchor_set_make(&spec, 64, 64, &set), RF_ERR_USER);
    assert_int_equal(rf_anchor_set_make(&biubug6, 64, 70000, &set), RF_ERR_USER);
    rf_alloc_fail_at(1);
    assert_int_equal(rf_anchor_set_make(&biubug6, 64, 64, &set), RF_ERR_NOMEM);
    assert_null(set.boxes);
}

static void codec_numbers(void **state) {
    (void)state;
    const float anchor[4] = {100, 50, 20, 40}, box[4] = {95, 40, 125, 80};
    float out[4];
    rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f};
    rf_codec_encode_box(&codec, anchor, box, out);
    assert_float_equal(out[0], 5, 1e-5); /* (110 - 100) / (20 * 0.1) */
    assert_float_equal(out[1], 2.5, 1e-5);
    assert_float_equal(out[2], log(1.5) / 0.2, 1e-5);
    assert_float_equal(out[3], 0, 1e-6);
    rf_codec insight = {.variance_centre = 1, .variance_size = 1, .plus_one = true};
    rf_codec_encode_box(&insight, anchor, box, out);
    assert_float_equal(out[0], 0.5, 1e-6);
    assert_float_equal(out[2], log(31.0 / 20), 1e-6);
    /* a face of no size and a wild prediction stay finite */
    const float empty[4] = {100, 50, 100, 50}, wild[4] = {0, 0, 1e30f, -1e30f};
    float decoded[4];
    rf_codec_encode_box(&codec, anchor, empty, out);
    assert_float_equal(out[2], -log(1000) / 0.2, 1e-3);
    rf_codec_decode_box(&codec, anchor, wild, decoded);
    assert_float_equal(decoded[2] - decoded[0], 20000, 1);
    assert_float_equal(decoded[3] - decoded[1], 0.04, 1e-3);
}

static void codec_round_trip(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 2000; round++) {
        rf_codec codec = {.variance_centre = round & 2 ? 0.1f : 1,
                          .variance_size = round & 2 ? 0.2f : 1,
                          .plus_one = round & 1,
                          .n_points = RF_POINTS};
        rf_face face = match_random_face(&rng, 640, 640), back;
        float size = rf_rng_range(&rng, 16, 512), code[4], points[10];
        const float anchor[4] = {rf_rng_range(&rng, 0, 640), rf_rng_range(&rng, 0, 640), size, 1.25f * size};
        rf_codec_encode_box(&codec, anchor, face.box, code);
        rf_codec_encode_points(&codec, anchor, face.points, points);
        rf_face_list list = {0};
        assert_int_equal(kit_decode_faces(&codec, anchor, 1, (const float[2]){0}, code, points, 0, &list), RF_OK);
        back = list.items[0];
        for (int i = 0; i < 4; i++) assert_float_equal(back.box[i], face.box[i], 2e-3);
        for (int i = 0; i < 10; i++) assert_float_equal(back.points[i], face.points[i], 2e-3);
        rf_face_list_free(&list);
    }
}

static void flip_twice(void **state) {
    (void)state;
    float own[10] = {12, 25, 28, 26, 20, 40, 13, 50, 27, 51};
    rf_face face = {.box = {10, 20, 30, 60}, .points = own, .n_points = RF_POINTS}, back = face;
    face_own_points(&back);
    rf_face_flip(&back, 100, false, &rf_five_flip);
    const float box[4] = {70, 20, 90, 60}, points[10] = {72, 26, 88, 25, 80, 40, 73, 51, 87, 50};
    assert_memory_equal(back.box, box, sizeof box);
    assert_memory_equal(back.points, points, sizeof points);
    rf_face_flip(&back, 100, false, &rf_five_flip);
    assert_memory_equal(back.box, face.box, sizeof box);
    assert_memory_equal(back.points, face.points, sizeof points);
    rf_face_flip(&back, 100, true, &rf_five_flip);
    assert_float_equal(back.box[0], 69, 0);
    assert_float_equal(back.box[2], 89, 0);
    rf_face_flip(&back, 100, true, &rf_five_flip);
    assert_memory_equal(back.points, face.points, sizeof points);
}

static void match_equals_naive(void **state) {
    (void)state;
    rf_anchor_spec specs[4] = {biubug6, paper_spec(), biubug6, biubug6};
    specs[2].centre_offset = 7.5f;
    specs[2].aspects[0] = specs[2].aspects[1] = 1.25f;
    specs[3] = (rf_anchor_spec){.n_levels = 3, .n_sizes = 4, .strides = {8, 16, 32}, .centre_offset = 7.5f};
    for (int i = 0; i < 12; i++) specs[3].sizes[i] = biubug6.sizes[i / 4 * 2 + i % 2];
    for (int s = 0; s < 4; s++) specs[3].aspects[s] = s < 2 ? 0.6f : 2.5f;
    static const rf_match_spec rules[5] = {{0.35f, 0.35f, true, 0.2f, 0.5f},
                                           {0.5f, 0.3f, false, 0, 1},
                                           {0.5f, 0.3f, true, 0, 0.9f},
                                           {0.7f, 0.05f, true, 0.5f, 0.1f},
                                           {0.35f, 0, true, 0.9f, 0}};
    rf_rng rng = rf_rng_make(2, 0, 0, RF_STREAM_TEST);
    rf_face faces[40];
    size_t positives = 0, ignored = 0, negatives = 0;
    for (int round = 0; round < 600; round++) {
        int height = 1 + (int)rf_rng_below(&rng, 300), width = 1 + (int)rf_rng_below(&rng, 300);
        rf_anchor_spec spec = specs[round % 4];
        spec.plus_one = rf_rng_below(&rng, 2);
        const rf_match_spec *rule = &rules[round % 5];
        size_t n = match_random_faces(&rng, faces, round % 3 == 2 ? 40 : 5, (float)width + 1, (float)height + 1);
        rf_anchor_set set;
        rf_match match;
        assert_int_equal(rf_anchor_set_make(&spec, height, width, &set), RF_OK);
        assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
        int8_t *label = rf_alloc(set.count, sizeof *label);
        int32_t *owner = rf_alloc(set.count, sizeof *owner);
        match_naively(set.boxes, set.count, set.plus_one, rule, faces, n, label, owner);
        rf_match_faces(&set, rule, faces, n, &match);
        assert_memory_equal(match.label, label, set.count);
        assert_memory_equal(match.face, owner, set.count * sizeof *owner);
        size_t count[3] = {0}, points = 0;
        for (size_t a = 0; a < set.count; a++) {
            count[label[a] + 1]++;
            points += label[a] == 1 && faces[owner[a]].n_points > 0;
            if (label[a] == 1)
                assert_float_equal(match.iou[a], rf_anchor_iou(set.boxes + 4 * a, faces[owner[a]].box, spec.plus_one),
                                   0);
        }
        assert_int_equal(match.n_ignored, count[0]);
        assert_int_equal(match.n_negative, count[1]);
        assert_int_equal(match.n_positive, count[2]);
        assert_int_equal(match.n_points, points);
        ignored += count[0], negatives += count[1], positives += count[2];
        rf_free(owner);
        rf_free(label);
        rf_match_free(&match);
        rf_anchor_set_free(&set);
    }
    print_message("%zu positives, %zu ignored, %zu negatives compared\n", positives, ignored, negatives);
    assert_true(positives > 3000 && ignored > 10000 && negatives > 100000);
}

/* The published loop over ignored faces re-points a positive anchor to a tiny face (FaceBoxes.PyTorch issue 22). */
static void match_keeps_valid_owner(void **state) {
    (void)state;
    rf_anchor_set set;
    rf_match match;
    assert_int_equal(rf_anchor_set_make(&biubug6, 64, 64, &set), RF_OK);
    assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
    const rf_match_spec rule = {0.35f, 0.35f, true, 0.2f, 1};
    /* Both have the 16 px anchor at (20,20) as their best; the second only with IoU 1/256. */
    rf_face faces[2] = {{.box = {12, 12, 28, 28}, .n_points = RF_POINTS, .points = (float[10]){0}},
                        {.box = {19, 19, 20, 20}}};
    rf_match_faces(&set, &rule, faces, 2, &match);
    size_t a = 2 * (2 * 8 + 2);
    assert_int_equal(match.label[a], 1);
    assert_int_equal(match.face[a], 0);
    assert_float_equal(match.iou[a], 1, 0);
    /* Two faces that share it above the limit: the higher IoU wins, in either order. */
    rf_face rivals[2] = {{.box = {12, 12, 28, 26}}, {.box = {12, 12, 28, 27}}};
    rf_match_faces(&set, &rule, rivals, 2, &match);
    assert_int_equal(match.face[a], 1);
    rf_face swapped[2] = {rivals[1], rivals[0]};
    rf_match_faces(&set, &rule, swapped, 2, &match);
    assert_int_equal(match.face[a], 0);

    float *loc = rf_alloc(set.count, 4 * sizeof *loc), *points = rf_alloc(set.count, 10 * sizeof *points);
    for (size_t i = 0; i < 4 * set.count; i++) loc[i] = 99;
    for (size_t i = 0; i < 10 * set.count; i++) points[i] = 99;
    rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = RF_POINTS};
    faces[0].points[0] = 24;
    rf_match_faces(&set, &rule, faces, 1, &match);
    uint64_t before = rf_alloc_count();
    rf_match_encode(&set, &codec, &match, faces, loc, points);
    rf_match_faces(&set, &rule, faces, 1, &match);
    assert_int_equal(rf_alloc_count(), before);
    for (size_t i = 0; i < set.count; i++) assert_int_equal(loc[4 * i] != 99, match.label[i] == 1);
    assert_float_equal(loc[4 * a], 0, 0);
    assert_float_equal(points[10 * a], 2.5, 1e-6); /* (24 - 20) / (16 * 0.1) */
    faces[0].n_points = 0;
    points[10 * a] = 99;
    rf_match_faces(&set, &rule, faces, 1, &match);
    rf_match_encode(&set, &codec, &match, faces, loc, points);
    assert_int_equal(match.n_points, 0);
    assert_float_equal(points[10 * a], 99, 0);
    rf_free(points);
    rf_free(loc);
    rf_match_free(&match);
    rf_anchor_set_free(&set);
}

static void match_speed(void **state) {
    (void)state;
    rf_anchor_spec paper = paper_spec();
    rf_anchor_set set;
    rf_match match;
    assert_int_equal(rf_anchor_set_make(&paper, 640, 640, &set), RF_OK);
    assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
    const rf_match_spec rule = {0.5f, 0.3f, true, 0.2f, 0.5f};
    static const struct {
        size_t n;
        double limit;
    } cases[] = {{12, 3e-3}, {700, 30e-3}};
    static rf_face faces[700];
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < 700; i++) {
        faces[i] = match_random_face(&rng, 640, 640);
        faces[i].ignore = i % 10 == 9;
    }
    for (size_t c = 0; c < 2; c++) {
        double best = 1e9;
        for (int run = 0; run < 5; run++) {
            double start = seconds();
            rf_match_faces(&set, &rule, faces, cases[c].n, &match);
            double took = seconds() - start;
            if (took < best) best = took;
        }
        print_message("matching %zu faces to %zu anchors: %.3f ms\n", cases[c].n, set.count, best * 1e3);
        assert_true(!scratch_timed() || best < 5 * cases[c].limit);
    }
    rf_match_free(&match);
    rf_anchor_set_free(&set);
}

/* Two faces on anchors of stride 8 and one on stride 16; the counts are those of the level that stays. */
static void one_level_stays(void **state) {
    (void)state;
    rf_anchor_set set;
    rf_match match;
    const rf_match_spec rule = {0.7f, 0.4f, false, 0, 1};
    const rf_face faces[3] = {{.box = {12, 12, 28, 28}, .n_points = RF_POINTS, .points = (float[10]){0}},
                              {.box = {44, 12, 60, 28}},
                              {.box = {24, 24, 88, 88}, .n_points = RF_POINTS, .points = (float[10]){0}}};
    assert_int_equal(rf_anchor_set_make(&biubug6, 96, 96, &set), RF_OK);
    assert_int_equal(rf_match_alloc(set.count, &match), RF_OK);
    for (int keep = 0; keep < 3; keep++) {
        rf_match_faces(&set, &rule, faces, 3, &match);
        assert_int_equal(match.n_positive, 3);
        rf_match_keep_level(&set, keep, faces, &match);
        assert_int_equal(match.n_positive, 2 - keep);
        assert_int_equal(match.n_points, keep < 2);
        size_t others = 0;
        for (size_t a = 0; a < set.count; a++) {
            if (rf_anchor_level_of(&set, a) == keep) continue;
            assert_true(match.label[a] == -1 && match.face[a] == -1 && !match.has_points[a]);
            others++;
        }
        assert_true(match.n_ignored >= others && match.n_ignored + match.n_negative + match.n_positive == set.count);
        assert_true(match.n_negative > 10);
    }
    rf_match_free(&match);
    rf_anchor_set_free(&set);
}

static rf_config *small_config(void) {
    static rf_config config;
    memset(&config, 0, sizeof config);
    config.model.strides = (rf_real_list){3, {8, 16, 32}};
    config.anchors.sizes = (rf_real_list){6, {16, 32, 64, 128, 256, 512}};
    config.anchors.aspect = (rf_real_list){1, {1}};
    config.anchors.centre_offset = -1;
    config.anchors.variance_centre = 0.1;
    config.anchors.variance_size = 0.2;
    strcpy(config.anchors.box_coder, "delta");
    strcpy(config.anchors.point_coder, "delta_points");
    config.match.positive_iou = 0.5;
    config.match.negative_iou = 0.3;
    config.eval.iou = 0.4;
    config.eval.keep = 750;
    config.eval.level_scores.n = 1;
    config.eval.level_scores.v[0] = 1;
    config.eval.merge = rf_merger_id("nms");
    return &config;
}

static void spec_from_config(void **state) {
    (void)state;
    rf_config *config = small_config();
    rf_detect_spec spec;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_OK);
    assert_int_equal(spec.anchors.n_sizes, 2);
    assert_int_equal(rf_anchor_count(&spec.anchors, 640, 640), 16800);
    assert_float_equal(spec.match[0].negative_iou, 0.3, 1e-6);
    assert_float_equal(spec.codec.variance_size, 0.2, 1e-6);
    assert_int_equal(spec.merge.keep, 750);
    config->anchors.aspect.n = 0;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "anchors.aspect"));
    config->anchors.sizes.n = 5;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "anchors.sizes has 5 numbers for 3 levels"));
    config = small_config();
    config->model.strides.v[2] = 16.5;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_ERR_USER);
    config = small_config();
    config->match.negative_iou = 0.6;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "match.negative_iou"));
    config = small_config();
    config->eval.level_scores = (rf_real_list){.n = 3, .v = {0.5, 1, 1}};
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_OK);
    assert_float_equal(spec.level_scores[0], 0.5, 0);
    config->eval.level_scores.n = 2;
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "eval.level_scores has 2 numbers for 3 levels"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchor_counts),      cmocka_unit_test(anchor_places),
        cmocka_unit_test(anchor_refusals),    cmocka_unit_test(codec_numbers),
        cmocka_unit_test(codec_round_trip),   cmocka_unit_test(flip_twice),
        cmocka_unit_test(match_equals_naive), cmocka_unit_test(match_keeps_valid_owner),
        cmocka_unit_test(match_speed),        cmocka_unit_test(one_level_stays),
        cmocka_unit_test(spec_from_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
