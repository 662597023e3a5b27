/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that a format or an operator set lacks are refused, naming the layer and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "settings/settings.h"
#include "export/export.h"
#include "layers/detector.h"
#include "layers/init.h"

static void refuses(const char *ini, const char *format, int opset, const char *word) {
    static rf_config config;
    rf_params *params;
    rf_export_options options = {.batch = 1, .opset = opset, .h = 64, .w = 64, .score = 0.1};
    assert_int_equal(rf_config_parse("test", ini, NULL, 0, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 1);
    assert_int_equal(rf_params_fold(params, NULL), RF_OK);
    rf_export_model model = {.config = &config, .params = params};
    assert_int_equal(rf_export(rf_exporter_find(format), &model, &options, "build/refused.param"), RF_ERR_USER);
    if (!strstr(rf_error_message(), word)) fail_msg("'%s' lacks '%s'", rf_error_message(), word);
    rf_params_free(params);
}

static void new_layers_are_refused(void **state) {
    (void)state;
    refuses("[model]\nchannels=8\ncontext_dcn=v2\n", "onnx", 18, "--opset 19");
    refuses("[model]\nchannels=8\n[eval]\nlevel_least=0.3\n", "c", 0, "--score 0.1 is below eval.level_least 0.3");
    refuses("[model]\nchannels=8\nblur=yes\n", "onnx", 0, "model.blur = yes");
    refuses("[model]\nchannels=8\nocclusion=yes\n", "c", 0, "model.occlusion = yes");
    refuses("[model]\nchannels=8\n[anchors]\ndense=yes\n", "ncnn", 0, "anchors.dense = yes");
    refuses("[model]\nchannels=8\nlateral_dcn=v1\n", "ncnn", 0, "deformable");
    refuses("[model]\nchannels=8\nbackbone_dcn=v2\nbackbone=resnet50\n", "c", 0, "deformable");
    refuses("[model]\nchannels=8\n[anchors]\naspect=1,1.5\n", "wts", 0, "anchors.aspect");
    refuses("[model]\nchannels=8\n[data]\npoints=68\nflip_points=none\n", "wts", 0, "data.points is 68");
    refuses("[model]\nchannels=8\n[data]\npoints=68\nflip_points=none\n", "ncnn", 0, "data.points is 68");
    refuses("[model]\nchannels=8\n[cascade]\nstages=2\n", "wts", 0, "export to onnx");
    refuses("[model]\nchannels=8\nmaxout=both\n", "wts", 0, "model.maxout = both");
    refuses("[model]\nchannels=8\n[data]\nclasses=mask,no_mask\n", "wts", 0, "data.classes = mask,no_mask");
    refuses("[model]\nchannels=8\n[data]\nclasses=mask,no_mask\n", "ncnn", 0, "data.classes is mask,no_mask");
    refuses("[model]\npreset=refineface\nbackbone=resnet18\nchannels=8\n", "wts", 0, "towers");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(new_layers_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
