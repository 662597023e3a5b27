/* SPDX-License-Identifier: Apache-2.0 */
/* Annotation files: both formats, their faults with file and line, lists, round trip, mutations, the real WIDER FACE
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/dataset.h"
#include "tests/faces_kit.h"

static char dir[] = "/tmp/rf_test_dataset_XXXXXX";
static char path[128], list_path[128];

static const char label_text[] = "# a/one.jpg\n"
                                 "10 20 30 40 15 30 0 25 30 0 20 35 0 16 45 0 24 45 1 0.3\n"
                                 "1.5 2.5 8 9 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0\n"
                                 "# a/two.jpg\n"
                                 "# b/three.png\n"
                                 "5 6 7 8\n"
                                 "5 6 0 8\n"
                                 "5 6 7 8 6 8 0 8 8 0 7 9 0 6 11 0 8 11 0\n"
                                 "5 6 7 8 6 8 0 8 8 0 7 9 0 6 11 0 8 11 0 0 1\n";
static const char wider_text[] = "0--Parade/x_1.jpg\n"
                                 "2\n"
                                 "449 330 122 149 0 0 0 0 0 0 \n"
                                 "10 11 12 13 2 0 0 1 2 0 \n"
                                 "0--Parade/empty.jpg\n"
                                 "0\n"
                                 "0 0 0 0 0 0 0 0 0 0 \n"
                                 "1--Handshaking/y.jpg\n"
                                 "1\n"
                                 "7 8 0 9 0 0 0 0 0 0 \n";

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/annotation.txt", dir);
    snprintf(list_path, sizeof list_path, "%s/list.txt", dir);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    unlink(list_path);
    return rmdir(dir);
}

static rf_status open_text(const char *format, const void *text, size_t bytes, rf_dataset **out) {
    assert_int_equal(rf_file_write_atomic(path, text, bytes), RF_OK);
    return rf_dataset_open(format, path, "images", NULL, out);
}

static rf_dataset *must_open(const char *format, const char *text) {
    rf_dataset *dataset;
    if (open_text(format, text, strlen(text), &dataset) != RF_OK) fail_msg("%s", rf_error_message());
    return dataset;
}

static void check_label(const rf_dataset *d) {
    assert_int_equal(d->n_samples, 3);
    assert_int_equal(d->n_faces, 6);
    assert_int_equal(d->n_ignored, 2);
    assert_int_equal(d->n_with_points, 3);
    assert_string_equal(d->samples[0].path, "images/a/one.jpg");
    assert_string_equal(d->samples[0].name, "a/one.jpg");
    assert_int_equal(d->samples[0].n_faces, 2);
    assert_int_equal(d->samples[1].n_faces, 0);
    assert_int_equal(d->samples[2].first_face, 2);
    assert_int_equal(d->samples[2].n_faces, 4);
    const rf_face *f = d->faces;
    assert_true(f[0].box[0] == 10 && f[0].box[1] == 20 && f[0].box[2] == 40 && f[0].box[3] == 60);
    assert_true(f[0].n_points == RF_POINTS && !f[0].ignore && f[0].score == 1);
    assert_true(f[0].points[0] == 15 && f[0].points[5] == 35 && f[0].points[9] == 45);
    assert_true(f[1].box[2] == 9.5f && !f[1].n_points);
    assert_true(!f[2].ignore && f[3].ignore && !f[4].ignore && f[5].ignore);
}

static void test_label(void **state) {
    (void)state;
    rf_dataset *d = must_open("auto", label_text);
    check_label(d);
    assert_int_equal(d->samples[2].line, 5);
    assert_int_equal(d->face_lines[0], 2);
    assert_int_equal(d->face_lines[5], 9);
    rf_dataset_free(d);
}

static void test_wider(void **state) {
    (void)state;
    rf_dataset *d = must_open("auto", wider_text);
    assert_int_equal(d->n_samples, 3);
    assert_int_equal(d->n_faces, 3);
    assert_int_equal(d->n_ignored, 2); /* the invalid one and the one without width */
    assert_int_equal(d->samples[1].n_faces, 0);
    assert_string_equal(d->samples[2].name, "1--Handshaking/y.jpg");
    assert_int_equal(d->samples[2].line, 8);
    assert_int_equal(d->face_lines[2], 10);
    assert_true(d->faces[0].box[0] == 449 && d->faces[0].box[2] == 571 && d->faces[0].box[3] == 479);
    rf_dataset_free(d);
    d = must_open("wider", "n.jpg\n0\nm.jpg\n1\n1 2 3 4\n"); /* no row of zeros, boxes alone */
    assert_int_equal(d->n_samples, 2);
    assert_int_equal(d->n_faces, 1);
    rf_dataset_free(d);
}

