/* SPDX-License-Identifier: Apache-2.0 */
/* The objects inside a PyTorch file's pickle, read by a small interpreter that never runs anything: it knows the few
 * classes that a state_dict is made of; an object of any other class becomes an opaque value. Used by
 * core/torch_file.c. */
#ifndef RF_CORE_TORCH_PICKLE_H
#define RF_CORE_TORCH_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum rf_pickle_type {
    RF_PICKLE_OPAQUE, /* anything that does not matter here: floats, big integers, unknown classes and their objects */
    RF_PICKLE_MARK,
    RF_PICKLE_NONE,
    RF_PICKLE_BOOL,
    RF_PICKLE_INT,
    RF_PICKLE_TEXT,
    RF_PICKLE_LIST,    /* also tuples */
    RF_PICKLE_DICT,    /* items: key, value, key, value ... in order of insertion */
    RF_PICKLE_CLASS,   /* text: the name without its module */
    RF_PICKLE_STORAGE, /* items of the persistent id: "storage", class, key, location, number of elements, view */
    RF_PICKLE_TENSOR,  /* items: storage, offset, sizes, strides, ... (arguments of torch._utils._rebuild_tensor_v2) */
} rf_pickle_type;

typedef struct rf_pickle_value {
    rf_pickle_type type;
    int64_t integer;     /* INT, BOOL */
    const uint8_t *text; /* TEXT, CLASS: `bytes` bytes inside the pickle, not terminated */
    size_t bytes;
    size_t first, last, n; /* items: 1 + index of the first and last cell, how many */
} rf_pickle_value;

typedef struct rf_pickle rf_pickle;

/* Reads one pickle of at most `size` bytes; *used gets its length. The values point into `data`, which must outlive
 * them. RF_ERR_FORMAT names the byte where it went wrong. Free with rf_pickle_free (NULL allowed). */
rf_status rf_pickle_read(const char *path, const uint8_t *data, size_t size, size_t *used, rf_pickle **out);
void rf_pickle_free(rf_pickle *pickle);

/* Every value that was made, in order: 0 <= index < rf_pickle_count. */
size_t rf_pickle_count(const rf_pickle *pickle);
const rf_pickle_value *rf_pickle_at(const rf_pickle *pickle, size_t index);
/* What the pickle holds. */
const rf_pickle_value *rf_pickle_root(const rf_pickle *pickle);
/* Walks the items of a list, dictionary, storage or tensor: *cell starts at value->first; NULL at the end. */
const rf_pickle_value *rf_pickle_next(const rf_pickle *pickle, size_t *cell);
/* Item number `index`, or NULL. */
const rf_pickle_value *rf_pickle_item(const rf_pickle *pickle, const rf_pickle_value *value, size_t index);
/* Value of a dictionary's text key, or NULL. */
const rf_pickle_value *rf_pickle_get(const rf_pickle *pickle, const rf_pickle_value *dict, const char *key);
/* Whether a TEXT or CLASS is `text`; false for NULL and other types. */
bool rf_pickle_is(const rf_pickle_value *value, const char *text);

#endif
