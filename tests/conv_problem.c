/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/conv_problem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/kernels/cpu.h"
#include "autograd/kernels/winograd.h"
#include "core/mem.h"
#include "core/rng.h"

enum { GUARD = 64 };

static const rf_conv_pass passes[ARRAYS] = {
    [Y] = RF_CONV_FORWARD, [DX] = RF_CONV_BACKWARD_DATA, [DW] = RF_CONV_BACKWARD_WEIGHTS, [DB] = RF_CONV_BACKWARD_BIAS};

static rf_real *random_array(size_t count, rf_rng *rng) {
    rf_real *a = rf_alloc(count, sizeof *a);
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

void make_problem(problem *p, rf_conv_dims d, uint32_t seed) {
    rf_rng rng = rf_rng_make(1, seed, 0, RF_STREAM_TEST);
    d.oh = (d.h + 2 * d.pad_h - d.kh) / d.stride_h + 1;
    d.ow = (d.w + 2 * d.pad_w - d.kw) / d.stride_w + 1;
    *p = (problem){.d = d, .add = seed % 2, .bias = seed % 3 == 0, .residual = seed % 5 == 0, .act = seed % 7 < 3};
    p->slope = seed % 2 ? (rf_real)0.1 : 0;
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

void free_problem(problem *p) {
    for (int a = 0; a < ARRAYS; a++) {
        rf_free(p->in[a]);
        rf_free(p->start[a]);
        rf_free(p->sum[a]);
        rf_free(p->magnitude[a]);
    }
}

/* Scratch full of NaN, with a guard behind the bytes that the kernels asked for. */
static unsigned char *make_work(const rf_conv_dims *d, rf_conv_pass pass, bool winograd, size_t *bytes) {
    *bytes =
        winograd ? rf_winograd_workspace(d, pass, rf_conv_kernels_current(), false) : rf_conv_workspace(d, pass, false);
    unsigned char *work = rf_alloc(*bytes + GUARD, 1);
    assert_non_null(work);
    memset(work, 0xff, *bytes + GUARD);
    return work;
}

rf_real *run_problem(const problem *p, int array, bool winograd) {
    size_t bytes;
    unsigned char *work = make_work(&p->d, passes[array], winograd, &bytes);
    rf_real *out = rf_alloc(p->count[array], sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < p->count[array]; i++) out[i] = p->add && array != Y ? p->start[array][i] : NAN;
    rf_conv_epilogue e = {.bias = p->bias ? p->start[DB] : NULL,
                          .residual = p->residual ? p->start[Y] : NULL,
                          .act = p->act,
                          .slope = p->slope};
    bool none = !p->bias && !p->residual && !p->act;
    if (array == Y)
        (winograd ? rf_winograd_forward : rf_conv_forward)(&p->d, p->in[X], p->in[W], none ? NULL : &e, out, NULL,
                                                           work);
    if (array == DX)
        (winograd ? rf_winograd_backward_data : rf_conv_backward_data)(&p->d, p->in[Y], p->in[W], out, p->add, NULL,
                                                                       work);
    if (array == DW)
        (winograd ? rf_winograd_backward_weights : rf_conv_backward_weights)(&p->d, p->in[X], p->in[Y], out, p->add,
                                                                             NULL, work);
    if (array == DB) rf_conv_backward_bias(&p->d, p->in[Y], out, p->add, work);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(work[bytes + i], 0xff);
    rf_free(work);
    return out;
}

void compare_problem(const problem *p, int array, bool winograd) {
    static const char *const names[ARRAYS] = {"x", "w", "y", "dx", "dw", "db"};
    rf_real *out = run_problem(p, array, winograd);
    bool mixed = array != DB && (winograd || rf_winograd_pays(&p->d, passes[array]));
    double unit = FLT_EPSILON * (2 + sqrt((double)p->terms[array])), largest = 0;
    for (size_t i = 0; i < p->count[array]; i++) largest = fmax(largest, p->magnitude[array][i]);
    for (size_t i = 0; i < p->count[array]; i++) {
        double error = fabs(out[i] - p->sum[array][i]);
        if (error <= unit * (mixed ? 2 * largest : p->magnitude[array][i]) + 1e-30) continue;
        const rf_conv_dims *d = &p->d;
        fail_msg("%s: %s[%zu] = %g, expected %g (n%d %dx%dx%d k%dx%d s%dx%d p%dx%d g%d -> %d, add %d)",
                 rf_isa_text(rf_isa_current()), names[array], i, out[i], p->sum[array][i], d->n, d->h, d->w, d->c,
                 d->kh, d->kw, d->stride_h, d->stride_w, d->pad_h, d->pad_w, d->groups, d->oc, p->add);
    }
    rf_free(out);
}
