/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of terms (detect/loss/term_kind.h): how loss.terms is read, what a term adds and sees, and a contract that
 * every kind of the program keeps, those of `make EXTRA=DIR` too. tests/double/ compares their gradients with
 * differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "layers/init.h"
#include "detect/loss/term_kind.h"
#include "train/train_graph.h"

enum { SIDE = 64, IMAGES = 2, MANY = RF_TERMS_MAX - 2 };

static rf_face faces[IMAGES][2], *const lists[IMAGES] = {faces[0], faces[1]};
static const size_t n_faces[IMAGES] = {2, 1};

/* ---- kinds of this test ---- */

/* Half the mean square of the box rows with a face, by the loss's own weights, and a count of what it has seen. */
typedef struct sizes {
    const rf_term_matches *matches;
    size_t seen, bad;
    void *more;
} sizes;

static size_t freed;
static sizes *last;

static rf_status look(void *ctx, const rf_call *call) {
    sizes *s = ctx;
    s->seen = s->bad = 0;
    memset(call->out[0].data, 0, rf_shape_count(&call->out[0].shape) * sizeof(rf_real));
    for (size_t i = 0; i < rf_term_images(s->matches); i++) {
        size_t before = 0;
        for (rf_term_match m = {0}; rf_term_next(s->matches, i, &m); s->seen++) {
            size_t rows = rf_shape_count(&call->out[0].shape) / IMAGES;
            s->bad += m.row < i * rows || m.row >= (i + 1) * rows || m.row < before || !(m.anchor[2] > 0) ||
                      m.face < faces[i] || m.face >= faces[i] + n_faces[i] || m.level < 0;
            before = m.row;
            call->out[0].data[m.row] = 1;
        }
    }
    return RF_OK;
}

static rf_status build_sizes(const rf_term_context *c, void *state) {
    sizes *s = last = state;
    rf_value loc = rf_term_prediction(c, "loc"), weight = rf_term_row_weight(c, "loc");
    s->matches = c->matches;
    s->more = rf_alloc(1, 1);
    if (!s->more) return RF_ERR_NOMEM;
    assert_true(rf_term_prediction(c, "nothing") == RF_NONE && rf_term_target(c, "blur") == RF_NONE);
    assert_true(rf_term_target(c, "cls") != RF_NONE && rf_term_row_weight(c, "points") != RF_NONE);
    assert_true(rf_term_codec(c->matches)->variance_centre > 0);
    rf_shape rows = rf_graph_shape(c->graph, weight);
    rf_value seen = rf_term_host(c, "seen", look, s, &rows, 1);
    weight = rf_apply2(c->graph, "mul", weight, seen, "%s", "");
    rf_value zero = rf_apply1(c->graph, "scale", rf_term_target(c, "loc"), "factor=%d", 0);
    return rf_term_add(c, rf_graph_apply(c->graph, "smooth_l1", (rf_value[]){loc, zero, weight}, 3, "beta=100"));
}

static void free_sizes(void *state) {
    rf_free(((sizes *)state)->more);
    freed++;
}

static rf_status build_small(const rf_term_context *c, void *state) {
    (void)state;
    return rf_term_add(c, rf_apply1(c->graph, "sum", rf_term_prediction(c, "loc"), "%s", ""));
}

static rf_status build_nothing(const rf_term_context *c, void *state) {
    (void)c;
    (void)state;
    return rf_fail(RF_ERR_USER, "the network has no ears");
}

static const rf_term_kind test_kinds[] = {
    {.name = "sizes", .doc = "of boxes", .state_bytes = sizeof(sizes), .build = build_sizes, .free = free_sizes},
    {.name = "lr", .doc = "a key that the log has", .build = build_small},
    {.name = "cls", .doc = "a term that the loss has", .build = build_small},
    {.name = "ears", .doc = "none", .state_bytes = 1, .build = build_nothing},
};
static rf_term_kind many[MANY];
static char many_names[MANY][8];

