/* SPDX-License-Identifier: Apache-2.0 */
/* The library's functions with what cannot be: models, pictures and files that are wrong, memory that is out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "tests/image_fixtures.h"
#include "tests/library_kit.h"
#include "tests/scratch.h"

static void test_wrong_models(void **state) {
    (void)state;
    rf_detector *d;
    rf_detector_options o = lib_options(1);
    lib_wrong(rf_detector_open("no such model", NULL, &d), RF_ERROR_FILE, "no such model");
    assert_null(d);
    lib_wrong(rf_detector_open("no/such/model", NULL, &d), RF_ERROR_FILE, "no/such/model");
    lib_wrong(rf_detector_open("Makefile", NULL, &d), RF_ERROR_FORMAT, "Makefile");
    lib_wrong(rf_detector_open("face", NULL, NULL), RF_ERROR_ARGUMENT, "NULL");
    lib_wrong(rf_detector_open_bytes(NULL, 9, NULL, &d), RF_ERROR_ARGUMENT, "none");
    lib_wrong(rf_detector_open_bytes("", 0, NULL, &d), RF_ERROR_ARGUMENT, "none");
    size_t size;
    unsigned char *data = lib_read(scratch_path("face.safetensors"), &size);
    for (size_t cut = 1; cut < size; cut += 1 + size / 40) {
        assert_true(rf_detector_open_bytes(data, cut, &o, &d) == RF_ERROR_FORMAT && *rf_last_error());
        assert_null(d);
    }
    free(data);
    o.size = 3;
    lib_wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "size");
    struct {
        rf_detector_options o;
        size_t later; /* no padding before it */
    } newer = {lib_options(1), 0};
    newer.o.size = sizeof newer;
    lib_done(rf_detector_open(scratch_path("face.safetensors"), &newer.o, &d));
    rf_detector_close(d);
    newer.later = 1;
    lib_wrong(rf_detector_open(scratch_path("face.safetensors"), &newer.o, &d), RF_ERROR_ARGUMENT, "does not have");
    const char *settings[] = {"eval.sccore=1", NULL};
    o = lib_options(1);
    o.settings = settings;
    lib_wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "sccore");
    static const struct {
        float score, iou;
        int threads, long_side, flip;
    } bad[] = {{2, 0, 0, 0, 0},    {NAN, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {0, 0, -1, 0, 0},
               {0, 0, 5000, 0, 0}, {0, 0, 0, -4, 0},  {0, 0, 0, 0, 7}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = lib_options(bad[i].threads);
        o.score = bad[i].score;
        o.iou = bad[i].iou;
        o.long_side = bad[i].long_side;
        o.flip = bad[i].flip;
        lib_wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "expected");
    }
    rf_detector_close(NULL);
}

