/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics registry, VOC average precision, landmark error and reports. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "eval/average.h"
#include "data/mesh_table.h"
#include "eval/metric.h"
#include "eval/nme.h"
#include "eval/report.h"
#include "eval/voc_ap.h"
#include "tests/faces_kit.h"
#include "tests/scratch.h"

static void average_by_hand(void **state) {
    (void)state;
    const double recall[4] = {0.25, 0.25, 0.5, 0.75}, precision[4] = {1, 0.5, 2.0 / 3, 0.75};
    /* 0.25 at 1, then 0.5 at 0.75 (from the right), nothing beyond recall 0.75 */
    assert_float_equal(rf_average_precision(recall, precision, 4), 0.25 + 0.5 * 0.75, 1e-12);
    assert_float_equal(rf_average_precision(NULL, NULL, 0), 0, 0);
}

/* Two images. a: a face at the left, an ignore face, a face at the right; b: one face. */
static rf_face truth_faces[5] = {
    {.box = {0, 0, 10, 10}, .score = 1, .n_points = RF_POINTS, .points = (float[10]){2, 3, 8, 3, 5, 5, 3, 8, 7, 8}},
    {.box = {50, 50, 80, 90}, .score = 1, .ignore = true},
    {.box = {100, 0, 120, 20},
     .score = 1,
     .n_points = RF_POINTS,
     .points = (float[10]){104, 6, 116, 6, 110, 10, 106, 16, 114, 16}},
    {.box = {200, 0, 200, 20}, .score = 1}, /* no area: as if it were not there */
    {.box = {30, 30, 60, 60}, .score = 1},
};
static rf_sample samples[2] = {{.name = "a.jpg", .first_face = 0, .n_faces = 4},
                               {.name = "b.jpg", .first_face = 4, .n_faces = 1}};
static float truth_vertices[2][2][2] = {{{1, 2}, {3, 4}}, {{104, 6}, {116, 6}}};
static rf_mesh_table truth_table = {.n_rows = 2, .n_vertices = 2, .xy = &truth_vertices[0][0][0]};
static rf_dataset truth = {.mesh = &truth_table,
                           .samples = samples,
                           .n_samples = 2,
                           .faces = truth_faces,
                           .n_faces = 5,
                           .n_ignored = 1,
                           .n_with_points = 2};

static void voc_by_hand(void **state) {
    (void)state;
    rf_face a[5] = {{.box = {0, 0, 10, 10}, .score = 0.9f},      /* true */
                    {.box = {50, 50, 80, 90}, .score = 0.95f},   /* on the ignore face: neither */
                    {.box = {1, 0, 11, 10}, .score = 0.8f},      /* double: false */
                    {.box = {100, 0, 120, 14}, .score = 0.7f},   /* IoU 0.7: true at 0.5, false at 0.75 */
                    {.box = {300, 0, 310, 10}, .score = 0.85f}}; /* false */
    rf_face_list lists[2] = {{.items = a, .n = 5, .capacity = 5}, {0}};
    rf_assigned *items;
    size_t count;
    assert_int_equal(rf_assign(&truth, lists, &items, &count), RF_OK);
    assert_int_equal(count, 5);
    assert_float_equal(items[0].detection->score, 0.95, 1e-7);
    assert_int_equal(items[4].face, 2);
    rf_voc_curve curve;
    assert_int_equal(rf_voc_curve_make(&truth, items, count, 0.5f, &curve), RF_OK);
    assert_int_equal(curve.n_faces, 3);
    assert_int_equal(curve.n, 4);
    /* true, false, false, true of 3 faces: 1/3 at 1, 1/3 at 2/4 */
    assert_float_equal(curve.ap, 1.0 / 3 + 1.0 / 3 * 0.5, 1e-12);
    rf_voc_curve_free(&curve);
    assert_int_equal(rf_voc_curve_make(&truth, items, count, 0.75f, &curve), RF_OK);
    assert_float_equal(curve.ap, 1.0 / 3, 1e-12);
    rf_voc_curve_free(&curve);
    rf_free(items);
    double value;
    assert_int_equal(rf_metric_find("voc_ap50")->compute(&truth, lists, &value), RF_OK);
    assert_float_equal(value, 0.5, 1e-12);
    assert_int_equal(rf_metric_find("voc_ap50_95")->compute(&truth, lists, &value), RF_OK);
    /* five thresholds up to IoU 0.7, five above; the double never becomes the first */
    assert_float_equal(value, (5 * 0.5 + 5 * (1.0 / 3)) / 10, 1e-12);
}

