/* SPDX-License-Identifier: Apache-2.0 */
/* What a training minimises and how fast: schedules, mining and the loss with its gradients, against naive formulas in
 * double precision. The optimiser and checkpoints: test_training.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "autograd/exec.h"
#include "detect/spec.h"
#include "layers/context.h"
#include "tests/faces_kit.h"
#include "detect/loss/loss.h"
#include "detect/loss/loss_norm.h"
#include "detect/sampler.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "tests/scratch.h"
#include "tests/outputs_kit.h"

#define expect_ok(call)                                                                                                \
    if ((call) != RF_OK) fail_msg("%s: %s", #call, rf_error_message())

/* `more`: settings separated by spaces. */
static rf_config settings(const char *more) {
    const char *overrides[16] = {"model.channels=16"};
    size_t n = 1;
    char text[512];
    rf_config config;
    snprintf(text, sizeof text, "%s", more);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) overrides[n++] = word;
    expect_ok(rf_config_load(NULL, overrides, n, &config));
    return config;
}

static void near(double got, double want, double tolerance, const char *what, size_t at) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s [%zu]: %.12g, expected %.12g", what, at, got, want);
}

/* ---- schedules and registries ---- */

static void rates(void **state) {
    (void)state;
    static const struct {
        const char *settings;
        double at[9][2]; /* epoch, rate */
    } cases[] = {
        {"model.preset=paper",
         {{0, 1e-3}, {2.5, 5.5e-3}, {5, 1e-2}, {54.99, 1e-2}, {55, 1e-3}, {67.99, 1e-3}, {68, 1e-4}, {80, 1e-4}}},
        {"schedule.kind=cosine optim.lr=1 schedule.epochs=20 schedule.warmup_epochs=0", {{0, 1}, {10, 0.5}, {20, 0}}},
        {"schedule.kind=cosine optim.lr=0.02 schedule.epochs=20 schedule.warmup_epochs=4 schedule.min_lr=0.1",
         {{0, 0.001}, {2, 0.0105}, {4, 0.02}, {8, 0.011 + 0.009 * M_SQRT1_2}, {12, 0.011}, {20, 0.002}, {21, 0.002}}},
        {"schedule.kind=cosine optim.lr=1 schedule.epochs=3 schedule.warmup_epochs=3 schedule.min_lr=0.5", {{3, 0.5}}},
        {"schedule.kind=constant optim.lr=0.5 schedule.warmup_epochs=0", {{0, 0.5}, {55, 0.5}, {1000, 0.5}}},
        {"model.preset=insightface",
         {{0, 1e-3},
          {0.99, 1e-3},
          {1, 1.5848931924611e-3},
          {4, 6.3095734448019e-3},
          {4.99, 6.3095734448019e-3},
          {5, 1e-2},
          {55, 1e-3},
          {68, 1e-4}}},
        {"schedule.steps= optim.lr=1 schedule.warmup_epochs=1 schedule.warmup_lr=0", {{0, 0}, {0.5, 0.5}, {99, 1}}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        rf_config c = settings(cases[k].settings);
        for (int i = 0; i < 9 && (i == 0 || cases[k].at[i][0] > 0); i++)
            near(rf_schedule_rate(&c, cases[k].at[i][0]), cases[k].at[i][1], 1e-15, cases[k].settings, (size_t)i);
    }
    rf_config c = settings("model.preset=paper");
    static const int per_epoch[] = {161, 7, 1610}; /* updates */
    for (int k = 0; k < 3; k++)
        for (int n = per_epoch[k], step = 0; step <= 80 * n; step++) {
            double warm = 1e-3 + 9e-3 * step / (5.0 * n), later = step < 55 * n ? 1e-2 : step < 68 * n ? 1e-3 : 1e-4;
            near(rf_schedule_rate(&c, (double)step / n), step < 5 * n ? warm : later, 1e-15, "step", (size_t)step);
        }
}

/* The schema's choices are the names of a registry, in the order of its ids. */
#define expect_choices(section, key, kind)                                                                             \
    do {                                                                                                               \
        const char *word;                                                                                              \
        int n = 0;                                                                                                     \
        for (; (word = rf_config_word(rf_config_find_key(section, key), n)); n++)                                      \
            if (rf_##kind##_id(word) != n) fail_msg("%s.%s: %s is not id %d", section, key, word, n);                  \
        assert_int_equal(n, rf_##kind##_count());                                                                      \
    } while (0)

static void schedules_keep_the_contract(void **state) {
    (void)state;
    for (int i = 0; i < rf_schedule_count(); i++) {
        const rf_schedule *s = rf_schedule_at(i);
        rf_config c = settings("optim.lr=0.25 schedule.warmup_epochs=2");
        c.schedule.kind = rf_schedule_id(s->name);
        for (double e = 2; e < 1.5 * c.schedule.epochs; e += 0.03) {
            double factor = s->factor(&c, e);
            assert_true(*s->name && *s->doc && isfinite(factor) && factor >= 0 && factor <= 1);
            near(rf_schedule_rate(&c, e), 0.25 * factor, 0, s->name, (size_t)e);
        }
    }
    expect_choices("schedule", "kind", schedule);
    expect_choices("optim", "kind", optimizer);
    expect_choices("loss", "kind", loss);
    expect_choices("loss", "mining", sampler);
    expect_choices("loss", "normalise", loss_norm);
    expect_choices("model", "context", context);
    expect_choices("eval", "merge", merger);
}

/* ---- mining ---- */

typedef struct ranked {
    float hardness;
    size_t anchor;
} ranked;

static int harder_first(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->hardness != y->hardness) return x->hardness > y->hardness ? -1 : 1;
    return x->anchor < y->anchor ? -1 : 1;
}

static size_t naive_mining(const rf_sample_spec *spec, const rf_real *z, size_t A, size_t positives, int8_t *label) {
    ranked *list = rf_alloc(A, sizeof *list);
    size_t n = 0;
    for (size_t a = 0; a < A; a++)
        if (label[a] == 0) list[n++] = (ranked){(float)(z[2 * a + 1] - z[2 * a]), a};
    qsort(list, n, sizeof *list, harder_first);
    double keep = fmax(spec->negative_ratio * (double)positives, (double)spec->min_negatives);
    size_t kept = (size_t)fmin(keep, (double)n);
    for (size_t i = kept; i < n; i++) label[list[i].anchor] = -1;
    rf_free(list);
    return kept;
}

enum { ANCHORS = 102300, SHAPES = 8 }; /* anchors of the paper's network at 640 x 640 */
static rf_real logits[2 * ANCHORS];
static int8_t label[ANCHORS], expected[ANCHORS];
static uint64_t keys[ANCHORS + 1];

/* Logits of n anchors: random, many ties, all equal, huge, rising, falling, both, zeros of both signs. */
static void make_logits(uint32_t shape, rf_rng *rng, size_t n) {
    for (size_t a = 0; a < n; a++) {
        float u = rf_rng_normal(rng), v = rf_rng_normal(rng), tie = floorf(2 * u), huge = u > 0 ? 1e30f : -1e30f;
        float up = (float)a, hill = (float)(a < n / 2 ? a : n - a), zero = u > 0 ? -0.0f : 0.0f;
        const float pairs[SHAPES][2] = {{u, v},    {tie, -tie}, {0.5f, 0.5f},  {huge, -huge},
                                        {-up, up}, {up, -up},   {-hill, hill}, {0.0f, zero}};
        memcpy(logits + 2 * a, pairs[shape], sizeof *pairs);
    }
}

static void mining_equals_sorting(void **state) {
    (void)state;
    static const double ratios[] = {0, 0.3, 3, 7, 1000};
    static const size_t least[] = {0, 1, 16, 100000};
    static const uint32_t shares[5][2] = {{0, 0}, {0, 99}, {0, 50}, {33, 33}, {2, 90}}; /* % positive, % negative */
    for (uint32_t round = 0; round < 300; round++) {
        rf_rng rng = rf_rng_make(6, 0, round, RF_STREAM_TEST);
        rf_sample_spec spec = {.negative_ratio = ratios[rf_rng_below(&rng, 5)]};
        spec.min_negatives = least[rf_rng_below(&rng, 4)];
        size_t n = 1 + rf_rng_below(&rng, round % 2 ? 12 : 2000), positives = 0;
        const uint32_t *share = shares[rf_rng_below(&rng, 5)];
        make_logits(rf_rng_below(&rng, SHAPES), &rng, n);
        for (size_t a = 0; a < n; a++) {
            uint32_t draw = rf_rng_below(&rng, 100);
            label[a] = expected[a] = draw < share[0] ? 1 : draw < share[0] + share[1] ? 0 : -1;
            positives += label[a] == 1;
        }
        keys[n] = 12345;
        size_t kept = naive_mining(&spec, logits, n, positives, expected);
        assert_int_equal(rf_mine_negatives(&spec, logits, n, positives, label, keys), kept);
        assert_memory_equal(label, expected, n);
        assert_true(keys[n] == 12345); /* the scratch is of n numbers */
    }
    const rf_sample_spec spec = {.negative_ratio = 3, .min_negatives = 16};
    double worst = 0;
    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        rf_rng rng = rf_rng_make(6, 1, 0, RF_STREAM_TEST);
        make_logits(shape, &rng, ANCHORS);
        memset(label, 0, sizeof label);
        double begin = rf_clock_seconds();
        assert_int_equal(rf_mine_negatives(&spec, logits, ANCHORS, 200, label, keys), 600);
        worst = fmax(worst, rf_clock_seconds() - begin);
    }
    printf("measured mining of %d anchors, the slowest of %d orders: %.2f ms\n", ANCHORS, SHAPES, 1e3 * worst);
    assert_true(!scratch_timed() || worst < 5); /* quadratic work would take longer by far */
}

/* ---- loss ---- */

enum { CLS, BOX, POINTS, ROWS = 21000, CROWD = 800 };
static const size_t width[3] = {2, 4, 2 * RF_POINTS};
static const double tolerance[3] = {1e-6, 1e-4, 1e-4}; /* of gradients: the targets are float32 */
static rf_real data[3][10 * ROWS], grad[3][10 * ROWS]; /* predictions and their gradients */
static double want[3][10 * ROWS];
static rf_face faces[3][CROWD], *const lists[3] = {faces[0], faces[1], faces[2]};

typedef struct rig {
    rf_config config;
    int n;
    rf_detect_spec spec;
    rf_anchor_set anchors;
    rf_loss *loss;
    rf_graph *graph;
    rf_exec *exec;
    rf_loss_values values;
} rig;

/* A graph without a network: the predictions are parameters, so that gradients end there. */
static rf_status rig_build(rig *r) {
    int parts = r->config.model.landmarks ? 3 : 2, A = (int)r->anchors.count, side = (int)r->config.input.size;
    RF_TRY(rf_loss_make(&r->config, r->n, side, side, &r->loss));
    r->graph = rf_graph_new();
    if (!r->graph) return RF_ERR_NOMEM;
    rf_value v[3] = {RF_NONE, RF_NONE, RF_NONE};
    for (int k = 0; k < parts; k++)
        v[k] = rf_graph_param(r->graph, "out", (rf_shape){3, {r->n, A, (int)width[k]}}, data[k], grad[k]);
    rf_detector detector = {.anchors = r->anchors.count};
    kit_output(&detector.outputs, "cls", v[CLS], &r->anchors);
    kit_output(&detector.outputs, "loc", v[BOX], &r->anchors);
    kit_output(&detector.outputs, "points", v[POINTS], &r->anchors);
    RF_TRY(rf_loss_build(r->loss, r->graph, &detector, &r->values));
    RF_TRY(rf_graph_backward(r->graph, &r->values.total, 1));
    r->exec = rf_exec_new(r->graph, NULL);
    return r->exec ? RF_OK : RF_ERR_NOMEM;
}

static void rig_drop(rig *r) {
    rf_exec_free(r->exec);
    rf_graph_free(r->graph);
    rf_loss_free(r->loss);
    r->exec = NULL, r->graph = NULL, r->loss = NULL;
}

static void rig_make(rig *r, const char *more, size_t n) {
    rf_rng rng = rf_rng_make(8, 0, n, RF_STREAM_TEST);
    *r = (rig){.config = settings(more), .n = (int)n};
    int side = (int)r->config.input.size;
    expect_ok(rf_detect_spec_from_config(&r->config, &r->spec));
    expect_ok(rf_anchor_set_make(&r->spec.anchors, side, side, &r->anchors));
    assert_true(n * r->anchors.count <= ROWS);
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < n * r->anchors.count * width[k]; i++) data[k][i] = 2 * rf_rng_normal(&rng);
}

