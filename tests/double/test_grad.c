/* SPDX-License-Identifier: Apache-2.0 */
/* Every op of the registry against its reference and against central differences, in double precision. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "autograd/gradcheck.h"

#define CHECK(expr)                                                                                                    \
    do {                                                                                                               \
        if ((expr) != RF_OK) fail_msg("%s", rf_error_message());                                                       \
    } while (0)

static void forward_equals_reference(void **state) {
    (void)state;
    for (int i = 0; i < rf_op_count(); i++)
        for (const rf_case *c = rf_op_at(i)->cases; c->inputs; c++)
            for (int training = 0; training < 2; training++) CHECK(rf_check_forward(rf_op_at(i), c, training));
}

static void gradient_modes_agree(void **state) {
    (void)state;
    for (int i = 0; i < rf_op_count(); i++)
        for (const rf_case *c = rf_op_at(i)->cases; c->inputs; c++) CHECK(rf_check_modes(rf_op_at(i), c, true));
}

static void gradients_equal_differences(void **state) {
    (void)state;
    for (int i = 0; i < rf_op_count(); i++)
        for (const rf_case *c = rf_op_at(i)->cases; c->inputs; c++)
            for (int training = 0; training < 2; training++) CHECK(rf_check_gradient(rf_op_at(i), c, training, 0));
}

/* Sizes where work is cut in several chunks, rows are folded and panels are used: a sample of elements. */
static void gradients_of_large_cases(void **state) {
    (void)state;
    static const struct {
        const char *op;
        rf_case shapes;
    } large[] = {
        {"dwconv2d", {"2x33x129x8 3x3x1x8", "pad=1"}},
        {"dwconv2d", {"1x65x64x24 3x3x1x24", "stride=2 pad=1"}},
        {"batch_norm", {"2x65x64x8 8 8 8 8", ""}},
        {"bn_act", {"2x9x8x1100 1100 1100 1100 1100", "slope=0.1"}},
        {"bn_act", {"2x9x50x127 127 127 127 127 2x9x50x127", ""}},
        {"norm_conv2d", {"2x70x81x8 1x1x8x16 3x8", "slope=0.1"}},
        {"norm_conv2d", {"1x12x12x64 1x1x64x300 3x64", "slope=0.1"}},
        {"norm_conv2d", {"1x43x38x34 3x3x34x17 3x34", "pad=1 slope=0.1"}},
        {"norm_conv2d", {"1x31x30x20 3x3x20x10 -", "stride=2 pad=1"}},
        {"norm_conv2d", {"2x64x70x24 3x3x24x18 3x24", "pad=1 slope=0.1"}},
        {"norm_dwconv2d", {"1x80x81x8 3x3x1x8 3x8", "pad=1 slope=0.1"}},
        {"norm_dwconv2d", {"1x65x64x24 3x3x1x24 3x24", "stride=2 pad=1 slope=0.1"}},
        {"norm_dwconv2d", {"2x7x320x8 3x3x1x8 3x8", "pad=1 slope=0.1"}},
        {"norm_dwconv2d", {"2x9x75x80 3x3x1x80 3x80", "pad=1 slope=0.1"}},
        {"norm_dwconv2d", {"2x9x121x48 3x3x1x48 3x48", "stride=2 pad=1 slope=0.1"}},
        {"norm_act", {"2x9x50x127 3x127 2x9x50x127", ""}},
        {"deform_conv2d", {"2x21x22x40 2x21x22x18 2x21x22x9 3x3x40x24", "pad=1"}},
        {"softmax_ce", {"2x3000x2 2x3000 2x3000", ""}},
        {"smooth_l1", {"2x3000x4 2x3000x4 2x3000", ""}},
        {"max_pool", {"2x40x40x24", "k=3 stride=2 pad=1"}},
        {"mean", {"2x40x40x24", ""}},
        {"maxout", {"2x65x81x8", ""}},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        CHECK(rf_check_gradient(rf_op_find(large[i].op), &large[i].shapes, true, 12));
}

/* The checker itself: a wrong gradient, an undeclared buffer and a wrong forward must be found. */
static rf_op broken;
static rf_real gradient_factor;

static void broken_backward(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; call->din[0].data && i < n; i++) {
        rf_real g = gradient_factor * 2 * call->in[0].data[i] * call->dout[0].data[i];
        call->din[0].data[i] = call->din_add[0] ? call->din[0].data[i] + g : g;
    }
}

static void broken_reference(const rf_call *call) {
    size_t n = rf_shape_count(&call->in[0].shape);
    for (size_t i = 0; i < n; i++) call->out[0].data[i] = call->in[0].data[i] * call->in[0].data[i];
}

static rf_status broken_forward(const rf_call *call) {
    broken_reference(call);
    return RF_OK;
}

static uint32_t needs_input(const rf_call *call) {
    (void)call;
    return RF_NEED_IN(0);
}

static void checker_finds_faults(void **state) {
    (void)state;
    static const rf_case shapes = {"2x3", ""};
    broken = *rf_op_find("sigmoid");
    broken.forward = broken_forward;
    broken.reference = broken_reference;
    broken.inplace_input = 0;
    broken.backward = broken_backward;
    broken.backward_needs = needs_input;
    gradient_factor = 1;
    CHECK(rf_check_gradient(&broken, &shapes, true, 0));
    gradient_factor = (rf_real)1.00001;
    assert_int_not_equal(rf_check_gradient(&broken, &shapes, true, 0), RF_OK);
    gradient_factor = 1;
    broken.backward_needs = NULL;
    assert_int_not_equal(rf_check_modes(&broken, &shapes, true), RF_OK);
    broken.reference = rf_op_find("sigmoid")->reference;
    assert_int_not_equal(rf_check_forward(&broken, &shapes, true), RF_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_equals_reference),    cmocka_unit_test(gradient_modes_agree),
        cmocka_unit_test(gradients_equal_differences), cmocka_unit_test(gradients_of_large_cases),
        cmocka_unit_test(checker_finds_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
