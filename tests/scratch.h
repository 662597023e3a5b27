/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of the test program's own, for cmocka's set-up and tear-down of a group. */
#ifndef RF_TESTS_SCRATCH_H
#define RF_TESTS_SCRATCH_H

#include <stdbool.h>

extern char scratch[64];

int scratch_make(void **state);
/* Removes the folder with all that is in it. */
int scratch_remove(void **state);
/* A path below the folder; eight results may be in use at once. */
const char *scratch_path(const char *name);
/* Removes a file or folder below it. */
void scratch_clear(const char *name);
/* Whether this program's times mean something: not when an emulator runs it (RF_RUNNER, scripts/check_cross.sh). */
bool scratch_timed(void);

#endif
