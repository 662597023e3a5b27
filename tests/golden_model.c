/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "tests/faces_kit.h"
#include "tests/golden.h"
#include "train/optimizer.h"
#include "train/train_graph.h"

/* The faces of FACES and targets() in the script. */
static const float boxes[2][3][4] = {{{10, 12, 40, 50}, {60, 20, 84, 44}, {30, 70, 100, 126}},
                                     {{5, 80, 25, 100}, {70, 60, 118, 112}}};

/* Those of the file, when it has some, else these; returns how many an image has. */
static void make_faces(const rf_json *golden, rf_face faces[2][3], size_t n_faces[2]) {
    static const float px[5] = {0.3f, 0.7f, 0.5f, 0.35f, 0.65f}, py[5] = {0.4f, 0.4f, 0.6f, 0.8f, 0.8f};
    const rf_json *list = rf_json_get(golden, "faces");
    for (size_t b = 0; b < 2; b++) {
        n_faces[b] = list ? rf_json_size(rf_json_at(list, b)) : b ? 2 : 3;
        for (size_t i = 0; i < 3; i++) {
            rf_face *face = &faces[b][i];
            memset(face, 0, sizeof *face);
            memcpy(face->box, boxes[b][i], sizeof face->box);
            for (size_t k = 0; list && i < n_faces[b] && k < 4; k++)
                face->box[k] = (float)golden_at(rf_json_at(rf_json_at(list, b), i), k);
            face_give_points(face, RF_POINTS);
            for (int k = 0; k < 5; k++) {
                face->points[2 * k] = face->box[0] + px[k] * (face->box[2] - face->box[0]);
                face->points[2 * k + 1] = face->box[1] + py[k] * (face->box[3] - face->box[1]);
            }
        }
    }
}

/* Index of element `file` (PyTorch's order of dims) in the graph's layout is hidden in rf_param_from_file. */
static void fill_params(rf_params *params) {
    for (size_t p = 0; p < params->count; p++) {
        const rf_param *param = &params->entries[p];
        float *file = rf_alloc(param->count, sizeof *file);
        double scale = 0.25, offset = param->kind == RF_PARAM_BN_GAMMA || param->kind == RF_PARAM_BN_VAR ? 1 : 0;
        /* Small residual branches and heads keep a random deep network from amplifying rounding. */
        if (param->kind == RF_PARAM_BN_GAMMA && strstr(param->name, "bn3.weight")) scale = 0.05, offset = 0.2;
        bool weight = param->kind == RF_PARAM_CONV || param->kind == RF_PARAM_DWCONV;
        if (weight) scale = sqrt(3.0) * sqrt(1.5 / (double)(param->dims[1] * param->dims[2] * param->dims[3]));
        if (weight && strstr(param->name, "conv1x1")) scale *= 0.1;
        if (rf_param_is_state(param)) scale = 0;
        for (size_t i = 0; i < param->count; i++)
            file[i] = (float)golden_number(param->name, i) * (float)scale + (float)offset;
        rf_param_from_file(param, file, rf_params_values(params, param));
        rf_free(file);
    }
}

/* Norm, random projection and single elements of an array in the file's order. */
static void compare_sample(const rf_json *expected, const float *got, double tolerance, const char *what) {
    const char *name = golden_text(expected, "name");
    size_t count = (size_t)golden_get(expected, "count");
    char probe_name[160];
    snprintf(probe_name, sizeof probe_name, "%s.probe", name);
    double norm = 0, probe = 0, want = golden_get(expected, "norm");
    for (size_t i = 0; i < count; i++) {
        norm += (double)got[i] * (double)got[i];
        probe += (double)got[i] * golden_number(probe_name, i);
    }
    double difference = fabs(probe - golden_get(expected, "probe"));
    if (!(fabs(sqrt(norm) - want) <= tolerance * want))
        fail_msg("%s %s: norm %.9g, PyTorch has %.9g", what, name, sqrt(norm), want);
    if (!(difference <= tolerance * want * (1 + golden_get(expected, "probe_norm") / sqrt((double)count))))
        fail_msg("%s %s: projection differs by %.3g of norm %.9g", what, name, difference, want);
    const rf_json *values = rf_json_get(expected, "values"), *at = rf_json_get(expected, "at");
    for (size_t k = 0; k < golden_count(at); k++) {
        double index = golden_at(at, k), value = golden_at(values, k);
        if (!(fabs((double)got[(size_t)index] - value) <= tolerance * want))
            fail_msg("%s %s[%zu] is %.9g, PyTorch has %.9g", what, name, (size_t)index, (double)got[(size_t)index],
                     value);
    }
}

static void compare_outputs(const rf_train_graph *net, const rf_json *golden, double tolerance) {
    for (const rf_json *e = rf_json_first(rf_json_get(golden, "outputs")); e; e = rf_json_next(e)) {
        size_t count = (size_t)golden_get(e, "count");
        rf_value value = rf_graph_find(net->graph, golden_text(e, "name"));
        assert_int_not_equal(value, RF_NONE);
        rf_shape shape = rf_graph_shape(net->graph, value);
        assert_int_equal(rf_shape_count(&shape), count);
        float *copy = rf_alloc(count, sizeof *copy);
        for (size_t k = 0; k < count; k++) copy[k] = (float)rf_exec_data(net->exec, value)[k];
        compare_sample(e, copy, tolerance, "output");
        rf_free(copy);
    }
}

