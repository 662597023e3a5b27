/* SPDX-License-Identifier: Apache-2.0 */
/* Names of arrays: the table, what loads in part, what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/names.h"
#include "layers/weights.h"
#include "tests/slow.h"
#include "layers/backbone.h"

static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* Without numbers, which take their time in deep networks. */
static rf_params *store_of(const rf_config *config) {
    rf_params *params;
    if (rf_detector_params(config, &params) != RF_OK) fail_msg("%s", rf_error_message());
    return params;
}

static rf_params *params_of(const rf_config *config) {
    rf_params *params = store_of(config);
    rf_params_init(params, 1);
    return params;
}

/* ---- the table of names ---- */

static void every_row_of_names_is_of_a_network(void **state) {
    (void)state;
    enum { NAMES = 6000 };
    static char seen[NAMES][RF_NAME_BYTES];
    size_t n = 0, kinds[RF_NAME_MODEL + 1] = {0};
    rf_config config = config_of(""), deep = config_of("[model]\nbackbone=preresnet152\n");
    rf_params *params = store_of(&config), *deep_params = store_of(&deep);
    for (size_t i = 0; i < rf_name_row_count; i++) {
        const rf_name_row *row = &rf_name_rows[i];
        kinds[row->kind]++;
        const char *name = row->file ? row->file : row->file_bn;
        assert_true(name && *name);
        if (row->kind == RF_NAME_MODEL) {
            rf_config model = config_of(row->ours);
            rf_params_free(store_of(&model));
        }
        if (row->kind == RF_NAME_UNIT && row->file_bn) assert_true(row->eps > 0 && row->eps < 1e-2);
        size_t entries = 0;
        for (int level = 0; level < RF_NAME_LEVELS; level++)
            for (int role = 0; role < RF_NAME_ROLES; role++) {
                char ours[RF_NAME_BYTES];
                if (!rf_name_write(row, level, (rf_name_role)role, seen[n], ours)) continue;
                for (size_t k = 0; k < n; k++) assert_string_not_equal(seen[k], seen[n]);
                assert_true(++n < NAMES);
                const rf_param *p = rf_params_find(params, ours);
                if (!p) p = rf_params_find(deep_params, ours);
                entries += p != NULL;
                if (p) assert_int_equal(rf_param_is_state(p), role == RF_NAME_MEAN || role == RF_NAME_VAR);
            }
        bool named = row->kind == RF_NAME_UNIT || row->kind == RF_NAME_HEAD;
        /* ".sc" is of the first block of a stage only. */
        bool lone = named && row->file && !row->file_bn && row->kind == RF_NAME_UNIT;
        bool skips = lone && strlen(name) > 3 && strcmp(name + strlen(name) - 3, "_sc") == 0;
        if (!skips && named != (entries >= (lone ? 1u : 2u))) fail_msg("%s names no array of the network", name);
    }
    for (size_t k = 0; k <= RF_NAME_MODEL; k++) assert_true(kinds[k] > 0);
    rf_params_free(params);
    rf_params_free(deep_params);
}

static void prefixes_and_counters(void **state) {
    (void)state;
    rf_config config = config_of("[model]\nbackbone=resnet18\n");
    rf_params *params = params_of(&config);
    static const char *const same[] = {"body.layer1.0.conv1.weight", "module.body.layer1.0.conv1.weight",
                                       "layer1.0.conv1.weight", "module.layer1.0.conv1.weight",
                                       "model.module.layer1.0.conv1.weight"};
    for (size_t i = 0; i < 5; i++) assert_string_equal(params->entries[rf_name_entry(params, same[i])].name, same[0]);
    assert_int_equal(rf_name_entry(params, "layer9.0.conv1.weight"), params->count);
    assert_true(rf_name_ignored("fc.weight") && rf_name_ignored("module.fc.bias"));
    assert_true(rf_name_ignored("module.bn1.num_batches_tracked"));
    assert_false(rf_name_ignored("attention.fc.weight") || rf_name_ignored("myfc.bias"));
    rf_params_free(params);
}

