/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as people have them: what cannot be served is passed over, named, counted and listed, and ends nothing. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "data/image.h"
#include "tests/programs.h"
#include "tests/slow.h"

#define out programs_out
#define err programs_err
#define MODEL "@/model/last.safetensors"

/* A grey picture of this size. */
static void draw(const char *path, int width, int height) {
    rf_image image;
    assert_int_equal(rf_image_alloc(&image, width, height), RF_OK);
    memset(image.pixels, 128, (size_t)width * (size_t)height * 3);
    if (rf_image_save(at(path), &image, 0) != RF_OK) fail_msg("%s", rf_error_message());
    rf_image_free(&image);
}

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 1 --size 96x96 --seed 5");
    succeeds("rf-train configs/mnet025.ini --set input.size=64 --set train.batch=4 --set model.channels=16 --set "
             "data.root=@/set --set data.val= --set train.max_steps=1 -t 1 --out @/model");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

/* Of a file with an object a line: how many lines, and how many have "error" and "faces". */
static void count_lines(const char *path, int *lines, int *errors, int *faces) {
    static char text[PROGRAMS_TEXT];
    read_text(path, text);
    *lines = *errors = *faces = 0;
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), (*lines)++) {
        rf_json *root;
        assert_int_equal(rf_json_parse(line, strlen(line), &root), RF_OK);
        const char *name;
        assert_true(rf_json_string(rf_json_get(root, "image"), &name) && *name);
        *errors += rf_json_get(root, "error") != NULL;
        *faces += rf_json_get(root, "faces") != NULL;
        rf_json_free(root);
    }
}

/* One of each: good ones, gone, no permission, a folder, no picture, empty, too long for what is drawn, larger than the
 * limit, and a loop of links. */
static void a_bad_picture_ends_only_itself(void **state) {
    (void)state;
    char name[256], path[400];
    assert_int_equal(rf_dir_make(at("@/mixed/below.jpg")), RF_OK);
    draw("@/mixed/a.jpg", 60, 40);
    draw("@/mixed/below.jpg/b.png", 40, 60);
    draw("@/mixed/thin.png", 1, 300);
    draw("@/mixed/flat.png", 5000, 1);
    write_text("@/mixed/c.jpg", "no picture");
    write_text("@/mixed/d.jpg", "");
    memset(name, 'n', sizeof name);
    memcpy(name + 251, ".png", 5); /* 255 bytes: as long as a name may be */
    snprintf(path, sizeof path, "@/mixed/%s", name);
    draw(path, 30, 30);
    assert_int_equal(symlink("nowhere", at("@/mixed/gone.jpg")), 0);
    assert_int_equal(symlink("..", at("@/mixed/below.jpg/loop")), 0);
    int lines, errors, faces;
    assert_int_equal(
        run("rf-detect " MODEL " @/mixed --out @/drawn --json @/mixed.jsonl --score 0.9 --set eval.scales=640 -t 1"),
        1);
    count_lines("@/mixed.jsonl", &lines, &errors, &faces);
    assert_int_equal(lines, 8);
    assert_int_equal(errors, 3);
    assert_int_equal(faces, 5);
    assert_non_null(strstr(out, "5 images, "));
    assert_non_null(strstr(out, "3 skipped"));
    static const char *const named[] = {"c.jpg: ", "d.jpg: ", "gone.jpg': "};
    for (int i = 0; i < 3; i++)
        if (!strstr(err, named[i])) fail_msg("%s is not named: %s", named[i], err);
    assert_int_equal(count_files("@/drawn", ""), 5);

    /* On the command line: what is not there, a folder without pictures, and a name to which ".jpg" is added. */
    assert_int_equal(rf_dir_make(at("@/empty")), RF_OK);
    snprintf(path, sizeof path, "%s", at("@/mixed/a.jpg"));
    memset(name, 'm', 255);
    name[255] = 0;
    char copy[512], command[1600];
    snprintf(copy, sizeof copy, "%s/%s", at("@/mixed"), name);
    assert_int_equal(link(path, copy), 0);
    snprintf(command, sizeof command,
             "rf-detect " MODEL " @/none.jpg %s @/empty %s --out @/drawn2 --json @/l.jsonl -t 1", copy, path);
    assert_int_equal(run(command), 1);
    count_lines("@/l.jsonl", &lines, &errors, &faces);
    assert_true(lines == 4 && errors == 3 && faces == 2);
    assert_non_null(strstr(err, "File name too long"));
    assert_int_equal(count_files("@/drawn2", ""), 1);
    unlink(copy);
    refused("rf-detect " MODEL " @/none.jpg", "@/none.jpg: no such file or folder");
}

