/* SPDX-License-Identifier: Apache-2.0 */
/* The backbone registry: sizes, taps and stages of every entry; ImageNet weights of torchvision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/mem.h"
#include "layers/backbone.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/weights.h"
#include "tests/golden.h"
#include "tests/slow.h"

static rf_params *params_of(const char *backbone) {
    char text[128];
    rf_config config;
    rf_params *params = NULL;
    snprintf(text, sizeof text, "[model]\nbackbone=%s\n", backbone);
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK || rf_detector_params(&config, &params) != RF_OK)
        fail_msg("%s: %s", backbone, rf_error_message());
    return params;
}

/* Every backbone has as many learnable values as PyTorch counts: scripts/golden_detector.py. */
static void backbones_are_as_large_as_pytorch_s(void **state) {
    (void)state;
    rf_json *counts = golden_open("backbones.json");
    for (int i = 0; i < rf_backbone_count(); i++) {
        size_t count = 0;
        rf_params *params = params_of(rf_backbone_at(i)->name);
        for (size_t k = 0; k < params->count; k++) {
            const rf_param *p = &params->entries[k];
            if (p->flags & RF_PARAM_BACKBONE && !rf_param_is_state(p)) count += p->count;
        }
        assert_int_equal(count, (size_t)golden_get(counts, rf_backbone_at(i)->name));
        rf_params_free(params);
    }
    golden_close(counts);
}

/* What every backbone must fulfil: a new line in backbones.def is tested here. */
static void check_backbone(const rf_backbone *backbone) {
    enum { H = 75, W = 130 };
    rf_graph *graph = rf_graph_new();
    rf_params *params = rf_params_new();
    rf_net net = {.graph = graph, .params = params, .bn_eps = 1e-5, .bn_momentum = 0.1, .backbone_lr = 1, .head_lr = 1};
    net.part = RF_PARAM_BACKBONE;
    net.freeze_stages = backbone->stages;
    rf_taps taps = {0};
    rf_value x = rf_graph_input(graph, "input", (rf_shape){4, {2, H, W, 3}});
    rf_scope scope = rf_net_enter(&net, "body");
    backbone->build(&net, backbone, x, &taps);
    rf_net_leave(&net, scope);
    if (rf_net_status(&net) != RF_OK) fail_msg("%s: %s", backbone->name, rf_error_message());
    assert_string_equal(net.prefix, "");
    assert_true(backbone->doc && *backbone->doc && backbone->stages >= 1 && backbone->stages <= 5);
    assert_ptr_equal(rf_backbone_find(backbone->name), backbone);
    assert_in_range(taps.n, 1, RF_MAX_TAPS);
    for (int i = 0; i < taps.n; i++) {
        rf_shape shape = rf_graph_shape(graph, taps.value[i]);
        int s = taps.stride[i];
        assert_true(i == 0 || s == 2 * taps.stride[i - 1]);
        assert_true(shape.n == 4 && shape.d[0] == 2 && shape.d[1] == (H + s - 1) / s && shape.d[2] == (W + s - 1) / s);
    }
    assert_true(params->count > 0);
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        assert_true(strncmp(p->name, "body.", 5) == 0 && p->flags & RF_PARAM_BACKBONE);
        assert_true(p->flags & RF_PARAM_FROZEN);              /* its number of stages covers all of it */
        assert_ptr_equal(rf_params_find(params, p->name), p); /* no name twice */
    }
    rf_params_free(params);
    rf_graph_free(graph);
}

static void every_backbone(void **state) {
    (void)state;
    for (int i = 0; i < rf_backbone_count(); i++) check_backbone(rf_backbone_at(i));
}

/* Whether the backbone is that of the other store, and the rest is not. */
static void compare_stores(const rf_params *from, const rf_params *to) {
    for (size_t i = 0; i < from->count; i++) {
        const rf_param *p = &from->entries[i];
        const rf_real *a = rf_params_values(from, p), *b = rf_params_values(to, &to->entries[i]);
        bool same = memcmp(a, b, p->count * sizeof *a) == 0;
        assert_string_equal(p->name, to->entries[i].name);
        if (p->flags & RF_PARAM_BACKBONE && !same) fail_msg("%s was not taken", p->name);
        if (p->init == RF_INIT_FAN_IN_UNIFORM && !(p->flags & RF_PARAM_BACKBONE)) assert_false(same);
    }
}

/* A file as torchvision's are: no "body." in front, a classifier of its own, counters. */
static void imagenet_weights_load(const char *backbone, const char *classifier) {
    static const char path[] = "/tmp/rf_test_backbones.safetensors";
    static float numbers[1000 * 4];
    rf_params *from = params_of(backbone), *to = params_of(backbone);
    rf_weights_pack pack;
    rf_weights_report report;
    rf_params_init(from, 1);
    rf_params_init(to, 2);
    for (size_t i = 0; i < from->state_count; i++) from->state[i] += (rf_real)0.5;
    assert_int_equal(rf_weights_pack_model(from, NULL, &pack), RF_OK);
    size_t count = 0;
    char weight[64], bias[64], *rest[2] = {weight, bias};
    snprintf(weight, sizeof weight, "%s.weight", classifier);
    snprintf(bias, sizeof bias, "%s.bias", classifier);
    rf_st_tensor *tensors = rf_alloc(pack.count + 2, sizeof *tensors);
    for (size_t i = 0; i < pack.count; i++) {
        if (strncmp(pack.tensors[i].name, "body.", 5) != 0) continue;
        tensors[count] = pack.tensors[i];
        tensors[count++].name += 5;
    }
    tensors[count++] = (rf_st_tensor){rest[0], RF_F32, 2, {1000, 4}, numbers, sizeof numbers};
    tensors[count++] = (rf_st_tensor){rest[1], RF_F32, 1, {1000}, numbers, 4000};
    assert_int_equal(rf_st_write(path, tensors, count, NULL, NULL, 0), RF_OK);
    if (rf_weights_load(path, to, &report) != RF_OK) fail_msg("%s: %s", backbone, rf_error_message());
    unlink(path);
    assert_true(report.backbone_missing == 0 && report.n_unused == 0 && report.matched > 50 && report.ignored > 2);
    compare_stores(from, to);
    rf_weights_report_free(&report);
    rf_weights_pack_free(&pack);
    rf_free(tensors);
    rf_params_free(from);
    rf_params_free(to);
}

static void torchvision_s_files_load(void **state) {
    (void)state;
    if (in_quick_loop()) return;
    imagenet_weights_load("mobilenetv2", "classifier.1");
    imagenet_weights_load("resnet34", "fc");
    imagenet_weights_load("mobilenet050", "fc");
}

/* torchvision's names, letter by letter. */
static void names_are_torchvision_s(void **state) {
    (void)state;
    static const char *const names[] = {
        "body.features.0.0.weight",        "body.features.0.1.running_mean",  "body.features.1.conv.0.0.weight",
        "body.features.1.conv.0.1.bias",   "body.features.1.conv.1.weight",   "body.features.1.conv.2.running_var",
        "body.features.2.conv.0.0.weight", "body.features.2.conv.1.0.weight", "body.features.17.conv.2.weight",
        "body.features.17.conv.3.weight",  "body.features.18.0.weight",       "body.features.18.1.bias"};
    rf_params *params = params_of("mobilenetv2");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!rf_params_find(params, names[i])) fail_msg("there is no %s", names[i]);
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backbones_are_as_large_as_pytorch_s),
        cmocka_unit_test(every_backbone),
        cmocka_unit_test(names_are_torchvision_s),
        cmocka_unit_test(torchvision_s_files_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
