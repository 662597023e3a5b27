/* SPDX-License-Identifier: Apache-2.0 */
/* Targets, losses and gradients of cascades against what scripts/golden_cascade.py computed with PyTorch. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "tests/faces_kit.h"
#include "tests/golden.h"
#include "detect/loss/loss.h"
#include "detect/sampler.h"
#include "detect/loss/loss_norm.h"
#include "tests/outputs_kit.h"

enum { IMAGES = 3, LEVELS = 3, KINDS = 3, CLS = 0, LOC = 1, POINTS = 2 };
static const int widths[KINDS] = {2, 4, 2 * RF_POINTS};
static const char *const kinds[KINDS] = {"cls", "loc", "points"};
static const double scales[KINDS] = {3, 1.5, 1.5};

/* FACES of the script. */
static const float boxes[IMAGES][3][5] = {
    {{10.375f, 12.125f, 34.25f, 40.5f, 1}, {50.25f, 20.625f, 72.5f, 44.125f, 0}, {22.5f, 44.375f, 88.25f, 92.75f, 1}},
    {{5.125f, 60.75f, 25.5f, 82.375f, 0}, {40.25f, 30.5f, 78.625f, 70.125f, 1}}};
static const size_t n_faces[IMAGES] = {3, 2, 0};
static rf_face faces[IMAGES][3], *const lists[IMAGES] = {faces[0], faces[1], faces[2]};

/* CASES of the script. */
static const struct {
    const char *name, *settings[12];
} cases[] = {
    {"two", {"cascade.stages=2", "cascade.positive_iou=0.5,0.45"}},
    {"boxes",
     {"cascade.stages=2", "cascade.positive_iou=0.6,0.5", "cascade.negative_iou=0.35,0.4", "cascade.weights=0.5,2",
      "cascade.strides_cls=", "cascade.strides_box=16,32", "cascade.landmarks=no", "anchors.plus_one=yes"}},
    {"three",
     {"cascade.stages=3", "cascade.positive_iou=0.45,0.4,0.35", "cascade.negative_iou=0.3,0.4,0.3",
      "cascade.weights=1,0.5,2", "cascade.strides_cls=8", "cascade.strides_box=16,32", "cascade.single=last"}},
};

static void make_faces(void) {
    static const float px[5] = {0.3f, 0.7f, 0.5f, 0.35f, 0.65f}, py[5] = {0.4f, 0.4f, 0.6f, 0.8f, 0.8f};
    for (size_t b = 0; b < IMAGES; b++)
        for (size_t i = 0; i < n_faces[b]; i++) {
            const float *box = boxes[b][i];
            faces[b][i] = (rf_face){.score = 1};
            face_give_points(&faces[b][i], RF_POINTS);
            memcpy(faces[b][i].box, box, sizeof faces[b][i].box);
            for (int k = 0; k < 5; k++) {
                faces[b][i].points[2 * k] = box[0] + px[k] * (box[2] - box[0]);
                faces[b][i].points[2 * k + 1] = box[1] + py[k] * (box[3] - box[1]);
            }
            if (!(box[4] > 0)) faces[b][i].n_points = 0;
        }
}

