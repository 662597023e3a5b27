/* SPDX-License-Identifier: Apache-2.0 */
/* FDDB: the assignment, curves and files, by hand, against naive loops and against the official program. */
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
#include "eval/fddb_file.h"
#include "eval/hungarian.h"
#include "eval/mask.h"
#include "tests/protocol_set.h"
#include "tests/scratch.h"

#define FDDB "../shared/data/fddb"

/* ---- assignment ---- */

static double best_sum(const double *gain, size_t rows, size_t cols, size_t row, unsigned used) {
    if (row == rows) return 0;
    double best = best_sum(gain, rows, cols, row + 1, used);
    for (size_t c = 0; c < cols; c++)
        if (!(used >> c & 1))
            best = fmax(best, gain[row * cols + c] + best_sum(gain, rows, cols, row + 1, used | 1u << c));
    return best;
}

static void hungarian(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(2, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 300; round++) {
        size_t rows = rf_rng_below(&rng, 6), cols = rf_rng_below(&rng, 6), column[6];
        double gain[36], sum = 0;
        for (int i = 0; i < 36; i++) gain[i] = rf_rng_below(&rng, 3) ? (double)rf_rng_uniform(&rng) : 0;
        assert_int_equal(rf_hungarian(gain, rows, cols, column), RF_OK);
        unsigned used = 0;
        for (size_t r = 0; r < rows; r++) {
            if (column[r] == SIZE_MAX) continue;
            assert_true(column[r] < cols && !(used >> column[r] & 1) && gain[r * cols + column[r]] > 0);
            used |= 1u << column[r];
            sum += gain[r * cols + column[r]];
        }
        assert_float_equal(sum, best_sum(gain, rows, cols, 0, 0), 1e-12);
    }
}

/* ---- FDDB ---- */

static void fddb_by_hand(void **state) {
    (void)state;
    make_truth();
    /* circle of radius 20 in b; the box around it overlaps by pi / 4 */
    rf_face b[3] = {faces[3], faces[3], faces[3]};
    b[0].score = 0.9f;
    b[1].score = 0.8f;
    for (int k = 0; k < 4; k += 2) b[1].box[k] += 300; /* false */
    b[2].score = 0.7f;
    rf_face_list lists[2] = {{0}, {.items = b, .n = 3, .capacity = 3}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_fddb], &truth, lists);
    assert_int_equal(r.curves[0].n, 3);
    const double fp[3] = {0, 1, 2}; /* the second box on the face is false too */
    rf_mask circle, box = rf_mask_of_box(faces[3].box, 0, 0);
    assert_int_equal(rf_mask_of_ellipse(&ellipses[3], 0, 0, &circle), RF_OK);
    double iou = rf_mask_iou(&circle, &box);
    rf_mask_free(&circle);
    assert_float_equal(iou, 3.14159265 / 4, 0.01);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(r.curves[0].x[i], fp[i], 0);
        assert_float_equal(r.curves[0].y[i], 0.25, 1e-12);
        assert_float_equal(r.curves[1].y[i], iou / 4, 1e-12);
    }
    assert_float_equal(value_of(&r, "discrete_tpr_1000"), 0.25, 1e-12);
    rf_protocol_result_free(&r);
}

/* At each score all pictures are matched anew, over all ways to match. */
static void naive_fddb(const rf_face_list *lists, double threshold, double *hits, double *overlap, double *misses) {
    *hits = *overlap = *misses = 0;
    for (int s = 0; s < 2; s++) {
        double gain[8 * 3], n = 0;
        size_t rows = 0, column[8];
        for (size_t k = 0; k < lists[s].n; k++) {
            if ((double)lists[s].items[k].score < threshold) continue;
            rf_mask box = rf_mask_of_box(lists[s].items[k].box, 0, 0), face;
            for (size_t f = 0; f < samples[s].n_faces; f++) {
                assert_int_equal(rf_mask_of_ellipse(&ellipses[samples[s].first_face + f], 0, 0, &face), RF_OK);
                gain[rows * samples[s].n_faces + f] = rf_mask_iou(&box, &face);
                rf_mask_free(&face);
            }
            rows++;
        }
        assert_int_equal(rf_hungarian(gain, rows, samples[s].n_faces, column), RF_OK);
        for (size_t k = 0; k < rows; k++) {
            double iou = column[k] == SIZE_MAX ? 0 : gain[k * samples[s].n_faces + column[k]];
            n += iou > 0.5;
            *overlap += iou;
        }
        *hits += n;
        *misses += (double)rows - n;
    }
}

