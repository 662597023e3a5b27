/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's hard examples, targets and losses: against scripts/golden_insight.py, a sorted list and numbers worked
 * out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/rng.h"
#include "detect/spec.h"
#include "tests/config_text.h"
#include "tests/faces_kit.h"
#include "tests/golden.h"
#include "detect/loss/loss.h"
#include "detect/loss/loss_norm.h"
#include "detect/sampler.h"
#include "tests/outputs_kit.h"

static void near(double got, double want, double tolerance, const char *what) {
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want)))) fail_msg("%s: %.12g, expected %.12g", what, got, want);
}

/* ---- mining ---- */

enum { MOST = 4096 };
static rf_real logits[2 * MOST];
static int8_t label[MOST];
static uint64_t keys[MOST];

static void differences(const float *d, size_t n) {
    for (size_t a = 0; a < n; a++) logits[2 * a] = -1, logits[2 * a + 1] = (rf_real)(d[a] - 1);
}

static void expect_labels(const char *want) {
    for (size_t a = 0; want[a]; a++)
        if (label[a] != (want[a] == '+' ? 1 : want[a] == '-' ? 0 : -1))
            fail_msg("anchor %zu has the label %d in %s", a, label[a], want);
}

static void set_labels(const char *text) {
    for (size_t a = 0; text[a]; a++) label[a] = text[a] == '+' ? 1 : text[a] == '-' ? 0 : -1;
}

/* By hand: the positives of the lowest difference stay, the negatives of the highest, each level for itself. */
static void a_case_by_hand(void **state) {
    (void)state;
    static const float d[12] = {3, 1, 2, -5, 0.5f, 4, 0.25f, 9, /* second level */ -1, 7, -2, 2};
    static const char given[] = "+++----."
                                "-+--";
    rf_sample_image image = {2, {0, 8, 12}, logits, label, 4, keys, 2, {NULL}}; /* levels of 8 and 4 anchors */
    rf_sample_spec spec = {.total = 4, .positives = 2, .negative_ratio = 1, .min_negatives = 0};
    differences(d, 12);
    set_labels(given);
    rf_mine_level_hard(&spec, &image); /* 2 positives and 2 negatives; 1 and 3 */
    expect_labels(".++.--..-+--");
    set_labels(given);
    rf_mine_level_ratio(&spec, &image); /* as many negatives as positives */
    expect_labels(".++.--...+.-");
    spec.min_negatives = 3;
    set_labels(given);
    rf_mine_level_ratio(&spec, &image);
    expect_labels(".++.---.-+--");
    spec.positives = 0;
    set_labels(given);
    rf_mine_level_hard(&spec, &image);
    expect_labels("...----.-.--");
}

