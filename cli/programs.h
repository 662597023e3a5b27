/* SPDX-License-Identifier: Apache-2.0 */
/* The programs: commands of rf, and each one also under its own name (rf-train is a link to rf). argv[0] is anything;
 * each returns the exit code. */
#ifndef RF_CLI_PROGRAMS_H
#define RF_CLI_PROGRAMS_H

/* rf itself: the commands below. */
int rf_front_main(int argc, char **argv);

int rf_train_main(int argc, char **argv);
int rf_eval_main(int argc, char **argv);
int rf_detect_main(int argc, char **argv);
int rf_export_main(int argc, char **argv);
int rf_data_main(int argc, char **argv);
int rf_bench_main(int argc, char **argv);
/* Only as a command. */
int rf_help_main(int argc, char **argv);

#endif