static void fddb_equals_naive(void **state) {
    (void)state;
    make_truth();
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 50; round++) {
        rf_face found[2][8];
        rf_face_list lists[2];
        for (int s = 0; s < 2; s++) {
            lists[s] = (rf_face_list){.items = found[s], .n = rf_rng_below(&rng, 9), .capacity = 8};
            for (size_t k = 0; k < lists[s].n; k++) {
                found[s][k] = faces[samples[s].first_face + rf_rng_below(&rng, (uint32_t)samples[s].n_faces)];
                found[s][k].score = (float)rf_rng_below(&rng, 6) / 8;
                for (int c = 0; c < 4; c++) found[s][k].box[c] += rf_rng_range(&rng, -15, 15);
            }
        }
        rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_fddb], &truth, lists);
        size_t point = 0;
        double seen = -1;
        for (int t = 5; t >= 0; t--) {
            double hits, overlap, misses;
            naive_fddb(lists, t / 8.0, &hits, &overlap, &misses);
            if (hits + misses <= fmax(seen, 0)) continue;
            seen = hits + misses;
            assert_true(point < r.curves[0].n);
            assert_float_equal(r.curves[0].x[point], misses, 1e-9);
            assert_float_equal(r.curves[0].y[point], hits / 4, 1e-9);
            assert_float_equal(r.curves[1].y[point++], overlap / 4, 1e-9);
        }
        assert_int_equal(point, r.curves[0].n);
        rf_protocol_result_free(&r);
    }
}

static rf_status read_fddb(const char *text, size_t bytes, rf_prediction_set *set) {
    char path[300];
    snprintf(path, sizeof path, "%s/fddb.txt", scratch);
    assert_int_equal(rf_file_write_atomic(path, text, bytes), RF_OK);
    rf_prediction_set_free(set);
    return rf_fddb_read(path, &truth, set);
}

static void fddb_files(void **state) {
    (void)state;
    make_truth();
    rf_prediction_set set = {0};
    static const char box[] = "e/b\n1\n40 40 40 40 0.1234567890123\n",
                      ellipse[] = "e/b.jpg\n0\ne/a\n1\n40 30 0 50 50 0.5\n";
    assert_int_equal(read_fddb(box, sizeof box - 1, &set), RF_OK);
    assert_int_equal(set.notes.n[RF_NOTE_unnamed], 1);
    assert_float_equal(set.lists[1].items[0].box[2], 80, 0);
    assert_float_equal(set.scores[1][0], 0.1234567890123, 0); /* in double precision */
    assert_null(set.ellipses[1]);
    assert_int_equal(read_fddb(ellipse, sizeof ellipse - 1, &set), RF_OK);
    assert_float_equal(set.lists[0].items[0].box[0], 10, 1e-5);
    assert_float_equal(set.ellipses[0][0].minor, 30, 0);
    /* what the protocol writes is read back */
    rf_face a = faces[0];
    a.score = 0.25f;
    rf_face_list one[2] = {{.items = &a, .n = 1, .capacity = 1}, {0}};
    const rf_protocol_input input = {.truth = &truth, .detections = one};
    assert_int_equal(rf_protocols[RF_PROTOCOL_fddb]->write(&input, scratch), RF_OK);
    char path[300];
    snprintf(path, sizeof path, "%s/fddb_detections.txt", scratch);
    rf_prediction_set_free(&set);
    assert_int_equal(rf_fddb_read(path, &truth, &set), RF_OK);
    assert_int_equal(set.notes.n[RF_NOTE_unnamed], 0);
    assert_float_equal(set.lists[0].items[0].box[2], a.box[2], 1e-5);
    assert_float_equal(set.lists[0].items[0].score, 0.25, 0);
    /* also of shapes and of scores in double precision */
    const rf_ellipse *shapes[2] = {ellipses, NULL};
    const double score = 0.1234567890123456, *scores[2] = {&score, NULL};
    const rf_protocol_input exact = {.truth = &truth, .detections = one, .ellipses = shapes, .scores = scores};
    assert_int_equal(rf_protocols[RF_PROTOCOL_fddb]->write(&exact, scratch), RF_OK);
    rf_prediction_set_free(&set);
    assert_int_equal(rf_fddb_read(path, &truth, &set), RF_OK);
    assert_float_equal(set.scores[0][0], score, 0);
    assert_memory_equal(&set.ellipses[0][0], &ellipses[0], sizeof ellipses[0]);
    rf_prediction_set_free(&set);
}

