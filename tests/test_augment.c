/* SPDX-License-Identifier: Apache-2.0 */
/* Augmentation: the contract of every step, the crop rules, faces that follow their pixels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/augment.h"
#include "tests/faces_kit.h"

enum { MAX_FACES = 6 };

typedef struct scene {
    rf_picture picture;
    rf_face faces[MAX_FACES];
} scene;

static rf_face make_face(float x1, float y1, float x2, float y2) {
    rf_face face = {.box = {x1, y1, x2, y2}, .score = 1};
    face_give_points(&face, RF_POINTS);
    static const float places[2 * RF_POINTS] = {0.3f, 0.35f, 0.7f, 0.35f, 0.5f, 0.6f, 0.35f, 0.8f, 0.65f, 0.8f};
    for (int k = 0; k < RF_POINTS; k++) {
        face.points[2 * k] = x1 + places[2 * k] * (x2 - x1);
        face.points[2 * k + 1] = y1 + places[2 * k + 1] * (y2 - y1);
    }
    return face;
}

/* A noisy picture with faces of all kinds, the last one an ignore region. The scene must not move: free with
 * scene_free. */
static void random_scene(scene *s, uint64_t number, bool targets) {
    rf_rng rng = rf_rng_make(99, 0, number, RF_STREAM_TEST);
    *s = (scene){.picture = {.width = 20 + (int)rf_rng_below(&rng, 200),
                             .height = 20 + (int)rf_rng_below(&rng, 200),
                             .denom = 1}};
    rf_picture *p = &s->picture;
    assert_int_equal(rf_image_alloc(&p->image, p->width, p->height), RF_OK);
    for (int i = 0; i < p->width * p->height * 3; i++) p->image.pixels[i] = (uint8_t)rf_rng_u32(&rng);
    p->faces = s->faces;
    p->n_faces = MAX_FACES;
    for (int i = 0; i < MAX_FACES; i++) {
        float w = (float)p->width, h = (float)p->height, size = rf_rng_range(&rng, 0, 0.6f) * fminf(w, h);
        float x = rf_rng_range(&rng, 0, w - size), y = rf_rng_range(&rng, 0, h - size);
        s->faces[i] = make_face(x, y, x + size, y + size * 0.9f);
        s->faces[i].n_points = i & 1 ? RF_POINTS : 0;
        s->faces[i].ignore = i + 1 == MAX_FACES || !targets;
    }
    static const uint8_t fill[3] = {123, 117, 104};
    memcpy(p->fill, fill, 3);
}

static void scene_free(scene *s) {
    rf_image_free(&s->picture.spare);
    rf_image_free(&s->picture.image);
}

static rf_config settings(long size) {
    rf_config config;
    rf_config_defaults(&config);
    config.input.size = size;
    return config;
}

static void plan(const rf_config *config, uint64_t seed, rf_picture *p) {
    rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_AUGMENT);
    rf_augment_plan(config, &rng, p);
}

static void every_step_is_described_and_planned_by_sizes_only(void **state) {
    (void)state;
    for (int k = 0; k < RF_AUGMENT_COUNT; k++) {
        const rf_augment *a = rf_augments[k];
        assert_true(a && a->name[0] && strlen(a->doc) > 5 && a->off && a->apply);
        for (int i = 0; i < k; i++) assert_string_not_equal(a->name, rf_augments[i]->name);
    }
    rf_config config = settings(64);
    for (uint64_t n = 0; n < 200; n++) {
        scene a, b;
        random_scene(&a, n, true);
        random_scene(&b, n, true);
        rf_image_free(&b.picture.image); /* no pixels yet */
        plan(&config, n, &a.picture);
        plan(&config, n, &b.picture);
        assert_memory_equal(a.picture.draws, b.picture.draws, sizeof a.picture.draws);
        assert_memory_equal(&a.picture.region, &b.picture.region, sizeof a.picture.region);
        for (int i = 0; i < MAX_FACES; i++)
            assert_true(faces_equal(&a.faces[i], &b.faces[i])); /* planning moves nothing */
        scene_free(&a);
    }
}

