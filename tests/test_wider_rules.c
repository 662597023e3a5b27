/* SPDX-License-Identifier: Apache-2.0 */
/* The two rules of WIDER FACE's AP: pairs of boxes on which they differ, scores in double precision, and the official
 * tools' figures for published detections when the data is there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "eval/predictions.h"
#include "eval/wider_ap.h"
#include "tests/scratch.h"

#define DATA "../shared/data"

static rf_wider_gt *gt; /* the official ground truth, when it is there */
static rf_wider_result *result;

/* Lists without scores of their own, as a finder gives them; P is what the Python port computes, M the MATLAB
 * tool. */
static rf_status score(const rf_wider_gt *truth, const rf_face_list *lists) {
    return rf_wider_ap(truth, &(rf_wider_input){.detections = lists}, result);
}
#define P (&result->rules[RF_WIDER_PYTHON])
#define M (&result->rules[RF_WIDER_MATLAB])

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static rf_face detection(float x, float y, float w, float h, float score) {
    return (rf_face){.box = {x, y, x + w, y + h}, .score = score};
}

/* Two images. A: face 0 is in all subsets, face 1 only in hard. B: face 2 is in medium and hard. */
static rf_wider_image small_images[2] = {{"e/a", 0, 2}, {"e/b", 2, 1}};
static float small_boxes[3][4] = {{0, 0, 10, 10}, {100, 100, 10, 10}, {0, 0, 20, 20}};
static uint8_t small_subsets[3] = {7, 4, 6};
static uint32_t small_order[2] = {0, 1};
static const rf_wider_gt small = {small_images, 2, small_order, small_boxes, small_subsets, 3};

static bool have_ground_truth(void) {
    if (!rf_dir_exists(DATA "/wider/ground_truth")) {
        print_message("[  SKIP    ] no " DATA ": the official ground truth was not tried\n");
        return false;
    }
    if (gt) return true;
    double start = seconds();
    assert_int_equal(rf_wider_gt_read(DATA "/wider/ground_truth", &gt), RF_OK);
    print_message("reading the official ground truth: %.2f s\n", seconds() - start);
    return true;
}

/* Sum over the thresholds. */
static size_t sum_of(const size_t *counts) {
    size_t sum = 0;
    for (int t = 0; t < RF_WIDER_BINS; t++) sum += counts[t];
    return sum;
}

static void read_published(const char *name, rf_prediction_set *set) {
    char text[512];
    snprintf(text, sizeof text, "tar xzf " DATA "/predictions/%s.tar.gz -C %s", name, scratch);
    assert_int_equal(system(text), 0);
    snprintf(text, sizeof text, "%s/%s", scratch, name);
    double start = seconds();
    if (rf_predictions_read_wider(text, gt, set) != RF_OK) fail_msg("%s", rf_error_message());
    print_message("%s: %zu files, %zu rows read in %.2f s\n", name, set->notes.files, set->notes.rows,
                  seconds() - start);
    assert_int_equal(set->notes.files, gt->n_images);
}

static void score_published(const rf_prediction_set *set, const double want[3], double tolerance) {
    const rf_wider_input input = {set->lists, set->scores, set->matlab_rows};
    double start = seconds();
    assert_int_equal(rf_wider_ap(gt, &input, result), RF_OK);
    double scored = seconds();
    print_message("%zu images, %zu detections: scored in %.3f s: easy %.6f medium %.6f hard %.6f\n", gt->n_images,
                  result->n_detections, scored - start, P->ap[0], P->ap[1], P->ap[2]);
    assert_true(!scratch_timed() || scored - start < 5);
    for (int s = 0; s < RF_WIDER_SUBSETS; s++) assert_float_equal(P->ap[s], want[s], tolerance);
    rf_wider_result *again = rf_alloc(1, sizeof *again);
    for (int threads = 1; threads <= 3; threads++) {
        rf_set_threads(threads);
        assert_int_equal(rf_wider_ap(gt, &input, again), RF_OK);
        assert_memory_equal(again, result, sizeof *result);
    }
    rf_set_threads(0);
    rf_free(again);
}

/* The curves that the official MATLAB tool made of two sets with fractional boxes: AP, found and proposed at five
 * thresholds 1 - t / 1000, sums over all; and what the Python port makes of them. */
