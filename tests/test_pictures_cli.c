/* Pictures as people have them: what cannot be served is passed over, named, counted and listed, and ends nothing. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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
    assert_int_equal(run("rf-detect " MODEL " @/mixed --out @/drawn --json @/mixed.jsonl --set eval.scales=640 -t 1"),
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
    assert_int_equal(run("rf-data check @/bad/label.txt -t 1"), 1);
    assert_non_null(strstr(out, "images          5, 3 of them unusable"));
    succeeds("rf-data show @/bad/label.txt --out @/look");
    assert_int_equal(count_files("@/look", ""), 2);
    succeeds("rf-data convert @/bad/label.txt --from label --root @/bad --out @/converted");
    assert_non_null(strstr(out, "2 images"));
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_bad_picture_ends_only_itself),
                                       cmocka_unit_test(a_bad_picture_of_a_set_ends_only_itself),
                                       cmocka_unit_test(any_number_of_names_is_taken)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
