/* SPDX-License-Identifier: Apache-2.0 */
/* Pascal VOC's XML. */
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harness_convert("voc", data, size);
    return 0;
}
