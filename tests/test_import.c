/* SPDX-License-Identifier: Apache-2.0 */
/* MXNet's files, insightface's networks and conventions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/mxnet_file.h"
#include "tests/decode_kit.h"
#include "detect/spec.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/names.h"
#include "layers/weights.h"
#include "tests/golden.h"
#include "tests/mxnet_fixtures.h"
#include "tests/slow.h"

static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static rf_params *params_of(const rf_config *config) {
    rf_params *params;
    if (rf_detector_params(config, &params) != RF_OK) fail_msg("%s", rf_error_message());
    rf_params_init(params, 1);
    return params;
}

static rf_status parse(const rf_text *text, size_t bytes, rf_st_file **file) {
    uint8_t *copy = rf_alloc(bytes, 1);
    assert_non_null(copy);
    memcpy(copy, text->text, bytes);
    return rf_mxnet_parse("made-up", copy, bytes, file);
}

/* ---- insightface's networks, whole ---- */

/* Decoded faces of every anchor for the image of scripts/golden_import.py. */
static void find_all(const rf_config *config, rf_params *params, int h, int w, rf_face_list *faces) {
    rf_detector d;
    rf_detect_spec spec;
    rf_anchor_set anchors;
    rf_graph *graph = rf_graph_new();
    assert_int_equal(rf_detector_build(graph, params, config, 1, h, w, RF_EVAL, &d), RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    rf_real *x = rf_exec_data(exec, d.input);
    for (size_t i = 0; i < (size_t)h * (size_t)w * 3; i++)
        x[i] = (rf_real)((float)golden_number("image", i) * 128 + 128);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    assert_int_equal(rf_detect_spec_from_config(config, &spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&spec.anchors, h, w, &anchors), RF_OK);
    assert_int_equal(anchors.count, d.anchors);
    assert_int_equal(kit_decode_faces(&spec.codec, anchors.boxes, anchors.count,
                                      rf_exec_data(exec, rf_outputs_value(&d.outputs, "cls", -1)),
                                      rf_exec_data(exec, rf_outputs_value(&d.outputs, "loc", -1)),
                                      rf_exec_data(exec, rf_outputs_value(&d.outputs, "points", -1)), 0, faces),
                     RF_OK);
    assert_int_equal(faces->n, anchors.count);
    rf_anchor_set_free(&anchors);
    rf_exec_free(exec);
    rf_graph_free(graph);
}

static double worst_difference(const rf_face_list *faces, const rf_json *rows, int every) {
    double worst = 0;
    size_t at = 0;
    for (const rf_json *row = rf_json_first(rows); row; row = rf_json_next(row), at += (size_t)every) {
        const rf_face *face = &faces->items[at];
        for (size_t k = 0; k < 15; k++) {
            double want = golden_at(row, k);
            double got = k == 0 ? face->score : k < 5 ? face->box[k - 1] : face->points[k - 5];
            worst = fmax(worst, fabs(got - want) / (k == 0 ? 1 : 100));
        }
    }
    assert_true(at >= faces->n);
    return worst;
}

static void load_whole(const rf_st_file *file, const rf_config *config, rf_params **params) {
    rf_weights_report report;
    *params = params_of(config);
    if (rf_weights_apply("mnet.25", file, *params, &report) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(report.matched, (*params)->count);
    assert_true(report.n_missing == 0 && report.n_unused == 0 && report.ignored == 0 && report.note == NULL);
    assert_int_equal(report.absorbed, 5 + 15); /* pyramid and context */
    rf_weights_report_free(&report);
}

/* As a .params file, told by its names, through names, biases, epsilons, class order, pyramid, anchors and decoder. */
static void insightface_models_give_the_faces_they_give_there(void **state) {
    (void)state;
    rf_json *golden = golden_open("insightface.safetensors");
    int h = (int)golden_get(golden, "h"), w = (int)golden_get(golden, "w"), every = (int)golden_get(golden, "every");
    for (int kind = 0; kind < MXNET_KINDS; kind++) {
        static const char *const called[MXNET_KINDS] = {"mnet.25", "later mnet", "ResNet-50"};
        if (kind == MXNET_KINDS - 1 && in_quick_loop()) continue; /* a ResNet-50 */
        bool later = kind == MXNET_MNET_LATER;
        rf_st_tensor *tensors;
        size_t count;
        rf_text text = {0};
        rf_st_file *file;
        rf_params *params;
        mxnet_network((mxnet_kind)kind, &tensors, &count);
        mxnet_file(tensors, count, 2 + later, &text);
        assert_int_equal(parse(&text, text.used, &file), RF_OK);
        assert_int_equal(file->count, count);
        assert_non_null(rf_names_config(file));
        rf_config config = config_of(rf_names_config(file));
        load_whole(file, &config, &params);
        rf_face_list faces = {0};
        find_all(&config, params, h, w, &faces);
        const rf_json *rows = rf_json_at(rf_json_get(golden, "networks"), (size_t)kind);
        double worst = worst_difference(&faces, rows, every);
        print_message("measured: insightface's %s: faces differ by %.2g\n", called[kind], worst);
        assert_true(worst < 2e-5);

        /* The conventions matter: with the other pyramid the faces are others. */
        rf_face_list others = {0};
        config.model.top_down = later ? RF_TOP_DOWN_MERGED : RF_TOP_DOWN_LATERAL;
        find_all(&config, params, h, w, &others);
        assert_true(worst_difference(&others, rows, every) > 1e-3);
        rf_face_list_free(&others);
        rf_face_list_free(&faces);
        rf_params_free(params);
        rf_st_free(file);
        rf_text_clear(&text);
        mxnet_network_free(tensors, count);
    }
    golden_close(golden);
}

/* gamma is adjusted, so any bn_eps gives the same network. */
static void another_epsilon_changes_nothing(void **state) {
    (void)state;
    rf_st_tensor *tensors;
    size_t count;
    rf_text text = {0};
    rf_st_file *file;
    mxnet_network(MXNET_MNET, &tensors, &count);
    mxnet_file(tensors, count, 1, &text);
    assert_int_equal(parse(&text, text.used, &file), RF_OK);
    rf_config config = config_of(rf_names_config(file));
    rf_params *a, *b;
    load_whole(file, &config, &a);
    config.model.bn_eps = 1e-3;
    load_whole(file, &config, &b);
    assert_int_equal(rf_params_fold(a, NULL), RF_OK);
    assert_int_equal(rf_params_fold(b, NULL), RF_OK);
    double largest = 0;
    for (size_t i = 0; i < a->data_count; i++) {
        double x = (double)a->folded[i], y = (double)b->folded[i];
        largest = fmax(largest, fabs(x));
        assert_true(fabs(x - y) <= 1e-6 * (1 + fabs(x)));
    }
    assert_true(largest > 1);
    rf_params_free(a);
    rf_params_free(b);
    rf_st_free(file);
    rf_text_clear(&text);
    mxnet_network_free(tensors, count);
}

static void the_preset_has_their_anchors(void **state) {
    (void)state;
    rf_config config = config_of("[model]\npreset=insightface\n");
    rf_detect_spec spec;
    rf_anchor_set set;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&spec.anchors, 70, 90, &set), RF_OK);
    static const float sizes[3][2] = {{32, 16}, {128, 64}, {512, 256}};
    for (int l = 0; l < 3; l++)
        for (int row = 0; row < set.levels[l].rows; row++)
            for (int col = 0; col < set.levels[l].cols; col++)
                for (int s = 0; s < 2; s++) {
                    size_t a = set.levels[l].first + (size_t)((row * set.levels[l].cols + col) * 2 + s);
                    const float *box = set.boxes + 4 * a;
                    assert_true(box[0] == 7.5f + (float)(col * (8 << l)) && box[1] == 7.5f + (float)(row * (8 << l)));
                    assert_true(box[2] == sizes[l][s] && box[3] == sizes[l][s]);
                    /* Nothing predicted: the anchor itself, corners included: 16 pixels from 0 to 15. */
                    float decoded[4];
                    rf_codec_decode_box(&spec.codec, box, (const float[4]){0}, decoded);
                    assert_true(decoded[0] == box[0] - (box[2] - 1) / 2 && decoded[2] == box[0] + (box[2] - 1) / 2);
                }
    assert_true(set.boxes[4 + 2] == 16);
    rf_anchor_set_free(&set);
}

