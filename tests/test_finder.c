/* SPDX-License-Identifier: Apache-2.0 */
/* What [eval] says of single levels in the finder against a naive loop over the network's outputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "data/normalise.h"
#include "eval/finder.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "tests/faces_kit.h"

enum { W = 96, H = 64, MOST = 4096 };
static const char ini[] = "[model]\ninitialiser=he_xavier\nchannels=8\n"
                          "[eval]\nscore=0.3\niou=1\nkeep=100000\n";

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* Scores of all anchors, soft-maxed, from the level's least on, times the factor of the level, from eval.score on; the
 * best eval.level_top_k of each level. */
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
    const float *cls = rf_exec_data(exec, rf_outputs_value(&d.outputs, "cls", -1));
    size_t n = 0;
    for (int l = 0; l < 3; l++) {
        const rf_real_list *factors = &config->eval.level_scores, *only = &config->eval.least_strides;
        double factor = factors->v[factors->n > 1 ? l : 0], least = config->eval.level_least;
        if (only->v[0] != 0 && only->v[0] != 8 << l) least = 0;
        size_t first = n, most = (size_t)config->eval.level_top_k;
        if (d.h[l] * d.w[l] < config->eval.least_cells) least = 0;
        for (int i = 0; i < d.h[l] * d.w[l] * d.cell_anchors; i++, cls += 2) {
            double score = 1 / (1 + exp((double)cls[0] - (double)cls[1]));
            if (score < least || score * factor < config->eval.score) continue;
            assert_true(n < MOST);
            scores[n++] = (float)(score * factor);
        }
        qsort(scores + first, n - first, sizeof *scores, descending);
        if (most > 0 && n - first > most) n = first + most;
        count[l] = n - first;
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    qsort(scores, n, sizeof *scores, descending);
    return n;
}

/* count: how many faces of each level are left. */
static void agrees(const char *set, const char *more, const char *most, size_t count[3]) {
    static float scores[MOST];
    rf_config config;
    rf_params *params;
    rf_finder *finder;
    rf_image image;
    rf_face_list faces = {0};
    const char *const sets[] = {set, more, most};
    if (rf_config_parse("test", ini, sets, 3, &config) != RF_OK) fail_msg("%s", rf_error_message());
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
    assert_true(count[0] > 0 && count[1] > 0 && count[2] > 0);
    assert_int_equal(rf_finder_open(&config, params, &finder), RF_OK);
    assert_int_equal(rf_finder_run(finder, &image, &faces), RF_OK);
    assert_int_equal(faces.n, n);
    for (size_t i = 0; i < n; i++) assert_float_equal(faces.items[i].score, scores[i], 1e-6);
    rf_finder_close(finder);
    rf_face_list_free(&faces);
    rf_image_free(&image);
    rf_params_free(params);
}

static void scores_of_levels_are_weighed(void **state) {
    (void)state;
    size_t count[3];
    agrees("eval.level_scores=0.5,1,0.8", "eval.level_least=0", "eval.level_top_k=0", count);
    assert_true(count[0] + count[1] + count[2] < (96 + 24 + 6) * 2);
}

/* SRN's limits: a least score for large maps of some strides, and so many of each level. */
static void levels_have_limits(void **state) {
    (void)state;
    size_t all[3], limited[3], one[3], spared[3], few[3], weighed[3]; /* maps of 96, 24 and 6 cells */
    agrees("eval.level_least=0", "eval.least_cells=0", "eval.level_top_k=0", all);
    agrees("eval.level_least=0.55", "eval.least_cells=0", "eval.level_top_k=0", limited);
    for (int l = 0; l < 3; l++) assert_true(limited[l] < all[l]);
    agrees("eval.level_least=0.55", "eval.least_strides=16", "eval.level_top_k=0", one);
    assert_true(one[0] == all[0] && one[1] == limited[1] && one[2] == all[2]);
    agrees("eval.level_least=0.55", "eval.least_cells=24", "eval.level_top_k=0", spared);
    assert_true(spared[0] == limited[0] && spared[1] == limited[1] && spared[2] == all[2]);
    agrees("eval.level_least=0.55", "eval.least_cells=25", "eval.level_top_k=9", few);
    assert_true(few[0] == 9 && few[1] == 9 && few[2] == 9 && all[2] > 9);
    agrees("eval.level_scores=0.5,1,0.8", "eval.level_least=0.64", "eval.level_top_k=0", weighed); /* the score's own */
    assert_true(weighed[0] < all[0]);
}

typedef struct caller {
    const rf_config *config;
    rf_params *params; /* folded; shared */
    int threads;
    rf_face_list faces;
    bool good;
} caller;

