/* SPDX-License-Identifier: Apache-2.0 */
/* Terms of a loss: what the list takes, the sum to the bit, and that log, picture and progress line follow the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "layers/init.h"
#include "layers/term.h"
#include "tests/trainer_kit.h"
#include "train/train_graph.h"

enum { NUMBERS = 4 };

static void refused(rf_status status, const char *words) {
    assert_int_equal(status, RF_ERR_USER);
    if (!strstr(rf_error_message(), words)) fail_msg("'%s' does not hold '%s'", rf_error_message(), words);
}

static void the_total_is_a_left_fold(void **state) {
    (void)state;
    rf_real numbers[NUMBERS] = {(rf_real)1e8, (rf_real)-0.7, (rf_real)3.1, (rf_real)-1e8}, grads[NUMBERS] = {0};
    const double weights[NUMBERS] = {1, 0.3, 1, 1};
    rf_graph *graph = rf_graph_new();
    rf_term_list terms = {.n = 0};
    rf_value v[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        v[i] = rf_graph_param(graph, name, (rf_shape){1, {1}}, &numbers[i], &grads[i]);
        v[i] = rf_apply1(graph, "sum", v[i], "%s", "");
        if (i == 2) /* only reports, and one that this network lacks */
            assert_int_equal(rf_terms_add(&terms, graph, "absent", RF_NONE, 5, RF_TERM_ALL, 0), RF_OK);
        assert_int_equal(rf_terms_add(&terms, graph, name, v[i], weights[i], i == 2 ? RF_TERM_REPORT : RF_TERM_ALL, 0),
                         RF_OK);
    }
    rf_value total = rf_terms_total(&terms, graph);
    assert_int_equal(rf_graph_backward(graph, &total, 1), RF_OK);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    rf_real first = numbers[0] + (rf_real)(numbers[1] * (rf_real)weights[1]);
    rf_real want = first + numbers[3];
    assert_memory_equal(rf_exec_data(exec, total), &want, sizeof want);
    for (int i = 0; i < NUMBERS; i++) assert_float_equal(grads[i], i == 2 ? 0 : weights[i], 1e-7);
    assert_true(rf_terms_value(&terms, "n1") == v[1] && rf_terms_value(&terms, "n9") == RF_NONE);
    rf_exec_free(exec);
    rf_graph_free(graph);
}

static void a_list_refuses_what_a_log_cannot_hold(void **state) {
    (void)state;
    rf_graph *graph = rf_graph_new();
    rf_term_list terms = {.n = 0};
    assert_int_equal(rf_terms_add(&terms, graph, "cls", RF_NONE, 1, RF_TERM_ALL, 0), RF_OK);
    refused(rf_terms_add(&terms, graph, "cls", RF_NONE, 1, RF_TERM_LOG, 0), "two terms of the name 'cls'");
    refused(rf_terms_add(&terms, graph, "", RF_NONE, 1, RF_TERM_LOG, 0), "a name of 1 to 15 characters");
    refused(rf_terms_add(&terms, graph, "sixteen_letters_", RF_NONE, 1, RF_TERM_LOG, 0),
            "a name of 1 to 15 characters");
    refused(rf_terms_add(&terms, graph, "far", RF_NONE, 1, RF_TERM_LOG, RF_TERM_PARTS + 1), "of part 9");
    assert_int_equal(rf_terms_total(&terms, graph), RF_NONE);
    while (terms.n < RF_TERMS_MAX) {
        char name[RF_TERM_NAME];
        snprintf(name, sizeof name, "t%d", terms.n);
        assert_int_equal(rf_terms_add(&terms, graph, name, RF_NONE, 1, 0, 0), RF_OK);
    }
    refused(rf_terms_add(&terms, graph, "more", RF_NONE, 1, 0, 0), "more than 40 terms");
    rf_graph_free(graph);
}

/* ---- a run follows the list ---- */

