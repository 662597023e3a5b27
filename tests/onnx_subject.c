/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/onnx_subject.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settings/classes.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/normalise.h"
#include "detect/spec.h"
#include "layers/init.h"

/* Scales a head so that its largest output is 4: random ones saturate, and equal scores have no order. */
static void scale_head(onnx_subject *s, const char *head, rf_value rows) {
    if (rows == RF_NONE) return;
    rf_shape shape = rf_graph_shape(s->net.graph, rows);
    const float *data = rf_exec_data(s->exec, rows);
    float largest = 0;
    for (size_t i = 0; i < rf_shape_count(&shape); i++) largest = fmaxf(largest, fabsf(data[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < s->params->count; i++) {
        const rf_param *p = &s->params->entries[i];
        if (!strstr(p->name, head)) continue;
        for (size_t k = 0; k < p->count; k++) s->params->folded[p->offset + k] *= 4 / largest;
    }
}

/* Offsets start at 0, where a deformable convolution is a plain one. */
static void shake_offsets(rf_params *params) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_rng rng = rf_rng_make(5, 0, i, RF_STREAM_TEST);
        for (size_t k = 0; strstr(p->name, "conv_offset") && k < p->count; k++)
            rf_params_values(params, p)[k] = 0.03f * rf_rng_normal(&rng);
        /* The bias of focal loss would drown all differences of random logits. */
        for (size_t k = 0; strstr(p->name, "ClassTower.predict.bias") && k < p->count; k++)
            rf_params_values(params, p)[k] = 0;
    }
}

