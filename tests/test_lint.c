/* SPDX-License-Identifier: Apache-2.0 */
/* The linter: one small data set with every fault it knows, and one without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/image.h"
#include "data/lint.h"

static char dir[] = "/tmp/rf_test_lint_XXXXXX";
static const char *const files[] = {"a.png", "b.png", "copy.png", "cut.jpg", "text.jpg", "label.txt"};

static void path_of(const char *name, char out[128]) {
    snprintf(out, 128, "%s/%s", dir, name);
}

static void write_picture(const char *name, int width, int height, int tone) {
    char path[128];
    rf_image image;
    path_of(name, path);
    assert_int_equal(rf_image_alloc(&image, width, height), RF_OK);
    for (int i = 0; i < width * height * 3; i++) image.pixels[i] = (uint8_t)(i * tone + i / 7);
    if (rf_image_save(path, &image, 0) != RF_OK) fail_msg("%s", rf_error_message());
    rf_image_free(&image);
}

static void write_file(const char *name, const void *data, size_t bytes) {
    char path[128];
    path_of(name, path);
    assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(dir)) return 1;
    write_picture("a.png", 100, 80, 3);
    write_picture("b.png", 60, 90, 5);
    write_picture("copy.png", 60, 90, 5);
    write_picture("cut.jpg", 64, 64, 9);
    char path[128];
    uint8_t *data;
    size_t size;
    path_of("cut.jpg", path);
    assert_int_equal(rf_file_read(path, 0, &data, &size), RF_OK);
    write_file("cut.jpg", data, size / 2);
    rf_free(data);
    write_file("text.jpg", "this is no picture", 18);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        path_of(files[i], path);
        unlink(path);
    }
    return rmdir(dir);
}

/* Findings as "E12 text|W7 text|". */
typedef struct notes {
    char text[8192];
    size_t n;
} notes;

static void take(void *ctx, const rf_finding *f) {
    notes *to = ctx;
    assert_non_null(strstr(f->file, "label.txt"));
    size_t used = strlen(to->text);
    snprintf(to->text + used, sizeof to->text - used, "%c%d %s|", f->severity == RF_LINT_ERROR ? 'E' : 'W', f->line,
             f->text);
    to->n++;
}