static void voc_ties_in_any_order(void **state) {
    (void)state;
    rf_face a[3] = {{.box = {0, 0, 10, 10}, .score = 0.5f},
                    {.box = {300, 0, 310, 10}, .score = 0.5f},
                    {.box = {100, 0, 120, 20}, .score = 0.5f}};
    rf_face_list lists[2] = {{.items = a, .n = 3, .capacity = 3}, {0}};
    double first, other;
    assert_int_equal(rf_metric_find("voc_ap50")->compute(&truth, lists, &first), RF_OK);
    assert_float_equal(first, 2.0 / 3 * (2.0 / 3), 1e-12);
    rf_face swap = a[1];
    a[1] = a[0];
    a[0] = swap;
    assert_int_equal(rf_metric_find("voc_ap50")->compute(&truth, lists, &other), RF_OK);
    assert_float_equal(first, other, 0);
}

static void nme_by_hand(void **state) {
    (void)state;
    rf_face a[4] = {truth_faces[0], truth_faces[2], truth_faces[2], truth_faces[0]};
    for (int i = 0; i < 4; i++) a[i].score = 0.9f - 0.1f * (float)i;
    for (int i = 0; i < 4; i++) face_own_points(&a[i]);
    a[0].points[0] += 3; /* one point 5 px off: mean 1 px, 0.1 of the 10 px box ... */
    a[0].points[1] += 4;
    for (int k = 0; k < 10; k += 2) a[1].points[k] += 3; /* ... all points 3 px off: 0.15 of the 20 px box */
    a[3].points[0] = 1000;                               /* a second detection of the first face is not measured */
    rf_face_list lists[2] = {{.items = a, .n = 4, .capacity = 4}, {0}};
    rf_nme_result result;
    assert_int_equal(rf_nme(&truth, lists, RF_NME_BOX, &result), RF_OK);
    assert_int_equal(result.n_faces, 2);
    assert_int_equal(result.n_found, 2);
    assert_float_equal(result.mean, (0.1 + 0.15) / 2, 1e-6);
    assert_float_equal(result.failure_rate, 0.5, 0);
    assert_int_equal(rf_nme(&truth, lists, RF_NME_EYES, &result), RF_OK);
    assert_float_equal(result.mean, (1.0 / 6 + 3.0 / 12) / 2, 1e-6);
    a[0].points[4] = NAN;
    assert_int_equal(rf_nme(&truth, lists, RF_NME_BOX, &result), RF_ERR_NONFINITE);
    for (int i = 0; i < 4; i++) a[i].n_points = 0;
    assert_int_equal(rf_nme(&truth, lists, RF_NME_BOX, &result), RF_OK);
    assert_true(isnan(result.mean));
}

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) : fabs(a - b) < 1e-9;
}

