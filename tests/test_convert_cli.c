/* SPDX-License-Identifier: Apache-2.0 */
/* rf-data convert as a user runs it: folders as other tools lay them out, round trips of a whole set, mistakes, an
 * interrupt. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "data/sniff.h"
#include "tests/programs.h"

#define out programs_out

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 12 --val 4 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void write_text(const char *path, const char *text) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", at(path));
    *strrchr(folder, '/') = 0;
    assert_int_equal(rf_dir_make(folder), RF_OK);
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

/* One of the set's pictures of 96x96 pixels. */
static void put_picture(const char *path) {
    write_text(path, "");
    unlink(at(path));
    assert_int_equal(symlink(at("@/set/val/images/0--Synth/synth_val_000001.jpg"), at(path)), 0);
}

static void assert_label(const char *path, const char *want) {
    static char text[PROGRAMS_TEXT];
    read_text(path, text);
    if (strncmp(text, want, strlen(want)) != 0) fail_msg("%s has\n%s\nexpected\n%s", path, text, want);
}

/* To COCO and back: the same label.txt, byte for byte, and the same pictures: the same training. */
static void a_set_survives_coco(void **state) {
    (void)state;
    succeeds("rf-data convert @/set --from label --to coco --out @/coco");
    assert_non_null(strstr(out, "16 images (12 train, 4 val)"));
    succeeds("rf-data convert @/coco --from coco --images copy --out @/back");
    static const char *const parts[] = {"train", "val"};
    for (int i = 0; i < 2; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "@/set/%s/label.txt", parts[i]);
        snprintf(b, sizeof b, "@/back/%s/label.txt", parts[i]);
        assert_true(same_bytes(a, b));
        snprintf(a, sizeof a, "@/set/%s/images/0--Synth/synth_%s_000001.jpg", parts[i], parts[i]);
        snprintf(b, sizeof b, "@/back/%s/images/0--Synth/synth_%s_000001.jpg", parts[i], parts[i]);
        assert_true(same_bytes(a, b));
    }
    succeeds("rf-data check @/back --quiet");
    assert_non_null(strstr(out, "errors          0"));
    succeeds(
        "rf-data convert @/coco/train/coco.json --from coco --root @/set/train/images --images keep --split 0.3 --out "
        "@/kept");
    assert_non_null(strstr(out, at("the images stay below @/set/train/images")));
    assert_int_equal(count_files("@/kept", ""), 2);
}

