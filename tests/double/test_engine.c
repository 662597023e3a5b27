/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a whole small graph against central differences, in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/engine_net.h"

static test_net net;

static double loss_at(rf_exec *exec) {
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    return (double)*rf_exec_data(exec, net.loss);
}

static void check(const rf_exec_options *options) {
    test_net_make(&net, 2, 7, 9);
    assert_int_equal(rf_graph_status(net.graph), RF_OK);
    rf_exec *exec = rf_exec_new(net.graph, options);
    assert_non_null(exec);
    test_net_fill(&net, exec, 5);
    loss_at(exec);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    const double step = 1e-5;
    for (size_t i = 0; i < net.used; i++) {
        rf_real saved = net.data[i];
        net.data[i] = saved + step;
        double up = loss_at(exec);
        net.data[i] = saved - step;
        double down = loss_at(exec);
        net.data[i] = saved;
        double numeric = (up - down) / (2 * step), scale = fabs(numeric) > 1 ? fabs(numeric) : 1;
        if (fabs(numeric - net.grad[i]) > 1e-6 * scale)
            fail_msg("parameter element %zu: %.10g by differences, %.10g by backward", i, numeric, (double)net.grad[i]);
    }
    rf_exec_free(exec);
    test_net_free(&net);
}

static void gradients_match_differences(void **state) {
    (void)state;
    check(NULL);
}

static void gradients_match_with_recomputation(void **state) {
    (void)state;
    rf_exec_options options = {.recompute = true};
    check(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_differences),
        cmocka_unit_test(gradients_match_with_recomputation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
