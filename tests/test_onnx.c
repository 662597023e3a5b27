/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX models: what they compute, run by a plain interpreter, is what rf computes; structure, half precision, files. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/exec.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/normalise.h"
#include "eval/finder.h"
#include "export/graph.h"
#include "export/onnx_model.h"
#include "layers/init.h"
#include "tests/onnx_forms.h"
#include "tests/onnx_subject.h"
#include "tests/slow.h"

static char folder[] = "/tmp/rf_test_onnx_XXXXXX", path[64];

/* ---- what is computed ---- */

enum { FORMS = sizeof forms / sizeof *forms };

/* One form of each few networks. */
static bool is_quick(int form) {
    return form % 8 == 0;
}

static rf_export_options options_of(int form, rf_export_outputs outputs) {
    bool fixed = !forms[form].dynamic;
    return (rf_export_options){.outputs = outputs,
                               .batch = forms[form].batch,
                               .h = fixed ? forms[form].h : 0,
                               .w = fixed ? forms[form].w : 0,
                               .preprocess = forms[form].preprocess,
                               .opset = forms[form].opset ? forms[form].opset : 11 + form % 9,
                               .score = 0.5,
                               .iou = 0.4,
                               .keep = 10};
}

static void maps_and_rows_are_ours(void **state) {
    (void)state;
    static onnx_subject s;
    for (int form = 0; form < FORMS; form++)
        for (int kind = form < 2 ? RF_EXPORT_RAW : RF_EXPORT_ANCHORS; kind <= RF_EXPORT_ANCHORS; kind++) {
            if (!runs_here(is_quick(form))) continue;
            onnx_subject_open(forms[form].ini, options_of(form, (rf_export_outputs)kind), forms[form].h, forms[form].w,
                              &s);
            onnx_subject_export(&s, path);
            onnx_subject_run(&s);
            int maps = onnx_check_maps(&s), rows = s.config.model.landmarks ? 3 : 2;
            assert_int_equal(s.onnx.n_outputs, kind == RF_EXPORT_RAW ? maps : rows);
            if (kind == RF_EXPORT_ANCHORS && rf_outputs_stages(&s.net.detector.outputs) > 1) {
                assert_int_equal(onnx_eval_find(&s.eval, "loc")->d[1], s.net.detector.anchors); /* faces check more */
            } else if (kind == RF_EXPORT_ANCHORS) {
                assert_string_equal(s.onnx.outputs[0].name, "loc");
                assert_string_equal(s.onnx.outputs[1].name, "conf");
                onnx_check_rows(&s, "loc", rf_outputs_value(&s.net.detector.outputs, "loc", -1), false);
                onnx_check_rows(&s, "conf", rf_outputs_value(&s.net.detector.outputs, "cls", -1), true);
                onnx_check_rows(&s, "landms", rf_outputs_value(&s.net.detector.outputs, "points", -1), false);
            } else {
                assert_non_null(strstr(s.onnx.outputs[0].name, "face_cls_stride"));
                assert_non_null(strstr(s.onnx.outputs[1].name, "face_box_stride"));
            }
            onnx_subject_close(&s);
        }
}

static void finds_our_faces(const char *ini, rf_export_options options, int h, int w) {
    static onnx_subject s;
    onnx_subject_open(ini, options, h, w, &s);
    s.options.score = s.config.eval.score = onnx_threshold_of(&s);
    s.config.eval.iou = 0.4;
    s.config.eval.keep = 10;
    onnx_subject_export(&s, path);
    onnx_subject_run(&s);
    rf_finder *finder;
    rf_face_list faces = {0};
    size_t checked = 0;
    assert_int_equal(rf_finder_open(&s.config, s.params, &finder), RF_OK);
    for (int i = 0; i < (s.options.batch == 1 ? 1 : 2); i++) {
        assert_int_equal(rf_finder_run(finder, &s.image[i], &faces), RF_OK);
        onnx_check_faces(&s, i, &faces, &checked);
    }
    assert_int_equal(checked, onnx_eval_find(&s.eval, "scores")->count);
    assert_true(checked >= 2);
    rf_face_list_free(&faces);
    rf_finder_close(finder);
    onnx_subject_close(&s);
}

