/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's augmentation: colours without limits, mixed images, the last crop, blur of label.txt. */
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
#include "data/augment.h"
#include "data/loader.h"
#include "data/mixup.h"
#include "data/normalise.h"
#include "tests/faces_kit.h"

static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* ---- colours ---- */

enum { W = 9, H = 7 };

static void random_image(uint64_t seed, rf_image *image) {
    rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_TEST);
    assert_int_equal(rf_image_alloc(image, W, H), RF_OK);
    for (int i = 0; i < 3 * W * H; i++)
        image->pixels[i] = (uint8_t)(rf_rng_below(&rng, 256) / 2 + (i % 3 == 1 ? 100 : 0));
}

/* The published arithmetic, a float picture in B, G, R and the greys' weights in that order. */
static double grey_of(const double *bgr) {
    return 0.299 * bgr[0] + 0.587 * bgr[1] + 0.114 * bgr[2];
}

static void naive(double (*p)[3], int what, double alpha) {
    double mean = 0;
    for (int i = 0; i < W * H; i++) mean += grey_of(p[i]) / (W * H);
    for (int i = 0; i < W * H; i++) {
        double grey = grey_of(p[i]);
        for (int c = 0; c < 3; c++)
            p[i][c] = p[i][c] * alpha + (what == 0 ? 0 : (1 - alpha) * (what == 1 ? mean : grey));
    }
}

static void tints_equal_the_published_arithmetic(void **state) {
    (void)state;
    rf_image image;
    random_image(1, &image);
    rf_config config = config_of("[input]\ncolour=rgb\nmean=10,20,30\nstd=1,2,4\n");
    rf_normaliser normaliser;
    assert_int_equal(rf_normaliser_make(&config, &normaliser), RF_OK);
    double mean[3], most = 0;
    rf_tint_mean(&image, mean);
    for (int sequence = 0; sequence < 27; sequence++) {
        static double p[W * H][3];
        static float out[W * H * 3];
        rf_tint tint = rf_tint_none();
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < 3; c++) p[i][c] = image.pixels[3 * i + 2 - c];
        for (int k = 0, rest = sequence; k < 3; k++, rest /= 3) {
            double alpha = 1.3 - 0.25 * k;
            naive(p, rest % 3, alpha);
            if (rest % 3 == 0) rf_tint_brightness(&tint, alpha);
            if (rest % 3 == 1) rf_tint_contrast(&tint, alpha, mean);
            if (rest % 3 == 2) rf_tint_saturation(&tint, alpha);
        }
        rf_normalise_tinted(&normaliser, &image, &tint, out, W);
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < 3; c++) {
                double want = (p[i][2 - c] - 10 * (c + 1)) / (1 << c);
                most = fmax(most, p[i][2 - c]);
                assert_true(fabs((double)out[3 * i + c] - want) < 1e-3);
            }
    }
    assert_true(most > 260); /* nothing was cut off at white */
    rf_image_free(&image);
}

/* What the step draws: orders, ranges, and nothing when it is off. */
static void the_jitter_step(void **state) {
    (void)state;
    static const char *const modes[] = {"none", "brightness", "colour"};
    const rf_augment *step = rf_augments[RF_AUGMENT_jitter];
    for (int m = 0; m < 3; m++) {
        char text[96];
        snprintf(text, sizeof text, "[augment]\njitter=%s\njitter_strength=0.125\n", modes[m]);
        rf_config config = config_of(text);
        double least = 9, largest = 0;
        bool orders[6] = {false};
        for (uint64_t k = 0; k < 200; k++) {
            rf_picture picture = {.width = W, .height = H};
            rf_draws draws = {{0}};
            rf_rng rng = rf_rng_make(2, 0, k, RF_STREAM_AUGMENT), same = rng;
            step->draw(&config, &rng, &picture, draws.v);
            if (m == 0) assert_memory_equal(&rng, &same, sizeof rng);
            random_image(k, &picture.image);
            assert_int_equal(step->apply(&config, draws.v, &picture), RF_OK);
            assert_int_equal(picture.tint.used, m > 0);
            orders[(int)draws.v[0]] = true;
            for (int i = 1; i < 4; i++) least = fmin(least, draws.v[i]), largest = fmax(largest, draws.v[i]);
            if (m == 1)
                assert_true(picture.tint.m[0][1] == 0 && picture.tint.shift[2] == 0 &&
                            picture.tint.m[0][0] == picture.tint.m[2][2]);
            rf_image_free(&picture.image);
        }
        if (m == 0) assert_true(least == 1 && largest == 1);
        if (m > 0) assert_true(least >= 0.875 && least < 0.89 && largest <= 1.125 && largest > 1.11);
        for (int i = 0; m == 2 && i < 6; i++) assert_true(orders[i]);
    }
}