static int rising(const void *a, const void *b) {
    const double *x = a, *y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* Keeps `keep` of a label by a sorted list. */
static size_t naive_keep(int8_t *of, size_t begin, size_t end, int8_t which, double sign, size_t keep) {
    static double list[MOST][2];
    size_t n = 0;
    for (size_t a = begin; a < end; a++)
        if (of[a] == which) {
            list[n][0] = sign * (double)(float)(logits[2 * a + 1] - logits[2 * a]);
            list[n++][1] = (double)a;
        }
    qsort(list, n, sizeof *list, rising);
    for (size_t i = keep; i < n; i++) of[(size_t)list[i][1]] = -1;
    return n < keep ? n : keep;
}

static void levels_equal_sorting(void **state) {
    (void)state;
    static int8_t want[MOST];
    for (uint32_t round = 0; round < 200; round++) {
        rf_rng rng = rf_rng_make(3, 0, round, RF_STREAM_TEST);
        rf_sample_image image = {3, {0}, logits, label, 0, keys, 2, {NULL}};
        for (int l = 0; l < 3; l++) image.first[l + 1] = image.first[l] + 1 + rf_rng_below(&rng, 1000);
        size_t count = image.first[3];
        rf_sample_spec spec = {.negative_ratio = 3,
                               .min_negatives = rf_rng_below(&rng, 50),
                               .total = 1 + rf_rng_below(&rng, 300),
                               .positives = rf_rng_below(&rng, 80)};
        uint32_t share = rf_rng_below(&rng, 60);
        for (size_t a = 0; a < count; a++) {
            logits[2 * a] = rf_rng_normal(&rng), logits[2 * a + 1] = floorf(2 * rf_rng_normal(&rng));
            label[a] = want[a] = rf_rng_below(&rng, 100) < share ? 1 : (int8_t)rf_rng_below(&rng, 2) - 1;
        }
        for (int l = 0; l < 3; l++) {
            size_t begin = image.first[l], end = image.first[l + 1];
            size_t n = naive_keep(want, begin, end, 1, 1, spec.positives);
            size_t rest = round % 2        ? (size_t)fmax(3 * (double)n, (double)spec.min_negatives)
                          : spec.total > n ? spec.total - n
                                           : 0;
            naive_keep(want, begin, end, 0, -1, rest);
        }
        (round % 2 ? rf_mine_level_ratio : rf_mine_level_hard)(&spec, &image);
        assert_memory_equal(label, want, count);
    }
}

/* By lot: the right numbers, the same ones again, others when the logits or the seed change, every anchor some time. */
static void lots(void **state) {
    (void)state;
    enum { N = 200 };
    static int8_t first[N];
    static int kept[N];
    rf_sample_image image = {1, {0, N}, logits, label, 0, keys, 2, {NULL}};
    int other = 0;
    for (int round = 0; round < 200; round++) {
        rf_sample_spec spec = {.total = 50, .positives = 10, .seed = (uint64_t)(round < 100)};
        for (int twice = 0; twice < 2; twice++) {
            size_t n[3] = {0};
            for (size_t a = 0; a < N; a++) {
                label[a] = a % 4 == 0;
                logits[2 * a] = (rf_real)(round % 100) / 100, logits[2 * a + 1] = 0;
            }
            rf_mine_level_random(&spec, &image);
            for (size_t a = 0; a < N; a++) n[label[a] + 1]++;
            assert_true(n[2] == 10 && n[1] == 40);
            if (twice) assert_memory_equal(first, label, N);
            other += !twice && round > 0 && memcmp(first, label, N) != 0;
            memcpy(first, label, N);
        }
        for (size_t a = 0; a < N; a++) kept[a] += label[a] >= 0;
    }
    assert_true(other > 190);
    for (size_t a = 0; a < N; a++) assert_true(kept[a] > 5 && kept[a] < 120);
}

static void kinds_are_the_choices(void **state) {
    (void)state;
    char text[96];
    for (int k = 0; k < rf_sampler_count(); k++) {
        snprintf(text, sizeof text, "[loss]\nmining=%s\n", rf_sampler_at(k)->name);
        rf_config config = config_of(text);
        assert_int_equal(config.loss.mining, k);
    }
    for (int k = 0; k < rf_loss_norm_count(); k++) {
        snprintf(text, sizeof text, "[loss]\nnormalise=%s\n", rf_loss_norm_at(k)->name);
        rf_config config = config_of(text);
        assert_int_equal(config.loss.normalise, k);
    }
    assert_null(rf_sampler_find("none"));
    assert_null(rf_loss_norm_find("none"));
}

static void shares_by_hand(void **state) {
    (void)state;
    rf_loss_tally tally[2] = {{2, 6, 2, 1}, {0, 5, 0, 0}};
    rf_loss_norm_input in = {tally, 2, 4, 256};
    rf_loss_share share[2];
    rf_loss_norm_batch(&in, share);
    assert_true(share[0].cls == 0.5 && share[1].box == 0.5 && share[1].points == 1);
    rf_loss_norm_level_fixed(&in, share); /* 0.25 of it is insightface's 0.25 * BATCH_IMAGES / RPN_BATCH_SIZE */
    assert_true(share[0].cls == 0.125 && share[1].cls == 0.2 && share[0].box == 4.0 / 256 &&
                share[1].points == 4.0 / 256);
    rf_loss_norm_level_count(&in, share);
    near(share[0].box, 1 / 2.001, 1e-15, "box");
    near(share[1].points, 1000, 1e-15, "points");
    tally[1].negatives = 0; /* nothing at all on a level */
    rf_loss_norm_level_fixed(&in, share);
    assert_true(share[1].cls == 1);
}

/* ---- the loss ---- */

enum { OUTPUTS = 7, IMAGES = 3, FACES = 8 };
static const char *const names[OUTPUTS] = {"cls", "box", "points", "blur", "visible", "head_cls", "head_box"};
static const char *const said[OUTPUTS] = {"cls", "loc", "points", "blur", "visible", "head_cls", "head_loc"};
static const int width[OUTPUTS] = {2, 4, 10, 1, 5, 2, 4};

/* Which outputs a case has. */
static bool has_output(const rf_json *golden, int k) {
    return k < 3 || (k < 5 ? golden_get(golden, "extra") > 0 : rf_json_get(golden, "head") != NULL);
}

/* Of the settings of a case. */
static rf_config case_config(const rf_json *file, const rf_json *golden) {
    char text[500];
    int lr_mode = (int)golden_get(golden, "lr_mode");
    bool head = has_output(golden, OUTPUTS - 1);
    snprintf(text, sizeof text,
             "[model]\npreset=insightface\nhead_box=%s\n[anchors]\nsizes=24,12,48,24,80,64\n[input]\nsize=%d\n[loss]\n"
             "mining=%s\nmining_total=%d\nmining_positives=%d\nmin_negatives=5\nnormalise=%s\nhead_box_weight=%g\n%s",
             head ? "yes" : "no", (int)golden_get(file, "side"),
             golden_get(golden, "mode") == 1 ? "level_hard" : "level_ratio", (int)golden_get(file, "total"),
             (int)golden_get(file, "foreground"), lr_mode ? "level_count" : "level_fixed",
             head ? golden_get(golden, "head") : 1, lr_mode ? "box_weight=0.5\nlandmark_weight=0.4\n" : "");
    return config_of(text);
}

static size_t read_faces(const rf_json *list, rf_face *out) {
    size_t n = 0;
    for (const rf_json *row = rf_json_first(list); row; row = rf_json_next(row), n++) {
        double v[5];
        for (size_t k = 0; k < 5; k++) v[k] = golden_at(row, k);
        out[n] = (rf_face){.box = {(float)v[0], (float)v[1], (float)(v[0] + v[2]), (float)(v[1] + v[3])},
                           .score = 1,
                           .blur = (float)v[4],
                           .has_blur = true};
        const rf_json *points = rf_json_at(row, 5);
        if (rf_json_first(points)) face_give_points(&out[n], RF_POINTS);
        for (size_t k = 0; out[n].n_points && k < 15; k++) {
            double p = golden_at(points, k);
            if (k % 3 < 2)
                out[n].points[2 * (k / 3) + k % 3] = (float)p;
            else
                out[n].visible[k / 3] = p <= 0;
        }
    }
    return n;
}

static void check_gradient(const rf_json *golden, const char *name, const rf_real *grad, size_t n) {
    double squares = 0, projection = 0;
    const rf_json *pair = rf_json_get(rf_json_get(golden, "gradients"), name);
    for (size_t i = 0; i < n; i++) {
        squares += (double)grad[i] * (double)grad[i];
        projection += (double)grad[i] * golden_number("probe", i);
    }
    assert_true(golden_at(pair, 0) > 1e-4);
    near(sqrt(squares), golden_at(pair, 0), 2e-5, name);
    near(projection, golden_at(pair, 1), 2e-5, name);
}

static void check_case(const rf_json *file, const rf_json *golden) {
    static rf_face faces[IMAGES][FACES];
    static rf_real data[OUTPUTS][10 * MOST], grad[OUTPUTS][10 * MOST];
    rf_face *lists[IMAGES];
    size_t n_faces[IMAGES];
    rf_config config = case_config(file, golden);
    rf_detect_spec spec;
    rf_anchor_set anchors;
    expect_ok(rf_detect_spec_from_config(&config, &spec));
    int side = (int)config.input.size;
    expect_ok(rf_anchor_set_make(&spec.anchors, side, side, &anchors));
    int A = (int)anchors.count;
    rf_graph *graph = rf_graph_new();
    rf_value v[OUTPUTS];
    for (int k = 0; k < OUTPUTS; k++) {
        v[k] = RF_NONE;
        if (!has_output(golden, k)) continue;
        v[k] = rf_graph_param(graph, names[k], (rf_shape){3, {IMAGES, A, width[k]}}, data[k], grad[k]);
        for (size_t i = 0; i < (size_t)(IMAGES * A * width[k]); i++)
            data[k][i] = (rf_real)(2 * golden_number(names[k], i));
    }
    rf_detector detector = {.anchors = anchors.count};
    for (int k = 0; k < OUTPUTS; k++) kit_output(&detector.outputs, said[k], v[k], &anchors);
    rf_loss *loss;
    rf_loss_values values;
    for (size_t i = 0; i < IMAGES; i++) {
        lists[i] = faces[i];
        n_faces[i] = read_faces(rf_json_at(rf_json_get(file, "faces"), i), faces[i]);
    }
    expect_ok(rf_loss_make(&config, IMAGES, side, side, &loss));
    expect_ok(rf_loss_build(loss, graph, &detector, &values));
    expect_ok(rf_graph_backward(graph, &values.total, 1));
    rf_exec *exec = rf_exec_new(graph, NULL);
    expect_ok(rf_loss_set_batch(loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces}));
    expect_ok(rf_exec_forward(exec, true));
    expect_ok(rf_exec_backward(exec, false));
    near((double)*rf_exec_data(exec, rf_terms_value(&values.terms, "cls")), golden_get(golden, "cls"), 1e-6, "cls");
    near((double)*rf_exec_data(exec, rf_terms_value(&values.terms, "box")), golden_get(golden, "box"), 1e-5, "box");
    near((double)*rf_exec_data(exec, rf_terms_value(&values.terms, "points")), golden_get(golden, "points"), 1e-5,
         "points");
    near((double)*rf_exec_data(exec, values.total), golden_get(golden, "total"), 1e-5, "total");
    if (v[5] != RF_NONE) {
        near((double)*rf_exec_data(exec, rf_terms_value(&values.terms, "head_cls")), golden_get(golden, "head_cls"),
             1e-6, "head_cls");
        near((double)*rf_exec_data(exec, rf_terms_value(&values.terms, "head_box")), golden_get(golden, "head_box"),
             1e-5, "head_box");
    }
    for (int k = 0; k < OUTPUTS; k++)
        if (v[k] != RF_NONE) check_gradient(golden, names[k], grad[k], (size_t)(IMAGES * A * width[k]));
    /* What trains: its classification has a gradient. */
    size_t counted[2] = {0}, at = 0;
    for (const rf_json *row = rf_json_first(rf_json_get(golden, "labels")); row; row = rf_json_next(row)) {
        const char *c;
        assert_true(rf_json_string(row, &c));
        for (; *c; c++, at++) {
            assert_int_equal(grad[0][2 * at] != 0, *c != '.');
            counted[0] += *c == '+', counted[1] += *c == '-';
            if (*c == '+') assert_true(grad[0][2 * at + 1] < 0);
        }
    }
    assert_int_equal(at, IMAGES * A);
    rf_loss_counts counts = rf_loss_counted(loss);
    assert_true(counts.positives == counted[0] && counts.negatives == counted[1]);
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_loss_free(loss);
    rf_anchor_set_free(&anchors);
}

static void losses_equal_pytorch_s(void **state) {
    (void)state;
    rf_json *file = golden_open("insight_loss.json");
    int cases = 0;
    for (const rf_json *golden = rf_json_first(rf_json_get(file, "cases")); golden;
         golden = rf_json_next(golden), cases++)
        check_case(file, golden);
    assert_int_equal(cases, 5);
    golden_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_by_hand), cmocka_unit_test(levels_equal_sorting),
        cmocka_unit_test(lots),           cmocka_unit_test(kinds_are_the_choices),
        cmocka_unit_test(shares_by_hand), cmocka_unit_test(losses_equal_pytorch_s),
    };
    return cmocka_run_group_tests_name("insightface's loss", tests, NULL, NULL);
}
