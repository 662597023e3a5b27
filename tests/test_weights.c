/* SPDX-License-Identifier: Apache-2.0 */
/* Weight files: PyTorch's two forms, safetensors, matching by name, damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/half.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/torch_file.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/weights.h"

static const char *const golden[] = {"tests/golden/torch_zip.pth", "tests/golden/torch_legacy.pth"};
static const char pretrain[] = "../shared/data/weights/mobilenetV1X0.25_pretrain.tar";
static const char trained[] = "../shared/data/weights/mobilenet0.25_Final.pth";
static const char trained_st[] = "../shared/data/weights/mobilenet0.25_Final.safetensors";

static bool skip_without(const char *path) {
    if (rf_file_exists(path)) return false;
    print_message("[  SKIP    ] %s is not here\n", path);
    return true;
}

/* The tensors of scripts/golden_torch_files.py. */
static void check_golden(const rf_st_file *file) {
    assert_int_equal(file->count, 5);
    const rf_st_tensor *a = rf_st_find(file, "a"), *b = rf_st_find(file, "b"), *row = rf_st_find(file, "row");
    const rf_st_tensor *counter = rf_st_find(file, "counter"), *wide = rf_st_find(file, "wide");
    assert_true(a && b && row && counter && wide);
    assert_true(b->n_dims == 4 && b->dims[0] == 2 && b->dims[1] == 3 && b->dims[2] == 2 && b->dims[3] == 2);
    for (int i = 0; i < 24; i++) {
        assert_true(((const float *)a->data)[i] == i);
        assert_true(((const float *)b->data)[i] == 100 + i); /* channels-last in the file, C order here */
    }
    assert_true(row->n_dims == 3 && row->bytes == 12 * sizeof(float));
    for (int i = 0; i < 12; i++) assert_true(((const float *)row->data)[i] == 12 + i);
    assert_true(counter->dtype == RF_I64 && counter->n_dims == 0 && *(const int64_t *)counter->data == 7);
    assert_true(wide->dtype == RF_F64 && ((const double *)wide->data)[2] == 2.0 / 3);
}

static void both_forms_are_read(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        rf_st_file *file;
        assert_int_equal(rf_torch_read(golden[i], &file), RF_OK);
        check_golden(file);
        rf_st_free(file);
    }
}

/* 16-bit numbers are what PyTorch makes of them as float32, which the files hold beside them. */
static void narrow_numbers_are_widened(void **state) {
    (void)state;
    static const char *const paths[] = {"tests/golden/half_zip.pth", "tests/golden/half_legacy.pth",
                                        "tests/golden/half.safetensors"};
    for (int i = 0; i < 3; i++) {
        rf_st_file *file;
        assert_int_equal(rf_weights_read(paths[i], &file), RF_OK);
        assert_int_equal(file->count, 5);
        assert_int_equal(file->widened, 3);
        const rf_st_tensor *half = rf_st_find(file, "half"), *brain = rf_st_find(file, "brain");
        const rf_st_tensor *turned = rf_st_find(file, "turned");
        assert_true(half->dtype == RF_F32 && half->n_dims == 2 && half->dims[0] == 2 && half->bytes == 24);
        assert_true(brain->dtype == RF_F32 && turned->dtype == RF_F32 && turned->dims[0] == 3);
        assert_memory_equal(half->data, rf_st_find(file, "half_float")->data, 24);
        assert_memory_equal(brain->data, rf_st_find(file, "brain_float")->data, 24);
        const float *h = half->data, *t = turned->data;
        assert_true(h[0] == 0x1.554p-2f && h[2] == 65504 && h[3] == 0x1p-24f);
        for (int k = 0; k < 6; k++) assert_true(t[k] == h[k % 2 * 3 + k / 2]);
        rf_st_free(file);
    }
}

