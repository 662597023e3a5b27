/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of coders (layers/coder.h), for every one that is registered: what is encoded is decoded, numbers and
 * nodes give the same bits, and rows that are composed mean what the stages mean one after the other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "autograd/exec.h"
#include "settings/settings.h"
#include "core/rng.h"
#include "detect/codec.h"
#include "detect/spec.h"

enum { ROWS = 40, POINTS = 7 };

static const rf_codec settings[] = {
    {.variance_centre = 0.1f, .variance_size = 0.2f, .n_points = 5, .stride = 8},
    {.variance_centre = 1, .variance_size = 1, .plus_one = true, .n_points = 1, .stride = 16},
    {.variance_centre = 0.13f, .variance_size = 0.27f, .plus_one = true, .n_points = POINTS, .stride = 32},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

typedef struct drawn {
    float anchors[ROWS][4], boxes[ROWS][4], points[ROWS][2 * POINTS], rows[ROWS][RF_CODE_MAX];
    rf_real table[4 * ROWS], encoded[ROWS * RF_CODE_MAX];
} drawn;

/* Anchors, faces near them and what the coder makes of these. */
static void draw(const rf_coder *coder, const rf_codec *codec, uint64_t seed, drawn *d) {
    rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_TEST);
    size_t width = (size_t)coder->width(codec->n_points);
    for (int i = 0; i < ROWS; i++) {
        float *a = d->anchors[i], *b = d->boxes[i];
        for (int k = 0; k < 2; k++) {
            a[k] = rf_rng_range(&rng, 50, 500);
            a[k + 2] = rf_rng_range(&rng, 16, 100);
            b[k] = a[k] - rf_rng_range(&rng, 1, 60);
            b[k + 2] = a[k] + rf_rng_range(&rng, 1, 60);
        }
        for (int k = 0; k < 2 * codec->n_points; k++) d->points[i][k] = a[k % 2] + rf_rng_range(&rng, -40, 40);
        const rf_face face = {.box = {b[0], b[1], b[2], b[3]}, .n_points = codec->n_points, .points = d->points[i]};
        coder->encode(codec, a, &face, d->rows[i]);
        for (int k = 0; k < 4; k++) d->table[4 * i + k] = (rf_real)a[k];
        for (size_t k = 0; k < width; k++) d->encoded[width * (size_t)i + k] = (rf_real)d->rows[i][k];
    }
}

static rf_exec *run(rf_graph *g) {
    if (rf_graph_status(g) != RF_OK) fail_msg("%s", rf_error_message());
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    return exec;
}

static rf_value rows_of(rf_graph *g, const rf_coder *coder, const rf_codec *codec, const drawn *d) {
    return rf_graph_const(g, "rows", (rf_shape){2, {ROWS, coder->width(codec->n_points)}}, d->encoded);
}

static rf_box_rows anchors_of(rf_graph *g, const drawn *d) {
    return rf_codec_rows(g, rf_graph_const(g, "anchors", (rf_shape){2, {ROWS, 4}}, d->table));
}

static void check_box(const rf_coder *coder, const rf_codec *codec, drawn *d) {
    rf_graph *g = rf_graph_new();
    rf_box_rows got = coder->boxes(g, codec, anchors_of(g, d), rows_of(g, coder, codec, d));
    rf_graph_keep(g, got.centre);
    rf_graph_keep(g, got.size);
    rf_exec *exec = run(g);
    for (int i = 0; i < ROWS; i++) {
        float moved[4], in_place[4], one = codec->plus_one;
        coder->move(codec, d->anchors[i], d->rows[i], moved);
        memcpy(in_place, d->anchors[i], sizeof in_place);
        coder->move(codec, in_place, d->rows[i], in_place);
        assert_memory_equal(moved, in_place, sizeof moved);
        for (int k = 0; k < 2; k++) {
            assert_true((float)rf_exec_data(exec, got.centre)[2 * i + k] == moved[k]);
            assert_true((float)rf_exec_data(exec, got.size)[2 * i + k] == moved[k + 2]);
            assert_float_equal(moved[k], 0.5f * (d->boxes[i][k] + d->boxes[i][k + 2]), 2e-3);
            assert_float_equal(moved[k + 2], d->boxes[i][k + 2] - d->boxes[i][k] + one, 2e-3);
        }
    }
    rf_exec_free(exec);
    rf_graph_free(g);
}