static rf_config settings_of(size_t c) {
    const char *sets[24] = {"input.size=96",          "anchors.sizes=16,24,32,48,64,80",
                            "match.force_best=no",    "loss.negative_ratio=3",
                            "loss.min_negatives=5",   "loss.box_beta=0.5",
                            "loss.landmark_beta=0.5", "loss.cls_weight=1.5",
                            "loss.box_weight=2",      "loss.landmark_weight=0.75"};
    size_t n = 10;
    rf_config config;
    for (int i = 0; cases[c].settings[i]; i++) sets[n++] = cases[c].settings[i];
    if (rf_config_load(NULL, sets, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* A graph without a network: the predictions of every stage are parameters. */
typedef struct rig {
    rf_graph *graph;
    rf_exec *exec;
    rf_loss *loss;
    rf_loss_values values;
    rf_output_list outputs;
    rf_real *data[RF_NET_STAGES][KINDS], *grad[RF_NET_STAGES][KINDS];
    size_t count[RF_NET_STAGES][KINDS];
} rig;

static rf_value leaf(rig *r, int stage, int kind, size_t rows) {
    char name[24];
    snprintf(name, sizeof name, "%s%d", kinds[kind], stage + 1);
    size_t count = IMAGES * rows * (size_t)widths[kind];
    r->count[stage][kind] = count;
    rf_real *data = r->data[stage][kind] = rf_alloc(count, sizeof *data);
    r->grad[stage][kind] = rf_alloc(count, sizeof *data);
    for (size_t i = 0; i < count; i++) data[i] = (rf_real)((float)golden_number(name, i) * (float)scales[kind]);
    return rf_graph_param(r->graph, name, (rf_shape){3, {IMAGES, (int)rows, widths[kind]}}, data, r->grad[stage][kind]);
}

/* The stages of the network that the same settings describe, with parameters in place of its outputs. */
static void copy_stages(rig *r, const rf_config *config, rf_detector *detector) {
    rf_graph *graph = rf_graph_new();
    rf_params *params = NULL;
    assert_int_equal(rf_detector_params(config, &params), RF_OK);
    assert_int_equal(rf_detector_build(graph, params, config, IMAGES, 96, 96, RF_TRAIN, detector), RF_OK);
    rf_graph_free(graph);
    rf_params_free(params);
    for (int k = 0; k < rf_outputs_stages(&detector->outputs); k++) {
        for (int kind = 0; kind < KINDS; kind++) {
            rf_output_rows rows = rf_outputs_rows(&detector->outputs, kinds[kind], k);
            if (rows.value != RF_NONE) kit_replace(&detector->outputs, kinds[kind], k, leaf(r, k, kind, rows.count));
        }
    }
}

static void rig_make(rig *r, const rf_config *config) {
    rf_detector detector;
    *r = (rig){.graph = rf_graph_new()};
    copy_stages(r, config, &detector);
    r->outputs = detector.outputs;
    assert_int_equal(rf_loss_make(config, IMAGES, 96, 96, &r->loss), RF_OK);
    if (rf_loss_build(r->loss, r->graph, &detector, &r->values) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_graph_backward(r->graph, &r->values.total, 1), RF_OK);
    r->exec = rf_exec_new(r->graph, &(rf_exec_options){.keep_all = true});
    assert_non_null(r->exec);
    rf_loss_set_batch(r->loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces});
}

static void rig_run(rig *r) {
    uint64_t before = rf_alloc_count();
    assert_int_equal(rf_exec_forward(r->exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(r->exec, false), RF_OK);
    assert_int_equal(rf_alloc_count(), before);
}

static void rig_free(rig *r) {
    rf_exec_free(r->exec);
    rf_graph_free(r->graph);
    rf_loss_free(r->loss);
    for (int k = 0; k < RF_NET_STAGES; k++)
        for (int i = 0; i < KINDS; i++) {
            rf_free(r->data[k][i]);
            rf_free(r->grad[k][i]);
        }
}

static void near(double got, double want, double tolerance, const char *what, int stage) {
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%s of stage %d: %.9g, PyTorch has %.9g", what, stage + 1, got, want);
}

/* The labels that the host node of a stage wrote: sum over the rows of (row + 1) * label, image by image. */
static double label_checksum(const rig *r, int stage) {
    double sum = 0;
    for (int i = 0, host = 0; i < rf_graph_node_count(r->graph); i++) {
        rf_node_info node = rf_graph_node(r->graph, i);
        if (node.op || host++ != stage) continue;
        rf_shape shape = rf_graph_shape(r->graph, node.outputs[0]);
        const rf_real *label = rf_exec_data(r->exec, node.outputs[0]);
        for (int k = 0; k < shape.d[0] * shape.d[1]; k++)
            if (label[k] > 0) sum += k % shape.d[1] + 1;
    }
    return sum;
}

/* The terms of stage k: those of the whole where it is the only one. */
static void values_of_stage(const rig *r, int n_stages, int k, rf_value values[KINDS]) {
    static const char *const terms[KINDS] = {"cls", "box", "points"};
    char name[RF_TERM_NAME];
    for (size_t i = 0; i < KINDS; i++) {
        snprintf(name, sizeof name, n_stages > 1 ? "%s%d" : "%s", terms[i], k + 1);
        const rf_term *term = rf_terms_find(&r->values.terms, name);
        assert_non_null(term);
        assert_true(!(term->flags & RF_TERM_SUM) == (n_stages > 1));
        values[i] = term->value;
    }
}

static void compare_stage(const rig *r, const rf_json *want, int n_stages, int k) {
    rf_value values[KINDS];
    values_of_stage(r, n_stages, k, values);
    for (size_t i = 0; i < KINDS; i++) {
        double loss = values[i] == RF_NONE ? 0 : (double)*rf_exec_data(r->exec, values[i]);
        near(loss, golden_at(rf_json_get(want, "parts"), i), 2e-6, kinds[i], k);
        const rf_json *grad = rf_json_at(rf_json_get(want, "grads"), i);
        double norm = 0, probe = 0, scale = golden_at(grad, 0);
        for (size_t j = 0; j < r->count[k][i]; j++) {
            norm += (double)r->grad[k][i][j] * (double)r->grad[k][i][j];
            probe += (double)r->grad[k][i][j] * golden_number("probe", j);
        }
        near(sqrt(norm), scale, 2e-6, "norm of a gradient", k);
        near(probe, golden_at(grad, 1), 2e-6, "projection of a gradient", k);
        assert_true((values[i] == RF_NONE) == (r->count[k][i] == 0));
    }
    if (values[0] != RF_NONE) near(label_checksum(r, k), golden_get(want, "checksum"), 0, "labels", k);
}

static void losses_equal_pytorch(void **state) {
    (void)state;
    rf_json *golden = golden_open("cascade.json");
    make_faces();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const rf_json *want = rf_json_at(golden, c), *stages = rf_json_get(want, "stages");
        rf_config config = settings_of(c);
        size_t positives = 0, landmarks = 0, negatives = 0;
        rig r;
        assert_string_equal(golden_text(want, "name"), cases[c].name);
        rig_make(&r, &config);
        rig_run(&r);
        near((double)*rf_exec_data(r.exec, r.values.total), golden_get(want, "total"), 2e-6, "total", -1);
        for (int k = 0; k < config.cascade.stages; k++) {
            const rf_json *stage = rf_json_at(stages, (size_t)k);
            compare_stage(&r, stage, (int)config.cascade.stages, k);
            positives += (size_t)golden_get(stage, "positives");
            landmarks += (size_t)golden_get(stage, "landmarks");
            negatives += (size_t)golden_get(stage, "negatives");
        }
        rf_loss_counts counts = rf_loss_counted(r.loss);
        assert_int_equal(counts.positives, positives);
        assert_int_equal(counts.landmarks, landmarks);
        assert_int_equal(counts.negatives, negatives);
        rig_free(&r);
    }
    golden_close(golden);
}

/* One thread and two give the same bits. */
static void threads_change_nothing(void **state) {
    (void)state;
    rf_config config = settings_of(2);
    rf_real *first[RF_NET_STAGES][KINDS] = {{NULL}};
    make_faces();
    for (int threads = 1; threads <= 2; threads++) {
        rig r;
        rf_set_threads(threads);
        rig_make(&r, &config);
        rig_run(&r);
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < KINDS; i++) {
                size_t bytes = r.count[k][i] * sizeof(rf_real);
                if (threads == 2) assert_memory_equal(first[k][i], r.grad[k][i], bytes);
                if (threads == 2) rf_free(first[k][i]);
                if (threads == 1) first[k][i] = rf_alloc(r.count[k][i], sizeof(rf_real));
                if (threads == 1) memcpy(first[k][i], r.grad[k][i], bytes);
            }
        rig_free(&r);
    }
    rf_set_threads(0);
}

/* cascade.landmark_weights multiply the landmarks' gradients, stage by stage, and nothing else. */
static void landmarks_of_stages_are_weighed(void **state) {
    (void)state;
    static const double weight[] = {4, 0.5};
    rf_config plain = settings_of(0), weighed = settings_of(0);
    weighed.cascade.landmark_weights.n = 2;
    for (int k = 0; k < 2; k++) weighed.cascade.landmark_weights.v[k] = weight[k];
    rig a, b;
    rig_make(&a, &plain);
    rig_make(&b, &weighed);
    rig_run(&a);
    rig_run(&b);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < KINDS; i++) {
            double factor = i == POINTS ? weight[k] : 1, most = 0;
            for (size_t j = 0; j < a.count[k][i]; j++) {
                assert_float_equal((double)b.grad[k][i][j], factor * (double)a.grad[k][i][j], 1e-9);
                most = fmax(most, fabs((double)a.grad[k][i][j]));
            }
            assert_true(most > 0);
        }
    rig_free(&a);
    rig_free(&b);
}

