/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation protocols: the contract, figures, hand-made cases and naive cross-checks. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/mafa.h"
#include "detect/box.h"
#include "eval/srn_scales.h"
#include "tests/faces_kit.h"
#include "tests/protocol_set.h"
#include "tests/scratch.h"

static void contract(void **state) {
    (void)state;
    make_truth();
    for (int p = 0; p < RF_PROTOCOL_COUNT; p++) {
        const rf_protocol *protocol = rf_protocols[p];
        assert_true(protocol->name[0] && protocol->doc[0] && protocol->run && !protocol->x_label == !protocol->y_label);
        assert_ptr_equal(rf_protocol_find(protocol->name), protocol);
        rf_face a[3] = {faces[0], faces[1], faces[2]}, b = faces[3];
        for (int i = 0; i < 2; i++) face_own_points(&a[i]);
        face_own_points(&b);
        for (int i = 0; i < 3; i++) a[i].score = 0.9f - 0.1f * (float)i;
        rf_face_list perfect[2] = {{.items = a, .n = 3, .capacity = 3}, {.items = &b, .n = 1, .capacity = 1}},
                     none[2] = {{0}};
        const rf_ellipse *shapes[2] = {ellipses, ellipses + 3};
        rf_protocol_input input = {.truth = &truth, .detections = perfect, .ellipses = shapes};
        rf_protocol_result result;
        assert_int_equal(rf_protocol_run(protocol, &input, &result), RF_OK);
        if (protocol->x_label && !same(result.values[0].value, protocol->best))
            fail_msg("%s: %g is not the best", protocol->name, result.values[0].value);
        for (size_t c = 0; c < result.n_curves; c++) assert_true(result.curves[c].n > 0);
        char path[300];
        snprintf(path, sizeof path, "%s/%s.svg", scratch, protocol->name);
        assert_int_equal(rf_protocol_svg(protocol, &result, path), protocol->x_label ? RF_OK : RF_ERR_USER);
        rf_protocol_result_free(&result);
        result = must_run(protocol, &truth, none);
        if (protocol->x_label && !same(result.values[0].value, protocol->worst))
            fail_msg("%s: %g is not the worst", protocol->name, result.values[0].value);
        rf_protocol_result_free(&result);
        rf_dataset empty = {.samples = samples};
        result = must_run(protocol, &empty, none);
        assert_true(isnan(result.values[0].value));
        rf_protocol_result_free(&result);
        int failures = 0;
        for (uint64_t n = 1; n < 500; n++, failures++) {
            rf_alloc_fail_at(n);
            rf_status status = rf_protocol_run(protocol, &input, &result);
            rf_alloc_fail_at(0);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
        }
        assert_true(failures < 499 && (failures > 0 || !protocol->x_label));
        rf_protocol_result_free(&result);
        a[1].box[2] = NAN;
        assert_int_equal(rf_protocol_run(protocol, &input, &result), RF_ERR_NONFINITE);
        assert_non_null(strstr(rf_error_message(), "e/a.jpg"));
    }
    assert_null(rf_protocol_find("voc"));
    assert_non_null(strstr(rf_error_message(), "pascal_faces"));
}

static void needs_are_told(void **state) {
    (void)state;
    make_truth();
    truth.ellipses = NULL;
    truth.n_with_points = 0;
    for (int f = 0; f < 4; f++) faces[f].kind = 0;
    rf_face_list none[2] = {{0}};
    const rf_protocol_input input = {.truth = &truth, .detections = none};
    rf_protocol_result result;
    static const rf_protocol_id wanting[] = {RF_PROTOCOL_fddb, RF_PROTOCOL_landmarks, RF_PROTOCOL_mafa};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_protocol_run(rf_protocols[wanting[i]], &input, &result), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "truth.txt: no"));
    }
    samples[1].name = "b.jpg";
    assert_int_equal(rf_protocol_run(rf_protocols[RF_PROTOCOL_wider_test], &input, &result), RF_ERR_USER);
    samples[1].name = "e/b.jpg";
}

/* ---- AFW and PASCAL faces, MAFA ---- */