/* A copy with some bytes changed, removed or doubled must be refused or read; the sanitizers watch. */
static void mutate(const uint8_t *good, size_t bytes, uint64_t round, size_t header, unsigned *read) {
    rf_rng rng = rf_rng_make(5, 0, round, RF_STREAM_TEST);
    uint8_t *copy = rf_alloc(bytes, 1);
    assert_non_null(copy);
    memcpy(copy, good, bytes);
    size_t size = bytes;
    uint32_t kind = rf_rng_below(&rng, 4);
    for (uint32_t k = 0, n = 1 + rf_rng_below(&rng, 4); k < n; k++) {
        size_t at = rf_rng_below(&rng, (uint32_t)(rf_rng_below(&rng, 2) ? header : bytes));
        if (kind == 3)
            copy[at] = "().QRtuseb}]qh"[rf_rng_below(&rng, 14)];
        else
            copy[at] = (uint8_t)rf_rng_u32(&rng);
    }
    if (kind == 1) size = rf_rng_below(&rng, (uint32_t)bytes);
    if (kind == 2 && bytes > 64) {
        size_t from = rf_rng_below(&rng, (uint32_t)bytes - 32), to = rf_rng_below(&rng, (uint32_t)bytes - 32);
        memmove(copy + to, copy + from, 32);
    }
    rf_st_file *file;
    rf_status status = rf_torch_parse("mutant", copy, size, &file);
    if (status == RF_OK) {
        double sum = 0;
        for (size_t i = 0; i < file->count; i++)
            for (size_t b = 0; b < file->tensors[i].bytes; b++) sum += ((const uint8_t *)file->tensors[i].data)[b];
        assert_true(sum >= 0);
        ++*read;
    } else {
        assert_true(status == RF_ERR_FORMAT || status == RF_ERR_NOMEM);
        assert_null(file);
    }
    rf_st_free(file);
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t *data;
        size_t bytes;
        unsigned read = 0;
        assert_int_equal(rf_file_read(golden[i], 0, &data, &bytes), RF_OK);
        for (uint64_t round = 0; round < 1000; round++) mutate(data, bytes, round, bytes / 2, &read);
        assert_true(read < 900); /* most damage is seen */
        rf_free(data);
    }
}

static void every_cut_is_refused(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t *data;
        size_t bytes;
        assert_int_equal(rf_file_read(golden[i], 0, &data, &bytes), RF_OK);
        for (size_t size = 0; size < bytes; size++) {
            uint8_t *copy = rf_alloc(size, 1);
            rf_st_file *file;
            memcpy(copy, data, size);
            assert_int_equal(rf_torch_parse("cut", copy, size, &file), RF_ERR_FORMAT);
            assert_null(file);
        }
        rf_free(data);
    }
}

static void a_failed_allocation_is_told(void **state) {
    (void)state;
    static const char *const paths[] = {"tests/golden/torch_zip.pth", "tests/golden/torch_legacy.pth",
                                        "tests/golden/half_zip.pth"};
    for (int i = 0; i < 3; i++)
        for (uint64_t n = 1;; n++) {
            rf_st_file *file;
            rf_alloc_fail_at(n);
            rf_status status = rf_weights_read(paths[i], &file);
            rf_alloc_fail_at(0);
            rf_st_free(file);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
            assert_true(n < 1000);
        }
}

static rf_params *mobilenet(void) {
    rf_config config;
    rf_params *params;
    rf_config_defaults(&config);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 1);
    return params;
}

