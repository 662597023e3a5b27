/* SPDX-License-Identifier: Apache-2.0 */
/* tensorrtx's weight files: a line with the number of arrays, then a line an array: name, number of values, each value
 * as the eight hexadecimal digits of its float. Names and order of values are PyTorch's. */
#ifndef RF_EXPORT_WTS_H
#define RF_EXPORT_WTS_H

#include <stddef.h>

#include "core/status.h"

typedef struct rf_wts_array {
    char *name;
    float *values;
    size_t count;
} rf_wts_array;

typedef struct rf_wts {
    rf_wts_array *arrays;
    size_t count;
} rf_wts;

/* Reads a whole file; RF_ERR_FORMAT names the line. Free *out in every case. parse: the same from memory. */
rf_status rf_wts_read(const char *path, rf_wts *out);
rf_status rf_wts_parse(const char *path, const char *text, size_t bytes, rf_wts *out);
void rf_wts_free(rf_wts *wts);

#endif
