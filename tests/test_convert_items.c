/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion item by item: what is wrong with an entry costs that entry, and is told and counted; what can mean two
 * things is told or refused. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "tests/convert_kit.h"

#define NONE " -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1"
static const rf_convert_options keep = {.place = RF_IMAGES_KEEP};

static int set_up(void **state) {
    if (scratch_make(state)) return 1;
    kit_picture("pictures/a.jpg", 100, 80);
    kit_picture("pictures/b.jpg", 100, 80);
    kit_picture("pictures/c.jpg", 200, 160);
    return 0;
}

static void assert_found(const char *words) {
    if (!strstr(kit_found, words)) fail_msg("\"%s\" is not told in\n%s", words, kit_found);
}

static void assert_refused(const char *from, const char *file, const char *text, const rf_convert_options *o,
                           const char *words) {
    kit_write_text(file, text);
    rf_status status = kit_convert(from, "label", file, "out", o);
    if (status != RF_ERR_USER && status != RF_ERR_FORMAT) fail_msg("%s is not refused: %s", text, kit_found);
    if (!strstr(rf_error_message(), words)) fail_msg("\"%s\" is not told in \"%s\"", words, rf_error_message());
    assert_int_equal(kit_count("out"), -1);
    scratch_clear(file);
}

/* Each bad entry of a COCO file is named by line and id and costs itself alone. */
static void coco_entries(void **state) {
    (void)state;
    static const char text[] = "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},\n"
                               "{\"id\":2,\"file_name\":null},\n"
                               "{\"id\":3,\"file_name\":\"b.jpg\",\"width\":0x1,},\n"
                               "{\"id\":4,\"file_name\":\"c.jpg\"}],\n"
                               "\"annotations\":[{\"id\":11,\"image_id\":1,\"category_id\":0,\"bbox\":[1,2,3,4]},\n"
                               "{\"id\":12,\"image_id\":1,\"category_id\":0,\"bbox\":null},\n"
                               "{\"id\":13,\"bbox\":[1,2,null,4],\"image_id\":1,\"category_id\":0},\n"
                               "{\"id\":14,\"image_id\":1,\"category_id\":0,\"bbox\":[1,2,NaN,4]},\n"
                               "{\"id\":15,\"image_id\":1,\"category_id\":0,\"bbox\":[1,2,3,4,],\"x\":\"]}\\\"\"},\n"
                               "{\"id\":16,\"category_id\":0,\"bbox\":[1,2,3,4]},\n"
                               "17,\n"
                               "{\"id\":18,\"image_id\":4,\"category_id\":0,\"bbox\":[5,6,70,8],\"iscrowd\":1}],\n"
                               "\"categories\":[{\"id\":0,\"name\":\"face\"}]}";
    const char *labels = kit_labels("coco", "a.json", text, &keep);
    assert_string_equal(labels, "# a.jpg\n1 2 3 4" NONE " 0\n# c.jpg\n5 6 70 8" NONE " 0 1\n");
    static const char *const words[] = {":2: ",
                                        "(id 2 of \"images\")",
                                        ":3: ",
                                        "(id 3 of \"images\")",
                                        ":6: an annotation needs a bbox of four numbers",
                                        "(id 12 of \"annotations\")",
                                        "(id 13 of ",
                                        "(id 14 of ",
                                        "(id 15 of ",
                                        "(id 16 of ",
                                        ":11: "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_found(words[i]);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_WRONG_IMAGE], 2);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_WRONG_FACE], 6);
    assert_non_null(strstr(kit_stats.first[RF_CONVERT_WRONG_FACE], "a.json:6"));
    rf_convert_options strict = keep;
    strict.strict = true;
    assert_refused("coco", "a.json", text, &strict, "since --strict is on");
}

/* Other formats: rows, objects and files. A face that is lost takes an image without another along: it is no negative.
 */
