/* SPDX-License-Identifier: Apache-2.0 */
/* Files as MXNet writes them, for the tests of their reader. */
#ifndef RF_TESTS_MXNET_FIXTURES_H
#define RF_TESTS_MXNET_FIXTURES_H

#include "core/safetensors.h"
#include "core/text.h"

/* Appends a .params file of these arrays (names with their "arg:" or "aux:"); version 1, 2 or 3 of the array's form. */
void mxnet_file(const rf_st_tensor *tensors, size_t count, int version, rf_text *out);

typedef enum mxnet_kind {
    MXNET_MNET,       /* mnet.25 as released */
    MXNET_MNET_LATER, /* as the later code has it */
    MXNET_R50,        /* ResNet-50 as released */
    MXNET_KINDS
} mxnet_kind;
/* insightface's detectors. Every array of the
 * rows of layers/names.def for it, numbers by golden_number as in scripts/golden_import.py. mxnet_network_free. */
void mxnet_network(mxnet_kind kind, rf_st_tensor **tensors, size_t *count);
void mxnet_network_free(rf_st_tensor *tensors, size_t count);

#endif
