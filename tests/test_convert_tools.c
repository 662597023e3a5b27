/* SPDX-License-Identifier: Apache-2.0 */
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

/* LabelMe's web tool (CVAT exports "LabelMe 3.0") and roLabelImg write VOC's kin. */
static void voc_kin(void **state) {
    (void)state;
    static const char text[] =
        "<annotation><filename>c.jpg</filename><folder>x</folder><imagesize><nrows>160</nrows><ncols>200</ncols></"
        "imagesize>"
        "<object><name>face</name><deleted>0</deleted><polygon><username>u</username><pt><x>40</x><y>20</y></pt>"
        "<pt><x>10.5</x><y>20</y></pt><pt><x>10.5</x><y>60</y></pt></polygon></object>"
        "<object><name>face</name><deleted>1</deleted><polygon><pt><x>1</x><y>2</y></pt><pt><x>4</x><y>5</y></pt></"
        "polygon></object>"
        "<object><type>robndbox</type><name>face</name><robndbox><cx>100</cx><cy>45</cy><w>20</w><h>10</"
        "h><angle>1.5707963267948966"
        "</angle></robndbox></object></annotation>";
    assert_string_equal(kit_labels("voc", "c.xml", text, &keep),
                        "# c.jpg\n10.5 20 29.5 40" NONE " 0\n95 35 10 20" NONE " 0\n");
    assert_string_equal(kit_found, "");
}

#define LABELME(shapes)                                                                                                \
    "{\"shapes\":[" shapes                                                                                             \
    "],\"imagePath\":\"..\\\\pics\\\\c.jpg\",\"imageData\":\"AAAA\",\"imageHeight\":160,\"imageWidth\":200}"
#define SHAPE(label, kind, group, points)                                                                              \
    "{\"label\":\"" label "\",\"shape_type\":\"" kind "\",\"group_id\":" group ",\"flags\":{},\"points\":" points "}"

/* Corners in any order, what a box is drawn around, landmarks by group or by place, an imagePath of Windows. */
static void labelme(void **state) {
    (void)state;
    static const char text[] = LABELME(
        SHAPE("face", "rectangle", "1", "[[40.5,60],[10,20]]") "," SHAPE("face", "polygon", "null", "[[100,20],[130,40],[110,70]]") "," SHAPE("face", "circle", "null", "[[60,120],[63,124]]") "," SHAPE(
            "right_eye", "point", "1",
            "[[30,35]]") "," SHAPE("left_eye", "point", "1",
                                   "[[20,35]]") "," SHAPE("nose", "point", "null",
                                                          "[[25,45]]") "," SHAPE("Mouth Left", "point", "1",
                                                                                 "[[21,52]]") "," SHAPE("mouth_"
                                                                                                        "right",
                                                                                                        "point", "1",
                                                                                                        "[[29,52]"
                                                                                                        "]") "," SHAPE("nose",
                                                                                                                       "point",
                                                                                                                       "null",
                                                                                                                       "[[199,1]]") "," SHAPE("hair",
                                                                                                                                              "linestrip",
                                                                                                                                              "null",
                                                                                                                                              "[[1,1],[2,2]]") "," SHAPE("hat",
                                                                                                                                                                         "rectangle",
                                                                                                                                                                         "null",
                                                                                                                                                                         "[[1,1],[2,2]]"));
    kit_write_text("json/x/c.json", text);
    assert_int_equal(kit_convert("labelme", "label", "json", "out", &keep), RF_OK);
    assert_string_equal(kit_read("out/train/label.txt"),
                        "# c.jpg\n10 20 30.5 40 20 35 0 30 35 0 25 45 0 21 52 0 29 52 0 0\n100 20 30 50" NONE " 0\n"
                        "55 115 10 10" NONE " 0\n");
    assert_int_equal(kit_stats.other_categories, 1);
    assert_non_null(strstr(kit_found, "2 shapes are neither a box nor a landmark of one"));
    scratch_clear("out");
    scratch_clear("json");
}

static void createml(void **state) {
    (void)state;
    assert_string_equal(
        kit_labels("createml", "a.json",
                   "[{\"imagefilename\":\"c.jpg\",\"annotation\":[{\"coordinates\":{\"y\":40.5,\"x\":25,"
                   "\"width\":30,\"height\":41},\"label\":\"face\"},{\"label\":\"dog\",\"coordinates\":{\"x\":9,"
                   "\"y\":9,\"width\":2,\"height\":2}}]},{\"image\":\"sub/b.png\",\"annotations\":[]}]",
                   &keep),
        "# c.jpg\n10 20 30 41" NONE " 0\n# sub/b.png\n");
    assert_int_equal(kit_stats.other_categories, 1);
}

