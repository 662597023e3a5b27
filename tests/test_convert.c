/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion: every format's example, boxes worked out by hand, landmarks, round trips, what is left out and why, what
 * stands in the output folder afterwards. */
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
#include "core/mem.h"
#include "tests/convert_kit.h"

#define NONE " -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1"
static const rf_convert_options keep = {.place = RF_IMAGES_KEEP};

static int set_up(void **state) {
    if (scratch_make(state)) return 1;
    kit_picture("pictures/photo.jpg", 100, 80);
    kit_picture("pictures/sub/b.png", 50, 40);
    kit_picture("pictures/c.jpg", 200, 160);
    return 0;
}

/* Every number of both texts is within 1e-3, everything else is equal. */
static void assert_close(const char *got, const char *want) {
    const char *a = got, *b = want;
    while (*a && *b) {
        char *next_a, *next_b;
        double x = strtod(a, &next_a), y = strtod(b, &next_b);
        if (next_a > a && next_b > b) {
            if (fabs(x - y) > 1e-3) fail_msg("%g is not %g in\n%s\nexpected\n%s", x, y, got, want);
            a = next_a;
            b = next_b;
        } else if (*a++ != *b++) {
            fail_msg("got\n%s\nexpected\n%s", got, want);
        }
    }
    if (*a || *b) fail_msg("got\n%s\nexpected\n%s", got, want);
}

/* The contract of converters.def: names, and an example that is read as the one face it says. */
static void every_format_reads_its_example(void **state) {
    (void)state;
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i], *found;
        char file[128];
        assert_true(c->name[0] && c->doc[0] && c->example_file[0] && c->suffix[0] && c->read);
        assert_true((c->write != NULL) == (c->output != NULL));
        size_t n = strlen(c->example_file), m = strcspn(c->suffix, ","); /* the first of them */
        assert_true(n >= m && strncmp(c->example_file + n - m, c->suffix, m) == 0);
        for (const rf_convert_layout *row = c->layouts; row->part; row++) assert_true(row->annotations && row->images);
        for (int k = 0; k < i; k++) assert_string_not_equal(c->name, rf_converters[k]->name);
        assert_int_equal(rf_converter_find(c->name, false, &found), RF_OK);
        assert_ptr_equal(found, c);
        snprintf(file, sizeof file, "examples/%s", c->example_file);
        assert_close(kit_labels(c->name, file, c->example, NULL), "# photo.jpg\n10 20 30 40" NONE " 0\n");
        assert_string_equal(kit_found, "");
        assert_int_equal(kit_stats.faces, 1);
        assert_int_equal(kit_stats.part_images[0], 1);
    }
}

/* Every format that is written is read again, with every kind of face in it, byte for byte. */
static void what_is_written_is_read_again(void **state) {
    (void)state;
    static const char labels[] =
        "# photo.jpg\n"
        "10.25 20.125 30.3333321 40.0000153 15 30 0 25.5 30 1 20 35 0 16 45.75 1 24.0999985 45 0 0\n"
        "-2.5 1 8 9" NONE " 0 1\n"
        "# sub/b.png\n"
        "# c.jpg\n"
        "0.001 0.002 199.998993 150" NONE " 0\n";
    /* Coordinates are kept as floats, so the first conversion may round. */
    static char first[4096];
    const char *rounded = kit_labels("label", "first/label.txt", labels, &keep);
    assert_close(rounded, labels);
    snprintf(first, sizeof first, "%s", rounded);
    kit_write_text("first/label.txt", first);
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        char file[128];
        if (!c->write) continue;
        if (kit_convert("label", c->name, "first/label.txt", "there", &keep) != RF_OK)
            fail_msg("%s", rf_error_message());
        snprintf(file, sizeof file, "there/train/%s", c->output);
        if (kit_convert(c->name, "label", file, "back", &keep) != RF_OK) fail_msg("%s", rf_error_message());
        assert_string_equal(kit_read("back/train/label.txt"), first);
        assert_int_equal(kit_stats.images, 3);
        assert_int_equal(kit_stats.with_points, 1);
        assert_int_equal(kit_stats.ignored, 1);
        assert_false(kit_stats.swapped);
        scratch_clear("there");
        scratch_clear("back");
    }
}

