/* SPDX-License-Identifier: Apache-2.0 */
/* A whole detector against PyTorch: outputs in training and evaluation mode, gradients of every parameter. The file and
 * how its numbers are made: scripts/golden_detector.py. */
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
#include "core/safetensors.h"
#include "layers/detector.h"

enum { N = 2, H = 66, W = 95, ROW_STEP = 7 };
/* In double precision (tests/double) only the file's float32 limits the agreement. In float the statistics of a map of
 * eight pixels amplify rounding, and activations near their knee fall on the other side. */
static const double output_tolerance = sizeof(rf_real) == 8 ? 5e-7 : 1e-4;
static const double gradient_tolerance = sizeof(rf_real) == 8 ? 5e-7 : 2e-2;

static const struct network {
    const char *golden, *model;
    double shift;    /* range of the shifts after a normalisation in the backbone */
    double rounding; /* how many times the tolerances float32 may stray, which differs between builds: the deeper, the
                      * more. The double build (tests/double) is the tight check. */
} networks[] = {
    {"tests/golden/detector_r18.safetensors",
     "[model]\nbackbone=resnet18\nstrides=8,16,32,64\nchannels=128\nleaky_slope=0.1\nshare_heads=yes\n"
     "[anchors]\nsizes=8,10,12,16,20,24,32,40,48,64,80,96\n",
     0.2, 1},
    {"tests/golden/detector_mnet050.safetensors", "[model]\nbackbone=mobilenet050\nchannels=16\n", 0.2, 2},
    {"tests/golden/detector_mnetv2.safetensors", "[model]\nbackbone=mobilenetv2\nchannels=16\n", 4, 30},
    {"tests/golden/detector_preresnet50.safetensors",
     "[model]\nbackbone=preresnet50\nchannels=16\ncontext_channels=32\n", 0.2, 30},
    {"tests/golden/detector_heads.safetensors", "[model]\nchannels=16\nmaxout=both\nhead_box=yes\n", 0.2, 2},
};
enum { NETWORKS = sizeof networks / sizeof *networks };

/* Uniform in [-1,1) from a name and an index. */
static double noise(const char *name, size_t index) {
    uint32_t x = (uint32_t)((uint64_t)index * 2654435761u + rf_crc32(0, name, strlen(name)));
    for (int i = 0; i < 2; i++) {
        x ^= x >> 16;
        x *= 0x45D9F3Bu;
    }
    x ^= x >> 16;
    return x / 2147483648.0 - 1;
}

static double value(const rf_param *p, size_t index, double shift) {
    double u = noise(p->name, index);
    switch (p->kind) {
    case RF_PARAM_BN_VAR:
        return 1 + 0.5 * u;
    case RF_PARAM_BN_GAMMA:
        return 1 + 0.3 * u;
    case RF_PARAM_CONV:
    case RF_PARAM_DWCONV:
        return u * sqrt(6 / (double)(p->dims[1] * p->dims[2] * p->dims[3]));
    case RF_PARAM_BN_BETA:
        return (p->flags & RF_PARAM_BACKBONE ? shift : 0.2) * u;
    default:
        return 0.2 * u;
    }
}

static void fill_params(rf_params *params, double shift) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        float *file = rf_alloc(p->count, sizeof *file);
        for (size_t k = 0; k < p->count; k++) file[k] = (float)value(p, k, shift);
        rf_param_from_file(p, file, rf_params_values(params, p));
        rf_free(file);
    }
}

static const rf_st_tensor *stored(const rf_st_file *file, const char *prefix, const char *name) {
    char full[300];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const rf_st_tensor *t = rf_st_find(file, full);
    if (!t) fail_msg("the golden file has no %s", full);
    return t;
}

