/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine does with values that are not simply computed from a picture: ops that fail, constants. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/graph_internal.h"
#include "core/parallel.h"
#include "tests/engine_net.h"

static test_net net;

/* ---- ops that fail ---- */

static int calls_left; /* forward of the picky op fails when this becomes 0 */
static rf_op picky;
static const rf_op *behind;

static rf_status picky_forward(const rf_call *call) {
    if (--calls_left == 0) return rf_fail(RF_ERR_NONFINITE, "the inputs do not go together");
    return behind->forward(call);
}

/* Puts a picky copy in the place of the op of the last forward node called `name`. */
static const rf_node *make_picky(const char *name) {
    rf_node *found = NULL;
    for (int i = 0; i < net.graph->n_nodes; i++) {
        rf_node *node = &net.graph->nodes[i];
        if (node->op && node->pass == RF_PASS_FORWARD && strcmp(node->op->name, name) == 0) found = node;
    }
    assert_non_null(found);
    behind = found->op;
    picky = *behind;
    picky.forward = picky_forward;
    found->op = &picky;
    return found;
}

static void expect_failure(rf_status status, const rf_node *node) {
    assert_int_equal(status, RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), node->name));
    assert_non_null(strstr(rf_error_message(), picky.name));
    assert_non_null(strstr(rf_error_message(), "the inputs do not go together"));
}

static rf_real gradients[2][NET_FLOATS];

/* Forward fails in the first run; a second and a third one give the bits of a graph in which nothing ever failed. */
static void runs_go_on(const char *op, int threads, bool training) {
    rf_real loss[2], states[2][64];
    rf_set_threads(threads);
    for (int fails = 0; fails < 2; fails++) {
        test_net_make(&net, 2, 13, 17);
        const rf_node *node = make_picky(op);
        rf_exec *exec = rf_exec_new(net.graph, NULL);
        assert_non_null(exec);
        test_net_fill(&net, exec, 3);
        if (fails) {
            calls_left = 1;
            rf_real kept[64];
            memcpy(kept, net.state, sizeof kept);
            expect_failure(rf_exec_forward(exec, training), node);
            memcpy(net.state, kept, sizeof kept);
        }
        calls_left = -1;
        assert_int_equal(rf_exec_forward(exec, training), RF_OK);
        if (training) assert_int_equal(rf_exec_backward(exec, false), RF_OK);
        loss[fails] = *rf_exec_data(exec, net.loss);
        memcpy(gradients[fails], net.grad, sizeof net.grad);
        memcpy(states[fails], net.state, sizeof net.state);
        rf_exec_free(exec);
        test_net_free(&net);
    }
    assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
    if (training) assert_memory_equal(gradients[0], gradients[1], sizeof gradients[0]);
    assert_memory_equal(states[0], states[1], sizeof states[0]);
}

static void a_failed_op_ends_the_run(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++)
        for (int training = 0; training < 2; training++) {
            runs_go_on("mul", threads, training);
            runs_go_on("concat", threads, training);
        }
    rf_set_threads(0);
}

/* A result that is computed again for backward fails there. */
static void a_replay_can_fail(void **state) {
    (void)state;
    const rf_exec_options options = {.recompute = true};
    test_net_make(&net, 2, 13, 17);
    const rf_node *node = make_picky("concat");
    rf_exec *exec = rf_exec_new(net.graph, &options);
    assert_non_null(exec);
    test_net_fill(&net, exec, 3);
    calls_left = 2;
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    expect_failure(rf_exec_backward(exec, false), node);
    calls_left = 1;
    expect_failure(rf_exec_trace_nonfinite(exec, true, false), node);
    calls_left = -1;
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    rf_exec_free(exec);
    test_net_free(&net);
}

/* ---- constants ---- */

static void constants_take_no_room(void **state) {
    (void)state;
    enum { ROWS = 4096 };
    static rf_real table[2 * ROWS];
    for (size_t i = 0; i < 2 * ROWS; i++) table[i] = (rf_real)i;
    rf_plan_report report[2];
    for (int constant = 0; constant < 2; constant++) {
        rf_graph *g = rf_graph_new();
        int scope = rf_graph_scope(g, "level");
        rf_shape shape = {2, {ROWS, 2}};
        rf_value x = rf_graph_input(g, "x", shape);
        rf_value t = constant ? rf_graph_const(g, "table", shape, table) : rf_graph_input(g, "table", shape);
        rf_graph_scope_end(g, scope);
        assert_int_equal(rf_graph_find(g, "level.table"), t);
        assert_ptr_equal(rf_graph_constant(g, t), constant ? table : NULL);
        assert_int_equal(rf_graph_kind(g, t), constant ? RF_VALUE_CONST : RF_VALUE_INPUT);
        rf_value doubled = rf_apply1(g, "scale", t, "factor=2"); /* in place of a constant: never */
        rf_value y = rf_apply2(g, "mul", rf_apply2(g, "add", x, doubled, "%s", ""), t, "%s", "");
        rf_graph_keep(g, y);
        rf_exec *exec = rf_exec_new(g, NULL);
        assert_non_null(exec);
        report[constant] = rf_exec_report(exec);
        for (int run = 0; run < 2 && constant; run++) {
            for (size_t i = 0; i < 2 * ROWS; i++) rf_exec_data(exec, x)[i] = 1;
            assert_int_equal(rf_exec_forward(exec, false), RF_OK);
            for (size_t i = 0; i < 2 * ROWS; i++)
                assert_true(rf_exec_data(exec, y)[i] == (1 + 2 * (rf_real)i) * (rf_real)i);
        }
        for (size_t i = 0; i < 2 * ROWS; i++) assert_true(table[i] == (rf_real)i);
        table[5] = (rf_real)NAN;
        if (constant) {
            assert_int_equal(rf_exec_trace_nonfinite(exec, false, false), RF_ERR_NONFINITE);
            assert_non_null(strstr(rf_error_message(), "level.table"));
        }
        table[5] = 5;
        rf_exec_free(exec);
        rf_graph_free(g);
    }
    assert_true(report[1].arena_bytes + 2 * ROWS * sizeof(rf_real) == report[0].arena_bytes);
}

static void expect_refused(const char *op, rf_shape a, rf_shape b, const char *words) {
    rf_graph *g = rf_graph_new();
    rf_value x = rf_graph_input(g, "x", a), y = rf_graph_input(g, "y", b);
    assert_int_equal(rf_apply2(g, op, x, y, "%s", ""), RF_NONE);
    assert_int_equal(rf_graph_status(g), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), words));
    rf_graph_free(g);
}

static void impossible_broadcasts_are_refused(void **state) {
    (void)state;
    expect_refused("add", (rf_shape){2, {6, 4}}, (rf_shape){2, {6, 2}}, "add: b is 6x2, expected 6x4");
    expect_refused("mul", (rf_shape){2, {6, 4}}, (rf_shape){1, {6}}, "mul: b is 6, expected 6x4");
    expect_refused("mul", (rf_shape){2, {1, 4}}, (rf_shape){2, {6, 4}}, "mul: b is 6x4, expected 1x4");
    expect_refused("add", (rf_shape){1, {4}}, (rf_shape){2, {1, 4}}, "add: b is 1x4, expected 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_op_ends_the_run),
        cmocka_unit_test(a_replay_can_fail),
        cmocka_unit_test(constants_take_no_room),
        cmocka_unit_test(impossible_broadcasts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
