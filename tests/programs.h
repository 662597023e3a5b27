/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the built programs, which stand in the folder above the test program's. Every failure fails the cmocka test. In
 * commands and paths "@" stands for a folder of the test's own; words of a command are separated by single blanks. */
#ifndef RF_TESTS_PROGRAMS_H
#define RF_TESTS_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROGRAMS_TEXT = 1 << 20 };
extern char programs_dir[], programs_out[PROGRAMS_TEXT], programs_err[PROGRAMS_TEXT]; /* what the last one printed */
extern const char *programs_stdout;  /* where stdout goes, "@/stdout.txt"; only what begins with @ is read back */
extern size_t programs_memory_limit; /* bytes of address space, 0: any */
extern size_t programs_file_limit;   /* bytes a file may have, 0: any; what is more fails as on a full disk */

/* Also sets $P to the folder of the programs, for commands of the shell. */
void programs_set_up(void);
int programs_tear_down(void);

/* The path with "@" replaced; eight results may be in use at once. */
const char *at(const char *path);
void read_text(const char *path, char text[PROGRAMS_TEXT]);
bool same_bytes(const char *path, const char *other);
/* Files below a folder whose name contains `part`. */
size_t count_files(const char *path, const char *part);

/* finish returns the exit code, or 1000 + signal. */
pid_t start(const char *command);
int finish(pid_t pid);
int run(const char *command);
void succeeds(const char *command);
/* Exit code 2 and one line on stderr with these words in it. */
void refused(const char *command, const char *words);
/* Until the running program has printed these words to @/stdout.txt. */
void wait_for(const char *words);
void wait_milliseconds(long n);

#endif
