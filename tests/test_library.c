/* SPDX-License-Identifier: Apache-2.0 */
/* The library's functions as another program calls them: pixels in all formats, errors, several threads, memory. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "rf/detector.h"
#include "tests/cexport_model.h"
#include "tests/image_fixtures.h"
#include "tests/scratch.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { W = 160, H = 120, THREADS = 4, ROUNDS = 4 };
static unsigned char rgb[H * W * 3];

/* ---- what asks for memory: every call of this program's malloc family is counted ---- */

static _Atomic bool watched;
static _Atomic long asked;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#    pragma GCC visibility push(default)
void *malloc(size_t size) {
    asked += watched;
    return __libc_malloc(size);
}
void *calloc(size_t n, size_t size) {
    asked += watched;
    return __libc_calloc(n, size);
}
void *realloc(void *ptr, size_t size) {
    asked += watched;
    return __libc_realloc(ptr, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    asked += watched;
    return __libc_memalign(alignment, size);
}
#    pragma GCC visibility pop
#endif

/* ---- help ---- */

static void done(int code) {
    if (code != RF_DONE) fail_msg("code %d: %s", code, rf_last_error());
}

/* An error of this kind, whose sentence holds these words. */
static void wrong(int code, int expected, const char *words) {
    if (code != expected || !strstr(rf_last_error(), words))
        fail_msg("code %d, expected %d with '%s': %s", code, expected, words, rf_last_error());
}

static rf_detector_options few_threads(int threads) {
    rf_detector_options o;
    memset(&o, 0, sizeof o);
    o.size = sizeof o;
    o.threads = threads;
    return o;
}

static rf_detector *open_model(const char *name, int threads) {
    rf_detector *d = NULL;
    rf_detector_options o = few_threads(threads);
    done(rf_detector_open(scratch_path(name), &o, &d));
    assert_non_null(d);
    return d;
}

static rf_picture picture_of(unsigned char *pixels, int format) {
    rf_picture p = {pixels, W, H, 0, format};
    return p;
}

/* A number that stands for all bits of a result. */
static uint64_t digest(const rf_detection *faces, size_t n) {
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) {
        float all[15];
        memcpy(all, faces[i].box, sizeof faces[i].box);
        all[4] = faces[i].score;
        assert_int_equal(faces[i].n_points, 5);
        memcpy(all + 5, faces[i].points, 10 * sizeof *all);
        for (size_t k = 0; k < sizeof all; k++) sum = (sum ^ ((unsigned char *)all)[k]) * 1099511628211u;
    }
    return sum + n;
}

static uint64_t detect(rf_detector *d, const rf_picture *p, size_t *count) {
    const rf_detection *faces;
    size_t n;
    done(rf_detector_detect(d, p, &faces, &n));
    if (count) *count = n;
    return digest(faces, n);
}

static int make_model(void **state) {
    scratch_make(state);
    const char *sets[] = {"model.channels=16"};
    for (int i = 0; i < H * W; i++) {
        int x = i % W, y = i / W;
        rgb[3 * i] = (unsigned char)(x * 7 + y * 3);
        rgb[3 * i + 1] = (unsigned char)(x * y / 5);
        rgb[3 * i + 2] = (unsigned char)((x / 9 + y / 7) % 2 * 200);
    }
    return cexport_random_model(scratch_path("face.safetensors"), 8, sets, 1) == RF_OK ? 0 : -1;
}

static unsigned char *read_all(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *data = malloc(1 << 22);
    assert_non_null(data);
    *size = fread(data, 1, 1 << 22, file);
    fclose(file);
    return data;
}

/* ---- tests ---- */

static void test_formats(void **state) {
    (void)state;
    static unsigned char other[H * (W * 4 + 12)];
    rf_detector *d = open_model("face.safetensors", 1);
    size_t n;
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB);
    uint64_t want = detect(d, &p, &n);
    assert_true(n > 3);
    static const struct {
        int format, bytes, red, blue;
    } formats[] = {
        {RF_PIXELS_RGB, 3, 0, 2}, {RF_PIXELS_BGR, 3, 2, 0}, {RF_PIXELS_RGBA, 4, 0, 2}, {RF_PIXELS_BGRA, 4, 2, 0}};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (int up = 0; up < 2; up++) { /* rows with padding, from above and from below */
            ptrdiff_t stride = W * formats[f].bytes + 12;
            for (int i = 0; i < W * H; i++) {
                unsigned char *to = other + stride * (up ? H - 1 - i / W : i / W) + i % W * formats[f].bytes;
                to[formats[f].red] = rgb[3 * i];
                to[1] = rgb[3 * i + 1];
                to[formats[f].blue] = rgb[3 * i + 2];
            }
            p = picture_of(up ? other + stride * (H - 1) : other, formats[f].format);
            p.stride = up ? -stride : stride;
            assert_true(detect(d, &p, NULL) == want);
        }
    static unsigned char grey[H * W], spread[H * W * 3];
    for (int i = 0; i < W * H; i++) memset(spread + 3 * i, grey[i] = rgb[3 * i], 3);
    p = picture_of(grey, RF_PIXELS_GREY);
    rf_picture q = picture_of(spread, RF_PIXELS_RGB);
    assert_true(detect(d, &p, NULL) == detect(d, &q, NULL));
    rf_detector_close(d);
}