static void test_wrong_pictures(void **state) {
    (void)state;
    rf_detector *d = lib_open("face.safetensors", 1);
    const rf_detection *faces = NULL;
    size_t n = 7;
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    uint64_t want = lib_detect(d, &p, NULL);
    const rf_picture bad[] = {{NULL, W, H, 0, 0},
                              {lib_rgb, 0, H, 0, 0},
                              {lib_rgb, W, -1, 0, 0},
                              {lib_rgb, W, H, 10, 0},
                              {lib_rgb, W, H, -10, 0},
                              {lib_rgb, W, H, PTRDIFF_MAX / 2, 0},
                              {lib_rgb, W, H, PTRDIFF_MIN, 0},
                              {lib_rgb, 1 << 30, 1 << 30, 0, 0},
                              {lib_rgb, 1000000, 1000, 0, 0},
                              {lib_rgb, W, H, 0, 99},
                              {lib_rgb, W, H, 0, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        n = 7;
        assert_int_equal(rf_detector_detect(d, &bad[i], &faces, &n), RF_ERROR_ARGUMENT);
        assert_true(n == 0 && !faces && (strstr(rf_last_error(), "expected") || strstr(rf_last_error(), "memory")));
    }
    lib_wrong(rf_detector_detect(d, NULL, &faces, &n), RF_ERROR_ARGUMENT, "NULL");
    lib_wrong(rf_detector_detect(NULL, &p, &faces, &n), RF_ERROR_ARGUMENT, "NULL");
    lib_wrong(rf_detector_detect(d, &p, NULL, &n), RF_ERROR_ARGUMENT, "NULL");
    lib_wrong(rf_detector_detect(d, &p, &faces, NULL), RF_ERROR_ARGUMENT, "NULL");
    assert_true(lib_detect(d, &p, NULL) == want); /* none of it did harm */
    rf_detector_close(d);
}

static void test_files(void **state) {
    (void)state;
    rf_picture p = {0}, face = {0};
    bytes jpeg =
        make_jpeg(&(jpeg_make){.kind = JPEG_RGB, .width = W, .height = H, .pixels = lib_rgb, .orientation = 6});
    lib_done(rf_picture_decode(jpeg.data, jpeg.size, &p));
    assert_true(p.width == H && p.height == W && p.stride == 3 * H && p.format == RF_PIXELS_RGB);
    const float points[10] = {40, 50, 75, 50, 58, 75, 45, 92, 72, 92};
    lib_done(rf_picture_align(&p, points, 5, 112, &face));
    assert_true(face.width == 112 && face.height == 112);
    rf_picture_free(&face);
    lib_wrong(rf_picture_align(&p, points, 68, 112, &face), RF_ERROR_ARGUMENT, "68 points");
    lib_wrong(rf_picture_align(&p, NULL, 5, 112, &face), RF_ERROR_ARGUMENT, "points");
    lib_wrong(rf_picture_align(&p, points, 5, 0, &face), RF_ERROR_ARGUMENT, "expected");
    lib_wrong(rf_picture_align(NULL, points, 5, 112, &face), RF_ERROR_ARGUMENT, "NULL");
    assert_null(face.pixels);
    rf_picture_free(&p);
    assert_null(p.pixels);
    rf_picture_free(&p);
    rf_picture_free(NULL);
    for (size_t cut = 1; cut < jpeg.size; cut += 1 + jpeg.size / 50)
        assert_true(rf_picture_decode(jpeg.data, cut, &p) == RF_ERROR_FORMAT && !p.pixels && *rf_last_error());
    lib_wrong(rf_picture_decode(NULL, 5, &p), RF_ERROR_ARGUMENT, "none");
    lib_wrong(rf_picture_decode(jpeg.data, 0, &p), RF_ERROR_ARGUMENT, "none");
    lib_wrong(rf_picture_load("no/such.jpg", &p), RF_ERROR_FILE, "no/such.jpg");
    lib_wrong(rf_picture_load("Makefile", &p), RF_ERROR_FORMAT, "Makefile");
    lib_wrong(rf_picture_load(NULL, &p), RF_ERROR_ARGUMENT, "path");
    lib_wrong(rf_picture_load("a", NULL), RF_ERROR_ARGUMENT, "NULL");
    bytes_free(&jpeg);
}

/* Whichever allocation fails, it is told, nothing leaks, and the next call works. */
static void test_out_of_memory(void **state) {
    (void)state;
    rf_detector_options o = lib_options(1);
    rf_detector *d = NULL;
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_BGR);
    const rf_detection *faces;
    size_t n, refused = 0;
    for (uint64_t k = 1; !d; k += 1 + k / 16) {
        rf_alloc_fail_at(k);
        int code = rf_detector_open(scratch_path("face.safetensors"), &o, &d);
        rf_alloc_fail_at(0);
        refused += code != RF_DONE;
        assert_true(d ? code == RF_DONE : code == RF_ERROR_MEMORY);
        assert_true(k < 1000000);
    }
    assert_true(refused > 10);
    lib_done(rf_detector_detect(d, &p, &faces, &n));
    uint64_t want = lib_digest(faces, n);
    for (uint64_t k = 1; k < 400; k += 1 + k / 16) {
        rf_alloc_fail_at(k);
        int code = rf_detector_detect(d, &p, &faces, &n); /* what other sizes hold is given up, and tried again */
        rf_alloc_fail_at(0);
        assert_true(code == RF_DONE ? lib_digest(faces, n) == want : code == RF_ERROR_MEMORY && n == 0);
        assert_true(lib_detect(d, &p, NULL) == want);
    }
    rf_detector_close(d);
}

/* A folder that is called as the model, in the working folder, is no model; "-" is a file's name, not a stream. */
static void test_names_here(void **state) {
    (void)state;
    rf_detector *d;
    rf_picture p;
    char here[4096], *folder = strdup(scratch_path(""));
    const char *folders[] = {folder, NULL};
    rf_detector_options o = lib_options(1);
    o.folders = folders;
    assert_non_null(getcwd(here, sizeof here));
    char *place = strdup(scratch_path("place"));
    assert_int_equal(mkdir(place, 0777) | chdir(place) | mkdir("face", 0777), 0);
    lib_done(rf_detector_open("face", &o, &d));
    rf_detector_close(d);
    lib_wrong(rf_detector_open("./face", &o, &d), RF_ERROR_ARGUMENT, "without best.safetensors");
    lib_wrong(rf_detector_open("-", &o, &d), RF_ERROR_FILE, "no model '-'");
    lib_wrong(rf_picture_load("-", &p), RF_ERROR_FILE, "'./-'");
    assert_int_equal(chdir(here), 0);
    free(place);
    free(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong_models), cmocka_unit_test(test_wrong_pictures),
                                       cmocka_unit_test(test_files), cmocka_unit_test(test_names_here),
                                       cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, lib_make, scratch_remove);
}