#define RECT(x, y, w, h) "{\"name\":\"rect\",\"x\":" #x ",\"y\":" #y ",\"width\":" #w ",\"height\":" #h "}"
#define REGION(shape, attributes) "{\"shape_attributes\":" shape ",\"region_attributes\":" attributes "}"

/* A project, regions as list and as object (VIA 1), every shape, the label in any attribute; the same in CSV. */
static void via(void **state) {
    (void)state;
    static const char want[] =
        "# photo.jpg\n10 20 30 40 15 30 0 25 30 0 20 40 0 16 50 0 24 50 0 0\n# c.jpg\n5 6 7 8" NONE
        " 0\n15 15 10 10" NONE " 0\n40 48 20 4" NONE " 0\n1 2 8 8" NONE " 0\n# sub/b.png\n";
    static const char
        project
            [] = "{\"_via_settings\":{\"ui\":{}},\"_via_img_metadata\":{\"photo.jpg9\":{\"filename\":\"photo.jpg\","
                 "\"size\":9,"
                 "\"regions\":[" REGION(RECT(10, 20, 30, 40),
                                        "{\"type\":\"face\"}") "," REGION("{\"name\":\"point\",\"cx\":15,\"cy\":30}", "{\"type\":\"left_eye\"}") "," REGION("{\"name\":\"point\",\"cx\":25,\"cy\":30}", "{\"type\":\"right_eye\"}") "," REGION("{\"name\":\"point\",\"cx\":20,\"cy\":40}", "{\"type\":\"nose\"}") "," REGION("{\"name\":\"point\",\"cx\":16,\"cy\":50}", "{\"type\":\"mouth_left\"}") "," REGION("{\"name\":\"point\",\"cx\":24,\"cy\":50}",
                                                                                                                                                                                                                                                                                                                                                                                                                 "{\"type\":\"mouth_right\"}") "]},"
                                                                                                                                                                                                                                                                                                                                                                                                                                               "\"c.jpg7\":{\"filename\":\"c.jpg\",\"regions\":{\"0\":" REGION(RECT(5, 6,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    7,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    8),
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               "{\"age\":\"old\",\"name\":\"face\"}") ",\"1\":" REGION("{\"name\":\"circle\",\"cx\":20,\"cy\":20,\"r\":5}",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "{\"class\":{\"face\":true}}") ",\"2\":" REGION("{\"name\":\"ellipse\",\"cx\":50,\"cy\":50,\"rx\":10,\"ry\":2,\"theta\":0}", "{\"name\":\"face\"}") ",\"3\":" REGION("{\"name\":\"polygon\",\"all_points_x\":[1,9,5],\"all_points_y\":[2,4,10]}", "{\"name\":\"face\"}") ",\"4\":" REGION(RECT(1,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      1,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      1,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      1),
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "{\"name\":\"dog\"}") "}},\"b\":{\"filename\":\"sub/b.png\",\"regions\":[]}},"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "\"_via_attributes\":{}}";
    assert_string_equal(kit_labels("via", "a.json", project, &keep), want);
    assert_int_equal(kit_stats.other_categories, 1);
    static const char rows[] =
        "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
        "c.jpg,7,\"{}\",2,0,\"{\"\"name\"\":\"\"rect\"\",\"\"x\"\":5,\"\"y\"\":6,\"\"width\"\":7,\"\"height\"\":8}\","
        "\"{\"\"name\"\":\"\"face\"\"}\"\n"
        "c.jpg,7,\"{}\",2,1,\"{\"\"name\"\":\"\"circle\"\",\"\"cx\"\":20,\"\"cy\"\":20,\"\"r\"\":5}\",\"{\"\"name\"\":"
        "\"\"face\"\"}\"\n"
        "photo.jpg,9,\"{}\",0,0,\"{}\",\"{}\"\n";
    assert_string_equal(kit_labels("via", "a.csv", rows, &keep),
                        "# c.jpg\n5 6 7 8" NONE " 0\n15 15 10 10" NONE " 0\n# photo.jpg\n");
}