/* The same in a data set, for the programs that go through one. */
static void a_bad_picture_of_a_set_ends_only_itself(void **state) {
    (void)state;
    assert_int_equal(rf_dir_make(at("@/bad/folder.jpg")), RF_OK);
    draw("@/bad/a.jpg", 60, 40);
    draw("@/bad/thin.png", 1, 300);
    write_text("@/bad/c.jpg", "no picture");
    write_text("@/bad/label.txt", "# a.jpg\n5 5 20 20\n# thin.png\n0 0 1 9\n# c.jpg\n5 5 20 20\n# gone.jpg\n5 5 20 20\n"
                                  "# folder.jpg\n1 1 5 5\n");
    assert_int_equal(run("rf-eval " MODEL " --data @/bad/label.txt --json @/bad.json --set eval.scales=640 -t 1"), 1);
    assert_non_null(strstr(out, "3 of 5 images could not be used"));
    static char text[PROGRAMS_TEXT];
    read_text("@/bad.json", text);
    rf_json *root;
    double skipped;
    assert_int_equal(rf_json_parse(text, strlen(text), &root), RF_OK);
    assert_true(rf_json_number(rf_json_get(root, "skipped"), &skipped) && skipped == 3);
    static const char *const names[] = {"c.jpg", "gone.jpg", "folder.jpg"};
    for (size_t i = 0; i < 3; i++) {
        const rf_json *row = rf_json_at(rf_json_get(root, "errors"), i);
        const char *name, *reason;
        assert_true(rf_json_string(rf_json_get(row, "image"), &name) && strcmp(name, names[i]) == 0);
        assert_true(rf_json_string(rf_json_get(row, "error"), &reason) && strstr(reason, names[i]));
    }
    rf_json_free(root);
    succeeds("rf-bench eval " MODEL " --set data.root=@/bad --set data.val=label.txt --set data.val_images=. --iters 5 "
             "-t 1");
    assert_non_null(strstr(err, "skipped: "));
    assert_int_equal(run("rf-data check @/bad/label.txt -t 1"), 1);
    assert_non_null(strstr(out, "images          5, 3 of them unusable"));
    succeeds("rf-data show @/bad/label.txt --out @/look");
    assert_int_equal(count_files("@/look", ""), 2);
    succeeds("rf-data convert @/bad/label.txt --from label --root @/bad --out @/converted");
    assert_non_null(strstr(out, "2 images"));
}