/* Odd rows and files of others: counted as the official program counts them, or left out and counted; never the end. */
static void odd_fddb_files(void **state) {
    (void)state;
    make_truth();
    static const struct {
        const char *text;
        size_t rows[2]; /* of e/a and e/b */
        int note;       /* that occurs once; -1: none */
    } cases[] = {
        {"e/a\n1\n1 2 3 4 5\ne/b\n0\n", {1, 0}, -1},
        {"\xef\xbb\xbf"
         "e/a\r\n1\r\n1 2 3 4 .5 \r\ne/b\r\n0\r\n\x1a",
         {1, 0},
         -1},
        {"e/b\n0\n./e/a.png\n1\n 1e0\t+2 3.E0 .4e1 5\n\x1a\r\n", {1, 0}, -1},
        {"e\\a\r\n1\r\n1 2 3 4 5\r\n.\\e\\b.jpg\r\n0\r\n", {1, 0}, -1}, /* of Windows */
        {"e/c\n1\n1 2 3 4 5\ne/a\n0\ne/b\n0\n", {0, 0}, RF_NOTE_strays},
        {"e/a\n1\n1 2 3 4 5\ne/a\n1\n1 2 3 4 5\ne/b\n0\n", {1, 0}, RF_NOTE_twice},
        {"e/a\n1\n1 2 3 4\ne/b\n1\n1 2 3 4 5\n", {0, 1}, RF_NOTE_bad_rows},
        {"e/a\n1\n1 2 x 4 5\ne/b\n1\n1 2 3 4 5\n", {0, 1}, RF_NOTE_bad_rows},
        {"e/a\n2\n1 2 3 4 5\n1 2 3 4 5 6\ne/b\n0\n", {1, 0}, RF_NOTE_bad_rows}, /* a box, then an ellipse */
        {"e/a\n2\n1 2 3 4 5\ne/b\n0\n", {1, 0}, RF_NOTE_count_differs},
        {"e/a\n1\n1 2 3 4 5\n1 2 3 4 5\ne/b\n0\n", {2, 0}, RF_NOTE_count_differs},
        {"e/a\n1 2 3 4 5\ne/b\n1\n1 2 3 4 5", {1, 1}, RF_NOTE_no_count},
        {"e/a\n2\n1 2 -0.001 4 5\n1 2 3 4 5\ne/b\n0\n", {2, 0}, RF_NOTE_no_area},
        {"e/a\n1\n1 2 0 4 5\ne/b\n0\n", {1, 0}, RF_NOTE_no_area},
        {"e/a\n1\n1 nan 3 4 5\ne/b\n0\n", {1, 0}, RF_NOTE_not_finite},
        {"e/a\n1\n1 2 inf 4 5\ne/b\n0\n", {1, 0}, RF_NOTE_not_finite},
        {"e/a\n1\n1 2 3 4 nan\ne/b\n1\n1 2 3 4 5\n", {0, 1}, RF_NOTE_bad_scores},
        {"e/a\n1\n1 2 3 4 5 6 7\ne/b\n0\n", {1, 0}, RF_NOTE_more_columns},
        {"e/a\n1\n1 2 3 4 5\n", {1, 0}, RF_NOTE_unnamed},
    };
    rf_prediction_set set = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_fddb(cases[i].text, strlen(cases[i].text), &set) != RF_OK) fail_msg("%zu: %s", i, rf_error_message());
        for (int s = 0; s < 2; s++)
            if (set.lists[s].n != cases[i].rows[s]) fail_msg("%zu: %zu rows of image %d", i, set.lists[s].n, s);
        for (int n = 0; n < RF_NOTE_COUNT; n++)
            if (set.notes.n[n] != (n == cases[i].note))
                fail_msg("%zu: %zu of %s", i, set.notes.n[n], rf_prediction_note_names[n]);
    }
    static const char *const bad[][2] = {{"", "no image of truth.txt is named"},
                                         {"1 2 3 4 5\n", "no image of truth.txt is named"},
                                         {"x/y\n0\n", "no image of truth.txt is named"},
                                         {"e/a\n1\n1 2 3 4\n", "not one row can be used"},
                                         {"e/a\n1\n1 2 3 4 nan\n", "not one row can be used"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_fddb(bad[i][0], strlen(bad[i][0]), &set), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), bad[i][1])) fail_msg("%s", rf_error_message());
    }
    int failures = 0;
    for (uint64_t n = 1; n < 100; n++, failures++) {
        rf_alloc_fail_at(n);
        char path[300];
        snprintf(path, sizeof path, "%s/fddb.txt", scratch);
        rf_status status = rf_fddb_read(path, &truth, &set);
        rf_alloc_fail_at(0);
        rf_prediction_set_free(&set);
        if (status == RF_ERR_FORMAT) break;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    assert_in_range(failures, 4, 90);
}

