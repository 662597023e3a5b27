/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned faces: known similarities come back, the least squares are least, pixels against a naive loop. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/rng.h"
#include "data/align.h"

static void move(const rf_similarity *s, const float *from, float *to, int n) {
    for (int i = 0; i < n; i++) {
        double x = (double)from[2 * i], y = (double)from[2 * i + 1];
        to[2 * i] = (float)(s->a * x - s->b * y + s->x0);
        to[2 * i + 1] = (float)(s->b * x + s->a * y + s->y0);
    }
}

static double error_of(const rf_similarity *s, const float *from, const float *to) {
    float moved[10];
    double sum = 0;
    move(s, from, moved, 5);
    for (int i = 0; i < 10; i++) sum += ((double)moved[i] - (double)to[i]) * ((double)moved[i] - (double)to[i]);
    return sum;
}

static void test_known_similarity(void **state) {
    (void)state;
    const rf_similarity known = {.a = 1.5 * cos(0.4), .b = 1.5 * sin(0.4), .x0 = 31, .y0 = -7};
    float to[10];
    rf_similarity got;
    move(&known, rf_align_template, to, 5);
    assert_int_equal(rf_similarity_fit(rf_align_template, to, 5, &got), RF_OK);
    assert_true(fabs(got.a - known.a) < 1e-5 && fabs(got.b - known.b) < 1e-5);
    assert_true(fabs(got.x0 - known.x0) < 1e-3 && fabs(got.y0 - known.y0) < 1e-3);
}

/* Points that no similarity maps onto the template, mirrored ones among them: any change makes the fit worse. */
static void test_least_squares(void **state) {
    (void)state;
    const float face[10] = {212, 301, 262, 288, 244, 330, 228, 352, 271, 341};
    const float mirrored[10] = {262, 288, 212, 301, 244, 330, 271, 341, 228, 352};
    for (int which = 0; which < 2; which++) {
        const float *from = which ? mirrored : face;
        rf_similarity got;
        assert_int_equal(rf_similarity_fit(from, rf_align_template, 5, &got), RF_OK);
        double least = error_of(&got, from, rf_align_template);
        for (int k = 0; k < 8; k++) {
            rf_similarity other = got;
            double step = k % 2 ? 1e-2 : -1e-2;
            *(double *[]){&other.a, &other.b, &other.x0, &other.y0}[k / 2] += k / 2 < 2 ? step : 10 * step;
            assert_true(error_of(&other, from, rf_align_template) > least);
        }
    }
}

static int naive(const rf_image *in, double x, double y, int c) {
    double sum = 0;
    for (int v = (int)floor(y); v <= (int)floor(y) + 1; v++)
        for (int u = (int)floor(x); u <= (int)floor(x) + 1; u++)
            if (u >= 0 && v >= 0 && u < in->width && v < in->height)
                sum += (1 - fabs(x - u)) * (1 - fabs(y - v)) * in->pixels[((size_t)v * in->width + u) * 3 + c];
    return (int)lround(sum);
}

static void test_pixels(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(7, 0, 1, RF_STREAM_TEST);
    rf_image image = {0}, out = {0};
    const float points[10] = {20, 22, 61, 9, 47, 40, 33, 61, 70, 50}; /* reaches over the border */
    rf_similarity by;
    assert_int_equal(rf_image_alloc(&image, 90, 70), RF_OK);
    for (int i = 0; i < 90 * 70 * 3; i++) image.pixels[i] = (uint8_t)rf_rng_below(&rng, 256);
    assert_int_equal(rf_image_align(&image, points, 112, &out), RF_OK);
    assert_int_equal(out.width, 112);
    assert_int_equal(out.height, 112);
    assert_int_equal(rf_similarity_fit(points, rf_align_template, 5, &by), RF_OK);
    int black = 0, lit = 0;
    for (int y = 0; y < 112; y++)
        for (int x = 0; x < 112; x++)
            for (int c = 0; c < 3; c++) {
                double s = by.a * by.a + by.b * by.b, dx = x - by.x0, dy = y - by.y0;
                int want = naive(&image, (by.a * dx + by.b * dy) / s, (by.a * dy - by.b * dx) / s, c);
                int got = out.pixels[(y * 112 + x) * 3 + c];
                assert_true(abs(want - got) <= 1);
                black += got == 0;
                lit += got > 0;
            }
    assert_true(black > 100 && lit > 1000);
    rf_image_free(&image);
    rf_image_free(&out);
}

static void test_mistakes(void **state) {
    (void)state;
    rf_image image = {0}, out = {0};
    const float one[10] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
    const float nan[10] = {5, NAN, 6, 5, 5, 5, 5, 5, 5, 5};
    assert_int_equal(rf_image_alloc(&image, 16, 16), RF_OK);
    assert_int_equal(rf_image_align(&image, one, 112, &out), RF_ERR_USER);
    assert_int_equal(rf_image_align(&image, nan, 112, &out), RF_ERR_USER);
    assert_int_equal(rf_image_align(&image, rf_align_template, 0, &out), RF_ERR_USER);
    assert_int_equal(rf_image_align(&image, rf_align_template, 1 << 20, &out), RF_ERR_USER);
    assert_null(out.pixels);
    rf_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_similarity), cmocka_unit_test(test_least_squares),
                                       cmocka_unit_test(test_pixels), cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