#define COCO_IMAGES                                                                                                    \
    "\"images\":[{\"id\":5,\"file_name\":\"photo.jpg\"},{\"file_name\":\"c.jpg\",\"id\":3,\"width\":200,\"height\":"   \
    "160}]"
#define FIVE "\"keypoints\":[\"Nose\",\"left_eye\",\"right-eye\",\"mouth_left\",\"rightMouth\",\"chin\"]"

static void coco(void **state) {
    (void)state;
    /* Annotations first, unknown members, crowds, another kind, landmarks in another order. */
    static const char text[] =
        "\xef\xbb\xbf{\"annotations\":[\r\n"
        "{\"id\":1,\"image_id\":3,\"category_id\":1,\"bbox\":[1.5,2,3,4.25],\"segmentation\":[[1,2,3,[{}]]]},\r\n"
        "{\"id\":2,\"image_id\":5,\"category_id\":2,\"bbox\":[0,0,9,9]},\n"
        "{\"id\":3,\"image_id\":5,\"category_id\":1,\"bbox\":[10,20,30,40],\"keypoints\":[20,35,2,15,30,2,25,31,1,16,"
        "45,2,24,"
        "46,2,0,0,0]},\n"
        "{\"id\":4,\"image_id\":5,\"category_id\":1,\"bbox\":[0,0,9,9],\"iscrowd\":1,\"keypoints\":[1,1,2,1,1,2,1,1,2,"
        "0,0,0,0,"
        "0,0,0,0,0]},\n"
        "{\"id\":5,\"image_id\":5,\"category_id\":1,\"bbox\":[1,1,9,9],\"iscrowd\":0,\"ignore\":true}],\n" COCO_IMAGES
        ",\"categories\":[{\"id\":2,\"name\":\"cat\"},{\"id\":1,\"name\":\"face\"," FIVE "}]}";
    static const char want[] = "# photo.jpg\n"
                               "10 20 30 40 15 30 0 25 31 1 20 35 0 16 45 0 24 46 0 0\n"
                               "0 0 9 9" NONE " 0 1\n"
                               "1 1 9 9" NONE " 0 1\n"
                               "# c.jpg\n"
                               "1.5 2 3 4.25" NONE " 0\n";
    assert_string_equal(kit_labels("coco", "a.json", text, &keep), want);
    assert_int_equal(kit_stats.other_categories, 1);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_PARTIAL], 1);
    assert_int_equal(kit_stats.with_points, 1);
    rf_convert_options cats = keep;
    cats.categories = (const char *const[]){"cat"};
    cats.n_categories = 1;
    assert_string_equal(kit_labels("coco", "a.json", text, &cats), "# photo.jpg\n0 0 9 9" NONE " 0\n# c.jpg\n");
    /* Without names of keypoints fifteen numbers are in label.txt's order; without categories their numbers are kinds.
     */
    assert_string_equal(
        kit_labels("coco", "a.json",
                   "{" COCO_IMAGES
                   ",\"annotations\":[{\"image_id\":3,\"category_id\":7,\"bbox\":[1,2,30,40],\"keypoints\":"
                   "[5,6,2,15,6,2,9,9,2,6,12,2,14,12,2]}]}",
                   &keep),
        "# photo.jpg\n# c.jpg\n1 2 30 40 5 6 0 15 6 0 9 9 0 6 12 0 14 12 0 0\n");
}

