/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of core/torch_pickle.h, for its two source files. */
#ifndef RF_CORE_TORCH_PICKLE_IMPL_H
#define RF_CORE_TORCH_PICKLE_IMPL_H

#include "core/torch_pickle.h"

typedef struct rf_pickle_cell {
    size_t value, next; /* next: 1 + index, 0 = end */
} rf_pickle_cell;

struct rf_pickle {
    rf_pickle_value *values;
    rf_pickle_cell *cells;
    size_t *stack; /* indices of values */
    size_t *memo;  /* 1 + index of a value, 0 = empty */
    size_t n_values, cap_values, n_cells, cap_cells, depth, cap_stack, n_memo, cap_memo;
    size_t root;
    /* input */
    const char *path;
    const uint8_t *data;
    size_t size, at;
    bool stopped;
};

#endif
