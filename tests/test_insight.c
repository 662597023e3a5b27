/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's options of the network, the optimiser and the test: multipliers, frozen arrays, dense anchors, blur and
 * visibility, padding, clipping, voting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/decode_kit.h"
#include "detect/match.h"
#include "detect/spec.h"
#include "eval/finder.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "tests/config_text.h"
#include "tests/faces_kit.h"

static rf_params *params_of(const rf_config *config) {
    rf_params *params;
    expect_ok(rf_detector_params(config, &params));
    rf_params_init(params, 1);
    return params;
}

/* ---- the optimiser ---- */

static void multipliers(void **state) {
    (void)state;
    rf_config config = config_of("[model]\npreset=insightface\nchannels=16\n[optim]\nhead_lr=3\n");
    rf_params *params = params_of(&config);
    size_t seen[RF_PARAM_BN_VAR + 1] = {0};
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        bool bias = p->kind == RF_PARAM_BIAS, head = p->flags & RF_PARAM_HEAD;
        seen[p->kind]++;
        assert_true(p->lr_mult == (head ? 3 : 1) * (bias ? 2 : 1));
        if (!rf_param_is_state(p)) assert_true(p->decay_mult == (bias || p->kind == RF_PARAM_BN_BETA ? 0 : 1));
    }
    assert_true(seen[RF_PARAM_BIAS] == 9 && seen[RF_PARAM_BN_BETA] > 30 && seen[RF_PARAM_CONV] > 30);
    rf_params_free(params);
}

/* The first six arguments, of MXNet's order. */
static void the_first_arrays_are_frozen(void **state) {
    (void)state;
    static const char *const networks[][7] = {
        {"mobilenet025", "body.stage1.0.0.weight", "body.stage1.0.1.weight", "body.stage1.0.1.bias",
         "body.stage1.1.0.weight", "body.stage1.1.1.weight", "body.stage1.1.1.bias"},
        {"preresnet50", "body.bn_data.weight", "body.bn_data.bias", "body.conv0.weight", "body.bn0.weight",
         "body.bn0.bias", "body.stage1.0.bn1.weight"},
    };
    for (int k = 0; k < 2; k++) {
        char text[128];
        snprintf(text, sizeof text, "[model]\nbackbone=%s\nfreeze_arrays=6\nchannels=16\n", networks[k][0]);
        rf_config config = config_of(text);
        rf_params *params = params_of(&config);
        size_t frozen = 0;
        for (size_t i = 0; i < params->count; i++) {
            const rf_param *p = &params->entries[i];
            if (p->flags & RF_PARAM_FROZEN) assert_string_equal(p->name, networks[k][1 + frozen++]);
            assert_int_equal(p->lr_mult == 0, (p->flags & RF_PARAM_FROZEN) != 0);
        }
        assert_int_equal(frozen, 6);
        rf_params_free(params);
    }
}

/* ---- anchors ---- */

