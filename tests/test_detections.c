/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding, order by score, non-maximum suppression and voting against hand-made numbers and naive loops. */
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
#include "tests/decode_kit.h"
#include "detect/nms.h"
#include "tests/scratch.h"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static rf_face random_face(rf_rng *rng, float width, float height) {
    rf_face face = {.score = rf_rng_uniform(rng)};
    float side = expf(rf_rng_range(rng, 0, logf(width))), w = side, h = side * rf_rng_range(rng, 0.7f, 1.6f);
    face.box[0] = rf_rng_range(rng, -0.2f * width, 1.1f * width);
    face.box[1] = rf_rng_range(rng, -0.2f * height, 1.1f * height);
    face.box[2] = face.box[0] + w;
    face.box[3] = face.box[1] + h;
    return face;
}

static void order_is_stable(void **state) {
    (void)state;
    const float keys[8] = {0.5f, NAN, -1, 0.5f, INFINITY, -0.0f, 0, -INFINITY};
    const uint32_t want[8] = {4, 0, 3, 5, 6, 2, 7, 1};
    uint32_t order[8];
    assert_int_equal(rf_order_descending(keys, 8, order), RF_OK);
    assert_memory_equal(order, want, sizeof want);
}

static void copy_list(const rf_face_list *from, rf_face_list *to) {
    to->n = 0;
    assert_int_equal(rf_face_list_reserve(to, from->n), RF_OK);
    memcpy(to->items, from->items, from->n * sizeof *to->items);
    to->n = from->n;
}

/* Crowds of detections around `centres` faces. */
static void make_crowd(rf_rng *rng, rf_face_list *list, size_t n, size_t centres) {
    rf_face *seeds = rf_alloc(centres, sizeof *seeds);
    for (size_t i = 0; i < centres; i++) seeds[i] = random_face(rng, 1024, 768);
    list->n = 0;
    for (size_t i = 0; i < n; i++) {
        rf_face face = seeds[rf_rng_below(rng, (uint32_t)centres)];
        float w = face.box[2] - face.box[0];
        for (int k = 0; k < 4; k++) face.box[k] += 0.1f * w * rf_rng_normal(rng);
        face.score = floorf(rf_rng_uniform(rng) * 500) / 500; /* with ties */
        assert_int_equal(rf_face_list_push(list, &face), RF_OK);
    }
    rf_free(seeds);
}

static size_t naive_nms(rf_face_list *sorted, const rf_merge_spec *spec) {
    size_t kept = 0;
    for (size_t i = 0; i < sorted->n && !(spec->keep && kept == spec->keep); i++) {
        bool good = rf_box_valid(sorted->items[i].box, spec->plus_one);
        for (size_t k = 0; k < kept && good; k++)
            good = !(rf_box_iou(sorted->items[k].box, sorted->items[i].box, spec->plus_one) > spec->iou);
        if (good) sorted->items[kept++] = sorted->items[i];
    }
    return kept;
}

static void nms_equals_naive(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0}, fast = {0};
    static const float thresholds[] = {0.4f, 0.5f, 0.3f, 0.05f, 0, 0.95f, 1};
    for (int round = 0; round < 200; round++) {
        rf_merge_spec spec = {.iou = thresholds[round % 7], .plus_one = round & 1, .keep = round % 3 ? 0 : 20};
        make_crowd(&rng, &list, rf_rng_below(&rng, 600), 1 + rf_rng_below(&rng, 60));
        copy_list(&list, &fast);
        assert_int_equal(rf_nms(&fast, &spec), RF_OK);
        assert_int_equal(rf_face_list_sort(&list), RF_OK);
        list.n = naive_nms(&list, &spec);
        assert_int_equal(fast.n, list.n);
        assert_memory_equal(fast.items, list.items, list.n * sizeof *list.items);
    }
    rf_face bad = {.box = {0, 0, NAN, 5}, .score = 1}, good = {.box = {0, 0, 5, 5}, .score = 0.5f};
    rf_face_list_clear(&fast);
    assert_int_equal(rf_face_list_push(&fast, &bad), RF_OK);
    assert_int_equal(rf_face_list_push(&fast, &good), RF_OK);
    assert_int_equal(rf_nms(&fast, &(rf_merge_spec){.iou = 0.4f}), RF_OK);
    assert_int_equal(fast.n, 1);
    assert_float_equal(fast.items[0].score, 0.5, 0);
    rf_face_list_free(&list);
    rf_face_list_free(&fast);
}