/* With one step at work at a time and with all: valid faces, never more of them, a square picture, the same twice. */
static void every_step_keeps_the_contract(void **state) {
    (void)state;
    for (int only = -1; only < RF_AUGMENT_COUNT; only++) {
        rf_config config = settings(48);
        config.augment.min_face = 3;
        for (int k = 0; k < RF_AUGMENT_COUNT; k++)
            if (only >= 0 && k != only) rf_augments[k]->off(&config);
        for (uint64_t n = 0; n < 150; n++) {
            scene a, b;
            random_scene(&a, n, n % 5 != 0);
            random_scene(&b, n, n % 5 != 0);
            plan(&config, n, &a.picture);
            plan(&config, n, &b.picture);
            assert_int_equal(rf_augment_apply(&config, &a.picture), RF_OK);
            assert_int_equal(rf_augment_apply(&config, &b.picture), RF_OK);
            assert_true(a.picture.image.width == 48 && a.picture.image.height == 48);
            assert_memory_equal(a.picture.image.pixels, b.picture.image.pixels, 48 * 48 * 3);
            assert_true(a.picture.n_faces == b.picture.n_faces && a.picture.n_faces <= MAX_FACES);
            for (size_t i = 0; i < a.picture.n_faces; i++) assert_true(faces_equal(&a.faces[i], &b.faces[i]));
            for (size_t i = 0; i < a.picture.n_faces; i++) {
                const rf_face *f = &a.faces[i];
                for (int c = 0; c < 4; c++) assert_true(isfinite(f->box[c]));
                for (int c = 0; c < 2 * f->n_points; c++) assert_true(isfinite(f->points[c]));
                if (!f->ignore) assert_true(f->box[2] - f->box[0] >= 1 && f->box[3] - f->box[1] >= 1);
                if (config.augment.clip || f->ignore)
                    for (int c = 0; c < 4; c++) assert_true(f->box[c] >= -1e-3f && f->box[c] <= 48.001f);
            }
            scene_free(&a);
            scene_free(&b);
        }
    }
}

static void all_off_changes_nothing(void **state) {
    (void)state;
    rf_config config = settings(100);
    for (int k = 0; k < RF_AUGMENT_COUNT; k++) rf_augments[k]->off(&config);
    for (uint64_t n = 0; n < 20; n++) {
        scene s, original;
        random_scene(&s, n, true);
        random_scene(&original, n, true);
        int longer = s.picture.width > s.picture.height ? s.picture.width : s.picture.height;
        config.input.size = longer;
        plan(&config, n, &s.picture);
        assert_int_equal(rf_augment_apply(&config, &s.picture), RF_OK);
        for (int y = 0; y < longer; y++) {
            for (int x = 0; x < longer; x++) {
                const uint8_t *p = s.picture.image.pixels + (y * longer + x) * 3, *expected = s.picture.fill;
                bool inside = x < original.picture.width && y < original.picture.height;
                if (inside) expected = original.picture.image.pixels + (y * original.picture.width + x) * 3;
                assert_memory_equal(p, expected, 3);
            }
        }
        assert_int_equal(s.picture.n_faces, MAX_FACES);
        for (int i = 0; i < MAX_FACES; i++) {
            assert_memory_equal(s.faces[i].box, original.faces[i].box, sizeof s.faces[i].box);
            assert_memory_equal(s.faces[i].points, original.faces[i].points,
                                2 * (size_t)s.faces[i].n_points * sizeof(float));
        }
        scene_free(&s);
        scene_free(&original);
    }
}

/* A picture at input size: mirroring it twice gives it back, once swaps left and right. */
static void mirror_twice_is_identity(void **state) {
    (void)state;
    rf_config config = settings(64);
    rf_image image;
    assert_int_equal(rf_image_alloc(&image, 64, 64), RF_OK);
    for (int i = 0; i < 64 * 64 * 3; i++) image.pixels[i] = (uint8_t)(i * 7 % 251);
    rf_face face = make_face(10, 20, 30, 45), once;
    rf_picture p = {.width = 64, .height = 64, .denom = 1, .image = image, .faces = &face, .n_faces = 1};
    const rf_augment *flip = rf_augments[RF_AUGMENT_flip];
    const double yes[8] = {1}, no[8] = {0};
    assert_int_equal(flip->apply(&config, no, &p), RF_OK);
    assert_int_equal(image.pixels[3], 21);
    static const float seen[RF_POINTS] = {0, 1, 0, 0, 0}, seen_mirrored[RF_POINTS] = {1, 0, 0, 0, 0};
    memcpy(face.visible, seen, sizeof seen);
    assert_int_equal(flip->apply(&config, yes, &p), RF_OK);
    once = face;
    assert_memory_equal(once.visible, seen_mirrored, sizeof seen_mirrored);
    assert_true(once.box[0] == 34 && once.box[2] == 54 && once.box[1] == 20 && once.box[3] == 45);
    assert_true(once.points[0] < once.points[2]); /* the left eye is left again: x 0.3 of the mirrored face */
    assert_float_equal(once.points[0], 34 + 0.3 * 20, 1e-4);
    assert_true(once.points[6] < once.points[8]);
    assert_float_equal(once.points[4], 44, 1e-4);
    assert_int_equal(image.pixels[63 * 3 + 1], 7);
    assert_int_equal(flip->apply(&config, yes, &p), RF_OK);
    for (int i = 0; i < 64 * 64 * 3; i++) assert_int_equal(image.pixels[i], i * 7 % 251);
    rf_face original = make_face(10, 20, 30, 45);
    assert_memory_equal(face.box, original.box, sizeof face.box);
    for (int i = 0; i < 2 * RF_POINTS; i++) assert_float_equal(face.points[i], original.points[i], 1e-4);
    assert_memory_equal(face.visible, seen, sizeof seen);
    rf_image_free(&image);
}

