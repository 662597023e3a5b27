/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors exported as C source: they compile without a warning, find the faces that rf finds, allocate nothing after
 * rf_open, and refuse damaged weights and large pictures. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"
#include "export/c_net.h"
#include "layers/coder.h"
#include "tests/cexport_model.h"
#include "tests/ncnn_model.h"
#include "tests/programs.h"
#include "tests/slow.h"

#define STRICT "-std=c99 -Wall -Wextra -Wpedantic -Werror -I@/c @/c/retinaface.c tests/cexport/driver.c -lm"
#define PNGS "@/0.png @/1.png @/2.png @/3.png"
#define PPMS "@/ref/0.ppm @/ref/1.ppm @/ref/2.ppm @/ref/3.ppm"
#define REFINEFACE "model.preset=refineface", "model.backbone=resnet18", "model.fsm=no", "model.initialiser=fan_in"
#define COUNTED "-DCOUNT_ALLOCATIONS -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc"

/* A command of the shell with "@" replaced; what it prints is in programs_out. */
static int shell(const char *fmt, ...) {
    static char command[4096], line[8192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    snprintf(line, sizeof line, "{ %s; } >%s/shell.txt 2>&1", at(command), programs_dir);
    int status = system(line);
    read_text("@/shell.txt", programs_out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void runs(const char *command) {
    if (shell("%s", command) != 0) fail_msg("%s: %s", at(command), programs_out);
}

/* Noise in sizes that no stride divides; nothing repeats, so that no two scores are equal. */
static void draw(const char *path, int width, int height) {
    rf_image image;
    uint32_t noise = 1;
    assert_int_equal(rf_image_alloc(&image, width, height), RF_OK);
    for (int i = 0; i < width * height * 3; i++) {
        noise = noise * 1664525 + 1013904223;
        image.pixels[i] = (uint8_t)(noise >> 24);
    }
    assert_int_equal(rf_image_save(at(path), &image, 0), RF_OK);
    rf_image_free(&image);
}

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    draw("@/0.png", 97, 65);
    draw("@/1.png", 160, 120);
    draw("@/2.png", 3, 40);
    draw("@/3.png", 1, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void make_model(double factor, const char *const *sets, size_t n) {
    if (cexport_random_model(at("@/model.safetensors"), factor, sets, n) != RF_OK) fail_msg("%s", rf_error_message());
}

/* The files @/c/retinaface.* of the model, and what rf finds in the pictures. */
static void export_model(const char *score, const char *more) {
    char command[512];
    snprintf(command, sizeof command, "cexport-reference faces @/model.safetensors %s @/ref " PNGS, score);
    succeeds(command);
    assert_int_equal(rf_dir_make(at("@/c")), RF_OK);
    snprintf(command, sizeof command, "rf-export @/model.safetensors -o @/c/retinaface.c --score %s %s", score, more);
    succeeds(command);
}

static void compile(const char *compiler, const char *flags) {
    if (shell("%s %s %s -o @/driver", compiler, flags, STRICT) != 0 || *programs_out)
        fail_msg("%s %s: %s", compiler, flags, programs_out);
}

static void finds_the_same(const char *what, const char *weights) {
    if (shell("@/driver %s 160 120 " PPMS " >@/have.txt", weights) != 0) {
        read_text("@/have.txt", programs_out);
        fail_msg("%s: %.200s", what, programs_out);
    }
    if (run("cexport-reference compare @/ref/faces.txt @/have.txt") != 0) fail_msg("%s: %s", what, programs_out);
}

static bool have(const char *compiler) {
    if (shell("command -v %s", compiler) == 0) return true;
    printf("skip   %s is not installed\n", compiler);
    return false;
}

/* The source of embedded weights takes the kernels for AVX2 exactly where it has them and the processor can run them.
 */
static void chooses_kernels(const char *compiler, const char *flags, bool has_them) {
    const char *detector = "#include \"retinaface.c\"\nint main(void) { struct rf_detector *d; return rf_open(NULL, 9, "
                           "9, NULL, &d) ? 2 : d->wide; }\n";
    if (!have(compiler)) return;
    assert_int_equal(rf_file_write_atomic(at("@/c/wide.c"), detector, strlen(detector)), RF_OK);
    bool wide = has_them && shell("grep -q '^flags.* fma .* avx2 ' /proc/cpuinfo") == 0;
    if (shell("%s -std=c99 -O1 %s @/c/wide.c -o @/wide -lm && @/wide", compiler, flags) != wide)
        fail_msg("%s %s: %s", compiler, flags, programs_out);
}

static void compilers_agree(void **state) {
    (void)state;
    static const char *const builds[][2] = {
        {"gcc", "-O3 " COUNTED},
        {"gcc", "-O2 -DRF_PLAIN_C"},
        {"gcc", "-O1 -DRF_NO_CLONES"},
        {"gcc", "-O1 -static -Wconversion -Wshadow"},
        {"gcc", "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"},
        {"gcc", "-O3 -march=native -Wconversion -Wshadow"},
        {"clang", "-O3 " COUNTED},
        {"clang", "-O1 -DRF_NO_CLONES"},
        {"clang", "-O2 -march=native"},
    };
    make_model(8, NULL, 0);
    export_model("0.95", "--to c --input 120x160");
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        if (!runs_here(i == 2) || !have(builds[i][0])) continue;
        compile(builds[i][0], builds[i][1]);
        finds_the_same(builds[i][1], "@/c/retinaface.bin");
    }
    if (!runs_here(false)) return;
    runs("rm @/c/*");
    export_model("0.95", "--embed"); /* no weight file is written or read */
    assert_int_equal(count_files("@/c", ".bin"), 0);
    compile("gcc", "-O1");
    finds_the_same("--embed", "-");
#ifdef __x86_64__
    chooses_kernels("gcc", "", true);
    chooses_kernels("clang", "", true);
    chooses_kernels("gcc", "-march=x86-64-v3", false);
#endif
    chooses_kernels("gcc", "-DRF_NO_CLONES", false);
}

typedef struct network {
    double factor;
    const char *score, *sets[12], *without;
} network;

/* The generated source compiles without a warning, finds what rf finds and has nothing that it does not need. */
static void agrees(const network *n) {
    size_t sets = 0;
    while (sets < 12 && n->sets[sets]) sets++;
    make_model(n->factor, n->sets, sets);
    export_model(n->score, "");
    if (have("clang")) compile("clang", "-O0"); /* tells what nothing calls */
    compile("gcc", "-O2 " COUNTED);
    finds_the_same(n->sets[0], "@/c/retinaface.bin");
    if (shell("grep -q 'static void [a-z_]*%s[a-z_]*(' @/c/retinaface.c", n->without) == 0)
        fail_msg("%s: %s is not needed", n->sets[0], n->without);
}

/* Other networks, pyramids, heads and conventions; the kernels that they do not need are left out. */
static void networks_agree(void **state) {
    (void)state;
    static const network nets[] = {
        {8,
         "0.95",
         {"model.channels=20", "model.landmarks=no", "anchors.plus_one=yes", "eval.iou=0.3", "eval.clip=yes"},
         "max_pool"},
        {40,
         "0.9",
         {"model.context=none", "model.share_heads=yes", "anchors.aspect=1.25", "input.colour=rgb",
          "input.std=50,60,70"},
         "max_pool"},
        {8, "0.9", {"anchors.aspect=1,1.5", "anchors.rounding=base16", "model.context=none"}, "max_pool"},
        {12, "0.8", {"model.strides=8", "anchors.sizes=16,32,64", "model.context=none"}, "maxout"},
        {1, "0.7", {"model.backbone=mobilenetv2", "model.channels=24", "model.top_down=lateral"}, "max_pool"},
        {8, "0.9", {"model.context=rf", "eval.level_scores=0.95,1,0.91"}, "max_pool"},
        {8, "0.9", {"model.context=pyramidbox"}, "add_maps"},
        {8, "0.9", {"model.upsample=bilinear"}, "upsample_add"},
        {8, "0.9", {"model.maxout=both"}, "max_pool"},
        {8, "0.9", {"model.maxout=background", "cascade.stages=2", "cascade.body=predictions"}, "max_pool"},
        {0.3,
         "0.75",
         {"model.backbone=resnet18", "model.strides=4,8,16,32,64", "model.channels=32", "anchors.sizes=8,16,32,64,128",
          "eval.keep=100"},
         "depthwise"},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (runs_here(i < 2) && !(i && in_quick_loop())) agrees(&nets[i]);
    if (!runs_here(false)) return; /* the last of them is large */
    refused("rf-export @/model.safetensors -o @/c/retinaface.c --embed", "leave it out, the weights then come as a");
}

/* Faces with any number of points, and coders of a folder's own. */
static void points_and_coders_agree(void **state) {
    (void)state;
    static const network nets[] = {
        {8, "0.95", {"data.points=4", "data.flip_points=0-1,2-3"}, "max_pool"},
        {8, "0.95", {"data.points=68", "data.flip_points=none", "cascade.stages=2"}, "max_pool"},
        {8, "0.95", {"data.points=0", "model.landmarks=no"}, "max_pool"},
        {8, "0.9", {"data.classes=mask,no_mask,other"}, "max_pool"},
        {8, "0.9", {"data.classes=mask,no_mask", "eval.merge_classes=across", "cascade.stages=2"}, "max_pool"},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (runs_here(i == 0 || i == 3)) agrees(&nets[i]);
    for (int c = 0; c < rf_coder_count(); c++) {
        const rf_coder *coder = rf_coder_at(c);
        static const char *const known[] = {"delta", "delta_points"}; /* which all others have */
        char set[128];
        if (strcmp(coder->name, known[0]) == 0 || strcmp(coder->name, known[1]) == 0 || !runs_here(true)) continue;
        snprintf(set, sizeof set, "anchors.%s=%s", coder->boxes ? "box_coder" : "point_coder", coder->name);
        const network net = {8, "0.95", {set, "cascade.stages=2"}, "max_pool"};
        agrees(&net);
    }
}

/* Stages of heads that refine each other, and RefineFace's towers. */
static void stages_agree(void **state) {
    (void)state;
    static const network nets[] = {
        {8, "0.9", {"cascade.stages=2"}, "max_pool"},
        {8, "0.9", {"cascade.stages=3", "cascade.body=predictions", "cascade.landmarks=no"}, "bilinear_add"},
        {8, "0.9", {"cascade.stages=2", "cascade.body=context_features", "cascade.drop=0.6"}, "max_pool"},
        {8,
         "0.9",
         {"cascade.stages=2", "cascade.body=same", "cascade.strides_cls=8", "cascade.single=last"},
         "max_pool"},
        {8, "0.9", {REFINEFACE, "model.channels=32"}, "upsample_add"},
        {8, "0.9", {REFINEFACE, "model.channels=16", "cascade.drop=0.5"}, "upsample_add"},
        {8, "0.9", {REFINEFACE, "model.channels=16", "cascade.stages=1", "model.rfe=no"}, "add_maps"},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (runs_here(i == 0)) agrees(&nets[i]);
}

/* The towers of all levels and stages have one place in the array, whatever kernel reads it. */
static void shared_weights_are_stored_once(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    random_model m;
    rf_c_net net;
    size_t shared = 0, own = 0;
    random_model_make(&m, "[model]\npreset=refineface\nbackbone=resnet18\nchannels=32\nfsm=no\n");
    assert_int_equal(rf_c_net_make(&m.model, &(rf_export_options){.batch = 1}, &net), RF_OK);
    for (int i = 0; i < net.n_steps; i++) {
        const rf_c_step *s = &net.steps[i];
        bool first = true;
        if (s->layer->weight_id == RF_NONE) continue;
        for (int k = 0; k < i && first; k++) {
            if (net.steps[k].layer->weight_id != s->layer->weight_id) continue;
            assert_int_equal(net.steps[k].weights, s->weights);
            first = false;
        }
        shared += !first;
        if (first) own += rf_export_weight_count(s->layer);
    }
    assert_int_equal(shared, 2 * 16 * 8); /* each tower reads nine maps with sixteen convolutions */
    assert_true(net.weights < 2 * own);   /* Winograd's are 16/9 as many */
    rf_c_net_free(&net);
    random_model_free(&m);
}

/* rf_open or rf_detect ends with `code`. */
static void fails(const char *arguments, const char *code) {
    assert_int_equal(shell("@/driver %s", arguments), 1);
    if (strncmp(programs_out, code, strlen(code)) != 0) fail_msg("%s: %s, not %s", arguments, programs_out, code);
}

static void with_weights(const uint8_t *data, size_t bytes, const char *code) {
    assert_int_equal(rf_file_write_atomic(at("@/bad.bin"), data, bytes), RF_OK);
    fails("@/bad.bin 160 120 @/ref/0.ppm", code);
}

static void damage_and_sizes_are_refused(void **state) {
    (void)state;
    if (!runs_here(true) || in_quick_loop()) return;
    uint8_t *data;
    size_t bytes;
    make_model(8, NULL, 0);
    export_model("0.95", "");
    compile("gcc", "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all");
    assert_int_equal(rf_file_read(at("@/c/retinaface.bin"), 0, &data, &bytes), RF_OK);
    const size_t places[] = {0, 7, 8, 12, 16, 20, 24, bytes / 2, bytes - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        data[places[i]] ^= 0x40;
        with_weights(data, bytes, "rf_open -2");
        data[places[i]] ^= 0x40;
    }
    const size_t sizes[] = {0, 23, 24, bytes / 2, bytes - 1, bytes + 1}; /* one 0 byte follows what was read */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) with_weights(data, sizes[i], "rf_open -2");
    rf_free(data);
    fails("@/none.bin 160 120 @/ref/0.ppm", "rf_open -1");
    fails("- 160 120 @/ref/0.ppm", "rf_open -1");
    fails("@/c/retinaface.bin 0 120 @/ref/0.ppm", "rf_open -4");
    fails("@/c/retinaface.bin 160 16385 @/ref/0.ppm", "rf_open -4");
    fails("@/c/retinaface.bin 159 120 @/ref/1.ppm", "rf_detect -4");
    fails("@/c/retinaface.bin 160 119 @/ref/1.ppm", "rf_detect -4");
    finds_the_same("after all that", "@/c/retinaface.bin");
}

/* The caller's memory alone: nothing of the system's is asked for, with embedded weights no file either. */
static void without_the_systems_memory(void **state) {
    (void)state;
    if (!runs_here(false)) return;
    make_model(8, NULL, 0);
    assert_int_equal(rf_dir_make(at("@/bare")), RF_OK);
    succeeds("rf-export @/model.safetensors -o @/bare/door.c --prefix door --score 0.9 --embed");
    runs("cd @/bare && for o in 1 3; do gcc -std=c99 -O$o -Wall -Wextra -Werror -DRF_NO_MALLOC -c door.c && "
         "! nm -u door.o | grep -E ' (malloc|calloc|realloc|free|fopen|fread|exit|abort|printf)$' || exit 1; done");
    runs("{ echo '#include \"door.h\"'; echo '#include <stdio.h>'; echo 'static char block[40000000]; static unsigned "
         "char rgb[160*120*3];';"
         "echo 'int main(void) { struct door_detector *d; if (door_memory(160, 120) > sizeof block) return 3;';"
         "echo 'if (door_open(NULL, 160, 120, NULL, &d) != DOOR_ERR_MEMORY || d) return 4;';"
         "echo 'if (door_open(NULL, 160, 120, block, &d)) return 5;'; echo ' int n = door_detect(d, rgb, 160, 120, "
         "NULL, 0);';"
         "echo 'door_close(d); return n != 0; }'; } >@/bare/main.c && cd @/bare && gcc -std=c99 -Wall -Werror "
         "-DRF_NO_MALLOC "
         "main.c door.c -lm -o bare && ./bare");
}

/* Names of one's own: one program, two models, four threads. */
static void two_models_in_one_program(void **state) {
    (void)state;
    static const char *const more[] = {"model.channels=24"};
    static const char *const flags[] = {"-O1 -fsanitize=thread",
                                        "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all"};
    if (!runs_here(false)) return;
    assert_int_equal(rf_dir_make(at("@/two")), RF_OK);
    make_model(8, NULL, 0);
    export_model("0.95", ""); /* the pictures as .ppm */
    succeeds("rf-export @/model.safetensors -o @/two/door.c --prefix door --score 0.9");
    succeeds(
        "rf-export @/model.safetensors -o @/two/ring.c --prefix ring"); /* no name inside begins so and ends as ours */
    runs("cd @/two && gcc -std=c99 -O0 -Wall -Werror -c ring.c");
    make_model(8, more, 1);
    succeeds("rf-export @/model.safetensors -o @/two/gate.c --prefix gate --embed --score 0.9");
    runs("cd @/two && for c in door gate; do gcc -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror -c $c.c && "
         "! nm -g --defined-only $c.o | grep -v \" ${c}_\" && ! grep -n 'rf_[a-z]\\|RF_ERR' $c.h; done");
    if (have("g++"))
        runs("for h in door gate door; do echo \"#include \\\"$h.h\\\"\"; done >@/two/both.cpp && "
             "g++ -Wall -Wextra -Wpedantic -Werror -c @/two/both.cpp -o @/two/both.o");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (shell("gcc -std=gnu99 %s -Wall -Wextra -Werror -pthread -I@/two @/two/door.c @/two/gate.c "
                  "tests/cexport/two.c "
                  "-o @/two/two -lm && @/two/two @/two/door.bin 160 120 " PPMS,
                  flags[i]) != 0)
            fail_msg("%s: %s", flags[i], programs_out);
        assert_non_null(strstr(programs_out, " faces, 0 differences"));
    }
    refused("rf-export @/model.safetensors -o @/x.c --prefix 9lives", "expected the beginning of a C name");
    refused("rf-export @/model.safetensors -o @/x.c --prefix a-b", "expected the beginning of a C name");
    refused("rf-export @/model.safetensors -o @/x.onnx --prefix door", "is of the names in C sources; onnx has none");
    assert_int_equal(count_files("@", "x."), 0);
}

static void options_that_c_does_not_have(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    make_model(8, NULL, 0);
    refused("rf-export @/model.safetensors -o @/x.c --fp16", "leave --fp16 out");
    refused("rf-export @/model.safetensors -o @/x.c --batch 2", "one picture at a time");
    refused("rf-export @/model.safetensors -o @/x.c --outputs anchors", "leave --outputs anchors out");
    refused("rf-export @/model.safetensors -o @/x.c --opset 13", "--opset belongs to ONNX");
    refused("rf-export @/model.safetensors -o @/a\"b.c", "cannot include a header of that name");
    assert_int_equal(count_files("@", "x."), 0);
}

/* Other processors, and the example of the manual. */
static void script_agrees(void **state) {
    (void)state;
    if (!runs_here(false)) return;
    int code = shell("B=$P sh scripts/check_c.sh --quick");
    printf("%s", programs_out);
    assert_int_equal(code, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compilers_agree),
        cmocka_unit_test(networks_agree),
        cmocka_unit_test(stages_agree),
        cmocka_unit_test(points_and_coders_agree),
        cmocka_unit_test(shared_weights_are_stored_once),
        cmocka_unit_test(damage_and_sizes_are_refused),
        cmocka_unit_test(two_models_in_one_program),
        cmocka_unit_test(without_the_systems_memory),
        cmocka_unit_test(options_that_c_does_not_have),
        cmocka_unit_test(script_agrees),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