/* Public models without a configuration are told by names, also inside DataParallel; other networks are not. */
static void public_models_are_known_by_their_names(void **state) {
    (void)state;
    static const struct {
        const char *network, *known;
    } cases[] = {{"[model]\nbackbone=mobilenet025\n", "mobilenet025"},
                 {"[model]\nbackbone=resnet50\nchannels=256\n", "resnet50"},
                 {"[model]\nbackbone=resnet101\nchannels=256\n", NULL},
                 {"[model]\nbackbone=resnet18\n", NULL}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        rf_config config = config_of(cases[c].network);
        rf_params *params;
        assert_int_equal(rf_detector_params(&config, &params), RF_OK);
        char(*names)[2 * RF_NAME_BYTES] = rf_alloc(params->count, sizeof *names);
        rf_st_file file = {.tensors = rf_alloc(params->count, sizeof *file.tensors), .count = params->count};
        for (size_t i = 0; i < params->count; i++) {
            snprintf(names[i], sizeof *names, "module.%s", params->entries[i].name);
            file.tensors[i].name = names[i];
        }
        const char *text = rf_names_config(&file);
        assert_int_equal(text != NULL, cases[c].known != NULL);
        if (text) {
            rf_config known = config_of(text);
            assert_string_equal(rf_backbone_name(known.model.backbone), cases[c].known);
            assert_int_equal(known.model.channels, config.model.channels);
            assert_true(known.anchors.variance_centre == 0.1 && known.input.mean.v[0] == 104);
        }
        rf_free(file.tensors);
        rf_free(names);
        rf_params_free(params);
    }
}

/* ---- what fits in part ---- */

static void a_network_like_none_here_is_told(void **state) {
    (void)state;
    static float numbers[64 * 256], ones[64];
    for (int i = 0; i < 64; i++) ones[i] = 1 + (float)i;
    rf_st_tensor tensors[] = {
        {(char[]){"rf_head_stride32_concat_dcn_conv_weight"}, RF_F32, 1, {64}, ones, sizeof ones},
        {(char[]){"ssh_c3_lateral_weight"}, RF_F32, 4, {64, 256, 1, 1}, numbers, sizeof numbers},
        {(char[]){"ssh_c3_lateral_bias"}, RF_F32, 1, {64}, ones, sizeof ones},
        {(char[]){"ssh_c3_lateral_bn_moving_mean"}, RF_F32, 1, {64}, ones, sizeof ones},
        {(char[]){"ssh_c2_lateral_weight"}, RF_F32, 4, {64, 64, 1, 1}, numbers, 64 * 64 * sizeof *numbers},
        {(char[]){"ssh_m1_red_conv_bias"}, RF_F32, 1, {64}, ones, sizeof ones},
        {(char[]){"face_rpn_cls_score_stride32_weight"}, RF_F32, 4, {4, 32, 1, 1}, numbers, 512},
    };
    rf_st_file file = {.tensors = tensors, .count = 7};
    rf_config config = config_of("");
    rf_params *params = params_of(&config);
    rf_weights_report report;
    rf_text text = {0};
    char *sentence;
    assert_int_equal(rf_weights_apply("r50", &file, params, &report), RF_OK);
    assert_int_equal(report.matched, 2); /* the weight and the mean of the one layer whose shapes fit */
    assert_int_equal(report.absorbed, 1);
    assert_int_equal(report.n_unused, 4);
    assert_int_equal(report.n_missing, params->count - 2);
    assert_true(rf_params_values(params, rf_params_find(params, "fpn.output3.1.running_mean"))[5] == 0); /* less bias */
    rf_weights_report_text(&report, &text);
    assert_int_equal(rf_text_finish(&text, &sentence, NULL), RF_OK);
    assert_non_null(strstr(sentence, "2 of the network's 253 arrays filled, 251 missing (body.stage1.0.0.weight, "));
    assert_non_null(
        strstr(sentence, " and 245 more), 4 of the file left over (rf_head_stride32_concat_dcn_conv_weight, "));
    assert_non_null(strstr(sentence, "one more deformable convolution"));
    rf_free(sentence);
    rf_weights_report_free(&report);
    rf_params_free(params);
}

