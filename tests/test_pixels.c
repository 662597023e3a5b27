/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing, colour, normalisation and drawing against slow and plain versions of themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "data/colour.h"
#include "data/draw.h"
#include "data/font.h"
#include "data/normalise.h"
#include "data/resize.h"

static rf_image new_image(int width, int height) {
    rf_image image;
    assert_int_equal(rf_image_alloc(&image, width, height), RF_OK);
    return image;
}

static rf_image noise(int width, int height, uint64_t seed) {
    rf_image image = new_image(width, height);
    rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < width * height * 3; i++) image.pixels[i] = (uint8_t)rf_rng_u32(&rng);
    return image;
}

static int at(const rf_image *image, int x, int y, int c) {
    return image->pixels[(y * image->width + x) * 3 + c];
}

static double kernel(rf_filter filter, double x) {
    x = fabs(x);
    if (filter == RF_FILTER_LINEAR) return fmax(0, 1 - x);
    if (filter == RF_FILTER_CUBIC) /* Keys 1981, equation 4 with a = -0.75 */
        return x < 1 ? 1.25 * x * x * x - 2.25 * x * x + 1 : x < 2 ? -0.75 * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
    if (x >= 4) return 0;
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x) * sin(M_PI * x / 4) / (M_PI * x / 4);
}

/* What the header promises, for one output pixel and channel, in double precision. */
static double axis_weight(rf_filter filter, double start, double length, int inputs, int outputs, int i, int source) {
    double step = length / outputs, centre = start + (i + 0.5) * step, sum = 0, all = 0;
    int lo = (int)fmin(fmax(floor(start), 0), inputs - 1), hi = (int)fmin(ceil(start + length) - 1, inputs - 1);
    if (hi < lo) hi = lo;
    if (filter == RF_FILTER_SMOOTH) filter = step > 2 ? RF_FILTER_AREA : RF_FILTER_LINEAR;
    if (filter == RF_FILTER_NEAREST) return source == (int)fmin(fmax(floor(centre), lo), hi);
    if (filter == RF_FILTER_AREA) {
        double from = fmax(centre - step / 2, lo), to = fmin(centre + step / 2, hi + 1);
        return source < lo || source > hi ? 0 : fmax(0, fmin(to, source + 1) - fmax(from, source)) / (to - from);
    }
    for (int tap = (int)floor(centre) - 6; tap <= (int)floor(centre) + 6; tap++) {
        double w = kernel(filter, centre - 0.5 - tap);
        all += w;
        if (fmin(fmax(tap, lo), hi) == source) sum += w; /* the border is continued outwards */
    }
    return sum / all;
}

static void compare_filter(const rf_image *in, rf_region r, int width, int height, rf_filter filter) {
    static const uint8_t fill[3] = {1, 2, 3};
    rf_image out = new_image(width, height);
    assert_int_equal(rf_image_resize_with(in, &r, fill, filter, &out), RF_OK);
    for (int y = 0; y < height; y++) {
        double cy = r.y + (y + 0.5) * r.height / height;
        for (int x = 0; x < width; x++) {
            double cx = r.x + (x + 0.5) * r.width / width, sum[3] = {1, 2, 3};
            if (cx >= 0 && cy >= 0 && cx < in->width && cy < in->height) {
                memset(sum, 0, sizeof sum);
                for (int sy = 0; sy < in->height; sy++) {
                    double wy = axis_weight(filter, r.y, r.height, in->height, height, y, sy);
                    for (int sx = 0; sx < in->width && wy != 0; sx++) {
                        double w = wy * axis_weight(filter, r.x, r.width, in->width, width, x, sx);
                        for (int c = 0; c < 3; c++) sum[c] += w * at(in, sx, sy, c);
                    }
                }
            }
            for (int c = 0; c < 3; c++) {
                double want = fmin(fmax(sum[c], 0), 255);
                if (!(fabs(at(&out, x, y, c) - want) <= 0.51))
                    fail_msg("filter %d, %g,%g %gx%g to %dx%d at %d,%d: %d, expected %.2f", (int)filter, r.x, r.y,
                             r.width, r.height, width, height, x, y, at(&out, x, y, c), want);
            }
        }
    }
    rf_image_free(&out);
}