/* COCO-WholeBody: the face's own box, and five points of 68 (36..41 and 42..47 around the eyes, 30, 48, 54). */
static void coco_wholebody(void **state) {
    (void)state;
    char text[8192], points[4096] = "";
    for (int i = 0; i < 68; i++) {
        int x = i >= 36 && i < 42 ? 20 + (i - 36) % 3 : i >= 42 && i < 48 ? 40 + (i - 42) % 3 : i;
        size_t used = strlen(points);
        snprintf(points + used, sizeof points - used, "%s%d,%d,0.75", i ? "," : "", x, 2 * i);
    }
    snprintf(text, sizeof text,
             "{" COCO_IMAGES ",\"categories\":[{\"id\":1,\"name\":\"person\",\"keypoints\":[\"nose\",\"left_eye\"]}],"
             "\"annotations\":[{\"image_id\":3,\"category_id\":1,\"bbox\":[0,0,100,150],\"keypoints\":[1,1,2,3,3,2],"
             "\"face_box\":[10.0,20.0,60.0,90.0],\"face_valid\":true,\"face_kpts\":[%s]},"
             "{\"image_id\":3,\"category_id\":1,\"bbox\":[0,0,50,60],\"face_box\":[0,0,0,0],\"face_valid\":false,"
             "\"face_kpts\":[]}]}",
             points);
    /* y of the eyes: the means of 72..82 and 84..94. */
    assert_close(kit_labels("coco", "a.json", text, &keep),
                 "# photo.jpg\n# c.jpg\n10 20 60 90 21 77 0 41 89 0 30 60 0 48 96 0 54 108 0 0\n");
    assert_string_equal(kit_found, "");
}

/* "left_eye" is the person's, on the right of the image, in most faces: all are swapped, also those that look back. */
static void left_is_found_out(void **state) {
    (void)state;
    static const char text[] = "path,x,y,w,h,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,"
                               "mouth_left_y,mouth_right_x,"
                               "mouth_right_y,mouth_right_v\n"
                               "c.jpg,1,2,30,40,15,6,5,7,9,9,14,12,6,13,\n"
                               "c.jpg,50,2,30,40,65,6,55,7,59,9,64,12,56,13,1\n"
                               "c.jpg,50,80,30,40,55,86,65,87,59,90,56,92,64,93,0\n"
                               "c.jpg,9,9,9,9,55,86,65,87,59,90,56,92,64,,0\n";
    static const char swapped[] = "# c.jpg\n1 2 30 40 5 7 0 15 6 0 9 9 0 6 13 0 14 12 0 0\n"
                                  "50 2 30 40 55 7 0 65 6 0 59 9 0 56 13 1 64 12 0 0\n"
                                  "50 80 30 40 65 87 0 55 86 0 59 90 0 64 93 0 56 92 0 0\n"
                                  "9 9 9 9" NONE " 0\n";
    assert_string_equal(kit_labels("csv", "a.csv", text, &keep), swapped);
    assert_true(kit_stats.swapped);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_PARTIAL], 1);
    rf_convert_options o = keep;
    o.left = RF_LEFT_PERSON;
    assert_string_equal(kit_labels("csv", "a.csv", text, &o), swapped);
    o.left = RF_LEFT_IMAGE;
    const char *plain = kit_labels("csv", "a.csv", text, &o);
    assert_non_null(strstr(plain, "# c.jpg\n1 2 30 40 15 6 0 5 7 0 9 9 0 14 12 0 6 13 0 0\n"));
    assert_non_null(strstr(plain, "50 2 30 40 65 6 0 55 7 0 59 9 0 64 12 0 56 13 1 0\n"));
    assert_false(kit_stats.swapped);
}