static void via_3(void **state) {
    (void)state;
    static const char text[] =
        "{\"project\":{\"pname\":\"x\"},\"metadata\":{\"1_a\":{\"vid\":\"1\",\"flg\":0,\"z\":[],\"xy\":[2,10,20,30,40],"
        "\"av\":{\"1\":\"0\"}},\"1_b\":{\"vid\":\"1\",\"z\":[],\"xy\":[1,20,40],\"av\":{\"1\":\"nose\"}},\"2_c\":{"
        "\"vid\":\"2\","
        "\"z\":[],\"xy\":[3,20,20,5],\"av\":{\"1\":\"0\"}},\"2_d\":{\"vid\":\"2\",\"z\":[],\"xy\":[7,1,2,9,4,5,10],"
        "\"av\":{\"1\":"
        "\"1\"}},\"3_e\":{\"vid\":\"3\",\"z\":[],\"xy\":[],\"av\":{\"2\":\"good\"}}},\"attribute\":{\"1\":{\"aname\":"
        "\"kind\","
        "\"type\":4,\"options\":{\"0\":\"face\",\"1\":\"dog\"}}},\"file\":{\"7\":{\"fid\":7,\"fname\":\"photo.jpg\","
        "\"type\":2},"
        "\"8\":{\"fid\":8,\"fname\":\"c.jpg\"},\"9\":{\"fid\":\"9\",\"fname\":\"sub/"
        "b.png\"}},\"view\":{\"1\":{\"fid_list\":[7]},"
        "\"2\":{\"fid_list\":[\"8\"]},\"3\":{\"fid_list\":[9]}}}";
    assert_string_equal(kit_labels("via", "a.json", text, &keep),
                        "# photo.jpg\n10 20 30 40" NONE " 0\n# c.jpg\n15 15 10 10" NONE " 0\n# sub/b.png\n");
    assert_int_equal(kit_stats.other_categories, 1);
    assert_ptr_equal(rf_sniff_text(text, strlen(text)).from, rf_converters[RF_CONVERTER_via]);
}

#define TASK(address, results)                                                                                         \
    "{\"id\":1,\"data\":{\"text\":\"x\",\"image\":\"" address                                                          \
    "\"},\"predictions\":[{\"result\":[{\"value\":{\"x\":1}}]}],"                                                      \
    "\"annotations\":[{\"was_cancelled\":true,\"result\":[{}]},{\"result\":[" results "]}]}"
#define RESULT(id, type, value)                                                                                        \
    "{\"id\":\"" id "\",\"type\":\"" type "\",\"original_width\":200,\"original_height\":160,\"value\":{" value "}}"
#define PERCENT "\"x\":10,\"y\":25,\"width\":20,\"height\":50,\"rotation\":"

/* Percents, turned boxes (clockwise about the corner), ellipses, polygons, labels of their own, addresses. */
static void labelstudio(void **state) {
    (void)state;
    static const struct {
        const char *address, *name;
    } addresses[] = {{"/data/upload/3/c.jpg", "c.jpg"},
                     {"/data/upload/3/0a1b2c3d-c.jpg", "c.jpg"},
                     {"/data/local-files/?d=sub/b.png", "sub/b.png"},
                     {"s3://bucket/x/sub/b.png", "sub/b.png"},
                     {"https://host/c.jpg?X-Amz=1", "c.jpg"},
                     {"caf%C3%A9/c.jpg", "c.jpg"}};
    char text[2048], want[128];
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        snprintf(text, sizeof text, "[" TASK("%s", "") "]", addresses[i].address);
        snprintf(want, sizeof want, "# %s\n", addresses[i].name);
        assert_string_equal(kit_labels("labelstudio", "a.json", text, &keep), want);
    }
    static const char results[] = "[" TASK(
        "c.jpg",
        RESULT("a", "rectanglelabels", PERCENT "0,\"rectanglelabels\":[\"face\"]") "," RESULT(
            "b", "rectanglelabels",
            "\"x\":50,\"y\":50,\"width\":10,\"height\":20,\"rotation\":90,\"rectanglelabels\":["
            "\"face\"]") "," RESULT("c", "ellipselabels",
                                    "\"x\":50,\"y\":50,\"radiusX\":5,\"radiusY\":10,\"ellipselabels\":"
                                    "[\"face\"]") "," RESULT("d", "polygonlabels",
                                                             "\"points\":[[10,10],[20,15],[15,30]],"
                                                             "\"polygonlabels\":[\"face\"]") "," RESULT("e",
                                                                                                        "rectangle",
                                                                                                        PERCENT
                                                                                                        "0") "," RESULT("e",
                                                                                                                        "labels",
                                                                                                                        PERCENT
                                                                                                                        "0,\"labels\":[\"dog\"]") ","
                                                                                                                                                  "{\"id\":\"q\",\"type\":\"choices\",\"value\":{\"choices\":[\"good\"]}}") "]";
    assert_string_equal(kit_labels("labelstudio", "a.json", results, &keep),
                        "# c.jpg\n20 40 40 80" NONE " 0\n68 80 32 20" NONE " 0\n90 64 20 32" NONE " 0\n20 16 20 32" NONE
                        " 0\n");
    assert_int_equal(kit_stats.other_categories, 1);
    /* JSON-MIN, and without the picture's size: shares. */
    assert_string_equal(kit_labels("labelstudio", "a.json",
                                   "[{\"image\":\"/data/upload/1/c.jpg\",\"id\":2,\"label\":[{" PERCENT
                                   "0,\"rectanglelabels\":[\"face\"]}],\"annotator\":1,\"annotation_id\":5}]",
                                   &keep),
                        "# c.jpg\n20 40 40.0000038 80" NONE " 0\n");
}

