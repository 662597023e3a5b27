/* Evaluation protocols: hand-made cases, naive cross-checks, the contract, figures and files. */
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
#include "data/mafa.h"
#include "detect/box.h"
#include "eval/fddb_file.h"
#include "eval/hungarian.h"
#include "eval/mask.h"
#include "eval/protocol.h"

static char scratch[] = "/tmp/rf_protocols_XXXXXX";

static double value_of(const rf_protocol_result *r, const char *name) {
    for (size_t i = 0; i < r->n_values; i++)
        if (strcmp(r->values[i].name, name) == 0) return r->values[i].value;
    fail_msg("no value is called %s", name);
    return NAN;
}

static rf_protocol_result must_run(const rf_protocol *protocol, const rf_dataset *truth, const rf_face_list *lists) {
    rf_protocol_result result;
    const rf_protocol_input input = {.truth = truth, .detections = lists};
    if (rf_protocol_run(protocol, &input, &result) != RF_OK) fail_msg("%s: %s", protocol->name, rf_error_message());
    return result;
}

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) : fabs(a - b) < 1e-9;
}

/* ---- shapes ---- */

static bool naive_inside(const rf_shape *s, double x, double y) {
    if (!s->is_ellipse)
        return x >= (double)s->box[0] && x < (double)s->box[2] && y >= (double)s->box[1] && y < (double)s->box[3];
    const rf_ellipse *e = &s->ellipse;
    double c = cos((double)e->angle), n = sin((double)e->angle), dx = x - (double)e->x, dy = y - (double)e->y;
    double u = (c * dx + n * dy) / (double)e->major, v = (-n * dx + c * dy) / (double)e->minor;
    return u * u + v * v <= 1;
}

static double naive_mask_iou(const rf_shape *a, const rf_shape *b, int width, int height) {
    int both = 0, either = 0;
    for (int y = width ? 0 : -80; y < (width ? height : 180); y++)
        for (int x = width ? 0 : -80; x < (width ? width : 180); x++) {
            bool p = naive_inside(a, x + 0.5, y + 0.5), q = naive_inside(b, x + 0.5, y + 0.5);
            both += p && q;
            either += p || q;
        }
    return either ? (double)both / either : 0;
}

static rf_shape random_shape(rf_rng *rng) {
    if (rf_rng_below(rng, 2)) {
        float x = rf_rng_range(rng, -20, 100), y = rf_rng_range(rng, -20, 100);
        const float box[4] = {x, y, x + rf_rng_range(rng, 1, 60), y + rf_rng_range(rng, 1, 60)};
        return rf_shape_of_box(box);
    }
    return rf_shape_of_ellipse(&(rf_ellipse){rf_rng_range(rng, 1, 40), rf_rng_range(rng, 1, 40),
                                             rf_rng_range(rng, -4, 4), rf_rng_range(rng, -10, 110),
                                             rf_rng_range(rng, -10, 110)});
}

static void masks(void **state) {
    (void)state;
    const float whole[4] = {0, 0, 10, 10}, half[4] = {5, 0, 15, 10};
    rf_shape a = rf_shape_of_box(whole), b = rf_shape_of_box(half);
    assert_float_equal(rf_shape_iou(&a, &b, 0, 0), 50.0 / 150, 1e-12);
    assert_float_equal(rf_shape_iou(&a, &b, 10, 10), 50.0 / 100, 1e-12); /* the image ends at 10 */
    rf_shape circle = rf_shape_of_ellipse(&(rf_ellipse){50, 50, 0, 100, 100});
    const float around[4] = {50, 50, 150, 150};
    b = rf_shape_of_box(around);
    assert_float_equal(rf_shape_iou(&circle, &b, 0, 0), 3.14159265 / 4, 2e-3);
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 300; i++) {
        a = random_shape(&rng);
        b = random_shape(&rng);
        int width = i % 3 ? 0 : 90, height = i % 3 ? 0 : 70;
        assert_float_equal(rf_shape_iou(&a, &b, width, height), naive_mask_iou(&a, &b, width, height), 1e-12);
    }
}