static const struct {
    const char *set;
    int subset;
    double matlab, python;
    size_t at[5][2], sums[2];
} official[] = {
    {"charrin_mnet_python",
     RF_WIDER_EASY,
     0.832899973,
     0.832621477,
     {{12, 12}, {4285, 4309}, {5770, 5908}, {5999, 6299}, {6044, 6392}},
     {5392331, 5544929}},
    {"charrin_mnet_python",
     RF_WIDER_MEDIUM,
     0.770252927,
     0.770101096,
     {{12, 12}, {6740, 6764}, {9637, 9775}, {10205, 10505}, {10308, 10656}},
     {8941148, 9093746}},
    {"charrin_mnet_python",
     RF_WIDER_HARD,
     0.395298402,
     0.395356003,
     {{12, 12}, {6950, 6974}, {10813, 10951}, {12331, 12631}, {12711, 13059}},
     {10112810, 10265408}},
    {"charrin_R50_cpp",
     RF_WIDER_EASY,
     0.913611332,
     0.914833553,
     {{105, 106}, {6171, 6295}, {6531, 6992}, {6618, 7311}, {6633, 7389}},
     {6405132, 6837296}},
    {"charrin_R50_cpp",
     RF_WIDER_MEDIUM,
     0.871563294,
     0.872635703,
     {{109, 110}, {10343, 10467}, {11390, 11851}, {11632, 12325}, {11679, 12435}},
     {11059643, 11491807}},
    {"charrin_R50_cpp",
     RF_WIDER_HARD,
     0.622122836,
     0.623362544,
     {{170, 171}, {14794, 14918}, {18612, 19073}, {19817, 20510}, {20023, 20779}},
     {17783835, 18215999}},
};

static void official_curves(void **state) {
    (void)state;
    static const int thresholds[5] = {1, 100, 500, 900, 1000};
    if (!have_ground_truth()) return;
    for (size_t i = 0; i < sizeof official / sizeof *official; i += RF_WIDER_SUBSETS) {
        rf_prediction_set set;
        read_published(official[i].set, &set);
        const rf_wider_input input = {set.lists, set.scores, set.matlab_rows};
        assert_int_equal(rf_wider_ap(gt, &input, result), RF_OK);
        rf_prediction_set_free(&set);
        for (size_t k = i; k < i + RF_WIDER_SUBSETS; k++) {
            int s = official[k].subset;
            assert_float_equal(M->ap[s], official[k].matlab, 5e-10);
            assert_float_equal(P->ap[s], official[k].python, 5e-10);
            for (int t = 0; t < 5; t++) {
                assert_int_equal(M->found[s][thresholds[t] - 1], official[k].at[t][0]);
                assert_int_equal(M->proposals[s][thresholds[t] - 1], official[k].at[t][1]);
            }
            assert_int_equal(sum_of(M->found[s]), official[k].sums[0]);
            assert_int_equal(sum_of(M->proposals[s]), official[k].sums[1]);
        }
    }
}

static void published_predictions(void **state) {
    (void)state;
    rf_prediction_set set;
    if (!have_ground_truth()) return;
    read_published("mnet025_original", &set);
    score_published(&set, (const double[3]){0.907076, 0.881650, 0.738273}, 5e-7);
    rf_prediction_set_free(&set);
    assert_int_equal(rf_wider_gt_restrict(gt, DATA "/wider/val_subset.txt"), RF_OK);
    assert_int_equal(gt->n_images, 323);
    read_published("mnet025_original", &set);
    assert_int_equal(set.notes.n[RF_NOTE_strays], 3226 - 323);
    score_published(&set, (const double[3]){0.9246, 0.8983, 0.8098}, 1e-4);
    rf_prediction_set_free(&set);
}

/* ---- the two rules ---- */

/* One detection with one or two faces of its picture (R50 of RetinaFace-Cpp on WIDER FACE): which face takes it, by
 * each rule; -1: none. */
static const struct {
    const char *kind;
    float faces[2][4]; /* x y w h; w 0: no second one */
    double detection[4];
    int python, matlab;
} pairs[] = {
    {"lost", {{778, 506, 98, 38}}, {778.667, 501.354, 78.7426, 66.9755}, 0, -1},
    {"lost", {{612, 164, 86, 80}}, {629.736, 180.665, 60.157, 57.729}, 0, -1},
    {"lost", {{130, 298, 10, 13}}, {131.762, 296.162, 12.3462, 16.1983}, 0, -1},
    {"lost", {{961, 259, 13, 21}}, {963.743, 262.408, 11.8854, 13.9378}, 0, -1},
    {"moved", {{99, 146, 10, 12}, {99, 146, 10, 15}}, {98.442, 146.636, 12.0837, 15.0596}, 1, 0},
    {"moved", {{551, 424, 36, 47}, {563, 428, 38, 51}}, {558.489, 430.027, 31.8196, 47.6189}, 1, 0},
    {"won", {{518, 208, 17, 19}}, {516.812, 213.089, 14.0162, 16.3002}, -1, 0},
    {"won", {{904, 413, 9, 16}}, {900.964, 416.912, 11.6737, 15.7227}, -1, 0},
    {"won", {{626, 319, 46, 33}}, {629.126, 326.326, 35.9986, 36.4548}, -1, 0},
    {"won", {{329, 148, 24, 25}}, {329.497, 152.449, 26.1426, 33.641}, -1, 0},
    {"whole", {{10, 10, 20, 20}, {12, 10, 20, 20}}, {12, 10, 20, 20}, 1, 0},
    {"exactly one half", {{0, 0, 9, 9}}, {0, 0, 19, 9}, 0, 0},
    {"beside", {{0, 0, 9, 9}}, {11, 0, 9, 9}, -1, -1},
    {"of negative size", {{0, 0, 9, 9}}, {9, 9, -9, -9}, -1, -1},
};