/* What the contract promises of every metric. */
static void metric_contract(void **state) {
    (void)state;
    for (int m = 0; m < rf_metric_count(); m++) {
        const rf_metric *metric = rf_metric_at(m);
        assert_true(metric->name[0] && metric->doc[0] && metric->compute);
        assert_ptr_equal(rf_metric_find(metric->name), metric);
        double value;
        rf_face a[3] = {truth_faces[0], truth_faces[1], truth_faces[2]}, b = truth_faces[4];
        for (int i = 0; i < 3; i++) a[i].score = 0.9f - 0.1f * (float)i;
        for (int i = 0; i < 3; i++) face_own_points(&a[i]);
        rf_face_list perfect[2] = {{.items = a, .n = 3}, {.items = &b, .n = 1}}, none[2] = {{0}};
        float vertices[2][2][2]; /* of faces 0 and 2; the other faces have none */
        float(*rows)[2][2] = vertices;
        memcpy(vertices, truth_vertices, sizeof vertices);
        perfect[0].vertices = &rows[0][0][0];
        perfect[0].n_vertices = 2;
        truth_faces[0].mesh = a[0].mesh = 1;
        truth_faces[2].mesh = a[2].mesh = 2;
        assert_int_equal(metric->compute(&truth, perfect, &value), RF_OK);
        assert_true(same(value, metric->best));
        assert_int_equal(metric->compute(&truth, none, &value), RF_OK);
        assert_true(same(value, metric->worst));
        /* not perfect: one box is elsewhere, one point is off */
        a[0].box[0] += 500;
        a[0].box[2] += 500;
        a[2].points[3] += 2;
        vertices[1][1][0] += 2;
        double middle, swapped;
        assert_int_equal(metric->compute(&truth, perfect, &middle), RF_OK);
        assert_false(same(middle, metric->best));
        rf_face swap = a[0];
        a[0] = a[2];
        a[2] = swap;
        assert_int_equal(metric->compute(&truth, perfect, &swapped), RF_OK);
        assert_true(same(middle, swapped));
        rf_dataset empty = {.samples = samples, .n_samples = 0};
        assert_int_equal(metric->compute(&empty, none, &value), RF_OK);
        assert_true(isnan(value));
        int failures = 0;
        for (uint64_t n = 1; n < 200; n++, failures++) {
            rf_alloc_fail_at(n);
            rf_status status = metric->compute(&truth, perfect, &value);
            rf_alloc_fail_at(0);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
        }
        assert_in_range(failures, 1, 198);
        a[1].score = NAN;
        assert_int_equal(metric->compute(&truth, perfect, &value), RF_ERR_NONFINITE);
        assert_non_null(strstr(rf_error_message(), "a.jpg"));
    }
    assert_null(rf_metric_find("map"));
    assert_non_null(strstr(rf_error_message(), "voc_ap50_95"));
}

static size_t occurrences(const char *text, const char *word) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) n++;
    return n;
}

static void reports(void **state) {
    (void)state;
    enum { N = 5000 };
    static double recall[N], precision[N];
    for (int i = 0; i < N; i++) {
        recall[i] = (double)i / N;
        precision[i] = 1 - 0.3 * recall[i];
    }
    rf_curve curves[9] = {{"hard <\"all\"> & more", recall, precision, N, 0.8765432},
                          {"none", recall, precision, 0, NAN}};
    char path[256];
    uint8_t *text;
    size_t bytes;
    snprintf(path, sizeof path, "%s/pr.svg", scratch);
    assert_int_equal(rf_report_svg(path, "Precision & recall", curves, 2), RF_OK);
    assert_int_equal(rf_file_read(path, 0, &text, &bytes), RF_OK);
    const char *svg = (const char *)text;
    assert_int_equal(strncmp(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39), 0);
    assert_string_equal(svg + bytes - 7, "</svg>\n");
    assert_non_null(strstr(svg, "hard &lt;&quot;all&quot;&gt; &amp; more  AP 0.8765<"));
    assert_non_null(strstr(svg, ">Precision &amp; recall<"));
    assert_int_equal(occurrences(svg, "<polyline"), 1); /* the curve without points is only in the legend */
    assert_int_equal(occurrences(svg, "<text"), occurrences(svg, "</text>"));
    assert_null(strstr(svg, "nan"));
    assert_in_range(bytes, 3000, 40000); /* thinned */
    rf_free(text);
    assert_int_equal(rf_report_svg(path, "", curves, 9), RF_ERR_USER);

    snprintf(path, sizeof path, "%s/pr.csv", scratch);
    assert_int_equal(rf_report_csv(path, curves, 2), RF_OK);
    assert_int_equal(rf_file_read(path, 0, &text, &bytes), RF_OK);
    const char *csv = (const char *)text;
    assert_int_equal(occurrences(csv, "\n"), N + 1);
    assert_non_null(strstr(csv, "curve,point,recall,precision\n\"hard <\"\"all\"\"> & more\",0,0,1\n"));
    assert_non_null(strstr(csv, ",2500,0.5,0.85\n"));
    rf_free(text);
    assert_int_equal(rf_report_csv("/nowhere/at/all.csv", curves, 2), RF_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(average_by_hand), cmocka_unit_test(voc_by_hand),     cmocka_unit_test(voc_ties_in_any_order),
        cmocka_unit_test(nme_by_hand),     cmocka_unit_test(metric_contract), cmocka_unit_test(reports),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