/* The same text with other line ends: CRLF, blank lines, byte order mark, no last newline, indentation. */
static void test_line_ends(void **state) {
    (void)state;
    char text[2 * sizeof label_text + 64];
    size_t n = 0;
    memcpy(text, "\xef\xbb\xbf\r\n\r\n", 7);
    n = 7;
    for (const char *p = label_text; *p; p++) {
        if (*p == '\n') text[n++] = '\r';
        text[n++] = *p;
        if (*p == '\n') text[n++] = '\t';
    }
    while (text[n - 1] == '\t' || text[n - 1] == '\n' || text[n - 1] == '\r') n--;
    rf_dataset *d;
    if (open_text("auto", text, n, &d) != RF_OK) fail_msg("%s", rf_error_message());
    check_label(d);
    rf_dataset_free(d);
}

typedef struct fault {
    const char *format, *text, *where, *what;
    rf_status status;
} fault;

static void test_faults(void **state) {
    (void)state;
    static const fault faults[] = {
        {"label", "# a.jpg\n1 2 3\n", ":2:", "3 numbers", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 3 4 5\n", ":2:", "5 numbers", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 nan 4\n", ":2:", "\"nan\"", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 inf 4\n", ":2:", "\"inf\"", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 1e400 4\n", ":2:", "1e400", RF_ERR_FORMAT},
        {"label", "# a.jpg\n\n1 2 0x10 4\n", ":3:", "0x10", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 3e7 4\n", ":2:", "out of range", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 -3 4\n", ":2:", "negative", RF_ERR_FORMAT},
        {"label", "1 2 3 4\n# a.jpg\n", ":1:", "before the first image", RF_ERR_FORMAT},
        {"label", "# a.jpg\n#\n", ":2:", "no image name", RF_ERR_FORMAT},
        {"label", "# a.jpg\n1 2 3 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n1 2 3 4 1 1 0 2 1 0\n",
         ":3:", "with 2 points, but line 2 has one with 5", RF_ERR_FORMAT},
        {"wider", "a.jpg\n", ":1:", "the file ends", RF_ERR_FORMAT},
        {"wider", "a.jpg\nb.jpg\n", ":2:", "not a number of faces", RF_ERR_FORMAT},
        {"wider", "a.jpg\n-1\n", ":2:", "not a number of faces", RF_ERR_FORMAT},
        {"wider", "a.jpg\n99999999999999999999\n", ":2:", "not a number of faces", RF_ERR_FORMAT},
        {"wider", "a.jpg\n999999999\n1 2 3 4\n", ":1:", "after 1 of the 999999999", RF_ERR_FORMAT},
        {"wider", "a.jpg\n2\n1 2 3 4\nb.jpg\n1\n1 2 3 4\n", ":4:", "face 2 of 2 of the image of line 1", RF_ERR_FORMAT},
        {"wider", "a.jpg\n1\n1 2 3 4\n5 6 7 8\n", ":4:", "too small", RF_ERR_FORMAT},
        {"wider", "a.jpg\n0\n5 6 7 8\n", ":3:", "correct the count", RF_ERR_FORMAT},
        {"wider", "a.jpg\n1\n1 2 3 -4 0 0 0 0 0 0\n", ":3:", "negative", RF_ERR_FORMAT},
        {"wider", "a.jpg\n1\n1 2 3 4 5\n", ":3:", "5 numbers", RF_ERR_FORMAT},
        {"auto", "", "annotation.txt", "is empty; expected annotations", RF_ERR_FORMAT},
        {"auto", "hello\nworld\n", ":1:", "label, fddb, mafa, wider, names", RF_ERR_FORMAT},
        {"label", "\n\n", "annotation.txt", "no image", RF_ERR_FORMAT},
        {"lable", "# a.jpg\n", "lable", "did you mean \"label\"", RF_ERR_USER},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const fault *f = &faults[i];
        rf_dataset *d = (rf_dataset *)8;
        assert_int_equal(open_text(f->format, f->text, strlen(f->text), &d), f->status);
        assert_null(d);
        if (!strstr(rf_error_message(), f->where) || !strstr(rf_error_message(), f->what))
            fail_msg("case %zu: \"%s\" lacks %s or %s", i, rf_error_message(), f->where, f->what);
    }
    rf_dataset *d;
    assert_int_equal(open_text("auto", "# a\n\0 b", 7, &d), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), ":2: a zero byte"));
    assert_int_equal(rf_dataset_open("auto", "/nonexistent/label.txt", "", NULL, &d), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "/nonexistent/label.txt"));
}

