/* SPDX-License-Identifier: Apache-2.0 */
/* The library's functions as another program calls them: pixels in all formats, several threads, memory. */
#include <locale.h>
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

#include "tests/cexport_model.h"
#include "tests/library_kit.h"
#include "tests/scratch.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { THREADS = 4, ROUNDS = 4 };

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

/* ---- tests ---- */

static void test_formats(void **state) {
    (void)state;
    static unsigned char other[H * (W * 4 + 12)];
    rf_detector *d = lib_open("face.safetensors", 1);
    size_t n;
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    uint64_t want = lib_detect(d, &p, &n);
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
                to[formats[f].red] = lib_rgb[3 * i];
                to[1] = lib_rgb[3 * i + 1];
                to[formats[f].blue] = lib_rgb[3 * i + 2];
            }
            p = lib_picture(up ? other + stride * (H - 1) : other, formats[f].format);
            p.stride = up ? -stride : stride;
            assert_true(lib_detect(d, &p, NULL) == want);
        }
    static unsigned char grey[H * W], spread[H * W * 3];
    for (int i = 0; i < W * H; i++) memset(spread + 3 * i, grey[i] = lib_rgb[3 * i], 3);
    p = lib_picture(grey, RF_PIXELS_GREY);
    rf_picture q = lib_picture(spread, RF_PIXELS_RGB);
    assert_true(lib_detect(d, &p, NULL) == lib_detect(d, &q, NULL));
    rf_detector_close(d);
}