#define CVAT(inside)                                                                                                   \
    "<annotations><version>1.1</version><image id=\"0\" name=\"c.jpg\" width=\"200\" height=\"160\">" inside           \
    "</image></annotations>"

static void cvat(void **state) {
    (void)state;
    static const char text[] = CVAT(
        "<box label=\"face\" xtl=\"10.5\" ytl=\"20\" xbr=\"40.5\" ybr=\"60\"><attribute "
        "name=\"age\">9</attribute></box>"
        "<box label=\"face\" xtl=\"90\" ytl=\"40\" xbr=\"110\" ybr=\"50\" rotation=\"90\"/>"
        "<ellipse label=\"face\" cx=\"50\" cy=\"100\" rx=\"10\" ry=\"5\"/>"
        "<polygon label=\"face\" points=\"1,2;9,4;5,10\"/><polyline label=\"face\" points=\"1,2;9,4\"/>"
        "<skeleton label=\"five\"><points label=\"left_eye\" points=\"15,30\" outside=\"0\" occluded=\"1\"/>"
        "<points label=\"right_eye\" points=\"25,30\"/><points label=\"nose\" points=\"20,40\"/>"
        "<points label=\"mouth_left\" points=\"16,50\"/><points label=\"mouth_right\" points=\"24,50\"/></skeleton>"
        "<tag label=\"good\"></tag><box label=\"dog\" xtl=\"1\" ytl=\"1\" xbr=\"2\" ybr=\"2\"/>");
    assert_string_equal(kit_labels("cvat", "a.xml", text, &keep),
                        "# c.jpg\n10.5 20 30 40 15 30 1 25 30 0 20 40 0 16 50 0 24 50 0 0\n95 35 10 20" NONE " 0\n"
                        "40 95 20 10" NONE " 0\n1 2 8 8" NONE " 0\n");
    assert_int_equal(kit_stats.other_categories, 1);
    assert_non_null(strstr(kit_found, "1 shape is neither a box nor a landmark"));
    kit_write_text("a.xml", "<annotations><track id=\"0\" label=\"face\"></track></annotations>");
    assert_int_equal(kit_convert("cvat", "label", "a.xml", "out", &keep), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "CVAT for images 1.1"));
}

/* 68 parts: the means of 36..41 and 42..47, then 30, 48 and 54. */
static void dlib(void **state) {
    (void)state;
    char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "<dataset><images><image file='c.jpg'>"
                                "<box left='1' top='2' width='3' height='4' ignore='1'><label>face</label></box>"
                                "<box left='5' top='6' width='70' height='80'><label>face</label>");
    for (int i = 0; i < 68; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "<part name='%02d' x='%d' y='%d'/>", i, i, 2 * i);
    snprintf(text + n, sizeof text - n, "</box></image></images></dataset>");
    const char *labels = kit_labels("dlib", "a.xml", text, &keep);
    assert_string_equal(labels,
                        "# c.jpg\n1 2 3 4" NONE " 0 1\n5 6 70 80 38.5 77 0 44.5 89 0 30 60 0 48 96 0 54 108 0 0\n");
}

static void rows_of_images(void **state) {
    (void)state;
    assert_string_equal(
        kit_labels("labelv2", "labelv2.txt",
                   "# c.jpg 200 160\n10 20 40 60 15 30 0 25 30 1 20 35 0 16 45 0 24 45 0 0.82\n"
                   "5 6 12 14 1\n8 6 12 14 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n# sub/b.png 50 40\n",
                   &keep),
        "# c.jpg\n10 20 30 40 15 30 0 25 30 1 20 35 0 16 45 0 24 45 0 0\n5 6 7 8" NONE " 0 1\n8 6 4 8" NONE
        " 0\n# sub/b.png\n");
    rf_convert_options o = keep;
    static const char *const first[] = {"0"};
    o.categories = first;
    o.n_categories = 1;
    assert_string_equal(kit_labels("keras", "a.txt", "c.jpg 10,20,40,60,0 5,6,12,14,0 1,1,2,2,3\nsub/b.png\n", &o),
                        "# c.jpg\n10 20 30 40" NONE " 0\n5 6 7 8" NONE " 0\n# sub/b.png\n");
    rf_convert_options told = keep;
    told.columns = "path,x1,y1,x2,y2";
    assert_string_equal(kit_labels("csv", "a.txt", "c.jpg  10 20 40 60 \r\nc.jpg 5 6 12 14\n", &told),
                        "# c.jpg\n10 20 30 40" NONE " 0\n5 6 7 8" NONE " 0\n");
    assert_string_equal(kit_labels("opencv", "a.dat", "c.jpg  2  10 20 30 40  5 6 7 8\nsub/b.png 0\n", &keep),
                        "# c.jpg\n10 20 30 40" NONE " 0\n5 6 7 8" NONE " 0\n# sub/b.png\n");
}

