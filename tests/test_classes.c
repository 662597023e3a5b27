/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of objects (data.classes) in data sets: named, read, written, converted, drawn, checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/class_map.h"
#include "data/lint.h"
#include "data/synth.h"
#include "tests/convert_kit.h"

/* ---- names ---- */

static void names_are_read(void **state) {
    (void)state;
    rf_classes c;
    char text[RF_CLASSES_TEXT];
    assert_int_equal(rf_classes_parse("k", " mask ,no mask,Dr. K\xc3\xb6nig", &c), RF_OK);
    assert_int_equal(c.n, 3);
    assert_string_equal(rf_classes_text(&c, text), "mask,no mask,Dr. K\xc3\xb6nig");
    assert_int_equal(rf_classes_find(&c, "no mask"), 1);
    assert_int_equal(rf_classes_find(&c, "mas"), -1);
    assert_int_equal(rf_classes_parse("k", "  ", &c), RF_OK);
    assert_int_equal(c.n, 0);
    static const char *const wrong[][2] = {{"a,,b", "k: a name is empty"},
                                           {"a,", "k: a name is empty"},
                                           {"a,b,a", "k: the name \"a\" comes twice"},
                                           {"a=b", "k: the name \"a=b\" has other characters"},
                                           {"a\xff", "has other characters"},
                                           {"a123456789b123456789c123456789d123456789", "is too long"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rf_classes_parse("k", wrong[i][0], &c), RF_ERR_USER);
        assert_non_null(strstr(rf_error_message(), wrong[i][1]));
    }
}

static void settings_name_them(void **state) {
    (void)state;
    rf_config config;
    rf_classes c;
    char *text;
    assert_int_equal(rf_config_load(NULL, NULL, 0, &config), RF_OK);
    assert_int_equal(rf_classes_of(&config, &c), RF_OK);
    assert_true(c.n == 1 && strcmp(c.name[0], "face") == 0 && rf_classes_count(&config) == 1);
    assert_int_equal(rf_config_text(&config, &text), RF_OK);
    assert_null(strstr(text, "classes")); /* older readers know the text */
    rf_free(text);
    const char *set = "data.classes=mask,no_mask";
    assert_int_equal(rf_config_load(NULL, &set, 1, &config), RF_OK);
    assert_int_equal(rf_classes_count(&config), 2);
    assert_int_equal(rf_config_text(&config, &text), RF_OK);
    assert_non_null(strstr(text, "classes = mask,no_mask\n"));
    rf_free(text);
    set = "data.classes=mask,mask";
    assert_int_equal(rf_config_load(NULL, &set, 1, &config), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "data.classes: the name \"mask\" comes twice"));
    set = "eval.merge_classes=all";
    assert_int_equal(rf_config_load(NULL, &set, 1, &config), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "expected one of each|across"));
}