/* Paints the face as a rectangle with a dot at the left eye, augments, and looks where they went. */
static void check_pixels_follow(uint64_t n, const rf_config *config, int denom) {
    enum { PW = 320, PH = 240 };
    rf_rng rng = rf_rng_make(5, 0, n, RF_STREAM_TEST);
    float x1 = 8 * (float)rf_rng_below(&rng, 24), y1 = 8 * (float)rf_rng_below(&rng, 14);
    rf_face face =
        make_face(x1, y1, x1 + 64 + 8 * (float)rf_rng_below(&rng, 6), y1 + 64 + 8 * (float)rf_rng_below(&rng, 4));
    rf_picture p = {.width = PW, .height = PH, .faces = &face, .n_faces = 1};
    plan(config, n, &p);
    p.denom = denom;
    assert_int_equal(rf_image_alloc(&p.image, PW / denom, PH / denom), RF_OK);
    for (int y = 0; y < PH / denom; y++) {
        for (int x = 0; x < PW / denom; x++) {
            float cx = ((float)x + 0.5f) * (float)denom, cy = ((float)y + 0.5f) * (float)denom;
            uint8_t *pixel = p.image.pixels + (y * (PW / denom) + x) * 3;
            bool in_face = cx > face.box[0] && cx < face.box[2] && cy > face.box[1] && cy < face.box[3];
            bool in_eye = fabsf(cx - face.points[0]) < 8 && fabsf(cy - face.points[1]) < 8;
            pixel[1] = in_face ? 200 : 0;
            pixel[2] = in_eye ? 200 : 0;
        }
    }
    assert_int_equal(rf_augment_apply(config, &p), RF_OK);
    int s = (int)config->input.size;
    float seen[4] = {1e9f, 1e9f, -1, -1};
    double eye[3] = {0, 0, 0};
    for (int y = 0; y < s; y++) {
        for (int x = 0; x < s; x++) {
            const uint8_t *pixel = p.image.pixels + (y * s + x) * 3;
            if (pixel[1] >= 100) {
                seen[0] = fminf(seen[0], (float)x), seen[1] = fminf(seen[1], (float)y);
                seen[2] = fmaxf(seen[2], (float)x + 1), seen[3] = fmaxf(seen[3], (float)y + 1);
            }
            eye[0] += pixel[2], eye[1] += pixel[2] * (x + 0.5), eye[2] += pixel[2] * (y + 0.5);
        }
    }
    if (p.n_faces == 1) {
        for (int c = 0; c < 4; c++) assert_true(fabsf(seen[c] - fminf(fmaxf(face.box[c], 0), (float)s)) <= 1.01f);
        /* The mirrored point is the face's right eye in the picture's sense: number 1. */
        int k = p.draws[RF_AUGMENT_flip].v[0] != 0 ? 2 : 0;
        double margin = 8 * s / p.region.width + 1;
        bool whole_eye = face.points[k] > margin && face.points[k] < s - margin && face.points[k + 1] > margin &&
                         face.points[k + 1] < s - margin;
        if (whole_eye) {
            assert_true(fabs(eye[1] / eye[0] - face.points[k]) < 1.2);
            assert_true(fabs(eye[2] / eye[0] - face.points[k + 1]) < 1.2);
        }
    }
    rf_image_free(&p.image);
    rf_image_free(&p.spare);
}

static void boxes_follow_their_pixels(void **state) {
    (void)state;
    static const rf_crop crops[] = {RF_CROP_NONE, RF_CROP_SET, RF_CROP_UNIFORM};
    for (int crop = 0; crop < 3; crop++) {
        for (uint64_t n = 0; n < 60; n++) {
            rf_config config = settings(n % 2 ? 160 : 97);
            rf_augments[RF_AUGMENT_distort]->off(&config);
            config.augment.filter = RF_AUGMENT_FILTER_SMOOTH; /* the others may lose a mark of a pixel or two */
            config.augment.crop = crops[crop];
            config.augment.crop_whole_face = n % 3 == 0;
            config.augment.clip = n % 5 != 0;
            check_pixels_follow(n, &config, n % 4 ? 1 : 2);
        }
    }
}

