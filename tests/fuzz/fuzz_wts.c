/* SPDX-License-Identifier: Apache-2.0 */
/* tensorrtx's weight files. */
#include <assert.h>
#include <string.h>

#include "core/mem.h"
#include "export/wts.h"
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = harness_copy(data, size);
    rf_wts wts;
    harness_begin();
    rf_status status = rf_wts_parse("fuzz.wts", (const char *)copy, size, &wts);
    harness_end(status);
    for (size_t i = 0; i < wts.count && status == RF_OK; i++) {
        assert(*wts.arrays[i].name);
        harness_touch(wts.arrays[i].values, wts.arrays[i].count * sizeof *wts.arrays[i].values);
    }
    rf_wts_free(&wts);
    rf_free(copy);
    return 0;
}
