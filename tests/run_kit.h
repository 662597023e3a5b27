/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of rf-train's folders share: a tiny training on the set @/set, and looks at what it left. Every failure
 * fails the cmocka test. */
#ifndef RF_TESTS_RUN_KIT_H
#define RF_TESTS_RUN_KIT_H

#include "tests/programs.h"

#define TRAIN                                                                                                          \
    "rf-train configs/mnet025.ini -t 1 --set input.size=64 --set train.batch=4 --set model.channels=16 "               \
    "--set train.log_every=1 --set schedule.epochs=100000 "
#define ON_SET "--set data.root=@/set "

#define out programs_out
#define err programs_err

#define STEPS "--set train.max_steps="
#define EVAL "--set train.eval_every=1 "

extern char log_text[PROGRAMS_TEXT]; /* the file that was looked at last */

/* A synthetic set of so many training and four validation pictures. */
void make_set(const char *folder, int train);
void write_text(const char *path, const char *text);
void copy(const char *from, const char *to);
/* A text or a file holds these words, or does not; "@" in them is the test's folder. */
void has(const char *text, const char *words);
void lacks(const char *text, const char *words);
void file_has(const char *path, const char *words);
void file_lacks(const char *path, const char *words);
/* The exit code of a command. */
void ends_with(const char *command, int code);
/* What the metadata of FOLDER/last.safetensors say. */
void saved(const char *folder, const char *key, const char *expected);

#endif