static void voc(void **state) {
    (void)state;
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n<annotation verified='yes'>\r\n<folder>x</folder>\r\n"
        "<filename>elsewhere.bmp</filename><!-- b.png lies beside -->\r\n"
        "<size><width>0</width><height>0</height></size><object><name> face </name>\r\n<part><name>head</name>"
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
        "<bndbox><ymax>30</ymax><xmin>1</xmin><ymin>2.5</ymin><xmax>50</xmax></bndbox></object>\r\n"
        "<object><name>face</name><difficult>1</difficult><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>9</xmax>"
        "<ymax>8</ymax></bndbox></object>"
        "<object><name>hat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"
        "</annotation>";
    /* The whole width: xmin 1 and xmax 50 of 50 pixels. */
    kit_write_text("xml/sub/b.xml", text);
    assert_int_equal(kit_convert("voc", "label", "xml", "out", &keep), RF_OK);
    assert_string_equal(kit_read("out/train/label.txt"), "# sub/b.png\n0 1.5 50 28.5" NONE " 0\n0 0 9 8" NONE " 0 1\n");
    assert_int_equal(kit_stats.other_categories, 1);
    scratch_clear("out");
    rf_convert_options o = keep;
    o.keep_difficult = true;
    assert_int_equal(kit_convert("voc", "label", "xml", "out", &o), RF_OK);
    assert_string_equal(kit_read("out/train/label.txt"), "# sub/b.png\n0 1.5 50 28.5" NONE " 0\n0 0 9 8" NONE " 0\n");
    scratch_clear("out");
    scratch_clear("xml");
}

static void yolo(void **state) {
    (void)state;
    kit_write_text("txt/photo.txt", "0 0.5 0.5 0.2 0.5 0.45 0.4 0.55 0.4 0.5 0.5 0.46 0.6 0.54 0.6\r\n"
                                    "0 0.1 0.1 0.1 0.1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n"
                                    "1 0.1 0.1 0.1 0.1\n");
    kit_write_text("txt/c.txt", "0 0.5 0.5 0.2 0.5 0.45 0.4 2 0.55 0.4 1 0.5 0.5 2 0.46 0.6 2 0.54 0.6 2\n");
    kit_write_text("txt/sub/b.txt", "");
    kit_write_text("txt/classes.txt", "face\nhat\n");
    assert_int_equal(kit_convert("yolo", "label", "txt", "out", &keep), RF_OK);
    assert_close(kit_read("out/train/label.txt"), "# c.jpg\n80 40 40 80 90 64 0 110 64 1 100 80 0 92 96 0 108 96 0 0\n"
                                                  "# photo.jpg\n40 20 20 40 45 32 0 55 32 0 50 40 0 46 48 0 54 48 0 0\n"
                                                  "5 4 10 8" NONE " 0\n"
                                                  "# sub/b.png\n");
    scratch_clear("out");
    scratch_clear("txt/classes.txt");
    assert_int_equal(kit_convert("yolo", "label", "txt", "out", &keep), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "2 kinds of objects"));
    rf_convert_options o = keep;
    o.categories = (const char *const[]){"1"};
    o.n_categories = 1;
    assert_int_equal(kit_convert("yolo", "label", "txt", "out", &o), RF_OK);
    assert_close(kit_read("out/train/label.txt"), "# c.jpg\n# photo.jpg\n5 4 10 8" NONE " 0\n# sub/b.png\n");
    scratch_clear("out");
    scratch_clear("txt");
}

/* Half sizes of the box of an ellipse a, b turned by t: sqrt(a^2 cos^2 t + b^2 sin^2 t), and with sine and cosine
 * exchanged. a = 20, b = 10, t = 30 degrees: sqrt(325) = 18.0278 and sqrt(175) = 13.2288. */
static void fddb(void **state) {
    (void)state;
    assert_close(kit_labels("fddb", "f.txt",
                            "c\n2\n20 10 0.5235987755982988 60 50  1\n20 10 -3.141592653589793 60 50  1\nsub/b\n0\n",
                            &keep),
                 "# c.jpg\n41.9722 36.7712 36.0555 26.4575" NONE " 0\n40 40 40 20" NONE " 0\n# sub/b.png\n");
}