/* ---- assignment ---- */

static double best_sum(const double *gain, size_t rows, size_t cols, size_t row, unsigned used) {
    if (row == rows) return 0;
    double best = best_sum(gain, rows, cols, row + 1, used);
    for (size_t c = 0; c < cols; c++)
        if (!(used >> c & 1))
            best = fmax(best, gain[row * cols + c] + best_sum(gain, rows, cols, row + 1, used | 1u << c));
    return best;
}

static void hungarian(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(2, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 300; round++) {
        size_t rows = rf_rng_below(&rng, 6), cols = rf_rng_below(&rng, 6), column[6];
        double gain[36], sum = 0;
        for (int i = 0; i < 36; i++) gain[i] = rf_rng_below(&rng, 3) ? (double)rf_rng_uniform(&rng) : 0;
        assert_int_equal(rf_hungarian(gain, rows, cols, column), RF_OK);
        unsigned used = 0;
        for (size_t r = 0; r < rows; r++) {
            if (column[r] == SIZE_MAX) continue;
            assert_true(column[r] < cols && !(used >> column[r] & 1) && gain[r * cols + column[r]] > 0);
            used |= 1u << column[r];
            sum += gain[r * cols + column[r]];
        }
        assert_float_equal(sum, best_sum(gain, rows, cols, 0, 0), 1e-12);
    }
}

/* ---- a set that every protocol accepts ---- */

static rf_ellipse ellipses[4] = {
    {40, 30, 0, 50, 50}, {40, 30, 0, 250, 50}, {40, 30, 1.5707964f, 450, 60}, {20, 20, 0, 60, 60}};
static rf_face faces[4];
static rf_sample samples[2] = {{.name = "e/a.jpg", .path = "none/e/a.jpg", .first_face = 0, .n_faces = 3},
                               {.name = "e/b.jpg", .path = "none/e/b.jpg", .first_face = 3, .n_faces = 1}};
static rf_dataset truth;

static void make_truth(void) {
    for (int f = 0; f < 4; f++) {
        double box[4];
        rf_ellipse_box(&ellipses[f], box);
        faces[f] = (rf_face){.score = 1, .kind = f % 2 ? RF_MAFA_UNMASKED : RF_MAFA_MASKED, .has_points = true};
        for (int k = 0; k < 4; k++) faces[f].box[k] = (float)box[k];
        for (int p = 0; p < RF_POINTS; p++) {
            faces[f].points[2 * p] = (float)box[0] + 10 + 5 * (float)p;
            faces[f].points[2 * p + 1] = (float)box[1] + 20;
        }
    }
    truth = (rf_dataset){.annotation_path = "truth.txt",
                         .samples = samples,
                         .n_samples = 2,
                         .faces = faces,
                         .n_faces = 4,
                         .n_with_points = 4,
                         .ellipses = ellipses};
}