/* Pictures of two sizes, so that plans are made while others compute. */
static bool find(caller *c) {
    rf_finder *finder;
    bool good = rf_finder_open(c->config, c->params, &finder) == RF_OK;
    for (int k = 0; k < 6 && good; k++) {
        rf_image image;
        rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
        good = rf_image_alloc(&image, k % 2 ? W : H, H) == RF_OK;
        if (!good) break;
        for (int i = 0; i < image.width * H * 3; i++) image.pixels[i] = (uint8_t)rf_rng_u32(&rng);
        good = rf_finder_run(finder, &image, &c->faces) == RF_OK;
        rf_image_free(&image);
    }
    rf_finder_close(finder);
    return good;
}

static void *caller_main(void *arg) {
    caller *c = arg;
    rf_pool *pool;
    if (rf_pool_create(c->threads, &pool) != RF_OK) return NULL;
    rf_pool_use(pool);
    c->good = find(c);
    rf_pool_use(NULL);
    rf_pool_destroy(pool);
    return NULL;
}

/* Several detectors in several threads, each with a pool of its own, on the same weights: the same faces as alone. */
static void detectors_run_at_once(void **state) {
    (void)state;
    enum { CALLERS = 3 };
    rf_config config;
    rf_params *params;
    caller c[CALLERS + 1] = {0};
    pthread_t thread[CALLERS];
    assert_int_equal(rf_config_parse("test", ini, NULL, 0, &config), RF_OK);
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 3);
    assert_int_equal(rf_params_fold(params, NULL), RF_OK);
    for (int i = 0; i <= CALLERS; i++) {
        c[i].config = &config;
        c[i].params = params;
        c[i].threads = i;
    }
    assert_true(find(&c[0]));
    assert_true(c[0].faces.n > 0);
    for (int i = 0; i < CALLERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, caller_main, &c[i + 1]), 0);
    for (int i = 0; i < CALLERS; i++) pthread_join(thread[i], NULL);
    for (int i = 1; i <= CALLERS; i++) {
        assert_true(c[i].good);
        assert_int_equal(c[i].faces.n, c[0].faces.n);
        for (size_t k = 0; k < c[0].faces.n; k++) assert_true(faces_equal(&c[i].faces.items[k], &c[0].faces.items[k]));
    }
    for (int i = 0; i <= CALLERS; i++) rf_face_list_free(&c[i].faces);
    rf_params_free(params);
}

/* Bytes that the network alone takes. */
static size_t network_bytes(const rf_config *config, rf_params *params, int h, int w, size_t *anchors) {
    rf_detector d;
    rf_plan_report report;
    rf_graph *graph = rf_graph_new();
    assert_int_equal(rf_detector_build(graph, params, config, 1, h, w, RF_EVAL, &d), RF_OK);
    assert_int_equal(rf_exec_plan_only(graph, NULL, &report), RF_OK);
    *anchors = d.anchors;
    rf_graph_free(graph);
    return report.arena_bytes;
}

/* Decoding adds no more to the plan than what may be chosen and its boxes and landmarks; the anchors are not copied.
 * Most of the time it adds nothing, since it lies where the backbone's maps were. */
static void decoding_takes_little_memory(void **state) {
    (void)state;
    static const char *const networks[] = {"configs/mnet025.ini", "configs/r18.ini", "configs/cascade_r50.ini",
                                           "configs/insightface_mnet025.ini"};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        for (int side = 64; side <= 640; side += 288) {
            static rf_config config;
            rf_params *params;
            rf_finder *finder;
            size_t bytes, anchors;
            assert_int_equal(rf_config_load(networks[i], NULL, 0, &config), RF_OK);
            assert_int_equal(rf_detector_params(&config, &params), RF_OK);
            assert_int_equal(rf_params_fold(params, NULL), RF_OK);
            assert_int_equal(rf_finder_open(&config, params, &finder), RF_OK);
            assert_int_equal(rf_finder_memory(finder, side, side, &bytes), RF_OK);
            size_t alone = network_bytes(&config, params, side, side, &anchors);
            size_t row = 1 + 1 + 4 + 2 * RF_POINTS; /* index, score, box, landmarks */
            print_message("%s at %d: %zu bytes, the network alone %zu\n", networks[i], side, bytes, alone);
            assert_true(bytes >= alone && bytes - alone <= anchors * row * sizeof(rf_real));
            rf_finder_close(finder);
            rf_params_free(params);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_of_levels_are_weighed),
                                       cmocka_unit_test(levels_have_limits), cmocka_unit_test(detectors_run_at_once),
                                       cmocka_unit_test(decoding_takes_little_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