static void maps_are_read(void **state) {
    (void)state;
    rf_class_map map;
    assert_int_equal(rf_class_map_parse("--classes", "with_mask=mask, bare = no_mask,hidden=mask,cap", &map), RF_OK);
    assert_int_equal(map.n, 4);
    assert_int_equal(map.classes.n, 3);
    assert_string_equal(map.from[1].name, "bare");
    assert_true(map.from[2].label == 0 && map.from[3].label == 2);
    assert_string_equal(map.classes.name[2], "cap");
    static const char *const wrong[] = {"", "a,", "=b", "a=", "a=b=c", "a=b,a=c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(rf_class_map_parse("--classes", wrong[i], &map), RF_ERR_USER);
}

/* ---- label.txt ---- */

static rf_dataset *open_label(const char *label, const char *note, rf_status expected) {
    rf_dataset *d = NULL;
    kit_write_text("label.txt", label);
    if (note) kit_write_text("label.set.ini", note);
    rf_status status = rf_dataset_open("auto", scratch_path("label.txt"), scratch_path(""), NULL, &d);
    scratch_clear("label.set.ini");
    if (status != expected) fail_msg("status %d: %s", status, rf_error_message());
    return d;
}

#define FIVE " 1 2 0 3 4 0 5 6 1 7 8 0 9 10 0"
static const char two_kinds[] = "[objects]\nclasses = mask, no_mask\n";

static void rows_end_with_a_kind(void **state) {
    (void)state;
    rf_dataset *d =
        open_label("# a.jpg\n1 2 30 40 1\n1 2 30 40" FIVE " 0.5 1 0\n5 5 9 9" FIVE " 0 0 1\n", two_kinds, RF_OK);
    assert_int_equal(d->classes.n, 2);
    assert_int_equal(d->n_points, 5);
    assert_true(d->faces[0].label == 1 && d->faces[0].n_points == 0 && !d->faces[0].ignore);
    assert_true(d->faces[1].label == 0 && d->faces[1].ignore && d->faces[1].blur == 0.5f);
    assert_true(d->faces[2].label == 1 && d->faces[2].n_points == 5 && !d->faces[2].ignore);
    /* Written and read again, with the rows that another reader skips the end of. */
    assert_int_equal(rf_dataset_write_label(d, scratch_path("again.txt")), RF_OK);
    rf_set_note note = {.exif = RF_EXIF_STORED, .classes = d->classes}, back;
    assert_int_equal(rf_set_note_write(scratch_path("again.txt"), &note), RF_OK);
    assert_int_equal(rf_set_note_read(scratch_path("again.txt"), &back), RF_OK);
    assert_memory_equal(&note, &back, sizeof note);
    rf_dataset *e = NULL;
    assert_int_equal(rf_dataset_open("auto", scratch_path("again.txt"), scratch_path(""), NULL, &e), RF_OK);
    for (size_t f = 0; f < d->n_faces; f++) {
        assert_int_equal(d->faces[f].label, e->faces[f].label);
        assert_int_equal(d->faces[f].ignore, e->faces[f].ignore);
        assert_memory_equal(d->faces[f].box, e->faces[f].box, sizeof e->faces[f].box);
    }
    assert_true(e->exif == RF_EXIF_STORED && e->classes.n == 2);
    rf_dataset_free(e);
    rf_dataset_free(d);
}

static void wrong_rows_are_told(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"1 2 30 40\n", "label.txt:2: 4 numbers; with several kinds"},
        {"1 2 30 40 2\n", "label.txt:2: 2 is no kind of object"},
        {"1 2 30 40 0.5\n", "0.5 is no kind"},
        {"1 2 30 40" FIVE " 0 1\n", "21 numbers; with several kinds"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        snprintf(text, sizeof text, "# a.jpg\n%s", wrong[i][0]);
        open_label(text, two_kinds, RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), wrong[i][1])) fail_msg("%s: %s", wrong[i][0], rf_error_message());
    }
    open_label("# a.jpg\n1 2 3 4\n", "[objects]\nclasses = a,a\n", RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "label.set.ini:2: classes: the name \"a\" comes twice"));
    open_label("# a.jpg\n1 2 3 4\n", "[objects]\nkinds = a\n", RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "classes = names"));
}

/* ---- labels of data.classes ---- */

static rf_status use(rf_dataset *d, const char *names, bool *merged) {
    rf_classes wanted;
    assert_int_equal(rf_classes_parse("data.classes", names, &wanted), RF_OK);
    return rf_dataset_use_classes(d, &wanted, merged);
}

