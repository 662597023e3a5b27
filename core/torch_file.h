/* SPDX-License-Identifier: Apache-2.0 */
/* PyTorch weight files (.pth, .pt, .tar): both the zip form and the older form of plain pickles. Nothing in the file is
 * executed. */
#ifndef RF_CORE_TORCH_FILE_H
#define RF_CORE_TORCH_FILE_H

#include <stdbool.h>

#include "core/safetensors.h"

/* Whether the first bytes are those of a PyTorch file. */
bool rf_torch_probe(const uint8_t *data, size_t bytes);

/* The tensors of the state_dict in the file: the dictionary itself, or the one under "state_dict", "model_state_dict"
 * or "model". A copy in C order whatever strides the file has, under the file's names. Float32, float64, int64, int32,
 * uint8 and bool; other types, views and compressed archives are refused. RF_ERR_FORMAT tells what is damaged or
 * missing. rf_st_free it. */
rf_status rf_torch_read(const char *path, rf_st_file **out);
/* The same from memory; takes ownership of `data` (rf_alloc'ed) on success and failure. `path` is for messages. */
rf_status rf_torch_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out);

#endif
