/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of rows that rf-data convert reads: byte 0 chooses CSV, YOLO or FDDB. */
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"csv", "yolo", "fddb"};
    if (size < 1) return 0;
    harness_convert(formats[*data % 3], data + 1, size - 1);
    return 0;
}
