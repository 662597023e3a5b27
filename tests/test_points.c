/* SPDX-License-Identifier: Apache-2.0 */
/* Objects with other points than five: annotated, mirrored, drawn, encoded and found again. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/synth.h"
#include "detect/nms.h"
#include "detect/point_flip.h"
#include "detect/spec.h"
#include "tests/convert_kit.h"
#include "tests/decode_kit.h"
#include "tests/faces_kit.h"

static rf_config config_of(const char *points, const char *flip) {
    char a[64], b[300];
    const char *sets[] = {a, b};
    rf_config config;
    snprintf(a, sizeof a, "data.points=%s", points);
    snprintf(b, sizeof b, "data.flip_points=%s", flip);
    if (rf_config_load(NULL, sets, 2, &config) != RF_OK) fail_msg("%s", rf_error_message());
    return config;
}

/* The two schemes of docs/formats.md fit in a setting, and their pairs are all different points. */
static const char ibug[] =
    "0-16,1-15,2-14,3-13,4-12,5-11,6-10,7-9,17-26,18-25,19-24,20-23,21-22,31-35,32-34,36-45,37-44,"
    "38-43,39-42,40-47,41-46,48-54,49-53,50-52,55-59,56-58,60-64,61-63,65-67";
static const char wflw[] =
    "0-32,1-31,2-30,3-29,4-28,5-27,6-26,7-25,8-24,9-23,10-22,11-21,12-20,13-19,14-18,15-17,33-46,"
    "34-45,35-44,36-43,37-42,38-50,39-49,40-48,41-47,55-59,56-58,60-72,61-71,62-70,63-69,64-68,"
    "65-75,66-74,67-73,76-82,77-81,78-80,83-87,84-86,88-92,89-91,93-95,96-97";

static void pairs_are_read(void **state) {
    (void)state;
    rf_point_flip flip;
    rf_config config = config_of("5", "");
    assert_int_equal(rf_point_flip_from_config(&config, &flip), RF_OK);
    assert_int_equal(flip.n_pairs, 2);
    assert_true(flip.pairs[1][0] == 3 && flip.pairs[1][1] == 4 && rf_point_flip_known(&config));
    config = config_of("4", "");
    assert_false(rf_point_flip_known(&config));
    config = config_of("4", "none");
    assert_true(rf_point_flip_known(&config));
    assert_int_equal(rf_point_flip_from_config(&config, &flip), RF_OK);
    assert_int_equal(flip.n_pairs, 0);
    config = config_of("68", ibug);
    assert_int_equal(rf_point_flip_from_config(&config, &flip), RF_OK);
    assert_int_equal(flip.n_pairs, 29);
    config = config_of("98", wflw);
    assert_int_equal(rf_point_flip_from_config(&config, &flip), RF_OK);
    assert_int_equal(flip.n_pairs, 44);
    static const char *const wrong[][2] = {{"0-4", "a point that there is not"},
                                           {"0", "no pair"},
                                           {"0-1,", "comma"},
                                           {"0-1,1-2", "a point again"},
                                           {"2-2", "again"},
                                           {"a-b", "no pair"},
                                           {"0-1 2-3", "no pair"},
                                           {"0:1", "no pair"},
                                           {"0-1,,2-3", "no pair"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        config = config_of("4", wrong[i][0]);
        assert_int_equal(rf_point_flip_from_config(&config, &flip), RF_ERR_USER);
        if (!strstr(rf_error_message(), wrong[i][1])) fail_msg("%s: %s", wrong[i][0], rf_error_message());
    }
}

/* A setting that mirrors needs the pairs; without one they need not be known. */
static void mirroring_needs_the_pairs(void **state) {
    (void)state;
    rf_detect_spec spec;
    rf_config config = config_of("4", "");
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "augment.flip"));
    config.augment.flip = 0;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    config.eval.flip = true;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_ERR_USER);
    config.model.landmarks = false;
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
    config = config_of("0", "");
    assert_false(config.model.landmarks);
    assert_int_equal(rf_detect_spec_from_config(&config, &spec), RF_OK);
}

