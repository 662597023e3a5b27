/* SPDX-License-Identifier: Apache-2.0 */
/* Annotation files that are wrong: each is refused with file, line and the reason. Then thousands of damaged ones: read
 * or refused, never worse; sanitizer builds make this sharp. And JSON and CSV by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json_walk.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/csv.h"
#include "tests/convert_kit.h"
#include "tests/image_fixtures.h"

static const rf_convert_options keep = {.place = RF_IMAGES_KEEP};

static int set_up(void **state) {
    if (scratch_make(state)) return 1;
    kit_picture("pictures/a.jpg", 64, 64);
    return 0;
}

typedef struct fault {
    const char *format, *text, *where, *what;
} fault;

static void check_faults(const fault *faults, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const fault *f = &faults[i];
        kit_write_text("fault.txt", f->text);
        rf_status status = kit_convert(f->format, "label", "fault.txt", "out", &keep);
        const char *message = status == RF_OK ? kit_found : rf_error_message(); /* one entry, or the whole */
        if (status != RF_OK && status != RF_ERR_FORMAT) fail_msg("%s case %zu: %s", f->format, i, message);
        if (!strstr(message, f->where) || !strstr(message, f->what))
            fail_msg("%s case %zu: \"%s\" lacks %s or %s", f->format, i, message, f->where, f->what);
        assert_int_equal(kit_count("out"), status == RF_OK ? 1 : -1);
        scratch_clear("out");
    }
}

#define IMAGE "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\n\"annotations\":[\n"
#define NAMED(name) "{\"images\":[\n{\"id\":1,\"file_name\":\"" name "\"}],\"annotations\":[]}"

static void json_faults(void **state) {
    (void)state;
    static const fault faults[] = {
        {"coco", "", ":1:", "ends too early"},
        {"coco", "[]", ":1:", "expected an object"},
        {"coco", "{}", "fault.txt:", "no list \"images\""},
        {"coco", "{\"images\":[]}", "fault.txt:", "no list \"annotations\""},
        {"coco", "{\"images\":[],\"annotations\":[]}", "fault.txt", "no image is listed"},
        {"coco", "{\"images\":{}}", ":1:", "expected an array"},
        {"coco", "{\"images\":[],\n\"images\":[]}", ":2:", "a second \"images\""},
        {"coco", "{\"images\":[1],\"annotations\":[]}", ":1:", "expected an object"},
        {"coco", "{\"images\":[\n{\"id\":1}],\"annotations\":[]}", ":2:", "without an id or a file_name"},
        {"coco", "{\"images\":[{\"id\":[],\"file_name\":\"a\"}],\"annotations\":[]}", ":1:", "expected a number"},
        {"coco",
         "{\"images\":[{\"id\":\"x\",\"file_name\":\"a\"},\n{\"id\":\"x\",\"file_name\":\"b\"}],\"annotations\":[]}",
         ":2:", "id x is used twice"},
        {"coco", "{\"images\":[{\"id\":1,\"file_name\":\"a\"},\n{\"id\":1,\"file_name\":\"b\"}],\"annotations\":[]}",
         ":2:", "id 1 is used twice"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,NaN,4]}]}", ":3:", "NaN,4]}]}\"; expected a number"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,-Infinity,4]}]}", ":3:", "expected a decimal number"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,1e999,4]}]}", ":3:", "a double can hold"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,1e30,4]}]}", ":3:", "out of range"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,0x1,4]}]}", ":3:", "a comma or ]"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,01,4]}]}", ":3:", "decimal number"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,3]}]}", ":3:", "four numbers"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,3,4,5]}]}", ":3:", "four numbers"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,3,4],}]}", ":3:", "expected a string"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,3,4]}]", ":3:", "ends too early"},
        {"coco", IMAGE "{\"image_id\":1,\"bbox\":[1,2,3,4]}]} x", ":3:", "the end of the file"},
        {"coco", "{\"images\":[],\"x\":\"\\ud800\"}", ":1:", "wrong escape"},
        {"coco", "{\"images\":[],\"x\":\"a\nb\"}", ":1:", "control character"},
        {"coco", NAMED("a\\nb.jpg"), ":2:", "control character"},
        {"coco", NAMED(" a.jpg"), ":2:", "blank"},
        {"coco", NAMED("./."), ":2:", "names no file"},
        {"coco", "{\"categories\":[\n{\"id\":1}],\"images\":[],\"annotations\":[]}", ":2:", "without an id or a name"},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
    char deep[4096] = "{\"x\":";
    memset(deep + 5, '[', 3000);
    fault nested = {"coco", deep, ":1:", "levels deep"};
    check_faults(&nested, 1);
}