/* Which of the levels that predict something have the gradients of `all`, as bits; the others must have none. */
static unsigned levels_that_train(const rig *all, const rig *r, int k, int kind) {
    static const long first[] = {0, 2 * 144, 2 * (144 + 36), 2 * (144 + 36 + 9)}; /* of 96 x 96 pixels */
    rf_output_rows s = rf_outputs_rows(&r->outputs, kinds[kind], k);
    const long *begin = s.first;
    size_t rows = s.count, width = (size_t)widths[kind];
    unsigned found = 0;
    for (int l = 0; l < LEVELS && r->count[k][kind]; l++) {
        size_t n = (size_t)(first[l + 1] - first[l]) * width, zero = 0, same = 0, silent = 0;
        if (begin[l] < 0) continue;
        for (size_t i = 0; i < IMAGES; i++)
            for (size_t j = 0; j < n; j++) {
                size_t at = (rows * i + (size_t)begin[l]) * width + j;
                zero += r->grad[k][kind][at] == 0;
                same += r->grad[k][kind][at] == all->grad[k][kind][at];
                silent += all->grad[k][kind][at] == 0;
            }
        if (silent == IMAGES * n) continue; /* no positive there: nothing to tell the levels apart by */
        assert_true(zero == IMAGES * n || same == IMAGES * n);
        found |= (unsigned)(same == IMAGES * n) << l;
    }
    return found;
}

