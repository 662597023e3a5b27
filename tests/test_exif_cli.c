/* SPDX-License-Identifier: Apache-2.0 */
/* A set whose boxes belong to pictures that EXIF turns, in all eight orientations, is to every program what the set of
 * the same pictures stored upright is: training, validation, evaluation, check, show, convert and bench. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/dataset.h"
#include "data/image.h"
#include "tests/image_fixtures.h"
#include "tests/programs.h"

#define out programs_out
#define err programs_err
#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 "                    \
    "--set train.max_steps=6 --set train.log_every=1 --set train.eval_every=1 -t 1 "
#define MODEL "@/model/last.safetensors"

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

/* Stores the upright picture as a PNG that EXIF turns upright. */
static void store_turned(const char *path, const rf_image *upright, int orientation) {
    static const int inverse[9] = {1, 1, 2, 3, 4, 5, 8, 7, 6};
    rf_image image;
    assert_int_equal(rf_image_alloc(&image, upright->width, upright->height), RF_OK);
    memcpy(image.pixels, upright->pixels, (size_t)image.width * (size_t)image.height * 3);
    assert_int_equal(rf_image_turn(&image, inverse[orientation]), RF_OK);
    png_make m = {image.width, image.height, 8, 2, image.pixels, (size_t)image.width * 3, .interlaced = false};
    bytes plain = make_png(&m), file = add_png_exif(&plain, orientation, false, false);
    assert_int_equal(rf_file_write_atomic(path, file.data, file.size), RF_OK);
    bytes_free(&plain);
    bytes_free(&file);
    rf_image_free(&image);
}

/* @/plain and @/turned out of a drawn part. */
static void make_part(const char *part) {
    char path[256];
    rf_dataset *drawn;
    snprintf(path, sizeof path, "@/drawn/%s/label.txt", part);
    char images[256];
    snprintf(images, sizeof images, "@/drawn/%s/images", part);
    if (rf_dataset_open("label", at(path), at(images), NULL, &drawn) != RF_OK) fail_msg("%s", rf_error_message());
    for (int turned = 0; turned < 2; turned++) {
        snprintf(images, sizeof images, "@/%s/%s/images", turned ? "turned" : "plain", part);
        assert_int_equal(rf_dir_make(at(images)), RF_OK);
        snprintf(path, sizeof path, "@/%s/%s/label.txt", turned ? "turned" : "plain", part);
        FILE *label = fopen(at(path), "w");
        assert_non_null(label);
        for (size_t i = 0; i < drawn->n_samples; i++) {
            rf_image image;
            assert_int_equal(rf_image_load(drawn->samples[i].path, NULL, &image), RF_OK);
            fprintf(label, "# %zu.png\n", i);
            for (size_t k = 0; k < drawn->samples[i].n_faces; k++) {
                const float *b = drawn->faces[drawn->samples[i].first_face + k].box;
                fprintf(label, "%.9g %.9g %.9g %.9g\n", b[0], b[1], b[2] - b[0], b[3] - b[1]);
            }
            snprintf(path, sizeof path, "%s/%zu.png", at(images), i);
            if (turned)
                store_turned(path, &image, (int)(i % 8) + 1);
            else
                assert_int_equal(rf_image_save(path, &image, 0), RF_OK);
            rf_image_free(&image);
        }
        fclose(label);
    }
    rf_dataset_free(drawn);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/drawn --train 8 --val 8 --size 112x72 --min-face 16 --max-faces 3 --seed 6");
    make_part("train");
    make_part("val");
    succeeds(TRAIN "--set data.root=@/plain --out @/model");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* The log without what time it took. */
static void read_log(const char *path, char text[PROGRAMS_TEXT]) {
    static char whole[PROGRAMS_TEXT];
    read_text(path, whole);
    char *to = text;
    for (const char *from = whole; *from;) {
        size_t n = strcspn(from, ",\n");
        bool timed = memmem(from, n, "second", 6) || memmem(from, n, "per_", 4) || memmem(from, n, "wait", 4) ||
                     memmem(from, n, "rate", 4) || memmem(from, n, "time", 4) || memmem(from, n, "rss", 3) ||
                     memmem(from, n, "img_s", 5);
        if (!timed) to = (char *)memcpy(to, from, n) + n;
        *to++ = '\n';
        from += n + (from[n] != 0);
    }
    *to = 0;
}

static void expect_same_log(const char *run) {
    static char a[PROGRAMS_TEXT], b[PROGRAMS_TEXT];
    char path[256];
    snprintf(path, sizeof path, "%s/train.jsonl", run);
    read_log("@/model/train.jsonl", a);
    read_log(path, b);
    assert_non_null(strstr(a, "loss"));
    assert_non_null(strstr(a, "voc_ap50"));
    assert_string_equal(a, b);
}

static void expect_same_predictions(const char *folder) {
    char path[256];
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "%s/%d.txt", folder, i);
        char plain[64];
        snprintf(plain, sizeof plain, "@/pred/%d.txt", i);
        assert_true(same_bytes(plain, path));
    }
}