static void compare_resize(const rf_image *in, rf_region r, int width, int height) {
    for (int filter = 0; filter < RF_FILTER_COUNT; filter++) compare_filter(in, r, width, height, (rf_filter)filter);
}

static void resize_equals_its_definition(void **state) {
    (void)state;
    rf_image in = noise(31, 23, 1);
    compare_resize(&in, (rf_region){0, 0, 31, 23}, 31, 23);
    compare_resize(&in, (rf_region){0, 0, 31, 23}, 64, 70);
    compare_resize(&in, (rf_region){3, 5, 8, 8}, 40, 40);
    compare_resize(&in, (rf_region){2.25, 1.5, 20.5, 17.25}, 13, 9);
    compare_resize(&in, (rf_region){0, 0, 31, 23}, 7, 3);
    compare_resize(&in, (rf_region){0, 0, 31, 23}, 1, 1);
    compare_resize(&in, (rf_region){4, 4, 1, 1}, 5, 5);
    compare_resize(&in, (rf_region){0, 0, 31, 31}, 62, 62);
    compare_resize(&in, (rf_region){-7, -4, 50, 50}, 25, 30);
    compare_resize(&in, (rf_region){-7, -4, 50, 50}, 11, 100);
    compare_resize(&in, (rf_region){-200, -100, 1000, 1000}, 8, 8);
    compare_resize(&in, (rf_region){100, 100, 10, 10}, 4, 4);
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 60; i++) {
        rf_region r = {rf_rng_range(&rng, -20, 30), rf_rng_range(&rng, -20, 22), rf_rng_range(&rng, 0.1f, 60),
                       rf_rng_range(&rng, 0.1f, 60)};
        compare_resize(&in, r, 1 + (int)rf_rng_below(&rng, 40), 1 + (int)rf_rng_below(&rng, 40));
    }
    rf_image_free(&in);
}

static void resize_identity_and_threads(void **state) {
    (void)state;
    rf_image in = noise(300, 211, 2), same = new_image(300, 211), one = new_image(401, 333), two = new_image(401, 333);
    assert_int_equal(rf_image_resize(&in, NULL, NULL, &same), RF_OK);
    assert_memory_equal(in.pixels, same.pixels, 300 * 211 * 3);
    rf_region r = {11.5, 3.25, 250, 200};
    int before = rf_get_threads();
    rf_set_threads(1);
    assert_int_equal(rf_image_resize(&in, &r, NULL, &one), RF_OK);
    rf_set_threads(3);
    assert_int_equal(rf_image_resize(&in, &r, NULL, &two), RF_OK);
    rf_set_threads(before);
    assert_memory_equal(one.pixels, two.pixels, 401 * 333 * 3);
    rf_region bad[] = {{0, 0, 0, 5}, {0, 0, 5, -1}, {0, 0, NAN, 5}, {INFINITY, 0, 5, 5}, {0, 0, 1e300, 5}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rf_image_resize(&in, &bad[i], NULL, &one), RF_ERR_USER);
    for (uint64_t n = 1; n <= 5; n++) {
        rf_alloc_fail_at(n);
        assert_int_equal(rf_image_resize(&in, &r, NULL, &one), RF_ERR_NOMEM);
    }
    rf_alloc_fail_at(0);
    rf_image_free(&in);
    rf_image_free(&same);
    rf_image_free(&one);
    rf_image_free(&two);
}

/* The textbook way through hue, saturation and value. */
static void hsv_slowly(const uint8_t in[3], double saturation, double turn, double out[3]) {
    double r = in[0] / 255.0, g = in[1] / 255.0, b = in[2] / 255.0, v = fmax(r, fmax(g, b)),
           c = v - fmin(r, fmin(g, b));
    double h = 0, s = v > 0 ? fmin(c / v * saturation, 1) : 0;
    if (c > 0) h = v == r ? (g - b) / c : v == g ? 2 + (b - r) / c : 4 + (r - g) / c;
    h = fmod(h * 60 + turn + 720, 360);
    static const int n[3] = {5, 3, 1};
    for (int i = 0; i < 3; i++) {
        double k = fmod(n[i] + h / 60, 6);
        out[i] = 255 * (v - v * s * fmax(0, fmin(fmin(k, 4 - k), 1)));
    }
}