static void pascal_faces_by_hand(void **state) {
    (void)state;
    make_truth();
    for (int k = 2; k < 4; k++) faces[1].box[k] = faces[1].box[k - 2] + 29; /* too small: counts neither way */
    rf_face a[4] = {faces[0], faces[1], faces[2], faces[2]}, b = faces[3];
    for (int i = 0; i < 2; i++) face_own_points(&a[i]);
    face_own_points(&b);
    for (int i = 0; i < 4; i++) a[i].score = 0.9f - 0.1f * (float)i;
    for (int k = 2; k < 4; k++) a[3].box[k] = a[3].box[k - 2] + 21; /* dropped: both sides at most 21.2 */
    /* All true detections reach further left, by half their width: IoU 2/3. */
    rf_face *all[3] = {&a[0], &a[2], &b};
    for (int i = 0; i < 3; i++) {
        float w = all[i]->box[2] - all[i]->box[0];
        all[i]->box[0] -= 0.5f * w;
    }
    rf_face_list lists[2] = {{.items = a, .n = 4, .capacity = 4}, {.items = &b, .n = 1, .capacity = 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, lists);
    assert_float_equal(value_of(&r, "ap"), 1, 1e-9);
    assert_float_equal(value_of(&r, "ap_unfitted"), 1, 1e-9); /* 1 / 1.5 is above 0.5 */
    assert_float_equal(value_of(&r, "fitted_to"), 3, 0);
    rf_protocol_result_free(&r);
    /* b is found only once the fit has made its box as the others': IoU 0.49 before, 0.65 after. */
    b.box[3] -= 0.35f * (b.box[3] - b.box[1]);
    r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, lists);
    assert_float_equal(value_of(&r, "ap_unfitted"), 2.0 / 3 * 2 / 3, 1e-9); /* false, true, true of 3 */
    assert_float_equal(value_of(&r, "ap"), 1, 1e-9);
    rf_protocol_result_free(&r);
    /* exactly one half is not above one half */
    rf_face half = faces[3];
    half.box[2] += half.box[2] - half.box[0];
    rf_face_list only[2] = {{0}, {.items = &half, .n = 1, .capacity = 1}};
    r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, only);
    assert_float_equal(value_of(&r, "ap"), 0, 0);
    rf_protocol_result_free(&r);
}

static void mafa_by_hand(void **state) {
    (void)state;
    make_truth(); /* masked, unmasked, masked; unmasked */
    faces[2].kind = RF_MAFA_INVALID;
    faces[2].ignore = true;
    rf_face a[4] = {faces[0], faces[1], faces[2], faces[0]};
    for (int i = 0; i < 4; i++) a[i].score = 0.9f - 0.1f * (float)i;
    a[3].score = 0.95f;
    for (int k = 0; k < 4; k += 2) a[3].box[k] += 1000; /* false, and the best */
    rf_face_list lists[2] = {{.items = a, .n = 4, .capacity = 4}, {0}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_mafa], &truth, lists);
    assert_float_equal(value_of(&r, "masked"), 0.5, 1e-9);          /* false, true of 1 */
    assert_float_equal(value_of(&r, "unmasked"), 0.5 * 0.5, 1e-9);  /* false, true of 2 */
    assert_float_equal(value_of(&r, "all"), 2.0 / 3 * 2 / 3, 1e-9); /* false, true, true of 3 */
    rf_protocol_result_free(&r);
}

/* ---- landmarks ---- */

static void landmarks_by_hand(void **state) {
    (void)state;
    make_truth(); /* boxes 80x60, 80x60, 60x80, 40x40; eyes 5 pixels apart */
    rf_face a[2] = {faces[0], faces[1]}, b = faces[3];
    for (int i = 0; i < 2; i++) face_own_points(&a[i]);
    face_own_points(&b);
    for (int p = 0; p < RF_POINTS; p++) {
        a[0].points[2 * p] += 2;
        b.points[2 * p + 1] += 6;
    }
    rf_face_list lists[2] = {{.items = a, .n = 2, .capacity = 2}, {.items = &b, .n = 1, .capacity = 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_landmarks], &truth, lists);
    double first = 2 / sqrt(4800), last = 6 / 40.0;
    assert_float_equal(value_of(&r, "nme_box"), (first + last) / 3, 1e-6);
    assert_float_equal(value_of(&r, "failure_rate_box"), 1.0 / 3, 1e-9);
    assert_float_equal(value_of(&r, "failed_or_missed_box"), 2.0 / 4, 1e-9);
    assert_float_equal(value_of(&r, "auc_box"), (1 + (0.1 - first) / 0.1) / 4, 1e-6);
    assert_float_equal(value_of(&r, "nme_eyes"), (2 / 5.0 + 6 / 5.0) / 3, 1e-6);
    assert_float_equal(value_of(&r, "found"), 3, 0);
    const double want[4] = {0, 0, first, last};
    assert_int_equal(r.curves[0].n, 4);
    for (int i = 0; i < 4; i++) {
        assert_float_equal(r.curves[0].x[i], want[i], 1e-6);
        assert_float_equal(r.curves[0].y[i], i / 4.0, 1e-9);
    }
    rf_protocol_result_free(&r);
}