static void contract(void **state) {
    (void)state;
    make_truth();
    for (int p = 0; p < RF_PROTOCOL_COUNT; p++) {
        const rf_protocol *protocol = rf_protocols[p];
        assert_true(protocol->name[0] && protocol->doc[0] && protocol->run && !protocol->x_label == !protocol->y_label);
        assert_ptr_equal(rf_protocol_find(protocol->name), protocol);
        rf_face a[3] = {faces[0], faces[1], faces[2]}, b = faces[3];
        for (int i = 0; i < 3; i++) a[i].score = 0.9f - 0.1f * (float)i;
        rf_face_list perfect[2] = {{a, 3, 3}, {&b, 1, 1}}, none[2] = {{0}};
        const rf_ellipse *shapes[2] = {ellipses, ellipses + 3};
        rf_protocol_input input = {.truth = &truth, .detections = perfect, .ellipses = shapes};
        rf_protocol_result result;
        assert_int_equal(rf_protocol_run(protocol, &input, &result), RF_OK);
        if (protocol->x_label && !same(result.values[0].value, protocol->best))
            fail_msg("%s: %g is not the best", protocol->name, result.values[0].value);
        for (size_t c = 0; c < result.n_curves; c++) assert_true(result.curves[c].n > 0);
        char path[300];
        snprintf(path, sizeof path, "%s/%s.svg", scratch, protocol->name);
        assert_int_equal(rf_protocol_svg(protocol, &result, path), protocol->x_label ? RF_OK : RF_ERR_USER);
        rf_protocol_result_free(&result);
        result = must_run(protocol, &truth, none);
        if (protocol->x_label && !same(result.values[0].value, protocol->worst))
            fail_msg("%s: %g is not the worst", protocol->name, result.values[0].value);
        rf_protocol_result_free(&result);
        rf_dataset empty = {.samples = samples};
        result = must_run(protocol, &empty, none);
        assert_true(isnan(result.values[0].value));
        rf_protocol_result_free(&result);
        int failures = 0;
        for (uint64_t n = 1; n < 500; n++, failures++) {
            rf_alloc_fail_at(n);
            rf_status status = rf_protocol_run(protocol, &input, &result);
            rf_alloc_fail_at(0);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
        }
        assert_true(failures < 499 && (failures > 0 || !protocol->x_label));
        rf_protocol_result_free(&result);
        a[1].box[2] = NAN;
        assert_int_equal(rf_protocol_run(protocol, &input, &result), RF_ERR_NONFINITE);
        assert_non_null(strstr(rf_error_message(), "e/a.jpg"));
    }
    assert_null(rf_protocol_find("voc"));
    assert_non_null(strstr(rf_error_message(), "pascal_faces"));
}

static void needs_are_told(void **state) {
    (void)state;
    make_truth();
    truth.ellipses = NULL;
    truth.n_with_points = 0;
    for (int f = 0; f < 4; f++) faces[f].kind = 0;
    rf_face_list none[2] = {{0}};
    const rf_protocol_input input = {.truth = &truth, .detections = none};
    rf_protocol_result result;
    static const rf_protocol_id wanting[] = {RF_PROTOCOL_fddb, RF_PROTOCOL_landmarks, RF_PROTOCOL_mafa};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_protocol_run(rf_protocols[wanting[i]], &input, &result), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), "truth.txt: no"));
    }
    samples[1].name = "b.jpg";
    assert_int_equal(rf_protocol_run(rf_protocols[RF_PROTOCOL_wider_test], &input, &result), RF_ERR_USER);
    samples[1].name = "e/b.jpg";
}

/* ---- FDDB ---- */

static void fddb_by_hand(void **state) {
    (void)state;
    make_truth();
    /* circle of radius 20 in b; the box around it overlaps by pi / 4 */
    rf_face b[3] = {faces[3], faces[3], faces[3]};
    b[0].score = 0.9f;
    b[1].score = 0.8f;
    for (int k = 0; k < 4; k += 2) b[1].box[k] += 300; /* false */
    b[2].score = 0.7f;
    rf_face_list lists[2] = {{0}, {b, 3, 3}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_fddb], &truth, lists);
    assert_int_equal(r.curves[0].n, 3);
    const double fp[3] = {0, 1, 2}; /* the second box on the face is false too */
    rf_shape circle = rf_shape_of_ellipse(&ellipses[3]), box = rf_shape_of_box(faces[3].box);
    double iou = naive_mask_iou(&circle, &box, 0, 0);
    assert_float_equal(iou, 3.14159265 / 4, 0.01);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(r.curves[0].x[i], fp[i], 0);
        assert_float_equal(r.curves[0].y[i], 0.25, 1e-12);
        assert_float_equal(r.curves[1].y[i], iou / 4, 1e-12);
    }
    assert_float_equal(value_of(&r, "discrete_tpr_1000"), 0.25, 1e-12);
    rf_protocol_result_free(&r);
}

