/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: plan, execution, gradient construction, errors. Gradients themselves: tests/double/test_engine.c. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/plan.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "tests/engine_net.h"

static test_net net;

static rf_exec *run(const rf_exec_options *options, int threads, rf_real *grad, rf_real *loss) {
    rf_set_threads(threads);
    rf_exec *exec = rf_exec_new(net.graph, options);
    assert_non_null(exec);
    test_net_fill(&net, exec, 3);
    memset(net.grad, 0xff, sizeof net.grad); /* the first contribution must store */
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    memcpy(grad, net.grad, net.used * sizeof(rf_real));
    *loss = *rf_exec_data(exec, net.loss);
    return exec; /* the thread count stays: a plan is for the threads it was made with */
}

static rf_real grads[2][NET_FLOATS];

static void same_as_plain(const rf_exec_options *options, int threads) {
    rf_real loss[2];
    test_net_make(&net, 2, 13, 17);
    assert_int_equal(rf_graph_status(net.graph), RF_OK);
    rf_exec_options all = {.keep_all = true};
    rf_real saved[64];
    memcpy(saved, net.state, sizeof saved);
    rf_exec_free(run(&all, 1, grads[0], &loss[0]));
    rf_real after[64];
    memcpy(after, net.state, sizeof after);
    assert_true(memcmp(saved, after, sizeof saved) != 0); /* running statistics moved */
    memcpy(net.state, saved, sizeof saved);
    rf_exec_free(run(options, threads, grads[1], &loss[1]));
    assert_memory_equal(after, net.state, sizeof after);
    assert_true(isfinite(loss[0]) && loss[0] > 0);
    assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
    assert_memory_equal(grads[0], grads[1], net.used * sizeof(rf_real));
    test_net_free(&net);
}

static void planned_equals_separate_buffers(void **state) {
    (void)state;
    same_as_plain(NULL, 1);
}

static void a_plan_is_for_its_number_of_threads(void **state) {
    (void)state;
    rf_real loss;
    test_net_make(&net, 2, 13, 17);
    rf_exec *exec = run(NULL, 2, grads[0], &loss);
    rf_set_threads(3);
    assert_int_equal(rf_exec_forward(exec, true), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "planned for 2 threads and 3 are set"));
    assert_int_equal(rf_exec_backward(exec, false), RF_ERR_USER);
    rf_pool *pool;
    assert_int_equal(rf_pool_create(1, &pool), RF_OK);
    assert_null(rf_pool_use(pool));
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_ptr_equal(rf_pool_use(NULL), pool);
    rf_pool_destroy(pool);
    rf_exec_free(exec);
    test_net_free(&net);
    rf_set_threads(0);
}

typedef struct caller {
    test_net net;
    rf_exec *exec;
    int threads;
    bool good;
    rf_real grad[NET_FLOATS], loss;
} caller;

static bool run_graph(caller *c) {
    bool good = true;
    c->exec = rf_exec_new(c->net.graph, NULL);
    if (!c->exec) return false;
    for (int i = 0; i < 5; i++) {
        test_net_fill(&c->net, c->exec, 3);
        good = good && rf_exec_forward(c->exec, true) == RF_OK && rf_exec_backward(c->exec, false) == RF_OK;
    }
    memcpy(c->grad, c->net.grad, sizeof c->grad);
    c->loss = *rf_exec_data(c->exec, c->net.loss);
    rf_exec_free(c->exec);
    return good;
}

static void *caller_main(void *arg) {
    caller *c = arg;
    rf_pool *pool;
    if (rf_pool_create(c->threads, &pool) != RF_OK) return NULL;
    rf_pool_use(pool);
    c->good = run_graph(c);
    rf_pool_use(NULL);
    rf_pool_destroy(pool);
    return NULL;
}

/* Four graphs, each in a thread with a pool of its own: the same bits as alone. */
static void graphs_run_at_once(void **state) {
    (void)state;
    enum { CALLERS = 4 };
    caller *c = rf_alloc(CALLERS + 1, sizeof *c);
    pthread_t thread[CALLERS];
    assert_non_null(c);
    for (int i = 0; i <= CALLERS; i++) {
        c[i].threads = i;
        test_net_make(&c[i].net, 2, 13, 17);
        assert_int_equal(rf_graph_status(c[i].net.graph), RF_OK);
    }
    rf_set_threads(1);
    assert_true(run_graph(&c[0]));
    for (int i = 0; i < CALLERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, caller_main, &c[i + 1]), 0);
    for (int i = 0; i < CALLERS; i++) pthread_join(thread[i], NULL);
    for (int i = 1; i <= CALLERS; i++) {
        assert_true(c[i].good);
        assert_memory_equal(c[i].grad, c[0].grad, c[0].net.used * sizeof(rf_real));
        assert_memory_equal(&c[i].loss, &c[0].loss, sizeof c[0].loss);
    }
    for (int i = 0; i <= CALLERS; i++) test_net_free(&c[i].net);
    rf_free(c);
    rf_set_threads(0);
}

static void recomputed_equals_stored(void **state) {
    (void)state;
    rf_exec_options options = {.recompute = true};
    same_as_plain(&options, 1);
}

static void two_threads_equal_one(void **state) {
    (void)state;
    same_as_plain(NULL, 2);
}

static void accumulation_adds(void **state) {
    (void)state;
    rf_real loss;
    test_net_make(&net, 1, 12, 12);
    rf_exec *exec = run(NULL, 1, grads[0], &loss);
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(exec, true), RF_OK);
    for (size_t i = 0; i < net.used; i++)
        assert_float_equal(net.grad[i], 2 * grads[0][i], 1e-5 + 1e-4 * fabs(grads[0][i]));
    rf_exec_free(exec);
    test_net_free(&net);
}