static void labels_follow_names(void **state) {
    (void)state;
    static const char rows[] = "# a.jpg\n1 2 30 40 1\n5 5 9 9 0\n";
    bool merged;
    rf_dataset *d = open_label(rows, two_kinds, RF_OK);
    assert_int_equal(use(d, "no_mask,cap,mask", &merged), RF_OK);
    assert_true(d->faces[0].label == 0 && d->faces[1].label == 2 && d->classes.n == 3 && !merged);
    rf_dataset_free(d);
    d = open_label(rows, two_kinds, RF_OK);
    assert_int_equal(use(d, "face", &merged), RF_OK); /* all are faces */
    assert_true(d->faces[0].label == 0 && d->faces[1].label == 0 && merged);
    rf_dataset_free(d);
    d = open_label(rows, two_kinds, RF_OK);
    assert_int_equal(use(d, "mask,cap", &merged), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "label.txt:2: a \"no_mask\" (1 in all), but data.classes is mask,cap"));
    assert_int_equal(use(d, "mask", &merged), RF_ERR_USER);
    rf_dataset_free(d);
    d = open_label("# a.jpg\n1 2 30 40\n", NULL, RF_OK);
    assert_int_equal(use(d, "mask,no_mask", &merged), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "no kinds of objects are told"));
    assert_int_equal(use(d, "plate", &merged), RF_OK);
    assert_true(!merged && d->faces[0].label == 0);
    rf_dataset_free(d);
}

/* ---- conversion ---- */

/* The same two objects of photo.jpg in other tools' words: (10,20)-(40,60) is with_mask, (50,20)-(90,60) without. */
static const struct {
    const char *format, *file, *text;
} others[] = {
    {"coco", "a.json",
     "{\"images\":[{\"id\":1,\"file_name\":\"photo.jpg\"}],\"categories\":[{\"id\":7,\"name\":\"without\"},{\"id\":9,"
     "\"name\":\"with_mask\"},{\"id\":3,\"name\":\"hat\"}],\"annotations\":[{\"image_id\":1,\"category_id\":9,\"bbox\":"
     "[10,"
     "20,30,40]},{\"image_id\":1,\"category_id\":7,\"bbox\":[50,20,40,40]},{\"image_id\":1,\"category_id\":3,\"bbox\":["
     "1,2,"
     "3,4]}]}"},
    {"voc", "photo.xml",
     "<annotation><filename>photo.jpg</filename><object><name>with_mask</name><bndbox><xmin>11</xmin><ymin>21</ymin>"
     "<xmax>40</xmax><ymax>60</ymax></bndbox></object><object><name>without</name><bndbox><xmin>51</xmin><ymin>21</"
     "ymin>"
     "<xmax>90</xmax><ymax>60</ymax></bndbox></object><object><name>hat</name><bndbox><xmin>2</xmin><ymin>3</"
     "ymin><xmax>4"
     "</xmax><ymax>6</ymax></bndbox></object></annotation>"},
    {"csv", "a.csv",
     "filename,class,xmin,ymin,xmax,ymax\nphoto.jpg,with_mask,10,20,40,60\nphoto.jpg,without,50,20,90,60\nphoto.jpg,"
     "hat,1,2,"
     "4,6\n"},
    {"labelme", "photo.json",
     "{\"imagePath\":\"photo.jpg\",\"imageWidth\":100,\"imageHeight\":80,\"shapes\":[{\"label\":\"with_mask\",\"shape_"
     "type\":"
     "\"rectangle\",\"points\":[[10,20],[40,60]]},{\"label\":\"without\",\"shape_type\":\"rectangle\",\"points\":[[50,"
     "20],[90,"
     "60]]},{\"label\":\"hat\",\"shape_type\":\"rectangle\",\"points\":[[1,2],[4,6]]}]}"},
    {"cvat", "a.xml",
     "<annotations><image id=\"0\" name=\"photo.jpg\" width=\"100\" height=\"80\"><box label=\"with_mask\" xtl=\"10\" "
     "ytl=\"20\" "
     "xbr=\"40\" ybr=\"60\"/><box label=\"without\" xtl=\"50\" ytl=\"20\" xbr=\"90\" ybr=\"60\"/><box label=\"hat\" "
     "xtl=\"1\" "
     "ytl=\"2\" xbr=\"4\" ybr=\"6\"/></image></annotations>"},
    {"createml", "b.json",
     "[{\"image\":\"photo.jpg\",\"annotations\":[{\"label\":\"with_mask\",\"coordinates\":{\"x\":25,\"y\":40,\"width\":"
     "30,"
     "\"height\":40}},{\"label\":\"without\",\"coordinates\":{\"x\":70,\"y\":40,\"width\":40,\"height\":40}},{"
     "\"label\":\"hat\","
     "\"coordinates\":{\"x\":3,\"y\":4,\"width\":2,\"height\":2}}]}]"},
    {"via", "c.json",
     "{\"photo.jpg1\":{\"filename\":\"photo.jpg\",\"size\":1,\"regions\":[{\"shape_attributes\":{\"name\":\"rect\","
     "\"x\":10,\"y\":20,"
     "\"width\":30,\"height\":40},\"region_attributes\":{\"type\":\"with_mask\"}},{\"shape_attributes\":{\"name\":"
     "\"rect\",\"x\":50,"
     "\"y\":20,\"width\":40,\"height\":40},\"region_attributes\":{\"type\":\"without\"}},{\"shape_attributes\":{"
     "\"name\":\"rect\","
     "\"x\":1,\"y\":2,\"width\":3,\"height\":4},\"region_attributes\":{\"type\":\"hat\"}}]}}"},
    {"labelstudio", "d.json",
     "[{\"data\":{\"image\":\"photo.jpg\"},\"annotations\":[{\"result\":[{\"type\":\"rectanglelabels\",\"original_"
     "width\":100,"
     "\"original_height\":80,\"value\":{\"x\":10,\"y\":25,\"width\":30,\"height\":50,\"rectanglelabels\":[\"with_"
     "mask\"]}},{\"type\":"
     "\"rectanglelabels\",\"original_width\":100,\"original_height\":80,\"value\":{\"x\":50,\"y\":25,\"width\":40,"
     "\"height\":50,"
     "\"rectanglelabels\":[\"without\"]}},{\"type\":\"rectanglelabels\",\"original_width\":100,\"original_height\":80,"
     "\"value\":{\"x\":"
     "1,\"y\":2,\"width\":3,\"height\":4,\"rectanglelabels\":[\"hat\"]}}]}]}]"},
    {"dlib", "e.xml",
     "<dataset><images><image file='photo.jpg'><box top='20' left='10' width='30' "
     "height='40'><label>with_mask</label></box>"
     "<box top='20' left='50' width='40' height='40'><label>without</label></box><box top='2' left='1' width='3' "
     "height='4'>"
     "<label>hat</label></box></image></images></dataset>"},
};