static void csv(void **state) {
    (void)state;
    static const char want[] =
        "# c.jpg\n1 2 3 4" NONE " 0\n5 6 7 8" NONE " 0\n# sub/b.png\n# photo.jpg\n1 1 4 4" NONE " 0\n";
    assert_string_equal(kit_labels("csv", "a.csv",
                                   "\xef\xbb\xbfImage_Path;x;y;w;h\r\n\"c.jpg\";1;2;3;4\r\nsub\\b.png;;;;\r\n"
                                   "./photo.jpg;1;1;4;4\r\nc.jpg;\"5\";6;7;8",
                                   &keep),
                        want);
    assert_string_equal(
        kit_labels("csv", "a.csv",
                   "filename,width,height,class,xmin,ymin,xmax,ymax\nc.jpg,200,160,\"fa\"\"ce\",1,2,4,6\n", &keep),
        "# c.jpg\n1 2 3 4" NONE " 0\n");
    char text[1200];
    snprintf(text, sizeof text, "path,x1,y1,width,height\n%s,1,2,3,4\n", scratch_path("pictures/c.jpg"));
    assert_string_equal(kit_labels("csv", "a.csv", text, &keep), "# c.jpg\n1 2 3 4" NONE " 0\n");
}

static void what_is_left_out_is_told(void **state) {
    (void)state;
    static const char text[] = "{\"images\":[{\"id\":1,\"file_name\":\"photo.jpg\"},\n"
                               "{\"id\":2,\"file_name\":\"none.jpg\"},\n"
                               "{\"id\":3,\"file_name\":\"text.jpg\"},\n"
                               "{\"id\":4,\"file_name\":\"./photo.jpg\"},\n"
                               "{\"id\":5,\"file_name\":\"c.jpg\",\"width\":100,\"height\":100}],\n"
                               "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4]},\n"
                               "{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,0,4]},\n"
                               "{\"image_id\":1,\"category_id\":1,\"bbox\":[100,2,5,4]},\n"
                               "{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,-3,4]},\n"
                               "{\"image_id\":9,\"category_id\":1,\"bbox\":[1,2,3,4]}]}";
    static const char *const words[] = {":2: none.jpg is not below",
                                        ":3: ",
                                        "text.jpg: neither JPEG",
                                        ":4: note: photo.jpg is named twice",
                                        ":5: c.jpg has 200x160 pixels",
                                        ":7: the box has no area (0 x 4",
                                        ":8: the box (100, 2)-(105, 6) lies outside of photo.jpg, which has 100x80",
                                        ":9: the box has no area (-3 x 4",
                                        ": 1 annotations belong to images that are not listed"};
    kit_write_text("pictures/text.jpg", "this is no picture");
    assert_string_equal(kit_labels("coco", "a.json", text, &keep), "# photo.jpg\n1 2 3 4" NONE " 0\n");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(kit_found, words[i])) fail_msg("%s is not told in\n%s", words[i], kit_found);
    static const size_t counts[RF_CONVERT_REASONS] = {
        [RF_CONVERT_MISSING] = 1, [RF_CONVERT_BROKEN] = 1,  [RF_CONVERT_SIZE] = 1,     [RF_CONVERT_DOUBLED] = 1,
        [RF_CONVERT_NO_AREA] = 2, [RF_CONVERT_OUTSIDE] = 1, [RF_CONVERT_DANGLING] = 1, [RF_CONVERT_UNNAMED] = 1,
    };
    assert_memory_equal(kit_stats.left_out, counts, sizeof counts);
    rf_convert_options o = keep;
    o.strict = true;
    kit_write_text("a.json", text);
    assert_int_equal(kit_convert("coco", "label", "a.json", "out", &o), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), ":2: none.jpg"));
    assert_non_null(strstr(rf_error_message(), "and 6 more"));
    assert_int_equal(kit_count("out"), -1);
    kit_write_text("b.csv", "path,x,y,w,h\nnone.jpg,1,1,1,1\n");
    assert_int_equal(kit_convert("csv", "label", "b.csv", "out", &keep), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "--root"));
    scratch_clear("pictures/text.jpg");
}