void onnx_subject_open(const char *ini, rf_export_options options, int h, int w, onnx_subject *s) {
    memset(s, 0, sizeof *s);
    s->options = options;
    if (rf_config_parse("test", ini, NULL, 0, &s->config) != RF_OK ||
        rf_detector_params(&s->config, &s->params) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_params_init(s->params, 11);
    shake_offsets(s->params);
    assert_int_equal(rf_params_fold(s->params, NULL), RF_OK);
    s->model = (rf_export_model){.config = &s->config, .params = s->params};
    int n = options.batch == 1 ? 1 : 2;
    if (rf_export_net_make(&s->model, n, h, w, &s->net) != RF_OK) fail_msg("%s", rf_error_message());
    s->exec = rf_exec_new(s->net.graph, &(rf_exec_options){.keep_all = true});
    assert_non_null(s->exec);
    rf_normaliser normaliser;
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    assert_int_equal(rf_normaliser_make(&s->config, &normaliser), RF_OK);
    size_t pixels = (size_t)h * (size_t)w;
    for (int i = 0; i < n; i++) {
        assert_int_equal(rf_image_alloc(&s->image[i], w, h), RF_OK);
        for (size_t k = 0; k < pixels * 3; k++) s->image[i].pixels[k] = (uint8_t)(rf_rng_u32(&rng) >> 24);
        rf_normalise(&normaliser, &s->image[i], rf_exec_data(s->exec, s->net.detector.input) + (size_t)i * pixels * 3,
                     (size_t)w);
    }
    assert_int_equal(rf_exec_forward(s->exec, false), RF_OK);
    scale_head(s, "ClassHead", rf_outputs_value(&s->net.detector.outputs, "cls", -1));
    scale_head(s, "BboxHead", rf_outputs_value(&s->net.detector.outputs, "loc", -1));
    scale_head(s, "ClassTower.predict", rf_outputs_value(&s->net.detector.outputs, "cls", -1));
    scale_head(s, "BoxTower.predict", rf_outputs_value(&s->net.detector.outputs, "loc", -1));
    scale_head(s, "LandmarkHead", rf_outputs_value(&s->net.detector.outputs, "points", -1));
    assert_int_equal(rf_exec_forward(s->exec, false), RF_OK);
}

void onnx_subject_export(onnx_subject *s, const char *path) {
    if (rf_export(rf_exporter_find("onnx"), &s->model, &s->options, path) != RF_OK) fail_msg("%s", rf_error_message());
    if (rf_onnx_read(path, &s->onnx) != RF_OK) fail_msg("%s", rf_error_message());
}

void onnx_subject_run(onnx_subject *s) {
    rf_shape shape = rf_graph_shape(s->net.graph, s->net.detector.input);
    int n = shape.d[0], h = shape.d[1], w = shape.d[2];
    bool raw = s->options.preprocess;
    onnx_array input = {.n = 4, .d = {n, raw ? h : 3, raw ? w : h, raw ? 3 : w}, .count = rf_shape_count(&shape)};
    input.v = rf_alloc(input.count, sizeof *input.v);
    assert_non_null(input.v);
    size_t pixels = (size_t)h * (size_t)w;
    const float *normal = rf_exec_data(s->exec, s->net.detector.input);
    for (size_t i = 0; i < input.count; i++) {
        size_t image = i / (3 * pixels), c = i / pixels % 3, p = i % pixels;
        input.v[i] = raw ? s->image[image].pixels[i % (3 * pixels)] : (double)normal[(image * pixels + p) * 3 + c];
    }
    onnx_eval_run(&s->eval, &s->onnx, &input);
    rf_free(input.v);
}

void onnx_subject_close(onnx_subject *s) {
    onnx_eval_free(&s->eval);
    rf_onnx_free(&s->onnx);
    rf_exec_free(s->exec);
    rf_export_net_free(&s->net);
    rf_image_free(&s->image[0]);
    rf_image_free(&s->image[1]);
    rf_params_free(s->params);
}

void onnx_check_near(const onnx_array *have, const double *want) {
    double largest = 0, difference = 0, spread = 0;
    for (size_t i = 0; i < have->count; i++) {
        spread = fmax(spread, fabs(want[i] - want[0]));
        largest = fmax(largest, fabs(want[i]));
        difference = fmax(difference, fabs(want[i] - have->v[i]));
        assert_true(isfinite(have->v[i]));
    }
    assert_true(have->count < 64 || spread > 1e-3 * largest);
    if (!(difference <= 2e-5 * largest)) fail_msg("%s differs by %g of %g", have->name, difference, largest);
}

static void check_map(onnx_subject *s, const char *part, int level, int stage, rf_value map) {
    char name[64];
    int stride = s->net.detector.stride[level];
    if (map == RF_NONE) return;
    snprintf(name, sizeof name, stage ? "face_%s_stride%d_stage%d" : "face_%s_stride%d", part, stride, stage + 1);
    const onnx_array *have = onnx_eval_find(&s->eval, name);
    rf_shape shape = rf_graph_shape(s->net.graph, map);
    const float *nhwc = rf_exec_data(s->exec, map);
    double *want = rf_alloc(have->count, sizeof *want);
    assert_non_null(want);
    assert_int_equal(have->count, rf_shape_count(&shape));
    assert_int_equal(have->d[1], shape.d[3]);
    size_t pixels = (size_t)shape.d[1] * (size_t)shape.d[2], c = (size_t)shape.d[3];
    for (size_t i = 0; i < have->count; i++)
        want[i] = (double)nhwc[(i / (pixels * c) * pixels + i % pixels) * c + i / pixels % c];
    onnx_check_near(have, want);
    rf_free(want);
}

int onnx_check_maps(onnx_subject *s) {
    int n = 0;
    for (int k = 0; k < rf_outputs_stages(&s->net.detector.outputs); k++)
        for (int l = 0; l < s->net.detector.n_levels; l++) {
            static const char *const names[][2] = {{"cls", "cls"}, {"loc", "box"}, {"points", "landmark"}};
            for (int i = 0; i < 3; i++) {
                rf_value map = rf_export_map(&s->net, names[i][0], k, l);
                check_map(s, names[i][1], l, k, map);
                n += map != RF_NONE;
            }
        }
    return n;
}

/* Soft-max of number i among the `width` of its row. */
static double probability(const float *data, size_t width, size_t i) {
    double all = 0;
    for (size_t k = i / width * width; k < i / width * width + width; k++)
        all += exp((double)data[k] - (double)data[i]);
    return 1 / all;
}

void onnx_check_rows(onnx_subject *s, const char *name, rf_value rows, bool softmax) {
    if (rows == RF_NONE) return;
    const onnx_array *have = onnx_eval_find(&s->eval, name);
    rf_shape shape = rf_graph_shape(s->net.graph, rows);
    const float *data = rf_exec_data(s->exec, rows);
    double *want = rf_alloc(have->count, sizeof *want);
    assert_non_null(want);
    assert_int_equal(have->n, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(have->d[i], shape.d[i]);
    for (size_t i = 0; i < have->count; i++)
        want[i] = softmax ? probability(data, (size_t)shape.d[2], i) : (double)data[i];
    onnx_check_near(have, want);
    rf_free(want);
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

double onnx_threshold_of(const onnx_subject *s) {
    rf_shape shape = rf_graph_shape(s->net.graph, rf_outputs_value(&s->net.detector.outputs, "cls", -1));
    size_t n = (size_t)shape.d[0] * (size_t)shape.d[1], at = 15;
    const float *cls = rf_exec_data(s->exec, rf_outputs_value(&s->net.detector.outputs, "cls", -1));
    double *scores = rf_alloc(n, sizeof *scores);
    assert_non_null(scores);
    assert_true(n > 15);
    rf_detect_spec spec;
    rf_anchor_set set;
    assert_int_equal(rf_detect_spec_from_config(&s->config, &spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&spec.anchors, s->image[0].height, s->image[0].width, &set), RF_OK);
    for (size_t i = 0; i < n; i++) {
        /* a cascade may classify some levels only; none here has factors */
        double factor = set.count != (size_t)shape.d[1]
                            ? 1
                            : (double)spec.level_scores[rf_anchor_level_of(&set, i % (size_t)shape.d[1])];
        const float *logits = cls + (size_t)shape.d[2] * i;
        double largest = (double)logits[1], all = 0;
        for (int k = 2; k < shape.d[2]; k++) largest = fmax(largest, (double)logits[k]);
        for (int k = 0; k < shape.d[2]; k++) all += exp((double)logits[k] - largest);
        scores[i] = factor / all;
    }
    rf_anchor_set_free(&set);
    qsort(scores, n, sizeof *scores, falling);
    for (size_t i = 15; i < 40 && i < n; i++)
        if (scores[i - 1] - scores[i] > scores[at - 1] - scores[at]) at = i;
    double middle = 0.5 * (scores[at - 1] + scores[at]);
    rf_free(scores);
    return middle;
}

void onnx_check_faces(const onnx_subject *s, int image, const rf_face_list *want, size_t *checked) {
    const onnx_array *boxes = onnx_eval_find(&s->eval, "boxes"), *scores = onnx_eval_find(&s->eval, "scores");
    const onnx_array *points = s->config.model.landmarks ? onnx_eval_find(&s->eval, "points") : NULL;
    int n_points = (int)s->config.data.points;
    const onnx_array *labels = rf_classes_count(&s->config) > 1 ? onnx_eval_find(&s->eval, "labels") : NULL;
    if (points) assert_int_equal(points->count, (size_t)(2 * n_points) * scores->count);
    for (size_t i = 0; i < want->n; i++) {
        double nearest = INFINITY;
        for (size_t k = 0; k < scores->count; k++) {
            if (s->options.batch != 1 && (int)onnx_eval_find(&s->eval, "image_of_face")->v[k] != image) continue;
            double distance = 1e4 * fabs(scores->v[k] - (double)want->items[i].score);
            if (labels && (int)labels->v[k] != want->items[i].label) continue;
            for (int j = 0; j < 4; j++)
                distance = fmax(distance, fabs(boxes->v[4 * k + (size_t)j] - (double)want->items[i].box[j]));
            for (int j = 0; points && j < 2 * n_points; j++)
                distance = fmax(distance, fabs(points->v[(size_t)(2 * n_points) * k + (size_t)j] -
                                               (double)want->items[i].points[j]));
            nearest = fmin(nearest, distance);
        }
        if (!(nearest < 1e-2)) fail_msg("face %zu of image %d is %g away", i, image, nearest);
        ++*checked;
    }
}