static rf_convert_options options_of(rf_class_map *map, const char *text) {
    assert_int_equal(rf_class_map_parse("--classes", text, map), RF_OK);
    return (rf_convert_options){.place = RF_IMAGES_KEEP, .classes = map};
}

static void check_two(const char *format, const char *label) {
    static const char expected[] = "# photo.jpg\n"
                                   "10 20 30 40 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0 0 1\n"
                                   "50 20 40 40 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0 0 0\n";
    if (strcmp(label, expected) != 0) fail_msg("%s: %s", format, label);
    if (!strstr(kit_read("out/train/label.set.ini"), "classes = bare,mask\n")) fail_msg("%s: no names", format);
    assert_true(kit_stats.other_categories == 1 && kit_stats.by_class[0] == 1 && kit_stats.by_class[1] == 1);
    if (!strstr(kit_found, "1 \"hat\" became background (--classes")) fail_msg("%s: %s", format, kit_found);
}

static void others_keep_kinds(void **state) {
    (void)state;
    rf_class_map map;
    rf_convert_options o = options_of(&map, "without=bare,with_mask=mask");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        kit_write_text(others[i].file, others[i].text);
        if (kit_convert(others[i].format, "label", others[i].file, "out", &o) != RF_OK)
            fail_msg("%s: %s", others[i].format, rf_error_message());
        check_two(others[i].format, kit_read("out/train/label.txt"));
        scratch_clear("out");
    }
}

