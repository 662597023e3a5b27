/* SPDX-License-Identifier: Apache-2.0 */
/* The WIDER FACE evaluation: hand-made cases, MATLAB files written here, and the official ground truth when it is
 * there. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <matio.h>

#include "core/file.h"
#include "core/mem.h"
#include "eval/wider_ap.h"
#include "tests/scratch.h"

#define DATA "../shared/data"

static rf_wider_gt *gt; /* the official ground truth, when it is there */
static rf_wider_result *result;

/* Lists without scores of their own, as a finder gives them; P is what the Python port computes. */
static rf_status score(const rf_wider_gt *truth, const rf_face_list *lists) {
    return rf_wider_ap(truth, &(rf_wider_input){.detections = lists}, result);
}
#define P (&result->rules[RF_WIDER_PYTHON])

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

static void small_by_hand(void **state) {
    (void)state;
    /* Not in order of score. 3.5 px off is IoU 0.517 with inclusive pixels, 0.481 without. */
    rf_face a[5] = {detection(100, 100, 10, 10, 0.8f), detection(0, 0, 10, 10, 0.6f), detection(50, 50, 10, 10, 1),
                    detection(3.5f, 0, 10, 10, 0.9f), detection(300, 50, 10, 10, 0.7f)};
    rf_face_list lists[2] = {{.items = a, .n = 5, .capacity = 5}, {0}};
    assert_int_equal(score(&small, lists), RF_OK);
    assert_int_equal(result->n_faces[RF_WIDER_EASY], 1);
    assert_int_equal(result->n_faces[RF_WIDER_MEDIUM], 2);
    assert_int_equal(result->n_faces[RF_WIDER_HARD], 3);
    assert_int_equal(result->n_detections, 5);
    /* hard: false, true, true, false, double -> best precision 2/3 up to recall 2/3 */
    assert_float_equal(P->ap[RF_WIDER_HARD], 4.0 / 9, 1e-12);
    /* medium and easy: the detection on face 1 counts neither way: false, true, -, false, double */
    assert_float_equal(P->ap[RF_WIDER_MEDIUM], 0.25, 1e-12);
    assert_float_equal(P->ap[RF_WIDER_EASY], 0.5, 1e-12);
    /* normalised scores are 1, 0.75, 0.5, 0.25, 0: nothing else within 1 - 0.2 */
    assert_float_equal(P->precision[RF_WIDER_HARD][199], 0, 0);
    assert_float_equal(P->recall[RF_WIDER_HARD][260], 1.0 / 3, 1e-12);
    assert_float_equal(P->precision[RF_WIDER_EASY][999], 0.25, 1e-12);
    assert_float_equal(P->precision[RF_WIDER_HARD][999], 0.4, 1e-12);
    rf_wider_best best = rf_wider_best_score(result, RF_WIDER_HARD);
    assert_float_equal(best.f1, 2.0 / 3, 1e-12);
    assert_float_equal(best.score, 0.8, 5e-4);
    best = rf_wider_best_score(result, RF_WIDER_EASY); /* 1 of 2 from 0.9 on */
    assert_float_equal(best.precision, 0.5, 1e-12);
    assert_float_equal(best.recall, 1, 0);
    assert_float_equal(best.score, 0.9, 5e-4);
}

static void small_edges(void **state) {
    (void)state;
    rf_face_list none[2] = {{0}};
    assert_int_equal(score(&small, none), RF_OK);
    assert_float_equal(P->ap[RF_WIDER_HARD], 0, 0);
    assert_float_equal(rf_wider_best_score(result, RF_WIDER_HARD).f1, 0, 0);
    rf_face one = detection(0, 0, 20, 20, 0.3f); /* a single score: nothing to divide by */
    rf_face_list lists[2] = {{0}, {.items = &one, .n = 1, .capacity = 1}};
    assert_int_equal(score(&small, lists), RF_OK);
    assert_float_equal(P->ap[RF_WIDER_MEDIUM], 0.5, 1e-12);
    assert_float_equal(P->ap[RF_WIDER_HARD], 1.0 / 3, 1e-12);
    one.score = NAN;
    assert_int_equal(score(&small, lists), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "e/b"));
    one.score = 1;
    int failures = 0;
    for (uint64_t n = 1; n < 30; n++, failures++) {
        rf_alloc_fail_at(n);
        rf_status status = score(&small, lists);
        rf_alloc_fail_at(0);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_in_range(failures, 5, 28);
}

static matvar_t *cells(size_t n, matvar_t **items) {
    size_t dims[2] = {n, 1};
    return Mat_VarCreate(NULL, MAT_C_CELL, MAT_T_CELL, 2, dims, items, 0);
}

static matvar_t *numbers(size_t rows, size_t cols, double *values) {
    size_t dims[2] = {rows, cols};
    return Mat_VarCreate(NULL, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, values, 0);
}