/* Told by the user, for a set that has no record. */
static void a_setting_holds_everywhere(void **state) {
    (void)state;
    succeeds("rf-eval " MODEL " --data @/plain --pred-out @/pred -t 1");
    succeeds("rf-eval " MODEL " --data @/turned --set data.exif=yes --pred-out @/pred1 -t 1");
    expect_same_predictions("@/pred1");
    succeeds("rf-eval " MODEL " --data @/turned --pred-out @/pred2 -t 1"); /* nobody says so: as stored */
    assert_true(same_bytes("@/pred/0.txt", "@/pred2/0.txt"));
    assert_false(same_bytes("@/pred/5.txt", "@/pred2/5.txt"));
    succeeds(TRAIN "--set data.root=@/turned --set data.exif=on --out @/run1");
    expect_same_log("@/run1");
    /* A model that was trained so brings the rule to a set that says nothing. */
    succeeds("rf-eval @/run1/last.safetensors --data @/turned --pred-out @/pred3 -t 1");
    expect_same_predictions("@/pred3");
    succeeds("rf-data show @/plain --out @/look");
    succeeds("rf-data show @/turned --exif yes --out @/look1");
    for (int i = 0; i < 8; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "@/look/%d.jpg", i);
        snprintf(b, sizeof b, "@/look1/%d.jpg", i);
        assert_true(same_bytes(a, b));
    }
    refused("rf-data check @/turned --exif perhaps", "is \"perhaps\", expected auto, yes");
    refused("rf-eval " MODEL " --data @/turned --set data.exif=perhaps", "data.exif is 'perhaps'");
}

/* The check finds it, and what convert records holds without a word from the user. */
static void a_set_remembers_its_rule(void **state) {
    (void)state;
    assert_int_equal(run("rf-data check @/turned/val/label.txt"), 1);
    assert_non_null(strstr(out, "read the set with exif = yes"));
    succeeds("rf-data check @/turned/val/label.txt --exif yes");
    assert_non_null(strstr(out, "7 images have an orientation and are taken as it turns them"));
    succeeds("rf-data convert @/turned --from label --exif yes --out @/kept");
    assert_true(rf_file_exists(at("@/kept/val/label.set.ini")));
    succeeds("rf-data check @/kept");
    succeeds("rf-eval " MODEL " --data @/kept --pred-out @/pred4 -t 1");
    expect_same_predictions("@/pred4");
    succeeds(TRAIN "--set data.root=@/kept --out @/run2");
    expect_same_log("@/run2");
    succeeds("rf-bench eval " MODEL " --set data.root=@/plain --iters 8 -t 1");
    char faces[64];
    const char *words = strstr(out, " faces an image");
    assert_non_null(words);
    const char *begin = words;
    while (begin > out && begin[-1] != '\n') begin--;
    snprintf(faces, sizeof faces, "%.*s", (int)(words - begin), begin);
    succeeds("rf-bench eval configs/mnet025.ini --set data.root=@/kept --iters 1 -t 1");
    succeeds("rf-bench load configs/mnet025.ini --set data.root=@/kept --set train.batch=4 --iters 1 -t 1");
    char command[512];
    snprintf(command, sizeof command, "rf-bench eval " MODEL " --set data.root=@/kept --iters 8 -t 1");
    succeeds(command);
    assert_non_null(strstr(out, faces));
    /* And through another format: the sizes in it are those of the turned pictures. */
    succeeds("rf-data convert @/kept --from label --to coco --out @/coco");
    static char text[PROGRAMS_TEXT];
    read_text("@/coco/val/coco.json", text);
    assert_null(strstr(text, "\"width\":72"));
    assert_non_null(strstr(text, "\"width\":112"));
    /* Against the record a setting holds, and says so. */
    succeeds("rf-eval " MODEL " --data @/kept --set data.exif=no --pred-out @/pred5 -t 1");
    assert_non_null(strstr(err, "note: data.exif = no is used, though"));
    assert_true(same_bytes("@/pred2/5.txt", "@/pred5/5.txt"));
    write_text("@/kept/val/label.set.ini", "[pictures]\nexif = maybe\n");
    refused("rf-eval " MODEL " --data @/kept", "@/kept/val/label.set.ini:2: \"exif = maybe\", expected exif = yes");
}

