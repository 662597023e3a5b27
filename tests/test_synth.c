/* SPDX-License-Identifier: Apache-2.0 */
/* The synthetic set: the same bytes always, exact and tight annotation, ranges respected, places without a prior. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/dataset.h"
#include "data/synth.h"
#include "data/synth_head.h"

enum { IMAGES = 160 };

static rf_synth_options small_options(void) {
    rf_synth_options o;
    rf_synth_defaults(&o);
    o.width = 200;
    o.height = 160;
    o.max_face = 120;
    return o;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

/* Writes a set and returns the checksum of all its files, names included; removes it again. */
static uint32_t set_checksum(int threads, uint64_t seed, const rf_synth_options *o) {
    char dir[] = "/tmp/rf_test_synth_XXXXXX", path[512];
    char **names;
    size_t count;
    uint32_t crc = 0;
    assert_non_null(mkdtemp(dir));
    rf_set_threads(threads);
    if (rf_synth_write(dir, 9, 3, seed, o, NULL, NULL) != RF_OK) fail_msg("%s", rf_error_message());
    rf_set_threads(0);
    assert_int_equal(rf_dir_list(dir, NULL, true, &names, &count), RF_OK);
    assert_int_equal(count, 9 + 3 + 3);
    for (size_t i = 0; i < count; i++) {
        uint8_t *data;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(rf_file_read(path, 0, &data, &size), RF_OK);
        crc = rf_crc32(rf_crc32(crc, names[i], strlen(names[i])), data, size);
        rf_free(data);
    }
    rf_names_free(names, count);
    assert_int_equal(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    return crc;
}

static void test_same_bytes(void **state) {
    (void)state;
    rf_synth_options o = small_options();
    uint32_t first = set_checksum(1, 5, &o);
    assert_int_equal(first, set_checksum(2, 5, &o));
    assert_int_not_equal(first, set_checksum(2, 6, &o));
}

static bool stop_early(void *ctx, size_t done, size_t total) {
    (void)ctx;
    return done >= total;
}

static void test_write_faults(void **state) {
    (void)state;
    rf_synth_options o = small_options();
    assert_int_equal(rf_synth_write("/proc/nowhere", 1, 0, 1, &o, NULL, NULL), RF_ERR_IO);
    assert_non_null(strstr(rf_error_message(), "/proc/nowhere"));
    char dir[] = "/tmp/rf_test_synth_XXXXXX", path[128];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(rf_synth_write(dir, 65, 1, 1, &o, stop_early, NULL), RF_ERR_INTERRUPTED);
    snprintf(path, sizeof path, "%s/train/label.txt", dir);
    assert_false(rf_file_exists(path)); /* no annotation of half a set */
    assert_int_equal(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    o.width = 63;
    assert_int_equal(rf_synth_write(dir, 1, 0, 1, &o, NULL, NULL), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "width is 63"));
    o = small_options();
    o.min_face = 130;
    assert_int_equal(rf_synth_check(&o), RF_ERR_USER);
    o = small_options();
    o.max_face = 200;
    assert_int_equal(rf_synth_check(&o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "largest face is 200"));
}

/* Sums over a number of pictures. */
typedef struct tally {
    size_t faces, empty, ignored, with_points, whole;
    size_t left, top, quarter[16]; /* where the middles of the boxes lie */
    float smallest, largest;
    double contrast; /* mean difference between the box's colours and the frame around it */
} tally;

static void mean_colour(const rf_image *image, const float box[4], const float hole[4], double out[3]) {
    size_t n = 0;
    out[0] = out[1] = out[2] = 0;
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            float px = (float)x + 0.5f, py = (float)y + 0.5f;
            if (px < box[0] || px >= box[2] || py < box[1] || py >= box[3]) continue;
            if (hole && px >= hole[0] && px < hole[2] && py >= hole[1] && py < hole[3]) continue;
            for (size_t c = 0; c < 3; c++)
                out[c] += image->pixels[3 * ((size_t)y * (size_t)image->width + (size_t)x) + c];
            n++;
        }
    }
    for (int c = 0; c < 3 && n > 0; c++) out[c] /= (double)n;
}