static matvar_t *text(const char *value) {
    size_t dims[2] = {1, strlen(value)};
    return Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UTF8, 2, dims, (void *)(uintptr_t)value, 0);
}

static void write_variable(mat_t *mat, const char *name, matvar_t *event0, matvar_t *event1) {
    matvar_t *events[2] = {event0, event1}, *top = cells(2, events);
    top->name = strdup(name);
    assert_int_equal(Mat_VarWrite(mat, top, MAT_COMPRESSION_ZLIB), 0);
    Mat_VarFree(top);
}

enum {
    GOOD,
    TOO_FEW_COLUMNS,
    NOT_A_NUMBER,
    TEXT_BOXES,
    MISSING_NAMES,
    ROW_OUT_OF_RANGE,
    ROW_TWICE,
    ROW_FRACTION,
    NO_GT_LIST,
    FAULTS
};

/* Event "0--A" with images "x" (2 boxes) and "y" (none), event "1--B" with "z" (1 box). */
static void write_ground_truth(const char *dir, int fault) {
    char path[256];
    double x_boxes[8] = {1, 5, 2, 6, 3, fault == NOT_A_NUMBER ? NAN : 7, 4, 8}, z_box[4] = {10, 20, 30, 40};
    snprintf(path, sizeof path, "%s/wider_face_val.mat", dir);
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    assert_non_null(mat);
    write_variable(mat, "event_list", text("0--A"), text("1--B"));
    matvar_t *names[2] = {text("x"), text("y")}, *z = text("z"), *z_numbers = numbers(1, 4, z_box);
    write_variable(mat, "file_list", cells(fault == MISSING_NAMES ? 1 : 2, names), cells(1, &z));
    if (fault == MISSING_NAMES) Mat_VarFree(names[1]);
    matvar_t *boxes[2] = {fault == TOO_FEW_COLUMNS ? numbers(4, 2, x_boxes) : numbers(2, 4, x_boxes),
                          numbers(0, 0, NULL)};
    if (fault == TEXT_BOXES) {
        Mat_VarFree(boxes[0]);
        boxes[0] = text("abcd");
    }
    write_variable(mat, "face_bbx_list", cells(2, boxes), cells(1, &z_numbers));
    Mat_Close(mat);
    for (int subset = 0; subset < RF_WIDER_SUBSETS; subset++) {
        snprintf(path, sizeof path, "%s/wider_%s_val.mat", dir, rf_wider_subset_names[subset]);
        mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
        double rows[2] = {2, fault == ROW_OUT_OF_RANGE ? 3
                             : fault == ROW_TWICE      ? 2
                             : fault == ROW_FRACTION   ? 0.5
                                                       : 1},
               first = 1;
        matvar_t *lists[2] = {numbers(subset == RF_WIDER_EASY && fault == GOOD ? 1 : 2, 1, rows), numbers(0, 1, NULL)};
        matvar_t *z_list = numbers(subset == RF_WIDER_HARD, 1, &first);
        write_variable(mat, fault == NO_GT_LIST ? "other" : "gt_list", cells(2, lists), cells(1, &z_list));
        Mat_Close(mat);
    }
}

static void reads_mat_files(void **state) {
    (void)state;
    write_ground_truth(scratch, GOOD);
    rf_wider_gt *read;
    assert_int_equal(rf_wider_gt_read(scratch, &read), RF_OK);
    assert_int_equal(read->n_images, 3);
    assert_int_equal(read->n_boxes, 3);
    assert_string_equal(read->images[0].name, "0--A/x");
    assert_int_equal(read->images[1].n_boxes, 0);
    const float want[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {10, 20, 30, 40}};
    assert_memory_equal(read->boxes, want, sizeof want);
    const uint8_t subsets[3] = {6, 7, 4};
    assert_memory_equal(read->subsets, subsets, sizeof subsets);
    assert_int_equal(rf_wider_gt_find(read, "./1--B/z.jpg"), 2);
    assert_int_equal(rf_wider_gt_find(read, "/0--A/y"), 1);
    assert_int_equal(rf_wider_gt_find(read, "0--A/"), 3);
    assert_int_equal(rf_wider_gt_find(read, "0--A/yy"), 3);

    char list[256];
    snprintf(list, sizeof list, "%s/list.txt", scratch);
    static const struct {
        const char *text, *message;
    } bad[] = {{"0--A/x.jpg\n0--A/w.jpg\n", "list.txt:2: the image 0--A/w.jpg"},
               {"0--A/x\n\n./0--A/x.jpg", "list.txt:3"},
               {"# no\n", "no image"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rf_file_write_atomic(list, bad[i].text, strlen(bad[i].text)), RF_OK);
        assert_int_equal(rf_wider_gt_restrict(read, list), RF_ERR_FORMAT);
        assert_non_null(strstr(rf_error_message(), bad[i].message));
        assert_int_equal(read->n_images, 3);
    }
    const char good[] = "# two\r\n1--B/z.jpg\r\n\n0--A/x";
    assert_int_equal(rf_file_write_atomic(list, good, sizeof good - 1), RF_OK);
    assert_int_equal(rf_wider_gt_restrict(read, list), RF_OK);
    assert_int_equal(read->n_images, 2);
    assert_string_equal(read->images[0].name, "1--B/z");
    assert_int_equal(rf_wider_gt_find(read, "0--A/x"), 1);
    assert_int_equal(rf_wider_gt_find(read, "0--A/y"), 2);
    rf_wider_gt_free(read);
}

