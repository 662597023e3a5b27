/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace's modules: against PyTorch as a whole, and each by itself: margins, regions, two-step classification and
 * regression, what training has and evaluation lacks, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "tests/decode_kit.h"
#include "detect/spec.h"
#include "tests/golden.h"
#include "detect/margin.h"
#include "detectors/refineface/rois.h"
#include "train/train_graph.h"

enum { SIDE = 128, OVERRIDES = 24 };

/* A small RefineFace and settings of the test's own; the list ends with NULL. */
static rf_config configure(const char *const *own) {
    const char *all[OVERRIDES] = {"model.preset=refineface", "model.backbone=resnet18", "model.channels=16",
                                  "input.size=128",          "train.batch=2",           "model.freeze_stages=0"};
    size_t n = 6;
    rf_config config;
    while (*own) all[n++] = *own++;
    if (rf_config_load(NULL, all, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static void sizes_are_the_papers(void **state) {
    (void)state;
    rf_config config;
    rf_detect_spec spec;
    assert_int_equal(rf_config_load("configs/refineface_r50.ini", NULL, 0, &config), RF_OK);
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_int_equal(rf_anchor_count(&spec.anchors, 1024, 1024), 174720);
    rf_anchor_set set;
    assert_int_equal(rf_anchor_set_make(&spec.anchors, 256, 256, &set), RF_OK);
    const float *first = set.boxes, *last = set.boxes + 4 * (set.count - 1);
    assert_float_equal(first[3] / first[2], 1.25, 1e-5);
    assert_float_equal(first[2] * first[3], 64, 1e-3);
    assert_float_equal(sqrtf(last[2] * last[3]), 256 * sqrtf(2), 1e-2);
    rf_anchor_set_free(&set);
}

static void equals_pytorch(void **state) {
    (void)state;
    /* tests/double/test_refineface.c holds it to 1e-5 */
    golden_check_model("refineface.safetensors", NULL, (golden_tolerance){1e-4, 1e-2, 1e-3, 3, true});
}

/* ---- margins ---- */

static void margins_fall_with_the_size(void **state) {
    (void)state;
    rf_margin_spec spec = {.on = true, .margin = 0.5, .size = 32, .exponent = 0.5, .most = 2};
    const float medium[4] = {10, 20, 26, 84}, tiny[4] = {0, 0, 0.01f, 0.01f}, empty[4] = {5, 5, 5, 9};
    assert_float_equal(rf_margin_of(&spec, medium), 0.25, 1e-6); /* s = 32 */
    assert_float_equal(rf_margin_of(&spec, tiny), 0.5, 1e-3);
    assert_true(rf_margin_of(&spec, empty) == 0);
    spec.power = true;
    assert_float_equal(rf_margin_of(&spec, medium), 0.5, 1e-6);
    assert_true(rf_margin_of(&spec, tiny) == 2);
    for (int power = 0; power < 2; power++) {
        double before = INFINITY;
        spec.power = power;
        for (float side = 4; side < 1000; side *= 2) {
            double margin = rf_margin_of(&spec, (float[4]){0, 0, side, side});
            assert_true(margin > 0 && margin < before);
            before = margin;
        }
    }
    spec.on = false;
    assert_true(rf_margin_of(&spec, medium) == 0);
}

/* ---- training graphs ---- */

typedef struct rig {
    rf_config config;
    rf_params *params;
    rf_train_graph net;
} rig;

/* Weights like a trained network's: outputs of moderate size at every level. */
static void open_rig(rig *r, const char *const *own) {
    static rf_face faces[2][2] = {{{.box = {18, 14, 76, 84}}, {.box = {60, 20, 67, 29}}},
                                  {{.box = {38, 28, 122, 126}}, {.box = {90, 4, 118, 40}}}};
    static rf_face *const lists[2] = {faces[0], faces[1]};
    static const size_t n_faces[2] = {2, 2};
    r->config = configure(own);
    if (rf_detector_params(&r->config, &r->params) != RF_OK) fail_msg("%s", rf_error_message());
    for (size_t i = 0; i < r->params->count; i++) {
        const rf_param *p = &r->params->entries[i];
        bool weight = p->kind == RF_PARAM_CONV, one = p->kind == RF_PARAM_BN_GAMMA || p->kind == RF_PARAM_BN_VAR;
        double scale = weight ? sqrt(3 / (double)p->fan_in) : rf_param_is_state(p) || one ? 0 : 0.1;
        if (weight && strstr(p->name, "predict")) scale *= 0.3;
        for (size_t k = 0; k < p->count; k++)
            rf_params_values(r->params, p)[k] = (rf_real)((one ? 1 : 0) + scale * golden_number(p->name, k));
    }
    if (rf_train_graph_make(&r->config, r->params, &r->net) != RF_OK) fail_msg("%s", rf_error_message());
    r->net.exec = rf_exec_new(r->net.graph, NULL);
    assert_non_null(r->net.exec);
    rf_real *input = rf_exec_data(r->net.exec, r->net.detector.input);
    for (size_t i = 0; i < 2 * SIDE * SIDE * 3; i++) input[i] = (rf_real)golden_number("input", i);
    rf_loss_batch batch = {.faces = lists, .n_faces = n_faces};
    rf_loss_set_batch(r->net.loss, &batch);
    assert_int_equal(rf_exec_forward(r->net.exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(r->net.exec, false), RF_OK);
}

static void close_rig(rig *r) {
    rf_train_graph_free(&r->net);
    rf_params_free(r->params);
}

static double total(const rig *r) {
    return (double)*rf_exec_data(r->net.exec, r->net.values.total);
}

static double gradient_norm(const rig *r, const char *prefix) {
    double sum = 0;
    size_t found = 0;
    for (size_t i = 0; i < r->params->count; i++) {
        const rf_param *p = &r->params->entries[i];
        if (rf_param_is_state(p) || strncmp(p->name, prefix, strlen(prefix)) != 0) continue;
        found++;
        for (size_t k = 0; k < p->count; k++)
            sum += (double)r->params->grad[p->offset + k] * (double)r->params->grad[p->offset + k];
    }
    assert_true(found > 0);
    return sqrt(sum);
}

static void no_margin_is_plain_focal_loss(void **state) {
    (void)state;
    static const char *const settings[3][3] = {
        {"loss.sml=no", NULL}, {"loss.sml_margin=0", NULL}, {"loss.sml_margin=0.7", NULL}};
    double totals[3], norms[3];
    for (int i = 0; i < 3; i++) {
        rig r;
        open_rig(&r, settings[i]);
        totals[i] = total(&r);
        norms[i] = gradient_norm(&r, "");
        close_rig(&r);
    }
    assert_true(totals[0] == totals[1] && norms[0] == norms[1]);
    assert_true(totals[2] > totals[0]); /* positives became harder */
}

/* The boxes of the second step come from the first, but its loss does not reach the first's maps. */
static void refinement_has_no_gradient(void **state) {
    (void)state;
    rig both, second;
    open_rig(&both, (const char *const[]){"model.fsm=no", NULL});
    open_rig(&second, (const char *const[]){"model.fsm=no", "cascade.weights=0,1", NULL});
    static const char *const maps[] = {"step1.map4", "step1.map5"};
    for (int i = 0; i < 2; i++) {
        assert_true(gradient_norm(&second, maps[i]) == 0);
    }
    assert_true(gradient_norm(&both, "step1.map4") > 0);
    assert_true(gradient_norm(&second, "fpn.merge4") > 0);
    close_rig(&both);
    close_rig(&second);
}

static double fact(rf_loss *loss, const char *name) {
    rf_loss_fact facts[RF_LOSS_FACTS];
    size_t n = rf_loss_facts(loss, facts);
    for (size_t i = 0; i < n; i++)
        if (strcmp(facts[i].name, name) == 0) return facts[i].value;
    return -1;
}

/* Of the low levels' negatives only those stay that the first step is not sure of; positives all do. */
static void sure_negatives_are_dropped(void **state) {
    (void)state;
    static const char *const drops[3] = {"cascade.drop=1", "cascade.drop=0.6", "cascade.drop=0.5"};
    size_t negatives[3], positives[3];
    for (int i = 0; i < 3; i++) {
        rig r;
        open_rig(&r, (const char *const[]){drops[i], NULL});
        rf_loss_counts counts = rf_loss_counted(r.net.loss);
        negatives[i] = counts.negatives;
        positives[i] = counts.positives;
        /* By hand: the first step's logits of the low levels, which are the first rows, against the threshold. */
        double limit = i == 0 ? -INFINITY : -log(r.config.cascade.drop / (1 - r.config.cascade.drop));
        const rf_output_rows first = rf_outputs_rows(&r.net.detector.outputs, "cls", 0);
        const rf_real *cls = rf_exec_data(r.net.exec, first.value);
        size_t sure = 0;
        for (size_t k = 0; k < 2 * first.count; k++) sure += (double)cls[2 * k + 1] - (double)cls[2 * k] < limit;
        assert_true(negatives[0] - negatives[i] <= sure && negatives[0] - negatives[i] + 2 * positives[i] >= sure);
        double kept = fact(r.net.loss, "stc_kept");
        assert_true(i == 0 || kept >= 0);
        assert_true(fact(r.net.loss, "stc_kept") < 0); /* telling clears */
        close_rig(&r);
    }
    assert_true(positives[0] == positives[1] && positives[1] == positives[2]);
    assert_true(negatives[0] > negatives[1] && negatives[1] > negatives[2]);
}

/* An anchor that the first step is sure of is no detection either. */
static void sure_negatives_are_no_detections(void **state) {
    (void)state;
    const float anchors[8] = {10, 10, 8, 8, 30, 30, 8, 8}, loc[8] = {0};
    const float first[4] = {0, -5, 0, -4}, second[4] = {0, 3, 0, 2};
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f};
    const kit_stage stages[2] = {{.cls = first}, {.cls = second, .loc = loc}};
    rf_face_list list = {0};
    assert_int_equal(kit_decode_stages(&codec, anchors, 2, stages, 2, -4.595f, 0.5f, &list), RF_OK);
    assert_int_equal(list.n, 1);
    assert_float_equal(list.items[0].box[0], 26, 1e-5);
    assert_float_equal(list.items[0].score, 1 / (1 + exp(-2)), 1e-6);
    rf_face_list_free(&list);
}

/* ---- regions ---- */

static void regions_are_faces_and_detections(void **state) {
    (void)state;
    enum { COUNT = 8, A = 4 };
    rf_anchor_spec spec = {.n_levels = 2, .n_sizes = 1, .strides = {16, 32}, .sizes = {16, 32}, .aspects = {1}};
    spec.centre_offset = -1;
    rf_anchor_set set;
    assert_int_equal(rf_anchor_set_make(&spec, 16, 64, &set), RF_OK);
    assert_int_equal(set.count, A + 2); /* 4 cells of 16 and 2 of 32 */
    rf_real cls[12] = {0}, loc[24] = {0}, rois[6 * COUNT], labels[COUNT];
    const double logits[6] = {3, 9, 1, 2, 5, 0};
    for (int a = 0; a < 6; a++) cls[2 * a + 1] = (rf_real)logits[a];
    rf_face faces[3] = {{.box = {16, 0, 32, 16}}, {.box = {0, 0, 40, 30}}, {.box = {48, 0, 64, 16}, .ignore = true}};
    rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f};
    rf_candidate heap[COUNT * RF_ROI_CANDIDATES];
    rf_roi_spec rois_spec = {COUNT, 0.5f};
    size_t positives = rf_sample_rois(&rois_spec, &set, &codec, 1, set.boxes, cls, loc, faces, 3, heap, rois, labels);
    /* Two faces at the levels of their sizes; then anchors 1, 4, 0, 3, 2, 5 by falling logit. */
    const double level[COUNT] = {0, 1, 0, 1, 0, 0, 0, 1}, label[COUNT] = {1, 1, 1, 1, 0, -1, 0, 0};
    const double left[COUNT] = {16, 0, 16, 0, 0, 48, 32, 32};
    size_t ones = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(rois[6 * i] == 1 && (double)rois[6 * i + 1] == level[i]);
        assert_float_equal(rois[6 * i + 2], left[i], 1e-4);
        if ((double)labels[i] != label[i]) fail_msg("region %d has label %g", i, (double)labels[i]);
        ones += label[i] > 0;
    }
    assert_int_equal(positives, ones);
    for (int a = 0; a < 6; a++) loc[4 * a] = (rf_real)((set.boxes[0] - set.boxes[4 * a]) / set.boxes[4 * a + 2] * 10);
    rf_sample_rois(&rois_spec, &set, &codec, 0, set.boxes, cls, loc, faces, 0, heap, rois, labels);
    assert_true(rois[0] == 0 && labels[0] == 0); /* all boxes in one place: one of each size */
    assert_true(rois[6 * 2] == -1 && labels[2] == -1 && labels[COUNT - 1] == -1);
    rf_anchor_set_free(&set);
}

/* ---- training and evaluation ---- */

static void evaluation_has_no_supervision(void **state) {
    (void)state;
    rig r;
    open_rig(&r, (const char *const[]){NULL});
    assert_true(gradient_norm(&r, "fsm") > 0);
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    assert_int_equal(rf_detector_build(graph, r.params, &r.config, 2, SIDE, SIDE, RF_EVAL, &d), RF_OK);
    assert_null(rf_detector_branch(&d, "fsm"));
    for (int i = 0; i < rf_graph_node_count(graph); i++) {
        rf_node_info node = rf_graph_node(graph, i);
        assert_null(strstr(node.name, "fsm"));
        assert_string_not_equal(node.op->name, "roi_align");
    }
    /* The same numbers as the training graph gives with running statistics. */
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_int_equal(rf_params_fold(r.params, NULL), RF_OK);
    rf_real *input = rf_exec_data(exec, d.input);
    for (size_t i = 0; i < 2 * SIDE * SIDE * 3; i++)
        input[i] = rf_exec_data(r.net.exec, r.net.detector.input)[i] = (rf_real)golden_number("input", i);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    assert_int_equal(rf_exec_forward(r.net.exec, false), RF_OK);
    rf_value outputs[4], same[4];
    for (int k = 0; k < 4; k++) {
        const char *name = k % 2 ? "loc" : "cls";
        outputs[k] = rf_outputs_value(&d.outputs, name, k / 2);
        same[k] = rf_outputs_value(&r.net.detector.outputs, name, k / 2);
    }
    for (int k = 0; k < 4; k++) {
        rf_shape shape = rf_graph_shape(graph, outputs[k]);
        double worst = 0, most = 0;
        for (size_t i = 0; i < rf_shape_count(&shape); i++) {
            double want = (double)rf_exec_data(r.net.exec, same[k])[i];
            worst = fmax(worst, fabs(want - (double)rf_exec_data(exec, outputs[k])[i]));
            most = fmax(most, fabs(want));
        }
        if (!(most > 1e-3 && worst <= 1e-4 * most)) fail_msg("output %d of size %g differs by %g", k, most, worst);
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    close_rig(&r);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    static const char *const wrong[][3] = {
        {"model.landmarks=yes", NULL},  {"model.context=ssh", NULL}, {"model.share_heads=no", NULL},
        {"cascade.body=context", NULL}, {"model.head=direct", NULL}, {"model.lateral_dcn=v1", NULL},
        {"loss.kind=multibox", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_config config = configure(wrong[i]);
        rf_params *params = NULL;
        rf_train_graph net = {0};
        rf_status status = rf_detector_params(&config, &params);
        if (status == RF_OK) status = rf_train_graph_make(&config, params, &net);
        if (status != RF_ERR_USER) fail_msg("%s is taken", wrong[i][0]);
        assert_true(strlen(rf_error_message()) > 30);
        rf_train_graph_free(&net);
        rf_params_free(params);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_the_papers),
        cmocka_unit_test(equals_pytorch),
        cmocka_unit_test(margins_fall_with_the_size),
        cmocka_unit_test(no_margin_is_plain_focal_loss),
        cmocka_unit_test(refinement_has_no_gradient),
        cmocka_unit_test(sure_negatives_are_dropped),
        cmocka_unit_test(sure_negatives_are_no_detections),
        cmocka_unit_test(regions_are_faces_and_detections),
        cmocka_unit_test(evaluation_has_no_supervision),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
