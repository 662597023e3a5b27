/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine does with ops that fail, constants, and numbers of rows that are known only when a graph runs. */
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

/* ---- counted rows ---- */

enum { R = 300, W = 4 }; /* rows of a table and its columns */

/* Two ranges of a table are chosen by score and put behind each other: y = (exp(table[:,2:4]), -table[:,0:2]), sum. */
typedef struct chooser {
    rf_graph *graph;
    rf_value scores, table, index[2], joined, sum;
    rf_exec *exec;
} chooser;

static rf_value chosen_columns(rf_graph *g, rf_value table, rf_value index, int first) {
    rf_value x = rf_apply2(g, "gather", table, index, "first=%d rows=%d", first, R / 2);
    rf_value right = rf_apply1(g, "exp", rf_apply1(g, "slice", x, "start=2 count=2"), "");
    rf_value left = rf_apply1(g, "scale", rf_apply1(g, "slice", x, "start=0 count=2"), "factor=-1");
    rf_value y = rf_apply2(g, "concat", right, left, "axis=1");
    y = rf_apply1(g, "reshape", rf_apply1(g, "reshape", y, "d0=-1 d1=2 d2=2"), "d0=0 d1=-1");
    return rf_apply1(g, "shift", y, "offset=0.5");
}

static void chooser_make(chooser *c, int top_k) {
    c->graph = rf_graph_new();
    c->scores = rf_graph_input(c->graph, "scores", (rf_shape){1, {R}});
    c->table = rf_graph_input(c->graph, "table", (rf_shape){2, {R, W}});
    rf_value parts[2];
    for (int k = 0; k < 2; k++) {
        c->index[k] =
            rf_apply1(c->graph, "select", c->scores, "first=%d rows=%d min=0 top_k=%d", k * R / 2, R / 2, top_k);
        rf_graph_keep(c->graph, c->index[k]);
        parts[k] = chosen_columns(c->graph, c->table, c->index[k], k * R / 2);
    }
    c->joined = rf_apply2(c->graph, "concat", parts[0], parts[1], "axis=0");
    c->joined = rf_apply1(c->graph, "scale", c->joined, "factor=1");
    rf_graph_keep(c->graph, c->joined);
    c->sum = rf_apply1(c->graph, "sum", c->joined, "");
    rf_graph_keep(c->graph, c->sum);
    assert_int_equal(rf_graph_status(c->graph), RF_OK);
    c->exec = rf_exec_new(c->graph, NULL);
    assert_non_null(c->exec);
}

static void chooser_free(chooser *c) {
    rf_exec_free(c->exec);
    rf_graph_free(c->graph);
}

/* Fills in numbers of which about `share` are chosen, runs, and compares with plain loops. */
static void chooser_run(chooser *c, int seed, int share) {
    rf_real *scores = rf_exec_data(c->exec, c->scores), *table = rf_exec_data(c->exec, c->table);
    for (int i = 0; i < R; i++) scores[i] = (rf_real)((i * 37 + seed * 11) % 100 < share ? 1 + i % 3 : -1);
    for (int i = 0; i < R * W; i++) table[i] = (rf_real)((i * 13 + seed) % 29) / 16;
    assert_int_equal(rf_exec_forward(c->exec, false), RF_OK);
    const rf_real *y = rf_exec_data(c->exec, c->joined);
    size_t rows = 0, before = 0;
    rf_real sum = 0;
    for (int i = 0; i < R; i++) {
        if (i == R / 2) before = rows;
        if (scores[i] < 0) continue;
        for (int k = 0; k < W; k++) {
            rf_real x = table[i * W + (k + 2) % W], want = (k < 2 ? (rf_real)exp((double)x) : -x) + (rf_real)0.5;
            assert_float_equal(y[rows * W + (size_t)k], want, 1e-6);
            sum += want;
        }
        rows++;
    }
    assert_int_equal(rf_exec_rows(c->exec, c->joined), rows);
    assert_int_equal(rf_exec_rows(c->exec, c->index[0]), before);
    assert_int_equal(rf_exec_rows(c->exec, c->index[1]), rows - before);
    assert_int_equal(rf_exec_rows(c->exec, c->table), R);
    assert_int_equal(rf_exec_rows(c->exec, c->sum), 1);
    assert_float_equal(*rf_exec_data(c->exec, c->sum), sum, 1e-3);
}

