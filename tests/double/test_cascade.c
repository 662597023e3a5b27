/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of cascades against central differences, in double precision, with the assignment held fixed: the targets
 * depend on the boxes of the stage before, and no gradient may flow through that. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/rng.h"
#include "layers/init.h"
#include "tests/faces_kit.h"
#include "train/train_graph.h"

enum { SIDE = 64, IMAGES = 2, TARGETS = 6, SAMPLES = 40 };

static rf_face faces[IMAGES][2], *const lists[IMAGES] = {faces[0], faces[1]};
static const size_t n_faces[IMAGES] = {2, 1};

static void make_faces(void) {
    static const float boxes[IMAGES][2][4] = {{{6, 8, 30, 36}, {34, 30, 56, 52}}, {{12, 14, 52, 58}}};
    for (size_t b = 0; b < IMAGES; b++)
        for (size_t i = 0; i < n_faces[b]; i++) {
            memcpy(faces[b][i].box, boxes[b][i], sizeof boxes[b][i]);
            face_give_points(&faces[b][i], RF_POINTS);
            for (int k = 0; k < 10; k++) faces[b][i].points[k] = boxes[b][i][k % 2] + 2 * (float)k;
            if (i) faces[b][i].n_points = 0;
        }
}

static void fill_input(const rf_exec *exec, rf_value input) {
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_real *x = rf_exec_data(exec, input);
    for (size_t i = 0; i < (size_t)IMAGES * SIDE * SIDE * 3; i++) x[i] = (rf_real)rf_rng_normal(&rng);
}

/* The same network with the targets as inputs: its losses are written out again. */
typedef struct fixed {
    rf_graph *graph;
    rf_exec *exec;
    rf_detector detector;
    rf_value targets[RF_NET_STAGES][TARGETS], total;
} fixed;

static rf_value add_term(rf_graph *g, rf_value sum, const char *op, rf_value x, const rf_value *targets, double factor,
                         double beta) {
    rf_value in[3] = {x, targets[0], targets[1]};
    rf_value loss =
        beta > 0 ? rf_graph_apply(g, op, in, 3, "beta=%.17g", beta) : rf_graph_apply(g, op, in, 3, "%s", "");
    rf_value term = rf_apply1(g, "scale", loss, "factor=%.17g", factor);
    return sum == RF_NONE ? term : rf_apply2(g, "add", sum, term, "%s", "");
}

static void fixed_make(fixed *f, rf_params *params, const rf_config *config) {
    f->graph = rf_graph_new();
    f->total = RF_NONE;
    assert_int_equal(rf_detector_build(f->graph, params, config, IMAGES, SIDE, SIDE, RF_TRAIN, &f->detector), RF_OK);
    const rf_output_list *outputs = &f->detector.outputs;
    for (int k = 0; k < rf_outputs_stages(outputs); k++) {
        const rf_output_rows logits = rf_outputs_rows(outputs, "cls", k), boxes = rf_outputs_rows(outputs, "loc", k);
        int cls = (int)logits.count, box = (int)boxes.count;
        const rf_shape shapes[TARGETS] = {{2, {IMAGES, cls}}, {2, {IMAGES, cls}},     {3, {IMAGES, box, 4}},
                                          {2, {IMAGES, box}}, {3, {IMAGES, box, 10}}, {2, {IMAGES, box}}};
        double weight = config->cascade.weights.v[k];
        rf_value *t = f->targets[k];
        for (int i = 0; i < TARGETS; i++) {
            char name[24];
            snprintf(name, sizeof name, "target%d.%d", k, i);
            t[i] = rf_graph_input(f->graph, name, shapes[i]);
        }
        f->total = add_term(f->graph, f->total, "softmax_ce", logits.value, t, weight * config->loss.cls_weight, 0);
        f->total = add_term(f->graph, f->total, "smooth_l1", boxes.value, t + 2, weight * config->loss.box_weight,
                            config->loss.box_beta);
        f->total = add_term(f->graph, f->total, "smooth_l1", rf_outputs_value(outputs, "points", k), t + 4,
                            weight * config->loss.landmark_weight, config->loss.landmark_beta);
    }
    f->exec = rf_exec_new(f->graph, NULL);
    if (!f->exec) fail_msg("%s", rf_error_message());
    fill_input(f->exec, f->detector.input);
}

