/* SPDX-License-Identifier: Apache-2.0 */
/* What a loss is composed of: contracts that every assigner, sampler and row loss of the program keeps, those of `make
 * EXTRA=DIR` too, and a loss of parts that this test registers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "detect/assigner.h"
#include "detect/row_loss.h"
#include "detect/sampler.h"
#include "detect/spec.h"
#include "layers/init.h"
#include "train/train_graph.h"

enum { SIDE = 64, IMAGES = 2, FACES = 12 };

static rf_face faces[IMAGES][2], *const lists[IMAGES] = {faces[0], faces[1]};
static const size_t n_faces[IMAGES] = {2, 1};

/* ---- parts of this test ---- */

static size_t rows_seen, rows_missing;
static int scratches;

static rf_status make_scratch(const rf_anchor_set *grid, void **scratch) {
    *scratch = rf_alloc(grid->count, 1);
    if (*scratch) scratches++;
    return *scratch ? RF_OK : RF_ERR_NOMEM;
}

static void free_scratch(void *scratch) {
    if (scratch) scratches--;
    rf_free(scratch);
}

/* An anchor whose centre lies in a face is to find it; nothing is ignored. */
static void assign_inside(const rf_assign_image *image, rf_match *out) {
    out->n_positive = out->n_ignored = out->n_points = 0;
    out->n_negative = out->n_anchors;
    memset(out->label, 0, out->n_anchors);
    memset(out->has_points, 0, out->n_anchors);
    for (size_t a = 0; a < out->n_anchors; a++) out->face[a] = -1;
    for (int l = 0; l < image->grid->n_levels; l++)
        if (image->cls[l] && image->loc[l] && isfinite((double)image->loc[l][3]))
            rows_seen++;
        else
            rows_missing++;
    for (size_t a = 0; a < image->grid->count; a++)
        for (size_t f = 0; f < image->n_faces; f++) {
            const float *at = image->boxes + 4 * a, *box = image->faces[f].box;
            if (image->faces[f].ignore || out->label[a] > 0 || at[0] < box[0] || at[1] < box[1] || at[0] > box[2] ||
                at[1] > box[3])
                continue;
            out->label[a] = 1;
            out->face[a] = (int32_t)f;
            out->iou[a] = 1;
            out->n_positive++;
            out->n_negative--;
        }
}

static void keep_even(const rf_sample_spec *spec, const rf_sample_image *image) {
    (void)spec;
    for (size_t a = 1; a < image->first[image->n_levels]; a += 2)
        if (image->label[a] == 0) image->label[a] = -1;
}

static rf_value twice(rf_graph *g, const rf_config *config, const rf_row_loss_input *in) {
    (void)config;
    rf_value once =
        rf_graph_apply(g, "smooth_l1", (rf_value[]){in->rows, in->target, in->weight}, 3, "beta=%.17g", in->knee);
    return rf_apply1(g, "scale", once, "factor=2");
}

static const rf_assigner inside = {.name = "inside",
                                   .doc = "by centres",
                                   .make = make_scratch,
                                   .free = free_scratch,
                                   .run = assign_inside,
                                   .reads_predictions = true};
static const rf_sampler even = {.name = "even", .doc = "every other", .run = keep_even};
static const rf_row_loss doubled = {.name = "doubled", .doc = "twice smooth-L1", .build = twice};

#define PARTS .assigner = "max_iou", .later_assigner = "max_iou_moved", .cls = "softmax_ce", .box = "smooth_l1"
static const rf_loss_kind losses[] = {
    {.name = "same", .doc = "multibox by another name", PARTS},
    {.name = "twofold",
     .doc = "boxes count twice",
     .assigner = "max_iou",
     .later_assigner = "max_iou",
     .cls = "focal",
     .box = "doubled",
     .sampler = "all"},
    {.name = "own",
     .doc = "parts of this test",
     .assigner = "inside",
     .later_assigner = "inside",
     .cls = "softmax_ce",
     .box = "smooth_l1",
     .sampler = "even"},
    {.name = "broken",
     .doc = "a part that is none",
     .assigner = "max_iu",
     .later_assigner = "max_iou",
     .cls = "softmax_ce",
     .box = "smooth_l1"},
};

static int set_up(void **state) {
    (void)state;
    static const float boxes[IMAGES][2][4] = {{{6, 8, 30, 36}, {34, 30, 56, 52}}, {{12, 14, 52, 58}}};
    for (size_t b = 0; b < IMAGES; b++)
        for (size_t i = 0; i < n_faces[b]; i++) memcpy(faces[b][i].box, boxes[b][i], sizeof boxes[b][i]);
    bool good = rf_register_assigner(&inside) == RF_OK && rf_register_sampler(&even) == RF_OK &&
                rf_register_row_loss(&doubled) == RF_OK;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) good &= rf_register_loss(&losses[i]) == RF_OK;
    return good ? 0 : -1;
}