/* At each score all pictures are matched anew, over all ways to match. */
static void naive_fddb(const rf_face_list *lists, double threshold, double *hits, double *overlap, double *misses) {
    *hits = *overlap = *misses = 0;
    for (int s = 0; s < 2; s++) {
        double gain[8 * 3], n = 0;
        size_t rows = 0, column[8];
        for (size_t k = 0; k < lists[s].n; k++) {
            if ((double)lists[s].items[k].score < threshold) continue;
            rf_shape shape = rf_shape_of_box(lists[s].items[k].box);
            for (size_t f = 0; f < samples[s].n_faces; f++) {
                rf_shape face = rf_shape_of_ellipse(&ellipses[samples[s].first_face + f]);
                gain[rows * samples[s].n_faces + f] = rf_shape_iou(&shape, &face, 0, 0);
            }
            rows++;
        }
        assert_int_equal(rf_hungarian(gain, rows, samples[s].n_faces, column), RF_OK);
        for (size_t k = 0; k < rows; k++) {
            double iou = column[k] == SIZE_MAX ? 0 : gain[k * samples[s].n_faces + column[k]];
            n += iou > 0.5;
            *overlap += iou;
        }
        *hits += n;
        *misses += (double)rows - n;
    }
}

static void fddb_equals_naive(void **state) {
    (void)state;
    make_truth();
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 50; round++) {
        rf_face found[2][8];
        rf_face_list lists[2];
        for (int s = 0; s < 2; s++) {
            lists[s] = (rf_face_list){found[s], rf_rng_below(&rng, 9), 8};
            for (size_t k = 0; k < lists[s].n; k++) {
                found[s][k] = faces[samples[s].first_face + rf_rng_below(&rng, (uint32_t)samples[s].n_faces)];
                found[s][k].score = (float)rf_rng_below(&rng, 6) / 8;
                for (int c = 0; c < 4; c++) found[s][k].box[c] += rf_rng_range(&rng, -15, 15);
            }
        }
        rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_fddb], &truth, lists);
        size_t point = 0;
        double seen = -1;
        for (int t = 5; t >= 0; t--) {
            double hits, overlap, misses;
            naive_fddb(lists, t / 8.0, &hits, &overlap, &misses);
            if (hits + misses <= fmax(seen, 0)) continue;
            seen = hits + misses;
            assert_true(point < r.curves[0].n);
            assert_float_equal(r.curves[0].x[point], misses, 1e-9);
            assert_float_equal(r.curves[0].y[point], hits / 4, 1e-9);
            assert_float_equal(r.curves[1].y[point++], overlap / 4, 1e-9);
        }
        assert_int_equal(point, r.curves[0].n);
        rf_protocol_result_free(&r);
    }
}

static rf_status read_fddb(const char *text, rf_face_list *lists, rf_ellipse **shapes, size_t *missing) {
    char path[300];
    snprintf(path, sizeof path, "%s/fddb.txt", scratch);
    assert_int_equal(rf_file_write_atomic(path, text, strlen(text)), RF_OK);
    for (int i = 0; i < 2; i++) {
        rf_face_list_free(&lists[i]);
        rf_free(shapes[i]);
        shapes[i] = NULL;
    }
    return rf_fddb_read(path, &truth, lists, shapes, missing);
}