static void folders_of_other_tools(void **state) {
    (void)state;
    put_picture("@/yolo/images/train/x/a.jpg");
    put_picture("@/yolo/images/val/b.jpg");
    write_text("@/yolo/labels/train/x/a.txt", "0 0.5 0.5 0.25 0.5\n");
    write_text("@/yolo/labels/val/b.txt", "");
    succeeds("rf-data convert @/yolo --from yolo --out @/from_yolo");
    assert_non_null(strstr(out, "2 images (1 train, 1 val), 1 faces"));
    assert_label("@/from_yolo/train/label.txt", "# x/a.jpg\n36 24 24 48 -1");
    succeeds("rf-data convert @/yolo --from yolo --part val --out @/only_val");
    assert_non_null(strstr(out, "1 images (1 val), 0 faces"));
    succeeds("rf-data convert @/yolo/labels/train --from yolo --out @/guessed");
    assert_label("@/guessed/train/label.txt", "# x/a.jpg\n36 24 24 48 -1");

    put_picture("@/voc/JPEGImages/a.jpg");
    assert_int_equal(mkfifo(at("@/voc/JPEGImages/pipe.jpg"), 0600), 0); /* is not waited for */
    write_text("@/voc/Annotations/pipe.xml", "<annotation><filename>pipe.jpg</filename></annotation>");
    write_text("@/voc/Annotations/a.xml", "<annotation><filename>a.jpg</filename><object><name>face</name><bndbox>"
                                          "<xmin>2</xmin><ymin>3</ymin><xmax>10</xmax><ymax>20</ymax></bndbox></object>"
                                          "</annotation>");
    succeeds("rf-data convert @/voc --from voc --out @/from_voc");
    assert_label("@/from_voc/train/label.txt", "# a.jpg\n1 2 9 18 -1");
    assert_non_null(strstr(out, "pipe.jpg': it is a device or pipe"));

    put_picture("@/robo/valid/a.jpg");
    write_text(
        "@/robo/valid/_annotations.coco.json",
        "{\"images\":[{\"id\":0,\"file_name\":\"a.jpg\",\"height\":96,\"width\":96}],\"annotations\":[{\"id\":0,"
        "\"image_id\":0,\"category_id\":1,\"bbox\":[1,2,3,4]}],\"categories\":[{\"id\":0,\"name\":\"faces\"},{\"id\":1,"
        "\"name\":\"head\"}]}");
    succeeds("rf-data convert @/robo --from coco --out @/from_robo");
    assert_label("@/from_robo/val/label.txt", "# a.jpg\n1 2 3 4 -1");

    put_picture("@/fddb/originalPics/2002/img_1.jpg");
    put_picture("@/fddb/originalPics/2003/img_2.jpg");
    write_text("@/fddb/FDDB-folds/FDDB-fold-01-ellipseList.txt", "2002/img_1\n1\n20 10 0 50 40  1\n");
    write_text("@/fddb/FDDB-folds/FDDB-fold-02-ellipseList.txt", "2003/img_2\n1\n10 10 0 50 40  1\n");
    write_text("@/fddb/FDDB-folds/FDDB-fold-01.txt", "2002/img_1\n");
    succeeds("rf-data convert @/fddb --from fddb --out @/from_fddb");
    assert_label("@/from_fddb/train/label.txt", "# 2002/img_1.jpg\n30 30 40 20 -1");
    assert_non_null(strstr(out, "2 images (2 train), 2 faces"));
    succeeds(
        "rf-data convert @/fddb/FDDB-folds/FDDB-fold-02-ellipseList.txt @/fddb/FDDB-folds/FDDB-fold-01-ellipseList.txt "
        "--from fddb --root @/fddb/originalPics --part test --out @/folds");
    assert_label("@/folds/test/label.txt", "# 2003/img_2.jpg\n40 30 20 20 -1");

    put_picture("@/wider/WIDER_val/images/0--Parade/a.jpg");
    write_text(
        "@/wider/wider_face_split/wider_face_val_bbx_gt.txt",
        "0--Parade/a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n5 6 7 8 0 0 0 1 0 0\n0--Parade/none.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n");
    succeeds("rf-data convert @/wider --from wider --out @/from_wider");
    assert_non_null(strstr(out, "wider_face_val_bbx_gt.txt:5: 0--Parade/none.jpg is not below"));
    assert_non_null(
        strstr(out, "1 images (1 val), 2 faces, 1 of them ignored, 0 with landmarks; left out: 1 images missing"));
    refused("rf-data convert @/wider --from wider --strict --out @/strict", "0--Parade/none.jpg is not below");
    assert_false(rf_dir_exists(at("@/strict")));
}

/* Pictures without a text file are YOLO's negatives, in other formats they are counted; those of two parts are told. */
/* A picture under another spelling is neither found nor forgotten: the check says what finds it. */
static void a_check_says_what_finds_pictures(void **state) {
    (void)state;
    put_picture("@/spelt/images/Photo.JPG");
    write_text("@/spelt/label.txt", "# photo.jpg\n36 24 24 48\n");
    assert_int_equal(run("rf-data check @/spelt/label.txt"), 1);
    assert_non_null(strstr(out, "not annotated   1 pictures below"));
    assert_non_null(strstr(out, "/spelt/label.txt --root "));
    assert_non_null(strstr(out, "/spelt/images --out DIR`"));
    succeeds("rf-data convert @/spelt/label.txt --root @/spelt/images --out @/spelt/made");
    assert_label("@/spelt/made/train/label.txt", "# Photo.JPG\n36 24 24 48 -1");
    succeeds("rf-data check @/spelt/made");
    assert_null(strstr(out, "--out DIR"));
}

