/* SPDX-License-Identifier: Apache-2.0 */
/* Completion of command lines in shells, from the tables of the programs and of the configuration's keys.
 *
 * What is completed after an option is read from what its value is called in the table: alternatives between "|", of
 * which words of small letters stand for themselves ("raw|anchors|faces"); DIR, ROOT and RUN stand for folders; FILE,
 * INI, PATH, WEIGHTS, CONFIG, IMAGE, VIDEO, RESULTS and words that begin so for files; MODEL for files, runs and the
 * models of rf's folders; SECTION.KEY=VALUE for keys. Nothing else has a completion. */
#ifndef RF_CLI_COMPLETION_H
#define RF_CLI_COMPLETION_H

#include "core/status.h"
#include "core/text.h"

/* The part that is written by hand, by shell (cli/completion.bash, cli/completion.zsh); ends with NULL names. */
typedef struct rf_completion_script {
    const char *name, *text;
} rf_completion_script;
extern const rf_completion_script rf_completion_scripts[];

/* The script for "bash" or "zsh"; RF_ERR_USER for another shell. `entry` is the program that holds all (rf_args_visit).
 */
rf_status rf_completion_text(const char *shell, int (*entry)(int argc, char **argv), rf_text *out);

#endif