/* ---- MXNet's format ---- */

static float values[6] = {1, -2, 3, 4.5f, 5, 6};
static int64_t steps[1] = {-7};
static rf_st_tensor arrays[] = {{(char *)(uintptr_t) "arg:conv_weight", RF_F32, 4, {1, 2, 3, 1}, values, 24},
                                {(char *)(uintptr_t) "aux:bn_moving_var", RF_F32, 1, {3}, values, 12},
                                {(char *)(uintptr_t) "steps", RF_I64, 1, {1}, steps, 8}};

static void arrays_of_every_version_are_read(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++) {
        rf_text text = {0};
        rf_st_file *file;
        mxnet_file(arrays, 3, version, &text);
        assert_int_equal(parse(&text, text.used, &file), RF_OK);
        assert_int_equal(file->count, 3);
        const rf_st_tensor *w = rf_st_find(file, "conv_weight"), *s = rf_st_find(file, "steps");
        assert_true(w && s && rf_st_find(file, "bn_moving_var"));
        assert_true(w->n_dims == 4 && w->dims[1] == 2 && w->dims[2] == 3 && w->dtype == RF_F32);
        assert_memory_equal(w->data, values, sizeof values);
        assert_true(s->dtype == RF_I64 && *(const int64_t *)s->data == -7);
        rf_st_free(file);
        for (size_t cut = 0; cut < text.used; cut++) assert_int_equal(parse(&text, cut, &file), RF_ERR_FORMAT);
        for (uint64_t n = 1;; n++) {
            uint8_t *copy = rf_alloc(text.used, 1);
            memcpy(copy, text.text, text.used);
            rf_alloc_fail_at(n);
            rf_status status = rf_mxnet_parse("made-up", copy, text.used, &file);
            rf_alloc_fail_at(0);
            rf_st_free(file);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
            assert_true(n < 100);
        }
        rf_text_clear(&text);
    }
}

