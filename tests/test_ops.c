/* SPDX-License-Identifier: Apache-2.0 */
/* Every op of the registry in the float build: its contract, forward against its reference, the same bits on one and
 * two threads, and close results from every instruction set. Gradients are checked in tests/double/test_grad.c; here
 * each instruction set's are compared with the portable ones, which are the same code as there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "autograd/gradcheck.h"
#include "autograd/kernels/cpu.h"
#include "core/parallel.h"
#include "tests/slow.h"

#define CHECK(expr)                                                                                                    \
    do {                                                                                                               \
        if ((expr) != RF_OK) fail_msg("%s", rf_error_message());                                                       \
    } while (0)

/* Sizes that the small cases of the ops do not reach: several chunks, folded rows, panels, vector remainders. */
static const struct {
    const char *op;
    rf_case shapes;
} large[] = {
    {"dwconv2d", {"1x80x81x8 3x3x1x8", "pad=1"}},
    {"dwconv2d", {"1x70x70x16 3x3x1x16", "stride=2 pad=1"}},
    {"dwconv2d", {"1x19x21x100 3x3x1x100", "pad=1"}},
    {"dwconv2d", {"1x9x9x150 3x3x1x150", "stride=2 pad=1"}},
    {"dwconv2d", {"1x30x40x5 5x5x1x5", "pad=2"}},
    {"dwconv2d", {"1x30x64x1 3x3x1x1", "pad=1"}},
    {"batch_norm", {"1x80x80x8 8 8 8 8", ""}},
    {"batch_norm", {"1x90x90x3 3 3 3 3", ""}},
    {"batch_norm", {"40000x1 1 1 1 1", ""}},
    {"bn_act", {"1x20x20x256 256 256 256 256", "slope=0.1"}},
    {"bn_act", {"1x9x9x2048 2048 2048 2048 2048 1x9x9x2048", ""}},
    {"bn_act", {"1x33x17x127 127 127 127 127", "slope=0.1"}},
    {"bn_act", {"1x9x9x1033 1033 1033 1033 1033", "frozen=1"}},
    {"norm_conv2d", {"2x70x81x8 1x1x8x16 3x8", "slope=0.1"}},
    {"norm_conv2d", {"1x60x61x16 1x1x16x8 3x16", ""}},
    {"norm_conv2d", {"1x20x20x64 1x1x64x600 3x64", "slope=0.1"}},
    {"norm_conv2d", {"2x9x9x500 1x1x500x70 3x500", ""}},
    {"norm_conv2d", {"2x43x38x70 3x3x70x37 3x70", "pad=1 slope=0.1"}},
    {"norm_conv2d", {"1x61x70x3 7x7x3x64 -", "stride=2 pad=3"}},
    {"norm_conv2d", {"1x31x30x72 3x3x72x40 -", "stride=2 pad=1"}},
    {"norm_conv2d", {"2x64x70x24 3x3x24x18 3x24", "pad=1 slope=0.1"}},
    {"norm_dwconv2d", {"1x80x81x8 3x3x1x8 3x8", "pad=1 slope=0.1"}},
    {"norm_dwconv2d", {"2x70x70x16 3x3x1x16 3x16", "stride=2 pad=1"}},
    {"norm_dwconv2d", {"1x19x21x100 3x3x1x100 3x100", "pad=1 slope=0.1"}},
    {"norm_dwconv2d", {"1x30x64x1 3x3x1x1 3x1", "pad=1"}},
    {"norm_dwconv2d", {"2x7x320x8 3x3x1x8 3x8", "pad=1 slope=0.1"}},
    {"norm_dwconv2d", {"2x9x75x80 3x3x1x80 3x80", "pad=1 slope=0.1"}},
    {"norm_dwconv2d", {"2x9x121x48 3x3x1x48 -", "stride=2 pad=1"}},
    {"norm_act", {"1x33x17x127 3x127", "slope=0.1"}},
    {"norm_act", {"1x9x9x2048 3x2048 1x9x9x2048", ""}},
    {"norm_act", {"1x80x80x8 3x8", ""}},
    {"deform_conv2d", {"2x21x22x40 2x21x22x18 2x21x22x9 3x3x40x24", "pad=1"}},
    {"deform_conv2d", {"1x40x41x16 1x20x21x18 - 3x3x16x32", "stride=2 pad=1"}},
    {"concat", {"2x40x40x16 2x40x40x8 2x40x40x8", ""}},
    {"upsample_add", {"1x53x53x32 1x27x27x32", ""}},
    {"upsample_bilinear_add", {"1x53x53x32 1x27x27x32", ""}},
    {"max_pool", {"1x65x65x24", "k=3 stride=2 pad=1"}},
    {"softmax_ce", {"3x5000x2 3x5000 3x5000", ""}},
    {"smooth_l1", {"3x5000x10 3x5000x10 3x5000", ""}},
    {"mean", {"2x40x40x24", "spatial=1"}},
    {"sum", {"2x40x40x24", ""}},
    {"gather", {"4000x10 5000", ""}},
    {"leaky_relu", {"2x40x40x24", ""}},
    {"add", {"2x40x40x24 2x40x40x24", ""}},
};