static void nms_counts_pixels(void **state) {
    (void)state;
    /* 10 x 10 boxes shifted by 4: IoU 60/140 = 0.4286, with +1 77/165 = 0.4667. */
    rf_face faces[2] = {{.box = {0, 0, 10, 10}, .score = 0.9f}, {.box = {4, 0, 14, 10}, .score = 0.8f}};
    assert_float_equal(rf_box_iou(faces[0].box, faces[1].box, false), 60.0 / 140, 1e-6);
    assert_float_equal(rf_box_iou(faces[0].box, faces[1].box, true), 77.0 / 165, 1e-6);
    for (int plus_one = 0; plus_one < 2; plus_one++) {
        rf_face_list list = {0};
        for (int i = 0; i < 2; i++) assert_int_equal(rf_face_list_push(&list, &faces[i]), RF_OK);
        assert_int_equal(rf_nms(&list, &(rf_merge_spec){.iou = 0.45f, .plus_one = plus_one}), RF_OK);
        assert_int_equal(list.n, plus_one ? 1 : 2);
        rf_face_list_free(&list);
    }
}

static void nms_speed(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0}, copy = {0};
    for (size_t centres = 400; centres <= 20000; centres *= 50) {
        make_crowd(&rng, &list, 20000, centres);
        double best = 1e9;
        for (int run = 0; run < 5; run++) {
            copy_list(&list, &copy);
            double start = seconds();
            assert_int_equal(rf_nms(&copy, &(rf_merge_spec){.iou = 0.4f, .plus_one = true}), RF_OK);
            double took = seconds() - start;
            if (took < best) best = took;
        }
        print_message("NMS of %zu candidates to %zu faces: %.2f ms\n", list.n, copy.n, best * 1e3);
        assert_true(!scratch_timed() || best < (centres == 400 ? 50e-3 : 1));
    }
    rf_face_list_free(&copy);
    rf_face_list_free(&list);
}

static size_t naive_vote(rf_face_list *sorted, const rf_merge_spec *spec, rf_face_list *out) {
    bool *gone = rf_alloc(sorted->n, 1);
    size_t left = sorted->n;
    out->n = 0;
    for (size_t i = 0; i < sorted->n && !(spec->keep && out->n == spec->keep); i++) {
        if (gone[i]) continue;
        double sum[4] = {0}, weight = 0;
        size_t members = 0;
        for (size_t j = i; j < sorted->n; j++) {
            const rf_face *face = &sorted->items[j];
            if (gone[j] || (j > i && rf_box_iou(sorted->items[i].box, face->box, spec->plus_one) < spec->iou)) continue;
            gone[j] = true;
            members++;
            weight += (double)face->score + 1e-12;
            for (int k = 0; k < 4; k++) sum[k] += ((double)face->score + 1e-12) * (double)face->box[k];
        }
        left -= members;
        if (members == 1 && spec->drop_singletons && left > 0) continue;
        rf_face face = sorted->items[i];
        for (int k = 0; k < 4; k++) face.box[k] = (float)(sum[k] / weight);
        assert_int_equal(rf_face_list_push(out, &face), RF_OK);
    }
    rf_free(gone);
    return out->n;
}

