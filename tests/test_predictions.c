/* SPDX-License-Identifier: Apache-2.0 */
/* Files of predictions: written and read back, odd ones of others, which file belongs to which image, what they may
 * mean instead. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "eval/doubts.h"
#include "eval/predictions.h"
#include "tests/scratch.h"

static void predictions_round_trip(void **state) {
    (void)state;
    rf_face faces[50];
    rf_rng rng = rf_rng_make(8, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 50; i++) {
        faces[i] = (rf_face){.score = rf_rng_uniform(&rng)};
        for (int k = 0; k < 4; k++) faces[i].box[k] = rf_rng_range(&rng, 0, 500) + (k >= 2 ? 500 : 0);
    }
    assert_int_equal(rf_prediction_write(scratch, "0--A/x.jpg", faces, 50), RF_OK);
    assert_int_equal(rf_prediction_write(scratch, "0--A/none", NULL, 0), RF_OK);
    char path[256];
    snprintf(path, sizeof path, "%s/0--A/x.txt", scratch);
    rf_prediction_set set;
    assert_int_equal(rf_prediction_set_make(2, &set), RF_OK);
    assert_int_equal(rf_prediction_read(path, "0--A/x.txt", &set, 0), RF_OK);
    assert_int_equal(set.lists[0].n, 50);
    assert_int_equal(set.matlab_rows[0], 50);
    for (int i = 0; i < 50; i++) {
        assert_float_equal(set.lists[0].items[i].score, faces[i].score, 0);
        for (int k = 0; k < 4; k++) assert_float_equal(set.lists[0].items[i].box[k], faces[i].box[k], 1e-4);
    }
    snprintf(path, sizeof path, "%s/0--A/none.txt", scratch);
    assert_int_equal(rf_prediction_read(path, "0--A/none.txt", &set, 1), RF_OK);
    assert_int_equal(set.lists[1].n, 0);
    for (int n = 0; n < RF_NOTE_COUNT; n++) assert_int_equal(set.notes.n[n], 0);
    rf_prediction_set_free(&set);
    faces[3].box[1] = NAN;
    assert_int_equal(rf_prediction_write(scratch, "0--A/nan", faces, 50), RF_ERR_NONFINITE);
    snprintf(path, sizeof path, "%s/0--A/nan.txt", scratch);
    assert_false(rf_file_exists(path));
}

/* Files of others, odd or not: how many rows the Python port reads, how many of them the MATLAB tool, and what is
 * noted. */
