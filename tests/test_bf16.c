/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 products: factors that are bf16 numbers already give what single precision gives; others are rounded to nearest,
 * ties to even. Training in bf16 follows training in single precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/graph_internal.h"
#include "autograd/kernels/bf16.h"
#include "autograd/kernels/conv.h"
#include "autograd/kernels/cpu.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "layers/init.h"
#include "tests/slow.h"
#include "train/train_graph.h"

static bool have_bf16(void) {
    if (rf_bf16_supported()) return true;
    printf("skip: this processor has no AVX512-BF16\n");
    return false;
}

/* The bf16 number nearest to v, by way of its bits; ties to even. */
static float rounded(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1);
    bits &= 0xffff0000u;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float widened(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float *draw(size_t count, uint64_t which, bool round) {
    rf_rng rng = rf_rng_make(31, 0, which, RF_STREAM_TEST);
    float *out = rf_alloc(count, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        float v = (float)rf_rng_normal(&rng);
        out[i] = round ? rounded(v) : v;
    }
    return out;
}

static void rows_and_pairs_round_to_nearest(void **state) {
    (void)state;
    if (!have_bf16()) return;
    enum { N = 37, ROWS = 3, PITCH = 96 };
    float *x = draw(ROWS * N, 1, false);
    const uint32_t tie = 0x3f808000, tie_up = 0x3f818000; /* halfway between two bf16 numbers */
    memcpy(&x[0], &tie, sizeof tie);
    memcpy(&x[1], &tie_up, sizeof tie_up);
    uint16_t rows[ROWS * PITCH], pairs[2 * PITCH];
    memset(rows, 0xff, sizeof rows);
    memset(pairs, 0xff, sizeof pairs);
    rf_bf16_rows(x, N, ROWS, N, rows, PITCH);
    rf_bf16_pairs(x, N, ROWS, N, pairs, PITCH);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < N; c++) {
            assert_true(widened(rows[r * PITCH + c]) == rounded(x[r * N + c]));
            assert_true(widened(pairs[r / 2 * PITCH + 2 * c + r % 2]) == rounded(x[r * N + c]));
        }
    for (size_t c = 0; c < N; c++) assert_int_equal(pairs[PITCH + 2 * c + 1], 0); /* the missing fourth row */
    assert_int_equal(rows[N], 0);
    rf_free(x);
}

typedef struct results {
    float *y, *dx, *dw, moments[2 * 700];
} results;

/* All passes of a 1x1 convolution; scratch memory is full of NaN. */
static results run(const rf_conv_dims *d, const float *x, const float *w, const float *dy, bool bf16) {
    size_t pixels = (size_t)d->n * d->oh * d->ow;
    results r = {rf_alloc(pixels * d->oc, 4), rf_alloc(pixels * d->c, 4), rf_alloc((size_t)d->c * d->oc, 4), {0}};
    size_t bytes = rf_conv_workspace(d, RF_CONV_FORWARD, true),
           other = rf_conv_workspace(d, RF_CONV_BACKWARD_DATA, true);
    if (other > bytes) bytes = other;
    if (rf_conv_pairs(d) && rf_conv_pair_workspace(d) > bytes) bytes = rf_conv_pair_workspace(d);
    if (!rf_conv_pairs(d) && rf_conv_workspace(d, RF_CONV_BACKWARD_WEIGHTS, true) > bytes)
        bytes = rf_conv_workspace(d, RF_CONV_BACKWARD_WEIGHTS, true);
    void *work = rf_alloc(bytes, 1);
    assert_true(r.y && r.dx && r.dw && work);
    rf_fusion fusion = {.moments = r.moments, .bf16 = bf16};
    memset(work, 0xff, bytes);
    rf_conv_forward(d, x, w, NULL, r.y, &fusion, work);
    memset(work, 0xff, bytes);
    if (rf_conv_pairs(d)) {
        rf_conv_backward_pair(d, x, dy, w, r.dx, false, r.dw, false, &fusion, work);
    } else {
        rf_conv_backward_data(d, dy, w, r.dx, false, &fusion, work);
        rf_conv_backward_weights(d, x, dy, r.dw, false, &fusion, work);
    }
    rf_free(work);
    return r;
}