/* How often crops have which share, and that they hold a face as the settings ask. */
static void crop_rules(void **state) {
    (void)state;
    rf_config config = settings(64);
    int shares[11] = {0}, whole = 0, tries = 2000;
    for (int n = 0; n < tries; n++) {
        rf_face face = make_face(200, 200, 220, 224);
        rf_picture p = {.width = 500, .height = 400, .faces = &face, .n_faces = 1};
        config.augment.crop_tries = 1000000;
        plan(&config, (uint64_t)n, &p);
        const rf_region *r = &p.region;
        assert_true(r->width == r->height && r->x >= 0 && r->y >= 0 && r->x + r->width <= 500 &&
                    r->y + r->height <= 400);
        assert_true(r->x <= 200 && r->y <= 200 && r->x + r->width >= 220 && r->y + r->height >= 224);
        shares[(int)(r->width / 40 + 0.5)]++;
    }
    assert_int_equal(shares[3] + shares[5] + shares[6] + shares[8] + shares[10], tries); /* 0.45 x 400 = 180 */
    assert_true(shares[3] > 0 && shares[3] < shares[5] &&
                shares[5] < shares[10]); /* small crops meet the face less often */

    config.augment.crop = RF_CROP_UNIFORM; /* no face: the first crop, sides uniform from 0.3 to 1 */
    double sum = 0;
    for (int n = 0; n < tries; n++) {
        rf_picture p = {.width = 500, .height = 400};
        plan(&config, (uint64_t)n, &p);
        assert_true(p.region.width >= 119 && p.region.width <= 400);
        sum += p.region.width / 400;
    }
    assert_true(fabs(sum / tries - 0.65) < 0.02);

    config.augment.crop = RF_CROP_SET; /* a face larger than any crop: never whole, so the padded picture */
    config.augment.crop_tries = 25;
    for (int n = 0; n < 50; n++) {
        rf_face face = make_face(10, 10, 490, 390);
        rf_picture p = {.width = 500, .height = 400, .faces = &face, .n_faces = 1};
        plan(&config, (uint64_t)n, &p);
        whole += p.region.width == 500 && p.region.height == 500 && p.region.x == 0 && p.region.y == 0;
    }
    assert_int_equal(whole, 50);
}

/* SRN's: a canvas up to twice as large, whose short edge half of the crops have. */
static void expanded_crops(void **state) {
    (void)state;
    rf_config config = settings(64);
    int whole = 0, outside = 0, tries = 2000;
    config.augment.crop = RF_CROP_SRN;
    config.augment.crop_min = 0.5;
    for (int n = 0; n < tries; n++) {
        rf_picture p = {.width = 500, .height = 400};
        plan(&config, (uint64_t)n, &p);
        assert_true(p.region.width >= 200 && p.region.width <= 400);
        whole += p.region.width == 400;
    }
    assert_true(abs(whole - tries / 2) < 0.06 * tries);
    config.augment.expand = 2;
    double most = 0;
    for (int n = 0; n < tries; n++) {
        rf_picture p = {.width = 500, .height = 400};
        plan(&config, (uint64_t)n, &p);
        const rf_region *r = &p.region;
        assert_true(r->x >= -500 && r->y >= -400 && r->x + r->width <= 1000 && r->y + r->height <= 800);
        outside += r->x < 0 || r->y < 0 || r->x + r->width > 500 || r->y + r->height > 400;
        most = fmax(most, r->width);
    }
    assert_true(outside > tries / 2 && most > 790 && most <= 800);
    for (uint64_t n = 0; n < 30; n++) { /* faces stay on their pixels */
        rf_augments[RF_AUGMENT_distort]->off(&config);
        config.augment.filter = RF_AUGMENT_FILTER_SMOOTH;
        check_pixels_follow(n, &config, 1);
    }
}

