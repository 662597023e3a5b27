/* SPDX-License-Identifier: Apache-2.0 */
/* MXNet's .params files (a list of NDArrays with names, src/ndarray/ndarray.cc and src/c_api: NDArray::Save): u64
 * 0x112, u64 reserved, the arrays, the names. */
#ifndef RF_CORE_MXNET_FILE_H
#define RF_CORE_MXNET_FILE_H

#include <stdbool.h>

#include "core/safetensors.h"

bool rf_mxnet_probe(const uint8_t *data, size_t bytes);

/* The arrays of a file under their names without "arg:" and "aux:", in file order, aligned; each has 1 to 8 dimensions.
 * Takes ownership of `data` (rf_alloc'ed) on success AND failure. RF_ERR_FORMAT: damage, an array without a name or
 * sparse, single signed bytes, formats before 2017 (no magic number). Free with rf_st_free. */
rf_status rf_mxnet_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out);

#endif