static void lint_text(const char *text, notes *found, rf_lint_stats *stats) {
    char path[128];
    rf_dataset *dataset;
    write_file("label.txt", text, strlen(text));
    path_of("label.txt", path);
    *found = (notes){0};
    if (rf_dataset_open_tolerant("auto", path, dir, NULL, &dataset) != RF_OK) fail_msg("%s", rf_error_message());
    if (rf_lint(dataset, NULL, take, found, stats) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(stats->errors + stats->warnings, found->n);
    rf_dataset_free(dataset);
}

/* One set of one fault: exactly that finding, with its severity and line. */
typedef struct one_fault {
    const char *text, *start, *words;
} one_fault;

static void test_each_finding(void **state) {
    (void)state;
    static const one_fault faults[] = {
        {"# a.png\n# none.png\n", "E2 ", "none.png"},
        {"# a.png\n# cut.jpg\n", "E2 ", "cut.jpg"},
        {"# text.jpg\n", "E1 ", "text.jpg"},
        {"# a.png\n# b.png\n# a.png\n", "E3 ", "listed twice, first in line 1"},
        {"# b.png\n# a.png\n# copy.png\n", "W3 ", "same contents as b.png of line 1"},
        {"# a.png\n5 5 0 9\n", "W2 ", "no area"},
        {"# a.png\n100 5 10 10\n", "E2 ", "outside of the image, which has 100x80"},
        {"# a.png\n5 -20 10 20\n", "E2 ", "outside"},
        {"# a.png\n95 5 10 10\n", "W2 ", "reaches out"},
        {"# a.png\n5 5 9 9\n6 5 9 9\n5 5 9 9\n", "W4 ", "the same box as in line 2"},
        {"# a.png\n10 10 20 20 14 15 0 25 15 0 60 20 0 15 26 0 25 26 0 0\n", "W2 ", "the nose (60, 20) is far outside"},
        {"# a.png\n10 10 20 20 25 15 0 14 15 0 20 20 0 25 26 0 15 26 0 0\n", "W2 ", "swapped"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        notes found;
        rf_lint_stats stats;
        lint_text(faults[i].text, &found, &stats);
        if (found.n != 1 || strncmp(found.text, faults[i].start, strlen(faults[i].start)) != 0 ||
            !strstr(found.text, faults[i].words))
            fail_msg("case %zu: expected %s..%s, found %s", i, faults[i].start, faults[i].words, found.text);
    }
}

/* What only all boxes together tell: another unit, another form. */
static void test_other_readings(void **state) {
    (void)state;
    notes found;
    rf_lint_stats stats;
    lint_text("# a.png\n0.1 0.2 0.3 0.4\n# b.png\n0 0 1 0.5\n", &found, &stats);
    assert_non_null(strstr(found.text, "E2 all 2 boxes lie within 0 and 1"));
    lint_text("# a.png\n50 40 90 70\n60 30 99 80\n70 20 80 60\n5 5 20 20\n", &found, &stats);
    assert_non_null(strstr(found.text, "W2 the box (50, 40)-(140, 110) reaches out"));
    assert_non_null(strstr(found.text, "W2 are the boxes corners (x1 y1 x2 y2)? All 4 fit their images so, but 3 do"));
    /* Faces at the border that were drawn generously. */
    lint_text("# a.png\n90 60 9 21\n80 50 22 33\n95 5 5 5\n1 1 5 5\n", &found, &stats);
    assert_null(strstr(found.text, "corners"));
    /* Lines that cannot be read. */
    static const char text[] = "# a.png\n5 5 9\n5 5 9 9\n#\n1 2 3 4\n# b.png\n";
    char path[128];
    rf_dataset *dataset;
    write_file("label.txt", text, sizeof text - 1);
    path_of("label.txt", path);
    assert_int_equal(rf_dataset_open("auto", path, dir, NULL, &dataset), RF_ERR_FORMAT);
    assert_int_equal(rf_dataset_open_tolerant("auto", path, dir, NULL, &dataset), RF_OK);
    found = (notes){0};
    assert_int_equal(rf_lint(dataset, NULL, take, &found, &stats), RF_OK);
    assert_int_equal(stats.errors, 3);
    assert_int_equal(stats.faces, 1);
    assert_non_null(strstr(found.text, "E2 3 numbers; a face has 4"));
    assert_non_null(strstr(found.text, "E4 no image name after #"));
    assert_non_null(strstr(found.text, "E5 a face before the first image"));
    rf_dataset_free(dataset);
}

static void test_clean_and_statistics(void **state) {
    (void)state;
    notes found;
    rf_lint_stats s;
    lint_text("# a.png\n1 1 6 7\n10 10 20 8 14 15 0 25 15 0 20 16 0 15 17 0 25 17 0 0\n30 30 9 31\n"
              "# b.png\n59 89 3 3\n5 5 50 70\n5 5 10 10 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0 1\n",
              &found, &s);
    assert_string_equal(found.text, "");
    assert_int_equal(s.images, 2);
    assert_int_equal(s.faces, 6);
    assert_int_equal(s.ignored, 1);
    assert_int_equal(s.with_points, 1);
    assert_int_equal(s.unusable_images, 0);
    assert_int_equal(s.empty_images, 0);
    assert_int_equal(s.max_faces, 3);
    static const size_t heights[RF_SIZE_BINS] = {2, 1, 1, 0, 1, 0, 0, 0}; /* 7 and 3; 8; 31; 70 */
    assert_memory_equal(s.by_height, heights, sizeof heights);
    assert_int_equal(s.by_count[2], 1);
    assert_int_equal(s.by_count[3], 1);
    assert_true(s.min_width == 60 && s.max_width == 100 && s.min_height == 80 && s.max_height == 90);
    assert_float_equal(s.mean_pixels, (100 * 80 + 60 * 90) / 2, 0);
}

/* Findings come in file order whatever the threads. */
static void test_threads_and_order(void **state) {
    (void)state;
    static const char text[] =
        "# none.png\n# cut.jpg\n# a.png\n0 0 0 0\n# text.jpg\n# a.png\n# gone.png\n1 1 5 5\n1 1 5 5\n";
    notes one, two;
    rf_lint_stats s1, s2;
    rf_set_threads(1);
    lint_text(text, &one, &s1);
    rf_set_threads(2);
    lint_text(text, &two, &s2);
    rf_set_threads(0);
    assert_string_equal(one.text, two.text);
    assert_memory_equal(&s1, &s2, sizeof s1);
    assert_int_equal(s1.errors, 5);
    assert_int_equal(s1.warnings, 2);
    assert_int_equal(s1.unusable_images, 4);
    assert_int_equal(s1.empty_images, 5);
    assert_true(strncmp(one.text, "E1 ", 3) == 0);
}

/* Many faces in one picture: a comparison of each with each takes half a minute here. Every face that has the box of an
 * earlier one is told with the first line of that box. */
static void test_many_faces(void **state) {
    (void)state;
    enum { FACES = 200000, REPEATS = 3 };
    rf_dataset set = {.annotation_path = "label.txt", .image_dir = dir};
    char path[128];
    path_of("a.png", path);
    assert_int_equal(rf_dataset_add_sample(&set, "a.png", 5, 1), RF_OK);
    for (int i = 0; i < FACES + REPEATS; i++) {
        float x = (float)(i % FACES) * 1e-4f;
        rf_face face = {.box = {x, 1, x + 40, 60}, .score = 1};
        assert_int_equal(rf_dataset_add_face(&set, &face, i + 2), RF_OK);
    }
    notes found = {0};
    rf_lint_stats stats;
    clock_t start = clock();
    assert_int_equal(rf_lint(&set, NULL, take, &found, &stats), RF_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (seconds > 5) fail_msg("%g s", seconds);
    assert_int_equal(stats.warnings, REPEATS);
    assert_string_equal(found.text, "W200002 the same box as in line 2|W200003 the same box as in line 3|"
                                    "W200004 the same box as in line 4|");
    rf_free(set.samples[0].path);
    rf_free(set.samples);
    rf_free(set.faces);
    rf_free(set.face_lines);
}

static void test_out_of_memory(void **state) {
    (void)state;
    char path[128];
    rf_dataset *dataset;
    write_file("label.txt", "# a.png\n1 1 5 5\n# none.png\n", 27);
    path_of("label.txt", path);
    assert_int_equal(rf_dataset_open("auto", path, dir, NULL, &dataset), RF_OK);
    rf_set_threads(1);
    rf_lint_stats all, stats;
    uint64_t before = rf_alloc_count();
    assert_int_equal(rf_lint(dataset, NULL, NULL, NULL, &all), RF_OK);
    uint64_t n = rf_alloc_count() - before, failures = 0;
    assert_in_range(n, 6, 1000);
    for (uint64_t i = 1; i <= n; i++) {
        rf_alloc_fail_at(i);
        rf_status status = rf_lint(dataset, NULL, NULL, NULL, &stats);
        rf_alloc_fail_at(0);
        failures += status == RF_ERR_NOMEM;
        /* A picture for which memory was out is tried again. */
        if (status == RF_OK) assert_memory_equal(&stats, &all, sizeof all);
        assert_true(status == RF_OK || status == RF_ERR_NOMEM);
    }
    rf_set_threads(0);
    assert_in_range(failures, 4, n);
    rf_dataset_free(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_finding),         cmocka_unit_test(test_other_readings),
        cmocka_unit_test(test_clean_and_statistics), cmocka_unit_test(test_threads_and_order),
        cmocka_unit_test(test_many_faces),           cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