static void pictures_without_annotation(void **state) {
    (void)state;
    put_picture("@/negative/images/train/a.jpg");
    put_picture("@/negative/images/train/x/none.jpg"); /* a link to the same picture: no other */
    write_text("@/negative/labels/train/a.txt", "0 0.5 0.5 0.25 0.5\n");
    succeeds("rf-data convert @/negative --from yolo --out @/negative_1");
    assert_label("@/negative_1/train/label.txt", "# a.jpg\n36 24 24 48 -1");
    assert_non_null(strstr(out, "1 images (1 train)"));
    unlink(at("@/negative/images/train/x/none.jpg"));
    assert_int_equal(
        symlink(at("@/set/val/images/0--Synth/synth_val_000002.jpg"), at("@/negative/images/train/x/none.jpg")), 0);
    succeeds("rf-data convert @/negative --from yolo --out @/negative_2");
    assert_non_null(strstr(out, "1 pictures have no annotation file and are taken as negatives, first x/none.jpg"));
    assert_non_null(strstr(out, "note: 1 images without an annotation file, taken as negatives (first: "));
    static char text[PROGRAMS_TEXT];
    read_text("@/negative_2/train/label.txt", text);
    assert_non_null(strstr(text, "# x/none.jpg\n"));
    /* One file of a folder says nothing about the others; the output inside of the folder is none of its pictures. */
    succeeds("rf-data convert @/negative/labels/train/a.txt --from yolo --root @/negative/images/train --images copy "
             "--out @/negative/images/train/made");
    assert_non_null(strstr(out, "1 pictures stand in no annotation and are not taken, first x/none.jpg"));
    succeeds("rf-data convert @/negative/labels/train/a.txt --from yolo --root @/negative/images/train --part val "
             "--out @/negative/images/train/made");
    assert_non_null(strstr(out, "1 pictures stand in no annotation"));
    write_text("@/kind/a.csv", "path,x,y,w,h,class\na.jpg,1,2,30,40,face\na.jpg,50,2,30,40,mask\na.jpg,2,50,9,9,hat\n");
    put_picture("@/kind/a.jpg");
    refused("rf-data convert @/kind/a.csv --from csv --out @/kinds_1", "1 \"mask\", 1 \"hat\" would become background");
    succeeds("rf-data convert @/kind/a.csv --from csv --category face --category mask --out @/kinds_1");
    assert_non_null(strstr(out, "2 faces, 0 of them ignored, 0 with landmarks; left out: 1 objects of other kinds"));
    succeeds("rf-data convert @/kind/a.csv --from csv --category face --boxes corners --units pixels --out @/kinds_2");
    assert_label("@/kinds_2/train/label.txt", "# a.jpg\n1 2 29 38 -1");
    write_text("@/leak/train.csv", "path,x,y,w,h\na.jpg,1,2,30,40\n");
    write_text("@/leak/val.csv", "path,x,y,w,h\nb.jpg,1,2,30,40\n");
    put_picture("@/leak/a.jpg");
    put_picture("@/leak/b.jpg");
    succeeds("rf-data convert @/leak --from csv --out @/leaked");
    assert_non_null(strstr(out, "note: a.jpg of train is the same picture as b.jpg of val"));
    assert_non_null(strstr(out, "note: 1 images of two parts (first: "));
    assert_int_equal(run("rf-data check @/leaked"), 0);
    assert_non_null(strstr(out, "warning: b.jpg is the same picture as a.jpg of "));
}

/* A set with lines that cannot be read: each is told, and the rest is checked. */
static void a_broken_line_is_one_finding(void **state) {
    (void)state;
    put_picture("@/lines/images/a.jpg");
    put_picture("@/lines/images/more.jpg");
    write_text("@/lines/label.txt", "# a.jpg\n1 2 30\n10 20 30 40 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n5 5 200 20\n");
    assert_int_equal(run("rf-data check @/lines"), 1);
    assert_non_null(strstr(out, "label.txt:2: error: 3 numbers; a face has 4"));
    assert_non_null(strstr(out, "label.txt:3: warning: the five landmarks are all at one place"));
    assert_non_null(strstr(out, "label.txt:4: warning: the box (5, 5)-(205, 25) reaches out"));
    assert_non_null(strstr(out, "1 pictures below "));
    assert_non_null(strstr(out, "2, 0 of them ignored, 0 with landmarks"));
    succeeds("rf-data show @/lines --out @/lines_shown");
    assert_non_null(strstr(programs_err, "label.txt:2: 3 numbers; a face has 4"));
    assert_int_equal(count_files("@/lines_shown", ""), 1);
    succeeds("rf-data convert @/lines --from label --out @/lines_2");
    assert_non_null(strstr(out, "label.txt:4: note: the box (5, 5)-(205, 25) reaches out"));
    assert_non_null(strstr(out, "left out: 1 entries of faces that cannot be read (first: "));
    assert_non_null(strstr(out, "note: 1 faces with five equal landmarks, taken as without (first: "));
}

