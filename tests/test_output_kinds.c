/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs of a face beside kind, box and points (layers/output_kind.h): asked for, predicted, decoded, kept with a
 * face, learnt. One is registered here, as a folder outside the tree does; what such folders register is checked, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/rng.h"
#include "detect/decode.h"
#include "detect/spec.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "tests/faces_kit.h"
#include "detect/loss/loss.h"

/* Middle of the box in pixels over 100, and the number of points: two numbers that anybody can check. */
static int where_width(int n_points) {
    (void)n_points;
    return 2;
}

static bool where_target(const rf_face *face, float *row) {
    if (!face->n_points) return false;
    row[0] = (face->box[0] + face->box[2]) / 200;
    row[1] = (float)face->n_points;
    return true;
}

static const rf_output_kind where = {
    .name = "where", .doc = "for this test", .width = where_width, .target = where_target};

static rf_config config_of(const char *text) {
    rf_config config;
    if (rf_config_parse("test", text, NULL, 0, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

static void they_are_asked_for(void **state) {
    (void)state;
    rf_extras extras;
    char text[RF_EXTRA_TEXT];
    rf_config config = config_of("[model]\nblur=yes\nocclusion=yes\noutputs=where : 0.25\n");
    assert_int_equal(rf_extras_of(&config, &extras), RF_OK);
    assert_int_equal(extras.n, 3);
    assert_string_equal(extras.v[0].kind->name, "blur");
    assert_true(extras.v[1].width == 5 && extras.v[1].first == -1);
    assert_true(extras.v[2].kind == &where && extras.v[2].first == 0 && extras.v[2].weight == 0.25);
    assert_int_equal(extras.numbers, 2);
    assert_string_equal(rf_extra_asked(&extras.v[0], text), "model.blur = yes");
    assert_string_equal(rf_extra_asked(&extras.v[2], text), "model.outputs = where");
    static const char *const wrong[][2] = {{"wehre", "did you mean \"where\"?"},
                                           {"where,where:2", "has 'where' twice"},
                                           {"where:much", "the weight of 'where' is 'much'"},
                                           {"where:-1", "expected a number from 0 to 1000"},
                                           {"where,", "item 2 has no name"},
                                           {"visible", "which model.occlusion = yes asks for"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        config = config_of("");
        strcpy(config.model.outputs, wrong[i][0]);
        assert_int_equal(rf_extras_of(&config, &extras), RF_ERR_USER);
        if (!strstr(rf_error_message(), wrong[i][1])) fail_msg("%s: %s", wrong[i][0], rf_error_message());
    }
    config = config_of("[model]\nlandmarks=no\nocclusion=yes\n");
    assert_int_equal(rf_extras_of(&config, &extras), RF_ERR_USER);
}

/* Contracts of every kind there is. */
static void kinds_are_whole(void **state) {
    (void)state;
    for (int i = 0; i < rf_output_kind_count(); i++) {
        const rf_output_kind *kind = rf_output_kind_at(i);
        float row[RF_EXTRA_NUMBERS] = {0}, again[RF_EXTRA_NUMBERS];
        rf_face face = {.box = {10, 20, 50, 70}};
        int width = kind->width(RF_POINTS);
        assert_in_range(width, 1, RF_EXTRA_NUMBERS);
        if (kind->target) { /* a face without points may not tell; one with five of a face that looks ahead has numbers
                             */
            static const float ahead[] = {20, 35, 40, 35, 30, 46, 22, 58, 38, 58};
            kind->target(&face, row);
            face_give_points(&face, RF_POINTS);
            memcpy(face.points, ahead, sizeof ahead);
            assert_true(kind->target(&face, row));
            for (int k = 0; k < width; k++) assert_true(isfinite(row[k]));
        }
        if (!kind->mirror) continue;
        memcpy(again, row, sizeof row);
        kind->mirror(row);
        kind->mirror(row);
        assert_memory_equal(row, again, sizeof row);
    }
}

static void lists_keep_them(void **state) {
    (void)state;
    rf_face_list list = {0};
    float numbers[] = {1, 2, 3}, points[] = {4, 5};
    rf_face bare = {.n_extra = 3, .extra = numbers}, pointed = bare;
    pointed.n_points = 1;
    pointed.points = points;
    assert_int_equal(rf_face_list_push(&list, &bare), RF_OK);
    assert_int_equal(rf_face_list_push(&list, &pointed), RF_OK);
    numbers[1] = points[0] = 9;
    rf_face *copy = rf_faces_copy(list.items, 2, NULL, 0);
    assert_non_null(copy);
    for (int i = 0; i < 2; i++)
        assert_true(list.items[i].extra[1] == 2 && copy[i].extra[2] == 3 && copy[i].extra != list.items[i].extra);
    assert_true(copy[1].points[0] == 4 && !copy[0].points);
    rf_free(copy);
    rf_face_list_free(&list);
}

/* A head of its own beside the others; blur and visible in the heads that they always were in. */
static void the_network_has_them(void **state) {
    (void)state;
    rf_config plain = config_of("[model]\nchannels=8\nblur=yes\n"), more = plain;
    rf_params *a, *b;
    rf_detector d;
    strcpy(more.model.outputs, "where");
    assert_int_equal(rf_detector_params(&plain, &a), RF_OK);
    assert_int_equal(rf_detector_params(&more, &b), RF_OK);
    assert_int_equal(b->count, a->count + 6); /* a weight and a bias for each of three levels */
    for (size_t i = 0; i < a->count; i++) assert_non_null(rf_params_find(b, a->entries[i].name));
    assert_non_null(rf_params_find(b, "whereHead.2.conv1x1.weight"));
    rf_params_init(b, 1);
    rf_graph *g = rf_graph_new();
    assert_int_equal(rf_detector_build(g, b, &more, 1, 64, 64, RF_EVAL, &d), RF_OK);
    rf_output_rows rows = rf_outputs_rows(&d.outputs, "where", 0), loc = rf_outputs_rows(&d.outputs, "loc", 0);
    assert_true(rows.width == 2 && rows.count == loc.count && memcmp(rows.first, loc.first, sizeof loc.first) == 0);
    assert_int_equal(rf_outputs_rows(&d.outputs, "blur", 0).width, 1);
    rf_graph_free(g);
    rf_params_free(a);
    rf_params_free(b);
}

/* Rows 0 and 2 of three are faces; theirs are the numbers. */
static void they_are_decoded(void **state) {
    (void)state;
    enum { N = 3 };
    const rf_real cls[] = {0, 2, 0, -5, 0, 3}, loc[4 * N] = {0}, numbers[] = {1, 2, 3, 4, 5, 6}, blur[] = {7, 8, 9},
                  anchors[] = {10, 10, 8, 8, 20, 20, 8, 8, 30, 30, 8, 8};
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f};
    rf_config config = config_of("[model]\nblur=yes\noutputs=where\n");
    rf_extras extras;
    rf_decoded decoded;
    rf_face_list found = {0};
    assert_int_equal(rf_extras_of(&config, &extras), RF_OK);
    rf_graph *g = rf_graph_new();
    rf_stage_rows stage = {.cls = rf_graph_const(g, "cls", (rf_shape){2, {N, 2}}, cls),
                           .loc = rf_graph_const(g, "loc", (rf_shape){2, {N, 4}}, loc),
                           .points = RF_NONE,
                           .extra = {rf_graph_const(g, "blur", (rf_shape){2, {N, 1}}, blur),
                                     rf_graph_const(g, "where", (rf_shape){2, {N, 2}}, numbers)}};
    rf_level_spec spec = {.count = N, .score = 0.5f, .drop_below = -INFINITY, .factor = 1};
    rf_decode_level(g, &codec, rf_graph_const(g, "anchors", (rf_shape){2, {N, 4}}, anchors), &stage, 1, &spec, &extras,
                    &decoded);
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    assert_int_equal(rf_decoded_faces(exec, &decoded, 0, &found), RF_OK);
    assert_int_equal(found.n, 2);
    const rf_face *last = &found.items[1];
    assert_true(found.items[0].extra[0] == 1 && found.items[0].extra[1] == 2 && found.items[0].blur == 7);
    assert_true(last->n_extra == 2 && last->extra[0] == 5 && last->extra[1] == 6 && last->has_blur && last->blur == 9);
    rf_face_list_free(&found);
    rf_exec_free(exec);
    rf_graph_free(g);
}

/* The term is smooth-L1 over the anchors of the face that tells, with the weights of boxes; nothing of the other's. */
static void they_are_learnt(void **state) {
    (void)state;
    rf_config config =
        config_of("[model]\nchannels=8\noutputs=where:3\n[loss]\ncls_weight=0\nbox_weight=0\nlandmark_weight=0\n");
    rf_params *params;
    rf_detector d;
    rf_loss *loss = NULL;
    rf_loss_values values;
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    rf_params_init(params, 1);
    rf_graph *g = rf_graph_new();
    assert_int_equal(rf_detector_build(g, params, &config, 1, 64, 64, RF_TRAIN, &d), RF_OK);
    assert_int_equal(rf_loss_make(&config, 1, 64, 64, &loss), RF_OK);
    if (rf_loss_build(loss, g, &d, &values) != RF_OK) fail_msg("%s", rf_error_message());
    const rf_term *term = rf_terms_find(&values.terms, "where");
    assert_non_null(term);
    assert_true(term->weight == 3 && term->flags == RF_TERM_ALL);
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    rf_face faces[2] = {{.box = {4, 4, 22, 22}, .score = 1}, {.box = {36, 36, 60, 60}, .score = 1}};
    face_give_points(&faces[1], RF_POINTS);
    rf_face *lists[] = {faces};
    size_t counts[] = {2};
    rf_loss_batch batch = {.faces = lists, .n_faces = counts};
    assert_int_equal(rf_loss_set_batch(loss, &batch), RF_OK);
    rf_real *x = rf_exec_data(exec, d.input);
    for (int i = 0; i < 64 * 64 * 3; i++) x[i] = (rf_real)(i % 7) - 3;
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    /* By hand: anchors whose face is the second, of all with a face. */
    rf_detect_spec spec;
    rf_anchor_set anchors;
    rf_match match;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&spec.anchors, 64, 64, &anchors), RF_OK);
    assert_int_equal(rf_match_alloc(anchors.count, &match), RF_OK);
    rf_match_faces(&anchors, &spec.match[0], faces, 2, &match);
    const rf_real *said = rf_exec_data(exec, rf_outputs_value(&d.outputs, "where", 0));
    float row[2] = {0, 0};
    double sum = 0;
    size_t told = 0;
    assert_true(where_target(&faces[1], row) && !where_target(&faces[0], row));
    where_target(&faces[1], row);
    for (size_t a = 0; a < anchors.count; a++) {
        if (match.label[a] <= 0 || match.face[a] != 1) continue;
        told++;
        for (int k = 0; k < 2; k++) {
            double off = fabs((double)said[2 * a + (size_t)k] - (double)row[k]);
            sum += off < 1 ? off * off / 2 : off - 0.5;
        }
    }
    assert_true(told > 0 && told < match.n_positive);
    double value = (double)rf_exec_data(exec, term->value)[0];
    assert_true(fabs(value - sum / (double)match.n_positive) < 1e-5 * value);
    rf_match_free(&match);
    rf_anchor_set_free(&anchors);
    rf_exec_free(exec);
    rf_graph_free(g);
    rf_loss_free(loss);
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(they_are_asked_for), cmocka_unit_test(kinds_are_whole),
                                       cmocka_unit_test(lists_keep_them),    cmocka_unit_test(the_network_has_them),
                                       cmocka_unit_test(they_are_decoded),   cmocka_unit_test(they_are_learnt)};
    if (rf_register_output_kind(&where) != RF_OK) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
