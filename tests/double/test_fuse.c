/* SPDX-License-Identifier: Apache-2.0 */
/* Fused training graphs compute what the plain ones do: loss, gradients and running statistics, in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/fuse.h"
#include "core/mem.h"
#include "core/rng.h"
#include "layers/init.h"
#include "tests/faces_kit.h"
#include "train/train_graph.h"

typedef struct run {
    rf_params *params;
    double loss;
    int plain_norms, applied, joined, nodes; /* nodes of op bn_act, of norm_act, of norm_concat, and all */
} run;

static int count_op(const rf_graph *g, const char *op) {
    int n = 0;
    for (int i = 0; i < rf_graph_node_count(g); i++) {
        rf_node_info node = rf_graph_node(g, i);
        n += node.pass == RF_PASS_FORWARD && node.op && strcmp(node.op->name, op) == 0;
    }
    return n;
}

static rf_status build(const rf_config *config, rf_params *params, bool fuse, rf_train_graph *net) {
    int n = (int)config->train.batch, side = (int)config->input.size;
    memset(net, 0, sizeof *net);
    net->graph = rf_graph_new();
    RF_TRY(rf_detector_build(net->graph, params, config, n, side, side, RF_TRAIN, &net->detector));
    RF_TRY(rf_loss_make(config, n, side, side, &net->loss));
    RF_TRY(rf_loss_build(net->loss, net->graph, &net->detector, &net->values));
    if (fuse) RF_TRY(rf_graph_fuse(net->graph, false));
    return rf_graph_backward(net->graph, &net->values.total, 1);
}

/* Two faces in every picture. */
static void set_faces(rf_train_graph *net, size_t images) {
    static rf_face faces[4][2];
    static rf_face *lists[4];
    static size_t counts[4];
    for (size_t i = 0; i < images; i++) {
        for (size_t k = 0; k < 2; k++) {
            float x = 8 + 20 * (float)k, y = 10 + 5 * (float)i;
            faces[i][k] = (rf_face){.box = {x, y, x + 24, y + 30}, .score = 1};
            face_give_points(&faces[i][k], RF_POINTS);
            for (int p = 0; p < 10; p++) faces[i][k].points[p] = (p % 2 ? y : x) + 4 + 2 * (float)(p / 2);
        }
        lists[i] = faces[i];
        counts[i] = 2;
    }
    rf_loss_batch batch = {.faces = lists, .n_faces = counts};
    rf_loss_set_batch(net->loss, &batch);
}

static run run_step(const char *path, const char *const *sets, size_t n_sets, bool fuse, bool recompute) {
    static rf_config config;
    rf_train_graph net;
    run out = {0};
    if (rf_config_load(path, sets, n_sets, &config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&config, &out.params), RF_OK);
    rf_params_init(out.params, 5);
    if (build(&config, out.params, fuse, &net) != RF_OK) fail_msg("%s", rf_error_message());
    out.plain_norms = count_op(net.graph, "bn_act");
    out.applied = count_op(net.graph, "norm_act");
    out.joined = count_op(net.graph, "norm_concat");
    out.nodes = rf_graph_node_count(net.graph);
    net.exec = rf_exec_new(net.graph, &(rf_exec_options){.recompute = recompute});
    assert_non_null(net.exec);
    rf_shape shape = rf_graph_shape(net.graph, net.detector.input);
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_real *input = rf_exec_data(net.exec, net.detector.input);
    for (size_t i = 0; i < rf_shape_count(&shape); i++) input[i] = (rf_real)rf_rng_normal(&rng);
    set_faces(&net, (size_t)config.train.batch);
    assert_int_equal(rf_exec_forward(net.exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(net.exec, false), RF_OK);
    out.loss = (double)*rf_exec_data(net.exec, net.values.total);
    rf_train_graph_free(&net);
    return out;
}

static void expect_same(const char *what, const rf_param *p, const rf_real *a, const rf_real *b, double unit) {
    for (size_t i = 0; i < p->count; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-7 * unit))
            fail_msg("%s of %s[%zu]: fused %.12g, plain %.12g", what, p->name, i, (double)a[i], (double)b[i]);
}

