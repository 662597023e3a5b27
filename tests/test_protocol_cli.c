/* SPDX-License-Identifier: Apache-2.0 */
/* rf-eval --protocol from the command line: detections in files, figures, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "tests/programs.h"

static void put(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

static void fddb_from_files(void **state) {
    (void)state;
    put("@/truth.txt", "e/a\n1\n40 30 0.2 60 70 1\n");
    put("@/ellipse.txt", "e/a\n1\n40 30 0.2 60 70 0.9\n");
    put("@/box.txt", "e/a\n1\n20 40 80 60 0.9\n");
    succeeds("rf-eval --pred @/ellipse.txt --data @/truth.txt --protocol fddb --report @/report --pred-out @/out");
    assert_non_null(strstr(programs_out, "continuous_tpr_1000        1.000000"));
    assert_true(rf_file_exists(at("@/report/fddb.svg")) && rf_file_exists(at("@/report/fddb.csv")));
    assert_true(rf_file_exists(at("@/out/fddb_detections.txt")));
    succeeds("rf-eval --pred @/box.txt --data @/truth.txt --protocol fddb --json @/fddb.json");
    assert_non_null(strstr(programs_out, "discrete_tpr_1000          1.000000"));
    assert_null(strstr(programs_out, "continuous_tpr_1000        1.000000"));
}

static void submission(void **state) {
    (void)state;
    put("@/names.txt", "0--Parade/x.jpg\n");
    assert_int_equal(rf_dir_make(at("@/found/0--Parade")), RF_OK);
    put("@/found/0--Parade/x.txt", "x\n1\n1 2 3 4 0.5\n");
    succeeds("rf-eval --pred @/found --data @/names.txt --protocol wider_test --pred-out @/submit");
    assert_true(same_bytes("@/found/0--Parade/x.txt", "@/submit/0--Parade/x.txt"));
}

/* The last stage's boxes are what is scored: COCO's average over IoUs is where refinement shows. */
static void coco_of_a_cascade(void **state) {
    (void)state;
    succeeds("rf-data synth --out @/set --train 8 --val 4 --size 96x96 --min-face 24 --max-faces 2 --no-crowds");
    succeeds("rf-train configs/demo.ini --set cascade.stages=2 --set input.size=96 --set model.channels=16 "
             "--set data.root=@/set --set train.max_steps=4 --out @/cascade");
    succeeds("rf-eval @/cascade/last.safetensors --data @/set/val/label.txt --protocol coco --json @/coco.json");
    assert_non_null(strstr(programs_out, "ap50 "));
    assert_true(rf_file_exists(at("@/coco.json")));
}

/* FDDB as it unpacks: FDDB-folds with lists of names among the ellipses, pictures by year, a file of detections a fold;
 * given as the whole, as the folder of folds, or file by file. */
static void fddb_folders(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rf_dir_make(at(i == 0 ? "@/FDDB/FDDB-folds" : i == 1 ? "@/FDDB/2002/07" : "@/found")), RF_OK);
    put("@/FDDB/FDDB-folds/FDDB-fold-01-ellipseList.txt", "2002/07/a\n1\n40 30 0.2 60 70 1\n");
    put("@/FDDB/FDDB-folds/FDDB-fold-02-ellipseList.txt", "2002/07/b\n1\n40 30 0.2 60 70 1\n");
    put("@/FDDB/FDDB-folds/FDDB-fold-01.txt", "2002/07/a\n");
    put("@/found/fold-01-out.txt", "2002/07/a\n1\n20 40 80 60 0.9\n");
    put("@/found/fold-02-out.txt", "2002/07/b\n2\n20 40 80 60 0.9\n20 40 -0.001 60 0.8\n");
    put("@/sizes.txt", "2002/07/a 200 100\n2002/07/b 200 100\n");
    succeeds("rf-eval --pred @/found --data @/FDDB --protocol fddb --json @/whole.json");
    assert_non_null(strstr(programs_out, "read 2 files, 3 rows"));
    assert_non_null(
        strstr(programs_out, "rows of width or height 0 or less, counted as the official tool has it: 1 (first: "));
    assert_non_null(strstr(programs_out, "discrete_tpr_500           1.000000"));
    assert_non_null(strstr(programs_out, "the sizes of 2 of 2 pictures are not known"));
    static char text[PROGRAMS_TEXT];
    read_text("@/whole.json", text);
    assert_non_null(strstr(text, "\"predictions\":{\"files\":2,\"rows\":3,\"no_area\":1}"));
    assert_non_null(strstr(text, "\"continuous_tpr_500\""));
    succeeds("rf-eval --pred @/found --data @/FDDB/FDDB-folds --protocol fddb --sizes @/sizes.txt --report @/roc");
    assert_null(strstr(programs_out, "are not known"));
    assert_true(rf_file_exists(at("@/roc/DiscROC.txt")) && rf_file_exists(at("@/roc/ContROC.txt")));
    read_text("@/roc/fddb.csv", text);
    assert_non_null(strstr(text, "curve,point,x,y,score\n"));
    succeeds("rf-eval --pred @/found --data @/FDDB/FDDB-folds/FDDB-fold-01-ellipseList.txt --protocol fddb");
    assert_non_null(strstr(programs_out, "files or names of no image that is scored, left out: 1 (first: "));
    refused("rf-eval --pred @/FDDB/2002 --data @/FDDB --protocol fddb", "not one prediction file");
    refused("rf-eval --pred @/found --data @/FDDB --protocol coco --sizes @/sizes.txt",
            "--sizes is for --protocol fddb");
}

