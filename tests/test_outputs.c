/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what a network predicts: entries, rows, and what is refused; and what real networks list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "autograd/exec.h"
#include "settings/settings.h"
#include "core/rng.h"
#include "layers/detector.h"

static rf_output entry(const char *name, int stage, int level, size_t first, size_t count) {
    return (rf_output){.name = name,
                       .width = 4,
                       .head_stage = stage,
                       .level = level,
                       .map = RF_NONE,
                       .rows = 7 + stage,
                       .first = first,
                       .count = count};
}

static void entries_are_found(void **state) {
    (void)state;
    static rf_output_list list;
    const rf_output all[] = {entry("loc", 0, 0, 0, 12), entry("loc", 0, 2, 12, 3), entry("pose", 0, 2, 0, 3),
                             entry("loc", 1, 2, 0, 3)};
    assert_int_equal(rf_outputs_stages(&list), 0);
    for (size_t i = 0; i < 4; i++) assert_int_equal(rf_outputs_add(&list, &all[i]), RF_OK);
    assert_int_equal(rf_outputs_stages(&list), 2);
    assert_ptr_equal(rf_outputs_find(&list, "pose", 0, 2), &list.v[2]);
    assert_null(rf_outputs_find(&list, "pose", 0, 1));
    assert_null(rf_outputs_find(&list, "pos", 0, 2));
    rf_output_rows rows = rf_outputs_rows(&list, "loc", 0);
    assert_true(rows.value == 7 && rows.width == 4 && rows.count == 15);
    assert_true(rows.first[0] == 0 && rows.first[1] == -1 && rows.first[2] == 12 && rows.first[3] == -1);
    rows = rf_outputs_rows(&list, "points", 0);
    assert_true(rows.value == RF_NONE && rows.count == 0 && rows.first[0] == -1);
    assert_int_equal(rf_outputs_value(&list, "loc", -1), 8);
    assert_int_equal(rf_outputs_value(&list, "pose", -1), RF_NONE);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    static rf_output_list list;
    const struct {
        rf_output output;
        const char *words;
    } wrong[] = {{entry("", 0, 0, 0, 1), "expected a name"},
                 {entry(NULL, 0, 0, 0, 1), "expected a name"},
                 {entry("loc", -1, 0, 0, 1), "stage -1"},
                 {entry("loc", RF_NET_STAGES, 0, 0, 1), "expected less than 4 and 8"},
                 {entry("loc", 0, RF_NET_LEVELS, 0, 1), "level 8"},
                 {{.name = "loc"}, "has 0 numbers a row"},
                 {entry("cls", 0, 0, 0, 1), "two outputs 'cls'"}};
    rf_output first = entry("cls", 0, 0, 0, 1);
    assert_int_equal(rf_outputs_add(&list, &first), RF_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rf_outputs_add(&list, &wrong[i].output), RF_ERR_USER);
        if (!strstr(rf_error_message(), wrong[i].words)) fail_msg("%s", rf_error_message());
    }
    assert_int_equal(list.n, 1);
    static char text[RF_OUTPUTS_MAX][8];
    for (int i = 1; i < RF_OUTPUTS_MAX; i++) {
        snprintf(text[i], sizeof text[i], "o%d", i);
        rf_output one = entry(text[i], 0, 0, 0, 1);
        assert_int_equal(rf_outputs_add(&list, &one), RF_OK);
    }
    rf_output more = entry("more", 0, 0, 0, 1);
    assert_int_equal(rf_outputs_add(&list, &more), RF_ERR_USER);
}