static void dense_anchors(void **state) {
    (void)state;
    rf_config config = config_of("[model]\npreset=insightface\n"),
              more = config_of("[model]\npreset=insightface\n[anchors]\ndense=yes\n");
    rf_detect_spec spec[2];
    rf_anchor_set set[2];
    expect_ok(rf_detect_spec_from_config(&config, &spec[0]));
    expect_ok(rf_detect_spec_from_config(&more, &spec[1]));
    for (int k = 0; k < 2; k++) expect_ok(rf_anchor_set_make(&spec[k].anchors, 96, 160, &set[k]));
    assert_int_equal(set[1].count, 2 * set[0].count);
    for (size_t a = 0; a < set[0].count; a++) {
        int level = a >= set[0].levels[2].first ? 2 : a >= set[0].levels[1].first;
        const float *one = set[0].boxes + 4 * a, *same = set[1].boxes + 4 * (a / 2 * 4 + a % 2), *shifted = same + 8;
        float half = (float)(4 << level);
        assert_memory_equal(one, same, 4 * sizeof *one);
        assert_true(shifted[0] == one[0] + half && shifted[1] == one[1] + half && shifted[2] == one[2]);
    }
    /* A face on a shifted anchor is matched to it, and the network has as many. */
    size_t at = 4 * 30 + 2;
    const float *box = set[1].boxes + 4 * at;
    rf_face face = {.box = {box[0] - 15.5f, box[1] - 15.5f, box[0] + 15.5f, box[1] + 15.5f}, .score = 1};
    rf_match match;
    expect_ok(rf_match_alloc(set[1].count, &match));
    rf_match_faces(&set[1], &spec[1].match[0], &face, 1, &match);
    assert_true(box[2] == 32 && match.label[at] == 1 && match.iou[at] > 0.999f);
    rf_match_free(&match);
    more.model.channels = 16;
    rf_params *params = params_of(&more);
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    expect_ok(rf_detector_build(graph, params, &more, 1, 96, 160, RF_EVAL, &d));
    assert_true(d.anchors == set[1].count && d.cell_anchors == 4);
    rf_graph_free(graph);
    rf_params_free(params);
    for (int k = 0; k < 2; k++) rf_anchor_set_free(&set[k]);
    more = config_of("[model]\nstrides=8\n[anchors]\ndense=yes\nsizes=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n");
    assert_int_equal(rf_detect_spec_from_config(&more, &spec[1]), RF_ERR_USER);
}

/* The first cell of each level: aspects outside, sizes inside, around (7.5, 7.5). Rounded, by hand for 1.5: the window
 * is round(sqrt(16 * 16 / 1.5)) = round(13.06) = 13 wide and round(13 * 1.5) = round(19.5) = 20 high, times 32, 16
 * (stride 32), 8, 4 (16), 2, 1 (8). Exactly: 16 / sqrt(1.5) = 13.0639, 16 sqrt(1.5) = 19.5959. */
static void aspects_of_a_cell(void **state) {
    (void)state;
    static const float rounded[][4][2] = {{{32, 32}, {16, 16}, {26, 40}, {13, 20}},
                                          {{128, 128}, {64, 64}, {104, 160}, {52, 80}},
                                          {{512, 512}, {256, 256}, {416, 640}, {208, 320}}};
    rf_config config = config_of("[model]\npreset=insightface\nchannels=16\n[anchors]\naspect=1,1.5\n");
    for (int kind = 0; kind < 3; kind++) { /* exact, rounded, rounded twice in a cell */
        rf_detect_spec spec;
        rf_anchor_set set;
        int n = kind == 2 ? 8 : 4;
        if (kind) config.anchors.rounding = RF_ROUNDING_BASE16;
        config.anchors.dense = kind == 2;
        expect_ok(rf_detect_spec_from_config(&config, &spec));
        expect_ok(rf_anchor_set_make(&spec.anchors, 96, 160, &set));
        assert_int_equal(set.count, n * (12 * 20 + 6 * 10 + 3 * 5));
        for (int l = 0; l < 3; l++)
            for (int s = 0; s < n; s++) {
                const float *box = set.boxes + 4 * (set.levels[l].first + (size_t)s), *shape = rounded[l][s % 4];
                double size = (double)rounded[l][s % 2][0], shift = s < 4 ? 0 : 4 << l;
                assert_true(box[0] == 7.5f + (float)shift && box[1] == box[0]);
                if (kind && (box[2] != shape[0] || box[3] != shape[1]))
                    fail_msg("level %d, anchor %d is %g x %g", l, s, (double)box[2], (double)box[3]);
                if (kind) continue;
                assert_float_equal(box[2], s < 2 ? size : 13.0639 / 16 * size, 1e-5 * size);
                assert_float_equal(box[3], s < 2 ? size : 19.5959 / 16 * size, 1e-5 * size);
            }
        rf_params *params = params_of(&config);
        rf_graph *graph = rf_graph_new();
        rf_detector d;
        expect_ok(rf_detector_build(graph, params, &config, 1, 96, 160, RF_EVAL, &d));
        assert_true(d.anchors == set.count && d.cell_anchors == n);
        rf_graph_free(graph);
        rf_params_free(params);
        rf_anchor_set_free(&set);
    }
}