/* A box of negative width is the one between its corners, as cvRectangle draws it; a folder of folds is one set. */
static void folds_and_turned_boxes(void **state) {
    (void)state;
    make_truth();
    char dir[300], path[330];
    snprintf(dir, sizeof dir, "%s/folds", scratch);
    assert_int_equal(rf_dir_make(dir), RF_OK);
    static const char *const folds[][2] = {{"fold-01-out.txt", "e/a\n0\n"},
                                           {"fold-02-out.txt", "e/b\n1\n80 80 -40 -40 0.5\n"},
                                           {"DiscROC.txt", "0.9 10 0.5\n0 0 1\n"},
                                           {"FDDB-fold-01.txt", "e/a\ne/b\n"},
                                           {"FDDB-fold-01-ellipseList.txt", "e/a\n1\n40 30 0 50 50 1\n"}};
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folds[i][0]);
        assert_int_equal(rf_file_write_atomic(path, folds[i][1], strlen(folds[i][1])), RF_OK);
    }
    rf_prediction_set set;
    assert_int_equal(rf_fddb_read(dir, &truth, &set), RF_OK);
    assert_int_equal(set.notes.files, 2);
    assert_int_equal(set.notes.n[RF_NOTE_unnamed], 0);
    assert_int_equal(set.notes.n[RF_NOTE_strays], 3); /* curves, names, the annotation: no detections */
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_fddb], &truth, set.lists);
    assert_float_equal(value_of(&r, "discrete_tpr_1000"), 0.25, 1e-12);
    rf_protocol_result_free(&r);
    rf_prediction_set_free(&set);
}