static void flip_changes_places(void **state) {
    (void)state;
    rf_config config = config_of("4", "0-1,2-3");
    config.input.size = 64;
    rf_image image = {0};
    assert_int_equal(rf_image_alloc(&image, 64, 64), RF_OK);
    rf_face face = {.box = {10, 20, 30, 40}};
    face_give_points(&face, 4);
    const float corners[8] = {10, 20, 30, 22, 29, 40, 11, 38}, mirrored[8] = {34, 22, 54, 20, 53, 38, 35, 40};
    memcpy(face.points, corners, sizeof corners);
    face.visible[3] = 0;
    rf_picture p = {.width = 64, .height = 64, .denom = 1, .image = image, .faces = &face, .n_faces = 1};
    assert_int_equal(rf_augments[RF_AUGMENT_flip]->apply(&config, (const double[8]){1}, &p), RF_OK);
    assert_memory_equal(face.points, mirrored, sizeof mirrored);
    assert_true(face.visible[2] == 0 && face.visible[3] == 1);
    rf_image_free(&image);
}

static rf_status open_text(const char *text, bool tolerant, rf_dataset **out) {
    char path[] = "/tmp/rf_test_points_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    rf_status status =
        tolerant ? rf_dataset_open_tolerant("auto", path, "", "", out) : rf_dataset_open("auto", path, "", "", out);
    unlink(path);
    return status;
}

static void label_text_has_any_number(void **state) {
    (void)state;
    static const int counts[] = {1, 4, 5, 21, 68, 98};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int more = 0; more < 3; more++) {
            char text[4096] = "# a.jpg\n10 20 30 40\n10 20 30 40", path[] = "/tmp/rf_test_again_XXXXXX";
            int fd = mkstemp(path);
            close(fd);
            size_t n = strlen(text);
            for (int k = 0; k < counts[i]; k++)
                n += (size_t)sprintf(text + n, " %d.5 %d %d", 10 + k, 20 + k, k % 3 == 2);
            strcpy(text + n, more == 0 ? "\n" : more == 1 ? " 0.25\n" : " 0.25 1\n");
            rf_dataset *d, *again;
            if (open_text(text, false, &d) != RF_OK) fail_msg("%d points: %s", counts[i], rf_error_message());
            assert_true(d->n_points == counts[i] && d->n_faces == 2 && d->faces[0].n_points == 0);
            const rf_face *face = &d->faces[1];
            int last = counts[i] - 1;
            assert_int_equal(face->n_points, counts[i]);
            assert_true(face->points[2 * last] == 10.5f + (float)last &&
                        face->points[2 * last + 1] == 20 + (float)last);
            assert_int_equal(rf_face_hides(face, last), last % 3 == 2);
            assert_true(face->ignore == (more == 2) && face->has_blur == (more > 0));
            assert_int_equal(rf_dataset_write_label(d, path), RF_OK);
            assert_int_equal(rf_dataset_open("label", path, "", "", &again), RF_OK);
            assert_true(again->n_faces == 2 && again->faces[0].n_points == 0);
            assert_true(again->faces[1].n_points == counts[i] &&
                        memcmp(again->faces[1].points, face->points, 2 * (size_t)counts[i] * sizeof(float)) == 0);
            unlink(path);
            rf_dataset_free(d);
            rf_dataset_free(again);
        }
}

/* Faces of one set have as many points; the one that differs is told, and left out where that is asked for. */
static void one_set_one_number(void **state) {
    (void)state;
    static const char mixed[] = "# a.jpg\n1 2 30 40 5 6 0 7 8 0\n1 2 30 40 5 6 0\n1 2 30 41 5 6 0 7 8 0\n";
    rf_dataset *d;
    assert_int_equal(open_text(mixed, false, &d), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), ":3: a face with 1 points, but line 2 has one with 2"));
    assert_int_equal(open_text(mixed, true, &d), RF_OK);
    assert_true(d->n_faces == 2 && d->n_remarks == 1 && d->remarks[0].line == 3);
    rf_config config = config_of("5", "");
    config.train.batch = 1;
    rf_loader *loader;
    assert_int_equal(rf_loader_open(d, &config, 1, &loader), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "set data.points=2"));
    rf_dataset_free(d);
}