static void saved_weights_come_back(void **state) {
    (void)state;
    char path[] = "/tmp/rf_weights_XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    rf_params *a = mobilenet(), *b = mobilenet();
    rf_params_init(a, 2);
    for (size_t i = 0; i < a->state_count; i++) a->state[i] += (rf_real)(0.25 * (double)(i % 16));
    const char *keys[] = {"note"}, *values[] = {"text"};
    assert_int_equal(rf_weights_save(path, a, false, keys, values, 1), RF_OK);
    rf_weights_report report;
    assert_int_equal(rf_weights_load(path, b, &report), RF_OK);
    assert_int_equal(report.matched, b->count);
    assert_true(report.n_missing == 0 && report.n_unused == 0 && report.backbone_missing == 0);
    rf_weights_report_free(&report);
    for (size_t i = 0; i < a->count; i++) {
        const rf_param *p = &a->entries[i];
        assert_memory_equal(rf_params_values(a, p), rf_params_values(b, p), p->count * sizeof(rf_real));
    }
    rf_st_file *file;
    assert_int_equal(rf_st_read(path, &file), RF_OK);
    assert_string_equal(rf_st_meta(file, "note"), "text");
    const rf_st_tensor *counter = rf_st_find(file, "body.stage1.0.1.num_batches_tracked");
    assert_true(counter && counter->dtype == RF_I64 && counter->n_dims == 0);
    const rf_st_tensor *w = rf_st_find(file, "body.stage1.0.0.weight");
    const rf_param *p = rf_params_find(a, "body.stage1.0.0.weight");
    /* [o=5][i=2][ky=1][kx=0] in the file is [ky=1][kx=0][i=2][o=5] in the graph. */
    assert_true(((const float *)w->data)[((5 * 3 + 2) * 3 + 1) * 3 + 0] ==
                (float)rf_params_values(a, p)[((1 * 3 + 0) * 3 + 2) * 8 + 5]);
    rf_st_free(file);
    rf_params_free(a);
    rf_params_free(b);
    unlink(path);
}

/* A whole network in half precision: filled, rounded, and the report says so. */
static void half_precision_fills_a_network(void **state) {
    (void)state;
    char path[] = "/tmp/rf_weights_XXXXXX", *sentence;
    assert_true(close(mkstemp(path)) == 0);
    rf_params *a = mobilenet(), *b = mobilenet();
    rf_weights_pack pack;
    rf_weights_report report;
    rf_text text = {0};
    rf_params_init(a, 2);
    assert_int_equal(rf_weights_pack_model(a, NULL, &pack), RF_OK);
    for (size_t i = 0; i < pack.count; i++) {
        rf_st_tensor *t = &pack.tensors[i];
        if (t->dtype != RF_F32) continue;
        uint16_t *half = (uint16_t *)(uintptr_t)t->data; /* in place: half as wide */
        for (size_t k = 0; k < t->bytes / 4; k++) half[k] = rf_half_from_float(((const float *)t->data)[k]);
        t->dtype = RF_F16;
        t->bytes /= 2;
    }
    assert_int_equal(rf_st_write(path, pack.tensors, pack.count, NULL, NULL, 0), RF_OK);
    rf_weights_pack_free(&pack);
    assert_int_equal(rf_weights_load(path, b, &report), RF_OK);
    assert_true(report.matched == b->count && report.widened == b->count);
    rf_weights_report_text(&report, &text);
    assert_int_equal(rf_text_finish(&text, &sentence, NULL), RF_OK);
    assert_non_null(strstr(sentence, " of 16-bit numbers read as float32"));
    for (size_t i = 0; i < a->data_count; i++)
        assert_true(b->data[i] == (rf_real)rf_half_to_float(rf_half_from_float((float)a->data[i])));
    rf_free(sentence);
    rf_weights_report_free(&report);
    rf_params_free(a);
    rf_params_free(b);
    unlink(path);
}