/* SRN's shapes, by hand: of the window 4, round(sqrt(16 / 1.25)) = round(3.58) = 4 and round(4 * 1.25) = 5, and at
 * twice the stride 8 x 10; of 128, round(114.49) = 114 and round(142.5) = 142, and 228 x 284. */
static void windows_of_the_stride(void **state) {
    (void)state;
    rf_config config = config_of("[model]\npreset=refineface\n[anchors]\nrounding=stride\n");
    static const float want[][2] = {{8, 10}, {14, 18}, {28, 36}, {58, 72}, {114, 142}, {228, 284}};
    rf_detect_spec spec;
    expect_ok(rf_detect_spec_from_config(&config, &spec));
    for (int l = 0; l < 6; l++) {
        float shape[2];
        rf_anchor_shape(&spec.anchors, l, 0, shape);
        if (shape[0] != want[l][0] || shape[1] != want[l][1])
            fail_msg("level %d: %g x %g", l, (double)shape[0], (double)shape[1]);
        rf_anchor_shape(&spec.anchors, l, 1, shape);
        assert_float_equal(shape[1], sqrt(2) * (double)want[l][1], 1e-4 * (double)want[l][1]);
    }
}

static void too_many_anchors(void **state) {
    (void)state;
    rf_detect_spec spec;
    rf_config config = config_of("[model]\npreset=insightface\n[anchors]\naspect=1,1.2,1.4,1.6,1.8,2\n");
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_ERR_USER);
    assert_string_equal(rf_error_message(), "anchors.sizes has 6 numbers and anchors.aspect 6; expected an aspect, and "
                                            "at most 32 sizes x aspects");
    assert_int_equal(rf_config_parse("x", "[anchors]\naspect=\n", NULL, 0, &config), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "anchors.aspect"));
    assert_int_equal(rf_config_parse("x", "[anchors]\naspect=1,0\n", NULL, 0, &config), RF_ERR_USER);
}

/* ---- blur and visibility ---- */

/* Heads without weights: an output is its bias, and biases tell which channel it is. */
static void outputs_are_cut_from_the_heads(void **state) {
    (void)state;
    rf_config config = config_of("[model]\nchannels=16\nblur=yes\nocclusion=yes\n");
    rf_params *params = params_of(&config);
    for (int level = 0; level < 3; level++)
        for (int head = 0; head < 2; head++) {
            char name[64];
            snprintf(name, sizeof name, "%sHead.%d.conv1x1.weight", head ? "Landmark" : "Bbox", level);
            const rf_param *w = rf_params_find(params, name);
            memset(rf_params_values(params, w), 0, w->count * sizeof(rf_real));
            strcpy(strstr(name, "weight"), "bias");
            const rf_param *b = rf_params_find(params, name);
            assert_int_equal(b->count, head ? 2 * 15 : 2 * 5);
            for (size_t i = 0; i < b->count; i++) rf_params_values(params, b)[i] = (rf_real)(100 * level + (int)i);
        }
    rf_graph *graph = rf_graph_new();
    rf_detector d;
    expect_ok(rf_detector_build(graph, params, &config, 2, 64, 96, RF_EVAL, &d));
    rf_exec *exec = rf_exec_new(graph, NULL);
    expect_ok(rf_exec_forward(exec, false));
    size_t second = 2 * (8 * 12), third = second + 2 * (4 * 6);
    for (size_t row = 0; row < 2 * d.anchors; row++) {
        size_t a = row % d.anchors, level = a >= third ? 2 : a >= second, cell = a % 2;
        double base = 100 * (double)level;
        for (size_t k = 0; k < 4; k++)
            assert_true((double)rf_exec_data(exec, rf_outputs_value(&d.outputs, "loc", -1))[4 * row + k] ==
                        base + (double)(5 * cell + k));
        assert_true((double)rf_exec_data(exec, rf_outputs_value(&d.outputs, "blur", -1))[row] ==
                    base + (double)(5 * cell + 4));
        for (size_t k = 0; k < 5; k++) {
            for (size_t c = 0; c < 2; c++)
                assert_true(
                    (double)rf_exec_data(exec, rf_outputs_value(&d.outputs, "points", -1))[10 * row + 2 * k + c] ==
                    base + (double)(15 * cell + 3 * k + c));
            assert_true((double)rf_exec_data(exec, rf_outputs_value(&d.outputs, "visible", -1))[5 * row + k] ==
                        base + (double)(15 * cell + 3 * k + 2));
        }
    }
    rf_exec_free(exec);
    rf_graph_free(graph);
    rf_params_free(params);
    config = config_of("[model]\nlandmarks=no\nocclusion=yes\n");
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "model.landmarks"));
}