typedef void (*case_fn)(const rf_op *op, const rf_case *shapes);

static void for_all_cases(case_fn fn) {
    for (int i = 0; i < rf_op_count(); i++)
        for (const rf_case *c = rf_op_at(i)->cases; c->inputs; c++) fn(rf_op_at(i), c);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        const rf_op *op = rf_op_find(large[i].op);
        assert_non_null(op);
        fn(op, &large[i].shapes);
    }
}

static void for_all_isas(void (*fn)(rf_isa)) {
    for (int isa = 0; isa < RF_ISA_COUNT; isa++) {
        if (!rf_isa_supported((rf_isa)isa)) {
            printf("skipped: this processor has no %s\n", rf_isa_text((rf_isa)isa));
            continue;
        }
        assert_int_equal(rf_isa_select(rf_isa_text((rf_isa)isa)), RF_OK);
        fn((rf_isa)isa);
    }
    assert_int_equal(rf_isa_select("auto"), RF_OK);
}

static void every_op_keeps_the_contract(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    for (int i = 0; i < rf_op_count(); i++) CHECK(rf_check_contract(rf_op_at(i)));
    for (int i = 0; i < rf_op_count(); i++)
        for (int k = 0; k < i; k++) assert_string_not_equal(rf_op_at(i)->name, rf_op_at(k)->name);
}

static void forward_case(const rf_op *op, const rf_case *shapes) {
    CHECK(rf_check_forward(op, shapes, true));
    CHECK(rf_check_forward(op, shapes, false));
    CHECK(rf_check_modes(op, shapes, true));
}

/* The naive references take most of the time: the other instruction sets are for test_slow_ops. */
static bool is_best(rf_isa isa) {
    for (int better = (int)isa + 1; better < RF_ISA_COUNT; better++)
        if (rf_isa_supported((rf_isa)better)) return false;
    return true;
}

static void forward_isa(rf_isa isa) {
    if (runs_here(is_best(isa))) for_all_cases(forward_case);
}

static void forward_equals_reference(void **state) {
    (void)state;
    for_all_isas(forward_isa);
}

/* Forward and all gradients of a case. */
static void run_case(const rf_op *op, const rf_case *shapes, rf_trial *trial) {
    CHECK(rf_trial_make(op, shapes, true, 1, trial));
    rf_trial_forward(trial);
    uint32_t wanted = rf_trial_gradients(trial);
    if (wanted) rf_trial_backward(trial, wanted, false, true);
}

static bool same_bits(const rf_tensor *a, const rf_tensor *b) {
    return !a->data || memcmp(a->data, b->data, rf_shape_count(&a->shape) * sizeof(rf_real)) == 0;
}

static void threads_case(const rf_op *op, const rf_case *shapes) {
    rf_trial one, two;
    rf_set_threads(1);
    run_case(op, shapes, &one);
    rf_set_threads(2);
    run_case(op, shapes, &two);
    for (int i = 0; i < one.call.n_out; i++)
        if (!same_bits(&one.call.out[i], &two.call.out[i]))
            fail_msg("%s \"%s\": output %d depends on the thread count", op->name, shapes->inputs, i);
    for (int i = 0; i < one.call.n_in; i++)
        if (!same_bits(&one.call.din[i], &two.call.din[i]) || !same_bits(&one.call.in[i], &two.call.in[i]))
            fail_msg("%s \"%s\": gradient or state %d depends on the thread count", op->name, shapes->inputs, i);
    rf_trial_free(&one);
    rf_trial_free(&two);
}

static void threads_isa(rf_isa isa) {
    (void)isa;
    for_all_cases(threads_case);
}

static void thread_count_changes_no_bit(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    for_all_isas(threads_isa);
    rf_set_threads(0);
}

static rf_isa compared;

static void isa_case(const rf_op *op, const rf_case *shapes) {
    rf_trial portable, other;
    assert_int_equal(rf_isa_select("generic"), RF_OK);
    run_case(op, shapes, &portable);
    assert_int_equal(rf_isa_select(rf_isa_text(compared)), RF_OK);
    run_case(op, shapes, &other);
    for (int i = 0; i < other.call.n_in; i++)
        if (rf_trial_gradients(&other) >> i & 1)
            CHECK(rf_check_close(&other, "a gradient differs from the portable one", other.call.din[i].data,
                                 portable.call.din[i].data, rf_shape_count(&other.call.in[i].shape), 1e-4));
    rf_trial_free(&portable);
    rf_trial_free(&other);
}