/* m: mixed, l: all have landmarks, n: none has, i: only ignore faces, 0: no face, c: 800 mixed ones */
static size_t make_faces(char what, float side, rf_rng *rng, rf_face *out) {
    size_t n = what == '0' ? 0 : what == 'c' ? CROWD : 6;
    for (size_t f = 0; f < n; f++) {
        float size = rf_rng_range(rng, 6, what == 'c' ? 40 : side / 2), x = rf_rng_range(rng, 0, side - size);
        float y = rf_rng_range(rng, -size / 4, side - size), h = size * rf_rng_range(rng, 0.7f, 1.4f);
        bool mixed = what == 'm' || what == 'c';
        out[f] = (rf_face){.box = {x, y, x + size, mixed && f == 3 ? y : y + h}, .score = 1}; /* 3: an empty box */
        face_give_points(&out[f], RF_POINTS);
        out[f].ignore = what == 'i' || (mixed && f % 6 == 4);
        for (int k = 0; k < 2 * RF_POINTS; k++) out[f].points[k] = out[f].box[k % 2] + rf_rng_range(rng, 0, size);
        if (!(what == 'l' || (mixed && f % 2))) out[f].n_points = 0;
    }
    return n;
}

static double smooth_l1(double d, double beta, double *slope) {
    *slope = fabs(d) < beta ? d / beta : (d > 0) - (d < 0);
    return fabs(d) < beta ? 0.5 * d * d / beta : fabs(d) - 0.5 * beta;
}