/* COCO's results need the ids where names are no numbers. */
static void coco_results(void **state) {
    (void)state;
    put("@/boxes.txt", "# e/a.jpg\n1 2 30 40\n");
    put("@/results.json", "[{\"image_id\":4,\"category_id\":1,\"bbox\":[1,2,30,40],\"score\":0.5}]");
    put("@/ids.json",
        "{\"images\":[{\"id\":4,\"file_name\":\"a.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"face\"}]}");
    refused("rf-eval --pred @/results.json --data @/boxes.txt --protocol coco", "add --ids FILE");
    succeeds("rf-eval --pred @/results.json --ids @/ids.json --data @/boxes.txt --protocol coco");
    assert_non_null(strstr(programs_out, "ap50                       1.000000"));
    refused("rf-eval x --ids @/ids.json --data @/boxes.txt --protocol coco", "--ids is for");
}

/* Rows that mean something else are measured, and told. */
static void doubts(void **state) {
    (void)state;
    put("@/boxes.txt", "# e/a.jpg\n100 200 30 40\n");
    assert_int_equal(rf_dir_make(at("@/pred/e")), RF_OK);
    put("@/pred/e/a.txt", "a\n1\n100 200 130 240 0.5\n");
    succeeds("rf-eval --pred @/pred --data @/boxes.txt --protocol coco --json @/coco.json");
    assert_non_null(strstr(programs_err, "corners x1 y1 x2 y2"));
    static char text[PROGRAMS_TEXT];
    read_text("@/coco.json", text);
    assert_non_null(strstr(text, "\"doubt\":"));
    put("@/pred/e/a.txt", "a\n1\n0.1 0.2 0.03 0.04 0.5\n");
    succeeds("rf-eval --pred @/pred --data @/boxes.txt --protocol coco");
    assert_non_null(strstr(programs_err, "shares of the picture"));
}

static void mistakes(void **state) {
    (void)state;
    put("@/names.txt", "e/a.jpg\n");
    refused("rf-eval x --data @/names.txt", "none of its 1 images has an annotated face");
    refused("rf-eval x --data @/names.txt --protocol coco", "there is nothing to measure");
    refused("rf-eval x --data @/names.txt --rule matlab", "add --gt DIR");
    refused("rf-eval --pred @/names.txt --data @/names.txt --protocol coco", "--pred and --data are one");
    refused("rf-eval x --data @/names.txt --gt @ --rule matlb",
            "no rule is called \"matlb\"; did you mean \"matlab\"?");
    put("@/boxes.txt", "# e/a.jpg\n1 2 30 40\n");
    put("@/some.txt", "e/a\n1\n1 2 30 40 0.5\n");
    refused("rf-eval x --data @/boxes.txt --protocol fdb",
            "no protocol is called \"fdb\"; did you mean \"fddb\"? There are: fddb");
    refused("rf-eval x --data @/boxes.txt --protocol wider_test", "add --pred-out DIR");
    refused("rf-eval --pred @/some.txt --protocol coco", "--protocol and --data");
    refused("rf-eval --pred @/some.txt --data @/boxes.txt --protocol fddb", "@/boxes.txt: no ellipses");
    refused("rf-eval --pred @/some.txt --data @/boxes.txt --protocol landmarks", "no face has five landmarks");
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fddb_from_files),   cmocka_unit_test(submission),
                                       cmocka_unit_test(coco_of_a_cascade), cmocka_unit_test(fddb_folders),
                                       cmocka_unit_test(coco_results),      cmocka_unit_test(doubts),
                                       cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
