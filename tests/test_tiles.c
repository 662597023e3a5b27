/* SPDX-License-Identifier: Apache-2.0 */
/* Large pictures in tiles: every face once and whole, the same faces as in one pass, and what was made smaller is told.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "data/image.h"
#include "eval/finder.h"
#include "eval/tiles.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "tests/faces_kit.h"

static void tiles_cover_the_picture(void **state) {
    (void)state;
    for (int round = 0; round < 3000; round++) {
        rf_rng rng = rf_rng_make(5, 0, (uint64_t)round, RF_STREAM_TEST);
        int side = 256 + (int)rf_rng_below(&rng, 1500), overlap = (int)rf_rng_below(&rng, (uint32_t)side / 2 + 1);
        int width = 1 + (int)rf_rng_below(&rng, 6000), height = 1 + (int)rf_rng_below(&rng, 6000);
        rf_tiling t = rf_tiling_make(width, height, side, overlap);
        int covered = 0;
        for (int c = 0; c < t.columns; c++) {
            rf_tile tile = rf_tiling_tile(&t, c, 0);
            assert_true(tile.x % 128 == 0 && tile.width >= 1 && tile.width <= side && tile.height <= side);
            assert_int_equal(tile.cut[0], c > 0);
            assert_int_equal(tile.cut[2], c + 1 < t.columns);
            if (c > 0) assert_true(covered - tile.x >= overlap);
            if (c > 0) assert_true(tile.from[0] >= tile.x && tile.from[0] <= covered);
            covered = tile.x + tile.width;
        }
        assert_int_equal(covered, t.width);
        rf_tile last = rf_tiling_tile(&t, t.columns - 1, t.rows - 1);
        assert_true(last.x + last.width == t.width && last.y + last.height == t.height);
    }
    assert_int_equal(rf_tiling_halvings(1000, 1000, 1000), 0);
    assert_int_equal(rf_tiling_halvings(1001, 1000, 1000), 1);
    assert_int_equal(rf_tiling_halvings(16000, 1000, 1000), 2);
}

/* What a detector that sees everything in a tile, cut faces as what is left of them, would hand over: each face whole
 * at least once, nothing cut. Faces are as large as three quarters of the overlap; boxes are off by a share of the
 * face. */
static void faces_are_taken_whole(void **state) {
    (void)state;
    int cut = 0, twice = 0;
    for (int round = 0; round < 20000; round++) {
        rf_rng rng = rf_rng_make(6, 0, (uint64_t)round, RF_STREAM_TEST);
        int side = 300 + (int)rf_rng_below(&rng, 700), overlap = side / 4;
        rf_tiling t = rf_tiling_make(side + 200 + (int)rf_rng_below(&rng, 2000), side + 300, side, overlap);
        double w = 8 + rf_rng_uniform(&rng) * (0.75 * overlap - 8), h = w * (1 - 0.3 * rf_rng_uniform(&rng));
        double x = rf_rng_uniform(&rng) * (t.width - w), y = rf_rng_uniform(&rng) * (t.height - h);
        int whole = 0;
        for (int k = 0; k < t.columns * t.rows; k++) {
            rf_tile tile = rf_tiling_tile(&t, k % t.columns, k / t.columns);
            double x1 = fmax(x, tile.x), y1 = fmax(y, tile.y), x2 = fmin(x + w, tile.x + tile.width),
                   y2 = fmin(y + h, tile.y + tile.height);
            if (x2 - x1 < 4 || y2 - y1 < 4) continue;
            bool is_cut = x1 > x || y1 > y || x2 < x + w || y2 < y + h;
            double e = is_cut ? 0 : 0.02 * w * (rf_rng_uniform(&rng) - 0.5);
            float box[4] = {(float)(x1 + e), (float)(y1 + e), (float)(x2 + e), (float)(y2 + e)};
            bool kept = rf_tile_keeps(&t, &tile, box);
            whole += kept && !is_cut;
            cut += kept && is_cut;
        }
        if (whole < 1) fail_msg("round %d: a face of %g at (%g, %g) is lost: side %d", round, w, x, y, side);
        twice += whole > 1;
    }
    assert_int_equal(cut, 0);
    assert_in_range(twice, 1, 20000 / 4); /* those beside the middle of an overlap, which the merge makes one */
}

