/* insightface's heads beyond the usual three: classes with several candidates (USE_MAXOUT). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/exec.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "tests/config_text.h"
#include "tests/golden.h"

static rf_params *params_of(const rf_config *config) {
    rf_params *params;
    expect_ok(rf_detector_params(config, &params));
    rf_params_init(params, 1);
    return params;
}

static void refused(const char *ini, const char *words) {
    rf_params *params;
    rf_config config = config_of(ini);
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' lacks '%s'", rf_error_message(), words);
}

/* ---- max-out classes ---- */

/* The values of a head's convolution at a level, of all its weights 0 and the biases numbers by name. */
static const rf_real *head_biases(rf_params *params, const char *stage, int level, size_t channels) {
    char name[64];
    snprintf(name, sizeof name, "%sClassHead.%d.conv1x1.weight", stage, level);
    const rf_param *w = rf_params_find(params, name);
    memset(rf_params_values(params, w), 0, w->count * sizeof(rf_real));
    strcpy(strstr(name, "weight"), "bias");
    const rf_param *b = rf_params_find(params, name);
    assert_int_equal(b->count, channels);
    for (size_t i = 0; i < b->count; i++) rf_params_values(params, b)[i] = (rf_real)golden_number(name, i);
    return rf_params_values(params, b);
}

static rf_real most(const rf_real *x, int n) {
    rf_real best = x[0];
    for (int i = 1; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

/* Heads without weights: an output is the largest of its biases. */
static void check_maxima(const char *ini, bool both, const char *stage, int which) {
    rf_config config = config_of(ini);
    rf_params *params = params_of(&config);
    const rf_real *biases[3];
    int candidates[3][2] = {{3, 1}, {1, both ? 3 : 1}, {1, both ? 3 : 1}};
    for (int l = 0; l < 3; l++)
        biases[l] = head_biases(params, stage, l, 2 * (size_t)(candidates[l][0] + candidates[l][1]));
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    expect_ok(rf_detector_build(graph, params, &config, 1, 64, 96, RF_EVAL, &d));
    rf_exec *exec = rf_exec_new(graph, NULL);
    expect_ok(rf_exec_forward(exec, false));
    const rf_real *cls = rf_exec_data(exec, d.stages[which].cls);
    size_t second = 2 * (8 * 12), third = second + 2 * (4 * 6);
    assert_int_equal(d.anchors, third + 2 * (2 * 3));
    for (size_t a = 0; a < d.anchors; a++) {
        int level = a >= third ? 2 : a >= second, *n = candidates[level];
        const rf_real *bias = biases[level] + a % 2 * (size_t)(n[0] + n[1]);
        assert_true(cls[2 * a] == most(bias, n[0]) && cls[2 * a + 1] == most(bias + n[0], n[1]));
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_params_free(params);
}

static void classes_are_maxima(void **state) {
    (void)state;
    check_maxima("[model]\nchannels=16\nmaxout=background\n", false, "", 0);
    check_maxima("[model]\nchannels=16\nmaxout=both\n", true, "", 0);
    check_maxima("[model]\nchannels=16\nmaxout=both\n[cascade]\nstages=2\nbody=predictions\n", true, "stage2.", 1);
}

static void maxima_that_cannot_be(void **state) {
    (void)state;
    refused("[model]\nmaxout=background\nshare_heads=yes\n", "set model.share_heads = no");
    refused("[model]\npreset=refineface\nbackbone=resnet18\nmaxout=both\n", "one logit an anchor");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_maxima),
        cmocka_unit_test(maxima_that_cannot_be),
    };
    return cmocka_run_group_tests_name("insightface's heads", tests, NULL, NULL);
}
