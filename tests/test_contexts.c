/* SPDX-License-Identifier: Apache-2.0 */
/* Context modules and pyramid options: what every module of the list must fulfil, deformable convolutions in them, and
 * their gradients against differences along the gradient itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "settings/settings.h"
#include "core/mem.h"
#include "core/rng.h"
#include "layers/context.h"
#include "layers/detector.h"

enum { N = 2, H = 37, W = 70 };
static const char *const dcn[] = {"none", "v1", "v2"};

/* Everything moved from its start, so that masks, offsets and normalisations do something. */
static void shake(rf_params *params) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_rng rng = rf_rng_make(1, 0, i, RF_STREAM_TEST);
        bool offset = strstr(p->name, "conv_offset") != NULL;
        double scale = offset ? 0.05 : p->n_dims == 4 ? sqrt(2 / (double)p->fan_in) : 0.2;
        double centre = p->kind == RF_PARAM_BN_GAMMA || p->kind == RF_PARAM_BN_VAR ? 1 : 0;
        rf_real *v = rf_params_values(params, p);
        for (size_t k = 0; k < p->count; k++) v[k] = (rf_real)(centre + scale * (double)rf_rng_range(&rng, -1, 1));
    }
}

static void configure(const char *text, rf_config *config, rf_params **params) {
    if (rf_config_parse("test", text, NULL, 0, config) != RF_OK) fail_msg("%s", rf_error_message());
    if (rf_detector_params(config, params) != RF_OK) fail_msg("%s: %s", text, rf_error_message());
    shake(*params);
}

/* Sum of seeds times outputs (in training mode unless they are copied); with `gradients`, params->grad is filled. */
static double run(rf_params *params, const rf_config *config, rf_mode mode, bool gradients, rf_real *copy) {
    rf_detector d;
    rf_graph *graph = rf_graph_new();
    if (rf_detector_build(graph, params, config, N, H, W, mode, &d) != RF_OK) fail_msg("%s", rf_error_message());
    if (gradients)
        assert_int_equal(rf_graph_backward(graph, (const rf_value[]){rf_outputs_value(&d.outputs, "loc", -1)}, 1),
                         RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < (size_t)N * H * W * 3; i++) rf_exec_data(exec, d.input)[i] = (rf_real)rf_rng_normal(&rng);
    assert_int_equal(rf_exec_forward(exec, !copy), RF_OK); /* gradients are those of batch statistics */
    size_t count = N * d.anchors * 4;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        rf_real seed = (rf_real)rf_rng_range(&rng, -1, 1);
        sum += (double)seed * (double)rf_exec_data(exec, rf_outputs_value(&d.outputs, "loc", -1))[i];
        if (gradients) rf_exec_grad(exec, rf_outputs_value(&d.outputs, "loc", -1))[i] = seed;
        if (copy) copy[i] = rf_exec_data(exec, rf_outputs_value(&d.outputs, "loc", -1))[i];
    }
    if (gradients) assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    rf_exec_free(exec);
    rf_graph_free(graph);
    return sum;
}

static void folds(rf_params *params, const rf_config *config, const char *what) {
    enum { MOST = 20000 };
    static rf_real plain[MOST], folded[MOST];
    memset(plain, 0, sizeof plain);
    memset(folded, 0, sizeof folded);
    assert_int_equal(rf_params_fold(params, NULL), RF_OK);
    run(params, config, RF_TRAIN, false, plain);
    run(params, config, RF_EVAL, false, folded);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < MOST; i++) {
        worst = fmax(worst, fabs((double)plain[i] - (double)folded[i]));
        largest = fmax(largest, fabs((double)plain[i]));
    }
    if (!(largest > 1e-3 && worst <= 1e-4 * largest)) fail_msg("%s: folding changes %g by %g", what, largest, worst);
}