static void rows_and_files(void **state) {
    (void)state;
    assert_string_equal(kit_labels("csv", "a.csv",
                                   "path,x,y,w,h\na.jpg,1,2,3,4\nb.jpg,1,2,x,4\na.jpg,1,2,3\n\"a.jpg,1,2,3,4\n"
                                   "../../d.jpg/,1,2,3,4\nc.jpg,5,6,7,8\n",
                                   &keep),
                        "# a.jpg\n1 2 3 4" NONE " 0\n# c.jpg\n5 6 7 8" NONE " 0\n");
    assert_found("a.csv:3: \"x\" in column 4 is not a number");
    assert_found("a.csv:4: 4 fields; the header has 5");
    assert_found("a.csv:5: a quoted field that begins here has no closing quote");
    assert_found("b.jpg is left out: it has faces, but none that can be used");
    assert_string_equal(
        kit_labels("csv", "a.csv", "path,x1,y1,x2,y2\na.jpg,30,40,10,20\nb.jpg,1,2,4,6\nc.jpg,5,5,5,5\n", &keep),
        "# b.jpg\n1 2 3 4" NONE " 0\n# c.jpg\n");
    assert_found("a.csv:2: the box has no area (-20 x -20 pixels); are its corners swapped?");
    assert_found("a.jpg is left out");
    assert_string_equal(kit_labels("label", "label.txt",
                                   "7 7 7 7\n# a.jpg\n1 2 3 4\n1,5 2 3 4\n1 2 -3 4\n#\n9 9 9 9\n# b.jpg\n# c.jpg\n"
                                   "1 2 3\n",
                                   &keep),
                        "# a.jpg\n1 2 3 4" NONE " 0\n# b.jpg\n");
    assert_found("label.txt:1: a face before the first image");
    assert_found("label.txt:4: \"1,5\" is not a finite number");
    assert_found("label.txt:5: the box has a negative size");
    assert_found("label.txt:6: no image name after #");
    assert_found("label.txt:7: ");
    assert_found("c.jpg is left out");
    assert_int_equal(kit_stats.left_out[RF_CONVERT_WRONG_FACE], 5);
    assert_string_equal(kit_labels("wider", "w_bbx_gt.txt",
                                   "a.jpg\n2\n1 2 3 4\nb.jpg\n1\n5 6 7 8\nx.jpg\nmany\nc.jpg\n2\n1 2 3 x\n1 2 3 9\n"
                                   "1 1 1 1\n",
                                   &keep),
                        "# a.jpg\n1 2 3 4" NONE " 0\n# b.jpg\n5 6 7 8" NONE " 0\n# c.jpg\n1 2 3 9" NONE " 0\n");
    assert_found("w_bbx_gt.txt:4: the next image begins after 1 of the 2 faces of line 1");
    assert_found("w_bbx_gt.txt:8: \"many\" is not a number of faces");
    assert_found("w_bbx_gt.txt:11: \"x\" is not a finite number");
    assert_found("w_bbx_gt.txt:13: numbers where an image name was expected");
    assert_string_equal(
        kit_labels("fddb", "ellipseList.txt",
                   "a\n2\n10 10 0 50 40 1\n-10 10 0 50 40 1\nb\n3\n10 10 0 50 40 1\nc\n1\n10 10 0 50 40 1\n", &keep),
        "# a.jpg\n40 30 20 20" NONE " 0\n# b.jpg\n40 30 20 20" NONE " 0\n# c.jpg\n40 30 20 20" NONE " 0\n");
    assert_found("ellipseList.txt:4: a negative radius");
    assert_found("ellipseList.txt:8: the next image begins after 1 of the 3 faces of line 5");
    kit_write_text("xml/a.xml", "<annotation><filename>a.jpg</filename>\n<object><name>face</name><bndbox>\n"
                                "<xmin>1</xmin><ymin>2</ymin><xmax>x</xmax><ymax>4</ymax></bndbox></object>\n"
                                "<object><name>face</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
                                "<ymax>40</ymax></bndbox></object></annotation>");
    kit_write_text("xml/b.xml", "<annotation><filename>b.jpg</filename>\n<object>");
    kit_write_text("xml/c.xml", "<annotation><filename>c.jpg</filename></annotation>");
    assert_int_equal(kit_convert("voc", "label", "xml", "out", &keep), RF_OK);
    assert_string_equal(kit_read("out/train/label.txt"), "# a.jpg\n0 1 30 39" NONE " 0\n# c.jpg\n");
    assert_found("a.xml:3: \"x\" is not a number");
    assert_found("b.xml:2: wrong XML");
    assert_int_equal(kit_stats.left_out[RF_CONVERT_WRONG_FILE], 1);
    scratch_clear("out");
    scratch_clear("xml");
}