static void fddb_files(void **state) {
    (void)state;
    make_truth();
    rf_face_list lists[2] = {{0}};
    rf_ellipse *shapes[2] = {NULL};
    size_t missing;
    assert_int_equal(read_fddb("e/b\n1\n40 40 40 40 0.5\n", lists, shapes, &missing), RF_OK);
    assert_int_equal(missing, 1);
    assert_float_equal(lists[1].items[0].box[2], 80, 0);
    assert_null(shapes[1]);
    assert_int_equal(read_fddb("e/b.jpg\n0\ne/a\n1\n40 30 0 50 50 0.5\n", lists, shapes, &missing), RF_OK);
    assert_float_equal(lists[0].items[0].box[0], 10, 1e-5);
    assert_float_equal(shapes[0][0].minor, 30, 0);
    static const char *const bad[][2] = {{"e/c\n0\n", ":1: e/c is not in truth.txt"},
                                         {"e/a\n0\ne/a\n0\n", ":3: e/a a second time"},
                                         {"e/a\n1\n1 2 3 4\n", ":3: 4 numbers"},
                                         {"e/a\n2\n1 2 3 4 5\n", "ends after 1 of the 2 detections"},
                                         {"e/a\n2\n1 2 3 4 5\n1 2 3 4 5 6\n", ":4: boxes and ellipses"},
                                         {"e/a\nx\n", ":2: \"x\" is not a number of detections"},
                                         {"", "no image is named"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_fddb(bad[i][0], lists, shapes, &missing), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), bad[i][1])) fail_msg("%s", rf_error_message());
    }
    /* what the protocol writes is read back */
    rf_face a = faces[0];
    a.score = 0.25f;
    rf_face_list one[2] = {{&a, 1, 1}, {0}};
    const rf_protocol_input input = {.truth = &truth, .detections = one};
    assert_int_equal(rf_protocols[RF_PROTOCOL_fddb]->write(&input, scratch), RF_OK);
    char path[300];
    snprintf(path, sizeof path, "%s/fddb_detections.txt", scratch);
    for (int i = 0; i < 2; i++) rf_face_list_free(&lists[i]);
    assert_int_equal(rf_fddb_read(path, &truth, lists, shapes, &missing), RF_OK);
    assert_int_equal(missing, 0);
    assert_float_equal(lists[0].items[0].box[2], a.box[2], 1e-5);
    assert_float_equal(lists[0].items[0].score, 0.25, 0);
    for (int i = 0; i < 2; i++) {
        rf_face_list_free(&lists[i]);
        rf_free(shapes[i]);
    }
}

/* ---- AFW and PASCAL faces, MAFA ---- */

static void pascal_faces_by_hand(void **state) {
    (void)state;
    make_truth();
    for (int k = 2; k < 4; k++) faces[1].box[k] = faces[1].box[k - 2] + 29; /* too small: counts neither way */
    rf_face a[4] = {faces[0], faces[1], faces[2], faces[2]}, b = faces[3];
    for (int i = 0; i < 4; i++) a[i].score = 0.9f - 0.1f * (float)i;
    for (int k = 2; k < 4; k++) a[3].box[k] = a[3].box[k - 2] + 21; /* dropped: both sides at most 21.2 */
    /* All true detections reach further left, by half their width: IoU 2/3. */
    rf_face *all[3] = {&a[0], &a[2], &b};
    for (int i = 0; i < 3; i++) {
        float w = all[i]->box[2] - all[i]->box[0];
        all[i]->box[0] -= 0.5f * w;
    }
    rf_face_list lists[2] = {{a, 4, 4}, {&b, 1, 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, lists);
    assert_float_equal(value_of(&r, "ap"), 1, 1e-9);
    assert_float_equal(value_of(&r, "ap_unfitted"), 1, 1e-9); /* 1 / 1.5 is above 0.5 */
    assert_float_equal(value_of(&r, "fitted_to"), 3, 0);
    rf_protocol_result_free(&r);
    /* b is found only once the fit has made its box as the others': IoU 0.49 before, 0.65 after. */
    b.box[3] -= 0.35f * (b.box[3] - b.box[1]);
    r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, lists);
    assert_float_equal(value_of(&r, "ap_unfitted"), 2.0 / 3, 1e-9);
    assert_float_equal(value_of(&r, "ap"), 1, 1e-9);
    rf_protocol_result_free(&r);
    /* exactly one half is not above one half */
    rf_face half = faces[3];
    half.box[2] += half.box[2] - half.box[0];
    rf_face_list only[2] = {{0}, {&half, 1, 1}};
    r = must_run(rf_protocols[RF_PROTOCOL_pascal_faces], &truth, only);
    assert_float_equal(value_of(&r, "ap"), 0, 0);
    rf_protocol_result_free(&r);
}

