/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs print. Every %s (names, values, messages) is shown by core/show.h, so that nothing a file is called
 * can steer a terminal or forge a line; only the format's own text may have newlines. Nothing else in cli/ prints
 * (scripts/check_layers.sh). Not thread safe. */
#ifndef RF_CLI_SAY_H
#define RF_CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* Results and progress: on stdout, or on stderr once an output was asked to go to stdout. */
void rf_say(const char *fmt, ...) RF_PRINTF(1, 2);
/* Warnings, and what counts up on a terminal: on stderr. */
void rf_note(const char *fmt, ...) RF_PRINTF(1, 2);
/* A text of several lines that rf made itself, as it is; what others wrote must have been shown before. */
void rf_say_text(const char *text);
void rf_say_flush(void);
/* "12 of 40 images" on stderr when that is a terminal, written over the last one and ended at the total. */
void rf_note_progress(size_t done, size_t total, const char *what);

/* What counts up at the bottom of a terminal (stderr), below what is printed meanwhile: pictures done, of how many (0:
 * not known), the share of the work (negative: not known) and the seconds that it took, from which the rest is told. */
void rf_status_progress(size_t done, size_t total, double share, double seconds);
void rf_status_clear(void);

/* From now on stdout belongs to an output: rf_say goes to stderr. */
void rf_say_on_stderr(void);
/* Whether rf_say reaches a terminal, on which a line may be written over. */
bool rf_say_is_terminal(void);

#endif