static rf_status open_list(const char *text, rf_dataset **out) {
    assert_int_equal(rf_file_write_atomic(path, label_text, strlen(label_text)), RF_OK);
    assert_int_equal(rf_file_write_atomic(list_path, text, strlen(text)), RF_OK);
    return rf_dataset_open("auto", path, "images", list_path, out);
}

static void test_list(void **state) {
    (void)state;
    rf_dataset *d;
    assert_int_equal(open_list("./b/three.png\r\n\n/a/one\n", &d), RF_OK);
    assert_int_equal(d->n_samples, 2);
    assert_int_equal(d->n_faces, 6);
    assert_int_equal(d->n_ignored, 2);
    assert_int_equal(d->n_with_points, 3);
    assert_string_equal(d->samples[0].name, "b/three.png");
    assert_string_equal(d->samples[1].path, "images/a/one.jpg");
    assert_int_equal(d->samples[1].first_face, 4);
    assert_int_equal(d->samples[1].line, 1);
    assert_int_equal(d->face_lines[4], 2);
    rf_dataset_free(d);
    assert_int_equal(open_list("a/one.jpg\na/four.jpg\n", &d), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "list.txt:2: a/four.jpg is not annotated"));
    assert_int_equal(open_list("\n", &d), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "list.txt"));
}

/* Names as Windows writes them, in every reader and in lists; a file whose name has a backslash keeps it. */
static void test_windows_names(void **state) {
    (void)state;
    static const char *const texts[] = {"# a\\one.jpg\r\n1 2 3 4\r\n# .\\b\\c/two.jpg\r\n",
                                        "a\\one.jpg\r\n1\r\n1 2 3 4\r\n.\\b\\c/two.jpg\r\n0\r\n",
                                        "a\\one.jpg\r\n.\\b\\c/two.jpg\r\n"};
    rf_dataset *d;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(open_text("auto", texts[i], strlen(texts[i]), &d), RF_OK);
        assert_int_equal(d->n_samples, 2);
        assert_string_equal(d->samples[0].name, "a/one.jpg");
        assert_string_equal(d->samples[0].path, "images/a/one.jpg");
        assert_string_equal(d->samples[1].path, "images/./b/c/two.jpg");
        rf_dataset_free(d);
    }
    assert_int_equal(rf_file_write_atomic(path, label_text, sizeof label_text - 1), RF_OK);
    assert_int_equal(open_list(".\\b\\three.png\n\\a\\one\na\\two.jpg\n", &d), RF_OK);
    assert_int_equal(d->n_samples, 3);
    assert_string_equal(d->samples[0].name, "b/three.png");
    assert_string_equal(d->samples[1].name, "a/one.jpg");
    rf_dataset_free(d);
    char odd[256];
    snprintf(odd, sizeof odd, "%s/x\\y.jpg", dir);
    assert_int_equal(rf_file_write_atomic(odd, "", 0), RF_OK);
    assert_int_equal(rf_file_write_atomic(path, "x\\y.jpg\n", 8), RF_OK);
    assert_int_equal(rf_dataset_open("auto", path, dir, NULL, &d), RF_OK);
    assert_string_equal(d->samples[0].path, odd);
    rf_dataset_free(d);
    unlink(odd);
}