static void test_options(void **state) {
    (void)state;
    rf_detector *d;
    size_t all, some;
    const rf_detection *faces;
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB);
    rf_detector_options o = few_threads(1);
    o.score = 0.01f;
    done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    detect(d, &p, &all);
    rf_detector_close(d);
    o.score = 0.95f;
    done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    done(rf_detector_detect(d, &p, &faces, &some));
    assert_true(some > 0 && some < all);
    for (size_t i = 0; i < some; i++) {
        assert_true(faces[i].score >= 0.95f && (i == 0 || faces[i].score <= faces[i - 1].score));
        assert_string_equal(rf_detector_label(d, faces[i].label), "face");
    }
    assert_null(rf_detector_label(d, 1));
    rf_detector_close(d);
    const char *settings[] = {"eval.keep=2", "data.terms=for research", NULL};
    o.settings = settings;
    o.score = 0;
    o.long_side = 96;
    o.flip = 1;
    done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    detect(d, &p, &some);
    assert_true(some <= 2);
    assert_non_null(strstr(rf_detector_info(d, "configuration"), "flip = yes"));
    assert_string_equal(rf_detector_info(d, "terms"), "for research");
    assert_non_null(rf_detector_info(d, "version"));
    assert_non_null(strstr(rf_detector_info(d, "file"), "face.safetensors"));
    assert_null(rf_detector_info(d, "weather"));
    rf_detector_close(d);
}

/* By name in a folder, as a run's folder, as bytes: the same detector. */
static void test_ways_to_open(void **state) {
    (void)state;
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB);
    rf_detector *d = open_model("face.safetensors", 1);
    uint64_t want = detect(d, &p, NULL);
    rf_detector_close(d);
    const char *folders[] = {"no/such/folder", scratch, NULL};
    rf_detector_options o = few_threads(1);
    o.folders = folders;
    static const char *const names[] = {"face", "face.safetensors", "", NULL};
    for (int i = 0; i < 4; i++) {
        done(rf_detector_open(names[i], &o, &d));
        assert_true(detect(d, &p, NULL) == want);
        rf_detector_close(d);
    }
    size_t size;
    unsigned char *data = read_all(scratch_path("face.safetensors"), &size);
    done(rf_detector_open_bytes(data, size, &o, &d));
    assert_true(detect(d, &p, NULL) == want);
    rf_detector_close(d);
    assert_int_equal(mkdir(scratch_path("run"), 0777), 0);
    wrong(rf_detector_open(scratch_path("run"), NULL, &d), RF_ERROR_ARGUMENT, "best.safetensors");
    FILE *file = fopen(scratch_path("run/last.safetensors"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    done(rf_detector_open(scratch_path("run"), &o, &d));
    assert_true(detect(d, &p, NULL) == want);
    rf_detector_close(d);
    free(data);
}

static void test_wrong_models(void **state) {
    (void)state;
    rf_detector *d;
    rf_detector_options o = few_threads(1);
    wrong(rf_detector_open("no such model", NULL, &d), RF_ERROR_FILE, "no such model");
    assert_null(d);
    wrong(rf_detector_open("no/such/model", NULL, &d), RF_ERROR_FILE, "no/such/model");
    wrong(rf_detector_open("Makefile", NULL, &d), RF_ERROR_FORMAT, "Makefile");
    wrong(rf_detector_open("face", NULL, NULL), RF_ERROR_ARGUMENT, "NULL");
    wrong(rf_detector_open_bytes(NULL, 9, NULL, &d), RF_ERROR_ARGUMENT, "none");
    wrong(rf_detector_open_bytes("", 0, NULL, &d), RF_ERROR_ARGUMENT, "none");
    size_t size;
    unsigned char *data = read_all(scratch_path("face.safetensors"), &size);
    for (size_t cut = 1; cut < size; cut += 1 + size / 40) {
        assert_true(rf_detector_open_bytes(data, cut, &o, &d) == RF_ERROR_FORMAT && *rf_last_error());
        assert_null(d);
    }
    free(data);
    o.size = 3;
    wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "size");
    struct {
        rf_detector_options o;
        size_t later; /* no padding before it */
    } newer = {few_threads(1), 0};
    newer.o.size = sizeof newer;
    done(rf_detector_open(scratch_path("face.safetensors"), &newer.o, &d));
    rf_detector_close(d);
    newer.later = 1;
    wrong(rf_detector_open(scratch_path("face.safetensors"), &newer.o, &d), RF_ERROR_ARGUMENT, "does not have");
    const char *settings[] = {"eval.sccore=1", NULL};
    o = few_threads(1);
    o.settings = settings;
    wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "sccore");
    static const struct {
        float score, iou;
        int threads, long_side, flip;
    } bad[] = {{2, 0, 0, 0, 0},    {NAN, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {0, 0, -1, 0, 0},
               {0, 0, 5000, 0, 0}, {0, 0, 0, -4, 0},  {0, 0, 0, 0, 7}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = few_threads(bad[i].threads);
        o.score = bad[i].score;
        o.iou = bad[i].iou;
        o.long_side = bad[i].long_side;
        o.flip = bad[i].flip;
        wrong(rf_detector_open(scratch_path("face.safetensors"), &o, &d), RF_ERROR_ARGUMENT, "expected");
    }
    rf_detector_close(NULL);
}