static int set_up(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof test_kinds / sizeof *test_kinds; i++)
        if (rf_register_term_kind(&test_kinds[i]) != RF_OK) return -1;
    for (int i = 0; i < MANY; i++) {
        snprintf(many_names[i], sizeof many_names[i], "%d", i % 100);
        many[i] = (rf_term_kind){.name = many_names[i], .doc = "one of many", .build = build_small};
        if (rf_register_term_kind(&many[i]) != RF_OK) return -1;
    }
    static const float boxes[IMAGES][2][4] = {{{6, 8, 30, 36}, {34, 30, 56, 52}}, {{12, 14, 52, 58}}};
    for (size_t b = 0; b < IMAGES; b++)
        for (size_t i = 0; i < n_faces[b]; i++) memcpy(faces[b][i].box, boxes[b][i], sizeof boxes[b][i]);
    return 0;
}

static void refused(rf_status status, const char *words) {
    assert_int_equal(status, RF_ERR_USER);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' does not hold '%s'", rf_error_message(), words);
}

/* ---- a training graph with terms ---- */

typedef struct rig {
    rf_config config;
    rf_params *params;
    rf_train_graph net;
} rig;

static rf_status rig_open(rig *r, const char *terms, const char *more) {
    char text[RF_TEXT_BYTES + 16];
    snprintf(text, sizeof text, "loss.terms=%s", terms);
    const char *sets[] = {text, "model.channels=16", "train.batch=2", "input.size=64", "loss.min_negatives=4", more};
    *r = (rig){0};
    if (rf_config_load(NULL, sets, sizeof sets / sizeof *sets, &r->config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_detector_params(&r->config, &r->params), RF_OK);
    rf_params_init(r->params, 5);
    RF_TRY(rf_train_graph_make(&r->config, r->params, &r->net));
    RF_TRY(rf_train_graph_plan(&r->config, &r->net));
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    rf_real *x = rf_exec_data(r->net.exec, r->net.detector.input);
    for (size_t i = 0; i < (size_t)IMAGES * SIDE * SIDE * 3; i++) x[i] = (rf_real)rf_rng_normal(&rng);
    return rf_loss_set_batch(r->net.loss, &(rf_loss_batch){.faces = lists, .n_faces = n_faces});
}

static void rig_close(rig *r) {
    rf_train_graph_free(&r->net);
    rf_params_free(r->params);
}

static void must_open(rig *r, const char *terms, const char *more) {
    if (rig_open(r, terms, more) != RF_OK) fail_msg("%s: %s", terms, rf_error_message());
}

static rf_real total_of(rig *r) {
    assert_int_equal(rf_exec_forward(r->net.exec, true), RF_OK);
    return *rf_exec_data(r->net.exec, r->net.values.total);
}

static rf_real value_of(const rig *r, const char *name) {
    return *rf_exec_data(r->net.exec, rf_terms_value(&r->net.values.terms, name));
}

/* The bits of the gradients. */
static uint32_t gradients(rig *r) {
    uint32_t hash = 2166136261u;
    assert_int_equal(rf_exec_backward(r->net.exec, false), RF_OK);
    const uint8_t *bytes = (const uint8_t *)r->params->grad;
    for (size_t i = 0; i < r->params->data_count * sizeof(rf_real); i++) hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

/* ---- tests ---- */

static void the_setting_is_read_strictly(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"size", "no loss term is called \"size\"; did you mean \"sizes\"?"},
        {"sizes:x", "the weight of 'sizes' is 'x', expected a number from 0 to 1000"},
        {"sizes:nan", "the weight of 'sizes' is 'nan'"},
        {"sizes:inf", "the weight of 'sizes' is 'inf'"},
        {"sizes:0x1", "the weight of 'sizes' is '0x1'"},
        {"sizes:-0.5", "the weight of 'sizes' is '-0.5'"},
        {"sizes:1001", "the weight of 'sizes' is '1001'"},
        {"sizes:1 2", "the weight of 'sizes' is '1 2'"},
        {"sizes:", "the weight of 'sizes' is ''"},
        {"sizes,ears, sizes:2", "has 'sizes' twice"},
        {"sizes,", "item 2 has no name"},
        {",sizes", "item 1 has no name"},
        {"sizes, :3", "item 2 has no name"},
        {"head", "loss.terms has 'head', which model.head_box switches on: leave it out here"},
        {"box", "no loss term is called \"box\""},
        {"lr", "a term of the loss is called 'lr', which is another key of train.jsonl"},
        {"cls", "the loss has two terms of the name 'cls'"},
        {"ears", "the loss term 'ears': the network has no ears"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        refused(rig_open(&r, cases[i][0], "train.seed=1"), cases[i][1]);
        rig_close(&r);
    }
    refused(rf_register_term_kind(&(rf_term_kind){.name = "sizes", .doc = "", .build = build_small}),
            "a second loss term registers");
    refused(rf_register_term_kind(&(rf_term_kind){.name = "sixteen_letters_", .doc = "", .build = build_small}),
            "expected 1 to 15");
    refused(rf_register_term_kind(&(rf_term_kind){.name = "late", .doc = "", .build = build_small}),
            "after the first graph was made");
    refused(rf_register_term_kind(&(rf_term_kind){.name = "empty", .doc = "", .build = NULL}),
            "registers after the first graph");
}

static void a_term_adds_its_weighted_value(void **state) {
    (void)state;
    rig plain, r;
    must_open(&plain, "", "train.seed=1");
    rf_real base = total_of(&plain);
    uint32_t without = gradients(&plain);
    static const char *const terms[] = {"sizes:0.25", "  sizes : 2.5e-1 ", "sizes", "sizes:0"};
    static const double weights[] = {0.25, 0.25, 1, 0};
    for (int i = 0; i < 4; i++) {
        must_open(&r, terms[i], "train.seed=1");
        rf_real total = total_of(&r), value = value_of(&r, "sizes"), want = base + (rf_real)weights[i] * value;
        assert_true(value > 0 && last->seen > 3 && last->bad == 0);
        assert_float_equal(total, want, 1e-6 * fabs((double)want));
        const rf_term *term = &r.net.values.terms.v[r.net.values.terms.n - 1];
        assert_string_equal(term->name, "sizes");
        assert_true((gradients(&r) == without) == (weights[i] == 0));
        assert_true((term->flags & RF_TERM_SUM) == (weights[i] > 0 ? RF_TERM_SUM : 0));
        assert_int_equal(term->flags & RF_TERM_REPORT, RF_TERM_REPORT);
        if (weights[i] == 0) assert_memory_equal(&total, &base, sizeof base);
        rig_close(&r);
    }
    rig_close(&plain);
}

/* The last stage with boxes, whose rows may be those of some levels. */
static void a_term_sees_cascades_and_other_losses(void **state) {
    (void)state;
    static const char *const more[] = {"cascade.stages=2", "cascade.stages=3", "loss.kind=refineface",
                                       "match.random_level=yes"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        rig r;
        must_open(&r, "sizes", more[i]);
        assert_true(isfinite((double)total_of(&r)));
        assert_true(last->bad == 0 && (last->seen > 0 || i == 3));
        rig_close(&r);
    }
}

/* What a setting switches on stands before what loss.terms names, with weights of its own. */
static void settings_switch_terms_on(void **state) {
    (void)state;
    static const char *const names[] = {"cls", "box", "points", "head", "head_cls", "head_box", "sizes"};
    rig r;
    must_open(&r, "sizes", "model.head_box=yes");
    double sum = 0, total = (double)total_of(&r);
    assert_int_equal(r.net.values.terms.n, 7);
    for (int i = 0; i < 7; i++) {
        const rf_term *term = &r.net.values.terms.v[i];
        assert_string_equal(term->name, names[i]);
        if (term->flags & RF_TERM_SUM) sum += term->weight * (double)value_of(&r, names[i]);
    }
    assert_true(value_of(&r, "head_cls") > 0 && fabs(sum - total) <= 1e-6 * total);
    rig_close(&r);
    must_open(&r, "", "model.head_box=no");
    assert_null(rf_terms_find(&r.net.values.terms, "head"));
    rig_close(&r);
}

static void a_list_has_forty_terms(void **state) {
    (void)state;
    char text[RF_TEXT_BYTES] = "";
    for (int i = 0; i < MANY; i++) snprintf(text + strlen(text), sizeof text - strlen(text), i ? ",%d" : "%d", i);
    rig r; /* beside cls, box and points, which takes its place in the list all the same */
    refused(rig_open(&r, text, "model.landmarks=no"), "the loss term '37': the loss has more than 40 terms");
    rig_close(&r);
    *strrchr(text, ',') = 0;
    must_open(&r, text, "model.landmarks=no");
    assert_int_equal(r.net.values.terms.n, RF_TERMS_MAX);
    rig_close(&r);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    rf_status status = RF_ERR_NOMEM;
    rig r;
    must_open(&r, "sizes", "train.seed=1");
    rf_train_graph_free(&r.net);
    size_t before = freed;
    uint64_t n = 1;
    for (; status != RF_OK; n += n < 1000 ? 37 : 1) { /* those of the terms come last */
        rf_alloc_fail_at(n);
        status = rf_train_graph_make(&r.config, r.params, &r.net);
        rf_alloc_fail_at(0);
        if (status != RF_OK) assert_int_equal(status, RF_ERR_NOMEM);
        rf_train_graph_free(&r.net);
    }
    assert_true(n > 100 && freed > before);
    rf_params_free(r.params);
}

/* ---- what every kind keeps ---- */

static double moved(rig *r, rf_real *at, rf_real value, double h) {
    *at = value + (rf_real)h;
    double total = (double)total_of(r);
    *at = value;
    return total;
}

/* Parameters of the heads, whose losses are smooth between two near points; matching does not depend on them. */
static void compare_gradients(rig *r, const char *name) {
    rf_rng rng = rf_rng_make(7, 0, 0, RF_STREAM_TEST);
    double top = 0;
    for (size_t i = 0; i < r->params->data_count; i++) top = fmax(top, fabs((double)r->params->grad[i]));
    for (int tries = 0, n = 0; n < 40 && tries < 100000; tries++) {
        const rf_param *p = &r->params->entries[rf_rng_below(&rng, (uint32_t)r->params->count)];
        if (rf_param_is_state(p) || !strstr(p->name, "BboxHead")) continue;
        size_t at = p->offset + rf_rng_below(&rng, (uint32_t)p->count);
        rf_real value = r->params->data[at];
        double h = 1e-6, got = (double)r->params->grad[at];
        double want = (moved(r, &r->params->data[at], value, h) - moved(r, &r->params->data[at], value, -h)) / (2 * h);
        if (!(fabs(got - want) <= 1e-6 * top))
            fail_msg("%s: gradient of %s is %.10g, differences give %.10g", name, p->name, got, want);
        n++;
    }
}

static void kinds_keep_the_contract(void **state) {
    (void)state;
    for (int k = 0; k < rf_term_kind_count(); k++) {
        const rf_term_kind *kind = rf_term_kind_at(k);
        rig r;
        if (kind->on) {
            refused(rig_open(&r, kind->name, "train.seed=1"), kind->key);
            rig_close(&r);
            continue;
        }
        if (kind->build == build_nothing || (kind->build == build_small && kind != &many[0])) continue;
        rf_real totals[2];
        uint32_t hashes[2];
        for (int threads = 1; threads <= 2; threads++) {
            rf_set_threads(threads);
            must_open(&r, kind->name, "train.seed=1");
            totals[threads - 1] = total_of(&r);
            hashes[threads - 1] = gradients(&r);
            assert_true(isfinite((double)totals[0]) && *kind->doc);
            if (threads == 2 && sizeof(rf_real) == 8) compare_gradients(&r, kind->name);
            rig_close(&r);
        }
        assert_memory_equal(&totals[0], &totals[1], sizeof *totals);
        assert_int_equal(hashes[0], hashes[1]);
    }
    rf_set_threads(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_term_adds_its_weighted_value),
        cmocka_unit_test(the_setting_is_read_strictly),
        cmocka_unit_test(a_term_sees_cascades_and_other_losses),
        cmocka_unit_test(a_list_has_forty_terms),
        cmocka_unit_test(settings_switch_terms_on),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(kinds_keep_the_contract),
    };
    return cmocka_run_group_tests_name("term kinds", tests, set_up, NULL);
}