/* ---- COCO ---- */

static void coco_by_hand(void **state) {
    (void)state;
    make_truth(); /* areas 4800, 4800, 4800: medium; 1600: medium */
    rf_face a[3] = {faces[0], faces[1], faces[2]}, b = faces[3];
    for (int i = 0; i < 2; i++) face_own_points(&a[i]);
    face_own_points(&b);
    a[0].score = 0.9f;
    a[1].score = 0.8f;
    a[2].score = 0.7f;
    b.score = 0.6f;
    for (int k = 0; k < 4; k += 2) a[1].box[k] += 1000;              /* false */
    a[2].box[2] = a[2].box[0] + 0.72f * (a[2].box[2] - a[2].box[0]); /* IoU 0.72: true up to 0.7 */
    rf_face_list lists[2] = {{.items = a, .n = 3, .capacity = 3}, {.items = &b, .n = 1, .capacity = 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
    /* low: true, false, true, true of 4: recalls 0..0.25 at 1, ..0.75 at 3/4; 26 and 50 of 101 places */
    double low = (26 + 50 * 0.75) / 101, high = (26 + 25 * 0.5) / 101;
    assert_float_equal(value_of(&r, "ap50"), low, 1e-9);
    assert_float_equal(value_of(&r, "ap75"), high, 1e-9);
    assert_float_equal(value_of(&r, "ap"), (5 * low + 5 * high) / 10, 1e-9);
    assert_float_equal(value_of(&r, "ap_medium"), (5 * low + 5 * high) / 10, 1e-9);
    assert_true(isnan(value_of(&r, "ap_small")));
    assert_float_equal(value_of(&r, "ar100"), (5 * 0.75 + 5 * 0.5) / 10, 1e-9);
    rf_protocol_result_free(&r);
    /* a crowd takes any number of detections, and they count neither way */
    faces[1].ignore = true;
    a[1] = faces[1];
    a[2] = faces[1];
    a[2].box[2] -= 60; /* a quarter of the crowd, wholly inside */
    a[1].score = a[2].score = 0.95f;
    r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
    assert_float_equal(value_of(&r, "ap50"), 67.0 / 101, 1e-9); /* 2 of 3 found, nothing false */
    rf_protocol_result_free(&r);
    /* only 100 detections of an image are looked at */
    static rf_face many[101];
    for (int i = 0; i < 101; i++) {
        many[i] = faces[0];
        many[i].score = i == 100 ? 0.1f : 0.5f;
        for (int k = 0; k < 4 && i < 100; k++) many[i].box[k] += 2000;
    }
    rf_face_list crowded[2] = {{.items = many, .n = 101, .capacity = 101}, {0}};
    r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, crowded);
    assert_float_equal(value_of(&r, "ap50"), 0, 0);
    rf_protocol_result_free(&r);
}

/* Average precision at one IoU by the definition, for scores that all differ and no ignored faces. */
static double naive_coco(const rf_face_list *lists, double iou) {
    double best[101] = {0}, sum = 0;
    bool taken[4] = {false}, done[2][8] = {{false}};
    int hits = 0, n = 0;
    for (;;) {
        int s = -1, k = -1;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < (int)lists[i].n; j++)
                if (!done[i][j] && (s < 0 || lists[i].items[j].score > lists[s].items[k].score)) s = i, k = j;
        if (s < 0) break;
        done[s][k] = true;
        int face = -1;
        double most = iou;
        for (size_t f = samples[s].first_face; f < samples[s].first_face + samples[s].n_faces; f++) {
            double o = (double)rf_box_iou(lists[s].items[k].box, faces[f].box, false);
            if (taken[f] || o < most) continue;
            most = o;
            face = (int)f;
        }
        n++;
        if (face < 0) continue;
        taken[face] = true;
        hits++;
        for (int r = 0; r <= 100; r++)
            if (r / 100.0 <= hits / 4.0 + 1e-12) best[r] = fmax(best[r], (double)hits / n);
    }
    for (int r = 0; r <= 100; r++) sum += best[r];
    return sum / 101;
}

