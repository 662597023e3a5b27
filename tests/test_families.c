/* SPDX-License-Identifier: Apache-2.0 */
/* Families of detectors: a contract that each keeps, those of `make EXTRA=DIR` too, and the branches that any of them
 * may carry. A family whose settings begin with a preset has one of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "detect/spec.h"
#include "layers/dense.h"
#include "layers/family.h"
#include "layers/init.h"
#include "settings/settings.h"

/* The settings of a family, with one more. */
static rf_config settings_of(const rf_family *family, const char *more) {
    rf_config config;
    char preset[64], name[64];
    const char *sets[4];
    size_t n = 0;
    snprintf(preset, sizeof preset, "model.preset=%s", family->name);
    snprintf(name, sizeof name, "model.family=%s", family->name);
    if (rf_preset_find(family->name)) sets[n++] = preset;
    sets[n++] = name;
    if (more) sets[n++] = more;
    if (rf_config_load(NULL, sets, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* What every output is: rows of all anchors of its levels, as many as its maps have cells. */
static void check_outputs(const rf_graph *graph, const rf_detector *d, rf_mode mode) {
    size_t rows[RF_NET_LEVELS];
    for (int l = 0; l < d->n_levels; l++) rows[l] = (size_t)d->h[l] * (size_t)d->w[l] * (size_t)d->cell_anchors;
    assert_true(d->outputs.n > 0);
    for (const rf_output *o = d->outputs.v; o < d->outputs.v + d->outputs.n; o++) {
        rf_output_rows all = rf_outputs_rows(&d->outputs, o->name, o->head_stage);
        rf_shape shape = rf_graph_shape(graph, o->rows);
        assert_true(o->level < d->n_levels && o->count == rows[o->level] && all.width == o->width);
        assert_true(shape.n == 3 && (size_t)shape.d[1] == all.count && shape.d[2] == o->width);
        assert_true(mode == RF_TRAIN || !o->training);
        if (o->map == RF_NONE) continue;
        rf_shape map = rf_graph_shape(graph, o->map);
        assert_true(map.n == 4 && map.d[1] == d->h[o->level] && map.d[2] == d->w[o->level] &&
                    map.d[3] == d->cell_anchors * o->width);
    }
    for (int l = 0; l < d->n_levels; l++) {
        assert_true(rf_graph_shape(graph, d->maps[l]).d[1] == d->h[l]);
        assert_true(rf_graph_shape(graph, d->features[l]).d[1] == d->h[l]);
    }
    assert_true(rf_outputs_value(&d->outputs, "cls", -1) != RF_NONE &&
                rf_outputs_value(&d->outputs, "loc", -1) != RF_NONE);
}

static void families_keep_the_contract(void **state) {
    (void)state;
    static const int sizes[][2] = {{64, 96}, {160, 128}, {75, 101}};
    for (int f = 0; f < rf_family_count(); f++) {
        const rf_family *family = rf_family_at(f);
        rf_config config = settings_of(family, NULL);
        rf_detect_spec spec;
        rf_params *params;
        assert_true(*family->doc && rf_family_find(family->name) == family && config.model.family == f);
        assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
        if (rf_detector_params(&config, &params) != RF_OK) fail_msg("%s", rf_error_message());
        rf_params_init(params, 1);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            rf_detector nets[2];
            for (int mode = 0; mode < 2; mode++) {
                rf_graph *graph = rf_graph_new();
                rf_detector *d = &nets[mode];
                int h = sizes[i][0], w = sizes[i][1];
                if (rf_detector_build(graph, params, &config, 2, h, w, mode ? RF_EVAL : RF_TRAIN, d) != RF_OK)
                    fail_msg("%s: %s", family->name, rf_error_message());
                check_outputs(graph, d, mode ? RF_EVAL : RF_TRAIN);
                rf_anchor_set anchors; /* the loss and the finder have the anchors that the network has */
                assert_int_equal(rf_anchor_set_make(&spec.anchors, h, w, &anchors), RF_OK);
                assert_true(anchors.count == d->anchors && anchors.n_levels == d->n_levels);
                rf_anchor_set_free(&anchors);
                rf_graph_free(graph);
            }
            for (const rf_output *o = nets[1].outputs.v; o < nets[1].outputs.v + nets[1].outputs.n; o++)
                assert_non_null(rf_outputs_find(&nets[0].outputs, o->name, o->head_stage, o->level));
        }
        rf_params_free(params);
    }
}

static void any_family_carries_branches(void **state) {
    (void)state;
    for (int f = 0; f < rf_family_count(); f++) {
        rf_params *params;
        rf_detector train, eval;
        for (int with = 0; with < 2; with++) {
            rf_config config = settings_of(rf_family_at(f), with ? "model.mesh_vertices=20" : "model.mesh_vertices=0");
            if (rf_detector_params(&config, &params) != RF_OK) fail_msg("%s", rf_error_message());
            assert_true(!rf_params_find(params, "MeshDecoder.basis.weight") == !with);
            rf_params_init(params, 1);
            rf_graph *a = rf_graph_new(), *b = rf_graph_new();
            assert_int_equal(rf_detector_build(a, params, &config, 1, 64, 64, RF_TRAIN, &train), RF_OK);
            assert_int_equal(rf_detector_build(b, params, &config, 1, 64, 64, RF_EVAL, &eval), RF_OK);
            const rf_dense *mesh = rf_detector_branch(&train, "mesh");
            assert_true(!mesh == !with && !rf_detector_branch(&eval, "mesh") == !with);
            if (mesh) assert_true(mesh->vertices == 20 && mesh->n_levels == train.n_levels);
            assert_true(!rf_detector_branch(&train, "head") && !rf_detector_branch(&train, "none"));
            rf_graph_free(a), rf_graph_free(b), rf_params_free(params);
        }
    }
}

static void wrong_names_are_told(void **state) {
    (void)state;
    rf_config config;
    const char *set = "model.family=retinafac";
    assert_int_equal(rf_config_load(NULL, &set, 1, &config), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "model.family"));
    assert_non_null(strstr(rf_error_message(), "did you mean 'retinaface'?"));
    assert_int_equal(rf_register_family(&(const rf_family){.name = "hollow", .doc = "no network"}), RF_ERR_USER);
    assert_int_equal(rf_register_branch(&(const rf_branch){.name = "hollow", .doc = "no parameters"}), RF_ERR_USER);
}

/* A printed configuration names a family only where it is not the first, so older ones keep their bytes. */
static void the_default_is_not_printed(void **state) {
    (void)state;
    rf_config config, again;
    char *text;
    rf_config_defaults(&config);
    assert_string_equal(rf_family_at(config.model.family)->name, "retinaface");
    assert_int_equal(rf_config_text(&config, &text), RF_OK);
    assert_null(strstr(text, "family"));
    rf_free(text);
    for (int f = 1; f < rf_family_count(); f++) {
        config = settings_of(rf_family_at(f), NULL);
        assert_int_equal(rf_config_text(&config, &text), RF_OK);
        assert_non_null(strstr(text, "family = "));
        assert_int_equal(rf_config_parse("again", text, NULL, 0, &again), RF_OK);
        assert_int_equal(again.model.family, f);
        rf_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_names_are_told),
        cmocka_unit_test(families_keep_the_contract),
        cmocka_unit_test(any_family_carries_branches),
        cmocka_unit_test(the_default_is_not_printed),
    };
    return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}