/* The sums of equation 1 over a batch and their unweighted gradients in want[]; N and N' divide at the end. */
static rf_loss_counts naive_loss(const rig *r, const size_t *n_faces, double sum[3]) {
    size_t A = r->anchors.count;
    rf_loss_counts counts = {0};
    rf_match match;
    const rf_sample_spec mining = rf_sample_spec_of(&r->config);
    double one = r->config.anchors.plus_one, vc = r->config.anchors.variance_centre,
           vs = r->config.anchors.variance_size;
    memset(want, 0, sizeof want);
    expect_ok(rf_match_alloc(A, &match));
    sum[CLS] = sum[BOX] = sum[POINTS] = 0;
    for (size_t i = 0; i < (size_t)r->n; i++) {
        size_t positives = 0;
        rf_match_faces(&r->anchors, &r->spec.match[0], lists[i], n_faces[i], &match);
        for (size_t a = 0; a < A; a++) positives += match.label[a] > 0, counts.ignored += match.label[a] < 0;
        counts.positives += positives;
        counts.negatives += naive_mining(&mining, data[CLS] + 2 * A * i, A, positives, match.label);
        for (size_t a = 0, row = A * i; a < A; a++, row++) {
            if (match.label[a] < 0) continue;
            const rf_real *z = data[CLS] + 2 * row;
            double p = 1 / (1 + exp((double)z[0] - (double)z[1])); /* of face */
            sum[CLS] -= match.label[a] ? log(p) : log1p(-p);
            want[CLS][2 * row + 1] = p - match.label[a];
            want[CLS][2 * row] = match.label[a] - p;
            if (match.label[a] == 0) continue;
            const rf_face *f = &faces[i][match.face[a]];
            const float *anchor = r->anchors.boxes + 4 * a;
            for (size_t k = 0; k < 4; k++) {
                double lo = (double)f->box[k % 2], hi = (double)f->box[k % 2 + 2], size = (double)anchor[k % 2 + 2];
                double t = k < 2 ? ((lo + hi) / 2 - (double)anchor[k]) / (size * vc) : log((hi - lo + one) / size) / vs;
                sum[BOX] +=
                    smooth_l1((double)data[BOX][4 * row + k] - t, r->config.loss.box_beta, &want[BOX][4 * row + k]);
            }
            counts.landmarks += r->config.model.landmarks && f->n_points > 0;
            for (size_t k = 0; k < 10 && r->config.model.landmarks && f->n_points > 0; k++) {
                double t = ((double)f->points[k] - (double)anchor[k % 2]) / ((double)anchor[2 + k % 2] * vc);
                sum[POINTS] += smooth_l1((double)data[POINTS][10 * row + k] - t, r->config.loss.landmark_beta,
                                         &want[POINTS][10 * row + k]);
            }
        }
    }
    rf_match_free(&match);
    return counts;
}