/* ---- the finder ---- */

typedef struct subject {
    rf_config config;
    rf_params *params;
} subject;

static void open_subject(subject *s, const char *tile, const char *more) {
    static const char ini[] = "[model]\nchannels=8\n[eval]\nscore=0.5\n";
    const char *const sets[] = {tile, more};
    if (rf_config_parse("test", ini, sets, 2, &s->config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&s->config, &s->params), RF_OK);
    rf_params_init(s->params, 3);
    assert_int_equal(rf_params_fold(s->params, NULL), RF_OK);
}

static void find(const subject *s, const rf_image *image, rf_face_list *faces, rf_finder_view *view, size_t *peak) {
    rf_finder *finder;
    assert_int_equal(rf_finder_open(&s->config, s->params, &finder), RF_OK);
    if (rf_finder_run(finder, image, faces) != RF_OK) fail_msg("%s", rf_error_message());
    *view = rf_finder_get_view(finder);
    if (peak) *peak = rf_finder_get_stats(finder).peak_arena;
    rf_finder_close(finder);
}

static void paint_noise(rf_image *image, int width, int height) {
    assert_int_equal(rf_image_alloc(image, width, height), RF_OK);
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < width * height * 3; i++) image->pixels[i] = (uint8_t)rf_rng_u32(&rng);
}

/* A picture that fits is looked at as ever; one that does not in bounded memory and with the same result on any number
 * of threads; without tiles it is made smaller, which the view tells. */
static void what_was_looked_at_is_told(void **state) {
    (void)state;
    subject off, on, flipped, small;
    rf_image image;
    rf_face_list a = {0}, b = {0};
    rf_finder_view view;
    size_t whole, tiled;
    open_subject(&off, "eval.tile=0", "eval.flip=no");
    open_subject(&on, "eval.tile=256", "eval.flip=no");
    open_subject(&flipped, "eval.tile=256", "eval.flip=yes");
    open_subject(&small, "eval.tile=0", "eval.max_pixels=0.05");
    paint_noise(&image, 300, 200);
    find(&off, &image, &a, &view, NULL);
    assert_true(view.scale == 1 && !view.shrunk && view.tiles == 0);
    find(&on, &image, &b, &view, NULL);
    assert_true(view.tiles == 0 && a.n == b.n && a.n > 0);
    for (size_t i = 0; i < a.n; i++) assert_true(faces_equal(&a.items[i], &b.items[i]));
    find(&small, &image, &b, &view, NULL);
    assert_true(view.shrunk && fabs(view.scale - sqrt(0.05e6 / (300 * 200))) < 0.01);
    rf_image_free(&image);

    paint_noise(&image, 900, 700);
    find(&off, &image, &a, &view, &whole);
    const subject *const both[] = {&on, &flipped};
    for (int k = 0; k < 2; k++) {
        rf_set_threads(1);
        find(both[k], &image, &a, &view, &tiled);
        assert_true(view.scale == 1 && !view.shrunk && view.tiles >= 12);
        assert_true(tiled * 4 < whole);
        rf_set_threads(3);
        find(both[k], &image, &b, &view, NULL);
        assert_int_equal(a.n, b.n);
        for (size_t i = 0; i < a.n; i++) assert_true(faces_equal(&a.items[i], &b.items[i]));
    }
    rf_set_threads(0);
    rf_image_free(&image);
    rf_face_list_free(&a);
    rf_face_list_free(&b);
    rf_params_free(off.params), rf_params_free(on.params), rf_params_free(flipped.params), rf_params_free(small.params);
}

static void settings_that_exclude_each_other(void **state) {
    (void)state;
    rf_config config;
    static const char *const wrong[][3] = {{"eval.tile=100", "eval.flip=no", "at least 256"},
                                           {"eval.tile=256", "eval.schedule=srn", "not with eval.schedule"},
                                           {"eval.tile=256", "eval.max_pixels=0.05", "at least 0.06"}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_config_parse("test", "", wrong[i], 2, &config), RF_ERR_USER);
        if (!strstr(rf_error_message(), wrong[i][2])) fail_msg("%s", rf_error_message());
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_cover_the_picture), cmocka_unit_test(faces_are_taken_whole),
        cmocka_unit_test(what_was_looked_at_is_told), cmocka_unit_test(settings_that_exclude_each_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
