/* SPDX-License-Identifier: Apache-2.0 */
/* Masks: what OpenCV draws, by its published pixel counts, by hand and by counting. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rng.h"
#include "eval/mask.h"

static bool has_pixel(const rf_mask *m, int x, int y) {
    if (y < m->top || y >= m->top + m->n_rows) return false;
    if (!m->rows) return x >= m->first && x < m->end;
    const rf_mask_row *row = &m->rows[y - m->top];
    for (int k = 0; k < row->n; k++)
        if (x >= row->run[k][0] && x < row->run[k][1]) return true;
    return false;
}

static double naive_mask_iou(const rf_mask *a, const rf_mask *b) {
    int both = 0, either = 0;
    for (int y = -120; y < 240; y++)
        for (int x = -120; x < 240; x++) {
            bool p = has_pixel(a, x, y), q = has_pixel(b, x, y);
            both += p && q;
            either += p || q;
        }
    return either ? (double)both / either : 0;
}

/* Of detections in the pictures of FDDB, as OpenCV draws them there: pixels of the ellipse, of the box and of both. */
static const struct {
    int width, height;
    rf_ellipse ellipse;
    double box[4]; /* x y w h */
    long pixels[3];
} drawn[] = {
    {450,
     337,
     {11.805457, 7.781342, -1.414298, 440.690997, 126.734793},
     {431.285645, 115.730225, 17.86853, 22.134125},
     {269, 437, 269}},
    {337,
     450,
     {10.256809, 6.819066, 1.43117, 156.305447, 273.715953},
     {149.46225, 266.229309, 14.164825, 17.85321},
     {214, 304, 204}},
    {450,
     447,
     {10.449805, 7.956468, -1.554861, 199.777778, 162.451612},
     {190.87323, 154.142441, 14.888367, 18.126678},
     {246, 304, 227}},
    {450,
     353,
     {28.572957, 16.886187, 1.539834, 403.343384, 13.789883},
     {385.541077, -2.825183, 36.882935, 43.751575},
     {1200, 1554, 1194}},
    {450,
     355,
     {27.062851, 17.0, 1.249746, 87.475884, 16.610932},
     {69.242813, -0.659668, 29.513062, 42.839027},
     {1336, 1333, 1167}},
    {409,
     321,
     {31.5449, 24.3863, 1.370316, 113.811858, 9.0561},
     {85.931534, -18.503391, 52.826859, 59.077335},
     {1670, 2268, 1670}},
    {410,
     273,
     {33.0, 28.0, 1.175303, 327.722276, 71.038272},
     {316.726105, 53.873291, 35.112091, 41.575554},
     {2996, 1512, 1505}},
    {319,
     450,
     {31.552751, 22.702435, 1.450286, 4.083591, 179.111455},
     {1.091317, 151.529037, 41.599354, 55.749268},
     {1393, 2408, 1264}},
    {361,
     450,
     {87.0012, 60.1694, 1.011195, 121.1682, 130.6886},
     {72.540054, 106.592735, 96.990555, 111.886421},
     {16585, 10976, 9219}},
};

static const struct {
    int width, height;
    rf_ellipse ellipse;
    long pixels;
} filled[] = {
    {450, 431, {123.5833, 85.5495, 1.265839, 269.6934, 161.7812}, 33132},
    {450, 302, {77.3413, 56.1721, -1.553343, 116.0924, 125.0938}, 13735},
    {294, 450, {62.808284, 33.760976, 1.5516, 281.396804, 211.798861}, 4807},
    {323, 450, {93.369384, 71.060605, 1.498698, 105.403777, 123.164502}, 20967},
    {355, 450, {149.976953, 112.0, -1.348623, 163.287798, 257.266118}, 52740},
    {378, 450, {55.31414, 36.455977, 1.457041, 119.1197, 129.6251}, 6355},
    {294, 450, {107.0865, 71.5094, 1.429879, 142.864833, 149.7083}, 24128},
    {450, 355, {80.071887, 55.263165, -1.552706, 219.033477, 113.6366}, 14021},
    {382, 450, {90.7302, 60.0, -1.535787, 241.363134, 134.2713}, 17175},
    {450, 355, {102.49329, 62.800609, -1.463763, 220.952858, 181.968165}, 20098},
    {450, 315, {37.4902, 24.6859, 1.44948, 108.8624, 52.6951}, 2879},
};

static void masks_are_opencvs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        const double *d = drawn[i].box;
        const float box[4] = {(float)d[0], (float)d[1], (float)(d[0] + d[2]), (float)(d[1] + d[3])};
        rf_mask e, b = rf_mask_of_box(box, drawn[i].width, drawn[i].height);
        assert_int_equal(rf_mask_of_ellipse(&drawn[i].ellipse, drawn[i].width, drawn[i].height, &e), RF_OK);
        assert_int_equal(rf_mask_area(&e), drawn[i].pixels[0]);
        assert_int_equal(rf_mask_area(&b), drawn[i].pixels[1]);
        assert_int_equal(rf_mask_shared(&e, &b), drawn[i].pixels[2]);
        rf_mask_free(&e);
    }
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        rf_mask e;
        assert_int_equal(rf_mask_of_ellipse(&filled[i].ellipse, filled[i].width, filled[i].height, &e), RF_OK);
        assert_int_equal(rf_mask_area(&e), filled[i].pixels);
        rf_mask_free(&e);
    }
}

