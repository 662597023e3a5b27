/* SPDX-License-Identifier: Apache-2.0 */
/* When a result is written past the caches. */
#ifndef RF_AUTOGRAD_KERNELS_LARGE_H
#define RF_AUTOGRAD_KERNELS_LARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/real.h"

/* Whether so many elements are too large to be found in a cache again by the next op. */
static inline bool rf_is_large(size_t elements) {
    return elements * sizeof(rf_real) > (size_t)12 << 20;
}

#endif