static void decoding_and_mirroring(void **state) {
    (void)state;
    rf_codec codec = {.variance_centre = 1, .variance_size = 1, .plus_one = true, .n_points = RF_POINTS};
    float anchor[8] = {7.5f, 7.5f, 16, 16, 15.5f, 7.5f, 32, 32}, cls[4] = {0, -9, 0, 9}, loc[8] = {0}, points[20] = {0};
    float blur[2] = {5, 0.75f}, visible[10] = {9, 9, 9, 9, 9, 0.1f, 0.2f, 0.3f, 0.4f, 0.5f};
    kit_stage rows = {cls, loc, points, blur, visible};
    rf_face_list list = {0};
    expect_ok(kit_decode_stages(&codec, anchor, 2, &rows, 1, -INFINITY, 0.5f, &list));
    assert_int_equal(list.n, 1);
    rf_face *face = &list.items[0];
    assert_true(face->has_blur && face->visible && face->blur == 0.75f && face->visible[3] == 0.4f);
    rf_face_flip(face, 100, true, &rf_five_flip);
    static const float mirrored[5] = {0.2f, 0.1f, 0.3f, 0.5f, 0.4f};
    assert_memory_equal(face->visible, mirrored, sizeof mirrored);
    visible[7] = NAN;
    assert_int_equal(kit_decode_stages(&codec, anchor, 2, &rows, 1, -INFINITY, 0.5f, &list), RF_ERR_NONFINITE);
    rf_face_list_free(&list);
}

/* ---- the test ---- */

static void scores_and_votes(void **state) {
    (void)state;
    rf_detect_spec spec;
    rf_config config = config_of("[model]\npreset=insightface\nstrides=4,8,16\n[eval]\nlevel_scores=1,0.5,1\n");
    expect_ok(rf_detect_spec_from_config(&config, &spec));
    assert_true(spec.level_scores[0] == 0.5f && spec.level_scores[1] == 0.5f && spec.level_scores[2] == 1);
    assert_true(spec.merge.drop_singletons);
    config = config_of("[model]\npreset=insightface\n[eval]\nvote_singletons=yes\nmerge=vote\n");
    expect_ok(rf_detect_spec_from_config(&config, &spec));
    assert_true(spec.level_scores[0] == 1 && !spec.merge.drop_singletons);
    rf_face_list list = {0};
    for (int i = 0; i < 3; i++) {
        float x = 100 * (float)i;
        expect_ok(rf_face_list_push(&list, &(rf_face){.box = {x, 0, x + 20, 20}, .score = 0.9f}));
    }
    expect_ok(spec.merger->run(&list, &spec.merge));
    assert_int_equal(list.n, 3);
    spec.merge.drop_singletons = false;
    rf_face_list_free(&list);
}

static void black_edge(const rf_image *image, int w, int h, bool mirrored, rf_image *out) {
    expect_ok(rf_image_alloc(out, w, h));
    memset(out->pixels, 0, (size_t)(w * h * 3));
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < 3 * image->width; x++) {
            int from = mirrored ? 3 * (image->width - 1 - x / 3) + x % 3 : x;
            out->pixels[3 * y * w + x] = image->pixels[3 * y * image->width + from];
        }
}

static void find(const rf_config *config, rf_params *params, const rf_image *image, rf_face_list *faces) {
    rf_finder *finder;
    expect_ok(rf_finder_open(config, params, &finder));
    expect_ok(rf_finder_run(finder, image, faces));
    rf_finder_close(finder);
}