static void odd_predictions(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t rows, matlab;
        int note; /* that occurs once; -1: none */
    } cases[] = {
        {"x\n2\n1 2 3 4 0.5\n5 6 7 8 1e-3\n", 2, 2, -1},
        {"x\r\n1\r\n1 2 3 4 0.5 \r\n\r\n", 1, 1, -1},
        {"x\n0\n", 0, 0, -1},
        {"0--A/x.jpg\n1\n1 2 3 4 5", 1, 1, -1},
        {"\xef\xbb\xbfx\n1 \n  1\t2  3 4 .5\n\x1a", 1, 1, -1},
        {"X.JPG\n1\n1.e1 -2E-1 +3 4 1e0\n\x1a\r\n", 1, 1, -1},
        {"x\n1\n1 2 3 4 1e-320\n", 1, 1, -1},
        {"", 0, 0, RF_NOTE_empty},
        {"\x1a", 0, 0, RF_NOTE_empty},
        {"x\n", 0, 0, RF_NOTE_empty},
        {"y\n1\n1 2 3 4 5\n", 1, 1, RF_NOTE_other_image},
        {"x\none\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_no_count},
        {"x\n-1\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_no_count},
        {"x\n1 2 3 4 0.5\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_no_count},           /* the first row is line 2 */
        {"1 2 3 4 0.5\n1 2 3 4 0.5\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_no_count}, /* no name either */
        {"x\n999999999\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_count_differs},
        {"x\n2\n1 2 3 4 0.5\n", 1, 0, RF_NOTE_count_differs},
        {"x\n1\n1 2 3 4 0.5\n1 2 3 4 0.5\n", 2, 1, RF_NOTE_count_differs},
        {"x\n2\n1 2 3 4\n1 2 3 4 5\n", 1, 0, RF_NOTE_bad_rows},
        {"x\n1\n1 2 3 4e 1\n", 0, 0, RF_NOTE_bad_rows},
        {"x\n1\n1 2 0x3 4 1\n", 0, 0, RF_NOTE_bad_rows},
        {"x\n1\n1,2,3,4,5\n", 0, 0, RF_NOTE_bad_rows},
        {"x\n1\n1 2 3 4 5 6\n", 1, 1, RF_NOTE_more_columns},
        {"x\n2\n1 2 3 4 nan\n1 2 3 4 5\n", 1, 1, RF_NOTE_bad_scores},
        {"x\n1\n1 2 3 4 1e999\n", 0, 0, RF_NOTE_bad_scores},
        {"x\n1\n1 2 inf 4 1\n", 1, 1, RF_NOTE_not_finite},
        {"x\n1\nnan 2 3 4 1\n", 1, 1, RF_NOTE_not_finite},
        {"x\n1\n1e39 2 3 4 1\n", 1, 1, RF_NOTE_not_finite},
        {"x\n1\n100 50 -0.001 4 1\n", 1, 1, RF_NOTE_no_area},
        {"x\n1\n100 50 0 4 1\n", 1, 1, RF_NOTE_no_area},
    };
    char path[256];
    snprintf(path, sizeof path, "%s/p.txt", scratch);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_prediction_set set;
        assert_int_equal(rf_prediction_set_make(1, &set), RF_OK);
        assert_int_equal(rf_file_write_atomic(path, cases[i].text, strlen(cases[i].text)), RF_OK);
        assert_int_equal(rf_prediction_read(path, "0--A/x.txt", &set, 0), RF_OK);
        assert_int_equal(set.notes.files, 1);
        if (set.lists[0].n != cases[i].rows || set.matlab_rows[0] != cases[i].matlab)
            fail_msg("case %zu: %zu rows, %zu of them for the MATLAB tool", i, set.lists[0].n, set.matlab_rows[0]);
        for (int n = 0; n < RF_NOTE_COUNT; n++)
            if (set.notes.n[n] != (n == cases[i].note))
                fail_msg("case %zu: %zu of %s", i, set.notes.n[n], rf_prediction_note_names[n]);
        rf_prediction_set_free(&set);
    }
    rf_prediction_set set;
    assert_int_equal(rf_prediction_set_make(1, &set), RF_OK);
    static const char zero_byte[] = "x\n1\n1 2 3 4\0 1\n";
    assert_int_equal(rf_file_write_atomic(path, zero_byte, sizeof zero_byte - 1), RF_OK);
    assert_int_equal(rf_prediction_read(path, "p.txt", &set, 0), RF_OK);
    assert_int_equal(set.notes.n[RF_NOTE_unreadable], 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rf_prediction_read(path, "p.txt", &set, 0), RF_OK);
    assert_int_equal(set.notes.n[RF_NOTE_unreadable], 2);
    assert_int_equal(set.notes.files, 0);
    rf_prediction_set_free(&set);
}

static void put_prediction(const char *name, const char *text) {
    char path[400], *slash;
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(rf_dir_make(path), RF_OK);
    *slash = '/';
    assert_int_equal(rf_file_write_atomic(path, text, strlen(text)), RF_OK);
}

/* Which file belongs to which image: spelling, suffixes and a missing event do not matter; what is missing or left over
 * is counted, and a folder too high up is told. */
static void predictions_of_a_set(void **state) {
    (void)state;
    static char names[6][24] = {"1--B/exact", "1--B/Case", "1--B/suffix", "1--B/flat", "1--B/gone", "1--B/two"};
    rf_wider_image images[6];
    for (int i = 0; i < 6; i++) images[i] = (rf_wider_image){names[i], 0, 0};
    rf_wider_gt gt = {.images = images, .n_images = 6};
    char dir[300];
    rf_prediction_set set;
    snprintf(dir, sizeof dir, "%s/set", scratch);
    assert_int_equal(rf_dir_make(dir), RF_OK);
    assert_int_equal(rf_predictions_read_wider(dir, &gt, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "1--B/exact.txt"));
    put_prediction("set/inner/1--B/exact.txt", "exact\n1\n1 2 3 4 0.5\n");
    assert_int_equal(rf_predictions_read_wider(dir, &gt, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "set/inner: name that folder"));
    put_prediction("set/1--B/exact.txt", "exact\n1\n1 2 3 4 0.5\n");
    put_prediction("set/1--b/case.TXT", "Case\n1\n1 2 3 4 0.5\n");
    put_prediction("set/1--B/suffix.jpg.txt", "suffix\n1\n1 2 3 4 0.5\n");
    put_prediction("set/flat.txt", "flat\n1\n1 2 3 4 0.5\n");
    put_prediction("set/1--B/TWO.txt", "two\n1\n1 2 3 4 0.5\n");
    put_prediction("set/1--B/two.txt", "two\n2\n1 2 3 4 0.5\n1 2 3 4 0.4\n");
    put_prediction("set/1--B/image.dat", "no prediction");
    assert_int_equal(rf_predictions_read_wider(dir, &gt, &set), RF_OK);
    assert_int_equal(set.notes.files, 5);
    assert_int_equal(set.notes.rows, 6);
    assert_int_equal(set.notes.n[RF_NOTE_missing], 1);
    assert_string_equal(set.notes.first[RF_NOTE_missing], "1--B/gone");
    assert_int_equal(set.notes.n[RF_NOTE_other_name], 3);
    assert_int_equal(set.notes.n[RF_NOTE_strays], 2); /* inner/ and TWO.txt */
    for (int i = 0; i < 6; i++) assert_int_equal(set.lists[i].n, i == 4 ? 0 : i == 5 ? 2 : 1);
    rf_prediction_set_free(&set);
    int failures = 0;
    for (uint64_t n = 1; n < 400; n++, failures++) {
        rf_alloc_fail_at(n);
        rf_status status = rf_predictions_read_wider(dir, &gt, &set);
        rf_alloc_fail_at(0);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_null(set.lists);
    }
    assert_in_range(failures, 20, 398);
    rf_prediction_set_free(&set);
    char path[330];
    snprintf(path, sizeof path, "%s/1--B/exact.txt", dir);
    assert_int_equal(rf_predictions_read_wider(path, &gt, &set), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "exact.txt is a file"));
    /* not one row, or not one file, that can be read is no measurement */
    snprintf(dir, sizeof dir, "%s/rows", scratch);
    put_prediction("rows/1--B/exact.txt", "exact\n1\nface 0.5 1 2 3 4\n");
    assert_int_equal(rf_predictions_read_wider(dir, &gt, &set), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "not one row can be used"));
    assert_null(set.lists);
    snprintf(dir, sizeof dir, "%s/broken", scratch);
    put_prediction("broken/1--B/exact.txt", "");
    snprintf(path, sizeof path, "%s/1--B/exact.txt", dir);
    assert_int_equal(rf_file_write_atomic(path, "x\0y", 3), RF_OK);
    assert_int_equal(rf_predictions_read_wider(dir, &gt, &set), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "not one of its prediction files can be read"));
}

