/* SPDX-License-Identifier: Apache-2.0 */
/* The pose of a drawn mesh: its gradient against differences of the picture's loss, and found again by descent. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "data/synth_mesh.h"
#include "layers/mesh_levels.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, CAMERA = 7, PITCH = 3 }; /* then yaw and roll */

/* A coloured face, drawn with seven numbers of a camera, against a picture. */
typedef struct scene {
    rf_mesh mesh;
    rf_mesh_levels levels;
    rf_graph *graph;
    rf_exec *exec;
    rf_value drawn, wanted, weight, loss;
    rf_real camera[CAMERA], grad[CAMERA];
} scene;

static void scene_make(scene *s) {
    static const rf_real rest[CAMERA] = {0, 0, 4, 0, 0, 0, 4};
    memset(s, 0, sizeof *s);
    memcpy(s->camera, rest, sizeof rest);
    assert_int_equal(rf_synth_mesh_grid(17, 21, &s->mesh), RF_OK);
    assert_non_null(s->mesh.colours);
    assert_int_equal(rf_mesh_levels_make(&s->mesh, 1, &s->levels), RF_OK);
    rf_graph *g = s->graph = rf_graph_new();
    int n = (int)s->mesh.n_vertices;
    rf_value mesh = rf_graph_param(g, "mesh", (rf_shape){3, {1, n, 6}}, s->levels.start, NULL);
    rf_value camera = rf_graph_param(g, "camera", (rf_shape){2, {1, CAMERA}}, s->camera, s->grad);
    rf_shape corners = {2, {s->levels.n_triangles, 3}};
    rf_value triangles = rf_graph_param(g, "triangles", corners, s->levels.triangles, NULL);
    rf_value seen = rf_graph_apply(g, "mesh_project", (rf_value[]){mesh, camera}, 2, "turn=1");
    rf_value colours = rf_graph_apply(g, "slice", &mesh, 1, "axis=2 start=3 count=3");
    s->drawn = rf_graph_apply(g, "mesh_render", (rf_value[]){seen, colours, triangles}, 3, "side=%d", SIDE);
    s->wanted = rf_graph_input(g, "wanted", (rf_shape){4, {1, SIDE, SIDE, 3}});
    s->weight = rf_graph_input(g, "weight", (rf_shape){3, {1, SIDE, SIDE}});
    s->loss = rf_graph_apply(g, "smooth_l1", (rf_value[]){s->drawn, s->wanted, s->weight}, 3, "beta=0");
    assert_int_equal(rf_graph_backward(g, &s->loss, 1), RF_OK);
    s->exec = rf_exec_new(g, &(rf_exec_options){.keep_all = true});
    if (!s->exec) fail_msg("%s", rf_error_message());
}

static void scene_free(scene *s) {
    rf_exec_free(s->exec);
    rf_graph_free(s->graph);
    rf_mesh_levels_free(&s->levels);
    rf_mesh_free(&s->mesh);
}

/* The loss of a pose; `weigh`: pixels count where the mesh is now, as in training. */
static double loss_at(scene *s, const double pose[3], bool weigh) {
    rf_real *weight = rf_exec_data(s->exec, s->weight);
    for (int k = 0; k < 3; k++) s->camera[PITCH + k] = (rf_real)pose[k];
    assert_int_equal(rf_exec_forward(s->exec, true), RF_OK);
    if (weigh) {
        const rf_real *mask = rf_exec_data(s->exec, s->drawn + 1);
        for (int i = 0; i < PIXELS; i++) weight[i] = mask[i] / PIXELS;
        assert_int_equal(rf_exec_forward(s->exec, true), RF_OK);
    }
    return (double)*rf_exec_data(s->exec, s->loss);
}

/* The picture of a pose becomes the one that is wanted. */
static void want(scene *s, const double pose[3]) {
    loss_at(s, pose, false);
    memcpy(rf_exec_data(s->exec, s->wanted), rf_exec_data(s->exec, s->drawn), 3 * PIXELS * sizeof(rf_real));
}

/* A step so small that no pixel changes its triangle: only in double precision. */
static void gradient_of_the_angles(void **state) {
    (void)state;
    if (sizeof(rf_real) != sizeof(double)) skip();
    const double truth[3] = {-0.1, 0.4, 0.2}, pose[3] = {0.15, -0.2, -0.1}, h = 1e-7;
    scene s;
    scene_make(&s);
    want(&s, truth);
    loss_at(&s, pose, true);
    assert_int_equal(rf_exec_backward(s.exec, false), RF_OK);
    rf_real grad[CAMERA];
    memcpy(grad, s.grad, sizeof grad);
    for (int k = 0; k < 3; k++) {
        double up[3] = {pose[0], pose[1], pose[2]}, down[3] = {pose[0], pose[1], pose[2]};
        up[k] += h;
        down[k] -= h;
        double slope = (loss_at(&s, up, false) - loss_at(&s, down, false)) / (2 * h);
        assert_true(fabs(slope) > 1e-3);
        assert_float_equal((double)grad[PITCH + k], slope, 1e-5 * fabs(slope) + 1e-7);
    }
    scene_free(&s);
}

/* From a frontal start the three angles are found by pixels alone. */
static void found_by_descent(void **state) {
    (void)state;
    static const double truths[][3] = {{0.12, 0.30, 0.10}, {-0.15, -0.25, 0.2}, {0.1, 0.2, -0.25}};
    for (size_t t = 0; t < sizeof truths / sizeof *truths; t++) {
        scene s;
        double pose[3] = {0}, before = 0, after = 0;
        scene_make(&s);
        want(&s, truths[t]);
        for (int step = 0; step < 200; step++) {
            after = loss_at(&s, pose, true);
            if (step == 0) before = after;
            assert_int_equal(rf_exec_backward(s.exec, false), RF_OK);
            double length = 1e-12, size = 0.03 * pow(0.98, step);
            for (int k = 0; k < 3; k++) length += (double)s.grad[PITCH + k] * (double)s.grad[PITCH + k];
            for (int k = 0; k < 3; k++) pose[k] -= size * (double)s.grad[PITCH + k] / sqrt(length);
        }
        for (int k = 0; k < 3; k++)
            if (fabs(pose[k] - truths[t][k]) > 0.03)
                fail_msg("pose %zu: %.3f %.3f %.3f, expected %.2f %.2f %.2f", t, pose[0], pose[1], pose[2],
                         truths[t][0], truths[t][1], truths[t][2]);
        assert_true(after < 0.3 * before);
        scene_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradient_of_the_angles), cmocka_unit_test(found_by_descent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