/* ---- contracts ---- */

static void draw_faces(rf_rng *rng, rf_face *out, float side) {
    for (int i = 0; i < FACES; i++) {
        float size = rf_rng_range(rng, 6, side / 2), x = rf_rng_range(rng, -size / 2, side - size / 2);
        float y = rf_rng_range(rng, -size / 2, side - size / 2);
        out[i] = (rf_face){.box = {x, y, x + size, i == 5 ? y : y + size}, .score = 1, .ignore = i % 4 == 3};
    }
}

static void check_match(const rf_match *match, const rf_face *list, size_t n) {
    size_t count[3] = {0};
    for (size_t a = 0; a < match->n_anchors; a++) {
        assert_true(match->label[a] >= -1 && match->label[a] <= 1);
        count[match->label[a] + 1]++;
        if (match->label[a] <= 0) continue;
        assert_true(match->face[a] >= 0 && (size_t)match->face[a] < n && !list[match->face[a]].ignore);
    }
    assert_true(count[2] == match->n_positive && count[1] == match->n_negative && count[0] == match->n_ignored);
}

static void assigners_keep_the_contract(void **state) {
    (void)state;
    rf_config config;
    rf_detect_spec spec;
    rf_anchor_set grid;
    rf_match match[2];
    static rf_face list[FACES];
    assert_int_equal(rf_config_load(NULL, NULL, 0, &config), RF_OK);
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&spec.anchors, SIDE, SIDE, &grid), RF_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(rf_match_alloc(grid.count, &match[i]), RF_OK);
    rf_real *cls = rf_alloc(grid.count, 2 * sizeof *cls), *loc = rf_alloc(grid.count, 4 * sizeof *loc);
    assert_true(cls && loc && rf_assigner_count() >= 3);
    for (int k = 0; k < rf_assigner_count(); k++) {
        const rf_assigner *kind = rf_assigner_at(k);
        void *scratch = NULL;
        assert_true(*kind->doc && rf_assigner_find(kind->name) == kind);
        for (uint64_t n = 1; kind->make; n++) {
            rf_alloc_fail_at(n);
            rf_status status = kind->make(&grid, &scratch);
            rf_alloc_fail_at(0);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
            kind->free(scratch);
            scratch = NULL;
        }
        rf_rng rng = rf_rng_make(3, 0, (uint64_t)k, RF_STREAM_TEST);
        for (int round = 0; round < 20; round++) {
            size_t n = round == 0 ? 0 : FACES;
            draw_faces(&rng, list, SIDE);
            rf_assign_image image = {.grid = &grid,
                                     .boxes = grid.boxes,
                                     .spec = &spec.match[0],
                                     .faces = list,
                                     .n_faces = n,
                                     .scratch = scratch};
            for (int l = 0; l < grid.n_levels; l++) {
                image.cls[l] = cls + 2 * grid.levels[l].first;
                image.loc[l] = loc + 4 * grid.levels[l].first;
            }
            uint64_t allocations = rf_alloc_count();
            for (int i = 0; i < 2; i++) kind->run(&image, &match[i]);
            assert_int_equal(rf_alloc_count(), allocations);
            check_match(&match[0], list, n);
            assert_memory_equal(match[0].label, match[1].label, grid.count);
            assert_memory_equal(match[0].face, match[1].face, grid.count * sizeof *match[0].face);
            if (n == 0) assert_int_equal(match[0].n_positive, 0);
        }
        if (kind->free) kind->free(scratch);
    }
    assert_int_equal(scratches, 0);
    for (int i = 0; i < 2; i++) rf_match_free(&match[i]);
    rf_free(cls), rf_free(loc), rf_anchor_set_free(&grid);
}