static void test_round_trip(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_dataset *d = must_open("label", label_text), *again;
    for (int i = 0; i < 200; i++) { /* numbers that have no short decimal form */
        rf_face face = {.score = 1, .ignore = rf_rng_below(&rng, 2) == 1};
        if (rf_rng_below(&rng, 2)) face_give_points(&face, RF_POINTS);
        for (int k = 0; k < 2; k++) {
            face.box[k] = rf_rng_range(&rng, 0, 1000);
            face.box[2 + k] = face.box[k] + rf_rng_range(&rng, 1, 300);
        }
        for (int k = 0; k < 2 * face.n_points; k++) face.points[k] = rf_rng_range(&rng, 0, 1000);
        assert_int_equal(rf_dataset_add_face(d, &face, 1), RF_OK);
    }
    assert_int_equal(rf_dataset_write_label(d, path), RF_OK);
    assert_int_equal(rf_dataset_open("auto", path, "images", "", &again), RF_OK);
    assert_int_equal(again->n_samples, d->n_samples);
    assert_int_equal(again->n_faces, d->n_faces);
    for (size_t i = 0; i < d->n_faces; i++) {
        const rf_face *p = &d->faces[i], *q = &again->faces[i];
        for (int k = 0; k < 4; k++) assert_true(fabsf(p->box[k] - q->box[k]) <= 1e-6f * fabsf(p->box[k]));
        assert_int_equal(p->n_points, q->n_points);
        if (p->n_points) assert_memory_equal(p->points, q->points, 2 * (size_t)p->n_points * sizeof *p->points);
        assert_true(p->ignore == q->ignore);
    }
    rf_dataset_free(d);
    rf_dataset_free(again);
    d = must_open("label", label_text);
    assert_int_equal(rf_dataset_write_label(d, "/nonexistent/label.txt"), RF_ERR_IO);
    rf_dataset_free(d);
}

/* A thousand damaged texts of each format: parsed or refused with a message, never worse. Sanitizer builds make this
 * sharp. */
static void test_mutations(void **state) {
    (void)state;
    static const char *const texts[] = {label_text, wider_text};
    static const char bytes[] = "0123456789 -+.eE#\n\r\t\xef/x";
    for (size_t which = 0; which < 2; which++) {
        size_t refused = 0, length = strlen(texts[which]);
        for (uint64_t i = 0; i < 1000; i++) {
            rf_rng rng = rf_rng_make(11, (uint32_t)which, i, RF_STREAM_TEST);
            char text[1024];
            memcpy(text, texts[which], length);
            size_t n = rf_rng_below(&rng, 4) == 0 ? rf_rng_below(&rng, (uint32_t)length) : length;
            for (uint32_t k = 1 + rf_rng_below(&rng, 6); k > 0 && n > 0; k--)
                text[rf_rng_below(&rng, (uint32_t)n)] = bytes[rf_rng_below(&rng, sizeof bytes)]; /* the last one is 0 */
            char *exact = rf_alloc(n + 1, 1); /* as rf_file_read gives it */
            memcpy(exact, text, n);
            rf_dataset d = {.image_dir = exact + n, .annotation_path = (char[]){"mutant"}};
            const rf_dataset_format *format = rf_dataset_formats[which ? RF_DATASET_wider : RF_DATASET_label];
            format->sniff(exact, n);
            if (format->parse("mutant", exact, n, &d) != RF_OK) {
                assert_non_null(strstr(rf_error_message(), "mutant:"));
                refused++;
            }
            for (size_t k = 0; k < d.n_faces; k++)
                assert_true(isfinite(d.faces[k].box[2]) && d.faces[k].box[2] >= d.faces[k].box[0]);
            for (size_t k = 0; k < d.n_samples; k++) rf_free(d.samples[k].path);
            rf_free(d.samples);
            rf_free(d.faces);
            rf_free(d.face_lines);
            rf_face_store_free(&d.points);
            rf_free(exact);
        }
        assert_in_range(refused, 200, 999);
    }
}