static void mistakes_are_told(void **state) {
    (void)state;
    refused("rf-data convert @/set/val/images --out @/x", "no annotations that are known by their looks");
    refused("rf-data convert @/set --from label", "--out DIR is missing");
    refused("rf-data convert --from label --out @/x", "an annotation file or folder is missing");
    refused("rf-data convert @/set --from cocoo --out @/x", "did you mean \"coco\"");
    refused("rf-data convert @/set --from label --to voc --out @/x",
            "no format to write is called \"voc\"; there are: coco, label");
    refused("rf-data convert @/set --from label --images @/set --out @/x", "--root names the image folder");
    refused("rf-data convert @/set --from label --part valid --out @/x", "expected train, val or test");
    refused("rf-data convert @/set --from label --split 0.1 --out @/x", "there are 2 parts already (train, val, ...)");
    refused("rf-data convert @/none --from label --out @/x", "@/none: no such file or folder");
    refused("rf-data convert @/set/train/images --from coco --out @/x",
            "no annotations found; looked for train/coco.json");
    refused("rf-data convert @/set --from label --out @/set", "@/set/train exists already");
    assert_int_equal(run("rf-data convert @/set/train/label.txt --from label --root @/set/val --out @/x"), 2);
    assert_non_null(strstr(programs_err, "none of the 12 images can be used"));
    assert_non_null(strstr(programs_err, "--root"));
    assert_false(rf_dir_exists(at("@/x")));
    succeeds("rf-data convert --formats");
    assert_non_null(strstr(out, "<annotation>"));
}

