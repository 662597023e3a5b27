/* SPDX-License-Identifier: Apache-2.0 */
/* A test program whose loops over cases take long is two: test_NAME runs some of the cases, which `make check` waits
 * for, and test_slow_NAME, which defines SLOW and includes the same file, runs all others. Each case runs in one of the
 * two. */
#ifndef RF_TESTS_SLOW_H
#define RF_TESTS_SLOW_H

#include <stdbool.h>

/* quick: whether the case is one of those that test_NAME runs. */
static inline bool runs_here(bool quick) {
#ifdef SLOW
    return !quick;
#else
    return quick;
#endif
}

#endif