/* A picture for which there is not enough memory, between two for which there is. */
static void no_memory_for_one_picture(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skip: sanitizers take all addresses\n");
#else
    int lines, errors, faces;
    assert_int_equal(rf_dir_make(at("@/sizes")), RF_OK);
    draw("@/sizes/a.png", 60, 40);
    draw("@/sizes/b.png", 3800, 4000);
    draw("@/sizes/c.png", 60, 40);
    write_text("@/sizes/label.txt", "# a.png\n5 5 20 20\n# b.png\n5 5 20 20\n# c.png\n5 5 20 20\n");
    programs_memory_limit = (size_t)300 << 20;
    int detected = run("rf-detect " MODEL " @/sizes --json @/sizes.jsonl --score 0.9 -t 1");
    bool named = strstr(err, "sizes/b.png") && strstr(err, "out of memory");
    int evaluated = run("rf-eval " MODEL " --data @/sizes/label.txt -t 1");
    programs_memory_limit = 0;
    assert_true(named);
    assert_int_equal(detected, 1);
    count_lines("@/sizes.jsonl", &lines, &errors, &faces);
    assert_true(lines == 3 && errors == 1 && faces == 2);
    assert_int_equal(evaluated, 1);
    assert_non_null(strstr(out, "1 of 3 images could not be used"));
    succeeds("rf-detect " MODEL " @/sizes --score 0.9 -t 1 --tile 512 --json @/sizes.jsonl");
    count_lines("@/sizes.jsonl", &lines, &errors, &faces);
    assert_true(lines == 3 && errors == 0 && faces == 3);
#endif
}

/* Thousands of names on one command line. */
static void any_number_of_names_is_taken(void **state) {
    (void)state;
    enum { MANY = 1500 };
    static char command[64 * MANY];
    draw("@/p.png", 8, 8);
    int n = snprintf(command, sizeof command, "rf-detect " MODEL " -t 1 --score 1 --json @/many.jsonl");
    for (int i = 0; i < MANY; i++) n += snprintf(command + n, sizeof command - (size_t)n, " %s", at("@/p.png"));
    succeeds(command);
    int lines, errors, faces;
    count_lines("@/many.jsonl", &lines, &errors, &faces);
    assert_int_equal(lines, MANY);
    assert_int_equal(errors, 0);
}

/* ---- large pictures ---- */

#define WEIGHTS "../shared/data/weights/mobilenet0.25_Final.safetensors"
#define REAL "../shared/data/wider/WIDER_val/images/"

typedef struct found {
    double box[4], score;
} found;
enum { MOST = 4096 };

/* The faces of line `n` of a file, those of this score at least. */
static int read_faces(const char *path, int n, double score, found faces[MOST]) {
    static char text[PROGRAMS_TEXT];
    read_text(path, text);
    char *line = text;
    for (; n > 0; n--) line = strchr(line, '\n') + 1;
    rf_json *root;
    assert_int_equal(rf_json_parse(line, strcspn(line, "\n"), &root), RF_OK);
    const rf_json *list = rf_json_get(root, "faces");
    int count = 0;
    for (size_t i = 0; i < rf_json_size(list); i++) {
        const rf_json *face = rf_json_at(list, i), *box = rf_json_get(face, "box");
        assert_true(rf_json_number(rf_json_get(face, "score"), &faces[count].score));
        for (size_t k = 0; k < 4; k++) assert_true(rf_json_number(rf_json_at(box, k), &faces[count].box[k]));
        count += faces[count].score >= score;
    }
    rf_json_free(root);
    return count;
}

