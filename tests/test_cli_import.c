/* SPDX-License-Identifier: Apache-2.0 */
/* Weight files of other programs through the programs: one network as .pth, .params and safetensors finds the same
 * faces, and every load says what it filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "tests/mxnet_fixtures.h"
#include "tests/programs.h"

#define out programs_out
#define err programs_err
#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini --set data.root=@/set --set input.size=64 --set train.batch=4 "                      \
    "--set schedule.epochs=100000 --set train.max_steps=1 -t 1 "
#define PICTURES "@/set/val/images/0--Synth"

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    succeeds("rf-data synth --out @/set --train 4 --val 2 --size 96x96 --min-face 16 --max-faces 3 --seed 5");
    succeeds(TRAIN "--out @/model");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static void a_model_goes_to_pytorch_and_back(void **state) {
    (void)state;
    succeeds("rf-export @/model/last.safetensors -o @/direct.safetensors");
    succeeds("rf-export @/model/last.safetensors -o @/model.pth");
    assert_non_null(strstr(out, "pth, read back and compared"));
    succeeds("rf-export @/model.pth --to safetensors -o @/back.safetensors");
    assert_true(same_bytes("@/direct.safetensors", "@/back.safetensors")); /* the configuration as well */
    succeeds("rf-detect @/model/last.safetensors " PICTURES " --score 0.01 --json @/a.json");
    succeeds("rf-detect @/model.pth " PICTURES " --score 0.01 --json @/b.json");
    assert_true(same_bytes("@/a.json", "@/b.json"));
    succeeds("rf-eval @/model.pth --data @/set");
    refused("rf-export @/model.pth --fp16 -o @/half.pth", "a state_dict holds single precision");
    assert_false(rf_file_exists(at("@/half.pth")));
}

static void a_start_from_weights_is_told(void **state) {
    (void)state;
    succeeds(TRAIN "--init @/model/last.safetensors --out @/again");
    assert_non_null(strstr(out, "/last.safetensors: 253 of the network's 253 arrays filled, 0 missing, "));
    succeeds(TRAIN
             "--set model.share_heads=yes --set model.landmarks=no --init @/model/last.safetensors --out @/other");
    assert_non_null(strstr(out, "239 of the network's 239 arrays filled, 0 missing, "));
    assert_non_null(strstr(out, "of the file left over ("));
    succeeds(TRAIN "--set model.strides=8,16 --set anchors.sizes=16,32,64,128 --init @/model/last.safetensors "
                   "--set model.share_heads=no --out @/two");
    assert_non_null(strstr(out, ", 0 missing, "));
    refused(TRAIN "--set model.channels=32 --init @/model/last.safetensors --out @/no",
            "but the network's fpn.output1.0");
    assert_false(rf_dir_exists(at("@/no")));
    refused("rf-detect @/model/last.safetensors " PICTURES " --set model.strides=8,16,32,64 "
            "--set anchors.sizes=16,32,64,128,256,512,600,700",
            "is not a model of this configuration: 253 of the network's ");
    assert_non_null(strstr(err, "missing (fpn.extra1.0.weight, "));
}

static void insightface_weights_need_no_configuration(void **state) {
    (void)state;
    rf_st_tensor *tensors;
    size_t count;
    rf_text text = {0};
    mxnet_network(MXNET_MNET, &tensors, &count);
    mxnet_file(tensors, count, 2, &text);
    assert_int_equal(rf_file_write_atomic(at("@/mnet.params"), text.text, text.used), RF_OK);
    succeeds("rf-export @/mnet.params -o @/mnet.safetensors");
    succeeds("rf-detect @/mnet.params " PICTURES " --json @/a.json");
    assert_string_equal(err, "");
    succeeds("rf-detect @/mnet.safetensors " PICTURES " --json @/b.json");
    assert_true(same_bytes("@/a.json", "@/b.json"));
    succeeds(TRAIN "--init @/mnet.params --out @/warm");
    assert_non_null(strstr(out,
                           "mnet.params: 253 of the network's 253 arrays filled, 0 missing, 0 of the file left over, "
                           "20 biases subtracted from running means"));
    text.used -= 40; /* the names are cut */
    assert_int_equal(rf_file_write_atomic(at("@/cut.params"), text.text, text.used), RF_OK);
    refused("rf-detect @/cut.params " PICTURES, "damaged MXNet file at byte");
    rf_text_clear(&text);
    mxnet_network_free(tensors, count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_goes_to_pytorch_and_back),
        cmocka_unit_test(a_start_from_weights_is_told),
        cmocka_unit_test(insightface_weights_need_no_configuration),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
