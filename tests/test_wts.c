/* SPDX-License-Identifier: Apache-2.0 */
/* tensorrtx's weight files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "export/wts.h"
#include "layers/weights.h"
#include "tests/ncnn_model.h"

static char dir[] = "/tmp/rf_test_wts_XXXXXX", path[128];
static const char trained[] = "../shared/data/weights/mobilenet0.25_Final.pth";

static void ok(rf_status status) {
    if (status != RF_OK) fail_msg("%s", rf_error_message());
}

static const rf_wts_array *find(const rf_wts *wts, const char *name) {
    for (size_t i = 0; i < wts->count; i++)
        if (strcmp(wts->arrays[i].name, name) == 0) return &wts->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

/* All 300 arrays of the public state_dict, normalisation as it is, kernels in PyTorch's order. */
static void arrays_are_those_of_a_state_dict(void **state) {
    (void)state;
    random_model m;
    rf_wts wts;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    ok(rf_export(rf_exporter_find("wts"), &m.model, &(rf_export_options){.batch = 1}, path));
    ok(rf_wts_read(path, &wts));
    assert_int_equal(wts.count, 300);
    const rf_wts_array *kernel = find(&wts, "ssh1.conv3X3.0.weight");
    const rf_param *p = rf_params_find(m.params, "ssh1.conv3X3.0.weight");
    const rf_real *values = rf_params_values(m.params, p);
    assert_int_equal(kernel->count, 32 * 64 * 9);
    for (size_t o = 0; o < 32; o++) /* file [O][I][Kh][Kw], memory [Kh][Kw][I][O] */
        for (size_t i = 0; i < 64; i++)
            for (size_t t = 0; t < 9; t++)
                assert_true(kernel->values[(o * 64 + i) * 9 + t] == values[(t * 64 + i) * 32 + o]);
    const rf_wts_array *var = find(&wts, "body.stage1.0.1.running_var");
    p = rf_params_find(m.params, "body.stage1.0.1.running_var");
    assert_memory_equal(var->values, rf_params_values(m.params, p), 8 * sizeof(float));
    const rf_wts_array *counter = find(&wts, "body.stage1.0.1.num_batches_tracked");
    assert_true(counter == var + 1 && counter->count == 1 && counter->values[0] == 0);
    rf_wts_free(&wts);
    /* A changed number, name and another model are told. */
    p = rf_params_find(m.params, "ClassHead.2.conv1x1.bias");
    rf_params_values(m.params, p)[1] += 1;
    assert_int_equal(rf_exporter_find("wts")->verify(&m.model, &(rf_export_options){0}, path), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "ClassHead.2.conv1x1.bias"));
    random_model_free(&m);
    random_model_make(&m, "[model]\npreset=biubug6\nlandmarks=no\n");
    assert_int_equal(rf_exporter_find("wts")->verify(&m.model, &(rf_export_options){0}, path), RF_ERR_FORMAT);
    random_model_free(&m);
}