static void test_wrong_pictures(void **state) {
    (void)state;
    rf_detector *d = open_model("face.safetensors", 1);
    const rf_detection *faces = NULL;
    size_t n = 7;
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB);
    uint64_t want = detect(d, &p, NULL);
    const rf_picture bad[] = {{NULL, W, H, 0, 0},          {rgb, 0, H, 0, 0},
                              {rgb, W, -1, 0, 0},          {rgb, W, H, 10, 0},
                              {rgb, W, H, -10, 0},         {rgb, W, H, PTRDIFF_MAX / 2, 0},
                              {rgb, W, H, PTRDIFF_MIN, 0}, {rgb, 1 << 30, 1 << 30, 0, 0},
                              {rgb, 1000000, 1000, 0, 0},  {rgb, W, H, 0, 99},
                              {rgb, W, H, 0, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        n = 7;
        assert_int_equal(rf_detector_detect(d, &bad[i], &faces, &n), RF_ERROR_ARGUMENT);
        assert_true(n == 0 && !faces && (strstr(rf_last_error(), "expected") || strstr(rf_last_error(), "memory")));
    }
    wrong(rf_detector_detect(d, NULL, &faces, &n), RF_ERROR_ARGUMENT, "NULL");
    wrong(rf_detector_detect(NULL, &p, &faces, &n), RF_ERROR_ARGUMENT, "NULL");
    wrong(rf_detector_detect(d, &p, NULL, &n), RF_ERROR_ARGUMENT, "NULL");
    wrong(rf_detector_detect(d, &p, &faces, NULL), RF_ERROR_ARGUMENT, "NULL");
    assert_true(detect(d, &p, NULL) == want); /* none of it did harm */
    rf_detector_close(d);
}

static void test_files(void **state) {
    (void)state;
    rf_picture p = {0}, face = {0};
    bytes jpeg = make_jpeg(&(jpeg_make){.kind = JPEG_RGB, .width = W, .height = H, .pixels = rgb, .orientation = 6});
    done(rf_picture_decode(jpeg.data, jpeg.size, &p));
    assert_true(p.width == H && p.height == W && p.stride == 3 * H && p.format == RF_PIXELS_RGB);
    const float points[10] = {40, 50, 75, 50, 58, 75, 45, 92, 72, 92};
    done(rf_picture_align(&p, points, 5, 112, &face));
    assert_true(face.width == 112 && face.height == 112);
    rf_picture_free(&face);
    wrong(rf_picture_align(&p, points, 68, 112, &face), RF_ERROR_ARGUMENT, "68 points");
    wrong(rf_picture_align(&p, NULL, 5, 112, &face), RF_ERROR_ARGUMENT, "points");
    wrong(rf_picture_align(&p, points, 5, 0, &face), RF_ERROR_ARGUMENT, "expected");
    wrong(rf_picture_align(NULL, points, 5, 112, &face), RF_ERROR_ARGUMENT, "NULL");
    assert_null(face.pixels);
    rf_picture_free(&p);
    assert_null(p.pixels);
    rf_picture_free(&p);
    rf_picture_free(NULL);
    for (size_t cut = 1; cut < jpeg.size; cut += 1 + jpeg.size / 50)
        assert_true(rf_picture_decode(jpeg.data, cut, &p) == RF_ERROR_FORMAT && !p.pixels && *rf_last_error());
    wrong(rf_picture_decode(NULL, 5, &p), RF_ERROR_ARGUMENT, "none");
    wrong(rf_picture_decode(jpeg.data, 0, &p), RF_ERROR_ARGUMENT, "none");
    wrong(rf_picture_load("no/such.jpg", &p), RF_ERROR_FILE, "no/such.jpg");
    wrong(rf_picture_load("Makefile", &p), RF_ERROR_FORMAT, "Makefile");
    wrong(rf_picture_load(NULL, &p), RF_ERROR_ARGUMENT, "path");
    wrong(rf_picture_load("a", NULL), RF_ERROR_ARGUMENT, "NULL");
    bytes_free(&jpeg);
}