static void faces_are_those_of_the_finder(void **state) {
    (void)state;
    for (int form = 0; form < FORMS; form++)
        if (runs_here(is_quick(form)))
            finds_our_faces(forms[form].ini, options_of(form, RF_EXPORT_FACES), forms[form].h, forms[form].w);
}

/* Every coder that is registered, in one stage and in a cascade: its nodes are translated. */
static void coders_are_translated(void **state) {
    (void)state;
    for (int c = 0; c < rf_coder_count(); c++)
        for (int stages = 1; stages <= 2; stages++) {
            const rf_coder *coder = rf_coder_at(c);
            char ini[300];
            if (!runs_here(stages == 2)) continue;
            snprintf(ini, sizeof ini,
                     "[model]\ninitialiser=he_xavier\nchannels=8\n[cascade]\nstages=%d\nbody=same\n[anchors]\n%s=%s\n",
                     stages, coder->boxes ? "box_coder" : "point_coder", coder->name);
            finds_our_faces(ini, options_of(stages == 1 ? 6 : 2, RF_EXPORT_FACES), 70, 45);
        }
}

/* ---- how it is written ---- */

static int count_ops(const rf_onnx_model *m, const char *op) {
    int n = 0;
    for (int i = 0; i < m->n_nodes; i++) n += strcmp(m->nodes[i].op, op) == 0;
    return n;
}

static void sizes_are_fixed_where_they_can_be(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static onnx_subject s;
    rf_export_options o = {.batch = 1, .h = 64, .w = 64};
    onnx_subject_open(small, o, 64, 64, &s);
    onnx_subject_export(&s, path);
    assert_int_equal(count_ops(&s.onnx, "Shape"), 0);
    assert_int_equal(count_ops(&s.onnx, "Resize"), 2);
    for (int i = 0; i < s.onnx.n_nodes; i++)
        if (strcmp(s.onnx.nodes[i].op, "Resize") == 0) assert_int_equal(s.onnx.nodes[i].n_inputs, 3);
    assert_int_equal(s.onnx.opset, 13);
    assert_int_equal(s.onnx.ir_version, 7);
    assert_int_equal(s.onnx.outputs[0].dims[2].value, 8);
    assert_null(s.onnx.outputs[0].dims[2].name);
    onnx_subject_close(&s);
    o = (rf_export_options){.opset = 17};
    onnx_subject_open(small, o, 64, 64, &s);
    onnx_subject_export(&s, path);
    assert_int_equal(count_ops(&s.onnx, "Shape"), 4);
    assert_string_equal(s.onnx.inputs[0].dims[0].name, "batch");
    assert_string_equal(s.onnx.inputs[0].dims[2].name, "height");
    assert_string_equal(s.onnx.outputs[8].dims[3].name, "width32");
    rf_config config;
    assert_int_equal(rf_config_parse("onnx", s.onnx.config, NULL, 0, &config), RF_OK);
    assert_int_equal(config.model.channels, 8);
    onnx_subject_close(&s);
}

static void shared_heads_are_stored_once(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static onnx_subject s;
    onnx_subject_open(paper, (rf_export_options){.batch = 1, .h = 64, .w = 64}, 64, 64, &s);
    onnx_subject_export(&s, path);
    int heads = 0;
    for (int i = 0; i < s.onnx.n_tensors; i++) heads += strstr(s.onnx.tensors[i].name, "Head") != NULL;
    assert_int_equal(heads, 6);
    assert_int_equal(s.onnx.n_outputs, 15);
    onnx_subject_close(&s);
}