static const char *const runs[] = {"", "cascade.stages=2 model.head_box=yes", "model.landmarks=no",
                                   "model.preset=refineface model.backbone=resnet18 loss.fsm_rois=8"};

static void terms_of(const char *more, rf_term_list *out) {
    rf_config config = settings(more);
    rf_params *params = NULL;
    rf_train_graph net;
    if (rf_detector_params(&config, &params) != RF_OK) fail_msg("%s: %s", more, rf_error_message());
    if (rf_train_graph_make(&config, params, &net) != RF_OK) fail_msg("%s: %s", more, rf_error_message());
    *out = net.values.terms;
    rf_train_graph_free(&net);
    rf_params_free(params);
}

/* Keys of the line between "loss" and "lr" are the terms that are logged, in their order; and the loss is their sum. */
static void check_line(const char *line, size_t bytes, const rf_term_list *terms) {
    rf_json *root = NULL;
    double loss, value, sum = 0, scale = 0;
    assert_int_equal(rf_json_parse(line, bytes, &root), RF_OK);
    assert_true(rf_json_number(rf_json_get(root, "loss"), &loss));
    const rf_json *node = rf_json_first(root);
    while (strcmp(rf_json_key(node), "loss") != 0) node = rf_json_next(node);
    for (int i = 0; i < terms->n; i++) {
        const rf_term *term = &terms->v[i];
        if (!(term->flags & RF_TERM_LOG)) continue;
        node = rf_json_next(node);
        assert_string_equal(rf_json_key(node), term->name);
        assert_true(rf_json_number(node, &value));
        if (term->value == RF_NONE) assert_float_equal(value, 0, 0);
        /* "head" is the sum of its two reports, which have its weights. */
        bool of_head = strncmp(term->name, "head_", 5) == 0;
        if (!(term->flags & RF_TERM_SUM) && !of_head) continue;
        sum += term->weight * value;
        scale += term->weight * value;
    }
    assert_string_equal(rf_json_key(rf_json_next(node)), "lr");
    assert_float_equal(sum, loss, 1e-5 * scale);
    rf_json_free(root);
}

static void check_picture(const char *run, const rf_term_list *terms) {
    uint8_t *svg = NULL;
    size_t bytes = 0;
    assert_int_equal(rf_file_read(in_dir("%s/loss.svg", run), 0, &svg, &bytes), RF_OK);
    for (int i = 0; i < terms->n; i++) {
        char label[RF_TERM_NAME + 4];
        snprintf(label, sizeof label, ">%s<", terms->v[i].name);
        bool drawn = (terms->v[i].flags & RF_TERM_PLOT) && terms->v[i].value != RF_NONE;
        assert_true((strstr((const char *)svg, label) != NULL) == drawn);
    }
    rf_free(svg);
}

static void a_run_follows_the_list(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        char run[16], more[160];
        rf_term_list terms;
        uint8_t *log = NULL;
        size_t lines = 0, size = 0;
        snprintf(run, sizeof run, "terms%zu", r);
        snprintf(more, sizeof more, "%s train.max_steps=2", runs[r]);
        terms_of(more, &terms);
        if (run_training(run, more, false, false, NULL) != RF_OK) fail_msg("%s: %s", runs[r], rf_error_message());
        assert_int_equal(rf_file_read(in_dir("%s/train.jsonl", run), 0, &log, &size), RF_OK);
        for (const char *line = (const char *)log; *line;) {
            size_t bytes = strcspn(line, "\n");
            if (strncmp(line, "{\"kind\":\"train\"", 15) == 0) {
                check_line(line, bytes, &terms);
                lines++;
            }
            line += bytes + (line[bytes] == '\n');
        }
        assert_int_equal(lines, 2);
        check_picture(run, &terms);
        rf_free(log);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_total_is_a_left_fold),
                                       cmocka_unit_test(a_list_refuses_what_a_log_cannot_hold),
                                       cmocka_unit_test(a_run_follows_the_list)};
    return cmocka_run_group_tests(tests, trainer_set_up, trainer_tear_down);
}