/* A sampler drops examples; it makes none and changes no kind. */
static void samplers_keep_the_contract(void **state) {
    (void)state;
    enum { N = 300 };
    static rf_real logits[2 * N], before[2 * N];
    static int8_t was[N], label[2][N];
    static uint64_t keys[N];
    const rf_sample_spec spec = {
        .negative_ratio = 3, .min_negatives = 4, .total = 40, .positives = 10, .drop_below = -1, .seed = 7};
    for (int k = 0; k < rf_sampler_count(); k++) {
        const rf_sampler *kind = rf_sampler_at(k);
        rf_rng rng = rf_rng_make(5, 0, (uint64_t)k, RF_STREAM_TEST);
        size_t sure = 0, dropped = 0;
        assert_true(*kind->doc && rf_sampler_find(kind->name) == kind);
        for (int i = 0; i < 2 * N; i++) {
            logits[i] = (rf_real)rf_rng_normal(&rng);
            before[i] = (rf_real)rf_rng_normal(&rng);
        }
        rf_sample_image image = {.n_levels = 3, .first = {0, 200, 280, N}, .logits = logits, .keys = keys};
        image.before[0] = before, image.before[2] = before + 2 * 280;
        for (int a = 0; a < N; a++) {
            was[a] = (int8_t)((int)rf_rng_below(&rng, 12) - 1 == 0 ? 1 : (int)rf_rng_below(&rng, 8) == 0 ? -1 : 0);
            image.n_positive += was[a] > 0;
            bool read = a < 200 || a >= 280;
            sure += was[a] == 0 && read && before[2 * a + 1] - before[2 * a] < -1;
        }
        for (int i = 0; i < 2; i++) {
            memcpy(label[i], was, sizeof was);
            image.label = label[i];
            kind->run(&spec, &image);
        }
        assert_memory_equal(label[0], label[1], sizeof was);
        for (int a = 0; a < N; a++) {
            assert_true(label[0][a] == was[a] || label[0][a] == -1);
            dropped += label[0][a] != was[a];
        }
        if (strcmp(kind->name, "all") == 0) assert_int_equal(dropped, 0);
        if (strcmp(kind->name, "unsure") == 0) assert_true(dropped == sure && sure > 10);
        memset(image.before, 0, sizeof image.before); /* a first step has none before it */
        memcpy(label[0], was, sizeof was);
        image.label = label[0];
        kind->run(&spec, &image);
        if (kind->reads_before) assert_memory_equal(label[0], was, sizeof was);
    }
}

/* Row losses: a scalar that no row without a weight moves, with a gradient for the rows that have one. */
static void row_losses_keep_the_contract(void **state) {
    (void)state;
    enum { N = 6 };
    rf_config config;
    const char *sets[] = {"loss.sml=yes", "model.landmarks=no"};
    assert_int_equal(rf_config_load(NULL, sets, 2, &config), RF_OK);
    for (int k = 0; k < rf_row_loss_count(); k++) {
        const rf_row_loss *kind = rf_row_loss_at(k);
        bool classes = strcmp(kind->name, "softmax_ce") == 0 || strcmp(kind->name, "focal") == 0;
        rf_real rows[N * 2], grad[N * 2], targets[N * 2], weights[N], margins[N];
        for (int i = 0; i < N * 2; i++) rows[i] = (rf_real)(0.3 * i - 1), targets[i] = (rf_real)(classes ? i % 2 : 1.5);
        for (int i = 0; i < N; i++) weights[i] = i < N - 1 ? 1 : 0, margins[i] = 0;
        if (kind->has_margin && kind->has_margin(&config)) {
            assert_true(kind->margin(&config, (float[4]){0, 0, 8, 8}) >
                        kind->margin(&config, (float[4]){0, 0, 80, 80}));
            config.loss.sml = false;
            assert_false(kind->has_margin(&config));
            config.loss.sml = true;
        }
        rf_graph *g = rf_graph_new();
        rf_shape whole = {3, {1, N, 2}}, flat = {2, {1, N}};
        const rf_row_loss_input in = {.rows = rf_graph_param(g, "rows", whole, rows, grad),
                                      .target = rf_graph_param(g, "target", classes ? flat : whole, targets, NULL),
                                      .weight = rf_graph_param(g, "weight", flat, weights, NULL),
                                      .margin =
                                          kind->margin ? rf_graph_param(g, "margin", flat, margins, NULL) : RF_NONE,
                                      .knee = 1};
        rf_value loss = kind->build(g, &config, &in);
        rf_graph_keep(g, loss);
        assert_int_equal(rf_graph_backward(g, &loss, 1), RF_OK);
        rf_exec *exec = rf_exec_new(g, NULL);
        assert_non_null(exec);
        assert_int_equal(rf_exec_forward(exec, true), RF_OK);
        double first = (double)*rf_exec_data(exec, loss);
        assert_int_equal(rf_exec_backward(exec, false), RF_OK);
        assert_true(*kind->doc && rf_shape_count(&(rf_shape){1, {1}}) == 1 && first > 0);
        assert_true(grad[2 * N - 1] == 0 && grad[2 * N - 2] == 0 && grad[0] != 0);
        rows[2 * N - 1] += 5;
        assert_int_equal(rf_exec_forward(exec, true), RF_OK);
        assert_true((double)*rf_exec_data(exec, loss) == first);
        rf_exec_free(exec);
        rf_graph_free(g);
    }
}

