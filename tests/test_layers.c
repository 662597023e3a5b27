/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: parameter counts and names, shapes, folding, groups. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "detect/anchors.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/weights.h"

static const char trained[] = "../shared/data/weights/mobilenet0.25_Final.pth";

/* A configuration from INI text. */
static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static rf_config config_file(const char *path) {
    rf_config config;
    if (rf_config_load(path, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static rf_params *params_of(const rf_config *config) {
    rf_params *params;
    if (rf_detector_params(config, &params) != RF_OK) fail_msg("%s", rf_error_message());
    return params;
}

static size_t count_params(rf_config config) {
    rf_params *params = params_of(&config);
    size_t count = rf_params_learnable(params), rows, sum = 0;
    rf_layer_row *table;
    assert_int_equal(rf_detector_table(&config, 96, 64, &table, &rows), RF_OK);
    for (size_t i = 0; i < rows; i++) {
        sum += table[i].params;
        assert_true(table[i].mflops > 0 || strstr(table[i].name, "Head"));
        assert_true(table[i].shape.n == 4 || table[i].shape.n == 3);
    }
    assert_int_equal(sum, count);
    rf_free(table);
    rf_params_free(params);
    return count;
}

static void parameter_counts(void **state) {
    (void)state;
    assert_int_equal(count_params(config_file("configs/mnet025.ini")), 426608);
    assert_int_equal(count_params(config_file("configs/r50.ini")), 33813552);
    assert_int_equal(count_params(config_of("[model]\npreset=biubug6\nbackbone=resnet50\nchannels=256\n")), 27293600);
    /* One head instead of five: four times 256 -> 48 channels with bias less. */
    rf_config shared = config_file("configs/r50.ini");
    shared.model.share_heads = true;
    assert_int_equal(count_params(shared), 33813552 - 4 * (257 * 48));
    /* torchvision: 58,143,808 in the body of ResNet-152; the rest is that of r50. */
    assert_int_equal(count_params(config_file("configs/r152.ini")), 33813552 - 23508032 + 58143808);
    assert_int_equal(count_params(config_file("configs/r18.ini")), 12007392 + 2 * (129 * 32));
    assert_int_equal(count_params(config_file("configs/r34.ini")), 12007392 + 2 * (129 * 32) - 11176512 + 21284672);
    /* Body, lateral and merging convolutions, contexts, heads. */
    assert_int_equal(count_params(config_file("configs/mnetv2.ini")), 2223872 + 180992 + 295424 + 415872 + 12384);
}

static bool has_name(char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static void names_are_the_public_model_s(void **state) {
    (void)state;
    if (!rf_file_exists(trained)) {
        print_message("[  SKIP    ] %s is not here\n", trained);
        return;
    }
    rf_config config = config_file("configs/mnet025.ini");
    rf_params *params = params_of(&config);
    rf_weights_pack pack;
    rf_st_file *file;
    assert_int_equal(rf_weights_pack_model(params, NULL, &pack), RF_OK);
    assert_int_equal(rf_weights_read(trained, &file), RF_OK);
    assert_int_equal(pack.count, 300);
    assert_int_equal(file->count, 300);
    char *names[300];
    for (size_t i = 0; i < 300; i++) names[i] = pack.tensors[i].name;
    for (size_t i = 0; i < 300; i++) {
        const rf_st_tensor *theirs = &file->tensors[i];
        if (!has_name(names, 300, theirs->name)) fail_msg("%s is missing", theirs->name);
        for (size_t k = 0; k < 300; k++)
            if (strcmp(names[k], theirs->name) == 0) {
                assert_int_equal(pack.tensors[k].n_dims, theirs->n_dims);
                assert_int_equal(pack.tensors[k].bytes, theirs->bytes);
                assert_memory_equal(pack.tensors[k].dims, theirs->dims, (size_t)theirs->n_dims * sizeof(size_t));
            }
    }
    rf_st_free(file);
    rf_weights_pack_free(&pack);
    rf_params_free(params);
}

static size_t anchors_of(const rf_config *config, int h, int w) {
    rf_anchor_spec spec = {.n_levels = config->model.strides.n, .centre_offset = -1};
    spec.n_sizes = config->anchors.sizes.n / spec.n_levels;
    for (int s = 0; s < spec.n_sizes; s++) spec.aspects[s] = 1;
    for (int i = 0; i < spec.n_levels; i++) spec.strides[i] = (int)config->model.strides.v[i];
    for (int i = 0; i < config->anchors.sizes.n; i++) spec.sizes[i] = (float)config->anchors.sizes.v[i];
    return rf_anchor_count(&spec, h, w);
}

static void rows_are_the_anchors(void **state) {
    (void)state;
    static const int sizes[][2] = {{640, 640}, {840, 840}, {1, 1}, {33, 47}, {97, 130}, {641, 639}};
    rf_config configs[] = {config_file("configs/mnet025.ini"), config_file("configs/r50.ini"),
                           config_of("[model]\nbackbone=resnet18\nstrides=16,32,64,128\n[anchors]\nsizes=8,16,32,64\n"),
                           config_of("[model]\nbackbone=resnet34\nstrides=8\ncontext=none\n[anchors]\nsizes=8,9,10\n")};
    size_t expected[] = {16800, 102300, 1600 + 400 + 100 + 25, 3 * 6400};
    for (size_t c = 0; c < 4; c++) {
        rf_params *params = params_of(&configs[c]);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int mode = RF_TRAIN; mode <= RF_EVAL; mode++) {
                rf_detector d;
                rf_graph *graph = rf_graph_new();
                int h = sizes[s][0], w = sizes[s][1];
                if (rf_detector_build(graph, params, &configs[c], 2, h, w, (rf_mode)mode, &d) != RF_OK)
                    fail_msg("%s", rf_error_message());
                assert_int_equal(d.anchors, anchors_of(&configs[c], h, w));
                if (s == 0) assert_int_equal(d.anchors, expected[c]);
                const rf_shape cls = rf_graph_shape(graph, rf_outputs_value(&d.outputs, "cls", -1)),
                               loc = rf_graph_shape(graph, rf_outputs_value(&d.outputs, "loc", -1));
                const rf_shape points = rf_graph_shape(graph, rf_outputs_value(&d.outputs, "points", -1));
                int a = (int)d.anchors;
                assert_true(rf_shape_equal(&cls, &(rf_shape){3, {2, a, 2}}));
                assert_true(rf_shape_equal(&loc, &(rf_shape){3, {2, a, 4}}));
                assert_true(rf_shape_equal(&points, &(rf_shape){3, {2, a, 10}}));
                assert_int_equal(rf_graph_find(graph, "cls"), rf_outputs_value(&d.outputs, "cls", -1));
                assert_int_equal(rf_graph_find(graph, "input"), d.input);
                rf_graph_free(graph);
            }
        rf_params_free(params);
    }
}

/* Normalisations with something to fold. */
static void shake(rf_params *params) {
    rf_params_init(params, 7);
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_rng rng = rf_rng_make(1, 0, i, RF_STREAM_TEST);
        rf_real *v = rf_params_values(params, p);
        if (p->n_dims == 1)
            for (size_t k = 0; k < p->count; k++) v[k] += (rf_real)rf_rng_range(&rng, -0.3f, 0.3f);
    }
}

static rf_real *run(rf_params *params, const rf_config *config, int h, int w, rf_mode mode, size_t *count) {
    rf_detector d;
    rf_graph *graph = rf_graph_new();
    assert_int_equal(rf_detector_build(graph, params, config, 2, h, w, mode, &d), RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_real *x = rf_exec_data(exec, d.input);
    for (size_t i = 0; i < (size_t)2 * h * w * 3; i++) x[i] = (rf_real)(2 * rf_rng_normal(&rng));
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    rf_value out[] = {rf_outputs_value(&d.outputs, "cls", -1), rf_outputs_value(&d.outputs, "loc", -1),
                      rf_outputs_value(&d.outputs, "points", -1)};
    size_t width[] = {2, 4, 10}, at = 0;
    *count = 2 * d.anchors * 16;
    rf_real *all = rf_alloc(*count, sizeof *all);
    for (int i = 0; i < 3; i++) {
        memcpy(all + at, rf_exec_data(exec, out[i]), 2 * d.anchors * width[i] * sizeof *all);
        at += 2 * d.anchors * width[i];
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    return all;
}

static void folded_equals_unfolded(void **state) {
    (void)state;
    rf_config configs[] = {config_file("configs/mnet025.ini"), config_file("configs/r18.ini"),
                           config_of("[model]\nbackbone=resnet50\nstrides=8,16,32,64\nchannels=64\nleaky_slope=0.2\n"
                                     "[anchors]\nsizes=16,32,64,128\n")};
    for (size_t c = 0; c < 3; c++) {
        rf_params *params = params_of(&configs[c]);
        shake(params);
        size_t n, m;
        rf_real *plain = run(params, &configs[c], 67, 93, RF_TRAIN, &n);
        rf_real *folded = run(params, &configs[c], 67, 93, RF_EVAL, &m);
        double worst = 0, largest = 0;
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((double)plain[i] - (double)folded[i]));
            largest = fmax(largest, fabs((double)plain[i]));
        }
        print_message("folding changes outputs of size %.3g by %.2g\n", largest, worst);
        assert_true(largest > 1e-3 && worst <= 1e-5 * fmax(1, largest));
        rf_free(plain);
        rf_free(folded);
        rf_params_free(params);
    }
}

static void evaluation_reads_the_folded_weights(void **state) {
    (void)state;
    rf_config config = config_file("configs/mnet025.ini");
    rf_params *params = params_of(&config);
    shake(params);
    size_t n, bytes = params->data_count * sizeof(rf_real);
    rf_real *first = run(params, &config, 40, 40, RF_EVAL, &n);
    rf_real *average = rf_alloc(params->data_count, sizeof *average);
    memcpy(average, params->data, bytes);
    rf_params_values(params, rf_params_find(params, "fpn.merge1.1.bias"))[3] += (rf_real)5;
    rf_params_values(params, rf_params_find(params, "BboxHead.0.conv1x1.bias"))[0] += (rf_real)1;
    assert_int_equal(rf_params_fold(params, NULL), RF_OK);
    rf_real *changed = run(params, &config, 40, 40, RF_EVAL, &n);
    assert_int_equal(rf_params_fold(params, &(rf_param_values){.data = average}), RF_OK);
    rf_real *averaged = run(params, &config, 40, 40, RF_EVAL, &n);
    rf_params_init(params, 9); /* makes the fold stale by itself */
    rf_real *fresh = run(params, &config, 40, 40, RF_EVAL, &n);
    assert_true(memcmp(first, changed, n * sizeof *first) != 0);
    assert_memory_equal(first, averaged, n * sizeof *first);
    assert_true(memcmp(first, fresh, n * sizeof *first) != 0);
    rf_free(first);
    rf_free(changed);
    rf_free(averaged);
    rf_free(fresh);
    rf_free(average);
    rf_params_free(params);
}

/* Moments of the starting values of a ResNet-18, whose body is He-normal in both schemes. */
static void check_initial_values(const char *text, bool fan_in_scheme) {
    rf_config config = config_of(text);
    rf_params *params = params_of(&config), *again = params_of(&config);
    rf_params_init(params, 1);
    rf_params_init(again, 1);
    assert_memory_equal(params->data, again->data, params->data_count * sizeof(rf_real));
    rf_params_init(again, 2);
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        const rf_real *v = rf_params_values(params, p);
        assert_int_equal(p->offset % 16, 0);
        double sum = 0, squares = 0;
        for (size_t k = 0; k < p->count; k++) {
            sum += (double)v[k];
            squares += (double)v[k] * (double)v[k];
        }
        double rms = sqrt(squares / (double)p->count);
        switch (p->kind) {
        case RF_PARAM_CONV: {
            double fan_out = (double)(p->dims[0] * p->dims[2] * p->dims[3]);
            double fan_in = (double)(p->dims[1] * p->dims[2] * p->dims[3]);
            double want = p->flags & RF_PARAM_BACKBONE ? sqrt(2 / fan_out)
                          : fan_in_scheme              ? 1 / sqrt(3 * fan_in)
                          : p->flags & RF_PARAM_HEAD   ? 0.01
                                                       : sqrt(2 / (fan_in + fan_out));
            double spread = 4 / sqrt((double)p->count); /* four standard errors */
            assert_true(fabs(rms / want - 1) < spread && fabs(sum / (double)p->count) < spread * want);
            assert_true(memcmp(v, rf_params_values(again, p), p->count * sizeof *v) != 0);
            break;
        }
        case RF_PARAM_BN_GAMMA:
        case RF_PARAM_BN_VAR:
            assert_true(sum == (double)p->count && rms == 1);
            break;
        case RF_PARAM_BIAS: /* of 64 inputs */
            assert_true(fan_in_scheme ? rms > 0.02 && rms < 1.0 / 8 : squares == 0);
            break;
        default:
            assert_true(squares == 0);
        }
    }
    rf_params_free(params);
    rf_params_free(again);
}

static void initial_values(void **state) {
    (void)state;
    check_initial_values("[model]\nbackbone=resnet18\ninitialiser=he_xavier\n", false);
    check_initial_values("[model]\nbackbone=resnet18\ninitialiser=fan_in\n", true);
}

static void groups_and_freezing(void **state) {
    (void)state;
    rf_config config = config_of("[model]\nbackbone=resnet18\nfreeze_stages=2\nfreeze_bn=yes\n"
                                 "[optim]\nbackbone_lr=0.5\nhead_lr=3\ndecay_bn_bias=no\n");
    static const struct {
        const char *name;
        bool frozen;
        double lr, decay;
    } want[] = {
        {"body.conv1.weight", true, 0, 1},           {"body.bn1.weight", true, 0, 0},
        {"body.layer1.1.conv2.weight", true, 0, 1},  {"body.layer2.0.conv1.weight", false, 0.5, 1},
        {"body.layer2.0.bn1.bias", true, 0, 0},      {"body.layer4.0.downsample.0.weight", false, 0.5, 1},
        {"fpn.output1.0.weight", false, 1, 1},       {"ssh2.conv3X3.1.weight", false, 1, 0},
        {"ClassHead.2.conv1x1.weight", false, 3, 1}, {"LandmarkHead.0.conv1x1.bias", false, 3, 0},
    };
    rf_params *params = params_of(&config);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const rf_param *p = rf_params_find(params, want[i].name);
        assert_non_null(p);
        assert_int_equal((p->flags & RF_PARAM_FROZEN) != 0, want[i].frozen);
        assert_true(p->lr_mult == want[i].lr && p->decay_mult == want[i].decay);
    }
    /* Frozen parts have no gradient nodes and keep their statistics in training. */
    shake(params);
    rf_detector d;
    rf_graph *graph = rf_graph_new();
    assert_int_equal(rf_detector_build(graph, params, &config, 1, 64, 64, RF_TRAIN, &d), RF_OK);
    assert_int_equal(rf_graph_backward(graph, (const rf_value[]){rf_outputs_value(&d.outputs, "cls", -1)}, 1), RF_OK);
    assert_false(rf_graph_has_grad(graph, rf_graph_find(graph, "body.conv1.weight")));
    assert_true(rf_graph_has_grad(graph, rf_graph_find(graph, "body.layer2.0.conv1.weight")));
    rf_exec *exec = rf_exec_new(graph, NULL);
    const rf_param *fixed = rf_params_find(params, "body.layer3.0.bn1.running_mean");
    const rf_param *moving = rf_params_find(params, "fpn.output1.1.running_mean");
    rf_real was_fixed = params->state[fixed->offset], was_moving = params->state[moving->offset];
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 64 * 64 * 3; i++) rf_exec_data(exec, d.input)[i] = (rf_real)rf_rng_normal(&rng);
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_true(params->state[fixed->offset] == was_fixed && params->state[moving->offset] != was_moving);
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_params_free(params);
}