static void check_face(const rf_face *f, const rf_image *image, const rf_synth_options *o) {
    const float *b = f->box;
    float w = b[2] - b[0], h = b[3] - b[1];
    assert_true(b[0] >= 0 && b[1] >= 0 && b[2] <= (float)image->width && b[3] <= (float)image->height);
    assert_true(w > 2 && h > 2);
    assert_true(h <= (float)o->max_face + 0.01f && h >= (float)o->min_face - 0.01f);
    for (int k = 0; k < f->n_points; k++) {
        float x = f->points[2 * k], y = f->points[2 * k + 1];
        assert_true(x >= 0 && y >= 0 && x < (float)image->width && y < (float)image->height);
        /* at a picture's border the box is cut, the points are not */
        assert_true(x >= b[0] - 0.05f * w && x <= b[2] + 0.05f * w && y >= b[1] && y <= b[3]);
    }
}

static void count_face(const rf_face *f, const rf_image *image, tally *t) {
    const float *b = f->box;
    float cx = 0.5f * (b[0] + b[2]), cy = 0.5f * (b[1] + b[3]), h = b[3] - b[1];
    int column = (int)(4 * cx / (float)image->width), row = (int)(4 * cy / (float)image->height);
    t->faces++;
    t->ignored += f->ignore;
    t->with_points += f->n_points > 0;
    t->quarter[4 * row + column]++;
    if (t->faces == 1 || h < t->smallest) t->smallest = h;
    if (h > t->largest) t->largest = h;
    if (f->ignore || h < 20) return;
    double inside[3], around[3];
    float w = b[2] - b[0], frame[4] = {b[0] - 0.6f * w, b[1] - 0.6f * h, b[2] + 0.6f * w, b[3] + 0.6f * h};
    mean_colour(image, b, NULL, inside);
    mean_colour(image, frame, b, around);
    for (int c = 0; c < 3; c++) t->contrast += fabs(inside[c] - around[c]) / 3;
    t->whole++;
}

static void test_pictures(void **state) {
    (void)state;
    rf_synth_options o = small_options();
    tally t = {0};
    for (uint64_t i = 0; i < IMAGES; i++) {
        rf_image image;
        rf_face *faces;
        size_t n;
        if (rf_synth_image(21, i, &o, &image, &faces, &n) != RF_OK) fail_msg("%s", rf_error_message());
        assert_true(image.width == o.width && image.height == o.height);
        assert_true(n <= (size_t)o.max_faces);
        t.empty += n == 0;
        for (size_t k = 0; k < n; k++) {
            check_face(&faces[k], &image, &o);
            count_face(&faces[k], &image, &t);
        }
        rf_image_free(&image);
        rf_free(faces);
    }
    assert_in_range(t.empty, 2, IMAGES / 3);
    assert_in_range(t.faces, 2 * IMAGES, 20 * IMAGES);
    assert_true(t.ignored < t.faces / 5);
    assert_true(t.with_points > t.faces * 3 / 4);
    assert_true(t.smallest < 9 && t.largest > 80);
    for (int i = 0; i < 16; i++) assert_in_range(t.quarter[i], t.faces / 100, t.faces / 4); /* no place is preferred */
    assert_true(t.whole > 50);
    assert_true(t.contrast / (double)t.whole > 12);
}

static void test_toggles(void **state) {
    (void)state;
    rf_synth_options o = small_options();
    o.min_face = 24;
    o.max_face = 48;
    o.max_faces = 3;
    o.max_yaw = 0;
    o.crowds = o.occlusion = o.accessories = o.degradation = o.distractors = false;
    for (uint64_t i = 0; i < 40; i++) {
        rf_image image;
        rf_face *faces;
        size_t n;
        assert_int_equal(rf_synth_image(2, i, &o, &image, &faces, &n), RF_OK);
        assert_true(n <= 3);
        for (size_t k = 0; k < n; k++) {
            check_face(&faces[k], &image, &o);
            assert_true(faces[k].n_points == RF_POINTS && !faces[k].ignore);
            float eyes = faces[k].points[2] - faces[k].points[0], fall = faces[k].points[3] - faces[k].points[1];
            float w = faces[k].box[2] - faces[k].box[0];
            assert_true(sqrtf(eyes * eyes + fall * fall) > 0.25f * w); /* frontal: both eyes are far apart */
        }
        rf_image_free(&image);
        rf_free(faces);
    }
}

