/* SPDX-License-Identifier: Apache-2.0 */
/* The supervised mesh branch: its loss against a naive sum, its gradients against differences. */
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

#include "core/mem.h"
#include "core/rng.h"
#include "data/mesh_table.h"
#include "data/synth_mesh.h"
#include "detect/spec.h"
#include "layers/dense.h"
#include "layers/init.h"
#include "tests/faces_kit.h"
#include "train/train_graph.h"

enum { N = 2, SIDE = 64, VERTICES = 15, TRIANGLES = 16 };
static char obj[] = "/tmp/rf_test_dense_XXXXXX";
static rf_mesh mesh;

static int set_up(void **state) {
    (void)state;
    int file = mkstemp(obj);
    if (file < 0 || close(file) != 0) return -1;
    return rf_synth_mesh_grid(3, 5, &mesh) == RF_OK && rf_mesh_write(obj, &mesh) == RF_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    rf_mesh_free(&mesh);
    return unlink(obj);
}

static rf_config settings(const char *more) {
    char path[128];
    snprintf(path, sizeof path, "data.mesh=%s", obj);
    const char *overrides[] = {"model.preset=biubug6",
                               "model.channels=16",
                               "input.size=64",
                               "train.batch=2",
                               "model.mesh_vertices=15",
                               "model.mesh_code=12",
                               "loss.mesh_weight=0.7",
                               "loss.edge_weight=0.4",
                               "model.initialiser=he_xavier",
                               path,
                               NULL,
                               NULL,
                               NULL};
    size_t n = 10;
    char words[256];
    snprintf(words, sizeof words, "%s", more ? more : "");
    for (char *word = strtok(words, " "); word && n < 13; word = strtok(NULL, " ")) overrides[n++] = word;
    rf_config config;
    if (rf_config_load(NULL, overrides, n, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* Three faces in two pictures, one of them without a mesh; the second picture is mirrored. */
typedef struct problem {
    rf_config config;
    rf_params *params;
    rf_train_graph net;
    float xy[2][VERTICES][2];
    rf_mesh_table table;
    int32_t partner[VERTICES];
    rf_face faces[N][2], *lists[N];
    size_t counts[N];
    rf_placement placements[N];
} problem;

static void make(const char *more, problem *p) {
    memset(p, 0, sizeof *p);
    p->config = settings(more);
    if (rf_detector_params(&p->config, &p->params) != RF_OK) fail_msg("%s", rf_error_message());
    rf_params_init(p->params, 3);
    assert_int_equal(rf_dense_start(p->params, &p->config, &mesh, obj), RF_OK);
    if (rf_train_graph_make(&p->config, p->params, &p->net) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_train_graph_plan(&p->config, &p->net), RF_OK);
    p->faces[0][0] = (rf_face){.box = {6, 8, 40, 44}, .score = 1, .mesh = 2};
    face_give_points(&p->faces[0][0], RF_POINTS);
    for (int k = 0; k < 2 * RF_POINTS; k++) p->faces[0][0].points[k] = 12 + 3 * (float)k - (k % 3);
    if (!more || !strstr(more, "mesh_points")) p->faces[0][0].n_points = 0;
    p->faces[0][1] = (rf_face){.box = {44, 40, 62, 60}, .score = 1};
    p->faces[1][0] = (rf_face){.box = {20, 22, 36, 38}, .score = 1, .mesh = 1};
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    for (int r = 0; r < 2; r++)
        for (int i = 0; i < VERTICES; i++)
            for (int d = 0; d < 2; d++) p->xy[r][i][d] = rf_rng_range(&rng, 5, 100);
    assert_int_equal(rf_mesh_mirror(&mesh, obj, p->partner), RF_OK);
    p->table = (rf_mesh_table){2, VERTICES, &p->xy[0][0][0], p->partner};
    p->placements[0] = (rf_placement){4, 2, 0.5, 0.6, SIDE, false};
    p->placements[1] = (rf_placement){-3, 1, 0.4, 0.4, SIDE, true};
    p->counts[0] = 2;
    p->counts[1] = 1;
    for (int i = 0; i < N; i++) p->lists[i] = p->faces[i];
    rf_loss_batch batch = {.faces = p->lists, .n_faces = p->counts, .mesh = &p->table, .placements = p->placements};
    rf_loss_set_batch(p->net.loss, &batch);
    rf_real *input = rf_exec_data(p->net.exec, p->net.detector.input);
    for (int i = 0; i < N * SIDE * SIDE * 3; i++) input[i] = (rf_real)rf_rng_normal(&rng);
}

static void release(problem *p) {
    rf_train_graph_free(&p->net);
    rf_params_free(p->params);
}

static double value(const problem *p, rf_value v) {
    return (double)*rf_exec_data(p->net.exec, v);
}

static double forward(problem *p) {
    assert_int_equal(rf_exec_forward(p->net.exec, true), RF_OK);
    return value(p, p->net.values.total);
}

/* A decoder without weights predicts its bias everywhere: both parts of the loss are then known sums over the positive
 * anchors, which these tests count through the weights of the branch's targets. */
static void loss_is_the_sum(void **state) {
    (void)state;
    for (int vector = 0; vector < 2; vector++) {
        problem p;
        make(vector ? "loss.edge=vector" : NULL, &p);
        const rf_param *basis = rf_params_find(p.params, "MeshDecoder.basis.weight");
        const rf_param *shift = rf_params_find(p.params, "MeshDecoder.basis.bias");
        memset(rf_params_values(p.params, basis), 0, basis->count * sizeof(rf_real));
        rf_real *bias = rf_params_values(p.params, shift);
        for (int i = 0; i < 2 * VERTICES; i++) bias[i] = (rf_real)(0.3 * i - 2 + (i % 7));
        forward(&p);
        /* only anchors of faces with vertices: found again by matching them here */
        rf_detect_spec spec;
        rf_anchor_set anchors;
        rf_match match;
        assert_int_equal(rf_detect_spec_from_config(&p.config, &spec), RF_OK);
        assert_int_equal(rf_anchor_set_make(&spec.anchors, SIDE, SIDE, &anchors), RF_OK);
        assert_int_equal(rf_match_alloc(anchors.count, &match), RF_OK);
        double vert = 0, edge = 0;
        int used = 0;
        for (int i = 0; i < N; i++) {
            rf_match_faces(&anchors, spec.match, p.faces[i], p.counts[i], &match);
            for (size_t a = 0; a < anchors.count; a++) {
                const rf_face *face = match.label[a] > 0 ? &p.faces[i][match.face[a]] : NULL;
                if (!face || !face->mesh) continue;
                double d[VERTICES][2], t[VERTICES][2]; /* predicted and true */
                used++;
                for (int k = 0; k < VERTICES; k++)
                    for (int c = 0; c < 2; c++) {
                        const rf_placement *at = &p.placements[i];
                        int from = at->mirrored ? p.partner[k] : k;
                        double x =
                            ((double)p.xy[face->mesh - 1][from][c] - (c ? at->top : at->left)) * (c ? at->sy : at->sx);
                        if (at->mirrored && c == 0) x = SIDE - x;
                        const float *anchor = anchors.boxes + 4 * a;
                        t[k][c] = (x - (double)anchor[c]) / (0.1 * (double)anchor[2 + c]);
                        d[k][c] = (double)bias[2 * k + c];
                        vert += fabs(d[k][c] - t[k][c]) / VERTICES;
                    }
                for (size_t e = 0; e < 3 * mesh.n_triangles; e++) {
                    int a0 = mesh.triangles[e], b0 = mesh.triangles[e / 3 * 3 + (e + 1) % 3];
                    double px = d[b0][0] - d[a0][0], py = d[b0][1] - d[a0][1];
                    double tx = t[b0][0] - t[a0][0], ty = t[b0][1] - t[a0][1];
                    edge += (vector ? fabs(px - tx) + fabs(py - ty) : fabs(hypot(px, py) - hypot(tx, ty))) /
                            (3.0 * (double)mesh.n_triangles);
                }
            }
        }
        assert_true(used > 2);
        assert_float_equal(value(&p, rf_terms_value(&p.net.values.terms, "mesh")), vert / used, 2e-5 * vert / used);
        assert_float_equal(value(&p, rf_terms_value(&p.net.values.terms, "edge")), edge / used, 2e-5 * edge / used);
        double parts = p.config.loss.box_weight * value(&p, rf_terms_value(&p.net.values.terms, "box")) +
                       value(&p, rf_terms_value(&p.net.values.terms, "cls")) + 0.7 * (vert / used + 0.4 * edge / used);
        assert_float_equal(value(&p, p.net.values.total), parts, 1e-4 * parts);
        rf_match_free(&match);
        rf_anchor_set_free(&anchors);
        release(&p);
    }
}

/* loss.mesh_anchors limits the rows and not the meaning: with fewer rows than anchors the loss is still a mean. */
static void fewer_rows(void **state) {
    (void)state;
    problem all, few;
    make(NULL, &all);
    make("loss.mesh_anchors=3", &few);
    forward(&all);
    forward(&few);
    double a = value(&all, rf_terms_value(&all.net.values.terms, "mesh")),
           b = value(&few, rf_terms_value(&few.net.values.terms, "mesh"));
    assert_true(b > 0.3 * a && b < 3 * a);
    release(&all);
    release(&few);
}

/* In a cascade the branch reads the maps of the first stage and learns at its anchors. */
static void in_a_cascade(void **state) {
    (void)state;
    problem p;
    make("cascade.stages=2", &p);
    forward(&p);
    assert_true(value(&p, rf_terms_value(&p.net.values.terms, "mesh")) > 0 &&
                value(&p, rf_terms_value(&p.net.values.terms, "edge")) > 0);
    assert_int_equal(rf_exec_backward(p.net.exec, false), RF_OK);
    release(&p);
}

/* A batch without vertices costs nothing and has no gradient in the branch. */
static void no_vertices(void **state) {
    (void)state;
    problem p;
    make(NULL, &p);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++) p.faces[i][k].mesh = 0;
    forward(&p);
    assert_float_equal(value(&p, rf_terms_value(&p.net.values.terms, "mesh")), 0, 0);
    assert_int_equal(rf_exec_backward(p.net.exec, false), RF_OK);
    const rf_param *basis = rf_params_find(p.params, "MeshDecoder.basis.weight");
    for (size_t i = 0; i < basis->count; i++) assert_float_equal(p.params->grad[basis->offset + i], 0, 0);
    release(&p);
}

/* Every array of the branch along its own gradient. */
static int check_gradients(const char *more) {
    bool exact = sizeof(rf_real) == sizeof(double);
    double h = exact ? 1e-7 : 1e-3, tolerance = exact ? 2e-4 : 0.08;
    problem p;
    make(more, &p);
    forward(&p);
    assert_int_equal(rf_exec_backward(p.net.exec, false), RF_OK);
    int checked = 0;
    for (size_t i = 0; i < p.params->count; i++) {
        const rf_param *q = &p.params->entries[i];
        if (rf_param_is_state(q) || strncmp(q->name, "Mesh", 4) != 0) continue;
        double norm = 0;
        rf_real *v = rf_params_values(p.params, q), *saved = rf_alloc(q->count, sizeof *saved);
        const rf_real *g = p.params->grad + q->offset;
        memcpy(saved, v, q->count * sizeof *v);
        for (size_t k = 0; k < q->count; k++) norm += (double)g[k] * (double)g[k];
        norm = sqrt(norm);
        if (norm == 0) { /* a level whose anchors no face has */
            rf_free(saved);
            continue;
        }
        double side[2];
        for (int s = 0; s < 2; s++) {
            for (size_t k = 0; k < q->count; k++)
                v[k] = (rf_real)((double)saved[k] + (s ? -h : h) * (double)g[k] / norm);
            side[s] = forward(&p);
        }
        memcpy(v, saved, q->count * sizeof *v);
        rf_free(saved);
        double slope = (side[0] - side[1]) / (2 * h);
        if (fabs(slope - norm) > tolerance * norm) fail_msg("%s: slope %g, gradient %g", q->name, slope, norm);
        checked++;
    }
    release(&p);
    return checked;
}

static void gradients(void **state) {
    (void)state;
    assert_true(check_gradients(NULL) >= 4);
    assert_true(check_gradients("loss.edge=vector") >= 4);
}

/* The drawn mesh: head, decoder with all its graph convolutions, camera and light. In single precision a step large
 * enough to be seen moves pixels across edges, through which no gradient flows. */
static void gradients_of_pixels(void **state) {
    (void)state;
    if (sizeof(rf_real) != sizeof(double)) return;
    assert_true(check_gradients("model.mesh_kind=pixels") >= 12);
    assert_true(check_gradients("model.mesh_kind=pixels model.mesh_camera=pose model.mesh_points=1,3,8,13,15") >= 12);
}

/* At rest, with decoder and head silent, the landmarks' part is a known mean over the faces that have landmarks. */
static void landmarks_of_the_mesh(void **state) {
    (void)state;
    problem p;
    make("model.mesh_kind=pixels model.mesh_frame=box model.mesh_points=1,3,8,13,15", &p);
    for (size_t i = 0; i < p.params->count; i++) {
        const rf_param *q = &p.params->entries[i];
        if (strncmp(q->name, "Mesh", 4) == 0 && (strstr(q->name, "weight") || strstr(q->name, "Decoder")))
            memset(rf_params_values(p.params, q), 0, q->count * sizeof(rf_real));
    }
    forward(&p);
    double seen = value(&p, rf_terms_value(&p.net.values.terms, "edge")), sum = 0;
    float lo[3], hi[3];
    rf_mesh_bounds(&mesh, lo, hi);
    double half = 0.5 * fmax((double)(hi[0] - lo[0]), (double)(hi[1] - lo[1]));
    static const int vertex[RF_POINTS] = {0, 2, 7, 12, 14};
    for (int k = 0; k < RF_POINTS; k++) {
        const float *v = mesh.vertices + 3 * vertex[k];
        double q[3];
        for (int d = 0; d < 3; d++) q[d] = ((double)v[d] - 0.5 * (double)(lo[d] + hi[d])) / half;
        double x = 23 + 0.5 * 36 * 4 * q[0] / (4 - q[2]), y = 26 - 0.5 * 36 * 4 * q[1] / (4 - q[2]);
        sum +=
            fabs(x - (double)p.faces[0][0].points[2 * k]) / 36 + fabs(y - (double)p.faces[0][0].points[2 * k + 1]) / 36;
    }
    double share = seen / (sum / (2 * RF_POINTS)); /* of the anchors that learn: those of the one face with landmarks */
    assert_true(share > 0.2 && share < 1);
    for (int k = 0; k < 2 * RF_POINTS; k++) p.faces[0][0].points[k] += 360; /* ten frames away: + 10 exactly */
    forward(&p);
    assert_true(value(&p, rf_terms_value(&p.net.values.terms, "edge")) > 9 * share);
    double total = p.config.loss.box_weight * value(&p, rf_terms_value(&p.net.values.terms, "box")) +
                   value(&p, rf_terms_value(&p.net.values.terms, "cls")) +
                   p.config.loss.landmark_weight * value(&p, rf_terms_value(&p.net.values.terms, "points")) +
                   0.7 * (value(&p, rf_terms_value(&p.net.values.terms, "mesh")) +
                          value(&p, rf_terms_value(&p.net.values.terms, "edge")));
    assert_float_equal(value(&p, p.net.values.total), total, 1e-4 * total);
    release(&p);
}

/* A few steps down the gradient of the branch alone: the picture drawn comes nearer to the face. */
static void pixels_learn(void **state) {
    (void)state;
    problem p;
    make("model.mesh_kind=pixels", &p);
    forward(&p);
    double before = value(&p, rf_terms_value(&p.net.values.terms, "mesh")), after = before;
    assert_true(before > 0);
    for (int step = 0; step < 30; step++) {
        assert_int_equal(rf_exec_backward(p.net.exec, false), RF_OK);
        for (size_t i = 0; i < p.params->count; i++) {
            const rf_param *q = &p.params->entries[i];
            if (strncmp(q->name, "Mesh", 4) != 0) continue;
            for (size_t k = 0; k < q->count; k++)
                p.params->data[q->offset + k] -= (rf_real)0.05 * p.params->grad[q->offset + k];
        }
        forward(&p);
        after = value(&p, rf_terms_value(&p.net.values.terms, "mesh"));
    }
    assert_true(after < 0.98 * before);
    release(&p);
}

/* A frozen decoder has no gradient, its head has. */
static void frozen_decoder(void **state) {
    (void)state;
    problem p;
    char kind[] = "model.mesh_kind=pixels";
    make(kind, &p);
    release(&p);
    p.config.model.mesh_frozen = true;
    rf_params *params;
    assert_int_equal(rf_detector_params(&p.config, &params), RF_OK);
    assert_true(rf_params_find(params, "MeshDecoder.cheb0.weight")->flags & RF_PARAM_FROZEN);
    assert_false(rf_params_find(params, "MeshHead.0.conv1x1.weight")->flags & RF_PARAM_FROZEN);
    rf_params_free(params);
}

/* At the start the branch predicts the frontal mesh in the anchor's box, up to what the random weights add. */
static void starts_frontal(void **state) {
    (void)state;
    problem p;
    make(NULL, &p);
    const rf_param *basis = rf_params_find(p.params, "MeshDecoder.basis.weight");
    const rf_real *w = rf_params_values(p.params, basis);
    float lo[3], hi[3];
    rf_mesh_bounds(&mesh, lo, hi);
    for (int i = 0; i < VERTICES; i++) {
        double x = (mesh.vertices[3 * i] - 0.5 * (lo[0] + hi[0])) / (0.5 * (hi[0] - lo[0]));
        assert_float_equal(w[2 * i], 5 * x, 1e-5); /* half an anchor is 0.5 / 0.1 */
        assert_float_equal(w[2 * i + 1], 0, 0);
    }
    const rf_param *bias = rf_params_find(p.params, "MeshHead.0.conv1x1.bias");
    assert_float_equal(rf_params_values(p.params, bias)[0], 1, 0);
    assert_float_equal(rf_params_values(p.params, bias)[3], -1, 0);
    release(&p);
}

static void refuses(void **state) {
    (void)state;
    rf_params *params = NULL;
    rf_train_graph net;
    rf_config config = settings("model.mesh_vertices=14");
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    assert_int_equal(rf_train_graph_make(&config, params, &net), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "has 15 vertices, model.mesh_vertices is 14"));
    rf_params_free(params);
    config = settings("data.mesh=");
    assert_int_equal(rf_detector_params(&config, &params), RF_OK);
    assert_int_equal(rf_train_graph_make(&config, params, &net), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "needs data.mesh"));
    rf_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_the_sum),       cmocka_unit_test(fewer_rows),   cmocka_unit_test(no_vertices),
        cmocka_unit_test(in_a_cascade),          cmocka_unit_test(gradients),    cmocka_unit_test(gradients_of_pixels),
        cmocka_unit_test(landmarks_of_the_mesh), cmocka_unit_test(pixels_learn), cmocka_unit_test(frozen_decoder),
        cmocka_unit_test(starts_frontal),        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