static double overlap(const double *a, const double *b, double dx) {
    double w = fmin(a[2] + dx, b[2]) - fmax(a[0] + dx, b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
}

/* How many of the faces are among others, shifted by dx; none may be there twice. */
static int matched(const found *faces, int n, double dx, const found *others, int m) {
    int hits = 0;
    for (int i = 0; i < n; i++) {
        int same = 0;
        for (int k = 0; k < m; k++) same += overlap(faces[i].box, others[k].box, dx) > 0.5;
        assert_in_range(same, 0, 1);
        hits += same;
    }
    return hits;
}

/* Photos side by side: shrunk, faces are missing and that is said; in tiles, also mirrored, all are there that the
 * single photos have, once each. And a photo that fits has the same faces in tiles. */
static void a_panorama_has_all_its_faces(void **state) {
    (void)state;
    if (in_quick_loop()) return;
    static const char *const photos[] = {REAL "0--Parade/0_Parade_Parade_0_102.jpg",
                                         REAL "2--Demonstration/2_Demonstration_Protesters_2_460.jpg",
                                         REAL "2--Demonstration/2_Demonstration_Protesters_2_92.jpg"};
    enum { N = 3, SIDE = 1024 };
    if (!rf_file_exists(WEIGHTS) || !rf_file_exists(photos[0])) {
        print_message("skip: ../shared/data is not here\n");
        return;
    }
    rf_image all;
    assert_int_equal(rf_image_alloc(&all, N * SIDE, SIDE), RF_OK);
    for (int i = 0; i < N; i++) {
        rf_image one;
        assert_int_equal(rf_image_load(photos[i], NULL, &one), RF_OK);
        assert_true(one.width <= SIDE && one.height <= SIDE);
        for (int y = 0; y < one.height; y++)
            memcpy(all.pixels + ((size_t)y * N * SIDE + (size_t)i * SIDE) * 3,
                   one.pixels + (size_t)y * (size_t)one.width * 3, (size_t)one.width * 3);
        rf_image_free(&one);
    }
    assert_int_equal(rf_image_save(at("@/wide.png"), &all, 0), RF_OK);
    rf_image_free(&all);
    static found single[MOST], faces[MOST];
    char command[1024];
    snprintf(command, sizeof command, "rf-detect " WEIGHTS " %s %s %s --json @/single.jsonl", photos[0], photos[1],
             photos[2]);
    succeeds(command);
    assert_null(strstr(out, "smaller"));
    succeeds("rf-detect " WEIGHTS " @/wide.png --set eval.max_pixels=0.4 --json @/small.jsonl --score 0.3");
    assert_non_null(strstr(out, "1 picture was made smaller than asked for (eval.max_pixels=0.4; to 0.3"));
    succeeds("rf-detect " WEIGHTS " @/wide.png --set eval.max_pixels=0.4 --tile 600 --json @/tiles.jsonl --score 0.3");
    assert_null(strstr(out, "smaller"));
    succeeds("rf-detect " WEIGHTS " @/wide.png --tile 700 --json @/flip.jsonl --score 0.3 --set eval.flip=yes");
    static const char *const ways[] = {"@/small.jsonl", "@/tiles.jsonl", "@/flip.jsonl"};
    for (int way = 0; way < 3; way++) {
        int total = 0, hits = 0, m = read_faces(ways[way], 0, 0, faces);
        for (int i = 0; i < N; i++) {
            int n = read_faces("@/single.jsonl", i, 0.75, single);
            total += n;
            hits += matched(single, n, i * SIDE, faces, m);
        }
        assert_true(total > 20);
        if (way == 0 ? hits * 10 > total * 9 : hits < total) fail_msg("%s: %d of %d", ways[way], hits, total);
    }
    static char text[PROGRAMS_TEXT];
    read_text("@/small.jsonl", text);
    assert_non_null(strstr(text, "\"scale\":0.35"));
    assert_non_null(strstr(text, "\"shrunk\":true"));
    read_text("@/tiles.jsonl", text);
    assert_non_null(strstr(text, "\"scale\":1,\"tiles\":"));
    snprintf(command, sizeof command, "rf-detect " WEIGHTS " %s --tile 400 --json @/fits.jsonl", photos[1]);
    succeeds(command);
    int n = read_faces("@/single.jsonl", 1, 0.75, single), m = read_faces("@/fits.jsonl", 0, 0, faces);
    assert_int_equal(matched(single, n, 0, faces, m), n);
    n = read_faces("@/fits.jsonl", 0, 0.75, faces), m = read_faces("@/single.jsonl", 1, 0, single);
    assert_int_equal(matched(faces, n, 0, single, m), n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_picture_ends_only_itself), cmocka_unit_test(a_bad_picture_of_a_set_ends_only_itself),
        cmocka_unit_test(no_memory_for_one_picture), cmocka_unit_test(any_number_of_names_is_taken),
        cmocka_unit_test(a_panorama_has_all_its_faces)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