/* Rows that nothing has taught yet are boxes all the same. */
static void check_wild(const rf_coder *coder, const rf_codec *codec) {
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    const float anchor[4] = {50, 60, 20, 30};
    for (int i = 0; i < 1000; i++) {
        float row[RF_CODE_MAX], box[4];
        for (int k = 0; k < coder->width(codec->n_points); k++)
            row[k] = (float)((i % 3 ? 3 : 1e5) * rf_rng_normal(&rng));
        coder->move(codec, anchor, row, box);
        assert_true(isfinite(box[2]) && isfinite(box[3]) && box[2] >= 0 && box[3] >= 0);
    }
}

static void check_points(const rf_coder *coder, const rf_codec *codec, drawn *d) {
    rf_graph *g = rf_graph_new();
    rf_value got = coder->points(g, codec, anchors_of(g, d), rows_of(g, coder, codec, d));
    rf_graph_keep(g, got);
    assert_int_equal(rf_graph_shape(g, got).d[1], 2 * codec->n_points);
    rf_exec *exec = run(g);
    for (int i = 0; i < ROWS; i++) {
        float points[2 * POINTS];
        coder->place(codec, d->anchors[i], d->rows[i], points);
        for (int k = 0; k < 2 * codec->n_points; k++) {
            assert_true((float)rf_exec_data(exec, got)[2 * codec->n_points * i + k] == points[k]);
            assert_float_equal(points[k], d->points[i][k], 2e-3);
        }
    }
    rf_exec_free(exec);
    rf_graph_free(g);
}

/* Composed rows of two stages mean the box, or the points, that the second stage means. */
static void check_composed(const rf_coder *coder, const rf_codec *codec, drawn *d) {
    drawn second;
    draw(coder, codec, 9, &second);
    rf_graph *g = rf_graph_new();
    const rf_coder *box = rf_codec_box(codec);
    drawn before;
    draw(box, codec, 8, &before);
    memcpy(before.anchors, d->anchors, sizeof before.anchors);
    rf_value first = rows_of(g, box, codec, &before), rows = rows_of(g, coder, codec, &second);
    rf_value both = coder->compose ? coder->compose(g, codec, first, rows) : RF_NONE;
    if (both != RF_NONE) {
        rf_box_rows anchors = anchors_of(g, d), moved = box->boxes(g, codec, anchors, first);
        rf_value a, b;
        if (coder->boxes) {
            a = coder->boxes(g, codec, anchors, both).centre;
            b = coder->boxes(g, codec, moved, rows).centre;
        } else {
            a = coder->points(g, codec, anchors, both);
            b = coder->points(g, codec, moved, rows);
        }
        rf_graph_keep(g, a);
        rf_graph_keep(g, b);
        rf_exec *exec = run(g);
        rf_shape s = rf_graph_shape(g, a);
        for (size_t i = 0; i < rf_shape_count(&s); i++)
            assert_float_equal(rf_exec_data(exec, a)[i], rf_exec_data(exec, b)[i], 0.05);
        rf_exec_free(exec);
    }
    rf_graph_free(g);
}

static void numbers_and_nodes_agree(void **state) {
    (void)state;
    static drawn d;
    assert_true(rf_coder_count() >= 2);
    for (int c = 0; c < rf_coder_count(); c++)
        for (int s = 0; s < SETTINGS; s++) {
            const rf_coder *coder = rf_coder_at(c);
            draw(coder, &settings[s], (uint64_t)s + 1, &d);
            if (coder->boxes) {
                check_box(coder, &settings[s], &d);
                check_wild(coder, &settings[s]);
            } else
                check_points(coder, &settings[s], &d);
            check_composed(coder, &settings[s], &d);
        }
}

static void refused(const char *box, const char *points, const char *part) {
    static rf_config config;
    rf_detect_spec spec;
    rf_config_defaults(&config);
    snprintf(config.anchors.box_coder, sizeof config.anchors.box_coder, "%s", box);
    snprintf(config.anchors.point_coder, sizeof config.anchors.point_coder, "%s", points);
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_ERR_USER);
    if (!strstr(rf_error_message(), part)) fail_msg("'%s' does not say '%s'", rf_error_message(), part);
}

static void names_that_are_none(void **state) {
    (void)state;
    refused("dleta", "delta_points", "anchors.box_coder: no coder is called \"dleta\"");
    refused("delta", "point", "anchors.point_coder: no coder is called \"point\"");
    refused("delta_points", "delta_points", "anchors.box_coder = delta_points, but that is a coder of points");
    refused("delta", "delta", "anchors.point_coder = delta, but that is a coder of boxes");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_and_nodes_agree),
                                       cmocka_unit_test(names_that_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
