/* eval.level_scores in the finder against a naive loop over the network's outputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/normalise.h"
#include "eval/finder.h"
#include "layers/detector.h"
#include "layers/init.h"

enum { W = 96, H = 64, MOST = 4096 };
static const char ini[] = "[model]\ninitialiser=he_xavier\nchannels=8\n"
                          "[eval]\nlevel_scores=0.5,1,0.8\nscore=0.3\niou=1\nkeep=100000\ntop_k=100000\n";

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* Scores of all anchors, soft-maxed, times the factor of their level, from eval.score on. */
static size_t naive_scores(const rf_config *config, rf_params *params, const rf_image *image, float *scores,
                           size_t count[3]) {
    rf_detector d;
    rf_normaliser normaliser;
    rf_graph *graph = rf_graph_new();
    assert_int_equal(rf_detector_build(graph, params, config, 1, H, W, RF_EVAL, &d), RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_normaliser_make(config, &normaliser), RF_OK);
    rf_normalise(&normaliser, image, rf_exec_data(exec, d.input), W);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    const float *cls = rf_exec_data(exec, d.cls);
    size_t n = 0;
    for (int l = 0; l < 3; l++)
        for (int i = 0; i < d.h[l] * d.w[l] * d.cell_anchors; i++, cls += 2) {
            float score = (float)(config->eval.level_scores.v[l] / (1 + exp((double)cls[0] - (double)cls[1])));
            if (score < (float)config->eval.score) continue;
            assert_true(n < MOST);
            scores[n++] = score;
            count[l]++;
        }
    rf_exec_free(exec);
    rf_graph_free(graph);
    qsort(scores, n, sizeof *scores, descending);
    return n;
}

static void scores_of_levels_are_weighed(void **state) {
    (void)state;
    static float scores[MOST];
    rf_config config;
    rf_params *params;
    rf_finder *finder;
    rf_image image;
    rf_face_list faces = {0};
    size_t count[3] = {0};
    if (rf_config_parse("test", ini, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 3);
    for (size_t i = 0; i < params->count; i++) { /* so that scores spread */
        const rf_param *p = &params->entries[i];
        if (strstr(p->name, "ClassHead") && p->kind == RF_PARAM_CONV)
            for (size_t k = 0; k < p->count; k++) rf_params_values(params, p)[k] *= 20;
    }
    assert_int_equal(rf_params_fold(params, NULL), RF_OK);
    assert_int_equal(rf_image_alloc(&image, W, H), RF_OK);
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < W * H * 3; i++) image.pixels[i] = (uint8_t)rf_rng_u32(&rng);
    size_t n = naive_scores(&config, params, &image, scores, count);
    /* Something of every level is above the threshold, and less than everything. */
    assert_true(count[0] > 0 && count[1] > 0 && count[2] > 0 && n < (96 + 24 + 6) * 2);
    assert_int_equal(rf_finder_open(&config, params, &finder), RF_OK);
    assert_int_equal(rf_finder_run(finder, &image, &faces), RF_OK);
    assert_int_equal(faces.n, n);
    for (size_t i = 0; i < n; i++) assert_float_equal(faces.items[i].score, scores[i], 1e-6);
    rf_finder_close(finder);
    rf_face_list_free(&faces);
    rf_image_free(&image);
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_of_levels_are_weighed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