static void codes_are_decoded(void **state) {
    (void)state;
    enum { K = 68 };
    const rf_codec codec = {.variance_centre = 0.1f, .variance_size = 0.2f, .plus_one = false, .n_points = K};
    const float anchors[8] = {50, 60, 40, 40, 10, 10, 8, 8}, cls[4] = {0, 3, 0, 5}, loc[8] = {0};
    float points[2][2 * K], codes[2][2 * K];
    for (int a = 0; a < 2; a++) {
        for (int i = 0; i < 2 * K; i++) points[a][i] = (float)(20 * a + i);
        rf_codec_encode_points(&codec, anchors + 4 * a, points[a], codes[a]);
    }
    rf_face_list list = {0};
    assert_int_equal(kit_decode_faces(&codec, anchors, 2, cls, loc, codes[0], 0.5f, &list), RF_OK);
    assert_int_equal(list.n, 2);
    for (int merge = 0; merge < rf_merger_count(); merge++) {
        assert_int_equal(rf_merger_at(merge)->run(&list, &(rf_merge_spec){.iou = 0.5f, .soft_sigma = 0.5f}), RF_OK);
        assert_int_equal(list.n, 2);
        for (int f = 0; f < 2; f++) {
            assert_int_equal(list.items[f].n_points, K);
            for (int i = 0; i < 2 * K; i++) assert_float_equal(list.items[f].points[i], points[1 - f][i], 1e-4);
        }
    }
    rf_face_list_free(&list);
}

/* Copies in a list and in a block are their own. */
static void copies_are_their_own(void **state) {
    (void)state;
    float xy[6] = {1, 2, 3, 4, 5, 6}, seen[3] = {1, 0, 1};
    rf_face faces[2] = {{.score = 1, .n_points = 3, .points = xy, .visible = seen}, {.score = 2}};
    rf_face_list list = {0};
    for (int i = 0; i < 5000; i++) assert_int_equal(rf_face_list_push(&list, &faces[i % 2]), RF_OK);
    rf_face *block = rf_faces_copy(faces, 2, list.items, 3);
    xy[0] = 99;
    seen[1] = 1;
    for (size_t i = 0; i < list.n; i++) {
        if (i % 2) assert_true(list.items[i].n_points == 0 && !list.items[i].points);
        if (i % 2 == 0) assert_true(list.items[i].points[0] == 1 && list.items[i].visible[1] == 0);
    }
    assert_true(block[0].points[0] == 1 && block[2].points[5] == 6 && !block[1].points && !rf_face_hides(&block[0], 2));
    rf_free(block);
    rf_face_list_clear(&list);
    uint64_t before = rf_alloc_count();
    for (int i = 0; i < 5000; i++) assert_int_equal(rf_face_list_push(&list, &faces[i % 2]), RF_OK);
    assert_int_equal(rf_alloc_count(), before); /* what was there serves again */
    assert_true(list.items[4998].points[0] == 99);
    rf_face_list_free(&list);
}

static void plates_have_four_corners(void **state) {
    (void)state;
    rf_synth_options o;
    rf_synth_defaults(&o);
    o.width = 320, o.height = 240, o.max_face = 80, o.plates = true;
    size_t count = 0;
    for (uint64_t index = 0; index < 40; index++) {
        rf_image image;
        rf_face *faces;
        size_t n;
        assert_int_equal(rf_synth_image(3, index, &o, &image, &faces, &n), RF_OK);
        for (size_t i = 0; i < n; i++, count++) {
            float lo[2] = {1e9f, 1e9f}, hi[2] = {-1e9f, -1e9f};
            const float *p = faces[i].points;
            assert_int_equal(faces[i].n_points, 4);
            for (int k = 0; k < 8; k++) lo[k % 2] = fminf(lo[k % 2], p[k]), hi[k % 2] = fmaxf(hi[k % 2], p[k]);
            const float box[4] = {lo[0], lo[1], hi[0], hi[1]};
            assert_memory_equal(faces[i].box, box, sizeof box); /* tight */
            assert_true(lo[0] >= 0 && lo[1] >= 0 && hi[0] <= 320 && hi[1] <= 240);
            for (int k = 0; k < 4; k++) { /* clockwise, as seen */
                const float *a = p + 2 * k, *b = p + 2 * ((k + 1) % 4), *c = p + 2 * ((k + 2) % 4);
                assert_true((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) > 0);
            }
        }
        rf_image_free(&image);
        rf_free(faces);
    }
    assert_true(count > 40);
}