static void small_faces_are_ignored(void **state) {
    (void)state;
    rf_config config = settings(100);
    for (int k = 0; k < RF_AUGMENT_COUNT; k++) rf_augments[k]->off(&config);
    for (int min_face = 0; min_face <= 8; min_face += 8) {
        rf_face faces[] = {make_face(0, 0, 1.5f, 1.5f), make_face(10, 10, 30, 30), make_face(50, 50, 62, 62),
                           make_face(5, 5, 5, 9)};
        rf_picture p = {.width = 200, .height = 200, .denom = 1, .faces = faces, .n_faces = 4};
        config.augment.min_face = min_face;
        plan(&config, 1, &p);
        assert_int_equal(rf_image_alloc(&p.image, 200, 200), RF_OK);
        assert_int_equal(rf_augment_apply(&config, &p), RF_OK);
        assert_int_equal(p.n_faces, 4);
        assert_true(faces[0].ignore); /* 0.75 px */
        assert_false(faces[1].ignore);
        assert_int_equal(faces[2].ignore, min_face == 8); /* 6 px */
        assert_true(faces[3].ignore);                     /* no area */
        rf_image_free(&p.image);
        rf_image_free(&p.spare);
    }
}

static void clip_settings(void **state) {
    (void)state;
    rf_config config = settings(100);
    for (int clip = 0; clip < 2; clip++) {
        rf_face faces[] = {make_face(-10, 40, 30, 80), make_face(130, 10, 190, 30), make_face(80, 80, 130, 130)};
        faces[1].ignore = true;
        rf_picture p = {
            .width = 200, .height = 200, .region = {0, 0, 100, 100}, .denom = 1, .faces = faces, .n_faces = 3};
        config.augment.clip = clip;
        assert_int_equal(rf_augments[RF_AUGMENT_crop]->apply(&config, p.draws[RF_AUGMENT_crop].v, &p), RF_OK);
        assert_int_equal(p.n_faces, 1); /* the centre of the third is outside, and so is all of the ignore region */
        assert_true(faces[0].box[0] == (clip ? 0 : -10) && faces[0].box[2] == 30);
        assert_float_equal(faces[0].points[0], -10 + 0.3 * 40, 1e-5); /* landmarks stay */
    }
}

static void count_distortions(void **state) {
    (void)state;
    rf_config config = settings(64);
    static const double probabilities[] = {0, 0.5, 1};
    for (int k = 0; k < 3; k++) {
        int changed[4] = {0}, first = 0, flips = 0;
        config.augment.distort = config.augment.flip = probabilities[k];
        for (uint64_t n = 0; n < 2000; n++) {
            rf_picture p = {.width = 100, .height = 100};
            plan(&config, n, &p);
            const double *v = p.draws[RF_AUGMENT_distort].v;
            static const double neutral[] = {0, 1, 1, 0}, reach[] = {32, 0.5, 0.5, 36};
            for (int i = 0; i < 4; i++) {
                changed[i] += v[i] != neutral[i];
                assert_true(fabs(v[i] - neutral[i]) <= reach[i] + 1e-4);
            }
            first += v[4] != 0;
            flips += p.draws[RF_AUGMENT_flip].v[0] != 0;
        }
        for (int i = 0; i < 4; i++) assert_true(fabs(changed[i] / 2000.0 - probabilities[k]) < 0.04);
        assert_true(fabs(flips / 2000.0 - probabilities[k]) < 0.04);
        assert_true(fabs(first / 2000.0 - 0.5) < 0.04);
    }
}

static void dct_scaling_keeps_enough_pixels(void **state) {
    (void)state;
    rf_config config = settings(640);
    static const struct {
        double side;
        int denom;
    } cases[] = {{100, 1}, {640, 1}, {1279, 1}, {1280, 2}, {2559, 2}, {2560, 4}, {5120, 8}, {50000, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_picture p = {.region = {3, 4, cases[i].side, cases[i].side}};
        assert_int_equal(rf_augment_denom(&config, &p), cases[i].denom);
    }
}

static void report_failed_allocations(void **state) {
    (void)state;
    rf_config config = settings(32);
    for (uint64_t n = 1;; n++) {
        scene s;
        random_scene(&s, 4, true);
        plan(&config, 1, &s.picture);
        rf_alloc_fail_at(n);
        rf_status status = rf_augment_apply(&config, &s.picture);
        rf_alloc_fail_at(0);
        scene_free(&s);
        if (status == RF_OK) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(status, RF_ERR_NOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_described_and_planned_by_sizes_only),
        cmocka_unit_test(every_step_keeps_the_contract),
        cmocka_unit_test(all_off_changes_nothing),
        cmocka_unit_test(mirror_twice_is_identity),
        cmocka_unit_test(boxes_follow_their_pixels),
        cmocka_unit_test(crop_rules),
        cmocka_unit_test(expanded_crops),
        cmocka_unit_test(small_faces_are_ignored),
        cmocka_unit_test(clip_settings),
        cmocka_unit_test(count_distortions),
        cmocka_unit_test(dct_scaling_keeps_enough_pixels),
        cmocka_unit_test(report_failed_allocations),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
