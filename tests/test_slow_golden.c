/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that test_golden leaves out (tests/slow.h). */
#define SLOW
#include "tests/test_golden.c"