/* The 68 points agree with the five where both name a place, and stay near the box. */
static void heads_have_68_points(void **state) {
    (void)state;
    rf_synth_options five, many;
    rf_synth_defaults(&five);
    five.width = five.height = 400, five.min_face = 80, five.max_face = 200, five.max_faces = 4;
    many = five;
    many.points = 68;
    size_t count = 0;
    for (uint64_t index = 0; index < 30; index++) {
        rf_image image[2];
        rf_face *faces[2];
        size_t n[2];
        assert_int_equal(rf_synth_image(3, index, &five, &image[0], &faces[0], &n[0]), RF_OK);
        assert_int_equal(rf_synth_image(3, index, &many, &image[1], &faces[1], &n[1]), RF_OK);
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(image[0].pixels, image[1].pixels, 400 * 400 * 3); /* the same people */
        for (size_t i = 0; i < n[0]; i++) {
            const rf_face *a = &faces[0][i], *b = &faces[1][i];
            assert_memory_equal(a->box, b->box, sizeof a->box);
            if (!a->n_points || !b->n_points) continue;
            assert_int_equal(b->n_points, 68);
            count++;
            float side = b->box[3] - b->box[1];
            static const int same[3][2] = {{2, 30}, {3, 48}, {4, 54}}; /* tip of the nose, corners of the mouth */
            for (int k = 0; k < 3; k++)
                for (int d = 0; d < 2; d++)
                    assert_float_equal(a->points[2 * same[k][0] + d], b->points[2 * same[k][1] + d], 1e-3);
            float eye = 0.5f * (b->points[2 * 36] + b->points[2 * 39]);
            assert_true(fabsf(eye - a->points[0]) < 0.06f * side);
            for (int k = 0; k < 68; k++)
                for (int d = 0; d < 2; d++)
                    assert_true(b->points[2 * k + d] > b->box[d] - 0.3f * side &&
                                b->points[2 * k + d] < b->box[d + 2] + 0.3f * side);
        }
        for (int k = 0; k < 2; k++) {
            rf_image_free(&image[k]);
            rf_free(faces[k]);
        }
    }
    assert_true(count > 20);
    many.points = 7;
    assert_int_equal(rf_synth_check(&many), RF_ERR_USER);
}