static bool stop_late(void *ctx, size_t done, size_t total) {
    (void)ctx;
    return !(total == 2 && done == 2);
}

static void output_is_whole_or_not_there(void **state) {
    (void)state;
    struct stat info;
    kit_write_text("a.csv", "path,x,y,w,h\nc.jpg,1,1,1,1\nsub/b.png,1,1,1,1\n");
    rf_convert_options o = {.place = RF_IMAGES_LINK};
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
    assert_int_equal(kit_count("out"), 3);
    assert_int_equal(lstat(scratch_path("out/train/images/sub/b.png"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(scratch_path("out/train/images/sub/b.png"), &info), 0);
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "out/train exists already"));
    assert_int_equal(kit_count("out"), 3);
    scratch_clear("out");
    o.place = RF_IMAGES_COPY;
    kit_write_text("out/train.tmp-999999999/left", "by one that was killed");
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
    assert_int_equal(kit_count("out"), 3);
    assert_int_equal(lstat(scratch_path("out/train/images/sub/b.png"), &info), 0);
    assert_true(S_ISREG(info.st_mode));
    scratch_clear("out");
    o.progress = stop_late;
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_ERR_INTERRUPTED);
    assert_int_equal(kit_count("out"), -1);
    assert_int_equal(kit_count("pictures"), 3);
    kit_write_text("file", "");
    o.progress = NULL;
    assert_int_equal(kit_convert("csv", "label", "a.csv", "file/x", &o), RF_ERR_IO);
    kit_write_text("pictures/\xff.jpg", kit_read("a.csv"));
    kit_picture("pictures/\xff.jpg", 9, 9);
    kit_write_text("a.csv", "path,x,y,w,h\n\xff.jpg,1,1,1,1\n");
    assert_int_equal(kit_convert("csv", "coco", "a.csv", "out", &o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "not UTF-8"));
    assert_int_equal(kit_count("out"), -1);
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
    assert_string_equal(kit_read("out/train/label.txt"), "# \xff.jpg\n1 1 1 1" NONE " 0\n");
    scratch_clear("out");
    scratch_clear("pictures/\xff.jpg");
}

static void memory_runs_out(void **state) {
    (void)state;
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        char file[128];
        snprintf(file, sizeof file, "examples/%s", c->example_file);
        kit_write_text(file, c->example);
        uint64_t n = 1;
        for (rf_status status = RF_ERR_NOMEM; status != RF_OK; n++) {
            static char part[] = "train";
            char *files[] = {strdup(scratch_path(file))}, *root = strdup(scratch_path("pictures"));
            rf_convert_input in = {.files = files, .n_files = 1, .root = root, .part = part};
            rf_alloc_fail_at(n);
            status = rf_convert(c, rf_converters[RF_CONVERTER_coco], &in, 1, scratch_path("oom"), &keep, &kit_stats);
            rf_alloc_fail_at(0);
            free(files[0]);
            free(root);
            if (status != RF_OK) assert_int_equal(status, RF_ERR_NOMEM);
            if (status != RF_OK) assert_int_equal(kit_count("oom"), -1);
        }
        assert_in_range(n, 10, 1000);
        scratch_clear("oom");
        scratch_clear(file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_reads_its_example),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(coco),
        cmocka_unit_test(coco_wholebody),
        cmocka_unit_test(left_is_found_out),
        cmocka_unit_test(voc),
        cmocka_unit_test(yolo),
        cmocka_unit_test(fddb),
        cmocka_unit_test(csv),
        cmocka_unit_test(what_is_left_out_is_told),
        cmocka_unit_test(output_is_whole_or_not_there),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