static double largest(const rf_real *values, size_t count) {
    double top = 1e-9;
    for (size_t i = 0; i < count; i++) top = fmax(top, fabs((double)values[i]));
    return top;
}

static void compare(const run *fused, const run *plain) {
    assert_true(fabs(fused->loss - plain->loss) <= 1e-9 * fabs(plain->loss));
    double top = largest(plain->params->grad, plain->params->data_count);
    for (size_t i = 0; i < plain->params->count; i++) {
        const rf_param *p = &plain->params->entries[i];
        if (rf_param_is_state(p))
            expect_same("running statistics", p, fused->params->state + p->offset, plain->params->state + p->offset,
                        largest(plain->params->state + p->offset, p->count));
        else
            expect_same("gradient", p, fused->params->grad + p->offset, plain->params->grad + p->offset, top);
    }
}

static const struct {
    const char *config, *sets[4];
    int lone; /* normalisations of maps that no convolution alone has made: they stay */
} nets[] = {
    {"configs/mnet025.ini", {"train.batch=3", "input.size=64", "loss.min_negatives=1"}, 0},
    {"configs/r18.ini", {"train.batch=2", "input.size=160", "loss.min_negatives=1"}, 0},
    {"configs/r50.ini", {"train.batch=2", "input.size=64", "model.freeze_bn=yes"}, 0},
    {"configs/mnet025.ini", {"train.batch=2", "input.size=64", "model.freeze_stages=2"}, 0},
    {"configs/insightface_mnet025.ini", {"train.batch=2", "input.size=64", "loss.mining_total=40"}, 0},
    {"configs/mnet025.ini", {"train.batch=2", "input.size=64", "model.head_box=yes", "model.maxout=both"}, 0},
    {"configs/insightface_r50.ini", {"train.batch=2", "input.size=64", "loss.mining_total=40"}, 18},
};

static void fused_equals_plain(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        size_t sets = nets[i].sets[3] ? 4 : 3;
        run plain = run_step(nets[i].config, nets[i].sets, sets, false, false);
        assert_true(plain.plain_norms > 20 && plain.applied == 0);
        for (int recompute = 0; recompute < 2; recompute++) {
            run fused = run_step(nets[i].config, nets[i].sets, sets, true, recompute);
            assert_int_equal(fused.plain_norms, nets[i].lone);
            assert_true(fused.applied < plain.plain_norms);
            assert_true(fused.joined >= 3); /* the context modules' */
            compare(&fused, &plain);
            rf_params_free(fused.params);
        }
        rf_params_free(plain.params);
    }
}

/* A rewrite that runs out of memory leaves the graph as it was. */
static void failed_allocations_change_nothing(void **state) {
    (void)state;
    static rf_config config;
    rf_params *params;
    rf_detector detector;
    assert_int_equal(rf_config_load("configs/mnet025.ini", NULL, 0, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    bool done = false;
    for (uint64_t n = 1; !done && n < 500; n++) {
        rf_graph *g = rf_graph_new();
        assert_int_equal(rf_detector_build(g, params, &config, 1, 64, 64, RF_TRAIN, &detector), RF_OK);
        int nodes = rf_graph_node_count(g), norms = count_op(g, "bn_act");
        rf_alloc_fail_at(n);
        rf_status status = rf_graph_fuse(g, false);
        rf_alloc_fail_at(0);
        done = status == RF_OK;
        if (done) assert_int_equal(count_op(g, "bn_act"), 0);
        if (!done) assert_int_equal(rf_graph_node_count(g), nodes);
        if (!done) assert_int_equal(count_op(g, "bn_act"), norms);
        rf_graph_free(g);
    }
    assert_true(done);
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fused_equals_plain),
                                       cmocka_unit_test(failed_allocations_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
