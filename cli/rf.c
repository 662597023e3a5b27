/* SPDX-License-Identifier: Apache-2.0 */
/* rf: the front door. One file holds every program; what it is called by, rf or rf-train, says which one runs. */
#include <string.h>

#include "cli/args.h"
#include "cli/programs.h"
#include "core/file.h"
#include "core/plugin.h"

static const rf_command commands[] = {
    {"detect", "find faces in pictures", rf_detect_main},
    {"train", "train a face detector", rf_train_main},
    {"eval", "average precision of a detector", rf_eval_main},
    {"export", "write a model in other runtimes' formats", rf_export_main},
    {"data", "make, check and look at face data sets", rf_data_main},
    {"bench", "measure speed and memory", rf_bench_main},
    {"help", "manuals, manual pages and completion", rf_help_main},
    {0},
};

int rf_front_main(int argc, char **argv) {
    static const rf_program program = {"rf",
                                       "train, evaluate and run face detectors on CPUs",
                                       "COMMAND [arguments]",
                                       "  Each command is also a program: rf train is rf-train.",
                                       NULL,
                                       "  rf train mnet025 --data DIR --out runs/mine\n"
                                       "  rf eval runs/mine --data DIR\n"
                                       "  rf detect --model runs/mine photos --out found",
                                       NULL,
                                       0,
                                       0};
    rf_status status = rf_plugin_start();
    if (status != RF_OK) return rf_cli_fail("rf", status);
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *called = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    for (const rf_command *c = commands; c->name; c++)
        if (strncmp(called, "rf-", 3) == 0 && strcmp(called + 3, c->name) == 0) return c->fn(argc, argv);
    char *help[] = {argv[0], "--help", NULL};
    if (argc == 1) return rf_commands_run(&program, commands, 2, help);
    if (*argv[1] != '-' && rf_file_exists(argv[1])) /* a command of that name would have been meant */
        for (const rf_command *c = commands; !c->name || strcmp(c->name, argv[1]) != 0; c++)
            if (!c->name) return rf_cli_usage("rf", "%s is no command; to find faces: rf detect %s", argv[1], argv[1]);
    return rf_commands_run(&program, commands, argc, argv);
}