/* What the host nodes of the real loss wrote, stage by stage. */
static void copy_targets(const rf_train_graph *net, fixed *f) {
    int stage = 0;
    for (int i = 0; i < rf_graph_node_count(net->graph); i++) {
        rf_node_info node = rf_graph_node(net->graph, i);
        if (node.op) continue;
        assert_int_equal(node.n_outputs, TARGETS);
        for (int k = 0; k < TARGETS; k++) {
            rf_shape shape = rf_graph_shape(net->graph, node.outputs[k]);
            memcpy(rf_exec_data(f->exec, f->targets[stage][k]), rf_exec_data(net->exec, node.outputs[k]),
                   rf_shape_count(&shape) * sizeof(rf_real));
        }
        stage++;
    }
    assert_int_equal(stage, rf_outputs_stages(&f->detector.outputs));
}

static double loss_of(fixed *f) {
    assert_int_equal(rf_exec_forward(f->exec, true), RF_OK);
    return (double)*rf_exec_data(f->exec, f->total);
}

static double difference(fixed *f, rf_real *parameter, double h) {
    rf_real value = *parameter;
    *parameter = value + (rf_real)h;
    double up = loss_of(f);
    *parameter = value - (rf_real)h;
    double down = loss_of(f);
    *parameter = value;
    return (up - down) / (2 * h);
}

/* About SAMPLES numbers of every group of parameters: the body, and each stage's modules and heads. */
static void compare(rf_params *params, fixed *f, const char *what) {
    rf_rng rng = rf_rng_make(7, 0, 0, RF_STREAM_TEST);
    double top = 0;
    size_t later = 0;
    for (size_t i = 0; i < params->data_count; i++) top = fmax(top, fabs((double)params->grad[i]));
    assert_true(top > 0);
    for (int i = 0; i < 4 * SAMPLES; i++) {
        const rf_param *p = &params->entries[rf_rng_below(&rng, (uint32_t)params->count)];
        if (i % 2 && strncmp(p->name, "stage", 5) != 0 && !strstr(p->name, "Head")) continue;
        if (rf_param_is_state(p)) continue;
        size_t at = p->offset + rf_rng_below(&rng, (uint32_t)p->count);
        double got = (double)params->grad[at], want = difference(f, &params->data[at], 1e-6);
        /* A kink of an activation may lie between the two points; nearer ones miss it. */
        if (!(fabs(got - want) <= 1e-6 * top)) want = difference(f, &params->data[at], 1e-8);
        if (!(fabs(got - want) <= 1e-6 * top))
            fail_msg("%s: gradient of %s is %.10g, differences give %.10g", what, p->name, got, want);
        later += strncmp(p->name, "stage", 5) == 0;
    }
    assert_true(later > 5);
}

static void check(int stages, const char *body, const char *more) {
    char texts[3][64];
    snprintf(texts[0], sizeof texts[0], "cascade.stages=%d", stages);
    snprintf(texts[1], sizeof texts[1], "cascade.body=%s", body);
    const char *sets[] = {texts[0],
                          texts[1],
                          more,
                          "model.channels=16",
                          "train.batch=2",
                          "input.size=64",
                          "cascade.positive_iou=0.45,0.35,0.3",
                          "cascade.negative_iou=0.3,0.3,0.3",
                          "cascade.weights=1,0.5,2",
                          "loss.min_negatives=4"};
    rf_config config;
    rf_params *params;
    rf_train_graph net;
    fixed f;
    if (rf_config_load(NULL, sets, sizeof sets / sizeof *sets, &config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 5);
    if (rf_train_graph_make(&config, params, &net) != RF_OK) fail_msg("%s", rf_error_message());
    net.exec = rf_exec_new(net.graph, &(rf_exec_options){.keep_all = true});
    assert_non_null(net.exec);
    fill_input(net.exec, net.detector.input);
    rf_loss_set_batch(net.loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces});
    assert_int_equal(rf_exec_forward(net.exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(net.exec, false), RF_OK);
    fixed_make(&f, params, &config);
    copy_targets(&net, &f);
    double loss = (double)*rf_exec_data(net.exec, net.values.total);
    assert_true(fabs(loss_of(&f) - loss) <= 1e-9 * loss);
    assert_true(rf_loss_counted(net.loss).positives > (size_t)stages);
    compare(params, &f, texts[1]);
    rf_exec_free(f.exec);
    rf_graph_free(f.graph);
    rf_train_graph_free(&net);
    rf_params_free(params);
}

static void gradients_equal_differences(void **state) {
    (void)state;
    make_faces();
    check(2, "context", "model.share_heads=no");
    check(2, "same", "model.context=rf");
    check(2, "context_features", "model.share_heads=yes");
    check(2, "predictions", "model.context=ssh");
    check(3, "context", "cascade.strides_box=8,16");
    check(3, "predictions", "cascade.strides_cls=8");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_equal_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