/* Runs a batch, compares everything with the naive loss and returns a checksum of all numbers. */
static uint32_t check_batch(const rig *r, const size_t *n_faces, const char *what) {
    const rf_value parts[3] = {rf_terms_value(&r->values.terms, "cls"), rf_terms_value(&r->values.terms, "box"),
                               rf_terms_value(&r->values.terms, "points")};
    const double weights[3] = {r->config.loss.cls_weight, r->config.loss.box_weight, r->config.loss.landmark_weight};
    double sum[3], total = 0, got = 0;
    uint32_t crc = 0;
    rf_loss_set_batch(r->loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces});
    uint64_t allocations = rf_alloc_count();
    expect_ok(rf_exec_forward(r->exec, true));
    expect_ok(rf_exec_backward(r->exec, false));
    assert_int_equal(rf_alloc_count(), allocations);
    rf_loss_counts counts = naive_loss(r, n_faces, sum), counted = rf_loss_counted(r->loss);
    assert_memory_equal(&counted, &counts, sizeof counts);
    for (int k = 0; k < 3 && parts[k] != RF_NONE; k++) {
        size_t n = k == POINTS ? counts.landmarks : counts.positives;
        double share = 1 / (double)(n ? n : 1), scale = share * weights[k];
        got = (double)*rf_exec_data(r->exec, parts[k]);
        near(got, sum[k] * share, 1e-5 * sum[k] * share, what, (size_t)k);
        total += sum[k] * scale;
        for (size_t i = 0; i < (size_t)r->n * r->anchors.count * width[k]; i++)
            near((double)grad[k][i], want[k][i] * scale, want[k][i] != 0 ? tolerance[k] * scale : 0, what, i);
        crc = rf_crc32(rf_crc32(crc, grad[k], sizeof grad[k]), &got, sizeof got);
    }
    got = (double)*rf_exec_data(r->exec, r->values.total);
    near(got, total, 1e-5 * total, what, 3);
    return rf_crc32(crc, &got, sizeof got);
}