static void sizes_from_a_list(void **state) {
    (void)state;
    make_truth();
    char path[300];
    size_t known;
    snprintf(path, sizeof path, "%s/sizes.txt", scratch);
    static const char good[] = "# name W H\ne/b\t90\t70\r\nother/c 5 5\ne/a.jpg   100 80  \n";
    assert_int_equal(rf_file_write_atomic(path, good, sizeof good - 1), RF_OK);
    int sizes[2][2] = {{0}};
    assert_int_equal(rf_fddb_read_sizes(path, &truth, sizes, &known), RF_OK);
    assert_int_equal(known, 2);
    assert_true(sizes[0][0] == 100 && sizes[0][1] == 80 && sizes[1][0] == 90 && sizes[1][1] == 70);
    static const char *const bad[][2] = {{"e/a 10\n", ":1:"},
                                         {"e/a 10 0\n", ":1:"},
                                         {"e/a 10 2.5\n", ":1:"},
                                         {"e/a 10 -3\n", ":1:"},
                                         {"e/a ten 3\n", ":1:"},
                                         {"10 20\n", ":1:"},
                                         {"e/x 10 20\n", "no image of truth.txt is named"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(sizes, 0, sizeof sizes);
        assert_int_equal(rf_file_write_atomic(path, bad[i][0], strlen(bad[i][0])), RF_OK);
        if (rf_fddb_read_sizes(path, &truth, sizes, &known) != RF_ERR_FORMAT) fail_msg("%zu was read", i);
        if (!strstr(rf_error_message(), bad[i][1])) fail_msg("%s", rf_error_message());
    }
}

/* MTCNN's published detections give the official program's curves, to the last byte of its files. */
static void official_curves(void **state) {
    (void)state;
    if (!rf_file_exists(FDDB "/sizes.tsv")) {
        print_message("skip: no " FDDB ": the official curves were not tried\n");
        return;
    }
    rf_dataset *set = NULL;
    rf_prediction_set found;
    size_t known;
    assert_int_equal(rf_dataset_open("fddb", FDDB "/ellipses.txt", "none", NULL, &set), RF_OK);
    assert_int_equal(rf_fddb_read(FDDB "/mtcnn_detections.txt", set, &found), RF_OK);
    assert_int_equal(found.notes.rows, 4884);
    int(*sizes)[2] = rf_alloc(set->n_samples, sizeof *sizes);
    assert_int_equal(rf_fddb_read_sizes(FDDB "/sizes.tsv", set, sizes, &known), RF_OK);
    assert_int_equal(known, 2845);
    rf_protocol_input input = {.truth = set,
                               .detections = found.lists,
                               .scores = (const double *const *)found.scores,
                               .sizes = (const int(*)[2])sizes};
    rf_protocol_result r;
    assert_int_equal(rf_protocol_run(rf_protocols[RF_PROTOCOL_fddb], &input, &r), RF_OK);
    assert_int_equal(r.curves[0].n, 1773);
    assert_float_equal(value_of(&r, "discrete_tpr_100"), 0.882034, 5e-7);
    assert_float_equal(value_of(&r, "discrete_tpr_500"), 0.896345, 5e-7);
    assert_float_equal(value_of(&r, "continuous_tpr_100"), 0.664055, 5e-7);
    assert_float_equal(value_of(&r, "continuous_tpr_500"), 0.674485, 5e-7);
    assert_float_equal(value_of(&r, "continuous_tpr_1000"), 0.674485, 5e-7);
    assert_float_equal(value_of(&r, "continuous_tpr_2000"), 0.674485, 5e-7);
    assert_int_equal(rf_protocols[RF_PROTOCOL_fddb]->report(&r, scratch), RF_OK);
    static const char *const files[2][2] = {{"DiscROC.txt", FDDB "/mtcnn_disc_roc.txt"},
                                            {"ContROC.txt", FDDB "/mtcnn_cont_roc.txt"}};
    for (int i = 0; i < 2; i++) {
        char path[300];
        uint8_t *ours, *official;
        size_t n, n_official;
        snprintf(path, sizeof path, "%s/%s", scratch, files[i][0]);
        assert_int_equal(rf_file_read(path, 0, &ours, &n), RF_OK);
        assert_int_equal(rf_file_read(files[i][1], 0, &official, &n_official), RF_OK);
        assert_int_equal(n, n_official);
        assert_memory_equal(ours, official, n);
        rf_free(ours);
        rf_free(official);
    }
    rf_protocol_result_free(&r);
    rf_prediction_set_free(&found);
    rf_free(sizes);
    rf_dataset_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hungarian),         cmocka_unit_test(fddb_by_hand),
        cmocka_unit_test(fddb_equals_naive), cmocka_unit_test(fddb_files),
        cmocka_unit_test(odd_fddb_files),    cmocka_unit_test(folds_and_turned_boxes),
        cmocka_unit_test(sizes_from_a_list), cmocka_unit_test(official_curves),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