/* Sizes in an annotation tell the rule; one picture that follows the other is named and left out. */
static void sizes_tell_the_rule(void **state) {
    (void)state;
    static char text[PROGRAMS_TEXT];
    succeeds("rf-data convert @/plain/val/label.txt --from label --to coco --part val --images keep --out @/sizes");
    succeeds("rf-data convert @/sizes/val/coco.json --from coco --root @/turned/val/images --part val --out @/told");
    assert_non_null(strstr(out, "7 images whose boxes belong to the pictures turned by EXIF"));
    succeeds("rf-eval " MODEL " --data @/told --pred-out @/pred6 -t 1");
    expect_same_predictions("@/pred6");
    read_text("@/sizes/val/coco.json", text);
    char *last = NULL;
    static const char upright[] = "\"width\":112,\"height\":72", stored[] = "\"width\":72,\"height\":112";
    for (char *p = text; (p = strstr(p, upright)); p++) last = p; /* of 7.png, which EXIF turns by 90 degrees */
    assert_non_null(last);
    memcpy(last, stored, strlen(stored));
    write_text("@/mixed.json", text);
    succeeds("rf-data convert @/mixed.json --from coco --root @/turned/val/images --part val --out @/mixed");
    assert_non_null(strstr(out, "the boxes of 7.png belong to the picture not turned by its EXIF orientation 8"));
    assert_non_null(strstr(out, "1 images annotated by the other rule of EXIF turning"));
    assert_non_null(strstr(out, "7 images (7 val)"));
}

/* The JSON without the names of the pictures. */
static void read_faces(const char *path, char text[PROGRAMS_TEXT]) {
    static char whole[PROGRAMS_TEXT];
    read_text(path, whole);
    char *to = text;
    for (char *save, *line = strtok_r(whole, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *rest = strstr(line, "\"width\"");
        assert_non_null(rest);
        to += sprintf(to, "%s\n", rest);
    }
}

/* rf-detect shows pictures as viewers do: what it lists and draws is the turned picture's. */
static void detections_belong_to_the_turned_picture(void **state) {
    (void)state;
    static char plain[PROGRAMS_TEXT], turned[PROGRAMS_TEXT];
    succeeds("rf-detect " MODEL " @/plain/val/images --out @/drawn1 --score 0.2 -t 1");
    succeeds("rf-detect " MODEL " @/plain/val/images --json @/1.jsonl --score 0.2 -t 1");
    succeeds("rf-detect " MODEL " @/turned/val/images --out @/drawn2 --score 0.2 -t 1");
    succeeds("rf-detect " MODEL " @/turned/val/images --json @/2.jsonl --score 0.2 -t 1");
    read_faces("@/1.jsonl", plain);
    read_faces("@/2.jsonl", turned);
    assert_non_null(strstr(plain, "\"box\""));
    assert_string_equal(plain, turned);
    for (int i = 0; i < 8; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "@/drawn1/%d.png", i);
        snprintf(b, sizeof b, "@/drawn2/%d.png", i);
        assert_true(same_bytes(a, b));
    }
    succeeds("rf-detect " MODEL " @/turned/val/images --json @/2.jsonl --score 0.9 -t 1 --no-exif");
    read_faces("@/2.jsonl", turned);
    assert_non_null(strstr(turned, "\"width\":72,\"height\":112"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_holds_everywhere), cmocka_unit_test(a_set_remembers_its_rule),
        cmocka_unit_test(sizes_tell_the_rule), cmocka_unit_test(detections_belong_to_the_turned_picture)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
