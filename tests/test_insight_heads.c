/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's heads beyond the usual three: classes with several candidates (USE_MAXOUT), whole heads (HEAD_BOX). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "detect/box.h"
#include "layers/init.h"
#include "tests/config_text.h"
#include "tests/golden.h"
#include "train/train_graph.h"

static rf_params *params_of(const rf_config *config) {
    rf_params *params;
    expect_ok(rf_detector_params(config, &params));
    rf_params_init(params, 1);
    return params;
}

static void refused(const char *ini, const char *words) {
    rf_params *params;
    rf_config config = config_of(ini);
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' lacks '%s'", rf_error_message(), words);
}

/* ---- max-out classes ---- */

/* The values of a head's convolution at a level, of all its weights 0 and the biases numbers by name. */
static const rf_real *head_biases(rf_params *params, const char *stage, int level, size_t channels) {
    char name[64];
    snprintf(name, sizeof name, "%sClassHead.%d.conv1x1.weight", stage, level);
    const rf_param *w = rf_params_find(params, name);
    memset(rf_params_values(params, w), 0, w->count * sizeof(rf_real));
    strcpy(strstr(name, "weight"), "bias");
    const rf_param *b = rf_params_find(params, name);
    assert_int_equal(b->count, channels);
    for (size_t i = 0; i < b->count; i++) rf_params_values(params, b)[i] = (rf_real)golden_number(name, i);
    return rf_params_values(params, b);
}