static void hsv_equals_the_textbook(void **state) {
    (void)state;
    static const double settings[][2] = {{0.5, 0},   {1.5, 0}, {1, 36}, {1, -36}, {0.7, 18},
                                         {1.4, -75}, {1, 180}, {0, 0},  {1, 400}};
    rf_image in = noise(64, 32, 3), out = new_image(64, 32);
    memset(in.pixels, 90, 30); /* greys, black and primary colours too */
    memset(in.pixels + 30, 0, 12);
    in.pixels[30] = in.pixels[34] = in.pixels[38] = 255;
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
        memcpy(out.pixels, in.pixels, 64 * 32 * 3);
        rf_colour_hsv(&out, NULL, (float)settings[k][0], (float)settings[k][1]);
        for (int i = 0; i < 64 * 32; i++) {
            double expected[3];
            hsv_slowly(in.pixels + 3 * i, settings[k][0], settings[k][1], expected);
            for (int c = 0; c < 3; c++) assert_true(fabs(out.pixels[3 * i + c] - expected[c]) < 0.52);
        }
    }
    memcpy(out.pixels, in.pixels, 64 * 32 * 3);
    rf_colour_hsv(&out, NULL, 1, 0);
    assert_memory_equal(out.pixels, in.pixels, 64 * 32 * 3);
    rf_image_free(&in);
    rf_image_free(&out);
}

static void brightness_and_contrast_in_a_rectangle(void **state) {
    (void)state;
    rf_image in = noise(20, 10, 4), out = noise(20, 10, 4);
    rf_rect rect = {15, -3, 100, 8}; /* cut to 15..20 x 0..5 */
    rf_colour_brightness(&out, &rect, 17.4f);
    rf_colour_contrast(&out, &rect, 1.25f);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 20; x++) {
            for (int c = 0; c < 3; c++) {
                int v = at(&in, x, y, c), expected = v;
                if (x >= 15 && y < 5) expected = (int)fmin(255, fmin(255, v + 17) * (double)1.25f + 0.5);
                assert_int_equal(at(&out, x, y, c), expected);
            }
        }
    }
    rf_colour_brightness(&out, NULL, -300);
    for (int i = 0; i < 600; i++) assert_int_equal(out.pixels[i], 0);
    rf_rect outside = {30, 30, 5, 5};
    rf_colour_hsv(&out, &outside, 2, 30);
    rf_image_free(&in);
    rf_image_free(&out);
}

static void normalise_in_channel_order(void **state) {
    (void)state;
    rf_config config;
    rf_config_defaults(&config);
    rf_normaliser n;
    rf_image image = noise(5, 4, 6);
    float out[4 * 7 * 3];
    for (int bgr = 0; bgr < 2; bgr++) {
        config.input.colour = bgr ? RF_COLOUR_BGR : RF_COLOUR_RGB;
        config.input.mean = (rf_real_list){3, {104, 117, 123}};
        config.input.std = (rf_real_list){3, {1, 2, 57.5}};
        assert_int_equal(rf_normaliser_make(&config, &n), RF_OK);
        for (int i = 0; i < 4 * 7 * 3; i++) out[i] = -1;
        rf_normalise(&n, &image, out, 7);
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 7; x++) {
                for (int c = 0; c < 3; c++) {
                    float expected = -1;
                    if (x < 5)
                        expected = ((float)at(&image, x, y, bgr ? 2 - c : c) - (float)config.input.mean.v[c]) /
                                   (float)config.input.std.v[c];
                    assert_true(out[(y * 7 + x) * 3 + c] == expected);
                }
            }
        }
        assert_int_equal(n.fill[0], bgr ? 123 : 104);
        assert_int_equal(n.fill[2], bgr ? 104 : 123);
    }
    config.input.mean.n = 1;
    assert_int_equal(rf_normaliser_make(&config, &n), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "input.mean"));
    rf_image_free(&image);
}

static const rf_colour red = {255, 10, 20};

static bool is_red(const rf_image *image, int x, int y) {
    return at(image, x, y, 0) == 255 && at(image, x, y, 1) == 10 && at(image, x, y, 2) == 20;
}

static int count_red(const rf_image *image) {
    int n = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) n += is_red(image, x, y);
    return n;
}

static void clear(rf_image *image) {
    memset(image->pixels, 0, (size_t)image->width * (size_t)image->height * 3);
}