/* Names of annotations that lead elsewhere are refused before anything is written, with their line; p.jpg and p.png
 * keep their suffix, so that each has a file of its own. */
static void predictions_have_files_of_their_own(void **state) {
    (void)state;
    static const char *const bad[] = {"../x.jpg", "/tmp/x.jpg", "a/../../x.jpg", "../.."};
    rf_face_list lists[5] = {{0}};
    rf_prediction_set back;
    rf_sample of_set[5] = {{.name = "s/p.jpg"}, {.name = "s/q.jpg"}, {.name = "s/p.png"}, {.name = "s/p/a.jpg"}};
    rf_dataset set = {.samples = of_set, .n_samples = 5, .annotation_path = "label.txt"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        of_set[4] = (rf_sample){.name = (char *)bad[i], .line = 7};
        assert_int_equal(rf_predictions_check(scratch, &set), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "label.txt:7"));
        assert_int_equal(rf_predictions_write(scratch, &set, lists), RF_ERR_USER);
        assert_false(rf_dir_exists(scratch_path("s")));
    }
    set.n_samples = 4;
    for (int i = 0; i < 4; i++) {
        rf_face face = {.box = {0, 0, 1, 1}, .score = 0.1f * (float)(i + 1)};
        assert_int_equal(rf_face_list_push(&lists[i], &face), RF_OK);
    }
    assert_int_equal(rf_predictions_write(scratch, &set, lists), RF_OK);
    assert_true(rf_file_exists(scratch_path("s/p.jpg.txt")) && rf_file_exists(scratch_path("s/p.png.txt")));
    assert_true(rf_file_exists(scratch_path("s/q.txt")) && !rf_file_exists(scratch_path("s/p.txt")));
    assert_int_equal(rf_predictions_read(scratch, &set, &back), RF_OK);
    assert_int_equal(back.notes.n[RF_NOTE_missing] + back.notes.n[RF_NOTE_other_name], 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(back.lists[i].n, 1);
        assert_float_equal(back.lists[i].items[0].score, lists[i].items[0].score, 0);
        rf_face_list_free(&lists[i]);
    }
    rf_prediction_set_free(&back);
}

