/* SPDX-License-Identifier: Apache-2.0 */
/* What this build is, for --version and bug reports. */
#ifndef RF_CLI_VERSION_H
#define RF_CLI_VERSION_H

#include "core/text.h"

/* Of the source tree, as `git describe --always --dirty` had it at the last build or a source package brought it along;
 * "" when neither is there. */
extern const char rf_commit[];
extern const char rf_commit_date[]; /* its day, "2026-11-28", or "" */
extern const char rf_compiler[];    /* "gcc 12.2.0" */
extern const char rf_variant[];     /* "release", make's V */
extern const char rf_machine[];     /* "x86_64" */

/* "avx512 avx2 generic": the instruction sets that the kernels were compiled for, the best one first. */
void rf_version_isas(rf_text *out);

/* What --version prints: name and version on the first line, then commit, compiler, instruction sets and threads. */
void rf_version_text(const char *program, rf_text *out);

#endif