static void coco_equals_naive(void **state) {
    (void)state;
    make_truth();
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 100; round++) {
        rf_face found[2][8];
        rf_face_list lists[2];
        for (int s = 0; s < 2; s++) {
            lists[s] = (rf_face_list){.items = found[s], .n = rf_rng_below(&rng, 9), .capacity = 8};
            for (size_t k = 0; k < lists[s].n; k++) {
                found[s][k] = faces[samples[s].first_face + rf_rng_below(&rng, (uint32_t)samples[s].n_faces)];
                found[s][k].score = rf_rng_uniform(&rng);
                for (int c = 0; c < 4; c++) found[s][k].box[c] += rf_rng_range(&rng, -8, 8);
            }
        }
        rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
        double mean = 0;
        for (int i = 0; i < 10; i++) mean += naive_coco(lists, 0.5 + 0.05 * i) / 10;
        assert_float_equal(value_of(&r, "ap50"), naive_coco(lists, 0.5), 1e-9);
        assert_float_equal(value_of(&r, "ap75"), naive_coco(lists, 0.75), 1e-9);
        assert_float_equal(value_of(&r, "ap"), mean, 1e-9);
        rf_protocol_result_free(&r);
    }
}

/* Scores that are one as floats stay two: a false detection behind a true one, not beside it. */
static void scores_are_doubles(void **state) {
    (void)state;
    static const rf_protocol_id of_ap[] = {RF_PROTOCOL_pascal_faces, RF_PROTOCOL_mafa, RF_PROTOCOL_coco};
    make_truth();
    truth.n_samples = 1;
    truth.n_faces = 3;
    rf_face found[4] = {faces[0], faces[0], faces[1], faces[2]};
    for (int k = 0; k < 4; k += 2) found[0].box[k] += 1000; /* false, and the last of all */
    const double exact[4] = {1, 1 + 1e-9, 1 + 2e-9, 1 + 3e-9}, *scores[1] = {exact};
    for (int k = 0; k < 4; k++) found[k].score = (float)exact[k];
    rf_face_list list = {.items = found, .n = 4, .capacity = 4};
    for (size_t p = 0; p < sizeof of_ap / sizeof *of_ap; p++) {
        rf_protocol_result result;
        rf_protocol_input input = {.truth = &truth, .detections = &list, .scores = scores};
        assert_int_equal(rf_protocol_run(rf_protocols[of_ap[p]], &input, &result), RF_OK);
        if (!(result.values[0].value > 1 - 1e-9))
            fail_msg("%s: %g", rf_protocols[of_ap[p]]->name, result.values[0].value);
        rf_protocol_result_free(&result);
        input.scores = NULL;
        assert_int_equal(rf_protocol_run(rf_protocols[of_ap[p]], &input, &result), RF_OK);
        assert_true(result.values[0].value < 1);
        rf_protocol_result_free(&result);
    }
    make_truth();
}

static void srn_schedule(void **state) {
    (void)state;
    rf_srn_pass p[RF_SRN_PASSES];
    /* 1000x1000 and at most 4 megapixels: 1 and mirror, 1/2, 1.5, 2 */
    assert_int_equal(rf_srn_passes(1000, 1000, 4e6, p), 4);
    const double small[4] = {1, 0.5, 1.5, 2}, large[3] = {0.5, 0.375, 0.25};
    for (int i = 0; i < 4; i++) {
        assert_float_equal(p[i].factor, small[i], 1e-12);
        assert_int_equal(p[i].flip, i == 0);
        assert_float_equal(p[i].longer_over, i == 1 ? 30 : 0, 0);
        assert_true(i >= 2 ? p[i].shorter_under == 100 : isinf(p[i].shorter_under));
    }
    assert_int_equal(rf_srn_passes(4000, 4000, 4e6, p), 3);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(p[i].factor, large[i], 1e-12);
        assert_int_equal(p[i].flip, i == 0);
        assert_float_equal(p[i].longer_over, i == 2 ? 30 : 0, 0);
        assert_true(isinf(p[i].shorter_under));
    }
    assert_in_range(rf_srn_passes(1, 1, 1e9, p), 20, RF_SRN_PASSES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract),
        cmocka_unit_test(needs_are_told),
        cmocka_unit_test(pascal_faces_by_hand),
        cmocka_unit_test(mafa_by_hand),
        cmocka_unit_test(landmarks_by_hand),
        cmocka_unit_test(coco_by_hand),
        cmocka_unit_test(coco_equals_naive),
        cmocka_unit_test(scores_are_doubles),
        cmocka_unit_test(srn_schedule),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