static void vote_equals_naive(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(6, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0}, fast = {0}, want = {0};
    for (int round = 0; round < 200; round++) {
        rf_merge_spec spec = {.iou = round % 5 ? 0.4f : 0.7f,
                              .plus_one = round & 1,
                              .drop_singletons = round & 2,
                              .keep = round % 3 ? 0 : 10};
        make_crowd(&rng, &list, rf_rng_below(&rng, 300), 1 + rf_rng_below(&rng, 60));
        copy_list(&list, &fast);
        assert_int_equal(rf_box_vote(&fast, &spec), RF_OK);
        size_t n = 0; /* the naive loop wants only boxes with an area */
        for (size_t i = 0; i < list.n; i++)
            if (rf_box_valid(list.items[i].box, spec.plus_one)) list.items[n++] = list.items[i];
        list.n = n;
        assert_int_equal(rf_face_list_sort(&list), RF_OK);
        assert_int_equal(fast.n, naive_vote(&list, &spec, &want));
        for (size_t i = 0; i < want.n; i++) {
            assert_float_equal(fast.items[i].score, want.items[i].score, 0);
            for (int k = 0; k < 4; k++) assert_float_equal(fast.items[i].box[k], want.items[i].box[k], 1e-3);
        }
    }
    rf_face_list_free(&want);
    rf_face_list_free(&fast);
    rf_face_list_free(&list);
}

static void vote_by_hand(void **state) {
    (void)state;
    rf_face faces[3] = {{.box = {0, 0, 10, 10}, .score = 0.6f, .n_points = 1, .points = (float[2]){2}},
                        {.box = {2, 0, 12, 10}, .score = 0.2f, .n_points = 1, .points = (float[2]){6}},
                        {.box = {50, 50, 60, 60}, .score = 0.9f}};
    for (int drop = 0; drop < 2; drop++) {
        rf_face_list list = {0};
        for (int i = 0; i < 3; i++) assert_int_equal(rf_face_list_push(&list, &faces[i]), RF_OK);
        assert_int_equal(rf_box_vote(&list, &(rf_merge_spec){.iou = 0.4f, .drop_singletons = drop}), RF_OK);
        assert_int_equal(list.n, drop ? 1 : 2);
        const rf_face *merged = &list.items[list.n - 1];
        assert_float_equal(merged->box[0], 0.5, 1e-6); /* (0.6 * 0 + 0.2 * 2) / 0.8 */
        assert_float_equal(merged->box[2], 10.5, 1e-6);
        assert_float_equal(merged->points[0], 3, 1e-6);
        assert_float_equal(merged->score, 0.6, 1e-7);
        rf_face_list_free(&list);
    }
    rf_face_list last = {0}; /* the very last box is kept although it is alone */
    assert_int_equal(rf_face_list_push(&last, &faces[2]), RF_OK);
    assert_int_equal(rf_box_vote(&last, &(rf_merge_spec){.iou = 0.4f, .drop_singletons = true}), RF_OK);
    assert_int_equal(last.n, 1);
    rf_face_list_free(&last);
}

static size_t naive_soft(rf_face_list *list, const rf_merge_spec *spec, bool gaussian, rf_face_list *out) {
    bool *gone = rf_alloc(list->n, 1);
    out->n = 0;
    while (!(spec->keep && out->n == spec->keep)) {
        size_t best = list->n;
        for (size_t i = 0; i < list->n; i++)
            if (!gone[i] && list->items[i].score >= spec->soft_score &&
                (best == list->n || list->items[i].score > list->items[best].score))
                best = i;
        if (best == list->n) break;
        gone[best] = true;
        assert_int_equal(rf_face_list_push(out, &list->items[best]), RF_OK);
        for (size_t i = 0; i < list->n; i++) {
            float iou = rf_box_iou(list->items[best].box, list->items[i].box, spec->plus_one);
            if (gone[i]) continue;
            if (gaussian) list->items[i].score *= expf(-iou * iou / spec->soft_sigma);
            if (!gaussian && iou > spec->iou) list->items[i].score *= 1 - iou;
        }
    }
    rf_free(gone);
    return out->n;
}