#define VOC(inner) "<annotation>\n<filename>a.jpg</filename>\n" inner "</annotation>"

static void xml_faults(void **state) {
    (void)state;
    static const fault faults[] = {
        {"voc", "", ":1:", "no element found"},
        {"voc", "photo", ":1:", "wrong XML"},
        {"voc", "<annotation>\n<object>", ":2:", "wrong XML: no element found"},
        {"voc", "<annotation>\n</object></annotation>", ":2:", "mismatched tag"},
        {"voc", "<html/>", ":1:", "Pascal VOC has <annotation>"},
        {"voc", "<annotation/><annotation/>", ":1:", "junk after document element"},
        {"voc", "<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n<annotation>&b;</annotation>",
         ":1:", "document type"},
        {"voc", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><annotation/>", ":1:", "document type"},
        {"voc", VOC("&lol;"), ":3:", "undefined entity"},
        {"voc", VOC("<object>\n</object>"), ":3:", "without a whole bndbox"},
        {"voc", VOC("<object><bndbox><xmin>nan</xmin></bndbox></object>"), ":3:", "\"nan\" is not a number"},
        {"voc", VOC("<object><bndbox><xmin>1e999</xmin></bndbox></object>"), ":3:", "\"1e999\" is not a number"},
        {"voc", VOC("<object><bndbox><xmin>1</xmin>\n<xmin>1</xmin></bndbox></object>"), ":4:", "a second bndbox/xmin"},
        {"voc", VOC("<object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9e9</xmax><ymax>1</ymax></bndbox></object>"),
         ":3:", "out of range"},
        {"voc", VOC("<size><width>-5</width></size>"), ":3:", "no size in pixels"},
        {"voc", "<annotation>\n<filename>\xb0\xa1.jpg</filename></annotation>", ":2:", "not well-formed"},
        {"voc", "<?xml version='1.0' encoding='x-none'?><annotation/>", ":1:", "unknown encoding"},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
    static char deep[8192], wide[8192];
    for (int i = 0; i < 1000; i++) strcat(deep, i ? "<a>" : "<annotation>");
    memset(wide, 'x', 5000);
    memcpy(wide, "<annotation>\n<a>", 16);
    fault big[] = {{"voc", deep, ":1:", "levels deep"}, {"voc", wide, ":2:", "of text"}};
    check_faults(big, 2);
}

static void row_faults(void **state) {
    (void)state;
    static const fault faults[] = {
        {"yolo", "0 0.5 0.5 0.1\n", ":1:", "4 numbers"},
        {"yolo", "0 0.5 0.5 0.1 0.1\n0 100 80 30 40\n", ":2:", "are these pixels"},
        {"yolo", "face 0.5 0.5 0.1 0.1\n", ":1:", "\"face\" is not a finite number"},
        {"yolo", "0 nan 0.5 0.1 0.1\n", ":1:", "not a finite number"},
        {"yolo", "0.5 0.5 0.5 0.1 0.1\n", ":1:", "0.5 is no class"},
        {"yolo", "-1 0.5 0.5 0.1 0.1\n", ":1:", "-1 is no class"},
        {"fddb", "a\n", ":1:", "the file ends after an image name"},
        {"fddb", "a\nb\n", ":2:", "not a number of faces"},
        {"fddb", "a\n1.5\n", ":2:", "not a number of faces"},
        {"fddb", "a\n2\n20 10 0 30 30 1\n", ":1:", "after 1 of the 2 faces"},
        {"fddb", "a\n1\n20 10 0 30\n", ":3:", "4 numbers"},
        {"fddb", "a\n1\n20 -10 0 30 30 1\n", ":3:", "negative radius"},
        {"fddb", "a\n1\n1e6 10 0 30 30 1\n", ":3:", "out of range"},
        {"fddb", "a\n1\n20 10 inf 30 30 1\n", ":3:", "not a finite number"},
        {"fddb", "a\n0\n20 10 0 30 30 1\n1\n", ":3:", "numbers where an image name"},
        {"csv", "", ":1:", "the file is empty"},
        {"csv", "1,2,3,4,5\n", ":1:", "the header needs columns path"},
        {"csv", "path,x1,y1,x2\n", ":1:", "the header needs"},
        {"csv", "path,x,y,w,h\na.jpg,1,2,3\n", ":2:", "4 fields; the header has 5"},
        {"csv", "path,x,y,w,h\na.jpg,1,2,3,4,5\n", ":2:", "6 fields"},
        {"csv", "path,x,y,w,h\na.jpg,1,2,3,nan\n", ":2:", "\"nan\" in column 5 is not a number"},
        {"csv", "path,x,y,w,h\na.jpg,1,2,,4\n", ":2:", "the box lacks a number"},
        {"csv", "path,x,y,w,h\na.jpg,1,2,3,1e7\n", ":2:", "out of range"},
        {"csv", "path,x,y,w,h\n\"a.jpg,1,2,3,4\n", ":2:", "no closing quote"},
        {"csv", "path,x,y,w,h\n\"a\"b.jpg,1,2,3,4\n", ":2:", "after the closing quote"},
        {"csv", "path,x,y,w,h\n\"a\nb.jpg\",1,2,3,4\n", ":2:", "control character"},
        {"csv", "path,x,y,w,h\n,1,2,3,4\n", ":2:", "names no file"},
        {"wider", "a.jpg\nx\n", ":2:", "not a number of faces"},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
    static const char utf16[] = "p\0a\0t\0h\0,\0x\0";
    static const char *const texts[] = {"coco", "csv", "yolo", "fddb", "label", "wider"};
    for (size_t i = 0; i < 6; i++) {
        kit_write("fault.txt", utf16, sizeof utf16);
        assert_int_equal(kit_convert(texts[i], "label", "fault.txt", "out", &keep), RF_ERR_FORMAT);
        assert_non_null(strstr(rf_error_message(), ":1: a zero byte"));
    }
    assert_int_equal(kit_convert("cocoa", "label", "fault.txt", "out", &keep), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "did you mean \"coco\""));
}

/* What every reader must hand over, whatever the text. */
static void check_intake(const rf_intake *in) {
    for (size_t i = 0; i < in->n_images; i++) {
        const rf_intake_image *m = &in->images[i];
        const char *name = m->name ? m->name : m->stem;
        assert_non_null(name);
        assert_true(*name && *name != '/' && !strstr(name, "/../") && strncmp(name, "../", 3) != 0 &&
                    strcmp(name, "..") != 0);
        assert_true(m->line > 0 && m->declared_width >= 0 && m->declared_height >= 0);
    }
    for (size_t i = 0; i < in->n_faces; i++) {
        const rf_intake_face *f = &in->faces[i];
        assert_true(f->image < in->n_images && f->line > 0 && f->category < (int)in->n_categories);
        for (int k = 0; k < 4; k++) assert_true(isfinite(f->face.box[k]));
        for (int k = 0; k < 2 * f->face.n_points; k++) assert_true(isfinite(f->face.points[k]));
    }
}

static const char rich_coco[] =
    "{\"info\":{\"a\":[null,true,-1.5e-3,\"\\u00e9\\ud83d\\ude00\"]},\"images\":[{\"id\":1,\"file_name\":\"a.jpg\","
    "\"width\":"
    "64,\"height\":64}],\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"iscrowd\":0,"
    "\"keypoints\":[1,"
    "2,2,3,4,2,5,6,1,7,8,2,9,10,2]},{\"image_id\":1,\"face_box\":[1,2,3,4],\"face_kpts\":[1,2,0.5]}],\"categories\":[{"
    "\"id\":"
    "1,\"name\":\"face\",\"keypoints\":[\"left_eye\",\"right_eye\",\"nose\",\"mouth_left\",\"mouth_right\"]}]}";
static const char rich_csv[] =
    "path,class,x1,y1,x2,y2,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,"
    "mouth_left_y,mouth_right_x,mouth_right_y,nose_v\n\"a.jpg\",face,1,2,3,4,1,2,3,4,5,6,7,8,9,10,1\n"
    "b.jpg,\"a \"\"b\"\"\",,,,,,,,,,,,,,,\n";

/* The readers alone, so that thousands take a second. */
static void mutations(void **state) {
    (void)state;
    static const char letters[] = "0123456789 -+.eEnul,:;\"'\\/<>&![]{}#\n\r\t\xef\xbb\xff";
    static char text[4096];
    enum { SEEDS = RF_CONVERTER_COUNT + 2, ROUNDS = 10000 };
    for (size_t seed = 0; seed < SEEDS; seed++) {
        const rf_converter *c = rf_converters[seed < RF_CONVERTER_COUNT    ? seed
                                              : seed == RF_CONVERTER_COUNT ? RF_CONVERTER_coco
                                                                           : RF_CONVERTER_csv];
        const char *good = seed < RF_CONVERTER_COUNT ? c->example : seed == RF_CONVERTER_COUNT ? rich_coco : rich_csv;
        size_t length = strlen(good), refused = 0;
        for (uint64_t i = 0; i < ROUNDS; i++) {
            rf_rng rng = rf_rng_make(17, (uint32_t)seed, i, RF_STREAM_TEST);
            memcpy(text, good, length);
            size_t n = rf_rng_below(&rng, 4) == 0 ? rf_rng_below(&rng, (uint32_t)length) : length;
            for (uint32_t k = 1 + rf_rng_below(&rng, 5); k > 0 && n > 0; k--) {
                size_t at = rf_rng_below(&rng, (uint32_t)n), other = rf_rng_below(&rng, (uint32_t)n);
                if (rf_rng_below(&rng, 4) == 0)
                    memmove(text + at, text + other, n - (at > other ? at : other)); /* repeats or drops a piece */
                else
                    text[at] = letters[rf_rng_below(&rng, sizeof letters - 1)];
            }
            char *exact = rf_alloc(n + 1, 1);
            memcpy(exact, text, n);
            rf_source source = {.path = "mutant", .text = exact, .bytes = n, .name = "sub/a.txt"};
            rf_intake intake = {.root = "images"};
            assert_int_equal(rf_intake_file(&intake, "mutant"), RF_OK);
            rf_status status = c->read(&source, &intake);
            if (status != RF_OK) {
                assert_int_equal(status, RF_ERR_FORMAT);
                assert_non_null(strstr(rf_error_message(), "mutant"));
            } else {
                check_intake(&intake);
            }
            refused += status != RF_OK || intake.n_notes; /* the whole, or an entry */
            rf_intake_free(&intake);
            rf_free(exact);
        }
        if (refused < ROUNDS / 5 || refused == ROUNDS) fail_msg("%s: %zu of %d were refused", c->name, refused, ROUNDS);
    }
}

/* A picture that EXIF turns: shares and sizes that are annotated upright refer to the upright picture, and that is
 * told. A name whose folder is not there is found without it. */
static void turned_pictures(void **state) {
    (void)state;
    static const char coco[] = "{\"images\":[{\"id\":1,\"file_name\":\"far/away/t.jpg\",\"width\":%d,\"height\":%d}],"
                               "\"annotations\":[{\"image_id\":1,\"bbox\":[4,30,10,8]}]}";
    static uint8_t grey[40 * 24];
    char text[256];
    jpeg_make m = {.kind = JPEG_GRAY, .width = 40, .height = 24, .pixels = grey, .orientation = 6};
    bytes file = make_jpeg(&m);
    kit_write("pictures/t.jpg", file.data, file.size);
    bytes_free(&file);
    const char *labels = kit_labels("yolo", "t.txt", "0 0.5 0.75 0.5 0.25\n", &keep);
    assert_int_equal(strncmp(labels, "# t.jpg\n6 25 12 10 -1", 21), 0);
    assert_non_null(strstr(kit_found, "t.txt:1: note: the boxes of t.jpg belong to the picture turned"));
    snprintf(text, sizeof text, coco, 24, 40);
    labels = kit_labels("coco", "t.json", text, &keep);
    assert_int_equal(strncmp(labels, "# t.jpg\n4 30 10 8 -1", 20), 0);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_TURNED], 1);
    /* Annotated as it is stored, the same box lies below the picture. */
    snprintf(text, sizeof text, coco, 40, 24);
    kit_write_text("t.json", text);
    assert_int_equal(kit_convert("coco", "label", "t.json", "labels", &keep), RF_ERR_FORMAT);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_TURNED], 0);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_NO_FACE_LEFT], 1);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_OUTSIDE], 1);
    scratch_clear("pictures/t.jpg");
}

