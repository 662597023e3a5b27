/* SPDX-License-Identifier: Apache-2.0 */
/* A test program whose loops over cases take long is two: test_NAME runs some of the cases, which `make check` waits
 * for, and test_slow_NAME, which defines SLOW and includes the same file, runs all others. Each case runs in one of the
 * two. A single case that takes a second or more asks in_quick_loop instead: `make check` passes it by, everything else
 * runs it. */
#ifndef RF_TESTS_SLOW_H
#define RF_TESTS_SLOW_H

#include <stdbool.h>
#include <stdlib.h>

/* quick: whether the case is one of those that test_NAME runs. */
static inline bool runs_here(bool quick) {
#ifdef SLOW
    return !quick;
#else
    return quick;
#endif
}

/* Whether scripts/run_tests.sh --quick runs the program. */
static inline bool in_quick_loop(void) {
    return getenv("RF_QUICK") != NULL;
}

#endif
