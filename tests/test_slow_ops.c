/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that test_ops leaves out (tests/slow.h). */
#define SLOW
#include "tests/test_ops.c"