/* COCO's own folders; what CVAT, Label Studio, VIA and the WIDER FACE of others put where. */
static void folders_of_labelling_tools(void **state) {
    (void)state;
    static const char coco[] = "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"image_id\":1,"
                               "\"category_id\":1,\"bbox\":[1,2,3,4]}],\"categories\":[{\"id\":1,\"name\":\"face\"}]}";
    put_picture("@/coco17/train2017/a.jpg");
    put_picture("@/coco17/val2017/a.jpg");
    write_text("@/coco17/annotations/instances_train2017.json", coco);
    write_text("@/coco17/annotations/instances_val2017.json", coco);
    write_text("@/coco17/annotations/captions_val2017.json", "{\"images\":[],\"annotations\":[]}");
    succeeds("rf-data convert @/coco17 --out @/from_coco17");
    assert_non_null(strstr(out, "2 images (1 train, 1 val), 2 faces"));
    assert_null(strstr(out, "is not below"));
    assert_null(strstr(out, "is taken for"));
    succeeds("rf-data convert @/coco17/annotations/instances_val2017.json --part val --out @/from_val17");
    assert_label("@/from_val17/val/label.txt", "# a.jpg\n1 2 3 4 -1");
    write_text("@/cvatcoco/annotations/instances_default.json", coco);
    put_picture("@/cvatcoco/images/a.jpg");
    succeeds("rf-data convert @/cvatcoco --out @/from_cvatcoco");
    succeeds("rf-data convert @/cvatcoco/annotations/instances_default.json --out @/from_cvatcoco2");

    put_picture("@/cvat/obj_train_data/x/a.jpg");
    write_text("@/cvat/obj_train_data/x/a.txt", "1 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.1 0.1\n");
    write_text("@/cvat/train.txt", "data/obj_train_data/x/a.jpg\n");
    write_text("@/cvat/obj.names", "dog\nface\n");
    write_text("@/cvat/obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n");
    succeeds("rf-data convert @/cvat --out @/from_cvat");
    assert_label("@/from_cvat/train/label.txt", "# x/a.jpg\n36 24 24 48 -1");
    succeeds("rf-data convert @/cvat/obj_train_data/x/a.txt --from yolo --category face --out @/from_cvat_file");

    /* Label Studio's YOLO: one folder of labels, one of images. */
    put_picture("@/lsyolo/images/a.jpg");
    write_text("@/lsyolo/labels/a.txt", "1 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.1 0.1\n");
    write_text("@/lsyolo/classes.txt", "dog\nface\n");
    succeeds("rf-data convert @/lsyolo --part val --out @/from_lsyolo");
    assert_label("@/from_lsyolo/val/label.txt", "# a.jpg\n36 24 24 48 -1");
    assert_null(strstr(out, "is taken for"));

    put_picture("@/wvoc/WIDER_train/0--Parade/a.jpg");
    put_picture("@/wvoc/WIDER_train/1--Handshaking/b.jpg");
    write_text("@/wvoc/WIDER_train/Annotations/a.xml",
               "<annotation><folder>0--Parade</folder><filename>a.jpg</filename></annotation>");
    write_text("@/wvoc/WIDER_train/Annotations/b.xml",
               "<annotation><folder>wrong</folder><filename>b</filename></annotation>");
    succeeds("rf-data convert @/wvoc --out @/from_wvoc");
    assert_label("@/from_wvoc/train/label.txt", "# 0--Parade/a.jpg\n# 1--Handshaking/b.jpg\n");
    succeeds("rf-data convert @/wvoc/WIDER_train/Annotations --out @/from_wvoc2");
    assert_label("@/from_wvoc2/train/label.txt", "# 0--Parade/a.jpg\n# 1--Handshaking/b.jpg\n");

    put_picture("@/me/json/../pics/a.jpg");
    write_text("@/me/json/a.json",
               "{\"shapes\":[{\"label\":\"face\",\"points\":[[1,2],[5,8]],\"shape_type\":\"rectangle\"}],"
               "\"imagePath\":\"..\\\\pics\\\\a.jpg\"}");
    succeeds("rf-data convert @/me --out @/from_me");
    assert_label("@/from_me/train/label.txt", "# pics/a.jpg\n1 2 4 6 -1");
    succeeds("rf-data convert @/me/json --out @/from_me2");
    refused("rf-data convert @/cvat/train.txt --out @/x", "a list of pictures");
    refused("rf-data convert @/cvat/train.txt --from yolo --out @/x", "a list of pictures");
}

/* The same sentence wherever a data set is expected: what stands there and the command that makes one of it. */
static void points_to_convert(const char *path, const char *what) {
    static const char *const commands[] = {
        "rf-data check %s",
        "rf-data show %s --out @/shown",
        "rf-eval --protocol fddb --pred @/set/val/label.txt --data %s",
        "rf-train configs/mnet025.ini --set data.root=/ --set data.train=%s --out @/run",
        "rf-train configs/mnet025.ini --set data.root=%s --out @/run",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char command[512];
        if (i == 4 && !rf_dir_exists(at(path))) continue;
        snprintf(command, sizeof command, commands[i], path);
        refused(command, what);
        assert_false(rf_dir_exists(at("@/run")));
    }
}

static void sets_of_others_point_to_convert(void **state) {
    (void)state;
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        char folder[128], file[256], want[512];
        if (c->direct) continue;
        snprintf(folder, sizeof folder, "@/kinds/%s", c->name);
        snprintf(file, sizeof file, "%s/%s", folder, c->example_file);
        write_text(file, c->example);
        snprintf(want, sizeof want, "`rf-data convert %s --from %s --out DIR`", file, c->name);
        points_to_convert(file, want);
        snprintf(want, sizeof want, "(%s); make a data set of it with `rf-data convert %s --from %s --out DIR`",
                 c->example_file, folder, c->name);
        points_to_convert(folder, want);
    }
    write_text("@/kinds/rows.txt", "a.jpg 1 2 3 4\nb.jpg 5 6 7 8\n");
    points_to_convert("@/kinds/rows.txt", "--from csv --columns path,x1,y1,x2,y2 for corners");
    refused("rf-data convert @/kinds/rows.txt --out @/x", "one face a line");
    refused("rf-data convert @/kinds/rows.txt --from yolo --out @/x", "one face a line");
    refused("rf-data convert @/kinds/coco --from csv --out @/x", "no annotations found");
    refused("rf-data convert @/kinds/coco/annotations.json --from csv --out @/x", "looks like COCO JSON (--from coco)");
}

