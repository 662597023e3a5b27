/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench targets: the geometry around the network. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/rng.h"
#include "detect/spec.h"

enum { CANDIDATES = 20000 };

/* n faces from 8 pixels to `largest` anywhere in a square, sizes log-uniform. */
static rf_status draw_faces(rf_face_list *list, size_t n, int n_points, float side, float largest, uint64_t seed) {
    rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_TEST);
    float points[2 * RF_POINTS_MAX];
    rf_face_list_clear(list);
    for (size_t i = 0; i < n; i++) {
        float size = 8 * powf(largest / 8, rf_rng_uniform(&rng));
        float x = rf_rng_range(&rng, 0, side - size), y = rf_rng_range(&rng, 0, side - size);
        rf_face face = {.box = {x, y, x + size, y + size * 1.2f}, .score = rf_rng_uniform(&rng)};
        face.points = points;
        face.n_points = n_points;
        for (int k = 0; k < 2 * n_points; k++) points[k] = face.box[k % 2] + size * rf_rng_uniform(&rng);
        RF_TRY(rf_face_list_push(list, &face));
    }
    return RF_OK;
}

rf_status rf_bench_measure_match(const rf_detect_spec *spec, const rf_anchor_set *anchors, size_t n, long iterations,
                                 rf_samples *times) {
    rf_match match = {0};
    rf_face_list faces = {0};
    int n_points = spec->codec.n_points;
    int box_width = rf_codec_box(&spec->codec)->width(n_points), width = rf_codec_points(&spec->codec)->width(n_points);
    float *loc = rf_alloc(anchors->count, (size_t)box_width * sizeof *loc),
          *points = rf_alloc(anchors->count, (size_t)width * sizeof *points);
    rf_status status = loc && points ? rf_match_alloc(anchors->count, &match) : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(draw_faces(&faces, n, n_points, (float)anchors->width, n > 100 ? 32 : 256, n));
    for (long i = 0; i <= iterations; i++) {
        double begin = rf_clock_seconds();
        rf_match_faces(anchors, &spec->match[0], faces.items, n, &match);
        rf_match_encode(anchors, &spec->codec, &match, faces.items, loc, points);
        if (i) RF_TRY_GOTO(rf_samples_add(times, rf_clock_seconds() - begin));
    }
fail:
    rf_match_free(&match);
    rf_face_list_free(&faces);
    rf_free(loc);
    rf_free(points);
    return status;
}

static rf_status time_match(rf_bench *b, const rf_detect_spec *spec, const rf_anchor_set *anchors, const char *key,
                            size_t n) {
    rf_samples times = {0};
    rf_status status = rf_bench_measure_match(spec, anchors, n, b->iterations, &times);
    if (status == RF_OK) rf_bench_tell(b, key, &times);
    rf_free(times.v);
    return status;
}

static rf_status time_merge(rf_bench *b, const rf_detect_spec *spec, const char *key,
                            rf_status (*merge)(rf_face_list *, const rf_merge_spec *)) {
    rf_samples times = {0};
    rf_face_list faces = {0};
    rf_merge_spec all = spec->merge;
    all.top_k = 0;
    rf_status status = RF_OK;
    for (long i = 0; i <= b->iterations && status == RF_OK; i++) {
        status = draw_faces(&faces, CANDIDATES, spec->codec.n_points, 1024, 200, 3);
        double begin = rf_clock_seconds();
        if (status == RF_OK) status = merge(&faces, &all);
        if (i && status == RF_OK) status = rf_samples_add(&times, rf_clock_seconds() - begin);
    }
    if (status == RF_OK) rf_bench_tell(b, key, &times);
    rf_face_list_free(&faces);
    rf_free(times.v);
    return status;
}

int rf_bench_targets(int argc, char **argv) {
    static const rf_bench_command command = {"rf-bench targets",
                                             "time anchor matching and suppression",
                                             "  Targets of one image with 12 and with 700 faces (one core), and "
                                             "suppression and voting of 20,000 candidates.",
                                             "  rf-bench targets configs/r50.ini --size 640x640",
                                             "side of the image (input.size)",
                                             false,
                                             false,
                                             false,
                                             NULL,
                                             51};
    rf_bench bench;
    int code;
    if (!rf_bench_begin(&command, argc, argv, &bench, &code)) return code;
    int side = bench.size[0] ? bench.size[0] : (int)bench.config.input.size;
    rf_detect_spec spec;
    rf_anchor_set anchors = {0};
    rf_status status;
    RF_TRY_GOTO(rf_detect_spec_from_config(&bench.config, &spec));
    RF_TRY_GOTO(rf_anchor_set_make(&spec.anchors, side, side, &anchors));
    rf_say("%zu anchors at %dx%d, %d candidates\n", anchors.count, side, side, CANDIDATES);
    rf_json_put_int(&bench.out, "anchors", (long long)anchors.count);
    RF_TRY_GOTO(time_match(&bench, &spec, &anchors, "match12", 12));
    RF_TRY_GOTO(time_match(&bench, &spec, &anchors, "match700", 700));
    RF_TRY_GOTO(time_merge(&bench, &spec, "nms", rf_nms));
    RF_TRY_GOTO(time_merge(&bench, &spec, "vote", rf_box_vote));
fail:
    rf_anchor_set_free(&anchors);
    return rf_bench_end(&bench, status);
}