/* What networks list: each row once, none of training in evaluation, maps of the rows' size. */
static void networks_list_their_outputs(void **state) {
    (void)state;
    static const char *const forms[][6] = {{"model.channels=16"},
                                           {"model.channels=16", "model.landmarks=no"},
                                           {"model.preset=insightface", "model.channels=16", "model.blur=yes",
                                            "model.occlusion=yes", "model.head_box=yes"},
                                           {"model.channels=16", "cascade.stages=3", "cascade.strides_cls=8,16",
                                            "cascade.strides_box=16,32", "cascade.landmarks=yes"}};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (int training = 0; training < 2; training++) {
            size_t n = 0;
            while (n < 6 && forms[f][n]) n++;
            rf_config config;
            rf_params *params;
            rf_detector d;
            rf_graph *graph = rf_graph_new();
            if (rf_config_load(NULL, forms[f], n, &config) != RF_OK) fail_msg("%s", rf_error_message());
            assert_int_equal(rf_detector_params(&config, &params), RF_OK);
            assert_int_equal(rf_detector_build(graph, params, &config, 1, 64, 96, training ? RF_TRAIN : RF_EVAL, &d),
                             RF_OK);
            assert_int_equal(rf_outputs_stages(&d.outputs), f == 3 ? 3 : 1);
            size_t first = 0;
            for (int i = 0; i < d.outputs.n; i++) {
                const rf_output *o = &d.outputs.v[i];
                rf_shape rows = rf_graph_shape(graph, o->rows);
                assert_true(rows.n == 3 && rows.d[2] == o->width);
                assert_true((size_t)rows.d[1] >= o->first + o->count);
                assert_true(training || !o->training);
                assert_int_equal(o->count, (size_t)(d.h[o->level] * d.w[o->level] * d.cell_anchors));
                assert_ptr_equal(rf_outputs_find(&d.outputs, o->name, o->head_stage, o->level), o);
                if (strcmp(o->name, "cls") == 0 && o->head_stage == 0) {
                    assert_int_equal(o->first, first);
                    first += o->count;
                }
                if (o->map == RF_NONE) continue;
                rf_shape map = rf_graph_shape(graph, o->map);
                assert_int_equal(map.d[3], d.cell_anchors * o->width);
            }
            assert_int_equal(first, d.anchors);
            assert_int_equal(rf_outputs_value(&d.outputs, "points", 0) != RF_NONE, f != 1);
            assert_int_equal(rf_outputs_value(&d.outputs, "head_loc", 0) != RF_NONE, f == 2 && training);
            assert_int_equal(rf_outputs_value(&d.outputs, "visible", 0) != RF_NONE, f == 2);
            rf_params_free(params);
            rf_graph_free(graph);
        }
}

/* The rows of a level are its map, number for number. */
static void same_numbers(rf_exec *exec, rf_graph *graph, const rf_output *o, size_t all) {
    rf_shape map = rf_graph_shape(graph, o->map);
    size_t level = o->count * (size_t)o->width;
    assert_true(map.n == 4 && (size_t)map.d[1] * (size_t)map.d[2] * (size_t)map.d[3] == level);
    for (int i = 0; i < map.d[0]; i++)
        assert_memory_equal(rf_exec_data(exec, o->rows) + ((size_t)i * all + o->first) * (size_t)o->width,
                            rf_exec_data(exec, o->map) + (size_t)i * level, level * sizeof(rf_real));
}

static void run_network(const char *text, rf_mode mode) {
    static rf_config config;
    static rf_detector d;
    rf_params *params = NULL;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK || rf_detector_params(&config, &params) != RF_OK)
        fail_msg("%s: %s", text, rf_error_message());
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_rng rng = rf_rng_make(1, 0, i, RF_STREAM_TEST);
        rf_real *v = rf_params_values(params, p);
        for (size_t k = 0; k < p->count; k++) v[k] = (rf_real)(p->n_dims == 4 ? 0.05 * rf_rng_normal(&rng) : 1);
    }
    rf_graph *graph = rf_graph_new();
    if (rf_detector_build(graph, params, &config, 2, 96, 70, mode, &d) != RF_OK) fail_msg("%s", rf_error_message());
    for (int i = 0; i < d.outputs.n; i++) rf_graph_keep(graph, d.outputs.v[i].map);
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    rf_rng rng = rf_rng_make(2, 0, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < (size_t)2 * 96 * 70 * 3; i++) rf_exec_data(exec, d.input)[i] = (rf_real)rf_rng_normal(&rng);
    assert_int_equal(rf_exec_forward(exec, mode == RF_TRAIN), RF_OK);
    for (const rf_output *o = d.outputs.v; o < d.outputs.v + d.outputs.n; o++)
        if (o->map != RF_NONE) same_numbers(exec, graph, o, rf_outputs_rows(&d.outputs, o->name, o->head_stage).count);
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_params_free(params);
}

/* One of each kind of head: with maxima, of whole heads, of levels left out, towers with logits of one number. */
static void rows_hold_the_maps(void **state) {
    (void)state;
    static const char *const networks[] = {
        "[model]\nchannels=16\nhead_box=yes\nmaxout=both\n",
        "[model]\nchannels=16\n[cascade]\nstages=3\nstrides_cls=8\nstrides_box=8,16\nsingle=last\n",
        "[model]\npreset=refineface\nbackbone=resnet18\n"};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        for (int mode = RF_TRAIN; mode <= RF_EVAL; mode++) run_network(networks[i], (rf_mode)mode);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries_are_found), cmocka_unit_test(mistakes_are_refused),
                                       cmocka_unit_test(networks_list_their_outputs),
                                       cmocka_unit_test(rows_hold_the_maps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