/* What rf-export --fp16 writes: the weights of convolutions in half precision, all else as it was. */
static void half_precision_is_written(void **state) {
    (void)state;
    char path[] = "/tmp/rf_weights_XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    rf_params *a = mobilenet(), *b = mobilenet();
    rf_params_init(a, 3);
    for (size_t i = 0; i < a->state_count; i++)
        a->state[i] = (rf_real)(1e-7 * (double)(i + 1)); /* below half's range */
    assert_int_equal(rf_weights_save(path, a, true, NULL, NULL, 0), RF_OK);
    assert_int_equal(rf_weights_load(path, b, NULL), RF_OK);
    for (size_t e = 0; e < a->count; e++) {
        const rf_param *p = &a->entries[e];
        const rf_real *from = rf_params_values(a, p), *to = rf_params_values(b, &b->entries[e]);
        for (size_t i = 0; i < p->count; i++) {
            float want = (float)from[i];
            if (p->n_dims == 4) want = rf_half_to_float(rf_half_from_float(want));
            assert_true((float)to[i] == want);
        }
    }
    rf_st_file *file;
    assert_int_equal(rf_st_read(path, &file), RF_OK);
    assert_int_equal(rf_weights_same(path, file, a, true), RF_OK);
    assert_int_equal(rf_weights_same(path, file, b, true), RF_OK); /* rounding again changes nothing */
    assert_int_equal(rf_weights_same(path, file, a, false), RF_ERR_FORMAT);
    rf_st_free(file);
    unlink(path);
    a->data[rf_params_find(a, "body.stage1.0.0.weight")->offset + 5] = (rf_real)65520;
    assert_int_equal(rf_weights_save(path, a, true, NULL, NULL, 0), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "body.stage1.0.0.weight has a weight of 65520"));
    assert_true(access(path, F_OK) != 0);
    rf_params_free(a);
    rf_params_free(b);
}

static void arrays_come_back(void **state) {
    (void)state;
    char path[] = "/tmp/rf_weights_XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    rf_params *params = mobilenet();
    rf_weights_pack pack;
    rf_st_file *file;
    assert_int_equal(rf_weights_pack_array(params, params->data, "momentum.", &pack), RF_OK);
    assert_int_equal(rf_st_write(path, pack.tensors, pack.count, NULL, NULL, 0), RF_OK);
    rf_weights_pack_free(&pack);
    assert_int_equal(rf_st_read(path, &file), RF_OK);
    assert_int_equal(rf_weights_unpack_array(path, file, params, "momentum.", params->grad), RF_OK);
    assert_memory_equal(params->data, params->grad, params->data_count * sizeof(rf_real));
    assert_int_equal(rf_weights_unpack_array(path, file, params, "velocity.", params->grad), RF_ERR_FORMAT);
    rf_st_free(file);
    rf_params_free(params);
    unlink(path);
}

/* A made-up file of one or two tensors. */
static rf_status apply(rf_params *params, rf_st_tensor *tensors, size_t count, rf_weights_report *report) {
    rf_st_file file = {.tensors = tensors, .count = count};
    return rf_weights_apply("made-up", &file, params, report);
}