static void mafa_by_hand(void **state) {
    (void)state;
    make_truth(); /* masked, unmasked, masked; unmasked */
    faces[2].kind = RF_MAFA_INVALID;
    faces[2].ignore = true;
    rf_face a[4] = {faces[0], faces[1], faces[2], faces[0]};
    for (int i = 0; i < 4; i++) a[i].score = 0.9f - 0.1f * (float)i;
    a[3].score = 0.95f;
    for (int k = 0; k < 4; k += 2) a[3].box[k] += 1000; /* false, and the best */
    rf_face_list lists[2] = {{a, 4, 4}, {0}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_mafa], &truth, lists);
    assert_float_equal(value_of(&r, "masked"), 0.5, 1e-9);          /* false, true of 1 */
    assert_float_equal(value_of(&r, "unmasked"), 0.5 * 0.5, 1e-9);  /* false, true of 2 */
    assert_float_equal(value_of(&r, "all"), 2.0 / 3 * 2 / 3, 1e-9); /* false, true, true of 3 */
    rf_protocol_result_free(&r);
}

/* ---- landmarks ---- */

static void landmarks_by_hand(void **state) {
    (void)state;
    make_truth(); /* boxes 80x60, 80x60, 60x80, 40x40; eyes 5 pixels apart */
    rf_face a[2] = {faces[0], faces[1]}, b = faces[3];
    for (int p = 0; p < RF_POINTS; p++) {
        a[0].points[2 * p] += 2;
        b.points[2 * p + 1] += 6;
    }
    rf_face_list lists[2] = {{a, 2, 2}, {&b, 1, 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_landmarks], &truth, lists);
    double first = 2 / sqrt(4800), last = 6 / 40.0;
    assert_float_equal(value_of(&r, "nme_box"), (first + last) / 3, 1e-6);
    assert_float_equal(value_of(&r, "failure_rate_box"), 1.0 / 3, 1e-9);
    assert_float_equal(value_of(&r, "failed_or_missed_box"), 2.0 / 4, 1e-9);
    assert_float_equal(value_of(&r, "auc_box"), (1 + (0.1 - first) / 0.1) / 4, 1e-6);
    assert_float_equal(value_of(&r, "nme_eyes"), (2 / 5.0 + 6 / 5.0) / 3, 1e-6);
    assert_float_equal(value_of(&r, "found"), 3, 0);
    const double want[4] = {0, 0, first, last};
    assert_int_equal(r.curves[0].n, 4);
    for (int i = 0; i < 4; i++) {
        assert_float_equal(r.curves[0].x[i], want[i], 1e-6);
        assert_float_equal(r.curves[0].y[i], i / 4.0, 1e-9);
    }
    rf_protocol_result_free(&r);
}

/* ---- COCO ---- */

static void coco_by_hand(void **state) {
    (void)state;
    make_truth(); /* areas 4800, 4800, 4800: medium; 1600: medium */
    rf_face a[3] = {faces[0], faces[1], faces[2]}, b = faces[3];
    a[0].score = 0.9f;
    a[1].score = 0.8f;
    a[2].score = 0.7f;
    b.score = 0.6f;
    for (int k = 0; k < 4; k += 2) a[1].box[k] += 1000;              /* false */
    a[2].box[2] = a[2].box[0] + 0.72f * (a[2].box[2] - a[2].box[0]); /* IoU 0.72: true up to 0.7 */
    rf_face_list lists[2] = {{a, 3, 3}, {&b, 1, 1}};
    rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
    /* low: true, false, true, true of 4: recalls 0..0.25 at 1, ..0.75 at 3/4; 26 and 50 of 101 places */
    double low = (26 + 50 * 0.75) / 101, high = (26 + 25 * 0.5) / 101;
    assert_float_equal(value_of(&r, "ap50"), low, 1e-9);
    assert_float_equal(value_of(&r, "ap75"), high, 1e-9);
    assert_float_equal(value_of(&r, "ap"), (5 * low + 5 * high) / 10, 1e-9);
    assert_float_equal(value_of(&r, "ap_medium"), (5 * low + 5 * high) / 10, 1e-9);
    assert_true(isnan(value_of(&r, "ap_small")));
    assert_float_equal(value_of(&r, "ar100"), (5 * 0.75 + 5 * 0.5) / 10, 1e-9);
    rf_protocol_result_free(&r);
    /* a crowd takes any number of detections, and they count neither way */
    faces[1].ignore = true;
    a[1] = faces[1];
    a[2] = faces[1];
    a[2].box[2] -= 60; /* a quarter of the crowd, wholly inside */
    a[1].score = a[2].score = 0.95f;
    r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
    assert_float_equal(value_of(&r, "ap50"), 67.0 / 101, 1e-9); /* 2 of 3 found, nothing false */
    rf_protocol_result_free(&r);
    /* only 100 detections of an image are looked at */
    static rf_face many[101];
    for (int i = 0; i < 101; i++) {
        many[i] = faces[0];
        many[i].score = i == 100 ? 0.1f : 0.5f;
        for (int k = 0; k < 4 && i < 100; k++) many[i].box[k] += 2000;
    }
    rf_face_list crowded[2] = {{many, 101, 101}, {0}};
    r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, crowded);
    assert_float_equal(value_of(&r, "ap50"), 0, 0);
    rf_protocol_result_free(&r);
}

