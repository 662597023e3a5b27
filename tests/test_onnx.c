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
#include "tests/onnx_eval.h"
#include "tests/onnx_forms.h"

static char folder[] = "/tmp/rf_test_onnx_XXXXXX", path[64];

typedef struct subject {
    rf_config config;
    rf_params *params;
    rf_export_model model;
    rf_export_options options;
    rf_export_net net; /* of the same size, which gives the numbers to expect */
    rf_exec *exec;
    rf_image image[2];
    rf_onnx_model onnx; /* read back from the file */
    onnx_eval eval;
} subject;

/* Scales a head so that its largest output is 4: random ones saturate, and equal scores have no order. */
static void scale_head(subject *s, const char *head, rf_value rows) {
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

/* Pictures of w x h, the network run on both of them, its exported form read and run by the interpreter. */
/* Offsets start at 0, where a deformable convolution is a plain one. */
static void shake_offsets(rf_params *params) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_rng rng = rf_rng_make(5, 0, i, RF_STREAM_TEST);
        for (size_t k = 0; strstr(p->name, "conv_offset") && k < p->count; k++)
            rf_params_values(params, p)[k] = 0.03f * rf_rng_normal(&rng);
    }
}

static void open_subject(const char *ini, rf_export_options options, int h, int w, subject *s) {
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
    scale_head(s, "ClassHead", s->net.detector.cls);
    scale_head(s, "BboxHead", s->net.detector.loc);
    scale_head(s, "LandmarkHead", s->net.detector.points);
    assert_int_equal(rf_exec_forward(s->exec, false), RF_OK);
}

static void export_it(subject *s) {
    if (rf_export(rf_exporter_find("onnx"), &s->model, &s->options, path) != RF_OK) fail_msg("%s", rf_error_message());
    if (rf_onnx_read(path, &s->onnx) != RF_OK) fail_msg("%s", rf_error_message());
}