static rf_real most(const rf_real *x, int n) {
    rf_real best = x[0];
    for (int i = 1; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

/* Heads without weights: an output is the largest of its biases. */
static void check_maxima(const char *ini, bool both, const char *stage, int which) {
    rf_config config = config_of(ini);
    rf_params *params = params_of(&config);
    const rf_real *biases[3];
    int candidates[3][2] = {{3, 1}, {1, both ? 3 : 1}, {1, both ? 3 : 1}};
    for (int l = 0; l < 3; l++)
        biases[l] = head_biases(params, stage, l, 2 * (size_t)(candidates[l][0] + candidates[l][1]));
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    expect_ok(rf_detector_build(graph, params, &config, 1, 64, 96, RF_EVAL, &d));
    rf_exec *exec = rf_exec_new(graph, NULL);
    expect_ok(rf_exec_forward(exec, false));
    const rf_real *cls = rf_exec_data(exec, rf_outputs_value(&d.outputs, "cls", which));
    size_t second = 2 * (8 * 12), third = second + 2 * (4 * 6);
    assert_int_equal(d.anchors, third + 2 * (2 * 3));
    for (size_t a = 0; a < d.anchors; a++) {
        int level = a >= third ? 2 : a >= second, *n = candidates[level];
        const rf_real *bias = biases[level] + a % 2 * (size_t)(n[0] + n[1]);
        assert_true(cls[2 * a] == most(bias, n[0]) && cls[2 * a + 1] == most(bias + n[0], n[1]));
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_params_free(params);
}

static void classes_are_maxima(void **state) {
    (void)state;
    check_maxima("[model]\nchannels=16\nmaxout=background\n", false, "", 0);
    check_maxima("[model]\nchannels=16\nmaxout=both\n", true, "", 0);
    check_maxima("[model]\nchannels=16\nmaxout=both\n[cascade]\nstages=2\nbody=predictions\n", true, "stage2.", 1);
}

static void maxima_that_cannot_be(void **state) {
    (void)state;
    refused("[model]\nmaxout=background\nshare_heads=yes\n", "set model.share_heads = no");
    refused("[model]\npreset=refineface\nbackbone=resnet18\nmaxout=both\n", "one logit an anchor");
}

/* ---- whole heads ---- */

static void heads_by_hand(void **state) {
    (void)state;
    static const float faces[3][4] = {{40, 40, 60, 50}, {-6, 2, 10, 12}, {80, 60, 100, 90}};
    static const float heads[3][4] = {{30, 35, 70, 55}, {0, 0, 18, 17}, {70, 45, 110, 96}};
    for (int i = 0; i < 3; i++) {
        float head[4];
        rf_box_head(faces[i], 120, 96, head);
        assert_memory_equal(head, heads[i], sizeof head);
    }
}

enum { SIDE = 96, BATCH = 2 };

/* A training step on two pictures. */
typedef struct rig {
    rf_config config;
    rf_params *params;
    rf_train_graph net;
} rig;

static void run_step(rig *r) {
    rf_real *input = rf_exec_data(r->net.exec, r->net.detector.input);
    for (size_t i = 0; i < BATCH * SIDE * SIDE * 3; i++) input[i] = (rf_real)(50 * golden_number("input", i));
    expect_ok(rf_exec_forward(r->net.exec, true));
    expect_ok(rf_exec_backward(r->net.exec, false));
}

static void open_rig(rig *r, const char *model, const char *more) {
    static rf_face faces[BATCH][2] = {{{.box = {18, 14, 50, 44}}, {.box = {60, 20, 78, 40}}},
                                      {{.box = {-8, 60, 30, 92}}, {.box = {70, 4, 90, 28}}}};
    static rf_face *const lists[BATCH] = {faces[0], faces[1]};
    static const size_t n_faces[BATCH] = {2, 2};
    char text[400];
    snprintf(text, sizeof text, "[model]\nchannels=16\n%s[input]\nsize=%d\n[train]\nbatch=%d\n%s", model, SIDE, BATCH,
             more);
    r->config = config_of(text);
    r->params = params_of(&r->config);
    expect_ok(rf_train_graph_make(&r->config, r->params, &r->net));
    expect_ok(rf_train_graph_plan(&r->config, &r->net));
    expect_ok(rf_loss_set_batch(r->net.loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces}));
    run_step(r);
}

static void close_rig(rig *r) {
    rf_train_graph_free(&r->net);
    rf_params_free(r->params);
}

static double value_of(const rig *r, rf_value v) {
    return (double)*rf_exec_data(r->net.exec, v);
}

/* Norm of the gradients of the parameters whose name begins so. */
static double gradient_norm(const rig *r, const char *prefix) {
    double sum = 0;
    for (size_t i = 0; i < r->params->count; i++) {
        const rf_param *p = &r->params->entries[i];
        if (rf_param_is_state(p) || strncmp(p->name, prefix, strlen(prefix)) != 0) continue;
        for (size_t k = 0; k < p->count; k++)
            sum += (double)r->params->grad[p->offset + k] * (double)r->params->grad[p->offset + k];
    }
    return sqrt(sum);
}

/* The gradients of what both have, bit for bit. */
static bool same_gradients(const rig *a, const rig *b) {
    for (size_t i = 0; i < a->params->count; i++) {
        const rf_param *p = &a->params->entries[i], *q = rf_params_find(b->params, p->name);
        assert_non_null(q);
        if (rf_param_is_state(p)) continue;
        const rf_real *x = a->params->grad + p->offset, *y = b->params->grad + q->offset;
        for (size_t k = 0; k < p->count; k++)
            if (x[k] != y[k]) return false;
    }
    return true;
}

/* Beside the faces' loss, which stays as it is; with weight 0 the rest of the network does not see it. */
static void a_second_task(void **state) {
    (void)state;
    rig plain, silent, whole;
    open_rig(&plain, "", "");
    open_rig(&silent, "head_box=yes\n", "[loss]\nhead_box_weight=0\n");
    open_rig(&whole, "head_box=yes\n", "[loss]\nhead_box_weight=0.5\n");
    assert_true(rf_terms_value(&plain.net.values.terms, "head_cls") == RF_NONE &&
                rf_terms_value(&plain.net.values.terms, "head_box") == RF_NONE);
    assert_int_equal(whole.params->count, plain.params->count + 3 * 4); /* two heads a level */
    assert_true(same_gradients(&plain, &silent) && !same_gradients(&plain, &whole));
    assert_true(gradient_norm(&silent, "head.") == 0);
    assert_true(gradient_norm(&whole, "head.ClassHead.") > 0.01 && gradient_norm(&whole, "head.BboxHead.") > 0.01);
    double cls = value_of(&whole, rf_terms_value(&whole.net.values.terms, "head_cls")),
           box = value_of(&whole, rf_terms_value(&whole.net.values.terms, "head_box"));
    double own = value_of(&plain, plain.net.values.total);
    assert_true(cls > 0 && box > 0 && value_of(&silent, silent.net.values.total) == own);
    assert_float_equal(value_of(&whole, whole.net.values.total), own + 0.5 * (cls + 2 * box), 1e-5 * own);
    close_rig(&plain);
    close_rig(&silent);
    close_rig(&whole);
}

/* Threads and recomputing change no bit, also with shared heads and in a cascade. */
static void the_same_bits(void **state) {
    (void)state;
    static const char *const models[][2] = {
        {"head_box=yes\nmaxout=both\n", ""},
        {"head_box=yes\nshare_heads=yes\nlandmarks=no\n", "[loss]\nkind=refineface\n"},
        {"head_box=yes\nmaxout=background\n", "[cascade]\nstages=2\nstrides_cls=8\nsingle=last\n"},
    };
    for (int k = 0; k < 3; k++) {
        rig first, other;
        char recompute[200];
        rf_set_threads(1);
        open_rig(&first, models[k][0], models[k][1]);
        assert_true(gradient_norm(&first, "head.") > 0);
        for (int threads = 2; threads <= 3; threads++) {
            rf_set_threads(threads);
            snprintf(recompute, sizeof recompute, "recompute=%s\n%s", threads == 3 ? "yes" : "no", models[k][1]);
            open_rig(&other, models[k][0], recompute);
            assert_true(same_gradients(&first, &other));
            close_rig(&other);
        }
        close_rig(&first);
    }
    rf_set_threads(0);
}

/* A batch with more faces than the ones before, also when memory is out. */
static void faces_come_and_go(void **state) {
    (void)state;
    enum { MANY = 300 };
    static rf_face faces[MANY];
    static rf_face *const lists[BATCH] = {faces, NULL};
    static const size_t many[BATCH] = {MANY, 0}, none[BATCH] = {0, 0};
    rig r;
    open_rig(&r, "head_box=yes\n", "");
    for (int i = 0; i < MANY; i++) {
        float x = (float)(i % 80), y = (float)(i / 4);
        faces[i] = (rf_face){.box = {x, y, x + 14, y + 16}, .ignore = i % 3 == 0};
    }
    rf_loss_batch batch = {.faces = lists, .n_faces = many};
    rf_alloc_fail_at(1);
    assert_int_equal(rf_loss_set_batch(r.net.loss, &batch), RF_ERR_NOMEM);
    rf_alloc_fail_at(0);
    expect_ok(rf_loss_set_batch(r.net.loss, &batch));
    run_step(&r);
    assert_true(value_of(&r, rf_terms_value(&r.net.values.terms, "head_box")) > 0);
    batch.n_faces = none;
    expect_ok(rf_loss_set_batch(r.net.loss, &batch));
    run_step(&r);
    assert_true(value_of(&r, rf_terms_value(&r.net.values.terms, "head_box")) == 0 &&
                value_of(&r, rf_terms_value(&r.net.values.terms, "head_cls")) > 0);
    close_rig(&r);
}

static void evaluation_has_no_heads(void **state) {
    (void)state;
    rf_config config = config_of("[model]\nchannels=16\nhead_box=yes\n");
    rf_params *params = params_of(&config);
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    expect_ok(rf_detector_build(graph, params, &config, 1, SIDE, SIDE, RF_EVAL, &d));
    assert_true(rf_outputs_value(&d.outputs, "head_cls", 0) == RF_NONE &&
                rf_outputs_value(&d.outputs, "head_loc", 0) == RF_NONE);
    for (int i = 0; i < rf_graph_node_count(graph); i++) assert_null(strstr(rf_graph_node(graph, i).name, "head."));
    assert_non_null(rf_params_find(params, "head.ClassHead.2.conv1x1.weight"));
    rf_graph_free(graph);
    /* The table of layers, which is of the training graph, has them level by level. */
    rf_layer_row *rows;
    size_t n, count = 0, found = 0;
    expect_ok(rf_detector_table(&config, SIDE, SIDE, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        count += rows[i].params;
        found += strcmp(rows[i].name, "head.ClassHead.2") == 0 && rows[i].params == 4 * (16 + 1);
    }
    assert_true(count == rf_params_learnable(params) && found == 1);
    rf_free(rows);
    rf_params_free(params);
    refused("[model]\npreset=refineface\nbackbone=resnet18\nhead_box=yes\n", "set model.head_box = no");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_maxima),      cmocka_unit_test(maxima_that_cannot_be),
        cmocka_unit_test(heads_by_hand),           cmocka_unit_test(a_second_task),
        cmocka_unit_test(the_same_bits),           cmocka_unit_test(faces_come_and_go),
        cmocka_unit_test(evaluation_has_no_heads),
    };
    return cmocka_run_group_tests_name("insightface's heads", tests, NULL, NULL);
}
