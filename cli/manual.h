/* SPDX-License-Identifier: Apache-2.0 */
/* The manual of a program from its tables: as --help prints it, and as a page for man. */
#ifndef RF_CLI_MANUAL_H
#define RF_CLI_MANUAL_H

#include "cli/args.h"
#include "core/text.h"

/* commands: NULL for a program without. Both append to `out`; a lack of memory shows when that is finished. */
void rf_manual_help(const rf_program *program, const rf_command *commands, rf_text *out);
/* In the man macros of troff. `date` as YYYY-MM-DD, or "". */
void rf_manual_page(const rf_program *program, const rf_command *commands, const char *date, rf_text *out);

#endif