static void loss_equals_the_formula(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"model.preset=biubug6 input.size=128", "mln"},
        {"model.preset=biubug6 input.size=128", "m0i"},
        {"model.preset=biubug6 input.size=128", "0"},
        {"model.preset=biubug6 input.size=640", "c"},
        {"model.preset=paper input.size=160", "mi0"},
        {"model.preset=insightface input.size=128 loss.normalise=batch loss.mining=ratio", "m0l"},
        {"model.landmarks=no input.size=128", "ml"},
        {"input.size=128", "n"},
        {"input.size=128", "i"},
        {"input.size=128 loss.box_beta=0 loss.landmark_beta=0.4 loss.negative_ratio=0 loss.min_negatives=0", "m0"},
        {"input.size=320 loss.cls_weight=0.5 loss.box_weight=3 loss.landmark_weight=0.25 loss.box_beta=2", "mlm"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint32_t crc[2][2];
        for (int threads = 1; threads <= 2; threads++) {
            rig r;
            rf_set_threads(threads);
            rig_make(&r, cases[k][0], strlen(cases[k][1]));
            expect_ok(rig_build(&r));
            assert_true(r.config.model.landmarks == (rf_terms_value(&r.values.terms, "points") != RF_NONE));
            for (int batch = 0; batch < 2; batch++) { /* the second finds what the first left behind */
                size_t n_faces[3];
                rf_rng rng = rf_rng_make(9, (uint32_t)batch, k, RF_STREAM_TEST);
                for (int i = 0; i < r.n; i++)
                    n_faces[i] = make_faces(cases[k][1][(i + batch) % r.n], (float)r.config.input.size, &rng, faces[i]);
                crc[threads - 1][batch] = check_batch(&r, n_faces, cases[k][0]);
            }
            rig_drop(&r), rf_anchor_set_free(&r.anchors);
        }
        assert_memory_equal(crc[0], crc[1], sizeof crc[0]);
    }
    rf_set_threads(0);
}

static void losses_keep_the_contract(void **state) {
    (void)state;
    for (int k = 0; k < rf_loss_count(); k++) {
        rig r;
        uint64_t n = 1;
        char more[96];
        const rf_loss_kind *kind = rf_loss_at(k);
        assert_true(*kind->name && *kind->doc && rf_loss_find(kind->name) == kind);
        snprintf(more, sizeof more, "input.size=64 loss.kind=%s", kind->name);
        rig_make(&r, more, 2);
        for (rf_status status; rf_alloc_fail_at(n), (status = rig_build(&r)) != RF_OK; rig_drop(&r), n++)
            assert_int_equal(status, RF_ERR_NOMEM);
        rf_alloc_fail_at(0);
        assert_true(n > 20);
        rig_drop(&r);
        r.anchors.count--;
        assert_true(rig_build(&r) == RF_ERR_USER && strstr(rf_error_message(), "anchors"));
        rig_drop(&r), rf_anchor_set_free(&r.anchors);
    }
    assert_true(!rf_loss_find("none") && strstr(rf_error_message(), "no loss is called \"none\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),
        cmocka_unit_test(schedules_keep_the_contract),
        cmocka_unit_test(mining_equals_sorting),
        cmocka_unit_test(loss_equals_the_formula),
        cmocka_unit_test(losses_keep_the_contract),
    };
    return cmocka_run_group_tests_name("training loss", tests, NULL, NULL);
}
