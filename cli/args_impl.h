/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser of options and its hints share. */
#ifndef RF_CLI_ARGS_IMPL_H
#define RF_CLI_ARGS_IMPL_H

#include "cli/args.h"

/* The most rows that a program's table has. */
enum { RF_OPTIONS_MAX = 64 };

size_t rf_args_count(const rf_program *program);
/* The option of a long name of so many letters; NULL: there is none. */
const rf_option *rf_args_find(const rf_program *program, const char *name, size_t length);
/* Prints the sentence for a word that is no option, with what is nearest to it. Gives false. */
bool rf_args_unknown(const rf_program *program, const char *word);

#endif
