/* SPDX-License-Identifier: Apache-2.0 */
/* The front door: models and configurations by name, settings as options, terms that go with weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "tests/programs.h"

#define out programs_out
#define err programs_err
#define SMALL "--input.size 64 --batch 4 --epochs 100000 --train.max_steps=1 --set data.val= -t 1 "
#define TERMS "WIDER_FACE:*/research_only"

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    setenv("XDG_STATE_HOME", at("@/state"), 1);
    unsetenv("RF_MODELS");
    unsetenv("RF_CONFIGS");
    succeeds("rf data synth --out @/set --train 4 --val 2 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds("rf train mnet025 --data @/set --out @/run --data.terms " TERMS " " SMALL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void copy(const char *from, const char *to) {
    uint8_t *text;
    size_t bytes;
    assert_int_equal(rf_file_read(at(from), 0, &text, &bytes), RF_OK);
    assert_int_equal(rf_file_write_atomic(at(to), text, bytes), RF_OK);
    rf_free(text);
}

static void models_have_names(void **state) {
    (void)state;
    mkdir(at("@/zoo"), 0777);
    copy("@/run/last.safetensors", "@/zoo/tiny.safetensors");
    char list[256];
    snprintf(list, sizeof list, "%s::%s", at("@/none"), at("@/zoo"));
    setenv("RF_MODELS", list, 1);
    static const char *const words[] = {
        "@/run", "@/run/last.safetensors", "--model tiny", "--model=tiny.safetensors", "tiny", "-m @/run"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char command[256];
        snprintf(command, sizeof command, "rf eval %s --data @/set", words[i]);
        succeeds(command);
        snprintf(command, sizeof command, "rf export %s -o @/x%zu.safetensors", words[i], i);
        succeeds(command);
        snprintf(command, sizeof command, "@/x%zu.safetensors", i);
        assert_true(same_bytes("@/x0.safetensors", command));
    }
    succeeds("rf detect tiny @/set/val/images --json @/a.json");
    succeeds("rf detect @/set/val/images -m @/run --json @/b.json");
    assert_true(same_bytes("@/a.json", "@/b.json"));
    copy("@/run/last.safetensors", "@/zoo/face.safetensors"); /* before any model that is installed */
    succeeds("rf detect @/set/val/images --json @/b.json");
    assert_true(same_bytes("@/a.json", "@/b.json"));
    succeeds("rf bench infer tiny --iters 1 --size 64x64 -t 1");
    succeeds("rf train mnet025 --data @/set --init tiny --plan");
    refused("rf eval tiyn --data @/set", "there is no model \"tiyn\", did you mean \"tiny\"?");
    refused("rf eval nothing --data @/set", "looked for nothing.safetensors in ., ");
    refused("rf eval @/run --data @/set --json @/run/last.safetensors", "model");
    refused("rf eval tiny --model tiny --data @/set", "two models: ");
    refused("rf eval @/set --data @/set", "holds no model: expected best.safetensors or last.safetensors");
    unsetenv("RF_MODELS");
    refused("rf eval tiny --data @/set", "there is no model \"tiny\"");
}

static void configurations_have_names(void **state) {
    (void)state;
    succeeds("rf train --list");
    assert_non_null(strstr(out, "\nmnet025 "));
    assert_non_null(strstr(out, " 0.43 M"));
    assert_non_null(strstr(out, "AP 0.924 0.897 0.807"));
    mkdir(at("@/mine"), 0777);
    copy("@/run/config.ini", "@/mine/own.ini");
    setenv("RF_CONFIGS", at("@/mine"), 1);
    succeeds("rf train own --plan");
    succeeds("rf train --list");
    assert_non_null(strstr(out, "\nown "));
    unsetenv("RF_CONFIGS");
    refused("rf train mnet25 --plan", "there is no configuration \"mnet25\", did you mean \"mnet025\"?");
    succeeds("rf train --data @/set --plan");
    assert_non_null(strstr(out, "no configuration is named, so it is mnet025_short"));
    refused("rf train", "a configuration is needed");
}

