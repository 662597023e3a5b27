/* SPDX-License-Identifier: Apache-2.0 */
/* How the finder decodes meshes: in mirrored passes, and around boxes, without anything else in the way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/rng.h"
#include "data/synth_mesh.h"
#include "detect/spec.h"
#include "eval/mesh_finder.h"
#include "layers/dense.h"
#include "layers/init.h"

enum { W = 96, H = 64, VERTICES = 15, ANCHOR = 77 };
static char obj[] = "/tmp/rf_test_finder_XXXXXX";

/* A detector with random weights after one pass over a random picture. */
typedef struct problem {
    rf_config config;
    rf_params *params;
    rf_detect_spec spec;
    rf_graph *graph;
    rf_detector detector;
    rf_exec *exec;
    rf_anchor_set anchors;
    rf_mesh mesh;
    int32_t partner[VERTICES];
} problem;

static void make(const char *kind, const char *frame, problem *p) {
    char path[128];
    memset(p, 0, sizeof *p);
    snprintf(path, sizeof path, "data.mesh=%s", obj);
    const char *sets[] = {"model.preset=biubug6",
                          "model.channels=16",
                          "model.mesh_vertices=15",
                          "eval.mesh=yes",
                          "eval.flip=yes",
                          "model.initialiser=he_xavier",
                          path,
                          kind,
                          frame};
    if (rf_config_load(NULL, sets, sizeof sets / sizeof *sets, &p->config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_synth_mesh_grid(3, 5, &p->mesh), RF_OK);
    assert_int_equal(rf_mesh_write(obj, &p->mesh), RF_OK);
    assert_int_equal(rf_mesh_mirror(&p->mesh, obj, p->partner), RF_OK);
    assert_int_equal(rf_detector_params(&p->config, &p->params), RF_OK);
    rf_params_init(p->params, 5);
    assert_int_equal(rf_dense_start(p->params, &p->config, &p->mesh, obj), RF_OK);
    for (size_t i = 0; i < p->params->count; i++) { /* codes far from rest, so that left and right differ */
        const rf_param *q = &p->params->entries[i];
        if (strncmp(q->name, "MeshHead", 8) != 0 || !strstr(q->name, "weight")) continue;
        for (size_t k = 0; k < q->count; k++) rf_params_values(p->params, q)[k] *= 30;
    }
    assert_int_equal(rf_detect_spec_from_config(&p->config, &p->spec), RF_OK);
    p->graph = rf_graph_new();
    assert_int_equal(rf_detector_build(p->graph, p->params, &p->config, 1, H, W, RF_EVAL, &p->detector), RF_OK);
    for (int l = 0; l < p->detector.n_levels; l++) rf_graph_keep(p->graph, p->detector.features[l]);
    p->exec = rf_exec_new(p->graph, NULL);
    assert_non_null(p->exec);
    rf_rng rng = rf_rng_make(6, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < W * H * 3; i++) rf_exec_data(p->exec, p->detector.input)[i] = (rf_real)rf_rng_normal(&rng);
    assert_int_equal(rf_exec_forward(p->exec, false), RF_OK);
    assert_int_equal(rf_anchor_set_make(&p->spec.anchors, H, W, &p->anchors), RF_OK);
}

static void release(problem *p) {
    rf_exec_free(p->exec);
    rf_graph_free(p->graph);
    rf_anchor_set_free(&p->anchors);
    rf_params_free(p->params);
    rf_mesh_free(&p->mesh);
}

/* The vertices of one anchor noted twice: in a pass over the picture itself and in a mirrored one. */
static void find(problem *p, const float box[2][4], rf_face_list *faces) {
    rf_mesh_finder *finder;
    if (rf_mesh_finder_open(&p->config, p->params, &p->spec.codec, &finder) != RF_OK)
        fail_msg("%s", rf_error_message());
    assert_int_equal(rf_face_list_reserve(faces, 2), RF_OK);
    rf_mesh_finder_begin(finder);
    for (int i = 0; i < 2; i++) {
        rf_mesh_pass pass = {p->exec, &p->detector, &p->anchors, i == 1, 2.0, 1.5, 0, 0, p->anchors.width};
        rf_face face = {.score = 0.9f, .mesh = ANCHOR + 1};
        memcpy(face.box, box[i], sizeof face.box);
        assert_int_equal(rf_mesh_finder_note(finder, &pass, &face), RF_OK);
        assert_int_equal(rf_face_list_push(faces, &face), RF_OK);
    }
    assert_int_equal(rf_mesh_finder_end(finder, faces), RF_OK);
    assert_int_equal(faces->n_vertices, VERTICES);
    rf_mesh_finder_close(finder);
}

/* Vertex i of a mirrored pass is where the picture's mirror image has the vertex that i becomes. */
static void expect_mirror(const problem *p, const rf_face_list *faces) {
    const float *plain = faces->vertices, *mirrored = plain + 2 * VERTICES;
    double differ = 0;
    for (int i = 0; i < VERTICES; i++) {
        const float *from = plain + 2 * p->partner[i];
        assert_float_equal(mirrored[2 * i], 2.0 * W - (double)from[0], 1e-3);
        assert_float_equal(mirrored[2 * i + 1], from[1], 1e-3);
        differ += fabs((double)(mirrored[2 * i] - (2.0f * W - plain[2 * i])));
    }
    assert_true(differ > 1); /* without the partners it would be another mesh */
}

static void mirrored_vertices(void **state) {
    (void)state;
    static const float box[2][4] = {{10, 12, 30, 36}, {10, 12, 30, 36}};
    static const char *const kinds[] = {"model.mesh_kind=vertices", "model.mesh_kind=pixels"};
    for (int k = 0; k < 2; k++) {
        problem p;
        rf_face_list faces = {0};
        make(kinds[k], "model.mesh_frame=box", &p);
        find(&p, box, &faces);
        expect_mirror(&p, &faces);
        rf_face_list_free(&faces);
        release(&p);
    }
}

/* With mesh_frame = box vertices follow the box; with anchor they do not know it. */
static void vertices_follow_the_box(void **state) {
    (void)state;
    static const float box[2][4] = {{10, 12, 30, 36}, {14, 22, 44, 70}}; /* squares of 24 at (20,24), 48 at (29,46) */
    for (int boxed = 0; boxed < 2; boxed++) {
        problem p;
        rf_face_list faces = {0};
        make("model.mesh_kind=pixels", boxed ? "model.mesh_frame=box" : "model.mesh_frame=anchor", &p);
        find(&p, box, &faces);
        const float *plain = faces.vertices, *other = plain + 2 * VERTICES;
        /* the second pass is mirrored and swaps columns 0 and 2 of each row of three */
        for (int i = 0; i < VERTICES; i++) {
            int from = i / 3 * 3 + 2 - i % 3;
            double x = (double)plain[2 * from] / 2, y = (double)plain[2 * from + 1] / 1.5;
            double u = boxed ? 29 + (x - 20) * 2 : x, v = boxed ? 46 + (y - 24) * 2 : y;
            assert_float_equal(other[2 * i], 2 * (W - u), 2e-3);
            assert_float_equal(other[2 * i + 1], 1.5 * v, 2e-3);
        }
        rf_face_list_free(&faces);
        release(&p);
    }
}

static int set_up(void **state) {
    (void)state;
    int file = mkstemp(obj);
    return file < 0 ? -1 : close(file);
}

static int tear_down(void **state) {
    (void)state;
    return unlink(obj);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mirrored_vertices), cmocka_unit_test(vertices_follow_the_box)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