/* Segments and turned boxes are polygons; fifteen numbers are landmarks only where they can be some. */
static void yolo_polygons(void **state) {
    (void)state;
    static const struct {
        const char *row, *want;
    } cases[] = {
        {"0 0.125 0.25 0.375 0.25 0.25 0.5\n", "25 40 50 40"},
        {"0 0.5 0.5 0.75 0.5 0.75 0.75 0.5 0.75\n", "100 80 50 40"},
        {"0 0.125 0.125 0.25 0.125 0.375 0.125 0.5 0.25 0.5 0.5 0.25 0.5 0.125 0.375\n", "25 20 75 60"},
        {"0 0.5 0.5 0.25 0.5 0.45 0.4 0.55 0.4 0.5 0.5 0.46 0.6 0.54 0.6\n",
         "75 40 50 80 90 64 0 110 64 0 100 80 0 92 96 0"},
        {"0 0.5 0.5 0.25 0.5 0.45 0.4 0.55 0.4 0.5 0.5 0.46 0.6 0.54 0.6\n0 0 0 0.5 0 0.5 0.5\n", "50 64 60 32"},
        {"0 0.125 0.125 0.25 0.125 0.25 0.25 0.25 0.375 0.25 0.5 0.25 0.625 0.25 0.75 0.125 0.75 0.125 0.625 0.125 0.5 "
         "0.125 0.375 0.125 0.25 0.125 0.1875\n",
         "25 20 25 100"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = kit_labels("yolo", "c.txt", cases[i].row, &keep);
        char want[128];
        snprintf(want, sizeof want, "# c.jpg\n%s ", cases[i].want);
        if (strncmp(text, want, strlen(want)) != 0) fail_msg("%s gives %s", cases[i].row, text);
    }
    kit_labels("yolo", "c.txt", "0 0.5 0.5 0.2 0.5 0.9\n0 0.5 0.5 0.2 0.5\n", &keep);
    assert_non_null(strstr(kit_found, "these are detections"));
    assert_int_equal(kit_stats.faces, 1);
}

/* Classes by their names: classes.txt, obj.names, data.yaml in every form. */
static void yolo_class_names(void **state) {
    (void)state;
    static const struct {
        const char *file, *text;
    } cases[] = {{"classes.txt", "hat\nface\n"},
                 {"obj.names", "hat\r\nface\r\n"},
                 {"data.yaml", "train: ../train/images\nnc: 2\nnames: ['hat', \"face\"]\n"},
                 {"data.yaml", "names:\n  0: hat # a hat\n  1: face\ndownload: x\n"},
                 {"data.yaml", "path: x\nnames:\n- hat\n- face\nval: x\n"},
                 {"data.yaml", "names: {0: hat,\n  1: 'face'}\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_source source = {
            .path = cases[i].file, .text = cases[i].text, .bytes = strlen(cases[i].text), .name = cases[i].file};
        rf_intake intake = {0};
        assert_int_equal(rf_converters[RF_CONVERTER_yolo]->read(&source, &intake), RF_OK);
        assert_int_equal(intake.n_class_names, 2);
        assert_string_equal(intake.class_names[0], "hat");
        assert_string_equal(intake.class_names[1], "face");
        rf_intake_free(&intake);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_known_by_their_looks),
        cmocka_unit_test(coco_ids_as_text),
        cmocka_unit_test(voc_folders),
        cmocka_unit_test(voc_kin),
        cmocka_unit_test(labelme),
        cmocka_unit_test(createml),
        cmocka_unit_test(via),
        cmocka_unit_test(via_3),
        cmocka_unit_test(labelstudio),
        cmocka_unit_test(cvat),
        cmocka_unit_test(dlib),
        cmocka_unit_test(rows_of_images),
        cmocka_unit_test(yolo_polygons),
        cmocka_unit_test(yolo_class_names),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
