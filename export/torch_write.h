/* SPDX-License-Identifier: Apache-2.0 */
/* PyTorch's file form since 1.6: a zip archive of stored entries with a protocol-2 pickle of an OrderedDict and one
 * storage a tensor (torch/serialization.py, caffe2/serialize/inline_container.cc). */
#ifndef RF_EXPORT_TORCH_WRITE_H
#define RF_EXPORT_TORCH_WRITE_H

#include "core/safetensors.h"

/* Writes a state_dict of contiguous F32, F64, I64, I32 and U8 tensors in the order given, atomically; the same input
 * gives the same bytes. `config` (NULL: none) becomes the record archive/rf.config, which PyTorch does not look at and
 * core/torch_file.h gives back as metadata "rf.config". RF_ERR_USER above 4 GB, where the form would need zip64. */
rf_status rf_torch_write(const char *path, const rf_st_tensor *tensors, size_t count, const char *config);
/* Whether the file is, byte for byte, what rf_torch_write makes of these; RF_ERR_FORMAT says where it differs. */
rf_status rf_torch_compare(const char *path, const rf_st_tensor *tensors, size_t count, const char *config);

#endif