static void json_values(void **state) {
    (void)state;
    static const char text[] =
        " {\"k\" : [1, -2.5e+1 ,\n0], \"s\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\/\", \"t\":true,"
        "\"n\":null, \"o\":{\"a\":{},\"b\":[[],[{}]]}, \"a longer key than fits\":0 }\n";
    rf_json_walk w = rf_walk_begin("t", text, strlen(text));
    char key[8], string[32];
    bool more, flag;
    double number;
    assert_int_equal(rf_walk_enter(&w, '{'), RF_OK);
    assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
    assert_true(more && strcmp(key, "k") == 0);
    assert_int_equal(rf_walk_enter(&w, '['), RF_OK);
    static const double want[] = {1, -25, 0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_walk_item(&w, &more), RF_OK);
        assert_true(more && rf_walk_kind(&w) == '0');
        assert_int_equal(rf_walk_number(&w, &number), RF_OK);
        assert_true(number == want[i]);
    }
    assert_int_equal(rf_walk_item(&w, &more), RF_OK);
    assert_false(more);
    assert_int_equal(w.line, 2);
    assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
    assert_int_equal(rf_walk_string(&w, string, sizeof string), RF_OK);
    assert_string_equal(string, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n/");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
        assert_int_equal(rf_walk_flag(&w, &flag), RF_OK);
        assert_true(flag == (i == 0));
    }
    assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
    assert_int_equal(rf_walk_skip(&w), RF_OK);
    assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
    assert_string_equal(key, "a longe");
    assert_int_equal(rf_walk_string(&w, string, sizeof string), RF_ERR_FORMAT);
    assert_int_equal(rf_walk_skip(&w), RF_OK);
    assert_int_equal(rf_walk_member(&w, key, sizeof key, &more), RF_OK);
    assert_false(more);
    assert_int_equal(rf_walk_finish(&w), RF_OK);
    w = rf_walk_begin("t", "\"abcd\"", 6);
    assert_int_equal(rf_walk_string(&w, string, 4), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "4 bytes; at most 3"));
}

static void csv_rows(void **state) {
    (void)state;
    static const char text[] = "a, b ,\"c,\"\"d\r\n\"\r\n\r\n\"\"\n,\n \"x\"";
    static const char *const want[][3] = {{"a", "b", "c,\"d\r\n"}, {"", "", NULL}, {"\"x\"", NULL, NULL}};
    static const int lines[] = {1, 5, 6};
    rf_csv csv;
    bool more;
    rf_csv_begin(&csv, "t", text, strlen(text));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rf_csv_next(&csv, &more), RF_OK);
        assert_true(more);
        assert_int_equal(csv.row_line, lines[i]);
        for (size_t k = 0; k < 3; k++) {
            assert_true((k < csv.n) == (want[i][k] != NULL));
            if (want[i][k]) assert_string_equal(csv.field[k], want[i][k]);
        }
    }
    assert_int_equal(rf_csv_next(&csv, &more), RF_OK);
    assert_false(more);
    rf_csv_end(&csv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_faults), cmocka_unit_test(xml_faults),      cmocka_unit_test(row_faults),
        cmocka_unit_test(mutations),   cmocka_unit_test(turned_pictures), cmocka_unit_test(json_values),
        cmocka_unit_test(csv_rows),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
