/* SPDX-License-Identifier: Apache-2.0 */
/* The same test against the double-precision library. */
#include "tests/test_term_kinds.c"