static void half_precision_is_the_nearest(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static const struct {
        float value;
        double half;
    } known[] = {{1, 1},
                 {-2, -2},
                 {0x1.002p0f, 1},
                 {0x1.006p0f, 0x1.008p0},
                 {65504, 65504},
                 {65519, 65504},
                 {0x1p-24f, 0x1p-24},
                 {0x1p-25f, 0},
                 {0x1.8p-25f, 0x1p-24},
                 {0x1.ff8p-15f, 0x1.ff8p-15},
                 {0.1f, 0.0999755859375},
                 {-0x1.ffffp-15f, -0x1p-14}};
    enum { KNOWN = sizeof known / sizeof *known };
    static onnx_subject s;
    onnx_subject_open(small, (rf_export_options){.batch = 1, .h = 64, .w = 64, .fp16 = true}, 64, 64, &s);
    const rf_param *p = rf_params_find(s.params, "LandmarkHead.0.conv1x1.bias");
    assert_true(p && p->count >= KNOWN);
    for (int i = 0; i < KNOWN; i++) s.params->folded[p->offset + (size_t)i] = known[i].value;
    onnx_subject_export(&s, path);
    onnx_subject_run(&s);
    const onnx_array *bias = onnx_eval_find(&s.eval, "LandmarkHead.0.conv1x1.bias.half");
    for (int i = 0; i < KNOWN; i++)
        if (bias->v[i] != known[i].half)
            fail_msg("%a became %a, not %a", (double)known[i].value, bias->v[i], known[i].half);
    s.params->folded[p->offset] = 65520; /* rounds to infinity */
    assert_int_equal(rf_export(rf_exporter_find("onnx"), &s.model, &s.options, path), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "LandmarkHead.0.conv1x1.bias holds 65520"));
    onnx_subject_close(&s);
}

/* ---- files ---- */

static void other_files_are_refused(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    rf_onnx_model m;
    const char *const texts[] = {"", "no protobuf at all", "\x08\x07", "\x3a\x02\x0a\x7f"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rf_file_write_atomic(path, texts[i], strlen(texts[i])), RF_OK);
        assert_int_equal(rf_onnx_read(path, &m), RF_ERR_FORMAT);
        assert_non_null(strstr(rf_error_message(), path));
        rf_onnx_free(&m);
    }
}

static void compare_names_what_differs(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    static onnx_subject s, t;
    rf_export_options o = {.batch = 1, .h = 64, .w = 64};
    onnx_subject_open(small, o, 64, 64, &s);
    onnx_subject_export(&s, path);
    onnx_subject_open(small, o, 64, 64, &t);
    onnx_subject_export(&t, path);
    assert_int_equal(rf_onnx_compare("x", &s.onnx, &t.onnx), RF_OK);
    t.onnx.nodes[2].attrs[1].i++;
    assert_int_equal(rf_onnx_compare("x", &s.onnx, &t.onnx), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), t.onnx.nodes[2].output));
    t.onnx.nodes[2].attrs[1].i--;
    t.onnx.outputs[2].name = "other";
    assert_int_equal(rf_onnx_compare("x", &s.onnx, &t.onnx), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "the output 'face_landmark_stride8'"));
    t.onnx.outputs[2].name = s.onnx.outputs[2].name;
    rf_onnx_node first = t.onnx.nodes[0]; /* both in the wrong order: the models are the same, but cannot run */
    s.onnx.nodes[0] = t.onnx.nodes[0] = t.onnx.nodes[1];
    s.onnx.nodes[1] = t.onnx.nodes[1] = first;
    assert_int_equal(rf_onnx_compare("x", &s.onnx, &t.onnx), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "nothing before it computes"));
    onnx_subject_close(&s);
    onnx_subject_close(&t);
}

static int set_up(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/net.onnx", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char card[80];
    snprintf(card, sizeof card, "%s.json", path);
    unlink(path);
    unlink(card);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_rows_are_ours),       cmocka_unit_test(faces_are_those_of_the_finder),
        cmocka_unit_test(coders_are_translated),        cmocka_unit_test(sizes_are_fixed_where_they_can_be),
        cmocka_unit_test(shared_heads_are_stored_once), cmocka_unit_test(half_precision_is_the_nearest),
        cmocka_unit_test(other_files_are_refused),      cmocka_unit_test(compare_names_what_differs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