/* The entries of an image that is named twice are taken together, in every format; an equal box is one face. */
static void named_twice(void **state) {
    (void)state;
    static const char want[] = "# a.jpg\n1 2 3 4" NONE " 0\n5 6 7 8" NONE " 0\n# b.jpg\n";
    static const char coco[] =
        "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},{\"id\":2,\"file_name\":\"b.jpg\"},\n{\"id\":3,"
        "\"file_name\":\"a.jpg\"},{\"id\":4,\"file_name\":\"a.jpg\",\"width\":7,\"height\":7}],\"annotations\":["
        "{\"image_id\":1,\"bbox\":[1,2,3,4]},{\"image_id\":3,\"bbox\":[5,6,7,8]},{\"image_id\":4,\"bbox\":[1,1,1,1]}"
        ",\n{\"image_id\":3,\"bbox\":[1,2,3,4]}]}";
    assert_string_equal(kit_labels("coco", "a.json", coco, &keep), want);
    assert_found("a.json:2: note: a.jpg is named twice, first in ");
    assert_found("a.json:2: a.jpg has 100x80 pixels, the annotation is for 7x7");
    assert_found("a.json:3: note: the same box as in ");
    assert_int_equal(kit_stats.left_out[RF_CONVERT_DOUBLED], 1);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_REPEATED], 1);
    assert_string_equal(kit_labels("label", "label.txt", "# a.jpg\n1 2 3 4\n# b.jpg\n# a.jpg\n5 6 7 8\n", &keep), want);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_DOUBLED], 1);
    /* One id, two files: nobody knows whose the faces are. */
    assert_string_equal(
        kit_labels("coco", "a.json",
                   "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},{\"id\":1,\"file_name\":\"b.jpg\"},{\"id\":2,"
                   "\"file_name\":\"c.jpg\"}],\"annotations\":[{\"image_id\":1,\"bbox\":[1,2,3,4]}]}",
                   &keep),
        "# c.jpg\n");
    assert_found("the image id 1 is used twice, by b.jpg and by a.jpg");
    assert_int_equal(kit_stats.left_out[RF_CONVERT_DANGLING], 1);
}