typedef struct worker {
    pthread_t thread;
    int threads;
    uint64_t got[ROUNDS];
} worker;

static const int sides[ROUNDS][2] = {{W, H}, {96, 64}, {W, 50}, {W, H}};

static void *work(void *ctx) {
    worker *w = ctx;
    rf_detector *d = open_model("face.safetensors", w->threads);
    for (int i = 0; i < ROUNDS; i++) {
        rf_picture p = {rgb, sides[i][0], sides[i][1], W * 3, RF_PIXELS_RGB};
        w->got[i] = detect(d, &p, NULL);
    }
    rf_detector_close(d);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    worker alone = {.threads = 1}, team[THREADS] = {{.threads = 0}};
    work(&alone);
    for (int i = 0; i < THREADS; i++) {
        team[i].threads = 1 + i % 3;
        assert_int_equal(pthread_create(&team[i].thread, NULL, work, &team[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(team[i].thread, NULL);
        assert_memory_equal(team[i].got, alone.got, sizeof alone.got);
    }
}

/* A video's frames, one a call, here of two sizes in turn: nothing is asked for after the first of each. */
static void test_memory(void **state) {
    (void)state;
    if (SANITIZED) skip();
    rf_detector *d = open_model("face.safetensors", 2);
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB), q = {rgb, 96, 64, W * 3, RF_PIXELS_RGB};
    for (int i = 0; i < 2; i++) {
        detect(d, &p, NULL);
        detect(d, &q, NULL);
    }
    asked = 0;
    watched = true;
    void *volatile one = malloc(1);
    free(one);
    for (int i = 0; i < 200; i++) detect(d, i % 2 ? &q : &p, NULL);
    watched = false;
    if (asked != 1) fail_msg("%ld allocations in 200 calls", asked - 1);
    rf_detector_close(d);
}

/* Whichever allocation fails, it is told, nothing leaks, and the next call works. */
static void test_out_of_memory(void **state) {
    (void)state;
    rf_detector_options o = few_threads(1);
    rf_detector *d = NULL;
    rf_picture p = picture_of(rgb, RF_PIXELS_BGR);
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
    done(rf_detector_detect(d, &p, &faces, &n));
    uint64_t want = digest(faces, n);
    for (uint64_t k = 1; k < 400; k += 1 + k / 16) {
        rf_alloc_fail_at(k);
        int code = rf_detector_detect(d, &p, &faces, &n); /* what other sizes hold is given up, and tried again */
        rf_alloc_fail_at(0);
        assert_true(code == RF_DONE ? digest(faces, n) == want : code == RF_ERROR_MEMORY && n == 0);
        assert_true(detect(d, &p, NULL) == want);
    }
    rf_detector_close(d);
}

/* Numbers in a model's settings are read as in C, whatever the program's locale writes. */
static void test_locale(void **state) {
    (void)state;
    rf_picture p = picture_of(rgb, RF_PIXELS_RGB);
    rf_detector *d = open_model("face.safetensors", 1);
    uint64_t want = detect(d, &p, NULL);
    rf_detector_close(d);
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        print_message("skip: no locale with a decimal comma is installed\n");
        return;
    }
    d = open_model("face.safetensors", 1);
    assert_true(detect(d, &p, NULL) == want);
    rf_detector_close(d);
    char text[16];
    snprintf(text, sizeof text, "%.1f", 1.5);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "1,5");
}

static void test_version(void **state) {
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", RF_VERSION_MAJOR, RF_VERSION_MINOR, RF_VERSION_PATCH);
    assert_string_equal(rf_version(), text);
    assert_string_equal(rf_version(), RF_VERSION);
    assert_int_equal(rf_version_number(), RF_VERSION_NUMBER);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats),        cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_ways_to_open),   cmocka_unit_test(test_wrong_models),
                                       cmocka_unit_test(test_wrong_pictures), cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_threads),        cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_out_of_memory),  cmocka_unit_test(test_locale),
                                       cmocka_unit_test(test_version)};
    return cmocka_run_group_tests(tests, make_model, scratch_remove);
}