static void draw_shapes(void **state) {
    (void)state;
    rf_image image = new_image(40, 30);
    rf_draw_rectangle(&image, (float[]){5, 6, 15, 20}, 2, red);
    assert_int_equal(count_red(&image), 10 * 14 - 6 * 10);
    assert_true(is_red(&image, 5, 6) && is_red(&image, 14, 19) && is_red(&image, 6, 10) && !is_red(&image, 7, 8) &&
                !is_red(&image, 15, 10));
    clear(&image);
    rf_draw_filled(&image, (float[]){-5, 20, 10, 100}, red);
    assert_int_equal(count_red(&image), 10 * 10);
    clear(&image);
    rf_draw_disc(&image, 20, 15, 5, red);
    assert_in_range(count_red(&image), 70, 88); /* pi 25 = 78.5 */
    assert_true(is_red(&image, 20, 15) && is_red(&image, 16, 15) && !is_red(&image, 14, 15) && !is_red(&image, 15, 11));
    clear(&image);
    rf_draw_line(&image, 2, 2, 12, 7, 1, red);
    assert_int_equal(count_red(&image), 11);
    assert_true(is_red(&image, 2, 2) && is_red(&image, 12, 7));
    clear(&image);
    rf_draw_line(&image, -1000, 10, 1000, 10, 3, red); /* across the image */
    assert_int_equal(count_red(&image), 40 * 3);
    rf_image_free(&image);
}

static void draw_text(void **state) {
    (void)state;
    rf_image image = new_image(40, 30);
    rf_draw_text(&image, 3, 4, "1", 2, red);
    const uint8_t *glyph = rf_font_glyph('1');
    for (int y = 0; y < 14; y++)
        for (int x = 0; x < 10; x++) assert_int_equal(is_red(&image, 3 + x, 4 + y), glyph[y / 2] >> (4 - x / 2) & 1);
    assert_int_equal(rf_draw_text_width("0.99", 2), 46);
    assert_int_equal(rf_draw_text_width("", 2), 0);
    assert_ptr_equal(rf_font_glyph('a'), rf_font_glyph('A'));
    assert_ptr_equal(rf_font_glyph('\x80'), rf_font_glyph('?'));
    assert_ptr_not_equal(rf_font_glyph(' '), rf_font_glyph('?'));
    static const char own[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-%/?";
    for (size_t i = 0; own[i]; i++) /* all different */
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(rf_font_glyph(own[i]), rf_font_glyph(own[k]), RF_FONT_HEIGHT);
    rf_image_free(&image);
}

static void drawing_outside_is_harmless(void **state) {
    (void)state;
    rf_image image = new_image(8, 8);
    static const float wild[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, -100, 100, 1e6f};
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 8; k++) {
            rf_draw_line(&image, wild[i], wild[k], 4, wild[i], 3, red);
            rf_draw_rectangle(&image, (float[]){wild[i], wild[k], wild[k], wild[i]}, 2, red);
            rf_draw_filled(&image, (float[]){wild[i], wild[k], wild[i], 3}, red);
            rf_draw_disc(&image, wild[i], wild[k], 3, red);
            rf_draw_text(&image, wild[i], wild[k], "a?", 3, red);
        }
    }
    clear(&image);
    rf_draw_disc(&image, 4, 4, NAN, red);
    rf_draw_disc(&image, 100, 100, 5, red);
    rf_draw_line(&image, 20, -5, 20, 50, 1, red);
    assert_int_equal(count_red(&image), 0);
    assert_int_equal(rf_draw_thickness(&image), 1);
    rf_image large = {.width = 1024, .height = 2000};
    assert_int_equal(rf_draw_thickness(&large), 5);
    rf_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_equals_its_definition),
        cmocka_unit_test(resize_identity_and_threads),
        cmocka_unit_test(hsv_equals_the_textbook),
        cmocka_unit_test(brightness_and_contrast_in_a_rectangle),
        cmocka_unit_test(normalise_in_channel_order),
        cmocka_unit_test(draw_shapes),
        cmocka_unit_test(draw_text),
        cmocka_unit_test(drawing_outside_is_harmless),
    };
    return cmocka_run_group_tests_name("pixels", tests, NULL, NULL);
}