static void a_bias_of_another_size_is_refused(void **state) {
    (void)state;
    static float numbers[64];
    rf_st_tensor tensors[] = {
        {(char[]){"rf_c1_aggr_bias"}, RF_F32, 1, {32}, numbers, 128},
        {(char[]){"rf_c1_aggr_bn_moving_mean"}, RF_F32, 1, {64}, numbers, 256},
    };
    rf_st_file file = {.tensors = tensors, .count = 2};
    rf_config config = config_of("");
    rf_params *params = params_of(&config);
    assert_int_equal(rf_weights_apply("odd", &file, params, NULL), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "rf_c1_aggr_bn_moving_mean and what belongs to it"));
    rf_params_free(params);
}

/* torchvision's ImageNet files: the backbone alone, with a classifier. */
static void torchvision_backbones_load(void **state) {
    (void)state;
    if (in_quick_loop()) return;
    rf_config config = config_of("[model]\nbackbone=resnet18\n");
    rf_params *from = params_of(&config), *to = params_of(&config);
    rf_params_init(from, 2);
    rf_weights_pack pack;
    size_t n = 0, backbone = 0, counters = 0;
    assert_int_equal(rf_weights_pack_model(from, NULL, &pack), RF_OK);
    rf_st_tensor *tensors = rf_alloc(pack.count + 1, sizeof *tensors);
    for (size_t i = 0; i < pack.count; i++) {
        if (strncmp(pack.tensors[i].name, "body.", 5) != 0) continue;
        tensors[n] = pack.tensors[i];
        tensors[n++].name += 5;
        counters += strstr(pack.tensors[i].name, "num_batches_tracked") != NULL;
    }
    float fc[4] = {0};
    tensors[n++] = (rf_st_tensor){(char[]){"fc.weight"}, RF_F32, 2, {2, 2}, fc, sizeof fc};
    rf_st_file file = {.tensors = tensors, .count = n};
    rf_weights_report report;
    assert_int_equal(rf_weights_apply("resnet18.pth", &file, to, &report), RF_OK);
    for (size_t i = 0; i < to->count; i++) {
        const rf_param *p = &to->entries[i];
        bool body = p->flags & RF_PARAM_BACKBONE;
        backbone += body;
        if (p->kind != RF_PARAM_CONV) continue;
        int differs = memcmp(rf_params_values(from, p), rf_params_values(to, p), p->count * sizeof(rf_real));
        assert_int_equal(differs == 0, body);
    }
    assert_int_equal(report.matched, backbone);
    assert_int_equal(report.ignored, counters + 1);
    assert_true(report.backbone_missing == 0 && report.n_unused == 0);
    rf_weights_report_free(&report);
    rf_free(tensors);
    rf_weights_pack_free(&pack);
    rf_params_free(from);
    rf_params_free(to);
}

static void a_slope_for_a_backbone_without_one_is_refused(void **state) {
    (void)state;
    rf_config config = config_of("[model]\nbackbone=resnet18\nbackbone_slope=0.1\n");
    rf_params *params;
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "the activations of resnet18 have no slope to choose"));
    config.model.backbone_slope = 0;
    rf_params_free(params_of(&config));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_names_is_of_a_network),
        cmocka_unit_test(prefixes_and_counters),
        cmocka_unit_test(public_models_are_known_by_their_names),
        cmocka_unit_test(a_network_like_none_here_is_told),
        cmocka_unit_test(a_bias_of_another_size_is_refused),
        cmocka_unit_test(torchvision_backbones_load),
        cmocka_unit_test(a_slope_for_a_backbone_without_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
