/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding as nodes of a graph against the plain loop that it replaced: the same bits, for single stages and cascades.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "tests/decode_kit.h"

enum { ANCHORS = 500, STAGES = 4 };

/* ---- the plain loop ---- */

static void plain_points(const rf_codec *codec, const float anchor[4], const float *encoded, int n, float *points) {
    for (int i = 0; i < 2 * n; i++)
        points[i] = anchor[i & 1] + encoded[i] * codec->variance_centre * anchor[2 + (i & 1)];
}

static void plain_face(const rf_codec *codec, const float *anchors, size_t a, const kit_stage *stages, int n,
                       rf_face *face) {
    static const float stay[4] = {0};
    float anchor[4];
    memcpy(anchor, anchors + 4 * a, sizeof anchor);
    for (int k = 0; k < n; k++) {
        const float *loc = stages[k].loc ? stages[k].loc + 4 * a : stay;
        if (stages[k].points) {
            face->n_points = codec->n_points;
            plain_points(codec, anchor, stages[k].points + 2 * codec->n_points * (long)a, codec->n_points,
                         face->points);
        }
        if (k + 1 == n)
            rf_codec_decode_box(codec, anchor, loc, face->box);
        else
            rf_codec_move_anchor(codec, anchor, loc, anchor);
    }
    const kit_stage *last = &stages[n - 1];
    face->has_blur = last->blur != NULL;
    if (last->blur) face->blur = last->blur[a];
    if (!last->visible)
        face->visible = NULL;
    else
        memcpy(face->visible, last->visible + codec->n_points * (long)a, (size_t)codec->n_points * sizeof(float));
}

static void plain_level(const rf_codec *codec, const float *anchors, size_t n, const kit_stage *stages, int n_stages,
                        const rf_level_spec *spec, rf_face_list *out) {
    int last = n_stages - 1;
    while (!stages[last].cls) last--;
    for (size_t a = 0; a < n; a++) {
        float points[2 * RF_POINTS_MAX], visible[RF_POINTS_MAX]; /* which the list copies */
        rf_face face = {.mesh = 1 + (uint32_t)a, .points = points, .visible = visible};
        face.score = (float)(1 / (1 + exp(-(double)(stages[last].cls[2 * a + 1] - stages[last].cls[2 * a]))));
        bool dropped = face.score < spec->score;
        for (int k = 0; k < last; k++)
            dropped |= stages[k].cls && stages[k].cls[2 * a + 1] - stages[k].cls[2 * a] < spec->drop_below;
        if (dropped) continue;
        plain_face(codec, anchors, a, stages, n_stages, &face);
        assert_int_equal(rf_face_list_push(out, &face), RF_OK);
    }
    if (spec->top_k) assert_int_equal(rf_face_list_keep_best(out, 0, spec->top_k), RF_OK);
    for (size_t i = 0; i < out->n; i++) out->items[i].score *= spec->factor;
}

/* ---- drawn rows ---- */

static float tables[STAGES][22 * ANCHORS], boxes[4 * ANCHORS];

static void draw(rf_rng *rng, float *to, size_t n, double spread) {
    for (size_t i = 0; i < n; i++) to[i] = (float)(spread * rf_rng_normal(rng));
}

/* What each stage predicts: some lack classes, boxes or landmarks. Some logits are equal. */
static void draw_stages(rf_rng *rng, size_t n, int n_stages, int kind, kit_stage *stages) {
    for (size_t a = 0; a < n; a++)
        for (int k = 0; k < 4; k++) boxes[4 * a + k] = (float)(20 + 200 * rf_rng_uniform(rng));
    for (int s = 0; s < n_stages; s++) {
        float *t = tables[s];
        draw(rng, t, 22 * n, 2);
        for (size_t i = 0; i < 2 * n; i += 3) t[i] = roundf(t[i]);
        stages[s] = (kit_stage){t, t + 2 * n, t + 6 * n, t + 16 * n, t + 17 * n};
        if (kind == 1) stages[s].points = stages[s].blur = stages[s].visible = NULL;
        if (kind == 2 && s > 0) stages[s].cls = NULL;
        if (kind == 3 && s + 1 < n_stages) stages[s].points = NULL;
        if (kind == 4 && s + 1 == n_stages) stages[s].loc = NULL;
        if (kind == 5 && s == 0) stages[s].loc = stages[s].points = NULL;
    }
}

static void same_face(const rf_face *a, const rf_face *b) {
    size_t n = (size_t)b->n_points;
    assert_memory_equal(a->box, b->box, sizeof a->box);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
    assert_memory_equal(&a->blur, &b->blur, sizeof a->blur);
    assert_true(a->mesh == b->mesh && a->n_points == b->n_points && a->has_blur == b->has_blur);
    if (n) assert_memory_equal(a->points, b->points, 2 * n * sizeof(float));
    assert_true(!n || !a->visible == !b->visible);
    if (n && b->visible) assert_memory_equal(a->visible, b->visible, n * sizeof(float));
}