/* Average precision at one IoU by the definition, for scores that all differ and no ignored faces. */
static double naive_coco(const rf_face_list *lists, double iou) {
    double best[101] = {0}, sum = 0;
    bool taken[4] = {false}, done[2][8] = {{false}};
    int hits = 0, n = 0;
    for (;;) {
        int s = -1, k = -1;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < (int)lists[i].n; j++)
                if (!done[i][j] && (s < 0 || lists[i].items[j].score > lists[s].items[k].score)) s = i, k = j;
        if (s < 0) break;
        done[s][k] = true;
        int face = -1;
        double most = iou;
        for (size_t f = samples[s].first_face; f < samples[s].first_face + samples[s].n_faces; f++) {
            double o = (double)rf_box_iou(lists[s].items[k].box, faces[f].box, false);
            if (taken[f] || o < most) continue;
            most = o;
            face = (int)f;
        }
        n++;
        if (face < 0) continue;
        taken[face] = true;
        hits++;
        for (int r = 0; r <= 100; r++)
            if (r / 100.0 <= hits / 4.0 + 1e-12) best[r] = fmax(best[r], (double)hits / n);
    }
    for (int r = 0; r <= 100; r++) sum += best[r];
    return sum / 101;
}

static void coco_equals_naive(void **state) {
    (void)state;
    make_truth();
    rf_rng rng = rf_rng_make(5, 0, 0, RF_STREAM_TEST);
    for (int round = 0; round < 100; round++) {
        rf_face found[2][8];
        rf_face_list lists[2];
        for (int s = 0; s < 2; s++) {
            lists[s] = (rf_face_list){found[s], rf_rng_below(&rng, 9), 8};
            for (size_t k = 0; k < lists[s].n; k++) {
                found[s][k] = faces[samples[s].first_face + rf_rng_below(&rng, (uint32_t)samples[s].n_faces)];
                found[s][k].score = rf_rng_uniform(&rng);
                for (int c = 0; c < 4; c++) found[s][k].box[c] += rf_rng_range(&rng, -8, 8);
            }
        }
        rf_protocol_result r = must_run(rf_protocols[RF_PROTOCOL_coco], &truth, lists);
        double mean = 0;
        for (int i = 0; i < 10; i++) mean += naive_coco(lists, 0.5 + 0.05 * i) / 10;
        assert_float_equal(value_of(&r, "ap50"), naive_coco(lists, 0.5), 1e-9);
        assert_float_equal(value_of(&r, "ap75"), naive_coco(lists, 0.75), 1e-9);
        assert_float_equal(value_of(&r, "ap"), mean, 1e-9);
        rf_protocol_result_free(&r);
    }
}

static int set_up(void **state) {
    (void)state;
    return mkdtemp(scratch) ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),        cmocka_unit_test(hungarian),
        cmocka_unit_test(contract),     cmocka_unit_test(needs_are_told),
        cmocka_unit_test(fddb_by_hand), cmocka_unit_test(fddb_equals_naive),
        cmocka_unit_test(fddb_files),   cmocka_unit_test(pascal_faces_by_hand),
        cmocka_unit_test(mafa_by_hand), cmocka_unit_test(landmarks_by_hand),
        cmocka_unit_test(coco_by_hand), cmocka_unit_test(coco_equals_naive),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