static void impossible_networks_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"[model]\nbackbone=resnet51\n", "resnet50"},
        {"[model]\nstrides=8,32\n[anchors]\nsizes=1,2\n", "twice"},
        {"[model]\nstrides=4,8\n[anchors]\nsizes=1,2\n", "no map of stride 4"},
        {"[model]\nstrides=64\n[anchors]\nsizes=1,2\n", "first stride"},
        {"[model]\nstrides=8.5\n[anchors]\nsizes=1\n", "whole number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rf_config config;
        rf_params *params = NULL;
        if (rf_config_parse("test", bad[i].text, NULL, 0, &config) ==
            RF_OK) /* else a word is none of those it may be */
            assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
        assert_null(params);
        if (!strstr(rf_error_message(), bad[i].message))
            fail_msg("'%s' lacks '%s'", rf_error_message(), bad[i].message);
    }
    rf_config made = config_of("");
    made.anchors.sizes.n = 5;
    rf_params *none;
    assert_int_equal(rf_detector_params(&made, &none), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "anchors.sizes"));
    made = config_of("");
    made.model.channels = 66;
    assert_int_equal(rf_detector_params(&made, &none), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "multiple of 4"));
    /* A store of one network does not serve another. */
    rf_config small = config_file("configs/mnet025.ini"), wide = small;
    wide.model.channels = 128;
    rf_params *params = params_of(&small);
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    assert_int_equal(rf_detector_build(graph, params, &wide, 1, 64, 64, RF_TRAIN, &d), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "another configuration"));
    rf_graph_free(graph);
    rf_params_free(params);
}

static void failed_allocations_are_told(void **state) {
    (void)state;
    rf_config config = config_file("configs/mnet025.ini");
    for (uint64_t n = 1;; n += 97) { /* every allocation would take long: a sample */
        rf_params *params;
        rf_alloc_fail_at(n);
        rf_status status = rf_detector_params(&config, &params);
        rf_alloc_fail_at(0);
        rf_params_free(params);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_true(n < 100000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(names_are_the_public_model_s),
        cmocka_unit_test(rows_are_the_anchors),
        cmocka_unit_test(folded_equals_unfolded),
        cmocka_unit_test(evaluation_reads_the_folded_weights),
        cmocka_unit_test(initial_values),
        cmocka_unit_test(groups_and_freezing),
        cmocka_unit_test(impossible_networks_are_refused),
        cmocka_unit_test(failed_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