/* match.random_level: where levels are mined and weighed by themselves, one has the gradients that it always has and
 * the others have none, the same one in every stage; each level is drawn, and the same one for the same number. */
static void one_level_trains(void **state) {
    (void)state;
    make_faces();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        rf_config config = settings_of(c);
        rig all, one;
        int drawn[LEVELS] = {0}, before[24] = {0};
        config.loss.mining = rf_sampler_id("level_hard");
        config.loss.normalise = rf_loss_norm_id("level_fixed");
        rig_make(&all, &config);
        rig_run(&all);
        config.match.random_level = true;
        rig_make(&one, &config);
        for (int round = 0; round < 48; round++) {
            uint64_t number = (uint64_t)round % 24;
            unsigned level = 0;
            rf_loss_set_batch(one.loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces, .number = number});
            rig_run(&one);
            for (int k = 0; k < config.cascade.stages; k++)
                for (int i = 0; i < KINDS; i++) level |= levels_that_train(&all, &one, k, i);
            assert_true(level == 1 || level == 2 || level == 4);
            if (round >= 24) assert_int_equal(level, before[number]);
            before[number] = (int)level;
            drawn[level / 2]++;
        }
        for (int l = 0; l < LEVELS; l++) assert_true(drawn[l] >= 8);
        rig_free(&all);
        rig_free(&one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_equal_pytorch),
                                       cmocka_unit_test(landmarks_of_stages_are_weighed),
                                       cmocka_unit_test(one_level_trains), cmocka_unit_test(threads_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