/* ---- compositions ---- */

typedef struct rig {
    rf_config config;
    rf_params *params;
    rf_train_graph net;
} rig;

static rf_status rig_open(rig *r, const char *kind, const char *more) {
    char text[64];
    snprintf(text, sizeof text, "loss.kind=%s", kind);
    const char *sets[] = {text, more, "model.channels=16", "train.batch=2", "input.size=64", "loss.min_negatives=4"};
    *r = (rig){0};
    if (rf_config_load(NULL, sets, sizeof sets / sizeof *sets, &r->config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&r->config, &r->params), RF_OK);
    rf_params_init(r->params, 5);
    RF_TRY(rf_train_graph_make(&r->config, r->params, &r->net));
    RF_TRY(rf_train_graph_plan(&r->config, &r->net));
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_real *x = rf_exec_data(r->net.exec, r->net.detector.input);
    for (size_t i = 0; i < (size_t)IMAGES * SIDE * SIDE * 3; i++) x[i] = (rf_real)rf_rng_normal(&rng);
    RF_TRY(rf_loss_set_batch(r->net.loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces}));
    RF_TRY(rf_exec_forward(r->net.exec, true));
    return rf_exec_backward(r->net.exec, false);
}

static void rig_close(rig *r) {
    rf_train_graph_free(&r->net);
    rf_params_free(r->params);
}

static void must_open(rig *r, const char *kind, const char *more) {
    if (rig_open(r, kind, more) != RF_OK) fail_msg("%s, %s: %s", kind, more, rf_error_message());
}

static double value_of(const rig *r, const char *name) {
    return (double)*rf_exec_data(r->net.exec, rf_terms_value(&r->net.values.terms, name));
}

static void a_loss_is_what_it_is_composed_of(void **state) {
    (void)state;
    static const char *const more[] = {"train.seed=1", "cascade.stages=2", "loss.mining=level_hard", "loss.mining=all"};
    double mined = 0;
    rig a, b;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        must_open(&a, "multibox", more[i]);
        must_open(&b, "same", more[i]);
        assert_memory_equal(rf_exec_data(a.net.exec, a.net.values.total), rf_exec_data(b.net.exec, b.net.values.total),
                            sizeof(rf_real));
        assert_memory_equal(a.params->grad, b.params->grad, a.params->data_count * sizeof(rf_real));
        rf_loss_counts counts = rf_loss_counted(a.net.loss);
        if (i == 0) mined = (double)counts.negatives;
        if (i == 3) assert_true((double)counts.negatives > mined); /* without mining all negatives train */
        rig_close(&a);
        rig_close(&b);
    }
    must_open(&a, "same", "train.seed=1");
    must_open(&b, "twofold", "train.seed=1");
    assert_true(value_of(&b, "box") == 2 * value_of(&a, "box") && value_of(&b, "cls") != value_of(&a, "cls"));
    rig_close(&a);
    rig_close(&b);
}

static void parts_of_ones_own_train(void **state) {
    (void)state;
    rf_real totals[2];
    for (int threads = 1; threads <= 2; threads++) {
        rig r;
        rf_set_threads(threads);
        rows_seen = rows_missing = 0;
        must_open(&r, "own", "train.seed=1");
        rf_loss_counts counts = rf_loss_counted(r.net.loss);
        assert_true(counts.positives > 4 && counts.negatives > 0 && value_of(&r, "box") > 0);
        if (threads == 1) assert_true(rows_seen == 2 * (size_t)r.net.detector.n_levels && rows_missing == 0);
        totals[threads - 1] = *rf_exec_data(r.net.exec, r.net.values.total);
        rig_close(&r);
        assert_int_equal(scratches, 0);
    }
    rf_set_threads(0);
    assert_memory_equal(&totals[0], &totals[1], sizeof *totals);
    rig r;
    assert_int_equal(rig_open(&r, "broken", "train.seed=1"), RF_ERR_USER);
    const char *told = "loss.kind = broken: no assigner is called \"max_iu\"; did you mean \"max_iou\"?";
    if (!strstr(rf_error_message(), told)) fail_msg("'%s'", rf_error_message());
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assigners_keep_the_contract),  cmocka_unit_test(samplers_keep_the_contract),
        cmocka_unit_test(row_losses_keep_the_contract), cmocka_unit_test(a_loss_is_what_it_is_composed_of),
        cmocka_unit_test(parts_of_ones_own_train),
    };
    return cmocka_run_group_tests_name("parts of losses", tests, set_up, NULL);
}
