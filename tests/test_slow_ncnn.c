/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that test_ncnn leaves out (tests/slow.h). */
#define SLOW
#include "tests/test_ncnn.c"