static void refuses_bad_mat_files(void **state) {
    (void)state;
    static const char *const messages[FAULTS] = {
        NULL,          "not an n x 4",      "box 2 of 0--A/x", "not an n x 4",       "event 1 differ",
        "names box 3", "names box 2 twice", "names box 0.5",   "no variable gt_list"};
    rf_wider_gt *read;
    for (int fault = GOOD + 1; fault < FAULTS; fault++) {
        write_ground_truth(scratch, fault);
        assert_int_equal(rf_wider_gt_read(scratch, &read), RF_ERR_FORMAT);
        assert_null(read);
        if (!strstr(rf_error_message(), messages[fault])) fail_msg("fault %d: %s", fault, rf_error_message());
    }
    write_ground_truth(scratch, GOOD);
    char path[256];
    snprintf(path, sizeof path, "%s/wider_hard_val.mat", scratch);
    uint8_t *data;
    size_t bytes;
    assert_int_equal(rf_file_read(path, 0, &data, &bytes), RF_OK);
    for (size_t cut = 0; cut < bytes; cut += 7) {
        assert_int_equal(rf_file_write_atomic(path, data, cut), RF_OK);
        if (rf_wider_gt_read(scratch, &read) != RF_ERR_FORMAT) fail_msg("cut to %zu of %zu bytes: read", cut, bytes);
        assert_non_null(strstr(rf_error_message(), "wider_hard_val.mat"));
    }
    rf_free(data);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rf_wider_gt_read(scratch, &read), RF_ERR_IO);
    int failures = 0;
    write_ground_truth(scratch, GOOD);
    for (uint64_t n = 1; n < 100; n++, failures++) {
        rf_alloc_fail_at(n);
        rf_status status = rf_wider_gt_read(scratch, &read);
        rf_alloc_fail_at(0);
        rf_wider_gt_free(read);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_in_range(failures, 10, 98);
}

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

static void official_counts(void **state) {
    (void)state;
    if (!have_ground_truth()) return;
    assert_int_equal(gt->n_images, 3226);
    assert_int_equal(gt->n_boxes, 39708);
    size_t count[RF_WIDER_SUBSETS] = {0};
    for (size_t i = 0; i < gt->n_boxes; i++)
        for (int s = 0; s < RF_WIDER_SUBSETS; s++) count[s] += gt->subsets[i] >> s & 1;
    assert_int_equal(count[RF_WIDER_EASY], 7211);
    assert_int_equal(count[RF_WIDER_MEDIUM], 13319);
    assert_int_equal(count[RF_WIDER_HARD], 31958);
}

/* The ground truth as predictions: row r of n has the score (n - r) / n, `copies` of each, moved to the right by dx. */
static void golden_run(float dx, int copies, const double want[3]) {
    rf_face_list *lists = rf_alloc(gt->n_images, sizeof *lists);
    for (size_t i = 0; i < gt->n_images; i++) {
        size_t n = gt->images[i].n_boxes;
        for (size_t r = 0; r < n; r++) {
            const float *box = gt->boxes[gt->images[i].first_box + r];
            rf_face face = detection(box[0] + dx, box[1], box[2], box[3], (float)((double)(n - r) / (double)n));
            for (int c = 0; c < copies; c++) assert_int_equal(rf_face_list_push(&lists[i], &face), RF_OK);
        }
    }
    assert_int_equal(score(gt, lists), RF_OK);
    for (int s = 0; s < RF_WIDER_SUBSETS; s++) assert_float_equal(P->ap[s], want[s], 1e-8);
    for (size_t i = 0; i < gt->n_images; i++) rf_face_list_free(&lists[i]);
    rf_free(lists);
}

static void golden_runs(void **state) {
    (void)state;
    if (!have_ground_truth()) return;
    golden_run(0, 1, (const double[3]){0.99992341, 0.99995325, 0.99991100});
    golden_run(3, 1, (const double[3]){0.75563098, 0.80633664, 0.85158453});
    golden_run(0, 2, (const double[3]){0.49996171, 0.49997662, 0.49995550});
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
        cmocka_unit_test(small_by_hand),         cmocka_unit_test(small_edges),     cmocka_unit_test(reads_mat_files),
        cmocka_unit_test(refuses_bad_mat_files), cmocka_unit_test(official_counts), cmocka_unit_test(golden_runs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
