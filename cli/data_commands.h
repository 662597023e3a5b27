/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of rf-data. argv[0] is the command's name; each returns the program's exit code. */
#ifndef RF_CLI_DATA_COMMANDS_H
#define RF_CLI_DATA_COMMANDS_H

/* What is told of --exif. */
#define RF_EXIF_DOC                                                                                                    \
    "yes: boxes belong to pictures turned by their EXIF orientation; no: to pictures\n"                                \
    "as they are stored; auto: as LABEL.set.ini beside the annotations says, else no (auto)"

int rf_data_synth(int argc, char **argv);
int rf_data_mesh(int argc, char **argv);
int rf_data_check(int argc, char **argv);
int rf_data_show(int argc, char **argv);
int rf_data_convert(int argc, char **argv);

#endif