static void half_precision_of_mxnet_is_read(void **state) {
    (void)state;
    static const uint16_t half[] = {0x3c00, 0xc100, 0x0001}; /* 1, -2.5, 2^-24 */
    rf_st_tensor tensor = {(char *)(uintptr_t) "arg:w", RF_F16, 1, {3}, half, sizeof half};
    rf_text text = {0};
    rf_st_file *file;
    mxnet_file(&tensor, 1, 2, &text);
    assert_int_equal(parse(&text, text.used, &file), RF_OK);
    assert_int_equal(rf_st_widen(file), RF_OK);
    assert_int_equal(file->widened, 1);
    const float *w = rf_st_find(file, "w")->data;
    assert_true(w[0] == 1 && w[1] == -2.5f && w[2] == 0x1p-24f);
    rf_st_free(file);
    rf_text_clear(&text);
}

static void broken_mxnet_files_are_refused(void **state) {
    (void)state;
    /* Bytes of the version-2 file of `arrays`: list 0-23, array 0: magic 24, storage 28, dims 32, 36.., device 68, type
     * 76, numbers 80. */
    static const struct {
        size_t at;
        uint32_t value;
        const char *words;
    } wrong[] = {
        {0, 0x113, "is no MXNet parameter file"},
        {16, 1000000, "it is cut off"},
        {24, 4, "an array of an unknown version"},
        {28, 1, "sparse arrays are not supported"},
        {32, 9, "more than 8 dimensions"},
        {32, 0, "saved before it was filled"},
        {40, 1, "larger than the file"},
        {44, 0x40000000, "larger than the file"},
        {36, 200, "cut off"},
        {76, 5, "single signed bytes"},
        {76, 9, "an array of an unknown type"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_text text = {0};
        rf_st_file *file;
        mxnet_file(arrays, 3, 2, &text);
        memcpy(text.text + wrong[i].at, &wrong[i].value, 4);
        assert_int_equal(parse(&text, text.used, &file), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), wrong[i].words)) fail_msg("%zu: %s", i, rf_error_message());
        rf_text_clear(&text);
    }
    rf_text text = {0};
    rf_st_file *file;
    mxnet_file(arrays, 3, 2, &text);
    rf_text_put(&text, "x");
    assert_int_equal(parse(&text, text.used, &file), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "something follows the names"));
    rf_text_clear(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insightface_models_give_the_faces_they_give_there),
        cmocka_unit_test(another_epsilon_changes_nothing),
        cmocka_unit_test(the_preset_has_their_anchors),
        cmocka_unit_test(arrays_of_every_version_are_read),
        cmocka_unit_test(half_precision_of_mxnet_is_read),
        cmocka_unit_test(broken_mxnet_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