static void compare_isa(rf_isa isa) {
    compared = isa;
    for_all_cases(isa_case);
}

static void gradients_agree_between_instruction_sets(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    for_all_isas(compare_isa);
}

static void copy_input(rf_trial *to, int i, const rf_trial *from, int k) {
    memcpy(to->call.in[i].data, from->call.in[k].data, rf_shape_count(&to->call.in[i].shape) * sizeof(rf_real));
}

/* bn_act with a residual = leaky_relu(add(batch_norm(x), residual)), forward and backward. */
static void fused_batch_norm_equals_its_parts(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const rf_case fused = {"2x9x7x24 24 24 24 24 2x9x7x24", "slope=0.1"}, norm = {"2x9x7x24 24 24 24 24", ""},
                         act = {"2x9x7x24", "slope=0.1"};
    rf_trial whole, bn, leaky;
    CHECK(rf_trial_make(rf_op_find("bn_act"), &fused, true, 5, &whole));
    CHECK(rf_trial_make(rf_op_find("batch_norm"), &norm, true, 5, &bn));
    CHECK(rf_trial_make(rf_op_find("leaky_relu"), &act, true, 5, &leaky));
    size_t count = rf_shape_count(&whole.call.out[0].shape);
    for (int i = 0; i < 5; i++) copy_input(&bn, i, &whole, i);
    rf_trial_forward(&whole);
    rf_trial_forward(&bn);
    for (size_t i = 0; i < count; i++) leaky.call.in[0].data[i] = bn.call.out[0].data[i] + whole.call.in[5].data[i];
    rf_trial_forward(&leaky);
    CHECK(rf_check_close(&whole, "y", whole.call.out[0].data, leaky.call.out[0].data, count, 1e-6));
    memcpy(leaky.call.dout[0].data, whole.call.dout[0].data, count * sizeof(rf_real));
    rf_trial_backward(&leaky, 1, false, true);
    memcpy(bn.call.dout[0].data, leaky.call.din[0].data, count * sizeof(rf_real));
    rf_trial_backward(&bn, 7, false, true);
    rf_trial_backward(&whole, rf_trial_gradients(&whole), false, true);
    CHECK(rf_check_close(&whole, "dresidual", whole.call.din[5].data, leaky.call.din[0].data, count, 1e-6));
    for (int i = 0; i < 3; i++)
        CHECK(rf_check_close(&whole, "din", whole.call.din[i].data, bn.call.din[i].data,
                             rf_shape_count(&bn.call.in[i].shape), 1e-5));
    for (int i = 3; i < 5; i++)
        CHECK(rf_check_close(&whole, "state", whole.call.in[i].data, bn.call.in[i].data, 24, 0));
    rf_trial_free(&whole);
    rf_trial_free(&bn);
    rf_trial_free(&leaky);
}

/* A mean a thousand times the deviation, the case where E[x^2] - E[x]^2 fails in float. */
static void variance_survives_a_large_mean(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const rf_case shapes = {"4x40x40x8 8 8 8 8", "eps=0"};
    rf_trial trial;
    CHECK(rf_trial_make(rf_op_find("batch_norm"), &shapes, true, 6, &trial));
    size_t count = rf_shape_count(&trial.call.in[0].shape);
    double sum = 0, square = 0;
    for (size_t i = 0; i < count; i++) trial.call.in[0].data[i] += 1000;
    for (size_t i = 0; i < count; i += 8) sum += (double)trial.call.in[0].data[i] / ((double)count / 8);
    for (size_t i = 0; i < count; i += 8)
        square += pow((double)trial.call.in[0].data[i] - sum, 2) / ((double)count / 8);
    rf_trial_forward(&trial);
    assert_float_equal(trial.call.out[1].data[0], (float)sum, 1e-4);
    assert_float_equal(trial.call.out[2].data[0] * (float)sqrt(square), 1, 1e-5);
    rf_trial_free(&trial);
}

static void running_statistics_rest_in_replay(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const rf_case shapes = {"2x3x5x8 8 8 8 8", ""};
    rf_trial trial;
    CHECK(rf_trial_make(rf_op_find("batch_norm"), &shapes, true, 6, &trial));
    rf_real mean = trial.call.in[3].data[0], variance = trial.call.in[4].data[0];
    trial.call.replay = true;
    rf_trial_forward(&trial);
    assert_true(trial.call.in[3].data[0] == mean && trial.call.in[4].data[0] == variance);
    trial.call.replay = false;
    rf_trial_forward(&trial);
    assert_true(trial.call.in[3].data[0] != mean && trial.call.in[4].data[0] != variance);
    rf_trial_free(&trial);
}