/* The angle goes from the x axis towards the y axis, which points down: radii 10 and 2 at 45 degrees reach to the lower
 * right and to the upper left. A sliver has all its pixels near the line. */
static void angles_turn_towards_y(void **state) {
    (void)state;
    rf_mask m;
    assert_int_equal(rf_mask_of_ellipse(&(rf_ellipse){10, 2, M_PI / 4, 50, 50}, 0, 0, &m), RF_OK);
    assert_true(has_pixel(&m, 57, 57) && has_pixel(&m, 43, 43) && !has_pixel(&m, 57, 43) && !has_pixel(&m, 43, 57));
    rf_mask_free(&m);
}

static void masks_by_hand(void **state) {
    (void)state;
    /* corners rounded, halves to even, both included: 0..10 has 11 pixels */
    const float whole[4] = {0, 0, 10, 10}, half[4] = {5, 0, 15, 10}, odd[4] = {0.5f, 1.5f, 2.5f, 2.4f};
    rf_mask a = rf_mask_of_box(whole, 0, 0), b = rf_mask_of_box(half, 0, 0), m;
    assert_int_equal(rf_mask_area(&a), 121);
    assert_float_equal(rf_mask_iou(&a, &b), 66.0 / (2 * 121 - 66), 1e-12);
    a = rf_mask_of_box(whole, 10, 10); /* pixels 0..9 */
    assert_int_equal(rf_mask_area(&a), 100);
    a = rf_mask_of_box(odd, 0, 0);
    assert_int_equal(rf_mask_area(&a), 3); /* x 0..2, y 2..2 */
    const float turned[4] = {10, 10, 0, 0}, beside[4] = {20, 0, 30, 5}, endless[4] = {-1e30f, -1e30f, 1e30f, 1e30f};
    a = rf_mask_of_box(turned, 0, 0); /* what OpenCV makes of a negative width and height */
    assert_int_equal(rf_mask_area(&a), 121);
    a = rf_mask_of_box(beside, 10, 10);
    assert_int_equal(rf_mask_area(&a), 0);
    a = rf_mask_of_box(endless, 640, 480);
    assert_int_equal(rf_mask_area(&a), 640 * 480);
    assert_int_equal(rf_mask_of_ellipse(&(rf_ellipse){50, 50, 0, 100, 100}, 0, 0, &m), RF_OK);
    assert_float_equal((double)rf_mask_area(&m) / (M_PI * 50.5 * 50.5), 1, 4e-3); /* the outline adds half a pixel */
    rf_mask_free(&m);
    /* the degenerate one of FDDB, one without radii, one that is nowhere, one larger than any picture */
    static const struct {
        rf_ellipse e;
        long pixels;
    } odd_ones[] = {{{1, 1, 0, 0, 0}, 3},
                    {{0, 0, 0, 5, 5}, 1},
                    {{5, 5, 0, -100, -100}, 0},
                    {{5, 5, NAN, 700, 10}, 0},
                    {{1e9, 1e9, 0.3, 320, 240}, 640 * 480}};
    for (size_t i = 0; i < sizeof odd_ones / sizeof *odd_ones; i++) {
        assert_int_equal(rf_mask_of_ellipse(&odd_ones[i].e, 640, 480, &m), RF_OK);
        assert_int_equal(rf_mask_area(&m), odd_ones[i].pixels);
        rf_mask_free(&m);
    }
}

static rf_mask random_mask(rf_rng *rng, int width, int height) {
    rf_mask mask;
    float x = rf_rng_range(rng, -20, 100), y = rf_rng_range(rng, -20, 100);
    if (rf_rng_below(rng, 2)) {
        const float box[4] = {x, y, x + rf_rng_range(rng, -5, 60), y + rf_rng_range(rng, -5, 60)};
        return rf_mask_of_box(box, width, height);
    }
    const rf_ellipse e = {(double)rf_rng_range(rng, 0, 40), (double)rf_rng_range(rng, 0, 40),
                          (double)rf_rng_range(rng, -4, 4), (double)x, (double)y};
    assert_int_equal(rf_mask_of_ellipse(&e, width, height, &mask), RF_OK);
    return mask;
}

/* Areas and overlaps against counting pixels; rows are separate runs in order; nothing lies outside of the picture. */
static void masks_equal_counting(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 200; i++) {
        int width = i % 3 ? 0 : 90, height = i % 3 ? 0 : 70;
        rf_mask a = random_mask(&rng, width, height), b = random_mask(&rng, width, height);
        assert_float_equal(rf_mask_iou(&a, &b), naive_mask_iou(&a, &b), 1e-12);
        for (int y = 0; a.rows && y < a.n_rows; y++) {
            const rf_mask_row *row = &a.rows[y];
            for (int k = 0; k < row->n; k++) {
                assert_true(row->run[k][0] < row->run[k][1] && (k == 0 || row->run[k - 1][1] < row->run[k][0]));
                if (width) assert_true(row->run[k][0] >= 0 && row->run[k][1] <= width && a.top >= 0);
            }
        }
        rf_mask_free(&a);
        rf_mask_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks_are_opencvs), cmocka_unit_test(masks_by_hand),
                                       cmocka_unit_test(masks_equal_counting), cmocka_unit_test(angles_turn_towards_y)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