/* The bytes: what struct.pack('>f', v).hex() prints in Python. */
static void the_text_is_tensorrtx_s(void **state) {
    (void)state;
    random_model m;
    uint8_t *text;
    size_t bytes;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    rf_real *bias = rf_params_values(m.params, rf_params_find(m.params, "BboxHead.0.conv1x1.bias"));
    static const float values[8] = {1, -2, 0.1f, 0, -0.0f, 3e-39f, 123456, -0.015625f};
    memcpy(bias, values, sizeof values);
    ok(rf_exporter_find("wts")->write(&m.model, &(rf_export_options){.batch = 1}, path));
    ok(rf_file_read(path, 0, &text, &bytes));
    assert_int_equal(strncmp((char *)text, "300\nbody.stage1.0.0.weight 216 ", 31), 0);
    assert_non_null(strstr((char *)text, "\nBboxHead.0.conv1x1.bias 8 3f800000 c0000000 3dcccccd 00000000 80000000 "
                                         "0020aac8 47f12000 bc800000\n"));
    rf_free(text);
    random_model_free(&m);
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    static const char good[] = "2\na.weight 2 3f800000 00000000\nb 1  c0000000\n";
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ":1: expected the number of arrays"},
        {"0\n", "number of arrays"},
        {"-1\n", "number of arrays"},
        {"9999\n", "number of arrays"},
        {"2 \na 1 00000000\n", "number of arrays"},
        {"2\na 1 00000000\n", ":3: the file ends"},
        {"1\na 1 00000000\nb 1 00000000\n", ":3: the file goes on"},
        {"1\na 1 00000000", "does not end"},
        {"1\na 1 00000000 00000000\n", "does not end"},
        {"1\na 2 00000000\n", "missing"},
        {"1\na 99999999999 00000000\n", "missing"},
        {"1\na 1 0000000\n", "hexadecimal"},
        {"1\na 1 0000000G\n", "hexadecimal"},
        {"1\na 1 3F800000\n", "hexadecimal"},
        {"1\na  1 00000000\n", "number of values"},
        {"1\na\n", "number of values"},
        {"1\n 1 00000000\n", "name"},
        {"2\na 1 00000000\na 1 00000000\n", ":3: another line"},
    };
    rf_wts wts;
    ok(rf_wts_parse("x.wts", good, sizeof good - 1, &wts));
    assert_true(wts.count == 2 && wts.arrays[0].values[0] == 1 && wts.arrays[1].values[0] == -2);
    rf_wts_free(&wts);
    for (size_t n = 0; n < sizeof good - 1; n++) { /* every shorter text, in memory of its size */
        char *copy = rf_alloc(n, 1);
        memcpy(copy, good, n);
        assert_int_equal(rf_wts_parse("x.wts", copy, n, &wts), RF_ERR_FORMAT);
        rf_wts_free(&wts);
        rf_free(copy);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_status status = rf_wts_parse("x.wts", cases[i].text, strlen(cases[i].text), &wts);
        rf_wts_free(&wts);
        if (status != RF_ERR_FORMAT || !strstr(rf_error_message(), cases[i].words))
            fail_msg("case %zu: '%s', expected '%s'", i, rf_error_message(), cases[i].words);
    }
}

static void what_it_has_not_is_refused(void **state) {
    (void)state;
    static const rf_export_options refused[] = {{.batch = 1, .outputs = RF_EXPORT_FACES},
                                                {.batch = 1, .preprocess = true},
                                                {.batch = 1, .fp16 = true},
                                                {.batch = 1, .embed = true},
                                                {.batch = 1, .opset = 13},
                                                {.batch = 2}};
    const rf_exporter *wts = rf_exporter_find("wts"); /* which allocates */
    random_model m;
    random_model_make(&m, "[model]\npreset=biubug6\n");
    remove(path);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(wts->write(&m.model, &refused[i], path), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "no network"));
        assert_false(rf_file_exists(path));
    }
    for (uint64_t n = 1; n < 200; n += 17) {
        rf_alloc_fail_at(n);
        assert_int_equal(wts->write(&m.model, &(rf_export_options){.batch = 1}, path), RF_ERR_NOMEM);
        rf_alloc_fail_at(0);
        assert_false(rf_file_exists(path));
    }
    random_model_free(&m);
}

/* The public weights go through unchanged. */
static void trained_weights_are_kept(void **state) {
    (void)state;
    rf_st_file *file;
    rf_wts wts;
    random_model m;
    if (!rf_file_exists(trained)) {
        print_message("skip: the trained weights are not here\n");
        skip();
    }
    random_model_make(&m, "[model]\npreset=biubug6\n");
    ok(rf_weights_load(trained, m.params, NULL));
    ok(rf_export(rf_exporter_find("wts"), &m.model, &(rf_export_options){.batch = 1}, path));
    ok(rf_wts_read(path, &wts));
    ok(rf_weights_read(trained, &file));
    assert_int_equal(file->count, wts.count);
    for (size_t i = 0; i < file->count; i++) {
        const rf_st_tensor *t = &file->tensors[i];
        const rf_wts_array *have = find(&wts, strncmp(t->name, "module.", 7) == 0 ? t->name + 7 : t->name);
        if (t->dtype != RF_F32) continue; /* the counters */
        assert_int_equal(t->bytes, have->count * sizeof(float));
        assert_memory_equal(t->data, have->values, t->bytes);
    }
    rf_st_free(file);
    rf_wts_free(&wts);
    random_model_free(&m);
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/face.wts", dir);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char card[160];
    snprintf(card, sizeof card, "%s.json", path);
    remove(card);
    remove(path);
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_those_of_a_state_dict), cmocka_unit_test(the_text_is_tensorrtx_s),
        cmocka_unit_test(damaged_files_are_refused),        cmocka_unit_test(what_it_has_not_is_refused),
        cmocka_unit_test(trained_weights_are_kept),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