/* Every ROW_STEP-th row of an output. */
static void compare_output(const rf_st_file *file, double tolerance, const char *prefix, const char *name,
                           const rf_real *got, size_t rows, size_t width) {
    const rf_st_tensor *t = stored(file, prefix, name);
    const float *want = t->data;
    double worst = 0, largest = 0;
    size_t kept = (rows + ROW_STEP - 1) / ROW_STEP;
    assert_int_equal(t->bytes, N * kept * width * sizeof *want);
    for (size_t n = 0; n < N; n++)
        for (size_t r = 0; r < kept; r++)
            for (size_t k = 0; k < width; k++) {
                double w = (double)want[(n * kept + r) * width + k],
                       g = (double)got[(n * rows + r * ROW_STEP) * width + k];
                worst = fmax(worst, fabs(w - g));
                largest = fmax(largest, fabs(w));
            }
    print_message("%s%s: error %.2g of %.3g\n", prefix, name, worst, largest);
    assert_true(largest > 0.01);
    if (!(worst <= tolerance * largest))
        fail_msg("%s%s is wrong by %.2g of its largest element", prefix, name, worst / largest);
}

typedef struct fixture {
    rf_config config;
    rf_params *params;
    rf_graph *graph;
    rf_exec *exec;
    rf_detector detector;
    rf_st_file *file;
    double rounding;
} fixture;

static void make(fixture *f, const struct network *network, rf_mode mode) {
    assert_int_equal(rf_config_parse("test", network->model, NULL, 0, &f->config), RF_OK);
    f->rounding = sizeof(rf_real) == 8 ? 1 : network->rounding;
    assert_int_equal(rf_st_read(network->golden, &f->file), RF_OK);
    assert_int_equal(rf_detector_params(&f->config, &f->params), RF_OK);
    assert_int_equal(rf_params_learnable(f->params), strtoul(rf_st_meta(f->file, "params"), NULL, 10));
    fill_params(f->params, network->shift);
    f->graph = rf_graph_new();
    assert_int_equal(rf_detector_build(f->graph, f->params, &f->config, N, H, W, mode, &f->detector), RF_OK);
    if (mode == RF_TRAIN) {
        rf_value roots[] = {
            rf_outputs_value(&f->detector.outputs, "cls", -1), rf_outputs_value(&f->detector.outputs, "loc", -1),
            rf_outputs_value(&f->detector.outputs, "points", -1), rf_outputs_value(&f->detector.outputs, "head_cls", 0),
            rf_outputs_value(&f->detector.outputs, "head_loc", 0)};
        assert_int_equal(rf_graph_backward(f->graph, roots, f->config.model.head_box ? 5 : 3), RF_OK);
    }
    f->exec = rf_exec_new(f->graph, NULL);
    assert_non_null(f->exec);
    rf_real *x = rf_exec_data(f->exec, f->detector.input);
    for (size_t i = 0; i < (size_t)N * H * W * 3; i++) x[i] = (float)(2 * noise("input", i));
}

static void drop(fixture *f) {
    rf_exec_free(f->exec);
    rf_graph_free(f->graph);
    rf_params_free(f->params);
    rf_st_free(f->file);
}

static void compare_outputs(const fixture *f, const char *prefix) {
    const rf_detector *d = &f->detector;
    double tolerance = output_tolerance * f->rounding;
    compare_output(f->file, tolerance, prefix, "cls", rf_exec_data(f->exec, rf_outputs_value(&d->outputs, "cls", -1)),
                   d->anchors, 2);
    compare_output(f->file, tolerance, prefix, "loc", rf_exec_data(f->exec, rf_outputs_value(&d->outputs, "loc", -1)),
                   d->anchors, 4);
    compare_output(f->file, tolerance, prefix, "points",
                   rf_exec_data(f->exec, rf_outputs_value(&d->outputs, "points", -1)), d->anchors, 10);
}

/* What training graphs alone have. */
static void compare_heads(const fixture *f) {
    const rf_detector *d = &f->detector;
    double tolerance = output_tolerance * f->rounding;
    if (!f->config.model.head_box) return;
    compare_output(f->file, tolerance, "train.", "head_cls",
                   rf_exec_data(f->exec, rf_outputs_value(&d->outputs, "head_cls", 0)), d->anchors, 2);
    compare_output(f->file, tolerance, "train.", "head_loc",
                   rf_exec_data(f->exec, rf_outputs_value(&d->outputs, "head_loc", 0)), d->anchors, 4);
}

