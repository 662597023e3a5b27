/* SPDX-License-Identifier: Apache-2.0 */
/* The same checks in double precision, where a wrong formula cannot hide behind rounding. */
#include "tests/test_detector_golden.c"