/* log-sum-exp of 1000 and of -1000 overflows or vanishes without care. */
static void softmax_survives_large_logits(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const rf_case shapes = {"2x2 2", ""};
    rf_trial trial;
    CHECK(rf_trial_make(rf_op_find("softmax_ce"), &shapes, true, 0, &trial));
    memcpy(trial.call.in[0].data, (rf_real[]){1000, -1000, -1000, -1002}, 4 * sizeof(rf_real));
    memcpy(trial.call.in[1].data, (rf_real[]){1, 0}, 2 * sizeof(rf_real));
    rf_trial_forward(&trial);
    assert_float_equal(trial.call.out[0].data[0], 2000 + log1p(exp(-2)), 1e-3);
    trial.call.dout[0].data[0] = 1;
    rf_trial_backward(&trial, 1, false, true);
    assert_float_equal(trial.call.din[0].data[0], 1, 1e-6);
    assert_float_equal(trial.call.din[0].data[1], -1, 1e-6);
    assert_float_equal(trial.call.din[0].data[3], 1 / (1 + exp(2)), 1e-6);
    rf_trial_free(&trial);
}

static void wrong_shapes_are_refused(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const struct {
        const char *op;
        rf_case shapes;
    } wrong[] = {
        {"dwconv2d", {"1x5x5x8 3x3x8x8", ""}},
        {"dwconv2d", {"1x2x5x8 3x3x1x8", ""}},
        {"dwconv2d", {"5x5x8 3x3x1x8", ""}},
        {"deform_conv2d", {"1x5x5x8 1x5x5x18 - 3x3x7x8", "pad=1"}},
        {"deform_conv2d", {"1x5x5x8 1x5x5x9 - 3x3x8x8", "pad=1"}},
        {"deform_conv2d", {"1x5x5x8 1x5x5x18 1x5x5x8 3x3x8x8", "pad=1"}},
        {"deform_conv2d", {"1x2x5x8 1x1x3x18 - 3x3x8x8", ""}},
        {"batch_norm", {"2x3 3 3 3 2", ""}},
        {"bn_act", {"2x3 3 3 3 3 2x4", ""}},
        {"add", {"2x3 3x2", ""}},
        {"mul", {"2x3 2x3x1", ""}},
        {"concat", {"2x3 3x3", ""}},
        {"concat", {"2x3 2x3", "axis=2"}},
        {"slice", {"2x3", "start=2 count=2"}},
        {"reshape", {"2x3", "d0=4 d1=-1"}},
        {"reshape", {"2x3", "d0=-1 d1=-1"}},
        {"gather", {"2x3 1x2", ""}},
        {"gather", {"5x3 2", "first=6"}},
        {"gather", {"5x3 2", "first=3 rows=3"}},
        {"gather", {"20000000 2", ""}},
        {"argmax", {"5x2", "first=2"}},
        {"argmax", {"5", ""}},
        {"select", {"1x5x2", ""}},
        {"select", {"5x2", "first=3 rows=3"}},
        {"select", {"5x2", "top_k=-1"}},
        {"select", {"20000000", ""}},
        {"shift", {"4", "factor=1"}},
        {"exp", {"4", "base=2"}},
        {"max_pool", {"1x1x9x1", "k=3"}},
        {"max_pool", {"1x9x9x1", "k=3 pad=2"}},
        {"upsample_add", {"1x2x2x3 1x1x1x4", ""}},
        {"upsample_bilinear_add", {"1x2x2x3 1x1x1x4", ""}},
        {"upsample_nearest", {"2x2x3", "h=1 w=1"}},
        {"softmax_ce", {"4x2 3", ""}},
        {"softmax_ce", {"4x2 4 5", ""}},
        {"smooth_l1", {"4x2 4x3", ""}},
        {"smooth_l1", {"4x2 4x2 2", ""}},
        {"mean", {"4x2", "spatial=1"}},
        {"leaky_relu", {"4", "slope=2"}},
        {"leaky_relu", {"4", "slop=0.1"}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_trial trial;
        if (rf_trial_make(rf_op_find(wrong[i].op), &wrong[i].shapes, true, 1, &trial) != RF_ERR_USER)
            fail_msg("%s accepts \"%s\" \"%s\"", wrong[i].op, wrong[i].shapes.inputs, wrong[i].shapes.attrs);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_keeps_the_contract),       cmocka_unit_test(forward_equals_reference),
        cmocka_unit_test(thread_count_changes_no_bit),       cmocka_unit_test(gradients_agree_between_instruction_sets),
        cmocka_unit_test(fused_batch_norm_equals_its_parts), cmocka_unit_test(variance_survives_a_large_mean),
        cmocka_unit_test(running_statistics_rest_in_replay), cmocka_unit_test(softmax_survives_large_logits),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
