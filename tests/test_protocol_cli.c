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

static void mistakes(void **state) {
    (void)state;
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(fddb_from_files), cmocka_unit_test(submission),
                                       cmocka_unit_test(coco_of_a_cascade), cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