/* Padding is what a picture with black edges gives; mirrored, the picture is mirrored, not its edges. */
static void padding_and_clipping(void **state) {
    (void)state;
    enum { W = 75, H = 50 };
    rf_config config = config_of("[model]\npreset=insightface\nchannels=16\n[eval]\nscore=0.2\nclip=no\niou=1\n"),
              more = config;
    rf_params *params = params_of(&config);
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    rf_image image, edged[2];
    expect_ok(rf_params_fold(params, NULL));
    expect_ok(rf_image_alloc(&image, W, H));
    for (int i = 0; i < 3 * W * H; i++) image.pixels[i] = (uint8_t)rf_rng_below(&rng, 256);
    for (int k = 0; k < 2; k++) black_edge(&image, 96, 64, k, &edged[k]);
    rf_face_list got = {0}, want = {0}, flipped = {0};
    more.eval.pad = 32;
    find(&more, params, &image, &got);
    find(&config, params, &edged[0], &want);
    assert_true(got.n == want.n && got.n > 50);
    for (size_t i = 0; i < got.n; i++) assert_true(faces_equal(&got.items[i], &want.items[i]));
    more.eval.flip = true;
    find(&more, params, &image, &got);
    find(&config, params, &edged[1], &flipped);
    assert_int_equal(got.n, want.n + flipped.n);
    for (size_t i = 0; i < flipped.n; i++) {
        bool found = false;
        rf_face_flip(&flipped.items[i], W, true, &rf_five_flip);
        for (size_t k = 0; k < got.n && !found; k++)
            found = memcmp(got.items[k].box, flipped.items[i].box, sizeof got.items[k].box) == 0;
        assert_true(found);
    }
    more.eval.clip = true;
    size_t outside = 0, edges = 0;
    for (size_t i = 0; i < got.n; i++) outside += got.items[i].box[0] < 0 || got.items[i].box[2] > W - 1;
    find(&more, params, &image, &got);
    for (size_t i = 0; i < got.n; i++) {
        const float *box = got.items[i].box;
        assert_true(box[0] >= 0 && box[1] >= 0 && box[2] <= W - 1 && box[3] <= H - 1);
        edges += box[0] == 0 || box[2] == W - 1;
    }
    assert_true(outside > 0 && edges > 0);
    rf_face_list_free(&got);
    rf_face_list_free(&want);
    rf_face_list_free(&flipped);
    for (int k = 0; k < 2; k++) rf_image_free(&edged[k]);
    rf_image_free(&image);
    rf_params_free(params);
}

/* ---- contexts wider than the pyramid ---- */

static void wide_contexts(void **state) {
    (void)state;
    static const char *const contexts[] = {"ssh", "rf", "pyramidbox"};
    for (int k = 0; k < 3; k++) {
        char text[96];
        snprintf(text, sizeof text, "[model]\nchannels=16\ncontext_channels=40\ncontext=%s\n", contexts[k]);
        rf_config config = config_of(text);
        rf_params *params = params_of(&config);
        assert_int_equal(rf_params_find(params, "ClassHead.1.conv1x1.weight")->dims[1], 40);
        rf_params_free(params);
    }
    rf_params *params;
    rf_config config = config_of("[model]\nchannels=16\ncontext_channels=32\ncontext=none\n");
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "model.context_channels = 32"));
    config = config_of("[model]\ncontext_channels=18\n");
    assert_int_equal(rf_detector_params(&config, &params), RF_ERR_USER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipliers),
        cmocka_unit_test(the_first_arrays_are_frozen),
        cmocka_unit_test(dense_anchors),
        cmocka_unit_test(aspects_of_a_cell),
        cmocka_unit_test(windows_of_the_stride),
        cmocka_unit_test(too_many_anchors),
        cmocka_unit_test(outputs_are_cut_from_the_heads),
        cmocka_unit_test(decoding_and_mirroring),
        cmocka_unit_test(scores_and_votes),
        cmocka_unit_test(padding_and_clipping),
        cmocka_unit_test(wide_contexts),
    };
    return cmocka_run_group_tests_name("insightface's options", tests, NULL, NULL);
}
