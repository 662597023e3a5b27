/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that test_cexport leaves out (tests/slow.h). */
#define SLOW
#include "tests/test_cexport.c"