static void rules_by_pairs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int n = pairs[i].faces[1][2] > 0 ? 2 : 1;
        float boxes[2][4];
        uint8_t subsets[2] = {1, 2}; /* the first face is easy, the second medium: AP tells which was found */
        uint32_t order = 0;
        char name[] = "e/x";
        rf_wider_image image = {name, 0, (size_t)n};
        memcpy(boxes, pairs[i].faces, sizeof boxes);
        const rf_wider_gt truth = {&image, 1, &order, boxes, subsets, (size_t)n};
        const double *d = pairs[i].detection;
        rf_face face = {.box = {(float)d[0], (float)d[1], (float)(d[0] + d[2]), (float)(d[1] + d[3])}, .score = 0.5f};
        rf_face_list list = {.items = &face, .n = 1, .capacity = 1};
        assert_int_equal(score(&truth, &list), RF_OK);
        for (int r = 0; r < RF_WIDER_RULES; r++) {
            int want = r == RF_WIDER_PYTHON ? pairs[i].python : pairs[i].matlab;
            for (int s = 0; s < 2; s++)
                if (result->rules[r].found[s][999] != (size_t)(want == s))
                    fail_msg("pair %zu (%s), %s: face %d", i, pairs[i].kind, rf_wider_rule_names[r], s);
        }
    }
}

/* In single precision the lowest score can lie below the lowest that is subtracted from it: it never counts. Scores
 * that are one as floats stay two. */
static void scores_are_doubles(void **state) {
    (void)state;
    rf_face a[3] = {detection(0, 0, 10, 10, 0.9f), detection(300, 0, 10, 10, 0.1f), detection(100, 100, 10, 10, 0.1f)};
    double scores[3] = {0.9, 0.1, 0.1000000001}, *all[2] = {scores, NULL};
    rf_face_list lists[2] = {{.items = a, .n = 3, .capacity = 3}, {0}};
    assert_true((double)(float)0.1 > 0.1);
    assert_int_equal(rf_wider_ap(&small, &(rf_wider_input){.detections = lists, .scores = all}, result), RF_OK);
    assert_int_equal(P->proposals[RF_WIDER_HARD][999], 3);
    assert_int_equal(M->proposals[RF_WIDER_HARD][999], 1); /* both lie below (float)0.1 */
    assert_int_equal(score(&small, lists), RF_OK);         /* the floats' own lie on it */
    assert_int_equal(M->proposals[RF_WIDER_HARD][999], 3);
    for (int k = 0; k < 3; k++) {
        scores[k] = 1 + 1e-9 * (k == 0 ? 2 : k == 1 ? 0 : 1);
        a[k].score = (float)scores[k];
    }
    assert_int_equal(rf_wider_ap(&small, &(rf_wider_input){.detections = lists, .scores = all}, result), RF_OK);
    assert_int_equal(P->proposals[RF_WIDER_HARD][0], 1);
    assert_int_equal(P->proposals[RF_WIDER_HARD][500], 2);
    assert_int_equal(P->found[RF_WIDER_HARD][500], 2);
    assert_float_equal(P->ap[RF_WIDER_HARD], 2.0 / 3, 1e-12);
    assert_int_equal(score(&small, lists), RF_OK); /* as floats all are one score */
    assert_int_equal(P->proposals[RF_WIDER_HARD][0], 3);
}

/* The MATLAB tool reads only so many rows of a file. */
static void rows_of_the_matlab_tool(void **state) {
    (void)state;
    rf_face a[2] = {detection(0, 0, 10, 10, 0.9f), detection(100, 100, 10, 10, 0.5f)},
            b = detection(0, 0, 20, 20, 0.2f);
    rf_face_list lists[2] = {{.items = a, .n = 2, .capacity = 2}, {.items = &b, .n = 1, .capacity = 1}};
    const size_t rows[2] = {1, 0};
    assert_int_equal(rf_wider_ap(&small, &(rf_wider_input){.detections = lists, .matlab_rows = rows}, result), RF_OK);
    assert_int_equal(P->found[RF_WIDER_HARD][999], 3);
    assert_int_equal(M->found[RF_WIDER_HARD][999], 1);
}

static int set_up(void **state) {
    result = rf_alloc(1, sizeof *result);
    return result ? scratch_make(state) : 1;
}

static int tear_down(void **state) {
    rf_wider_gt_free(gt);
    rf_free(result);
    return scratch_remove(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_by_pairs),          cmocka_unit_test(scores_are_doubles),
        cmocka_unit_test(rows_of_the_matlab_tool), cmocka_unit_test(official_curves),
        cmocka_unit_test(published_predictions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