static void counts_travel_with_values(void **state) {
    (void)state;
    static const int shares[] = {40, 0, 100, 3, 0, 99, 40};
    for (int threads = 1; threads <= 3; threads++) {
        chooser c;
        rf_set_threads(threads);
        chooser_make(&c, 0);
        assert_true(rf_graph_is_counted(c.graph, c.joined) && rf_graph_is_counted(c.graph, c.index[1]));
        assert_false(rf_graph_is_counted(c.graph, c.sum) || rf_graph_is_counted(c.graph, c.table));
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) chooser_run(&c, (int)i, shares[i]);
        chooser_free(&c);
    }
    rf_set_threads(0);
}

/* What is too much for the plan is cut off by score; a score that is none ends the run; both leave the graph usable. */
static void selections_are_cut_and_fail(void **state) {
    (void)state;
    chooser c;
    chooser_make(&c, 5);
    rf_plan_report cut = rf_exec_report(c.exec);
    rf_real *scores = rf_exec_data(c.exec, c.scores);
    for (int i = 0; i < R; i++) scores[i] = (rf_real)(i % 7 == 3 ? 2 : 1);
    scores[9] = scores[140] = 3;
    memset(rf_exec_data(c.exec, c.table), 0, R * W * sizeof(rf_real));
    assert_int_equal(rf_exec_forward(c.exec, false), RF_OK);
    const rf_real *index = rf_exec_data(c.exec, c.index[0]);
    static const rf_real best[] = {3, 9, 10, 17, 140}; /* of the 2s the first three */
    assert_int_equal(rf_exec_rows(c.exec, c.index[0]), 5);
    for (int i = 0; i < 5; i++) assert_true(index[i] == best[i]);
    assert_int_equal(rf_exec_rows(c.exec, c.joined), 10);
    scores[200] = (rf_real)NAN;
    assert_int_equal(rf_exec_forward(c.exec, false), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "select: row 200 is not a number"));
    assert_int_equal(rf_exec_trace_nonfinite(c.exec, false, false), RF_ERR_NONFINITE);
    for (int i = 0; i < R; i++) scores[i] = -1;
    scores[150] = 1;
    assert_int_equal(rf_exec_forward(c.exec, false), RF_OK);
    assert_int_equal(rf_exec_trace_nonfinite(c.exec, false, false), RF_OK);
    assert_int_equal(rf_exec_rows(c.exec, c.joined), 1);
    chooser_free(&c);
    chooser_make(&c, 0);
    assert_true(rf_exec_report(c.exec).arena_bytes > cut.arena_bytes);
    chooser_free(&c);
}