/* Class numbers, with names in data.yaml and without. */
static void yolo_keeps_kinds(void **state) {
    (void)state;
    rf_class_map map;
    kit_write_text("yolo/labels/photo.txt", "1 0.25 0.5 0.3 0.5\n0 0.7 0.5 0.4 0.5\n2 0.025 0.05 0.03 0.05\n");
    rf_convert_options o = options_of(&map, "0=bare,1=mask");
    if (kit_convert("yolo", "label", "yolo/labels", "out", &o) != RF_OK) fail_msg("%s", rf_error_message());
    assert_non_null(strstr(kit_read("out/train/label.txt"), "10 20 30 40 -1"));
    assert_non_null(strstr(kit_read("out/train/label.set.ini"), "classes = bare,mask\n"));
    assert_true(kit_stats.other_categories == 1 && kit_stats.by_class[0] == 1 && kit_stats.by_class[1] == 1);
    scratch_clear("out");
}

static void coco_is_written(void **state) {
    (void)state;
    rf_class_map map;
    rf_convert_options o = options_of(&map, "with_mask=mask,without=bare"), keep = {.place = RF_IMAGES_KEEP};
    kit_write_text(others[0].file, others[0].text);
    assert_int_equal(kit_convert("coco", "coco", others[0].file, "out", &o), RF_OK);
    const char *text = kit_read("out/train/coco.json");
    assert_non_null(strstr(text, "{\"id\": 1, \"name\": \"mask\""));
    assert_non_null(strstr(text, "{\"id\": 2, \"name\": \"bare\""));
    assert_non_null(strstr(text, "\"category_id\":2,\"bbox\":[50,20,40,40]"));
    /* And back, and from a set of ours to COCO without a word about kinds. */
    rf_convert_options same = options_of(&map, "mask,bare");
    assert_int_equal(kit_convert("coco", "label", "out/train/coco.json", "again", &same), RF_OK);
    assert_int_equal(kit_convert("label", "coco", "again/train/label.txt", "third", &keep), RF_OK);
    char first[4096];
    snprintf(first, sizeof first, "%s", kit_read("out/train/coco.json"));
    assert_string_equal(first, kit_read("third/train/coco.json"));
    scratch_clear("out");
    scratch_clear("again");
    scratch_clear("third");
}

static void wrong_kinds_are_told(void **state) {
    (void)state;
    rf_class_map map;
    kit_write_text(others[0].file, others[0].text);
    rf_convert_options o = options_of(&map, "with_mask=mask,wihtout=bare");
    assert_int_equal(kit_convert("coco", "label", others[0].file, "out", &o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "no object is called \"wihtout\", did you mean without?"));
    rf_convert_options none = {.place = RF_IMAGES_KEEP};
    assert_int_equal(kit_convert("coco", "label", others[0].file, "out", &none), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "or keep kinds apart by --classes"));
    kit_write_text("wider.txt", "photo.jpg\n1\n10 20 30 40 0 0 0 0 0 0\n");
    o = options_of(&map, "mask,bare");
    assert_int_equal(kit_convert("wider", "label", "wider.txt", "out", &o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "tell no kinds of objects"));
    o = options_of(&map, "plate"); /* one kind needs no telling apart */
    assert_int_equal(kit_convert("wider", "label", "wider.txt", "out", &o), RF_OK);
    assert_non_null(strstr(kit_read("out/train/label.set.ini"), "classes = plate\n"));
    assert_non_null(
        strstr(kit_read("out/train/label.txt"), "10 20 30 40 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0\n"));
    scratch_clear("out");
}

