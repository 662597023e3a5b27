/* FDDB: masks, the assignment, curves and files, by hand and against naive loops. */
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
#include "tests/protocol_set.h"
#include "tests/scratch.h"

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

/* The angle goes from the x axis towards the y axis, which points down: the official program turns FDDB's angle t into
 * 180 - t degrees while it reads and draws with OpenCV, clockwise on the screen, at 180 minus that. Radii 10 and 2 at
 * 45 degrees: the border is where 26 u^2 - 48 u v + 26 v^2 = 200, (u, v) from the centre; at v = 4.5 that is u = (216
 * -+ sqrt(46656 - 104 * 326.5)) / 52 = 1.9866 and 6.3210. */
static void angles_turn_towards_y(void **state) {
    (void)state;
    rf_shape e = rf_shape_of_ellipse(&(rf_ellipse){10, 2, (float)(M_PI / 4), 50, 50});
    int first, last;
    rf_shape_row(&e, 54, &first, &last); /* centres of pixels at y = 54.5 */
    assert_int_equal(first, 52);         /* from 51.9866 */
    assert_int_equal(last, 56);          /* to 56.3210 */
    rf_shape_row(&e, 45, &first, &last); /* y = 45.5, the mirror image by the centre */
    assert_int_equal(first, 44);         /* from 43.6790 */
    assert_int_equal(last, 48);          /* to 48.0134 */
    const double box = sqrt((100 + 4) / 2.0);
    for (int k = 0; k < 4; k++) assert_float_equal(e.box[k], 50 + (k < 2 ? -box : box), 1e-4);
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
    rf_face_list lists[2] = {{0}, {.items = b, .n = 3, .capacity = 3}};
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
            lists[s] = (rf_face_list){.items = found[s], .n = rf_rng_below(&rng, 9), .capacity = 8};
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
    rf_face_list one[2] = {{.items = &a, .n = 1, .capacity = 1}, {0}};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),        cmocka_unit_test(angles_turn_towards_y), cmocka_unit_test(hungarian),
        cmocka_unit_test(fddb_by_hand), cmocka_unit_test(fddb_equals_naive),     cmocka_unit_test(fddb_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
