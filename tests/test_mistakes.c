/* SPDX-License-Identifier: Apache-2.0 */
/* The likeliest mistakes of each program, and the one sentence that each gets: what, where, what was expected, what to
 * do. Nothing is detected, trained or written before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/programs.h"

#define MODEL "@/run/last.safetensors"
#define ON_SET "configs/mnet025.ini --set data.root=@/set --set train.batch=4 --set input.size=64 "

typedef struct mistake {
    const char *command, *words;
} mistake;

static void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 3 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds("rf-train " ON_SET "--set model.channels=16 --set train.max_steps=2 -t 1 --out @/run");
    write_text("@/t.txt", "hello\n");
    write_text("@/empty", "");
    assert_int_equal(rf_dir_make(at("@/nothing")), RF_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void all_refused(const mistake *mistakes, size_t n) {
    for (size_t i = 0; i < n; i++) refused(mistakes[i].command, mistakes[i].words);
}
#define ALL(table) all_refused(table, sizeof table / sizeof *table)
#define PICTURE "@/set/val/images/0--Synth/synth_val_000000.jpg"
#define DETECT "rf-detect " MODEL " " PICTURE " "

static void of_rf_detect(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-detect", "too few arguments: name files, folders"},
        {"rf-detect " MODEL, "too few arguments"},
        {"rf-detect " PICTURE " " MODEL, "is a picture; expected a model (.safetensors, .pth or .params)"},
        {"rf-detect --model @/set " PICTURE, "@/set holds no model: expected best.safetensors"},
        {"rf-detect nowhere " PICTURE, "there is no model \"nowhere\""},
        {"rf-detect @/none.safetensors " PICTURE, "cannot open '@/none.safetensors': No such file"},
        {"rf-detect @/run/config.ini " PICTURE, "config.ini is a configuration; expected a model"},
        {"rf-detect @/t.txt " PICTURE, "@/t.txt: this is no safetensors file"},
        {"rf-detect @/empty " PICTURE, "@/empty is empty; expected a model"},
        {"rf-detect " MODEL " @/none.jpg", "@/none.jpg: no such file or folder"},
        {"rf-detect " MODEL " @/nothing", "@/nothing holds no .jpg or .png picture"},
        {DETECT "--iou 0.3",
         "unknown option --iou; --set eval.iou=VALUE or --eval.iou VALUE sets it; see rf-detect --help"},
        {DETECT "--threshold 0.3", "unknown option --threshold, did you mean --score"},
        {DETECT "--output x", "unknown option --output, did you mean --out"},
        {DETECT "--gpu",
         "unknown option --gpu: rf computes on the processor (--threads N says on how many): leave it out"},
        {DETECT "--device cuda", "unknown option --device: rf computes on the processor"},
        {DETECT "--score=1.5", "--score 1.5: expected a number from 0 to 1"},
        {DETECT "--score 50%", "--score 50%: expected a number from 0 to 1"},
        {DETECT "--out", "--out needs a value, DIR"},
        {DETECT "--out --json x", "--out needs a value, DIR, before --json"},
        {DETECT "--config " MODEL, "is a model, expected a configuration (INI)"},
        {DETECT "--set score=0.3", "--set score=0.3: expected section.key=value, for example --set eval.score=0.3"},
        {DETECT "--set eval.scales=abc", "expected a number from 0 to 8192"},
        {DETECT "--mesh", "predicts no mesh"},
        {DETECT "-t -3", "--threads -3: expected a whole number from 0 to 1024"}};
    ALL(table);
}

static void of_rf_eval(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-eval", "a model and --data ROOT are needed"},
        {"rf-eval " MODEL, "a model and --data ROOT are needed"},
        {"rf-eval --data @/set", "a model and --data ROOT are needed"},
        {"rf-eval " MODEL " --data", "--data needs a value, ROOT"},
        {"rf-eval " MODEL " @/set", "unexpected argument \"@/set\""},
        {"rf-eval @/set --data @/set", "@/set holds no model: expected best.safetensors or last.safetensors"},
        {"rf-eval " MODEL " --data @/none", "@/none: no such file or folder"},
        {"rf-eval " MODEL " --data @/nothing", "@/nothing: no annotations found; looked for train/label.txt"},
        {"rf-eval " MODEL " --data " PICTURE, "is a picture; name the annotation file"},
        {"rf-eval " MODEL " --data @/set --gt @/none", "cannot open '@/none/wider_face_val.mat'"},
        {"rf-eval " MODEL " --data @/set --report @/r", "for data of your own --protocol pascal_faces"},
        {"rf-eval " MODEL " --data @/set --protocol wider", "no protocol is called \"wider\"; "},
        {"rf-eval " MODEL " --data @/set --protocol wider_test", "add --pred-out DIR"},
        {"rf-eval " MODEL " --data @/set --protocol fddb", "no ellipses, which protocol fddb measures"},
        {"rf-eval " MODEL " --data @/set --protocol mafa", "no kinds of faces, which protocol mafa needs"},
        {"rf-eval " MODEL " --pred @/p --gt @/set", "takes --gt DIR, or --protocol and --data, and no model"},
        {"rf-eval --pred @/set --data @/set", "takes --gt DIR, or --protocol and --data, and no model"},
        {"rf-eval " MODEL " --data @/set --scales 640x480", "'640x480', expected a number from 0 to 8192"},
        {"rf-eval " MODEL " --data @/set --merge wbf", "expected one of nms|soft_linear"},
        {"rf-eval " MODEL " --data @/set --list @/none", "cannot open '@/none'"},
        {"rf-eval " MODEL " --data @/set --list @/t.txt", "@/t.txt:1: hello"},
        {"rf-eval " MODEL " --data @/set --conf 0.1", "did you mean --score"}};
    ALL(table);
}

static void of_rf_train(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-train", "a configuration is needed, for example mnet025 (rf train --list shows all)"},
        {"rf-train @/none.ini", "cannot open '@/none.ini': No such file"},
        {"rf-train @/run", "@/run is a folder, expected a configuration: name @/run/config.ini"},
        {"rf-train @/set", "@/set is a folder, expected a configuration (INI)"},
        {"rf-train " MODEL, "is a model, expected a configuration (INI)"},
        {"rf-train configs/mnet025.ini", "name them by --data DIR (data.root)"},
        {"rf-train configs/mnet025.ini --set data.root=@/none", "expected annotations in @/none/train/label.txt"},
        {"rf-train configs/mnet025.ini --data @/none --out @/x", "data.root"},
        {"rf-train configs/mnet025.ini --epochs ten", "schedule.epochs"},
        {"rf-train configs/mnet025.ini --batch-size 3", "--set train.batch=VALUE or --train.batch VALUE sets it"},
        {"rf-train configs/mnet025.ini --momentum 1", "--set optim.momentum=VALUE or --optim.momentum VALUE sets it"},
        {"rf-train configs/mnet025.ini --set lr=0.1", "for example --set optim.lr=0.1"},
        {"rf-train configs/mnet025.ini --set data.root=@/set",
         "4 images do not fill one batch of 32; lower train.batch"},
        {"rf-train " ON_SET "--out @/run", "holds a run already: add --resume"},
        {"rf-train " ON_SET "--out @/x --resume", "there is no @/x/last.safetensors"},
        {"rf-train " ON_SET "--out @/x --init @/set", "@/set holds no model"},
        {"rf-train " ON_SET "--out @/x --init @/none.pth", "cannot open '@/none.pth'"},
        {"rf-train " ON_SET "--out @/x --init " PICTURE, "is a picture; expected a model"},
        {"rf-train " ON_SET "--out @/t.txt", "'@/t.txt' is no folder"},
        {"rf-train " ON_SET "--out @/x --set model.backbone=resnet51", "did you mean 'resnet50'?"},
        {"rf-train " ON_SET "--compare @/run", "expected NAME=RUN[,RUN...]"},
        {"rf-train --compare a=@/set", "cannot open '@/set/train.jsonl'"},
        {"rf-train " ON_SET "--resume --init x", "--init and --resume exclude each other"},
        {"rf-train " ON_SET "--set input.size=600000", "expected a whole number from 32 to 4096"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        refused(table[i].command, table[i].words);
        if (strstr(programs_out, "parameters")) fail_msg("%s: the plan stands before the mistake", table[i].command);
    }
    assert_false(rf_file_exists(at("@/x/config.ini")));
}

static void of_rf_export(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-export", "a model is needed: rf-export MODEL -o PATH"},
        {"rf-export " MODEL, "-o PATH is missing"},
        {"rf-export " MODEL " -o @/x",
         "does not tell the format: give it with --to; there are safetensors (.safetensors), onnx"},
        {"rf-export " MODEL " -o @/x.tflite", "does not tell the format"},
        {"rf-export " MODEL " -o @/x.onnx --to ncnn", "is the name of a file for onnx, but --to says ncnn"},
        {"rf-export " MODEL " -o @/x --to onxx", "did you mean \"onnx\"?"},
        {"rf-export @/set -o @/x.onnx", "@/set holds no model"},
        {"rf-export @/none -o @/x.onnx", "cannot open '@/none'"},
        {"rf-export " MODEL " -o @/run", "it is a folder, expected the name of a file"},
        {"rf-export " MODEL " -o " MODEL, "is the model itself"},
        {"rf-export " MODEL " -o @/t.txt/x.onnx", "'@/t.txt' is no folder"},
        {"rf-export " MODEL " -o -", "this is no stream"},
        {"rf-export " MODEL " -o @/x.onnx --input 640", "expected HEIGHTxWIDTH from 1 to 16384, or dynamic"},
        {"rf-export " MODEL " -o @/x.onnx --input 0x0", "expected HEIGHTxWIDTH"},
        {"rf-export " MODEL " -o @/x.onnx --outputs boxes", "there are: raw, anchors, faces"},
        {"rf-export " MODEL " -o @/x.onnx --opset 7", "--opset 7: expected a whole number from 11 to 19"},
        {"rf-export " MODEL " @/x.onnx", "unexpected argument \"@/x.onnx\""},
        {"rf-export " MODEL " -o @/x.c --fp16", "leave --fp16 out"},
        {"rf-export " MODEL " -o @/x.onnx --output x", "did you mean --out"},
        {"rf-export " MODEL " -o @/x.onnx --set x", "expected section.key=value"}};
    ALL(table);
    assert_int_equal(count_files("@", "x.onnx"), 0);
}

static void of_rf_data(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-data", "a command is missing"},
        {"rf-data chek", "unknown command \"chek\", did you mean check"},
        {"rf-data train", "unknown command \"train\"; see rf-data --help"},
        {"rf-data check", "usage: rf-data check DIR|ANNOTATION"},
        {"rf-data check @/none", "@/none: no such file or folder"},
        {"rf-data check @/nothing", "no annotations found; looked for"},
        {"rf-data check " PICTURE, "is a picture; name the annotation file"},
        {"rf-data check @/set --format coco", "no annotation format is called \"coco\"; there are: auto, label"},
        {"rf-data show @/set", "--out DIR is missing"},
        {"rf-data show @/set --out @/t.txt", "'@/t.txt' is no folder"},
        {"rf-data synth", "--out DIR is missing"},
        {"rf-data synth --out @/y --train 0 --val 0", "nothing to draw; ask for one picture or more"},
        {"rf-data synth --out @/t.txt/y", "'@/t.txt' is no folder; choose another name"},
        {"rf-data check @/empty", "@/empty is empty; expected annotations"},
        {"rf-data check @/set --json @/none/x", "there is no folder '@/none'; make it, or choose another"},
        {"rf-data check @/set --json /dev/full", "No space left on device; make room there, or choose another place"},
        {"rf-data synth --out @/y --size 640", "--size 640: expected WIDTHxHEIGHT from 64 to 4096"},
        {"rf-data synth --out @/y --train -1", "--train -1: expected a whole number"},
        {"rf-data synth --out @/y --mesh @/none", "cannot open '@/none'"},
        {"rf-data convert @/set", "--out DIR is missing"},
        {"rf-data convert @/set --from cocoo --out @/y", "did you mean \"coco\"?"},
        {"rf-data convert @/none --from coco --out @/y", "@/none: no such file or folder"},
        {"rf-data convert @/set --from label --out @/set", "exists already; choose another --out or remove it"},
        {"rf-data convert @/nothing --from coco --out @/y", "@/nothing: no annotations found; looked for"},
        {"rf-data convert @/set --from label --out @/y --images @/set", "--root names the image folder"},
        {"rf-data mesh", "usage: rf-data mesh FILE.obj"},
        {"rf-data mesh @/none/x.obj", "there is no folder '@/none'"}};
    ALL(table);
    assert_false(rf_dir_exists(at("@/y")));
}

static void of_rf_bench(void **state) {
    (void)state;
    static const mistake table[] = {
        {"rf-bench", "a command is missing"},
        {"rf-bench steps", "did you mean step"},
        {"rf-bench step", "a model or a configuration is needed"},
        {"rf-bench step @/none.ini", "cannot open '@/none.ini'"},
        {"rf-bench step @/set", "@/set holds no model"},
        {"rf-bench step tests", "tests holds no model"},
        {"rf-bench step mnet052.ini", "did you mean \"mnet025\"?"},
        {"rf-bench step mnet052.ini --gpu 0", "unknown option --gpu: rf computes on the processor"},
        {"rf-bench infer " MODEL " --size 640", "--size 640: expected WIDTHxHEIGHT"},
        {"rf-bench step configs/mnet025.ini --iters 0", "--iters 0: expected a whole number from 1"},
        {"rf-bench eval " MODEL " --set data.root=@/none", "expected annotations in @/none/val/label.txt"}};
    ALL(table);
}

/* A choice of the environment is looked at like an option. */
static void of_the_environment(void **state) {
    (void)state;
    static const char *const commands[] = {"rf-train " ON_SET "--plan",
                                           DETECT,
                                           "rf-eval " MODEL " --data @/set",
                                           "rf-bench targets configs/mnet025.ini",
                                           "rf-data check @/set",
                                           "rf-export " MODEL " -o @/isa.onnx"};
    setenv("RF_ISA", "bogus", 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        refused(commands[i], "RF_ISA=bogus: expected avx512, avx2, generic or auto");
    succeeds("rf-train --help");
    setenv("RF_ISA", "generic", 1);
    succeeds("rf-train " ON_SET "--plan");
    unsetenv("RF_ISA");
}

/* "done" names what is there. */
static void only_what_exists_is_announced(void **state) {
    (void)state;
    succeeds("rf-train " ON_SET "--set model.channels=16 --set train.max_steps=1 --set data.val= -t 1 --out @/no_val");
    assert_null(strstr(programs_out, "best.safetensors"));
    succeeds("rf-train " ON_SET "--set model.channels=16 --set train.max_steps=1 --overfit -t 1 --out @/overfit");
    assert_int_equal(strstr(programs_out, "best.safetensors") != NULL,
                     rf_file_exists(at("@/overfit/best.safetensors")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_rf_detect),       cmocka_unit_test(of_rf_eval),
        cmocka_unit_test(of_rf_train),        cmocka_unit_test(of_rf_export),
        cmocka_unit_test(of_rf_data),         cmocka_unit_test(of_rf_bench),
        cmocka_unit_test(of_the_environment), cmocka_unit_test(only_what_exists_is_announced),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