static void run_it(subject *s) {
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

static void close_subject(subject *s) {
    onnx_eval_free(&s->eval);
    rf_onnx_free(&s->onnx);
    rf_exec_free(s->exec);
    rf_export_net_free(&s->net);
    rf_image_free(&s->image[0]);
    rf_image_free(&s->image[1]);
    rf_params_free(s->params);
}

/* Largest difference relative to the largest number; a map that is the same everywhere would show little. */
static void check_near(const onnx_array *have, const double *want) {
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

static void check_map(subject *s, const char *part, int stride, rf_value map) {
    char name[64];
    snprintf(name, sizeof name, "face_%s_stride%d", part, stride);
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
    check_near(have, want);
    rf_free(want);
}

static void check_maps(subject *s) {
    for (int l = 0; l < s->net.detector.n_levels; l++) {
        check_map(s, "cls", s->net.detector.stride[l], s->net.maps[l].cls);
        check_map(s, "box", s->net.detector.stride[l], s->net.maps[l].box);
        if (s->net.maps[l].points != RF_NONE)
            check_map(s, "landmark", s->net.detector.stride[l], s->net.maps[l].points);
    }
}

static void check_rows(subject *s, const char *name, rf_value rows, bool softmax) {
    if (rows == RF_NONE) return;
    const onnx_array *have = onnx_eval_find(&s->eval, name);
    rf_shape shape = rf_graph_shape(s->net.graph, rows);
    const float *data = rf_exec_data(s->exec, rows);
    double *want = rf_alloc(have->count, sizeof *want);
    assert_non_null(want);
    assert_int_equal(have->n, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(have->d[i], shape.d[i]);
    for (size_t i = 0; i < have->count; i++)
        want[i] = softmax ? 1 / (1 + exp((double)data[i ^ 1] - (double)data[i])) : (double)data[i];
    check_near(have, want);
    rf_free(want);
}

/* ---- what is computed ---- */

enum { FORMS = sizeof forms / sizeof *forms };

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
    static subject s;
    for (int form = 0; form < FORMS; form++)
        for (int kind = form < 2 ? RF_EXPORT_RAW : RF_EXPORT_ANCHORS; kind <= RF_EXPORT_ANCHORS; kind++) {
            open_subject(forms[form].ini, options_of(form, (rf_export_outputs)kind), forms[form].h, forms[form].w, &s);
            export_it(&s);
            run_it(&s);
            check_maps(&s);
            int maps = s.net.detector.points == RF_NONE ? 2 : 3;
            assert_int_equal(s.onnx.n_outputs, kind == RF_EXPORT_RAW ? maps * s.net.detector.n_levels : maps);
            if (kind == RF_EXPORT_ANCHORS) {
                assert_string_equal(s.onnx.outputs[0].name, "loc");
                assert_string_equal(s.onnx.outputs[1].name, "conf");
                check_rows(&s, "loc", s.net.detector.loc, false);
                check_rows(&s, "conf", s.net.detector.cls, true);
                check_rows(&s, "landms", s.net.detector.points, false);
            } else {
                assert_non_null(strstr(s.onnx.outputs[0].name, "face_cls_stride"));
                assert_non_null(strstr(s.onnx.outputs[1].name, "face_box_stride"));
            }
            close_subject(&s);
        }
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* A score that about 25 anchors reach, in the middle of the widest gap thereabouts. */
static double threshold_of(const subject *s) {
    rf_shape shape = rf_graph_shape(s->net.graph, s->net.detector.cls);
    size_t n = (size_t)shape.d[0] * (size_t)shape.d[1], at = 15;
    const float *cls = rf_exec_data(s->exec, s->net.detector.cls);
    double *scores = rf_alloc(n, sizeof *scores);
    assert_non_null(scores);
    assert_true(n > 15);
    for (size_t i = 0; i < n; i++) scores[i] = 1 / (1 + exp((double)cls[2 * i] - (double)cls[2 * i + 1]));
    qsort(scores, n, sizeof *scores, falling);
    for (size_t i = 15; i < 40 && i < n; i++)
        if (scores[i - 1] - scores[i] > scores[at - 1] - scores[at]) at = i;
    double middle = 0.5 * (scores[at - 1] + scores[at]);
    rf_free(scores);
    return middle;
}

static void check_image_faces(const subject *s, int image, const rf_face_list *want, size_t *checked) {
    const onnx_array *boxes = onnx_eval_find(&s->eval, "boxes"), *scores = onnx_eval_find(&s->eval, "scores");
    const onnx_array *points = s->net.detector.points == RF_NONE ? NULL : onnx_eval_find(&s->eval, "points");
    for (size_t i = 0; i < want->n; i++) {
        double nearest = INFINITY;
        for (size_t k = 0; k < scores->count; k++) {
            if (s->options.batch != 1 && (int)onnx_eval_find(&s->eval, "image_of_face")->v[k] != image) continue;
            double distance = 1e4 * fabs(scores->v[k] - (double)want->items[i].score);
            for (int j = 0; j < 4; j++)
                distance = fmax(distance, fabs(boxes->v[4 * k + (size_t)j] - (double)want->items[i].box[j]));
            for (int j = 0; points && j < 10; j++)
                distance = fmax(distance, fabs(points->v[10 * k + (size_t)j] - (double)want->items[i].points[j]));
            nearest = fmin(nearest, distance);
        }
        if (!(nearest < 1e-2)) fail_msg("face %zu of image %d is %g away", i, image, nearest);
        ++*checked;
    }
}

static void faces_are_those_of_the_finder(void **state) {
    (void)state;
    static subject s;
    for (int form = 0; form < FORMS; form++) {
        open_subject(forms[form].ini, options_of(form, RF_EXPORT_FACES), forms[form].h, forms[form].w, &s);
        s.options.score = s.config.eval.score = threshold_of(&s);
        s.config.eval.iou = 0.4;
        s.config.eval.keep = 10;
        export_it(&s);
        run_it(&s);
        rf_finder *finder;
        rf_face_list faces = {0};
        size_t checked = 0;
        assert_int_equal(rf_finder_open(&s.config, s.params, &finder), RF_OK);
        for (int i = 0; i < (s.options.batch == 1 ? 1 : 2); i++) {
            assert_int_equal(rf_finder_run(finder, &s.image[i], &faces), RF_OK);
            check_image_faces(&s, i, &faces, &checked);
        }
        assert_int_equal(checked, onnx_eval_find(&s.eval, "scores")->count);
        assert_true(checked >= 2);
        rf_face_list_free(&faces);
        rf_finder_close(finder);
        close_subject(&s);
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
    static subject s;
    rf_export_options o = {.batch = 1, .h = 64, .w = 64};
    open_subject(small, o, 64, 64, &s);
    export_it(&s);
    assert_int_equal(count_ops(&s.onnx, "Shape"), 0);
    assert_int_equal(count_ops(&s.onnx, "Resize"), 2);
    for (int i = 0; i < s.onnx.n_nodes; i++)
        if (strcmp(s.onnx.nodes[i].op, "Resize") == 0) assert_int_equal(s.onnx.nodes[i].n_inputs, 3);
    assert_int_equal(s.onnx.opset, 13);
    assert_int_equal(s.onnx.ir_version, 7);
    assert_int_equal(s.onnx.outputs[0].dims[2].value, 8);
    assert_null(s.onnx.outputs[0].dims[2].name);
    close_subject(&s);
    o = (rf_export_options){.opset = 17};
    open_subject(small, o, 64, 64, &s);
    export_it(&s);
    assert_int_equal(count_ops(&s.onnx, "Shape"), 4);
    assert_string_equal(s.onnx.inputs[0].dims[0].name, "batch");
    assert_string_equal(s.onnx.inputs[0].dims[2].name, "height");
    assert_string_equal(s.onnx.outputs[8].dims[3].name, "width32");
    rf_config config;
    assert_int_equal(rf_config_parse("onnx", s.onnx.config, NULL, 0, &config), RF_OK);
    assert_int_equal(config.model.channels, 8);
    close_subject(&s);
}

static void shared_heads_are_stored_once(void **state) {
    (void)state;
    static subject s;
    open_subject(paper, (rf_export_options){.batch = 1, .h = 64, .w = 64}, 64, 64, &s);
    export_it(&s);
    int heads = 0;
    for (int i = 0; i < s.onnx.n_tensors; i++) heads += strstr(s.onnx.tensors[i].name, "Head") != NULL;
    assert_int_equal(heads, 6);
    assert_int_equal(s.onnx.n_outputs, 15);
    close_subject(&s);
}

static void half_precision_is_the_nearest(void **state) {
    (void)state;
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
    static subject s;
    open_subject(small, (rf_export_options){.batch = 1, .h = 64, .w = 64, .fp16 = true}, 64, 64, &s);
    const rf_param *p = rf_params_find(s.params, "LandmarkHead.0.conv1x1.bias");
    assert_true(p && p->count >= KNOWN);
    for (int i = 0; i < KNOWN; i++) s.params->folded[p->offset + (size_t)i] = known[i].value;
    export_it(&s);
    run_it(&s);
    const onnx_array *bias = onnx_eval_find(&s.eval, "LandmarkHead.0.conv1x1.bias.half");
    for (int i = 0; i < KNOWN; i++)
        if (bias->v[i] != known[i].half)
            fail_msg("%a became %a, not %a", (double)known[i].value, bias->v[i], known[i].half);
    s.params->folded[p->offset] = 65520; /* rounds to infinity */
    assert_int_equal(rf_export(rf_exporter_find("onnx"), &s.model, &s.options, path), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "LandmarkHead.0.conv1x1.bias holds 65520"));
    close_subject(&s);
}

/* ---- files ---- */

static void other_files_are_refused(void **state) {
    (void)state;
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
    static subject s, t;
    rf_export_options o = {.batch = 1, .h = 64, .w = 64};
    open_subject(small, o, 64, 64, &s);
    export_it(&s);
    open_subject(small, o, 64, 64, &t);
    export_it(&t);
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
    close_subject(&s);
    close_subject(&t);
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
        cmocka_unit_test(maps_and_rows_are_ours),
        cmocka_unit_test(faces_are_those_of_the_finder),
        cmocka_unit_test(sizes_are_fixed_where_they_can_be),
        cmocka_unit_test(shared_heads_are_stored_once),
        cmocka_unit_test(half_precision_is_the_nearest),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(compare_names_what_differs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
