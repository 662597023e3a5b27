/* SPDX-License-Identifier: Apache-2.0 */
/* rf-bench: how fast everything is, against what this machine can do. */
#include "cli/bench.h"
#include "cli/programs.h"

int rf_bench_main(int argc, char **argv) {
    static const rf_command commands[] = {
        {"step", "a training step: forward, backward, update", rf_bench_step},
        {"ops", "a training step, op by op, against the machine's peak", rf_bench_ops},
        {"infer", "the network on one image, and what follows it", rf_bench_infer},
        {"targets", "anchors to faces, hard negatives, suppression", rf_bench_targets},
        {"eval", "pictures to faces: JPEG, network, decoding, merge", rf_bench_eval},
        {"load", "training batches: decoding and augmentation", rf_bench_load},
        {"scale", "cost against images, anchors and faces, drawn", rf_bench_scale},
        {"info", "what a bug report should say about build and machine", rf_bench_info},
        {0}};
    static const rf_program program = {
        "rf-bench",
        "measure speed and memory",
        "COMMAND [MODEL|CONFIG.ini] [options]",
        "  Medians over --iters repetitions after one to warm up. Nothing else should run meanwhile. RF_ISA=avx2 or\n"
        "  generic chooses other kernels than the best that the processor has.",
        NULL,
        "  rf-bench step configs/mnet025.ini --batch 8 --size 640x640\n"
        "  rf-bench ops configs/r50.ini --batch 2 --profile profile\n"
        "  rf-bench infer runs/mnet/best.safetensors --size 1024x768 --json infer.json",
        NULL,
        0,
        0};
    return rf_commands_run(&program, commands, argc, argv);
}