/* Gradients reach the rows that were chosen, and no other. */
static void gradients_go_through_the_choice(void **state) {
    (void)state;
    rf_real table[R * W], grad[R * W], scores[R];
    for (int recompute = 0; recompute < 2; recompute++) {
        rf_graph *g = rf_graph_new();
        rf_value s = rf_graph_const(g, "scores", (rf_shape){1, {R}}, scores);
        rf_value t = rf_graph_param(g, "table", (rf_shape){2, {R, W}}, table, grad);
        rf_value index = rf_apply1(g, "select", s, "min=0");
        rf_value x = rf_apply1(g, "clamp", rf_apply2(g, "gather", t, index, ""), "min=-9 max=9");
        rf_value y = rf_apply1(g, "sum", rf_apply2(g, "mul", x, rf_apply1(g, "exp", x, ""), ""), "");
        assert_int_equal(rf_graph_backward(g, &y, 1), RF_OK);
        rf_exec *exec = rf_exec_new(g, &(rf_exec_options){.recompute = recompute});
        assert_non_null(exec);
        for (int share = 0; share <= 100; share += 50) {
            for (int i = 0; i < R; i++) scores[i] = (i * 37) % 100 < share ? 1 : -1;
            for (int i = 0; i < R * W; i++) table[i] = (rf_real)(i % 17) / 8 - 1, grad[i] = (rf_real)NAN;
            assert_int_equal(rf_exec_forward(exec, true), RF_OK);
            assert_int_equal(rf_exec_backward(exec, false), RF_OK);
            for (int i = 0; i < R * W; i++) {
                double at = (double)table[i], wanted = scores[i / W] > 0 ? (1 + at) * exp(at) : 0;
                assert_float_equal(grad[i], wanted, 1e-5);
            }
        }
        rf_exec_free(exec);
        rf_graph_free(g);
    }
}

static int rows_seen;

static rf_status look(void *ctx, const rf_call *call) {
    (void)ctx;
    rows_seen = call->in[0].shape.d[0];
    call->out[0].data[0] = call->in[0].data[rows_seen - 1];
    return RF_OK;
}

static void functions_of_the_caller_see_the_count(void **state) {
    (void)state;
    rf_graph *g = rf_graph_new();
    rf_value x = rf_graph_input(g, "x", (rf_shape){1, {R}});
    rf_value index = rf_apply1(g, "select", x, "min=0.5");
    rf_value last = rf_graph_host(g, "look", look, NULL, &index, 1, (const rf_shape[]){{0}}, 1);
    rf_value three = rf_apply1(g, "slice", index, "axis=0 start=0 count=3");
    rf_graph_keep(g, last);
    rf_graph_keep(g, three);
    assert_false(rf_graph_is_counted(g, three));
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    for (int i = 0; i < R; i++) rf_exec_data(exec, x)[i] = (rf_real)(i % 50 == 7);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    assert_int_equal(rows_seen, 6);
    assert_true(*rf_exec_data(exec, last) == 257 && rf_exec_data(exec, three)[2] == 107);
    rf_exec_data(exec, x)[7] = rf_exec_data(exec, x)[57] = rf_exec_data(exec, x)[107] = 0;
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    rf_exec_data(exec, x)[157] = 0; /* two are left, three are wanted */
    assert_int_equal(rf_exec_forward(exec, false), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "slice"));
    rf_exec_free(exec);
    rf_graph_free(g);
}

/* Rows that only happen to be as many are refused while the graph is built, whatever the count will be. */
static void rows_that_do_not_go_together(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        rf_graph *g = rf_graph_new();
        rf_value x = rf_graph_input(g, "x", (rf_shape){1, {R}});
        rf_value a = rf_apply1(g, "select", x, "min=0.5"), b = rf_apply1(g, "select", x, "min=0.2");
        rf_value y = RF_NONE;
        if (kind == 0) y = rf_apply2(g, "add", a, b, "");
        if (kind == 1) y = rf_apply2(g, "mul", a, x, "");
        if (kind == 2) y = rf_apply1(g, "reshape", a, "d0=%d d1=1", R);
        if (kind == 3) y = rf_apply1(g, "reshape", a, "d0=1 d1=-1");
        assert_int_equal(y, RF_NONE);
        assert_int_equal(rf_graph_status(g), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "reads rows that 'select' counts"));
        rf_graph_free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_op_ends_the_run),        cmocka_unit_test(a_replay_can_fail),
        cmocka_unit_test(constants_take_no_room),          cmocka_unit_test(impossible_broadcasts_are_refused),
        cmocka_unit_test(counts_travel_with_values),       cmocka_unit_test(selections_are_cut_and_fail),
        cmocka_unit_test(gradients_go_through_the_choice), cmocka_unit_test(functions_of_the_caller_see_the_count),
        cmocka_unit_test(rows_that_do_not_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