/* ---- crops ---- */

static void the_last_crop_is_taken(void **state) {
    (void)state;
    static rf_face corner = {.box = {0, 0, 4, 4}, .score = 1}; /* hardly ever in a small crop */
    for (int last = 0; last < 2; last++) {
        char text[128];
        snprintf(text, sizeof text, "[augment]\ncrop=set\ncrop_set=0.3\ncrop_tries=2\ncrop_last=%s\n",
                 last ? "yes" : "no");
        rf_config config = config_of(text);
        int whole = 0;
        for (uint64_t k = 0; k < 50; k++) {
            rf_face face = corner;
            rf_picture picture = {.width = 400, .height = 300, .faces = &face, .n_faces = 1};
            rf_rng rng = rf_rng_make(4, 0, k, RF_STREAM_AUGMENT);
            rf_augment_plan(&config, &rng, &picture);
            whole += picture.region.width == 400;
        }
        assert_true(last ? whole == 0 : whole > 40);
    }
}

/* ---- mixed images ---- */

static void partners(void **state) {
    (void)state;
    size_t partner[5];
    int seen[5][5] = {{0}}, mixed = 0;
    for (uint64_t k = 0; k < 400; k++) {
        rf_rng rng = rf_rng_make(5, 0, k, RF_STREAM_MIXUP);
        if (!rf_mixup_draw(&rng, 0.25, 5, partner)) continue;
        mixed++;
        for (size_t i = 0; i < 5; i++) seen[i][partner[i]]++;
    }
    assert_in_range(mixed, 70, 130);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) assert_int_equal(seen[i][j] > 0, i != j);
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_MIXUP);
    assert_false(rf_mixup_draw(&rng, 1, 1, partner));
    assert_false(rf_mixup_draw(&rng, 0, 5, partner));
}

enum { IMAGES = 6, BATCH = 3, SIZE = 32 };
static char dir[] = "/tmp/rf_test_insight_XXXXXX";

static rf_dataset *make_set(void) {
    static char text[2048];
    char path[128];
    int used = 0;
    rf_dataset *dataset;
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < IMAGES; i++) {
        rf_image image;
        snprintf(path, sizeof path, "%s/%d.png", dir, i);
        assert_int_equal(rf_image_alloc(&image, 40, 40), RF_OK);
        for (int k = 0; k < 40 * 40 * 3; k++) image.pixels[k] = (uint8_t)(40 * i + k % 13);
        assert_int_equal(rf_image_save(path, &image, 0), RF_OK);
        rf_image_free(&image);
        used += snprintf(text + used, sizeof text - (size_t)used, "# %d.png\n", i);
        for (int k = 0; k < i; k++)
            used += snprintf(text + used, sizeof text - (size_t)used,
                             "5 5 20 24 10 10 0 18 10 1 14 14 0 10 18 0 18 18 1 %.2f\n", k ? 0.25 * k : -1.0);
    }
    snprintf(path, sizeof path, "%s/label.txt", dir);
    assert_int_equal(rf_file_write_atomic(path, text, (size_t)used), RF_OK);
    if (rf_dataset_open("label", path, dir, NULL, &dataset) != RF_OK) fail_msg("%s", rf_error_message());
    return dataset;
}

