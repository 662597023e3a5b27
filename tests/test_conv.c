/* Convolution kernels of every instruction set against a naive loop in double precision, and one thread against two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/kernels/conv.h"
#include "autograd/kernels/cpu.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"

enum { X, W, Y, DX, DW, DB, ARRAYS, GUARD = 64 };

/* The arrays of a convolution, as inputs (X, W, Y = dy), with the naive results and the sums of |terms| for each
 * output. */
typedef struct problem {
    rf_conv_dims d;
    bool add, bias, residual, act;
    float slope;
    size_t count[ARRAYS];
    float *in[ARRAYS], *start[ARRAYS]; /* start: what the outputs hold before, for add; for Y the residual */
    double *sum[ARRAYS], *magnitude[ARRAYS];
    size_t terms[ARRAYS];
} problem;

static float *random_array(size_t count, rf_rng *rng) {
    float *a = rf_alloc(count, sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < count; i++) a[i] = rf_rng_range(rng, -1, 1);
    return a;
}

static void accumulate(problem *p, int array, size_t i, double value) {
    p->sum[array][i] += value;
    p->magnitude[array][i] += fabs(value);
}

static void naive_tap(problem *p, size_t x, size_t w, size_t y) {
    int ci = p->d.c / p->d.groups, co = p->d.oc / p->d.groups;
    for (int g = 0; g < p->d.groups; g++)
        for (int i = 0; i < ci; i++)
            for (int o = 0; o < co; o++) {
                size_t ix = x + (size_t)(g * ci + i), iw = w + (size_t)i * p->d.oc + g * co + o,
                       iy = y + (size_t)(g * co + o);
                accumulate(p, Y, iy, (double)p->in[X][ix] * p->in[W][iw]);
                accumulate(p, DX, ix, (double)p->in[Y][iy] * p->in[W][iw]);
                accumulate(p, DW, iw, (double)p->in[X][ix] * p->in[Y][iy]);
            }
}

static void naive(problem *p) {
    const rf_conv_dims *d = &p->d;
    for (int n = 0; n < d->n; n++)
        for (int oy = 0; oy < d->oh; oy++)
            for (int ox = 0; ox < d->ow; ox++) {
                size_t y = (((size_t)n * d->oh + oy) * d->ow + ox) * d->oc;
                for (int o = 0; o < d->oc; o++) accumulate(p, DB, (size_t)o, p->in[Y][y + o]);
                for (int t = 0; t < d->kh * d->kw; t++) {
                    int iy = oy * d->stride_h - d->pad_h + t / d->kw, ix = ox * d->stride_w - d->pad_w + t % d->kw;
                    if (iy < 0 || iy >= d->h || ix < 0 || ix >= d->w) continue;
                    naive_tap(p, (((size_t)n * d->h + iy) * d->w + ix) * d->c, (size_t)t * (d->c / d->groups) * d->oc,
                              y);
                }
            }
}

/* Naive epilogue and `add` on top of the sums; DB's start is the bias. */
static void naive_finish(problem *p) {
    for (int a = Y; a < ARRAYS; a++)
        for (size_t i = 0; i < p->count[a]; i++) {
            if (a == Y && p->bias) accumulate(p, Y, i, p->start[DB][i % p->d.oc]);
            if (a == Y ? p->residual : p->add) accumulate(p, a, i, p->start[a][i]);
            if (a == Y && p->act && p->sum[Y][i] < 0) p->sum[Y][i] *= p->slope;
        }
}

static void make_problem(problem *p, rf_conv_dims d, uint32_t seed) {
    rf_rng rng = rf_rng_make(1, seed, 0, RF_STREAM_TEST);
    d.oh = (d.h + 2 * d.pad_h - d.kh) / d.stride_h + 1;
    d.ow = (d.w + 2 * d.pad_w - d.kw) / d.stride_w + 1;
    *p = (problem){.d = d, .add = seed % 2, .bias = seed % 3 == 0, .residual = seed % 5 == 0, .act = seed % 7 < 3};
    p->slope = seed % 2 ? 0.1f : 0;
    size_t pixels = (size_t)d.n * d.oh * d.ow, taps = (size_t)d.kh * d.kw;
    p->count[X] = p->count[DX] = (size_t)d.n * d.h * d.w * d.c;
    p->count[W] = p->count[DW] = taps * (d.c / d.groups) * d.oc;
    p->count[Y] = pixels * d.oc;
    p->count[DB] = (size_t)d.oc;
    p->terms[Y] = taps * (d.c / d.groups);
    p->terms[DX] = taps * (d.oc / d.groups);
    p->terms[DW] = p->terms[DB] = pixels;
    for (int a = 0; a < ARRAYS; a++) {
        if (a <= Y) p->in[a] = random_array(p->count[a], &rng);
        if (a < Y) continue;
        p->start[a] = random_array(p->count[a], &rng);
        p->sum[a] = rf_alloc(p->count[a], sizeof(double));
        p->magnitude[a] = rf_alloc(p->count[a], sizeof(double));
        assert_true(p->sum[a] && p->magnitude[a]);
    }
    naive(p);
    naive_finish(p);
}