static void test_options(void **state) {
    (void)state;
    rf_detector *d;
    size_t all, some;
    const rf_detection *faces;
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    rf_detector_options o = lib_options(1);
    o.score = 0.01f;
    lib_done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    lib_detect(d, &p, &all);
    rf_detector_close(d);
    o.score = 0.95f;
    lib_done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    lib_done(rf_detector_detect(d, &p, &faces, &some));
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
    lib_done(rf_detector_open(scratch_path("face.safetensors"), &o, &d));
    lib_detect(d, &p, &some);
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
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    rf_detector *d = lib_open("face.safetensors", 1);
    uint64_t want = lib_detect(d, &p, NULL);
    rf_detector_close(d);
    const char *folders[] = {"no/such/folder", scratch, NULL};
    rf_detector_options o = lib_options(1);
    o.folders = folders;
    static const char *const names[] = {"face", "face.safetensors", "", NULL};
    for (int i = 0; i < 4; i++) {
        lib_done(rf_detector_open(names[i], &o, &d));
        assert_true(lib_detect(d, &p, NULL) == want);
        rf_detector_close(d);
    }
    size_t size;
    unsigned char *data = lib_read(scratch_path("face.safetensors"), &size);
    lib_done(rf_detector_open_bytes(data, size, &o, &d));
    assert_true(lib_detect(d, &p, NULL) == want);
    rf_detector_close(d);
    assert_int_equal(mkdir(scratch_path("run"), 0777), 0);
    lib_wrong(rf_detector_open(scratch_path("run"), NULL, &d), RF_ERROR_ARGUMENT, "best.safetensors");
    FILE *file = fopen(scratch_path("run/last.safetensors"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    lib_done(rf_detector_open(scratch_path("run"), &o, &d));
    assert_true(lib_detect(d, &p, NULL) == want);
    rf_detector_close(d);
    free(data);
}

typedef struct worker {
    pthread_t thread;
    int threads;
    uint64_t got[ROUNDS];
} worker;

static const int sides[ROUNDS][2] = {{W, H}, {96, 64}, {W, 50}, {W, H}};

static void *work(void *ctx) {
    worker *w = ctx;
    rf_detector *d = lib_open("face.safetensors", w->threads);
    for (int i = 0; i < ROUNDS; i++) {
        rf_picture p = {lib_rgb, sides[i][0], sides[i][1], W * 3, RF_PIXELS_RGB};
        w->got[i] = lib_detect(d, &p, NULL);
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

typedef struct shared {
    rf_detector *detector;
    _Atomic bool refused; /* one of the two was */
} shared;

static void *use_shared(void *ctx) {
    shared *s = ctx;
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    const rf_detection *faces;
    size_t n;
    for (int i = 0; i < 20000 && !s->refused; i++) {
        int code = rf_detector_detect(s->detector, &p, &faces, &n);
        if (code == RF_DONE) continue;
        lib_wrong(code, RF_ERROR_ARGUMENT, "another thread");
        assert_true(n == 0 && !faces);
        s->refused = true;
    }
    return NULL;
}

/* Two threads with one detector: one of them is told. */
static void test_one_for_two(void **state) {
    (void)state;
    pthread_t other;
    shared s = {.detector = lib_open("face.safetensors", 1)};
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    uint64_t want = lib_detect(s.detector, &p, NULL);
    assert_int_equal(pthread_create(&other, NULL, use_shared, &s), 0);
    use_shared(&s);
    pthread_join(other, NULL);
    assert_true(s.refused);
    assert_true(lib_detect(s.detector, &p, NULL) == want);
    rf_detector_close(s.detector);
}

/* A video's frames, one a call, here of two sizes in turn: nothing is asked for after the first of each. */
static void test_memory(void **state) {
    (void)state;
    if (SANITIZED) skip();
    rf_detector *d = lib_open("face.safetensors", 2);
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB), q = {lib_rgb, 96, 64, W * 3, RF_PIXELS_RGB};
    for (int i = 0; i < 2; i++) {
        lib_detect(d, &p, NULL);
        lib_detect(d, &q, NULL);
    }
    asked = 0;
    watched = true;
    void *volatile one = malloc(1);
    free(one);
    for (int i = 0; i < 200; i++) lib_detect(d, i % 2 ? &q : &p, NULL);
    watched = false;
    if (asked != 1) fail_msg("%ld allocations in 200 calls", asked - 1);
    rf_detector_close(d);
}

/* Makes a locale with a decimal comma, whatever is installed, and switches to it. */
static bool write_commas(void) {
    static const char source[] = "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";
    char command[512];
    FILE *file = fopen(scratch_path("comma.src"), "w");
    assert_non_null(file);
    fputs(source, file);
    fclose(file);
    snprintf(command, sizeof command, "localedef -c -i %s/comma.src %s/comma >/dev/null 2>&1", scratch, scratch);
    if (system(command) > 256) return false; /* 1: it misses the other categories */
    setenv("LOCPATH", scratch, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL;
}

/* Numbers in a model's settings are read as in C, whatever the program's locale writes. */
static void test_locale(void **state) {
    (void)state;
    char text[16];
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    rf_detector *d = lib_open("face.safetensors", 1);
    uint64_t want = lib_detect(d, &p, NULL);
    rf_detector_close(d);
    if (!write_commas()) {
        print_message("skip: no localedef, which makes a locale with a decimal comma\n");
        return;
    }
    d = lib_open("face.safetensors", 1);
    assert_true(lib_detect(d, &p, NULL) == want);
    rf_detector_close(d);
    snprintf(text, sizeof text, "%.1f", 1.5);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "1,5");
}

/* Kinds of objects have numbers and names, up to the first NULL. */
static void test_labels(void **state) {
    (void)state;
    const char *sets[] = {"model.channels=16", "data.classes=mask,no_mask,hat", "eval.score=0.2"};
    rf_detector_options o = lib_options(1);
    rf_picture p = lib_picture(lib_rgb, RF_PIXELS_RGB);
    const rf_detection *faces;
    rf_detector *d;
    size_t n, of[3] = {0};
    assert_int_equal(cexport_random_model(scratch_path("kinds.safetensors"), 8, sets, 3), RF_DONE);
    o.score = 0.2f;
    lib_done(rf_detector_open(scratch_path("kinds.safetensors"), &o, &d));
    assert_string_equal(rf_detector_label(d, 0), "mask");
    assert_string_equal(rf_detector_label(d, 2), "hat");
    assert_null(rf_detector_label(d, 3));
    assert_null(rf_detector_label(d, -1));
    lib_done(rf_detector_detect(d, &p, &faces, &n));
    for (size_t i = 0; i < n; i++) {
        assert_in_range(faces[i].label, 0, 2);
        of[faces[i].label]++;
    }
    assert_true(n > 0 && (of[0] > 0) + (of[1] > 0) + (of[2] > 0) > 1);
    rf_detector_close(d);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_options),     cmocka_unit_test(test_ways_to_open),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_one_for_two), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_locale),  cmocka_unit_test(test_labels),      cmocka_unit_test(test_version)};
    return cmocka_run_group_tests(tests, lib_make, scratch_remove);
}
