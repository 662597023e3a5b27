/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that test_onnx leaves out (tests/slow.h). */
#define SLOW
#include "tests/test_onnx.c"