/* Twelve images with one face each, of which ten are found; the four numbers of each row are put in another way. */
static void doubts_are_tried(void **state) {
    (void)state;
    enum { N = 12 };
    static const struct {
        int of[5]; /* which of x y w h x2 y2 cx cy score each number is; the fifth 0: the score */
        double share;
        const char *words; /* NULL: no doubt */
    } cases[] = {
        {{0, 1, 2, 3}, 1, NULL},
        {{0, 1, 4, 5}, 1, "corners x1 y1 x2 y2"},
        {{6, 7, 2, 3}, 1, "the centre and the size"},
        {{1, 0, 3, 2}, 1, "y x h w"},
        {{1, 0, 5, 4}, 1, "corners y1 x1 y2 x2"},
        {{8, 0, 1, 2, 3}, 1, "score x y w h"},
        {{8, 0, 1, 4, 5}, 1, "score x1 y1 x2 y2"},
        {{0, 1, 2, 3}, 8e-4, "shares of the picture"},
        {{0, 1, 4, 5}, 8e-4, "shares of the picture"},
        {{0, 1, 2, 3}, 3, NULL}, /* of another size: nothing that could be told */
    };
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_sample samples[N];
    rf_wider_image images[N];
    rf_face faces[N], found[N];
    float boxes[N][4];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        rf_face_list lists[N] = {{0}};
        for (int i = 0; i < N; i++) {
            double x = (double)rf_rng_range(&rng, 100, 600), y = (double)rf_rng_range(&rng, 20, 80) + 900 * (i % 2);
            double w = (double)rf_rng_range(&rng, 20, 50), h = (double)rf_rng_range(&rng, 90, 120);
            const double numbers[9] = {x, y, w, h, x + w, y + h, x + w / 2, y + h / 2, 0.5};
            double v[5];
            for (int k = 0; k < 4; k++) v[k] = cases[c].share * numbers[cases[c].of[k]];
            v[4] = numbers[cases[c].of[4] ? cases[c].of[4] : 8];
            samples[i] = (rf_sample){.first_face = (size_t)i, .n_faces = 1};
            images[i] = (rf_wider_image){NULL, (size_t)i, 1};
            for (int k = 0; k < 4; k++) boxes[i][k] = (float)numbers[k];
            faces[i] = (rf_face){.box = {(float)x, (float)y, (float)(x + w), (float)(y + h)}};
            rf_prediction_notes notes = {0};
            assert_true(rf_prediction_face(v, "x", 1, &notes, &found[i]));
            lists[i] = (rf_face_list){.items = &found[i], .n = i < 10, .capacity = 1};
        }
        const rf_dataset truth = {.samples = samples, .n_samples = N, .faces = faces, .n_faces = N};
        const rf_wider_gt gt = {.images = images, .n_images = N, .boxes = boxes, .n_boxes = N};
        for (int k = 0; k < 2; k++) {
            rf_text text = {0};
            char *words;
            assert_int_equal(k ? rf_doubts(&truth, lists, &text) : rf_doubts_wider(&gt, lists, &text), RF_OK);
            assert_int_equal(rf_text_finish(&text, &words, NULL), RF_OK);
            if (cases[c].words ? !strstr(words, cases[c].words) : *words != 0) fail_msg("case %zu: \"%s\"", c, words);
            rf_free(words);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_round_trip), cmocka_unit_test(odd_predictions),
        cmocka_unit_test(predictions_of_a_set),   cmocka_unit_test(predictions_have_files_of_their_own),
        cmocka_unit_test(doubts_are_tried),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