/* Other keypoints than those that are taken are told once, with their number. */
static void other_points_are_told(void **state) {
    (void)state;
    static const char coco[] =
        "{\"images\":[{\"id\":1,\"file_name\":\"photo.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"face\"}],"
        "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[10,20,30,40],\"keypoints\":[12,22,2,30,22,2,20,"
        "50,1]},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[50,20,40,40],\"keypoints\":[52,22,2,70,22,2,60,50,1]},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"keypoints\":[0,0,0,0,0,0,0,0,0]}]}";
    rf_convert_options plain = {.place = RF_IMAGES_KEEP}, three = plain, four = plain;
    three.points.n = 3;
    four.points.n = 4;
    kit_write_text("points.json", coco);
    assert_int_equal(kit_convert("coco", "label", "points.json", "out", &plain), RF_OK);
    assert_non_null(strstr(kit_found, "2 objects have other keypoints (the first 3) than the five of a face"));
    assert_int_equal(kit_stats.left_out[RF_CONVERT_OTHER_POINTS], 2);
    scratch_clear("out");
    assert_int_equal(kit_convert("coco", "label", "points.json", "out", &four), RF_OK);
    assert_non_null(strstr(kit_found, "2 objects have other keypoints (the first 3) than the wanted ones"));
    scratch_clear("out");
    assert_int_equal(kit_convert("coco", "label", "points.json", "out", &three), RF_OK);
    assert_true(kit_stats.left_out[RF_CONVERT_OTHER_POINTS] == 0 && kit_stats.with_points == 2);
    scratch_clear("out");
    kit_write_text("pose/labels/photo.txt", "0 0.25 0.5 0.3 0.5 0.2 0.4 2 0.3 0.4 2 0.25 0.6 1\n");
    assert_int_equal(kit_convert("yolo", "label", "pose/labels", "out", &plain), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "--keypoints 3 takes 3 times x y v"));
}

/* ---- the drawn set ---- */

static void masks_are_drawn(void **state) {
    (void)state;
    rf_synth_options o;
    rf_synth_defaults(&o);
    o.width = o.height = 160;
    o.max_face = 100;
    o.masks = true;
    assert_int_equal(rf_synth_write(scratch_path("set"), 12, 4, 3, &o, NULL, NULL), RF_OK);
    rf_dataset *d = NULL;
    assert_int_equal(
        rf_dataset_open("auto", scratch_path("set/train/label.txt"), scratch_path("set/train/images"), NULL, &d),
        RF_OK);
    rf_lint_stats stats;
    assert_int_equal(rf_lint(d, NULL, NULL, NULL, &stats), RF_OK);
    assert_true(d->classes.n == 2 && stats.errors == 0 && stats.by_class[0] > 4 && stats.by_class[1] > 4);
    assert_int_equal(stats.by_class[0] + stats.by_class[1], d->n_faces - d->n_ignored);
    rf_dataset_free(d);
    o.masks = false; /* what named the kinds goes with them */
    assert_int_equal(rf_synth_write(scratch_path("set"), 2, 1, 3, &o, NULL, NULL), RF_OK);
    assert_false(rf_file_exists(scratch_path("set/train/label.set.ini")));
    o.masks = o.plates = true;
    assert_int_equal(rf_synth_check(&o), RF_ERR_USER);
}

static int set_up(void **state) {
    if (scratch_make(state)) return 1;
    kit_picture("pictures/photo.jpg", 100, 80);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),        cmocka_unit_test(settings_name_them),
        cmocka_unit_test(maps_are_read),         cmocka_unit_test(rows_end_with_a_kind),
        cmocka_unit_test(wrong_rows_are_told),   cmocka_unit_test(labels_follow_names),
        cmocka_unit_test(others_keep_kinds),     cmocka_unit_test(yolo_keeps_kinds),
        cmocka_unit_test(coco_is_written),       cmocka_unit_test(wrong_kinds_are_told),
        cmocka_unit_test(other_points_are_told), cmocka_unit_test(masks_are_drawn),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