/* The same boxes by falling score; scores differ, so that there is one order. */
static void soft_equals_naive(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(9, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0}, fast = {0}, want = {0};
    for (int round = 0; round < 100; round++) {
        rf_merge_spec spec = {
            .iou = 0.4f, .plus_one = round & 1, .soft_sigma = 0.5f, .soft_score = 0.02f, .keep = round % 3 ? 0 : 20};
        make_crowd(&rng, &list, rf_rng_below(&rng, 200), 1 + rf_rng_below(&rng, 20));
        for (size_t i = 0; i < list.n; i++) list.items[i].score = rf_rng_uniform(&rng);
        copy_list(&list, &fast);
        bool gaussian = round & 2;
        assert_int_equal(gaussian ? rf_soft_gaussian(&fast, &spec) : rf_soft_linear(&fast, &spec), RF_OK);
        assert_int_equal(fast.n, naive_soft(&list, &spec, gaussian, &want));
        for (size_t i = 0; i < want.n; i++) {
            assert_float_equal(fast.items[i].score, want.items[i].score, 1e-6);
            assert_memory_equal(fast.items[i].box, want.items[i].box, sizeof want.items[i].box);
        }
    }
    rf_face_list_free(&want);
    rf_face_list_free(&fast);
    rf_face_list_free(&list);
}

static void weighted_equals_naive(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(10, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0}, fast = {0}, kept = {0};
    for (int round = 0; round < 100; round++) {
        rf_merge_spec spec = {.iou = round % 5 ? 0.4f : 0.7f, .plus_one = round & 1};
        make_crowd(&rng, &list, rf_rng_below(&rng, 200), 1 + rf_rng_below(&rng, 20));
        copy_list(&list, &fast);
        copy_list(&list, &kept);
        assert_int_equal(rf_weighted_vote(&fast, &spec), RF_OK);
        assert_int_equal(rf_nms(&kept, &spec), RF_OK);
        assert_int_equal(fast.n, kept.n);
        for (size_t i = 0; i < kept.n; i++) {
            double sum[4] = {0}, weight = 0;
            for (size_t j = 0; j < list.n; j++) {
                const rf_face *face = &list.items[j];
                if (!rf_box_valid(face->box, spec.plus_one) ||
                    rf_box_iou(kept.items[i].box, face->box, spec.plus_one) < spec.iou)
                    continue;
                double w = (double)face->score + 1e-12;
                weight += w;
                for (int k = 0; k < 4; k++) sum[k] += w * (double)face->box[k];
            }
            assert_float_equal(fast.items[i].score, kept.items[i].score, 0);
            for (int k = 0; k < 4; k++) assert_float_equal(fast.items[i].box[k], sum[k] / weight, 1e-2);
        }
    }
    rf_face_list_free(&kept);
    rf_face_list_free(&fast);
    rf_face_list_free(&list);
}

/* What every merge promises: one face stays as it is, none stays none, the names are found. */
static void merges_contract(void **state) {
    (void)state;
    for (int m = 0; m < rf_merger_count(); m++) {
        const rf_merge_spec spec = {.iou = 0.4f, .soft_sigma = 0.5f, .soft_score = 0.001f, .drop_singletons = true};
        rf_face_list list = {0};
        assert_ptr_equal(rf_merger_find(rf_merger_at(m)->name), rf_merger_at(m));
        assert_int_equal(rf_merger_at(m)->run(&list, &spec), RF_OK);
        assert_int_equal(list.n, 0);
        rf_face face = {.box = {1, 2, 30, 40}, .score = 0.5f}, bad = {.box = {0, 0, NAN, 5}, .score = 1};
        assert_int_equal(rf_face_list_push(&list, &bad), RF_OK);
        assert_int_equal(rf_face_list_push(&list, &face), RF_OK);
        assert_int_equal(rf_merger_at(m)->run(&list, &spec), RF_OK);
        assert_int_equal(list.n, 1);
        assert_memory_equal(&list.items[0].box, face.box, sizeof face.box);
        assert_float_equal(list.items[0].score, 0.5, 0);
        rf_face_list_free(&list);
    }
    assert_null(rf_merger_find("best"));
    assert_non_null(strstr(rf_error_message(), "soft_gaussian"));
}