/* Without --from: what was taken is said; two that are there are not chosen from. */
static void the_format_is_guessed(void **state) {
    (void)state;
    put_picture("@/guess/photo.jpg");
    write_text("@/guess/a.xml", "<annotation><filename>photo.jpg</filename><object><name>face</name><bndbox><xmin>2"
                                "</xmin><ymin>3</ymin><xmax>10</xmax><ymax>20</ymax></bndbox></object></annotation>");
    succeeds("rf-data convert @/guess --out @/guessed_1");
    assert_non_null(strstr(out, at("@/guess: taken for Pascal VOC (--from voc), by a.xml")));
    succeeds("rf-data convert @/guess/a.xml --out @/guessed_2");
    assert_label("@/guessed_2/train/label.txt", "# photo.jpg\n1 2 9 18 -1");
    write_text("@/guess/photo.txt", "0 0.5 0.5 0.25 0.5\n");
    refused("rf-data convert @/guess --out @/x", "voc in a.xml and yolo in photo.txt were found; choose by --from");
    succeeds("rf-data convert @/guess --from yolo --out @/guessed_3");
    refused("rf-data convert @/guess/a.xml @/guess/photo.txt --out @/x", "choose by --from");
    write_text("@/guess/note.txt", "nothing of the kind\n");
    refused("rf-data convert @/guess/note.txt --out @/x",
            "note.txt: not known by its looks; name the format by --from");
    succeeds("rf-data convert @/set --out @/guessed_4");
}

static void a_full_disk_leaves_nothing(void **state) {
    (void)state;
    programs_file_limit = 500;
    refused("rf-data convert @/set --from label --images copy --out @/full", "cannot write");
    refused("rf-data convert @/set --from label --to coco --out @/full", "cannot write");
    programs_file_limit = 0;
    assert_false(rf_dir_exists(at("@/full")));
}

/* More findings than a pipe holds, of which one byte is read: the program waits in the middle while the signal arrives.
 */
static void an_interrupt_leaves_nothing(void **state) {
    (void)state;
    static char text[1 << 16], fifo[512];
    char byte[4096];
    size_t n = (size_t)sprintf(text, "path,x,y,w,h\na.jpg,1,1,4,4\n");
    for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "missing/%d.jpg,,,,\n", i);
    put_picture("@/many/a.jpg");
    write_text("@/many/faces.csv", text);
    snprintf(fifo, sizeof fifo, "%s", at("@/fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    programs_stdout = fifo;
    pid_t pid = start("rf-data convert @/many/faces.csv --from csv --verbose --out @/stopped");
    int end = open(fifo, O_RDONLY);
    assert_true(end >= 0 && read(end, byte, 1) == 1);
    kill(pid, SIGINT);
    while (read(end, byte, sizeof byte) > 0) continue;
    close(end);
    int code = finish(pid);
    programs_stdout = "@/stdout.txt";
    assert_int_equal(code, 130);
    assert_non_null(strstr(programs_err, "nothing was written"));
    assert_false(rf_dir_exists(at("@/stopped")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_survives_coco),
        cmocka_unit_test(folders_of_other_tools),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(folders_of_labelling_tools),
        cmocka_unit_test(sets_of_others_point_to_convert),
        cmocka_unit_test(the_format_is_guessed),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_check_says_what_finds_pictures),
        cmocka_unit_test(pictures_without_annotation),
        cmocka_unit_test(a_broken_line_is_one_finding),
        cmocka_unit_test(an_interrupt_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