static void evaluation_outputs(void **state) {
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        fixture f;
        make(&f, &networks[i], RF_EVAL);
        assert_int_equal(rf_exec_forward(f.exec, false), RF_OK);
        compare_outputs(&f, "eval.");
        assert_true(rf_outputs_value(&f.detector.outputs, "head_cls", 0) == RF_NONE &&
                    rf_outputs_value(&f.detector.outputs, "head_loc", 0) == RF_NONE);
        drop(&f);
    }
}

static void seed_gradient(const fixture *f, rf_value v, const char *name, size_t width) {
    rf_real *g = rf_exec_grad(f->exec, v);
    for (size_t i = 0; i < N * f->detector.anchors * width; i++) g[i] = (float)noise(name, i);
}

/* Norm of the largest gradient in the file. */
static double largest_gradient(const fixture *f) {
    double largest = 0;
    for (size_t i = 0; i < f->params->count; i++)
        if (!rf_param_is_state(&f->params->entries[i])) {
            const float *want = stored(f->file, "gradient.", f->params->entries[i].name)->data;
            largest = fmax(largest, (double)want[0]);
        }
    return largest;
}

/* Norm and projection of a parameter's gradient; the error is measured against the norm. A gradient that is 0 but for
 * rounding (a shift that the next normalisation takes away) must be small against the largest. */
static double compare_gradient(const fixture *f, const rf_param *p, double largest) {
    const float *want = stored(f->file, "gradient.", p->name)->data;
    float *file = rf_alloc(p->count, sizeof *file);
    char probe[300];
    double squares = 0, projection = 0;
    snprintf(probe, sizeof probe, "probe.%s", p->name);
    rf_param_to_file(p, f->params->grad + p->offset, file);
    for (size_t k = 0; k < p->count; k++) {
        squares += (double)file[k] * (double)file[k];
        projection += (double)file[k] * noise(probe, k);
    }
    rf_free(file);
    double error = fmax(fabs(sqrt(squares) - (double)want[0]), fabs(projection - (double)want[1]));
    return error / ((double)want[0] < 1e-12 * largest ? 1e-3 * largest : (double)want[0]);
}

static void check_training(const struct network *network) {
    fixture f;
    double worst = 0;
    make(&f, network, RF_TRAIN);
    double largest = largest_gradient(&f);
    assert_int_equal(rf_exec_forward(f.exec, true), RF_OK);
    compare_outputs(&f, "train.");
    compare_heads(&f);
    if (sizeof(rf_real) == 4 && network->rounding > 10) {
        print_message("gradients of %s: rounding alone moves them by their size, compared in the double build\n",
                      network->golden);
        drop(&f);
        return;
    }
    seed_gradient(&f, rf_outputs_value(&f.detector.outputs, "cls", -1), "grad.cls", 2);
    seed_gradient(&f, rf_outputs_value(&f.detector.outputs, "loc", -1), "grad.loc", 4);
    seed_gradient(&f, rf_outputs_value(&f.detector.outputs, "points", -1), "grad.points", 10);
    if (f.config.model.head_box) {
        seed_gradient(&f, rf_outputs_value(&f.detector.outputs, "head_cls", 0), "grad.head_cls", 2);
        seed_gradient(&f, rf_outputs_value(&f.detector.outputs, "head_loc", 0), "grad.head_loc", 4);
    }
    assert_int_equal(rf_exec_backward(f.exec, false), RF_OK);
    for (size_t i = 0; i < f.params->count; i++) {
        const rf_param *p = &f.params->entries[i];
        if (rf_param_is_state(p)) continue;
        double error = compare_gradient(&f, p, largest);
        if (error > gradient_tolerance * f.rounding)
            fail_msg("gradient of %s is wrong by %.2g of its norm", p->name, error);
        worst = fmax(worst, error);
    }
    print_message("gradients: worst relative error %.2g\n", worst);
    drop(&f);
}

static void training_outputs_and_gradients(void **state) {
    (void)state;
    for (int i = 0; i < NETWORKS; i++) check_training(&networks[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_outputs),
        cmocka_unit_test(training_outputs_and_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