static void compare_params(const rf_params *params, const rf_json *list, bool grads, double tolerance) {
    size_t n = 0;
    for (const rf_json *e = rf_json_first(list); e; e = rf_json_next(e), n++) {
        const rf_param *param = rf_params_find(params, golden_text(e, "name"));
        if (!param) fail_msg("no parameter '%s'", golden_text(e, "name"));
        assert_int_equal(param->count, (size_t)golden_get(e, "count"));
        float *file = rf_alloc(param->count, sizeof *file);
        rf_param_to_file(param, grads ? params->grad + param->offset : rf_params_values(params, param), file);
        compare_sample(e, file, tolerance, grads ? "gradient of" : "statistics of");
        rf_free(file);
    }
    assert_true(n >= 40);
}

static void load_config(const char *path, const rf_json *golden, rf_config *config) {
    char texts[4][64];
    snprintf(texts[0], sizeof texts[0], "train.batch=%d", (int)golden_get(golden, "batch"));
    snprintf(texts[1], sizeof texts[1], "input.size=%d", (int)golden_get(golden, "size"));
    snprintf(texts[2], sizeof texts[2], "optim.lr=%.17g", golden_get(golden, "lr"));
    snprintf(texts[3], sizeof texts[3], "optim.weight_decay=0.0005");
    const char *overrides[64] = {texts[0],
                                 texts[1],
                                 texts[2],
                                 texts[3],
                                 "match.positive_iou=0.5",
                                 "match.negative_iou=0.3",
                                 "match.force_best=yes",
                                 "match.force_min_iou=0",
                                 "loss.cls_weight=1",
                                 "loss.box_weight=2",
                                 "loss.landmark_weight=1",
                                 "loss.box_beta=1",
                                 "loss.landmark_beta=1",
                                 "loss.negative_ratio=3",
                                 "loss.min_negatives=1",
                                 "anchors.variance_centre=0.1",
                                 "anchors.variance_size=0.2",
                                 "optim.decay_bn_bias=yes",
                                 "optim.momentum=0.9",
                                 "optim.nesterov=no",
                                 "optim.backbone_lr=1",
                                 "optim.head_lr=1",
                                 "model.freeze_stages=0",
                                 "model.freeze_bn=no",
                                 "model.share_heads=no"};
    size_t n = 0;
    while (overrides[n]) n++;
    /* What the file says comes last and wins. */
    for (const rf_json *e = rf_json_first(rf_json_get(golden, "settings")); e && n < 64; e = rf_json_next(e))
        assert_true(rf_json_string(e, &overrides[n++]));
    if (rf_config_load(path, overrides, n, config) != RF_OK) fail_msg("%s", rf_error_message());
}

static double at_least(const rf_json *golden, const char *key, double tolerance) {
    double theirs = 3 * golden_get(golden, key);
    return theirs > tolerance ? theirs : tolerance;
}

/* Where PyTorch's own float32 strays further from its double precision than the tolerance, three times that is allowed.
 */
static void widen(const rf_json *golden, golden_tolerance *t) {
    t->outputs = at_least(golden, "float32_outputs", t->outputs);
    t->grads = at_least(golden, "float32_grads", t->grads);
    t->losses = at_least(golden, "float32_losses", t->losses);
}

void golden_check_model(const char *file, const char *config_path, golden_tolerance tolerance) {
    rf_json *golden = golden_open(file);
    if (tolerance.like_float32) widen(golden, &tolerance);
    rf_config *config = rf_alloc(1, sizeof *config);
    rf_params *params = NULL;
    rf_optimizer optimizer;
    rf_train_graph net;
    load_config(config_path, golden, config);
    assert_int_equal(rf_detector_params(config, &params), RF_OK);
    assert_int_equal(rf_params_learnable(params), (size_t)golden_get(golden, "params"));
    fill_params(params);
    assert_int_equal(rf_optimizer_init(&optimizer, config, params), RF_OK);
    if (rf_train_graph_make(config, params, &net) != RF_OK) fail_msg("%s", rf_error_message());
    net.exec = rf_exec_new(net.graph, NULL);
    assert_non_null(net.exec);
    rf_real *input = rf_exec_data(net.exec, net.detector.input);
    rf_shape shape = rf_graph_shape(net.graph, net.detector.input);
    rf_face faces[2][3], *lists[2] = {faces[0], faces[1]};
    size_t n_faces[2];
    make_faces(golden, faces, n_faces);
    rf_loss_batch batch = {.faces = lists, .n_faces = n_faces};
    rf_loss_set_batch(net.loss, &batch);
    for (int step = 0; step < tolerance.steps; step++) {
        for (size_t i = 0; i < rf_shape_count(&shape); i++) input[i] = (rf_real)(2 * (float)golden_number("input", i));
        assert_int_equal(rf_exec_forward(net.exec, true), RF_OK);
        assert_int_equal(rf_exec_backward(net.exec, false), RF_OK);
        if (step == 0) compare_outputs(&net, golden, tolerance.outputs);
        if (step == 0) compare_params(params, rf_json_get(golden, "grads"), true, tolerance.grads);
        double got = (double)*rf_exec_data(net.exec, net.values.total);
        double want = golden_at(rf_json_get(golden, "losses"), (size_t)step);
        if (!(fabs(got - want) <= tolerance.losses * want))
            fail_msg("loss of step %d is %.9g, PyTorch has %.9g", step + 1, got, want);
        rf_optimizer_step(&optimizer, config->optim.lr, 1);
    }
    if (tolerance.steps == (int)golden_count(rf_json_get(golden, "losses")))
        compare_params(params, rf_json_get(golden, "statistics"), false, tolerance.losses * 10);
    rf_train_graph_free(&net);
    rf_optimizer_free(&optimizer);
    rf_params_free(params);
    rf_free(config);
    golden_close(golden);
}