/* Boxes between 0 and 1 are shares; one pixel number among them makes all pixels. */
static void test_shares_are_refused(void **state) {
    (void)state;
    rf_dataset *d;
    static const char shares[] = "# a.jpg\n0.1 0.2 0.5 0.5\n0 0 1 1\n",
                      pixels[] = "# a.jpg\n0.1 0.2 0.5 0.5\n0 0 1 9\n";
    assert_int_equal(rf_file_write_atomic(path, shares, sizeof shares - 1), RF_OK);
    assert_int_equal(rf_dataset_open("auto", path, "images", NULL, &d), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), ":2: all 2 boxes lie within 0 and 1"));
    assert_int_equal(rf_dataset_open_tolerant("auto", path, "images", NULL, &d), RF_OK);
    rf_dataset_free(d);
    assert_int_equal(rf_file_write_atomic(path, pixels, sizeof pixels - 1), RF_OK);
    assert_int_equal(rf_dataset_open("auto", path, "images", NULL, &d), RF_OK);
    rf_dataset_free(d);
}

/* Every allocation fails once: the error arrives, nothing leaks (sanitizer build), and the last run succeeds. */
static void test_out_of_memory(void **state) {
    (void)state;
    assert_int_equal(rf_file_write_atomic(path, label_text, strlen(label_text)), RF_OK);
    assert_int_equal(rf_file_write_atomic(list_path, "a/two\na/one\n", 12), RF_OK);
    uint64_t n = 1;
    for (;; n++) {
        rf_dataset *d;
        rf_alloc_fail_at(n);
        rf_status status = rf_dataset_open("auto", path, "images", list_path, &d);
        rf_alloc_fail_at(0);
        if (status == RF_OK) {
            rf_dataset_free(d);
            break;
        }
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_null(d);
    }
    assert_in_range(n, 10, 1000);
}

static void test_formats_table(void **state) {
    (void)state;
    for (int i = 0; i < RF_DATASET_COUNT; i++) {
        const rf_dataset_format *f = rf_dataset_formats[i];
        assert_true(f->name[0] && f->doc[0]);
        assert_false(f->sniff("", 0));
        for (int k = 0; k < i; k++) assert_string_not_equal(f->name, rf_dataset_formats[k]->name);
        size_t bytes = strlen(f->example);
        for (int k = 0; k < i; k++) assert_false(rf_dataset_formats[k]->sniff(f->example, bytes));
        assert_true(f->sniff(f->example, bytes));
        rf_dataset *d = must_open("auto", f->example);
        assert_int_equal(d->n_samples, 1);
        assert_int_equal(d->n_faces, i == RF_DATASET_names ? 0 : 1);
        for (size_t k = 0; k < d->n_faces; k++) {
            const float want[4] = {10, 20, 40, 60};
            for (int c = 0; c < 4; c++) assert_float_equal(d->faces[k].box[c], want[c], 1e-4);
        }
        rf_dataset_free(d);
    }
}

static void test_real_files(void **state) {
    (void)state;
    static const char val[] = "../shared/data/wider/wider_face_split/wider_face_val_bbx_gt.txt";
    static const char train[] = "../shared/data/wider/label_train_subset.txt";
    static const char subset[] = "../shared/data/wider/val_subset.txt";
    rf_dataset *d;
    if (!rf_file_exists(val) || !rf_file_exists(train) || !rf_file_exists(subset)) {
        print_message("[  SKIPPED ] ../shared/data is not here\n");
        skip();
    }
    assert_int_equal(rf_dataset_open("auto", val, "images", NULL, &d), RF_OK);
    assert_int_equal(d->n_samples, 3226);
    assert_int_equal(d->n_faces, 39708);
    size_t flat = 0;
    for (size_t i = 0; i < d->n_faces; i++)
        flat += d->faces[i].box[2] <= d->faces[i].box[0] || d->faces[i].box[3] <= d->faces[i].box[1];
    assert_int_equal(flat, 11);
    assert_int_equal(d->n_ignored, 11 + 585);
    rf_dataset_free(d);
    assert_int_equal(rf_dataset_open("auto", val, "images", subset, &d), RF_OK);
    assert_int_equal(d->n_samples, 323);
    rf_dataset_free(d);
    assert_int_equal(rf_dataset_open("auto", train, "images", NULL, &d), RF_OK);
    assert_int_equal(d->n_samples, 1239);
    assert_int_equal(d->n_faces, 6572);
    assert_int_equal(d->n_with_points, 4928);
    assert_string_equal(d->samples[0].name, "1--Handshaking/1_Handshaking_Handshaking_1_409.jpg");
    rf_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_wider),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_windows_names),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_shares_are_refused),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_formats_table),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