static void compare(const rf_codec *codec, size_t n, const kit_stage *stages, int n_stages, const rf_level_spec *spec) {
    rf_face_list got = {0}, wanted = {0};
    plain_level(codec, boxes, n, stages, n_stages, spec, &wanted);
    if (kit_decode_level(codec, boxes, n, stages, n_stages, spec, &got) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(got.n, wanted.n);
    for (size_t i = 0; i < got.n; i++) same_face(&got.items[i], &wanted.items[i]);
    rf_face_list_free(&got);
    rf_face_list_free(&wanted);
}

static void nodes_give_the_bits_of_the_loop(void **state) {
    (void)state;
    static const rf_codec codecs[] = {
        {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = 5},
        {.variance_centre = 1, .variance_size = 1, .plus_one = true, .n_points = 1},
        {.variance_centre = 0.13f, .variance_size = 0.27f, .plus_one = true, .n_points = 3}};
    static const rf_level_spec specs[] = {
        {.score = 0, .drop_below = -INFINITY, .factor = 1},
        {.score = 0.02f, .drop_below = -1.5f, .factor = 0.5f},
        {.score = 0.5f, .drop_below = -4.595f, .factor = 0.3f, .top_k = 20},
        {.score = 0, .drop_below = -INFINITY, .factor = 1, .top_k = 1},
        {.score = 0.3f, .drop_below = 0.5f, .factor = 1, .top_k = 1000},
        {.score = 1, .drop_below = -INFINITY, .factor = 1}, /* nobody */
    };
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_TEST);
    for (int threads = 1; threads <= 3; threads += 2)
        for (int n_stages = 1; n_stages <= STAGES; n_stages++)
            for (int kind = 0; kind < 6; kind++)
                for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
                    kit_stage stages[STAGES];
                    rf_set_threads(threads);
                    size_t n = s % 2 ? ANCHORS : 7;
                    draw_stages(&rng, n, n_stages, kind, stages);
                    compare(&codecs[(size_t)kind % 3], n, stages, n_stages, &specs[s]);
                }
    rf_set_threads(0);
}

/* The limits on logarithms, and sizes that overflow. */
static void wild_boxes_are_the_same(void **state) {
    (void)state;
    rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = 5};
    rf_level_spec spec = {.drop_below = -INFINITY, .factor = 1};
    kit_stage stages[STAGES];
    rf_rng rng = rf_rng_make(6, 0, 0, RF_STREAM_TEST);
    draw_stages(&rng, 40, 3, 0, stages);
    for (int s = 0; s < 3; s++)
        for (size_t i = 0; i < 4 * (size_t)40; i++) tables[s][2 * 40 + i] *= i % 4 < 2 ? 10 : 1e4f;
    compare(&codec, 40, stages, 3, &spec);
}

/* Any number of landmarks. */
static void points_of_any_number(void **state) {
    (void)state;
    enum { N = 9 };
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = 0};
    rf_rng rng = rf_rng_make(7, 0, 0, RF_STREAM_TEST);
    for (int k = 1; k <= 98; k += 97) {
        rf_real anchors[4 * N], *encoded = rf_alloc((size_t)(2 * N * k), sizeof *encoded);
        assert_non_null(encoded);
        for (int i = 0; i < 4 * N; i++) anchors[i] = (rf_real)(1 + 100 * rf_rng_uniform(&rng));
        for (int i = 0; i < 2 * N * k; i++) encoded[i] = (rf_real)rf_rng_normal(&rng);
        rf_graph *g = rf_graph_new();
        rf_box_rows rows = rf_codec_rows(g, rf_graph_const(g, "anchors", (rf_shape){2, {N, 4}}, anchors));
        rf_value y = rf_codec_point_rows(g, &codec, rows, rf_graph_const(g, "e", (rf_shape){2, {N, 2 * k}}, encoded));
        rf_graph_keep(g, y);
        rf_exec *exec = rf_exec_new(g, NULL);
        assert_non_null(exec);
        assert_int_equal(rf_exec_forward(exec, false), RF_OK);
        for (int n = 0; n < N; n++) {
            float wanted[2 * 98];
            plain_points(&codec, anchors + 4 * n, encoded + 2 * k * n, k, wanted);
            assert_memory_equal(rf_exec_data(exec, y) + 2 * k * n, wanted, (size_t)(2 * k) * sizeof *wanted);
        }
        rf_exec_free(exec);
        rf_graph_free(g);
        rf_free(encoded);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_give_the_bits_of_the_loop),
        cmocka_unit_test(wild_boxes_are_the_same),
        cmocka_unit_test(points_of_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