static void close_enough(const char *what, const float *a, const float *b, size_t count, double terms) {
    double top = 1e-6;
    for (size_t i = 0; i < count; i++) top = fmax(top, fabs((double)b[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 2e-6 * sqrt(terms) * top))
            fail_msg("%s[%zu] is %.9g, single precision gives %.9g", what, i, (double)a[i], (double)b[i]);
}

static void free_results(results *r) {
    rf_free(r->y);
    rf_free(r->dx);
    rf_free(r->dw);
}

static void exact_factors_give_the_same_products(void **state) {
    (void)state;
    if (!have_bf16()) return;
    static const int shapes[][4] = {
        /* h w c oc */ {9, 7, 1, 1}, {10, 13, 3, 5},  {20, 21, 8, 16},   {31, 30, 33, 70},
        {40, 40, 64, 256},           {7, 9, 257, 31}, {12, 12, 700, 600}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int *v = shapes[s];
        rf_conv_dims d = {2, v[0], v[1], v[2], 1, 1, 1, 1, 0, 0, 1, v[0], v[1], v[3]};
        size_t pixels = 2 * (size_t)v[0] * (size_t)v[1];
        float *x = draw(pixels * v[2], 2, true), *dy = draw(pixels * v[3], 3, true),
              *w = draw((size_t)v[2] * v[3], 4, true);
        results wanted = run(&d, x, w, dy, false), first = run(&d, x, w, dy, true);
        close_enough("y", first.y, wanted.y, pixels * v[3], v[2]);
        close_enough("moments", first.moments, wanted.moments, 2 * (size_t)v[3], (double)pixels);
        close_enough("dx", first.dx, wanted.dx, pixels * v[2], v[3]);
        close_enough("dw", first.dw, wanted.dw, (size_t)v[2] * v[3], (double)pixels);
        rf_set_threads(1);
        results one = run(&d, x, w, dy, true);
        rf_set_threads(0);
        assert_memory_equal(one.y, first.y, pixels * v[3] * 4);
        assert_memory_equal(one.dx, first.dx, pixels * v[2] * 4);
        assert_memory_equal(one.dw, first.dw, (size_t)v[2] * v[3] * 4);
        free_results(&wanted);
        free_results(&first);
        free_results(&one);
        rf_free(x);
        rf_free(dy);
        rf_free(w);
    }
}

/* The loss of a random network on noise. */
static double loss_with(const char *precision) {
    static rf_config config;
    const char *sets[] = {"train.batch=2", "input.size=96", "loss.min_negatives=1", precision};
    rf_params *params;
    rf_train_graph net;
    assert_int_equal(rf_config_load("configs/r50.ini", sets, 4, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 5);
    if (rf_train_graph_make(&config, params, &net) != RF_OK || rf_train_graph_plan(&config, &net) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_face face = {.box = {20, 20, 60, 70}}, *lists[2] = {&face, &face};
    size_t counts[2] = {1, 1};
    rf_loss_set_batch(net.loss, &(rf_loss_batch){.faces = lists, .n_faces = counts});
    float *noise = draw(2 * 96 * 96 * 3, 6, false);
    memcpy(rf_exec_data(net.exec, net.detector.input), noise, 2 * 96 * 96 * 3 * sizeof *noise);
    assert_int_equal(rf_exec_forward(net.exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(net.exec, false), RF_OK);
    double loss = (double)*rf_exec_data(net.exec, net.values.total);
    assert_null(rf_params_find_nonfinite(params));
    rf_free(noise);
    rf_train_graph_free(&net);
    rf_params_free(params);
    return loss;
}

static void a_network_computes_nearly_the_same(void **state) {
    (void)state;
    if (in_quick_loop()) return;
    if (!have_bf16()) return;
    double single = loss_with("train.precision=fp32"), half = loss_with("train.precision=bf16");
    printf("measured: loss %.6f, in bf16 %.6f\n", single, half);
    assert_true(half != single && fabs(half - single) < 0.02 * single);
}

/* Products of few channels wait for memory: rounding would only cost time and digits. */
static void narrow_products_stay_in_single_precision(void **state) {
    (void)state;
    static rf_config config;
    const char *sets[] = {"train.precision=bf16", "input.size=64", "train.batch=1"};
    rf_params *params;
    rf_train_graph net;
    if (!have_bf16()) return;
    assert_int_equal(rf_config_load("configs/mnet025.ini", sets, 3, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    assert_int_equal(rf_train_graph_make(&config, params, &net), RF_OK);
    int bf16 = 0, rounded = 0, single = 0;
    const rf_op *op = rf_op_find("norm_conv2d");
    while (strcmp(op->attrs[bf16].name, "bf16") != 0) bf16++;
    for (int i = 0; i < net.graph->n_forward; i++) {
        const rf_node *node = &net.graph->nodes[i];
        if (node->op != op) continue;
        const rf_shape *w = &net.graph->values[node->in[1]].shape;
        assert_int_equal(node->attr[bf16] != 0, w->d[0] * w->d[1] * w->d[2] * w->d[3] >= 32 * 64);
        *(node->attr[bf16] != 0 ? &rounded : &single) += 1;
    }
    assert_true(rounded > 5 && single >= 3);
    rf_train_graph_free(&net);
    rf_params_free(params);
}

static void other_processors_are_refused(void **state) {
    (void)state;
    static rf_config config;
    const char *sets[] = {"train.precision=bf16", "input.size=64", "train.batch=1"};
    rf_params *params;
    rf_train_graph net;
    assert_int_equal(rf_config_load("configs/mnet025.ini", sets, 3, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    assert_int_equal(rf_isa_select("generic"), RF_OK);
    assert_int_equal(rf_train_graph_make(&config, params, &net), RF_ERR_USER);
    assert_int_equal(rf_isa_select("auto"), RF_OK);
    assert_non_null(strstr(rf_error_message(), "train.precision = fp32"));
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_pairs_round_to_nearest),
        cmocka_unit_test(exact_factors_give_the_same_products),
        cmocka_unit_test(a_network_computes_nearly_the_same),
        cmocka_unit_test(narrow_products_stay_in_single_precision),
        cmocka_unit_test(other_processors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