/* A small step along the gradient of the parameters whose name holds `part` changes the sum by step * |g|^2. */
static void slope_is_the_gradient(rf_params *params, const rf_config *config, const char *part, const char *what) {
    double squares = 0, step = 1e-8;
    if (sizeof(rf_real) < 8) return; /* steps large enough for float cross the kinks of the activations */
    run(params, config, RF_TRAIN, true, NULL);
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        if (rf_param_is_state(p) || !strstr(p->name, part)) continue;
        for (size_t k = 0; k < p->count; k++)
            squares += (double)params->grad[p->offset + k] * (double)params->grad[p->offset + k];
    }
    assert_true(squares > 0);
    double sums[2];
    for (int side = 0; side < 2; side++) {
        double move = (side ? -2 : 1) * step / sqrt(squares);
        for (size_t i = 0; i < params->count; i++) {
            const rf_param *p = &params->entries[i];
            if (rf_param_is_state(p) || !strstr(p->name, part)) continue;
            for (size_t k = 0; k < p->count; k++)
                params->data[p->offset + k] += (rf_real)(move * (double)params->grad[p->offset + k]);
        }
        sums[side] = run(params, config, RF_TRAIN, false, NULL);
    }
    double slope = (sums[0] - sums[1]) / (2 * step), norm = sqrt(squares);
    if (!(fabs(slope - norm) <= 1e-3 * norm))
        fail_msg("%s, %s: the sum rises by %g, the gradient says %g", what, part, slope, norm);
}

static void check(const char *text, const char *part) {
    rf_config config;
    rf_params *params;
    configure(text, &config, &params);
    folds(params, &config, text);
    slope_is_the_gradient(params, &config, part, text);
    rf_params_free(params);
}

static void every_context(void **state) {
    (void)state;
    for (int i = 0; i < rf_context_count(); i++) {
        const rf_context *c = rf_context_at(i);
        assert_true(c->doc && *c->doc);
        assert_ptr_equal(rf_context_find(c->name), c);
        for (int k = 0; k < i; k++)
            assert_true(!c->scope || !rf_context_at(k)->scope || strcmp(c->scope, rf_context_at(k)->scope));
        for (int v = 0; v < 3; v++) {
            char text[256];
            snprintf(text, sizeof text, "[model]\nchannels=8\ncontext=%s\ncontext_dcn=%s\n", c->name, dcn[v]);
            rf_config config;
            rf_params *params = NULL;
            if (v > 0 && !c->scope) { /* nothing to deform */
                assert_int_equal(rf_config_parse("test", text, NULL, 0, &config), RF_OK);
                assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
                continue;
            }
            check(text, c->scope ? c->scope : "fpn");
            if (v > 0) check(text, "conv_offset");
        }
    }
    assert_null(rf_context_find("shh"));
    assert_non_null(strstr(rf_error_message(), "ssh"));
}

/* Level 0 alone, so that shape and names are seen without a detector around. */
static void contexts_keep_the_shape(void **state) {
    (void)state;
    for (int i = 0; i < rf_context_count(); i++) {
        rf_net net = {.graph = rf_graph_new(), .params = rf_params_new(), .bn_eps = 1e-5, .head_lr = 1};
        rf_value x = rf_graph_input(net.graph, "x", (rf_shape){4, {2, 5, 6, 12}});
        rf_value y = rf_context_build(&net, rf_context_at(i), x, 2, 0.1, RF_DEFORM_NONE);
        assert_int_equal(rf_net_status(&net), RF_OK);
        rf_shape have = rf_graph_shape(net.graph, y), want = rf_graph_shape(net.graph, x);
        assert_true(rf_shape_equal(&have, &want));
        assert_string_equal(net.prefix, "");
        char scope[32];
        snprintf(scope, sizeof scope, "%s3.", rf_context_at(i)->scope ? rf_context_at(i)->scope : "");
        for (size_t k = 0; k < net.params->count; k++)
            assert_memory_equal(net.params->entries[k].name, scope, strlen(scope));
        rf_params_free(net.params);
        rf_graph_free(net.graph);
    }
}

static void pyramid_options(void **state) {
    (void)state;
    check("[model]\nchannels=8\nlateral_dcn=v1\n", "conv_offset");
    check("[model]\nchannels=8\nlateral_dcn=v2\n", "conv_offset");
    check("[model]\nchannels=8\nupsample=bilinear\n", "fpn");
    check("[model]\nchannels=8\nupsample=bilinear\ntop_down=lateral\n", "fpn");
    check("[model]\nchannels=8\nstrides=8,16,32,64\nextra_from=p5\n[anchors]\nsizes=16,32,64,128\n", "fpn.extra");
}

/* Maps so wide that every row is a band of its own (autograd/ops/deform_conv.h). The convolution is linear in x, in the
 * mask and in w, so each gradient times its own input sums up to the same as dy times y. */