static void wrong_files_change_nothing(void **state) {
    (void)state;
    rf_params *params = mobilenet();
    rf_real *before = rf_alloc(params->data_count, sizeof *before);
    memcpy(before, params->data, params->data_count * sizeof *before);
    float eight[8] = {1, 2, 3, 4, 5, 6, 7, 8}, broken[8] = {1, 2, NAN}, negative[8] = {1, -1};
    char beta[] = "body.stage1.0.1.bias", plain[] = "stage1.0.1.bias", gamma[] = "module.stage1.0.1.weight";
    char var[] = "body.stage1.0.1.running_var", other[] = "features.0.weight";
    rf_st_tensor good = {.name = beta, .dtype = RF_F32, .n_dims = 1, .dims = {8}, .data = eight, .bytes = sizeof eight};
    rf_st_tensor bad = good;
    bad.name = gamma;
    bad.dims[0] = 4;
    assert_int_equal(apply(params, (rf_st_tensor[]){good, bad}, 2, NULL), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), gamma));
    assert_non_null(strstr(rf_error_message(), "body.stage1.0.1.weight"));
    bad = good;
    bad.name = plain;
    assert_int_equal(apply(params, (rf_st_tensor[]){good, bad}, 2, NULL), RF_ERR_FORMAT); /* the same entry twice */
    bad.name = gamma;
    bad.data = broken;
    assert_int_equal(apply(params, (rf_st_tensor[]){good, bad}, 2, NULL), RF_ERR_NONFINITE);
    bad.name = var;
    bad.data = negative;
    assert_int_equal(apply(params, (rf_st_tensor[]){good, bad}, 2, NULL), RF_ERR_NONFINITE);
    bad = good;
    bad.dtype = RF_I32;
    assert_int_equal(apply(params, &bad, 1, NULL), RF_ERR_FORMAT);
    bad = good;
    bad.name = other;
    assert_int_equal(apply(params, &bad, 1, NULL), RF_ERR_USER); /* nothing fits */
    assert_memory_equal(before, params->data, params->data_count * sizeof *before);

    double wide[8] = {0.5, 1.5};
    rf_weights_report report;
    rf_st_tensor f64 = {.name = gamma, .dtype = RF_F64, .n_dims = 1, .dims = {8}, .data = wide, .bytes = sizeof wide};
    assert_int_equal(apply(params, (rf_st_tensor[]){f64, good, bad}, 3, &report), RF_OK);
    assert_true(rf_params_values(params, rf_params_find(params, "body.stage1.0.1.weight"))[1] == 1.5);
    assert_true(rf_params_values(params, rf_params_find(params, beta))[7] == 8);
    assert_int_equal(report.matched, 2);
    assert_int_equal(report.n_missing, params->count - 2);
    assert_int_equal(report.n_unused, 1);
    assert_string_equal(report.unused[0], other);
    rf_weights_report_free(&report);
    rf_free(before);
    rf_params_free(params);
}

static void imagenet_weights_fill_the_backbone(void **state) {
    (void)state;
    if (skip_without(pretrain)) return;
    rf_params *params = mobilenet();
    rf_weights_report report;
    assert_int_equal(rf_weights_load(pretrain, params, &report), RF_OK);
    size_t backbone = 0;
    for (size_t i = 0; i < params->count; i++) backbone += (params->entries[i].flags & RF_PARAM_BACKBONE) != 0;
    assert_int_equal(report.matched, backbone);
    assert_int_equal(report.backbone_missing, 0);
    assert_int_equal(report.n_missing, params->count - backbone);
    assert_int_equal(report.n_unused, 0);
    assert_int_equal(report.ignored, 2 + backbone / 5); /* fc.weight, fc.bias, a counter for each normalisation */
    rf_weights_report_free(&report);
    rf_params_free(params);
}

static void pickle_and_safetensors_agree(void **state) {
    (void)state;
    if (skip_without(trained) || skip_without(trained_st)) return;
    rf_params *a = mobilenet(), *b = mobilenet();
    rf_weights_report report;
    assert_int_equal(rf_weights_load(trained, a, &report), RF_OK);
    assert_true(report.matched == a->count && report.n_missing == 0 && report.n_unused == 0);
    rf_weights_report_free(&report);
    assert_int_equal(rf_weights_load(trained_st, b, &report), RF_OK);
    assert_true(report.matched == b->count && report.n_missing == 0 && report.n_unused == 0);
    rf_weights_report_free(&report);
    assert_memory_equal(a->data, b->data, a->data_count * sizeof(rf_real));
    assert_memory_equal(a->state, b->state, a->state_count * sizeof(rf_real));
    rf_params_free(a);
    rf_params_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrow_numbers_are_widened),
        cmocka_unit_test(half_precision_fills_a_network),
        cmocka_unit_test(half_precision_is_written),
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_failed_allocation_is_told),
        cmocka_unit_test(saved_weights_come_back),
        cmocka_unit_test(arrays_come_back),
        cmocka_unit_test(wrong_files_change_nothing),
        cmocka_unit_test(imagenet_weights_fill_the_backbone),
        cmocka_unit_test(pickle_and_safetensors_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