static void free_problem(problem *p) {
    for (int a = 0; a < ARRAYS; a++) {
        rf_free(p->in[a]);
        rf_free(p->start[a]);
        rf_free(p->sum[a]);
        rf_free(p->magnitude[a]);
    }
}

/* Scratch full of NaN, with a guard behind the bytes that the kernels asked for. */
static unsigned char *make_work(const rf_conv_dims *d, rf_conv_pass pass, size_t *bytes) {
    *bytes = rf_conv_workspace(d, pass);
    unsigned char *work = rf_alloc(*bytes + GUARD, 1);
    assert_non_null(work);
    memset(work, 0xff, *bytes + GUARD);
    return work;
}

/* Runs a pass into a new array: NaN before, or the start values when the pass adds. */
static float *run(const problem *p, int array) {
    static const rf_conv_pass passes[ARRAYS] = {[Y] = RF_CONV_FORWARD,
                                                [DX] = RF_CONV_BACKWARD_DATA,
                                                [DW] = RF_CONV_BACKWARD_WEIGHTS,
                                                [DB] = RF_CONV_BACKWARD_BIAS};
    size_t bytes;
    unsigned char *work = make_work(&p->d, passes[array], &bytes);
    float *out = rf_alloc(p->count[array], sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < p->count[array]; i++) out[i] = p->add && array != Y ? p->start[array][i] : NAN;
    rf_conv_epilogue e = {.bias = p->bias ? p->start[DB] : NULL,
                          .residual = p->residual ? p->start[Y] : NULL,
                          .act = p->act,
                          .slope = p->slope};
    bool none = !p->bias && !p->residual && !p->act;
    if (array == Y) rf_conv_forward(&p->d, p->in[X], p->in[W], none ? NULL : &e, out, work);
    if (array == DX) rf_conv_backward_data(&p->d, p->in[Y], p->in[W], out, p->add, work);
    if (array == DW) rf_conv_backward_weights(&p->d, p->in[X], p->in[Y], out, p->add, work);
    if (array == DB) rf_conv_backward_bias(&p->d, p->in[Y], out, p->add, work);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(work[bytes + i], 0xff);
    rf_free(work);
    return out;
}

static void compare(const problem *p, int array) {
    static const char *const names[ARRAYS] = {"x", "w", "y", "dx", "dw", "db"};
    float *out = run(p, array);
    double unit = FLT_EPSILON * (2 + sqrt((double)p->terms[array]));
    for (size_t i = 0; i < p->count[array]; i++) {
        double error = fabs(out[i] - p->sum[array][i]);
        if (error <= unit * p->magnitude[array][i] + 1e-30) continue;
        const rf_conv_dims *d = &p->d;
        fail_msg("%s: %s[%zu] = %g, expected %g (n%d %dx%dx%d k%dx%d s%dx%d p%dx%d g%d -> %d, add %d)",
                 rf_isa_text(rf_isa_current()), names[array], i, out[i], p->sum[array][i], d->n, d->h, d->w, d->c,
                 d->kh, d->kw, d->stride_h, d->stride_w, d->pad_h, d->pad_w, d->groups, d->oc, p->add);
    }
    rf_free(out);
}

static void check(rf_conv_dims d, uint32_t seed) {
    problem p;
    make_problem(&p, d, seed);
    for (int isa = 0; isa < RF_ISA_COUNT; isa++) {
        if (!rf_isa_supported((rf_isa)isa)) continue;
        assert_int_equal(rf_isa_select(rf_isa_text((rf_isa)isa)), RF_OK);
        for (int array = Y; array < ARRAYS; array++) compare(&p, array);
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
                float *one = run(&p, array);
                rf_set_threads(2);
                float *two = run(&p, array);
                rf_set_threads(5);
                float *five = run(&p, array);
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
        float *out = run(&p, array);
        assert_int_equal(rf_alloc_count() - before, 2); /* the test's own: scratch and output */
        rf_free(out);
    }
    free_problem(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes),
        cmocka_unit_test(large_shapes),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