static void bands_add_up(void **state) {
    (void)state;
    enum { IMAGES = 2, ROWS = 3, COLUMNS = 1000, IN = 128, OUT = 2 };
    const rf_shape shapes[] = {{4, {IMAGES, ROWS, COLUMNS, IN}},
                               {4, {IMAGES, ROWS, COLUMNS, 18}},
                               {4, {IMAGES, ROWS, COLUMNS, 9}},
                               {4, {3, 3, IN, OUT}}};
    static const char *const names[] = {"x", "offset", "mask", "w"};
    rf_real *data[4], *grad[4];
    rf_value in[4];
    rf_graph *graph = rf_graph_new();
    rf_rng rng = rf_rng_make(7, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 4; i++) {
        size_t n = rf_shape_count(&shapes[i]);
        data[i] = rf_alloc(n, sizeof **data);
        grad[i] = rf_alloc(n, sizeof **grad);
        for (size_t k = 0; k < n; k++) data[i][k] = (rf_real)rf_rng_range(&rng, 0, 1);
        in[i] = rf_graph_param(graph, names[i], shapes[i], data[i], grad[i]);
    }
    rf_value y = rf_graph_apply(graph, "deform_conv2d", in, 4, "stride=1 pad=1");
    rf_graph_keep(graph, y);
    assert_int_equal(rf_graph_backward(graph, &y, 1), RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    double sum = 0;
    for (size_t k = 0; k < IMAGES * ROWS * COLUMNS * OUT; k++) {
        rf_real dy = (rf_real)rf_rng_range(&rng, 0, 1);
        rf_exec_grad(exec, y)[k] = dy;
        sum += (double)dy * (double)rf_exec_data(exec, y)[k];
    }
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    for (int i = 0; i < 4; i++) {
        double own = 0;
        for (size_t k = 0; k < rf_shape_count(&shapes[i]); k++) own += (double)data[i][k] * (double)grad[i][k];
        if (i != 1) assert_float_equal(own / sum, 1, 1e-4);
        rf_free(data[i]);
        rf_free(grad[i]);
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
}

/* Stages C3 to C5, whose offsets learn at a tenth of the backbone's rate, and nothing before them. */
static void deformable_bottlenecks(void **state) {
    (void)state;
    static const char body[] = "body.layer2.0.conv2.conv_offset.weight";
    rf_config config;
    rf_params *params = NULL;
    for (int v = 1; v < 3; v++) {
        char text[256];
        snprintf(text, sizeof text,
                 "[model]\nbackbone=resnet50\nchannels=8\nbackbone_dcn=%s\n[optim]\nbackbone_lr=0.5\n", dcn[v]);
        configure(text, &config, &params);
        const rf_param *weight = rf_params_find(params, body);
        int n = 0;
        for (size_t i = 0; i < params->count; i++)
            n += strstr(params->entries[i].name, ".conv2.conv_offset.bias") != NULL;
        assert_int_equal(n, 4 + 6 + 3);
        assert_non_null(weight);
        assert_int_equal(weight->dims[0], v == 1 ? 18 : 27);
        assert_true(weight->init == RF_INIT_ZERO && fabs(weight->lr_mult - 0.05) < 1e-12);
        assert_true(weight->flags & RF_PARAM_BACKBONE);
        assert_null(rf_params_find(params, "body.layer1.0.conv2.conv_offset.weight"));
        folds(params, &config, text);
        slope_is_the_gradient(params, &config, "layer3.0.conv2.conv_offset", text);
        rf_params_free(params);
    }
    static const char *const others[] = {"resnet18", "mobilenet025", "mobilenetv2"};
    for (int i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof text, "[model]\nbackbone=%s\nbackbone_dcn=v1\n", others[i]);
        assert_int_equal(rf_config_parse("test", text, NULL, 0, &config), RF_OK);
        assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "has no bottlenecks"));
    }
}

/* Offsets start at 0 and learn at a tenth of the rate: the network starts as one without them (mask 2 * 0.5). */
static void offsets_start_at_zero(void **state) {
    (void)state;
    rf_config config;
    rf_params *params;
    configure("[model]\nchannels=8\ncontext_dcn=v2\n", &config, &params);
    const rf_param *weight = rf_params_find(params, "ssh1.conv3X3.conv_offset.weight");
    const rf_param *bias = rf_params_find(params, "ssh1.conv3X3.conv_offset.bias");
    assert_true(weight && bias);
    assert_int_equal(weight->dims[0], 27);
    assert_true(weight->init == RF_INIT_ZERO && bias->init == RF_INIT_ZERO);
    assert_true(weight->lr_mult == 0.1 && bias->lr_mult == 0.1);
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_context),          cmocka_unit_test(contexts_keep_the_shape),
        cmocka_unit_test(pyramid_options),        cmocka_unit_test(bands_add_up),
        cmocka_unit_test(deformable_bottlenecks), cmocka_unit_test(offsets_start_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
