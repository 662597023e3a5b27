/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution kernels of every instruction set against a naive loop in double precision, and one thread against two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/winograd.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "tests/conv_problem.h"

static void check(rf_conv_dims d, uint32_t seed) {
    problem p;
    make_problem(&p, d, seed);
    for (int isa = 0; isa < RF_ISA_COUNT; isa++) {
        if (!rf_isa_supported((rf_isa)isa)) continue;
        assert_int_equal(rf_isa_select(rf_isa_text((rf_isa)isa)), RF_OK);
        for (int array = Y; array < ARRAYS; array++) compare_problem(&p, array, false);
    }
    free_problem(&p);
}

static rf_conv_dims random_dims(uint32_t seed) {
    static const int kernels[][2] = {{1, 1}, {2, 2}, {3, 3}, {5, 5}, {7, 7}, {1, 5}, {5, 1}};
    rf_rng rng = rf_rng_make(2, seed, 0, RF_STREAM_TEST);
    const int *kernel = kernels[rf_rng_below(&rng, 7)];
    rf_conv_dims d = {.n = 1 + (int)rf_rng_below(&rng, 2), .kh = kernel[0], .kw = kernel[1], .groups = 1};
    d.h = 1 + (int)rf_rng_below(&rng, 9);
    d.w = 1 + (int)rf_rng_below(&rng, 17);
    d.stride_h = 1 + (int)rf_rng_below(&rng, 3);
    d.stride_w = seed % 4 ? d.stride_h : 1 + (int)rf_rng_below(&rng, 3);
    d.pad_h = (int)rf_rng_below(&rng, 4);
    d.pad_w = seed % 3 ? d.pad_h : (int)rf_rng_below(&rng, 4);
    while (d.h + 2 * d.pad_h < d.kh) d.h++;
    while (d.w + 2 * d.pad_w < d.kw) d.w++;
    d.c = 1 + (int)rf_rng_below(&rng, 70);
    d.oc = 1 + (int)rf_rng_below(&rng, 70);
    if (seed % 6 == 5) {
        d.groups = 1 + (int)rf_rng_below(&rng, 4);
        d.c = d.groups * (1 + d.c / 5);
        d.oc = d.groups * (1 + d.oc / 5);
    }
    return d;
}

static void random_shapes(void **state) {
    (void)state;
    for (uint32_t seed = 0; seed < 160; seed++) check(random_dims(seed), seed);
}

/* Every 3x3 shape, also those for which the library prefers direct sums. */
static void winograd_equals_naive(void **state) {
    (void)state;
    for (uint32_t seed = 0; seed < 60; seed++) {
        rf_conv_dims d = random_dims(seed);
        d.kh = d.kw = 3;
        d.stride_h = d.stride_w = d.groups = 1;
        d.pad_h %= 3;
        d.pad_w %= 3;
        d.h += 2;
        d.w += 2;
        problem p;
        make_problem(&p, d, seed);
        for (int isa = 0; isa < RF_ISA_COUNT; isa++) {
            if (!rf_isa_supported((rf_isa)isa)) continue;
            assert_int_equal(rf_isa_select(rf_isa_text((rf_isa)isa)), RF_OK);
            for (int array = Y; array <= DW; array++) compare_problem(&p, array, true);
        }
        free_problem(&p);
    }
}

/* Shapes of the models' kind, each for a way through the drivers that small shapes do not take. */
static const rf_conv_dims large[] = {
    {.n = 1,
     .h = 5,
     .w = 5,
     .c = 520,
     .kh = 3,
     .kw = 3,
     .stride_h = 1,
     .stride_w = 1,
     .pad_h = 1,
     .pad_w = 1,
     .groups = 1,
     .oc = 80},
    {.n = 2,
     .h = 3,
     .w = 300,
     .c = 24,
     .kh = 3,
     .kw = 3,
     .stride_h = 1,
     .stride_w = 1,
     .pad_h = 1,
     .pad_w = 1,
     .groups = 1,
     .oc = 20},
    {.n = 2,
     .h = 70,
     .w = 61,
     .c = 3,
     .kh = 3,
     .kw = 3,
     .stride_h = 2,
     .stride_w = 2,
     .pad_h = 1,
     .pad_w = 1,
     .groups = 1,
     .oc = 8},
    {.n = 1,
     .h = 61,
     .w = 70,
     .c = 3,
     .kh = 7,
     .kw = 7,
     .stride_h = 2,
     .stride_w = 2,
     .pad_h = 3,
     .pad_w = 3,
     .groups = 1,
     .oc = 64},
    {.n = 2, .h = 40, .w = 40, .c = 40, .kh = 1, .kw = 1, .stride_h = 1, .stride_w = 1, .groups = 1, .oc = 33},
    {.n = 2, .h = 9, .w = 9, .c = 200, .kh = 1, .kw = 1, .stride_h = 2, .stride_w = 2, .groups = 1, .oc = 330},
    {.n = 1,
     .h = 10,
     .w = 10,
     .c = 7,
     .kh = 3,
     .kw = 3,
     .stride_h = 1,
     .stride_w = 1,
     .pad_h = 1,
     .pad_w = 1,
     .groups = 7,
     .oc = 7},
    {.n = 2,
     .h = 43,
     .w = 38,
     .c = 70,
     .kh = 3,
     .kw = 3,
     .stride_h = 1,
     .stride_w = 1,
     .pad_h = 1,
     .pad_w = 1,
     .groups = 1,
     .oc = 37},
};
enum { LARGE = sizeof large / sizeof large[0] };

static void large_shapes(void **state) {
    (void)state;
    for (uint32_t i = 0; i < LARGE; i++) check(large[i], i);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    for (uint32_t i = 0; i < LARGE; i++) {
        problem p;
        make_problem(&p, large[i], i);
        for (int isa = 0; isa < RF_ISA_COUNT; isa++) {
            if (!rf_isa_supported((rf_isa)isa)) continue;
            assert_int_equal(rf_isa_select(rf_isa_text((rf_isa)isa)), RF_OK);
            for (int array = Y; array < ARRAYS; array++) {
                rf_set_threads(1);
                rf_real *one = run_problem(&p, array, false);
                rf_set_threads(2);
                rf_real *two = run_problem(&p, array, false);
                rf_set_threads(5);
                rf_real *five = run_problem(&p, array, false);
                assert_memory_equal(one, two, p.count[array] * sizeof *one);
                assert_memory_equal(one, five, p.count[array] * sizeof *one);
                rf_free(one);
                rf_free(two);
                rf_free(five);
            }
        }
        free_problem(&p);
    }
    rf_set_threads(0);
}

static void no_allocation(void **state) {
    (void)state;
    problem p;
    make_problem(&p, large[2], 0);
    for (int array = Y; array < ARRAYS; array++) {
        uint64_t before = rf_alloc_count();
        rf_real *out = run_problem(&p, array, false);
        assert_int_equal(rf_alloc_count() - before, 2); /* the test's own: scratch and output */
        rf_free(out);
    }
    free_problem(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes), cmocka_unit_test(winograd_equals_naive),
        cmocka_unit_test(large_shapes),  cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
