/* SPDX-License-Identifier: Apache-2.0 */
/* COCO JSON. */
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harness_convert("coco", data, size);
    return 0;
}
