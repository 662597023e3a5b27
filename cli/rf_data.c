/* SPDX-License-Identifier: Apache-2.0 */
/* rf-data: make, check and look at data sets. */
#include "cli/args.h"
#include "cli/data_commands.h"
#include "cli/programs.h"

int rf_data_main(int argc, char **argv) {
    static const rf_command commands[] = {
        {"synth", "draw a synthetic face data set", rf_data_synth},
        {"mesh", "write a face mesh for synth --mesh", rf_data_mesh},
        {"check", "find faults in a data set before training does", rf_data_check},
        {"show", "draw the annotations of a data set into its pictures", rf_data_show},
        {"convert", "make a data set of COCO, VOC, YOLO, FDDB, CSV or WIDER annotations", rf_data_convert},
        {0}};
    static const rf_program program = {
        "rf-data",
        "make, check and look at face data sets",
        "COMMAND [options]",
        "  Reads RetinaFace's label.txt and WIDER FACE's wider_face_*_bbx_gt.txt; convert reads more.",
        NULL,
        "  rf-data synth --out synth --train 800 --val 200\n"
        "  rf-data check synth\n"
        "  rf-data show synth --out look --limit 10\n"
        "  rf-data convert annotations.json --from coco --root photos --split 0.1 --out mine",
        NULL,
        0,
        0};
    return rf_commands_run(&program, commands, argc, argv);
}