static void plans_never_overlap(void **state) {
    (void)state;
    for (int recompute = 0; recompute < 2; recompute++) {
        test_net_make(&net, 2, 31, 18);
        rf_plan plan;
        rf_exec_options options = {.recompute = recompute};
        assert_int_equal(rf_plan_make(net.graph, &options, &plan), RF_OK);
        for (int i = 0; i < plan.n_buffers; i++)
            for (int j = 0; j < i; j++) {
                const rf_buffer *a = &plan.buffers[i], *b = &plan.buffers[j];
                if (!a->bytes || !b->bytes || a->last < b->first || b->last < a->first) continue;
                assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
            }
        assert_true(plan.report.arena_bytes >= plan.report.peak_live_bytes);
        assert_true(plan.report.arena_bytes < plan.report.sum_bytes);
        rf_plan_free(&plan);
        test_net_free(&net);
    }
}

static void a_step_allocates_nothing(void **state) {
    (void)state;
    rf_real loss;
    test_net_make(&net, 2, 16, 16);
    rf_exec *exec = run(NULL, 2, grads[0], &loss);
    uint64_t before = rf_alloc_count();
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    assert_true(rf_alloc_count() == before);
    rf_exec_free(exec);
    test_net_free(&net);
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    test_net_make(&net, 1, 8, 8);
    for (uint64_t n = 1; n < 40; n++) {
        rf_alloc_fail_at(n);
        rf_exec *exec = rf_exec_new(net.graph, NULL);
        rf_alloc_fail_at(0);
        if (exec) {
            rf_exec_free(exec);
            assert_true(n > 5);
            test_net_free(&net);
            return;
        }
        assert_non_null(strstr(rf_error_message(), "out of memory"));
    }
    fail();
}

static void nan_is_traced_to_its_node(void **state) {
    (void)state;
    rf_real loss;
    test_net_make(&net, 1, 9, 9);
    rf_exec *exec = run(NULL, 1, grads[0], &loss);
    assert_int_equal(rf_exec_trace_nonfinite(exec, true, false), RF_OK);
    rf_real saved[64];
    memcpy(saved, net.state, sizeof saved);
    rf_value w = net.params[5];
    rf_exec_data(exec, w)[3] = (rf_real)NAN;
    assert_int_equal(rf_exec_trace_nonfinite(exec, true, false), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "dw.weight"));
    rf_exec_data(exec, w)[3] = (rf_real)1e30; /* finite, but its square overflows behind it */
    rf_exec_data(exec, net.params[6])[0] = (rf_real)1e30;
    assert_int_equal(rf_exec_trace_nonfinite(exec, true, false), RF_ERR_NONFINITE);
    assert_non_null(strstr(rf_error_message(), "is infinite"));
    assert_non_null(strstr(rf_error_message(), "mul"));
    assert_memory_equal(saved, net.state, sizeof saved);
    rf_exec_free(exec);
    test_net_free(&net);
}

static void mistakes_are_named(void **state) {
    (void)state;
    rf_graph *g = rf_graph_new();
    rf_value x = rf_graph_input(g, "x", (rf_shape){4, {1, 4, 4, 3}});
    int scope = rf_graph_scope(g, "neck");
    rf_value y = rf_apply1(g, "max_poool", x, "k=2");
    rf_graph_scope_end(g, scope);
    assert_int_equal(y, RF_NONE);
    assert_int_equal(rf_apply1(g, "relu", y, ""), RF_NONE);
    assert_int_equal(rf_graph_status(g), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "max_pool"));
    assert_non_null(strstr(rf_error_message(), "neck"));
    assert_null(rf_exec_new(g, NULL));
    rf_graph_free(g);
    const char *const bad[] = {"k=0", "k=2.5", "kk=2", "k", "k=x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        g = rf_graph_new();
        x = rf_graph_input(g, "x", (rf_shape){4, {1, 4, 4, 3}});
        assert_int_equal(rf_graph_apply(g, "max_pool", &x, 1, "%s", bad[i]), RF_NONE);
        assert_int_equal(rf_graph_status(g), RF_ERR_USER);
        rf_graph_free(g);
    }
    g = rf_graph_new();
    x = rf_graph_input(g, "x", (rf_shape){4, {1, 4, 4, 3}});
    rf_value other = rf_graph_input(g, "other", (rf_shape){4, {1, 4, 5, 3}});
    assert_int_equal(rf_apply2(g, "add", x, other, ""), RF_NONE);
    assert_non_null(strstr((rf_graph_status(g), rf_error_message()), "add"));
    rf_graph_free(g);
    g = rf_graph_new();
    x = rf_graph_input(g, "x", (rf_shape){4, {1, 4, 4, 3}});
    y = rf_apply1(g, "relu", x, "");
    assert_int_equal(rf_graph_backward(g, &y, 1), RF_ERR_USER); /* nothing to train before it */
    rf_graph_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planned_equals_separate_buffers),
        cmocka_unit_test(graphs_run_at_once),
        cmocka_unit_test(a_plan_is_for_its_number_of_threads),
        cmocka_unit_test(recomputed_equals_stored),
        cmocka_unit_test(two_threads_equal_one),
        cmocka_unit_test(accumulation_adds),
        cmocka_unit_test(plans_never_overlap),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(failed_allocations_are_reported),
        cmocka_unit_test(nan_is_traced_to_its_node),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