static void drop_set(rf_dataset *dataset) {
    char path[128];
    rf_dataset_free(dataset);
    for (int i = 0; i < IMAGES; i++) {
        snprintf(path, sizeof path, "%s/%d.png", dir, i);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/label.txt", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/again.txt", dir);
    unlink(path);
    rmdir(dir);
}

static rf_loader *open_loader(const rf_dataset *dataset, const char *mixup, int workers) {
    char text[256];
    rf_loader *loader;
    snprintf(text, sizeof text,
             "[input]\nsize=32\n[train]\nbatch=3\n[augment]\nmixup=%s\ncrop=none\n[data]\nworkers=%d\n", mixup,
             workers);
    rf_config config = config_of(text);
    if (rf_loader_open(dataset, &config, 3, &loader) != RF_OK) fail_msg("%s", rf_error_message());
    return loader;
}

static void mixed_batches(const rf_dataset *dataset) {
    enum { NUMBERS = SIZE * SIZE * 3 };
    static float plain[BATCH * NUMBERS];
    rf_loader *without = open_loader(dataset, "0", 0);
    rf_loader *with[2] = {open_loader(dataset, "1", 0), open_loader(dataset, "1", 3)};
    for (int step = 0; step < 4; step++) {
        const rf_batch *a, *b, *c;
        size_t n[BATCH], partner[BATCH];
        assert_int_equal(rf_loader_next(without, &a), RF_OK);
        assert_int_equal(rf_loader_next(with[0], &b), RF_OK);
        assert_int_equal(rf_loader_next(with[1], &c), RF_OK);
        rf_rng rng = rf_rng_make(3, b->epoch, b->index, RF_STREAM_MIXUP);
        assert_true(rf_mixup_draw(&rng, 1, BATCH, partner));
        memcpy(plain, a->input, sizeof plain);
        memcpy(n, a->n_faces, sizeof n);
        for (size_t i = 0; i < BATCH; i++) { /* one after the other */
            for (size_t k = 0; k < NUMBERS; k++)
                plain[i * NUMBERS + k] = 0.5f * (plain[i * NUMBERS + k] + plain[partner[i] * NUMBERS + k]);
            n[i] += n[partner[i]];
            assert_int_equal(b->n_faces[i], n[i]);
            for (size_t k = 0; k < a->n_faces[i]; k++) assert_true(faces_equal(&b->faces[i][k], &a->faces[i][k]));
        }
        assert_memory_equal(b->input, plain, sizeof plain);
        assert_memory_equal(b->input, c->input, sizeof plain);
    }
    rf_loader_close(without);
    rf_loader_close(with[0]);
    rf_loader_close(with[1]);
}

static void blur_is_read_and_written(const rf_dataset *dataset) {
    char path[128];
    rf_dataset *again;
    snprintf(path, sizeof path, "%s/again.txt", dir);
    assert_int_equal(rf_dataset_write_label(dataset, path), RF_OK);
    assert_int_equal(rf_dataset_open("label", path, dir, NULL, &again), RF_OK);
    assert_int_equal(again->n_faces, IMAGES * (IMAGES - 1) / 2);
    for (size_t i = 0; i < again->n_faces; i++) {
        const rf_face *a = &dataset->faces[i], *b = &again->faces[i];
        assert_true(b->has_blur && a->blur == b->blur);
        for (int k = 0; k < RF_POINTS; k++) assert_int_equal(rf_face_hides(b, k), k == 1 || k == 4);
    }
    assert_true(again->faces[0].blur == -1 && again->faces[2].blur == 0.25f);
    rf_dataset_free(again);
}

static void batches_and_labels(void **state) {
    (void)state;
    rf_dataset *dataset = make_set();
    mixed_batches(dataset);
    blur_is_read_and_written(dataset);
    drop_set(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tints_equal_the_published_arithmetic),
        cmocka_unit_test(the_jitter_step),
        cmocka_unit_test(the_last_crop_is_taken),
        cmocka_unit_test(partners),
        cmocka_unit_test(batches_and_labels),
    };
    return cmocka_run_group_tests_name("insightface's data", tests, NULL, NULL);
}