/* Short options, any key, and the old way are one. */
static void settings_are_options(void **state) {
    (void)state;
    static const char *const ways[] = {
        "--batch 3 --lr 0.5 --size 96 --epochs 7 -d @/set --augment.flip=0",
        "--train.batch 3 --optim.lr=0.5 --input.size 96 --schedule.epochs 7 --data.root @/set --augment.flip 0",
        "--set train.batch=3 --set optim.lr=0.5 --set input.size=96 --set schedule.epochs=7 --set data.root=@/set "
        "--set "
        "augment.flip=0"};
    char first[4096] = "", command[512];
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "rf train mnet025 %s --train.max_steps 1 -t 1 --out @/way", ways[i]);
        succeeds(command);
        static char text[PROGRAMS_TEXT];
        read_text("@/way/config.ini", text);
        assert_non_null(strstr(text, "batch = 3"));
        if (i == 0) snprintf(first, sizeof first, "%.4000s", text);
        assert_int_equal(strncmp(first, text, 4000), 0);
        assert_int_equal(run("rf data check @/way"), 2); /* a run is no data set */
        snprintf(command, sizeof command, "%s", at("@/way"));
        rename(command, at(i == 0 ? "@/way0" : i == 1 ? "@/way1" : "@/way2"));
    }
    refused("rf train mnet025 --batch ten --data @/set", "train.batch");
    refused("rf train mnet025 --train.bath 3 --data @/set", "did you mean");
    refused("rf train mnet025 --crop_mni 3 --data @/set", "did you mean --augment.crop_min VALUE");
    refused("rf train mnet025 --weight-decay 3 --data @/set", "--optim.weight_decay VALUE");
    refused("rf train mnet025 --train.batch", "--train.batch needs a value");
    refused("rf data check @/set --train.batch 3", "unknown option --train.batch");
}

/* What pictures ask for goes from run to run and into exports, and is said once. */
static void terms_go_along(void **state) {
    (void)state;
    succeeds("rf eval @/run --data @/set");
    succeeds("rf eval @/run --data @/set");
    assert_string_equal(err, "");
    setenv("XDG_STATE_HOME", at("@/fresh"), 1);
    succeeds("rf eval @/run --data @/set");
    assert_non_null(strstr(err, "was trained on pictures with terms: " TERMS));
    succeeds("rf eval @/run --data @/set");
    assert_string_equal(err, "");
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1); /* cannot be remembered: said again, and no failure */
    succeeds("rf eval @/run --data @/set");
    assert_non_null(strstr(err, TERMS));
    setenv("XDG_STATE_HOME", at("@/fresh"), 1);
    static char text[PROGRAMS_TEXT];
    succeeds("rf train mnet025 --data @/set --init @/run --data.terms mine --out @/next " SMALL);
    read_text("@/next/config.ini", text);
    assert_non_null(strstr(text, "terms = mine; " TERMS));
    succeeds("rf train mnet025 --data @/set --resume --out @/next " SMALL "--train.max_steps 2");
    read_text("@/next/config.ini", text);
    assert_non_null(strstr(text, "terms = mine; " TERMS));
    succeeds("rf export @/next -o @/t.c --input 64x64");
    read_text("@/t.c.json", text);
    assert_non_null(strstr(text, "\"terms\""));
    read_text("@/t.c", text);
    assert_non_null(strstr(text, "Terms of the pictures that it was trained on: mine; WIDER_FACE:* /research_only"));
    refused("rf train mnet025 --data @/set --init @/run --out @/no --data.terms "
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789 " SMALL,
            "are longer than 255 letters together");
}

static void the_door_opens(void **state) {
    (void)state;
    succeeds("rf");
    assert_non_null(strstr(out, "rf train mnet025 --data DIR"));
    succeeds("rf help train");
    refused("rf README.md", "README.md is no command; to find faces: rf detect README.md");
    refused("rf detct", "unknown command \"detct\", did you mean detect");
}

/* models/face: small, whole, and with its terms. */
static void a_model_is_in_the_box(void **state) {
    (void)state;
    struct stat info;
    static char card[PROGRAMS_TEXT], crc[32];
    uint8_t *bytes;
    size_t n;
    assert_int_equal(stat("models/face.safetensors", &info), 0);
    assert_in_range(info.st_size, 100000, 2 << 20);
    assert_int_equal(rf_file_read("models/face.safetensors", 0, &bytes, &n), RF_OK);
    snprintf(crc, sizeof crc, "%08x", rf_crc32(0, bytes, n));
    rf_free(bytes);
    read_text("models/face.safetensors.json", card);
    assert_non_null(strstr(card, crc));
    assert_non_null(strstr(card, "\"terms\""));
    setenv("XDG_STATE_HOME", at("@/box"), 1);
    succeeds("rf detect @/set/val/images --json @/faces.json --out @/drawn");
    assert_non_null(strstr(err, "models/face.safetensors was trained on pictures with terms: "));
    assert_int_equal(count_files("@/drawn", ".jpg"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_door_opens),
        cmocka_unit_test(models_have_names),
        cmocka_unit_test(configurations_have_names),
        cmocka_unit_test(settings_are_options),
        cmocka_unit_test(terms_go_along),
        cmocka_unit_test(a_model_is_in_the_box),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