/* Five landmarks at one place are none, wherever they stand. */
static void equal_points(void **state) {
    (void)state;
    static const char want[] = "# a.jpg\n10 20 30 40" NONE " 0\n";
    static const struct {
        const char *format, *file, *text;
    } cases[] = {
        {"label", "label.txt", "# a.jpg\n10 20 30 40 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"},
        {"label", "label.txt", "# a.jpg\n10 20 30 40 7 8 0 7 8 0 7 8 0 7 8 0 7 8 0 0\n"},
        {"coco", "a.json",
         "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"image_id\":1,\"bbox\":[10,20,30,40],"
         "\"keypoints\":[0,0,2,0,0,2,0,0,2,0,0,2,0,0,1]}]}"},
        {"yolo", "a.txt", "0 0.25 0.5 0.3 0.5 0 0 0 0 0 0 0 0 0 0\n"},
        {"yolo", "a.txt", "0 0.25 0.5 0.3 0.5 .1 .1 2 .1 .1 2 .1 .1 2 .1 .1 2 .1 .1 2\n"},
        {"csv", "a.csv",
         "path,x,y,w,h,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,"
         "mouth_right_x,mouth_right_y\na.jpg,10,20,30,40,0,0,0,0,0,0,0,0,0,0\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(kit_labels(cases[i].format, cases[i].file, cases[i].text, &keep), want);
        assert_int_equal(kit_stats.left_out[RF_CONVERT_NO_POINTS], 1);
        assert_int_equal(kit_stats.with_points, 0);
    }
    assert_string_equal(
        kit_labels("label", "label.txt", "# a.jpg\n10 20 30 40 12 22 2 20 22 2 16 30 2 13 40 2 20 40 2 0\n", &keep),
        "# a.jpg\n10 20 30 40 12 22 1 20 22 1 16 30 1 13 40 1 20 40 1 0\n");
    assert_found("label.txt:2: note: a landmark's third number is not 0");
}

#define KINDS(n_mask) "path,x,y,w,h,class\na.jpg,1,1,9,9,face\nb.jpg,1,1,9,9,face\na.jpg,20,20,9,9,cat\n" n_mask
static void kinds(void **state) {
    (void)state;
    rf_convert_options o = keep;
    kit_labels("csv", "a.csv", KINDS(""), &keep);
    assert_int_equal(kit_stats.faces, 2);
    assert_int_equal(kit_stats.other_categories, 1);
    assert_found("a.csv:4: note: only \"face\" is taken; 1 \"cat\" became background");
    assert_refused("csv", "a.csv", KINDS("a.jpg,30,30,9,9,face_mask\nb.jpg,30,30,9,9,face_mask\n"), &keep,
                   "1 \"cat\", 2 \"face_mask\" would become background, more than the 2 faces");
    o.categories = (const char *const[]){"face", "face_mask"};
    o.n_categories = 2;
    kit_labels("csv", "a.csv", KINDS("a.jpg,30,30,9,9,face_mask\nb.jpg,30,30,9,9,face_mask\n"), &o);
    assert_int_equal(kit_stats.faces, 4);
    assert_int_equal(kit_stats.other_categories, 1);
    o.n_categories = 1;
    kit_labels("csv", "a.csv", KINDS("a.jpg,30,30,9,9,face_mask\nb.jpg,30,30,9,9,face_mask\n"), &o);
    assert_int_equal(kit_stats.faces, 2);
    o.n_categories = 2;
    assert_refused("csv", "a.csv", KINDS(""), &o, "no object is called \"face_mask\"");
    kit_labels("csv", "a.csv", "path,x,y,w,h,class\na.jpg,1,1,9,9,dog\n", &keep);
    assert_found("a.csv:2: note: the only kind of object, \"dog\", is taken as faces");
    kit_write_text("txt/a.txt", "0 0.5 0.5 0.1 0.1\n3 0.2 0.2 0.1 0.1\n");
    kit_write_text("txt/b.txt", "3 0.5 0.5 0.1 0.1\n");
    kit_write_text("txt/c.txt", "");
    kit_write_text("txt/classes.txt", "face\nhat\n");
    assert_int_equal(kit_convert("yolo", "label", "txt", "out", &keep), RF_OK);
    assert_found("a.txt:2: class 3 has no name: the file of names has 2");
    assert_int_equal(kit_stats.faces, 1);
    assert_int_equal(kit_stats.images, 2);
    scratch_clear("out");
    scratch_clear("txt");
}

/* Numbers in another unit or form than the format's. */
static void readings(void **state) {
    (void)state;
    rf_convert_options o = keep;
    static const char shares[] = "path,x,y,w,h\na.jpg,0.1,0.25,0.3,0.5\nc.jpg,0,0,0.5,1\n";
    assert_string_equal(kit_labels("csv", "a.csv", shares, &keep),
                        "# a.jpg\n10 20 30 40" NONE " 0\n# c.jpg\n0 0 100 160" NONE " 0\n");
    assert_found("a.csv:2: note: all 2 boxes lie within 0 and 1 and were read as shares");
    assert_int_equal(kit_stats.left_out[RF_CONVERT_SHARES], 2);
    assert_string_equal(
        kit_labels("voc", "a.xml",
                   "<annotation><filename>a.jpg</filename><object><name>face</name><bndbox><xmin>0.1</xmin>"
                   "<ymin>0.25</ymin><xmax>0.5</xmax><ymax>1.0</ymax></bndbox></object></annotation>",
                   &keep),
        "# a.jpg\n10 20 40 60" NONE " 0\n");
    assert_found("read as shares");
    kit_labels("voc", "a.xml",
               "<annotation><filename>a.jpg</filename><object><name>face</name><bndbox><xmin>0</xmin><ymin>5</ymin>"
               "<xmax>50</xmax><ymax>60</ymax></bndbox></object></annotation>",
               &keep);
    assert_found("a.xml:1: note: a box begins at 0, but VOC counts pixels from 1");
    o.units = RF_UNITS_PIXELS;
    kit_labels("csv", "a.csv", shares, &o);
    assert_found("a.csv:2: note: a box of less than a pixel");
    assert_refused("csv", "a.csv", "path,x,y,w,h\na.jpg,0,0,1,1\n", &keep, "--units pixels or --units shares");
    assert_refused("label", "label.txt", "# a.jpg\n0.1 0.1 0.3 0.3\n0.2 0.2 0.5 0.5\n10 10 30 30\n", &keep,
                   "2 of 3 boxes look like shares");
    static const char corners[] = "# a.jpg\n10 20 90 70\n50 40 95 75\n60 10 90 50\n70 50 99 80\n";
    assert_refused("label", "label.txt", corners, &keep, "tell by --boxes corners or --boxes sizes");
    assert_found("label.txt:3: note: the box (50, 40)-(145, 115) reaches out");
    o = keep;
    o.boxes = RF_BOX_CORNERS;
    assert_string_equal(kit_labels("label", "label.txt", corners, &o),
                        "# a.jpg\n10 20 80 50" NONE " 0\n50 40 45 35" NONE " 0\n60 10 30 40" NONE " 0\n70 50 29 30" NONE
                        " 0\n");
    o.boxes = RF_BOX_SIZES;
    kit_labels("label", "label.txt", corners, &o);
    assert_int_equal(kit_stats.left_out[RF_CONVERT_REACHES], 4);
    /* The other way round, and YOLO's. */
    assert_refused("csv", "a.csv",
                   "path,x1,y1,x2,y2\na.jpg,50,40,20,20\na.jpg,60,30,20,20\na.jpg,70,40,20,20\na.jpg,5,5,20,20\n",
                   &keep, "tell by --boxes sizes or --boxes corners");
    assert_refused("yolo", "a.txt", "0 .7 .7 .9 .9\n0 .3 .3 .9 .9\n0 .5 .8 .8 .9\n", &keep, "are the boxes corners");
}

/* Columns are what their names say, in any order; names that allow two readings are refused. The box is
 * (1,2)-(4,6) of c.jpg, which has 200x160 pixels. */
static void columns(void **state) {
    (void)state;
    static const char want[] = "# c.jpg\n1 2 3 4" NONE " 0\n";
    static const char *const read[] = {
        "image_name,width,height,x0,y0,x1,y1\nc.jpg,200,160,1,2,4,6\n",
        "path,width,height,x1,y1,x2,y2\nc.jpg,200,160,1,2,4,6\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\nc.jpg,200,160,face,1,2,4,6\n",
        "ymax,xmax,ymin,xmin,image\n6,4,2,1,c.jpg\n",
        "Left;Top;Right;Bottom;File Name\n1;2;4;6;\"c.jpg\"\n",
        "path\tx\ty\twidth\theight\nc.jpg\t1\t2\t3\t4\n",
        "path,x,y,w,h,width,height\nc.jpg,1,2,3,4,200,160\n",
        "image_width,image_height,path,x1,y1,width,height\n200,160,c.jpg,1,2,3,4\n",
        "path,bbox_x,bbox_y,bbox_width,bbox_height,width,height\nc.jpg,1,2,3,4,200,160\n",
        "path,x_center,y_center,width,height\nc.jpg,2.5,4,3,4\n",
        "path,xmin,ymin,xmax,ymax,width,height\nc.jpg,1,2,4,6,3,4\n", /* the box's size again */
        "path|face_x1|face_y1|face_x2|face_y2|score\nc.jpg|1|2|4|6|0.9\n",
        "sep=;\npath;x;y;w;h\nc.jpg;1;2;3;4\n",
        "image_id,x,y,w,h\nc,1,2,3,4\n",
        "path,x,y,w,h,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\nc.jpg,1,2,3,4,0,0,0,0,0,0,0,0,0,0\n",
        "path;x;y;w;h\nc.jpg;1,0;2,0;3,0;4,000\n",
        "path,x,y,w,h\nc.jpg,\"1,0\",2,\"3,0\",4\n",
    };
    static const char *const refused[][2] = {
        {"path,x1,y1,x2,y2,xmin,ymin,xmax,ymax\nc.jpg,1,2,4,6,1,2,4,6\n", "two readings"},
        {"path,x0,y0,x1,y1,x2,y2\nc.jpg,1,2,4,6,1,2\n", "two readings"},
        {"path,x,y,w,h,x1,y1,x2,y2\nc.jpg,1,2,3,4,1,2,4,6\n", "two readings"},
        {"path,x,y,cx,cy,w,h\nc.jpg,1,2,2,4,3,4\n", "two readings"},
        {"path,x1,y1,x2,y2,x3,y3,x4,y4\nc.jpg,1,2,4,2,4,6,1,6\n", "x1, x2, x3, ... are no box"},
        {"path,width,height,xmax,ymax\nc.jpg,200,160,4,6\n", "ends a box, but none begins it"},
        {"path,x,x,y,w,h\nc.jpg,1,1,2,3,4\n", "may both mean the same"},
        {"path,filename,x,y,w,h\nc.jpg,c.jpg,1,2,3,4\n", "may both mean the same"},
        {"c.jpg,1,2,4,6\n", "the first line has values"},
        {"path,a,b,c,d\nc.jpg,1,2,4,6\n", "the header needs columns"},
        {"path;x;y;w;h\nc.jpg;1,000;2,000;3,000;4,000\n", "may have a decimal comma or thousands"},
        {"path,width,height,x1,y1,x2,y2\nc.jpg,100,80,1,2,4,6\n", "has 200x160 pixels, the annotation is for 100x80"},
    };
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        assert_string_equal(kit_labels("csv", "a.csv", read[i], &keep), want);
    assert_found("a.csv:2: note: numbers like \"1,5\" were read with a decimal comma");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused("csv", "a.csv", refused[i][0], &keep, refused[i][1]);
    kit_labels("csv", "a.csv", "path,x,y,w,h,score,source\nc.jpg,1,2,3,4,.5,me\nb.jpg,nan,NaN,,None,,\n", &keep);
    assert_found("a.csv:1: note: columns that are not read: \"score\", \"source\"");
    assert_int_equal(kit_stats.images, 2);
    assert_int_equal(kit_stats.faces, 1);
    rf_convert_options o = keep;
    o.columns = "path,x1,y1,x2,y2,-";
    assert_string_equal(kit_labels("csv", "a.csv", "c.jpg,1,2,4,6,face\n", &o), want);
    assert_string_equal(kit_labels("csv", "a.csv", "path,x,y,x_2,y_2,what\nc.jpg,1,2,4,6,face\n", &o), want);
    o.columns = "path,x1,y1,x2";
    assert_refused("csv", "a.csv", "c.jpg,1,2,4,6\n", &o, "--columns");
}

/* An image stays in its part when others are added; the share is kept to. */
static void the_split_is_a_function_of_the_name(void **state) {
    (void)state;
    static char text[1 << 14], few[1 << 13];
    size_t n = 0;
    n += (size_t)sprintf(text, "path,x,y,w,h\n");
    for (int i = 0; i < 200; i++) {
        char name[32], path[64];
        snprintf(name, sizeof name, "s/%d.jpg", i);
        snprintf(path, sizeof path, "pictures/%s", name);
        if (i == 0) kit_picture(path, 8, 8);
        if (i > 0) kit_write("pictures/s/x", "", 0);
        if (i > 0) assert_int_equal(symlink("0.jpg", scratch_path(path)), 0);
        n += (size_t)sprintf(text + n, "%s,1,1,4,4\n", name);
        if (i == 99) memcpy(few, text, n + 1);
    }
    rf_convert_options o = {.place = RF_IMAGES_KEEP, .split = 0.2};
    kit_write_text("a.csv", text);
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
    assert_int_equal(kit_stats.part_images[0] + kit_stats.part_images[1], 200);
    assert_in_range(kit_stats.part_images[1], 25, 55);
    char *val = strdup(kit_read("out/val/label.txt"));
    scratch_clear("out");
    kit_write_text("a.csv", few);
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
    const char *small = kit_read("out/val/label.txt");
    assert_true(strlen(small) > 100 && strncmp(val, small, strlen(small)) == 0);
    free(val);
    scratch_clear("out");
    /* A share that the hash gives to no image is that of one image, and the other way round. */
    static const double shares[] = {1e-9, 0.9};
    for (size_t i = 0; i < 2; i++) {
        o.split = shares[i];
        kit_write_text("a.csv", i ? "path,x,y,w,h\ns/0.jpg,1,1,4,4\ns/1.jpg,1,1,4,4\n" : few);
        assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_OK);
        assert_int_equal(kit_stats.part_images[i ? 0 : 1], 1);
        scratch_clear("out");
    }
    kit_write_text("a.csv", "path,x,y,w,h\ns/0.jpg,1,1,4,4\n");
    assert_int_equal(kit_convert("csv", "label", "a.csv", "out", &o), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "leaves a part without any"));
    scratch_clear("pictures/s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coco_entries), cmocka_unit_test(rows_and_files),
        cmocka_unit_test(named_twice),  cmocka_unit_test(equal_points),
        cmocka_unit_test(kinds),        cmocka_unit_test(readings),
        cmocka_unit_test(columns),      cmocka_unit_test(the_split_is_a_function_of_the_name),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