/* Annotations of other tools with four corners, by number, by order and by name. */
static void other_formats_have_any_number(void **state) {
    (void)state;
    static const char want[] = "# a.jpg\n10 20 30 40 10 20 0 40 21 0 39 60 0 11 59 1 0\n",
                      seen[] = "# a.jpg\n10 20 30 40 10 20 0 40 21 0 39 60 0 11 59 0 0\n";
    static const struct {
        const char *format, *file, *text, *names, *want;
    } cases[] = {
        {"coco", "a.json",
         "{\"categories\":[{\"id\":1,\"name\":\"plate\",\"keypoints\":[\"tl\",\"tr\",\"br\",\"bl\"]}],"
         "\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"image_id\":1,\"category_id\":1,"
         "\"bbox\":[10,20,30,40],\"keypoints\":[10,20,2,40,21,2,39,60,2,11,59,1]}]}",
         NULL, want},
        {"coco", "a.json",
         "{\"categories\":[{\"id\":1,\"name\":\"plate\",\"keypoints\":[\"bl\",\"br\",\"tr\",\"tl\"]}],"
         "\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"image_id\":1,\"category_id\":1,"
         "\"bbox\":[10,20,30,40],\"keypoints\":[11,59,1,39,60,2,40,21,2,10,20,2]}]}",
         "TL,TR,BR,BL", want},
        {"coco", "a.json",
         "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"image_id\":1,"
         "\"bbox\":[10,20,30,40],\"keypoints\":[10,20,2,40,21,2,39,60,2,11,59,1]}]}",
         NULL, want},
        {"yolo", "a.txt", "0 0.25 0.5 0.3 0.5 0.1 0.25 2 0.4 0.2625 2 0.39 0.75 2 0.11 0.7375 1\n", NULL, want},
        {"yolo", "a.txt", "0 0.25 0.5 0.3 0.5 0.1 0.25 0.4 0.2625 0.39 0.75 0.11 0.7375\n", NULL, seen},
        {"labelv2", "a.txt", "# a.jpg 100 80\n10 20 40 60 10 20 0 40 21 0 39 60 0 11 59 1\n", NULL, want},
        {"csv", "a.csv",
         "path,x,y,w,h,p0_x,p0_y,p1_x,p1_y,p2_x,p2_y,p3_x,p3_y,p3_v\na.jpg,10,20,30,40,10,20,40,21,39,60,11,59,1\n",
         NULL, want},
        {"dlib", "a.xml",
         "<dataset><images><image file='a.jpg'><box top='20' left='10' width='30' height='40'><part name='3' x='11' "
         "y='59'/>"
         "<part name='0' x='10' y='20'/><part name='1' x='40' y='21'/><part name='2' x='39' "
         "y='60'/></box></image></images>"
         "</dataset>",
         NULL, seen},
        {"labelme", "a.json",
         "{\"imagePath\":\"a.jpg\",\"shapes\":[{\"label\":\"face\",\"shape_type\":\"rectangle\",\"points\":[[10,20],["
         "40,60]]},"
         "{\"label\":\"br\",\"shape_type\":\"point\",\"points\":[[39,60]]},{\"label\":\"tl\",\"shape_type\":\"point\","
         "\"points\":[[10,20]]},{\"label\":\"bl\",\"shape_type\":\"point\",\"points\":[[11,59]]},"
         "{\"label\":\"tr\",\"shape_type\":\"point\",\"points\":[[40,21]]}]}",
         "tl,tr,br,bl", seen},
    };
    kit_picture("pictures/a.jpg", 100, 80);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_convert_options o = {.place = RF_IMAGES_KEEP, .points = {4, cases[i].names}};
        const char *got = kit_labels(cases[i].format, cases[i].file, cases[i].text, &o);
        double numbers[2][17];
        for (int side = 0; side < 2; side++) { /* shares have rounding */
            const char *p = strchr(side ? cases[i].want : got, '\n');
            for (int k = 0; k < 17; k++) {
                char *end;
                assert_non_null(p);
                numbers[side][k] = strtod(p, &end);
                if (end == p) fail_msg("%zu, %s: %s%s", i, cases[i].format, got, kit_found);
                p = end;
            }
        }
        for (int k = 0; k < 17; k++)
            if (fabs(numbers[0][k] - numbers[1][k]) > 1e-3) fail_msg("%zu, %s: %s", i, cases[i].format, got);
        assert_int_equal(kit_stats.with_points, 1);
    }
    /* One point too few: told, and the face is taken without. */
    rf_convert_options o = {.place = RF_IMAGES_KEEP, .points = {4, NULL}};
    kit_labels(
        "dlib", "a.xml",
        "<dataset><images><image file='a.jpg'><box top='20' left='10' width='30' height='40'><part name='3' x='11' "
        "y='59'/></box></image></images></dataset>",
        &o);
    assert_true(kit_stats.with_points == 0 && kit_stats.left_out[RF_CONVERT_PARTIAL] == 1);
    assert_non_null(strstr(kit_found, "some of the 4 points are missing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_read),       cmocka_unit_test(mirroring_needs_the_pairs),
        cmocka_unit_test(flip_changes_places),  cmocka_unit_test(label_text_has_any_number),
        cmocka_unit_test(one_set_one_number),   cmocka_unit_test(codes_are_decoded),
        cmocka_unit_test(copies_are_their_own), cmocka_unit_test(plates_have_four_corners),
        cmocka_unit_test(heads_have_68_points), cmocka_unit_test(other_formats_have_any_number),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