static void merge_out_of_memory(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(7, 0, 0, RF_STREAM_TEST);
    rf_face_list list = {0};
    make_crowd(&rng, &list, 50, 5);
    const rf_merge_spec spec = {.iou = 0.4f};
    int failures = 0;
    for (uint64_t n = 1; n < 100; n++, failures++) {
        rf_face_list copy = {0};
        copy_list(&list, &copy);
        rf_alloc_fail_at(n);
        rf_status status = n & 1 ? rf_nms(&copy, &spec) : rf_box_vote(&copy, &spec);
        rf_alloc_fail_at(0);
        rf_face_list_free(&copy);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_true(failures >= 8 && failures < 99);
    rf_face_list_free(&list);
}

static void decode_faces(void **state) {
    (void)state;
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = RF_POINTS};
    const float anchors[12] = {10, 10, 16, 16, 50, 50, 32, 32, 90, 90, 64, 64};
    const float cls[6] = {2, 0, 0, 3, 1, 1}, loc[12] = {0, 0, 0, 0, 1, -1, 0, 0, 0, 0, 5, 5};
    float points[30] = {0};
    points[10] = 2;
    rf_face_list list = {0};
    assert_int_equal(kit_decode_faces(&codec, anchors, 3, cls, loc, points, 0.5f, &list), RF_OK);
    assert_int_equal(list.n, 2);
    assert_float_equal(list.items[0].score, 1 / (1 + exp(-3)), 1e-6);
    const float want[4] = {50 + 3.2f - 16, 50 - 3.2f - 16, 50 + 3.2f + 16, 50 - 3.2f + 16};
    for (int k = 0; k < 4; k++) assert_float_equal(list.items[0].box[k], want[k], 1e-4);
    assert_float_equal(list.items[0].points[0], 56.4, 1e-4);
    assert_int_equal(list.items[0].n_points, RF_POINTS);
    assert_float_equal(list.items[1].score, 0.5, 0); /* at the threshold: kept */
    assert_float_equal(list.items[1].box[2] - list.items[1].box[0], 64 * exp(1), 1e-3);
    rf_face_list_clear(&list);
    assert_int_equal(kit_decode_faces(&codec, anchors, 3, cls, loc, NULL, 0, &list), RF_OK);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.items[0].n_points, 0);
    const float sure[2] = {0, 40};
    rf_face_list_clear(&list);
    assert_int_equal(kit_decode_faces(&codec, anchors, 1, sure, loc, NULL, 1, &list), RF_OK);
    assert_int_equal(list.n, 1);

    float broken[6] = {2, 0, NAN, 3, 1, 1};
    assert_int_equal(kit_decode_faces(&codec, anchors, 3, broken, loc, points, 0.5f, &list), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "row 1"));
    points[25] = INFINITY;
    assert_int_equal(kit_decode_faces(&codec, anchors, 3, cls, loc, points, 0.5f, &list), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "anchor 2"));
    rf_face_list_free(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_stable),   cmocka_unit_test(nms_equals_naive),
        cmocka_unit_test(nms_counts_pixels), cmocka_unit_test(nms_speed),
        cmocka_unit_test(vote_equals_naive), cmocka_unit_test(vote_by_hand),
        cmocka_unit_test(soft_equals_naive), cmocka_unit_test(weighted_equals_naive),
        cmocka_unit_test(merges_contract),   cmocka_unit_test(merge_out_of_memory),
        cmocka_unit_test(decode_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