static rf_head plain_head(float yaw) {
    rf_rng rng = rf_rng_make(4, 0, 0, RF_STREAM_TEST);
    rf_head head;
    rf_head_random(&head, false, &rng);
    head.style = RF_HAIR_BALD;
    head.cx = head.cy = 150;
    head.scale = 100;
    head.yaw = yaw;
    head.eye_open = 1;
    head.gaze_x = head.gaze_y = 0;
    return head;
}

/* The annotated box against the pixels that the renderer says show the face: tight at every side. */
static void test_box_is_tight(void **state) {
    (void)state;
    for (int turn = -3; turn <= 3; turn++) {
        rf_head head = plain_head(0.35f * (float)turn);
        rf_canvas canvas;
        rf_head_space space = {0};
        rf_face face;
        float points[2 * RF_POINTS];
        size_t shown, counted = 0;
        float seen[4] = {1e9f, 1e9f, -1, -1};
        assert_int_equal(rf_canvas_alloc(&canvas, 300, 300), RF_OK);
        assert_int_equal(rf_head_draw(&canvas, &head, 7, &space, &shown), RF_OK);
        rf_head_annotate(&head, &face, points);
        for (int y = 0; y < 300; y++) {
            for (int x = 0; x < 300; x++) {
                if (canvas.owner[y * 300 + x] != 7) continue;
                seen[0] = fminf(seen[0], (float)x);
                seen[1] = fminf(seen[1], (float)y);
                seen[2] = fmaxf(seen[2], (float)x + 1);
                seen[3] = fmaxf(seen[3], (float)y + 1);
                counted++;
            }
        }
        assert_int_equal(counted, shown);
        for (int k = 0; k < 4; k++)
            if (fabsf(seen[k] - face.box[k]) > 5) /* of a box of about 165 pixels */
                fail_msg("yaw %g side %d: drawn to %g, annotated %g", 0.35 * turn, k, seen[k], face.box[k]);
        rf_canvas_free(&canvas);
        rf_head_space_free(&space);
    }
}

static float grey_at(const rf_canvas *canvas, float x, float y) {
    const float *p = canvas->rgb + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
    return p[0] + p[1] + p[2];
}

/* The points lie on what they name: pupils are dark, and darker than the white beside them; the cheeks' skin is not. */
static void test_points_are_exact(void **state) {
    (void)state;
    for (int turn = -1; turn <= 1; turn++) {
        rf_head head = plain_head(0.3f * (float)turn);
        rf_canvas canvas;
        rf_head_space space = {0};
        rf_face face;
        float points[2 * RF_POINTS];
        size_t shown;
        head.roll = 0.2f;
        head.skin = (rf_rgb){0.8f, 0.65f, 0.55f};
        assert_int_equal(rf_canvas_alloc(&canvas, 300, 300), RF_OK);
        assert_int_equal(rf_head_draw(&canvas, &head, 1, &space, &shown), RF_OK);
        rf_head_annotate(&head, &face, points);
        float nose = grey_at(&canvas, face.points[4], face.points[5]);
        for (int eye = 0; eye < 2; eye++) {
            float x = face.points[2 * eye], y = face.points[2 * eye + 1];
            float beside[3], slope = 0.1f * head.eye_size;
            rf_head_project(&head, (eye ? 1.f : -1.f) * head.eye_x + slope, head.eye_y, beside);
            assert_true(grey_at(&canvas, x, y) < 0.35f * nose);
            assert_true(grey_at(&canvas, beside[0], beside[1]) > 2 * grey_at(&canvas, x, y));
        }
        assert_true(face.points[0] < face.points[2] && face.points[6] < face.points[8]);
        assert_true(face.points[1] < face.points[5] && face.points[5] < face.points[7]);
        rf_canvas_free(&canvas);
        rf_head_space_free(&space);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    rf_synth_options o = small_options();
    uint64_t n = 1;
    for (;; n++) {
        rf_image image;
        rf_face *faces;
        size_t count;
        rf_alloc_fail_at(n);
        rf_status status = rf_synth_image(21, 1, &o, &image, &faces, &count);
        rf_alloc_fail_at(0);
        if (status == RF_OK) {
            rf_image_free(&image);
            rf_free(faces);
            break;
        }
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_null(image.pixels);
        assert_null(faces);
    }
    assert_in_range(n, 6, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),    cmocka_unit_test(test_write_faults),
        cmocka_unit_test(test_pictures),      cmocka_unit_test(test_toggles),
        cmocka_unit_test(test_box_is_tight),  cmocka_unit_test(test_points_are_exact),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
