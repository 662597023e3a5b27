/* What other programs write beside the plain forms of test_convert: labelling tools' files, told by their looks. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "data/sniff.h"
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

/* Each example is known by its looks as its own format; files that are not read are known as what they
 * are, with advice; the formats that training reads are none of these. */
static void formats_are_known_by_their_looks(void **state) {
    (void)state;
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const char *text = rf_converters[i]->example;
        const rf_converter *taken = rf_sniff_text(text, strlen(text)).from;
        if (taken != rf_converters[i])
            fail_msg("the example of %s is taken for %s", rf_converters[i]->name, taken ? taken->name : "nothing");
        assert_null(rf_sniff_text("", 0).from);
        for (size_t n = 1; n < strlen(text); n++) rf_sniff_text(text, n);
    }
    for (size_t i = 0; i < rf_foreign_count; i++) {
        const rf_foreign *f = &rf_foreigns[i];
        rf_sniffed s = rf_sniff_text(f->example, f->example_bytes);
        if (s.from || s.foreign != f) fail_msg("%s is not known", f->what);
        assert_int_equal(rf_sniff_refuse("some file", &s), RF_ERR_FORMAT);
        assert_non_null(strstr(rf_error_message(), f->advice));
        for (size_t n = 1; n < f->example_bytes; n++) rf_sniff_text(f->example, n);
    }
    for (int i = 0; i < RF_DATASET_COUNT; i++) {
        rf_sniffed s = rf_sniff_text(rf_dataset_formats[i]->example, strlen(rf_dataset_formats[i]->example));
        assert_true((!s.from || s.from->direct) && !s.foreign);
    }
    /* Others' examples, with white space, comments and a mark in front. */
    static const char xml[] = "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <x> -->\n<annotation verified='no'>";
    static const char rows[] = "a.jpg,1,2,3,4,face\n", two[] = "0 0.5 0.5 0.1 0.1\n0 20 30 40 50\n";
    assert_ptr_equal(rf_sniff_text(xml, strlen(xml)).from, rf_converters[RF_CONVERTER_voc]);
    assert_null(rf_sniff_text(rows, strlen(rows)).from);
    assert_null(rf_sniff_text(two, strlen(two)).from);
}

/* VIA writes "image_id": "5" beside "id": 5; others have words for numbers. */
static void coco_ids_as_text(void **state) {
    (void)state;
    static const char want[] = "# photo.jpg\n1 2 3 4" NONE " 0\n# c.jpg\n5 6 7 8" NONE " 0\n9 9 9 9" NONE " 0\n";
    static const char text[] =
        "{\"images\":[{\"id\":5,\"file_name\":\"photo.jpg\"},{\"id\":\"05\",\"file_name\":\"c.jpg\"}],\"annotations\":["
        "{\"image_id\":\"05\",\"category_id\":\"1\",\"bbox\":[5,6,7,8]},"
        "{\"image_id\":\"5\",\"category_id\":1,\"bbox\":[1,2,3,4]},"
        "{\"image_id\":\"5\",\"category_id\":\"one\",\"bbox\":[1,2,30,4]},"
        "{\"image_id\":\"05\",\"category_id\":\"1\",\"bbox\":[9,9,9,9]},"
        "{\"image_id\":\"5.0\",\"category_id\":1,\"bbox\":[1,2,3,4]}],"
        "\"categories\":[{\"id\":\"1\",\"name\":\"face\"},{\"id\":\"one\",\"name\":\"hat\"}]}";
    assert_string_equal(kit_labels("coco", "a.json", text, &keep), want);
    assert_int_equal(kit_stats.other_categories, 1);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_DANGLING], 1);
}

/* <folder> is the picture's in some sets, the set's or wrong in others; filename has it, lacks it or lacks its suffix.
 */
static void voc_folders(void **state) {
    (void)state;
    static const struct {
        const char *folder, *filename, *xml;
    } cases[] = {
        {"sub", "b.png", "b.xml"},           {"sub", "b", "b.xml"},
        {"VOC2012", "b.png", "b.xml"},       {"sub", "sub/b.png", "x/b.xml"},
        {"x", "sub/b.png", "b.xml"},         {"", "b.png", "b.xml"},
        {"C:\\pics\\sub", "b.png", "b.xml"}, {"", "C:\\x\\sub\\b.png", "b.xml"},
        {"..", "b.jpg", "sub/b.xml"},        {"wrong", "wrong.jpg", "sub/b.xml"},
        {"sub", "B.PNG", "1.xml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], file[64];
        snprintf(text, sizeof text,
                 "<annotation><folder>%s</folder><filename>%s</filename><object><name>face</name><bndbox><xmin>2</xmin>"
                 "<ymin>3</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>",
                 cases[i].folder, cases[i].filename);
        snprintf(file, sizeof file, "xml/%s", cases[i].xml);
        kit_write_text(file, text);
        if (kit_convert("voc", "label", "xml", "out", &keep) != RF_OK) fail_msg("case %zu: %s", i, rf_error_message());
        assert_string_equal(kit_read("out/train/label.txt"), "# sub/b.png\n1 2 8 6" NONE " 0\n");
        scratch_clear("out");
        scratch_clear("xml");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_known_by_their_looks),
        cmocka_unit_test(coco_ids_as_text),
        cmocka_unit_test(voc_folders),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
